// The service as it ships, a process of its own: the runtime alone, of a bundle that is made once.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { within } from '../../../src/time-limit.ts';
import { Child } from '../child.ts';
import { type Service, untilFree } from '../service.ts';

const READY_TIMEOUT_MS = 60_000;
const ROOT = join(import.meta.dirname, '../../..');
/** Names this working copy and the file of its bundle to the processes that this one starts. */
const BUNDLE = 'RETAKE_BUNDLE';

export interface ShippedOptions {
  port: number;
  /** Where dispatches are POSTed. */
  orchestratorUrl: string;
  persistTo: string;
  /** Settings in place of those of wrangler.toml and .dev.vars. Others can read a command line: no secrets but what a test makes up. */
  vars?: Record<string, string | number> | undefined;
  /** Where the way to the local bucket answers. */
  artifactsPort?: number | undefined;
  onLine?: ((line: string) => void) | undefined;
}

let bundling: Promise<string> | undefined;

/** The file of the bundle that who started this process has made, or that this one makes now. */
export async function bundled(): Promise<string> {
  const [of, known] = (process.env[BUNDLE] ?? '').split('\n');
  if (of === ROOT && known) return known;
  bundling ??= bundleService();
  return bundling;
}

/** Bundles the service as it is now, for this process and those that it starts from now on; the bundle goes with this process. */
export async function bundleService(): Promise<string> {
  // Not with this file: wrangler takes a second of every process that loads it.
  const { bundledWorker } = await import('./bundle.ts');
  const directory = mkdtempSync(join(tmpdir(), 'retake-bundle-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'worker.json');
  writeFileSync(path, JSON.stringify(bundledWorker(join(ROOT, 'wrangler.toml'))), { mode: 0o600 });
  process.env[BUNDLE] = `${ROOT}\n${path}`;
  return path;
}

/** Resolves once the service answers; rejects with what it said when it does not. */
export async function startShipped(options: ShippedOptions): Promise<Service> {
  const { port, orchestratorUrl, persistTo, vars, artifactsPort, onLine } = options;
  const url = `http://127.0.0.1:${port}`;
  await Promise.all([port, artifactsPort].map((own) => own && untilFree(own)));
  const child = new Child(
    [
      join(import.meta.dirname, 'main.ts'),
      await bundled(),
      JSON.stringify({
        ...{ port, persistTo, artifactsPort, evicts: true, servesAssets: true },
        vars: { PUBLIC_BASE_URL: url, ORCHESTRATOR_URL: orchestratorUrl, ...vars },
      }),
    ],
    // What the local runtime leaves behind when it is killed goes with the state.
    { onLine, env: { NODE_NO_WARNINGS: '1', TMPDIR: dirname(persistTo) } },
  );
  try {
    await within(READY_TIMEOUT_MS, child.line(/^the service is at /));
  } catch (cause) {
    await child.kill();
    throw new Error(`the service is not up:\n${child.output}`, { cause });
  }
  return { url, port, child, stop: () => child.stop(), kill: () => child.kill() };
}
