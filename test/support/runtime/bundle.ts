// A Worker as it ships: what `wrangler deploy` would upload of it, and what its configuration binds.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { V4WorkerOptionsShape } from 'miniflare';
import { unstable_getMiniflareWorkerOptions } from 'wrangler';

const ROOT = join(import.meta.dirname, '../../..');
const WRANGLER = createRequire(import.meta.url).resolve('wrangler');

/** JSON all through, so that it can be bundled by one process and run by others. Its bindings hold the secrets of .dev.vars. */
export interface BundledWorker {
  /** One ES module. */
  code: string;
  options: V4WorkerOptionsShape;
}

/** What `wrangler deploy` would upload for this configuration. */
export function bundle(configPath: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'retake-bundle-'));
  try {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [WRANGLER, 'deploy', '--dry-run', '--outdir', directory, '--config', configPath],
      {
        // Where the build command of wrangler.toml runs.
        cwd: ROOT,
        encoding: 'utf8',
        env: { ...process.env, WRANGLER_SEND_METRICS: 'false', WRANGLER_WRITE_LOGS: 'false' },
      },
    );
    if (status !== 0) throw new Error(`wrangler cannot bundle ${configPath}:\n${stdout}${stderr}`);
    return readFileSync(join(directory, 'index.js'), 'utf8');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** `code`: what `bundle` has made of this configuration. */
export function bundledWorker(configPath: string, code = bundle(configPath)): BundledWorker {
  const { modulesRules: _rules, ...options } = unstable_getMiniflareWorkerOptions(configPath).workerOptions;
  return { code, options };
}
