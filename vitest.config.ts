// Four kinds of tests: pure code in plain Node, the service inside real workerd with real queues, end to end against the service as it
// ships in a process of its own, and by the console in a real browser. The orchestrator is always a second process.
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { cloudflareTest } from '@cloudflare/vitest-pool-workers';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';
import { keepTemporaryFilesInMemory } from './test/support/temporary-files.ts';

keepTemporaryFilesInMemory();

const ASSERTING = {
  expect: {
    /** A test that never came to an expectation has shown nothing: its list was empty, or its loop, or its query's result. */
    requireAssertions: true,
    /** What is waited for comes when it comes: how busy the machine is decides nothing. */
    poll: { timeout: 20_000 },
  },
};

/** The service within real workerd. */
const service = cloudflareTest(({ inject }) => ({
  wrangler: { configPath: './wrangler.toml' },
  miniflare: {
    bindings: {
      PUBLIC_BASE_URL: 'http://127.0.0.1:8787',
      JURISDICTION: '',
      // Shorter than by default: tests that wait for them take their time.
      DISPATCH_WAIT_SECONDS: 10,
      ORCHESTRATOR_TIMEOUT_SECONDS: 2.5,
      ORCHESTRATOR_URL: inject<string>('orchestratorUrl'),
      CONTROL_URL: inject<string>('controlUrl'),
      CALLBACK_TOKEN_KEYS: 'test-callback-key-of-today-0123456789,test-callback-key-of-yesterday-01',
      ID_KEYS: 'test-id-key-of-today-0123456789012345,test-id-key-of-yesterday-01234567',
      DISPATCH_SIGNING_SECRET: inject<string>('signingSecret'),
      DEV_AUTH_PUBLIC_JWK: inject<string>('publicJwk'),
      TEST_PRIVATE_JWK: inject<string>('privateJwk'),
      ...(process.env.FAULT_HISTORIES ? { FAULT_HISTORIES: process.env.FAULT_HISTORIES } : {}),
      ...(process.env.SEED ? { SEED: process.env.SEED } : {}),
    },
  },
}));

export default defineConfig({
  test: {
    // A soak reads the figures that its tests print.
    silent: process.env.SOAK ? false : 'passed-only',
    // Two more than there are cores: a file that waits, for a pause between attempts, an alarm or a process that starts, leaves its
    // core to another.
    maxWorkers: availableParallelism() + 2,
    sequence: { sequencer: LongestFirst },
    // The files of a process share its modules, which hold nothing that one file changes for another, and its browser: to load them
    // anew for each takes a tenth of it all. Those of the simulation, which put others in their place, have processes of their own.
    projects: [
      {
        test: {
          ...ASSERTING,
          name: 'pure',
          isolate: false,
          include: [
            'test/domain/**/*.test.ts',
            'test/rules/**/*.test.ts',
            'test/contract/**/*.test.ts',
            'test/client/**/*.test.ts',
            'test/docs/**/*.test.ts',
            'test/cost/{budget,bundle}.test.ts',
          ],
          // Hundreds of runs of a property take seconds on a slow machine, and that says nothing about them.
          testTimeout: 60_000,
        },
      },
      {
        resolve: {
          alias: {
            'cloudflare:workers': fileURLToPath(
              new URL('test/simulation/cloudflare-workers.ts', import.meta.url),
            ),
          },
        },
        test: {
          ...ASSERTING,
          name: 'simulation',
          include: ['test/simulation/**/*.test.ts'],
          testTimeout: 600_000,
        },
      },
      {
        test: {
          ...ASSERTING,
          name: 'orchestrator',
          isolate: false,
          include: ['test/orchestrator/**/*.test.ts', 'test/conformance/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
      {
        plugins: [service],
        // Each working copy's own, also where it links to the packages of another.
        cacheDir: 'dist/vite',
        test: {
          ...ASSERTING,
          name: 'workerd',
          // The files of a worker share its runtime: a new one for each would take as long again as half of their tests. Each looks
          // only at what is its own, since jobs of others may still be at work, or comes before those (`UNDISTURBED`).
          isolate: false,
          include: [
            'test/http/**/*.test.ts',
            'test/actor/**/*.test.ts',
            'test/dispatch/**/*.test.ts',
            'test/faults/**/*.test.ts',
            'test/cost/{names,operations,viewers}.test.ts',
          ],
          globalSetup: ['test/support/global-setup.ts'],
          setupFiles: [
            'test/support/workerd/one-proxy.ts',
            'test/support/workerd/lines.ts',
            'test/support/workerd/one-import.ts',
          ],
          testTimeout: 30_000,
          // Each runtime is handed every module by its test runner: of a package one, and not a hundred.
          deps: {
            optimizer: {
              ssr: {
                enabled: true,
                include: [
                  ...['@asteasolutions/zod-to-openapi', 'jose', 'oauth4webapi', 'zod'],
                  ...['hono', 'hono/accepts', 'hono/cookie', 'hono/factory'],
                ],
              },
            },
          },
        },
      },
      {
        test: {
          ...ASSERTING,
          name: 'e2e',
          isolate: false,
          globalSetup: ['test/support/runtime/bundle-setup.ts'],
          include: ['test/e2e/**/*.test.ts', 'test/fuzz/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          ...ASSERTING,
          name: 'console',
          isolate: false,
          globalSetup: ['test/support/runtime/bundle-setup.ts', 'test/console/browser.ts'],
          include: ['test/console/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
