// Runs suites of the repository's own tests in a process of their own, at another scale, and reads what they print.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const VITEST = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');

const TIMEOUT_MS = 30 * 60_000;

export interface TestsToRun {
  directory: string;
  project: string;
  files: readonly string[];
  env: Record<string, string>;
  /** Whether the first test that fails ends the run. */
  stopsAtFailure?: boolean;
}

export interface Run {
  isGreen: boolean;
  /** Tests that failed; 0 also when none could be run. */
  failed: number;
  output: string;
  /** What the tests printed after the word "soak". */
  figures: Record<string, unknown>[];
}

export function runTests({
  directory,
  project,
  files,
  env,
  stopsAtFailure = false,
}: TestsToRun): Promise<Run> {
  const options = ['--project', project, '--bail', stopsAtFailure ? '1' : '0'];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [VITEST, 'run', ...options, ...files], {
      cwd: directory,
      env: { ...process.env, ...env, SOAK: '1', NO_COLOR: '1', FORCE_COLOR: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // Longer than any part takes: what hangs is killed, and is no finding.
    const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
    let output = '';
    const take = (chunk: Buffer) => {
      output += chunk;
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.once('error', reject);
    child.once('close', (status) => {
      clearTimeout(timer);
      const failed = /^\s*Tests\s.*?(\d+) failed/m.exec(output)?.[1] ?? '0';
      resolve({
        isGreen: status === 0,
        failed: Number(failed),
        output,
        figures: [...output.matchAll(/^soak (\{.*\})$/gm)].map(([, json = '{}']) => JSON.parse(json)),
      });
    });
  });
}
