// Runs a Worker as it ships, on the runtime alone: bundled by wrangler, served by workerd on a socket of its own,
// without the proxies that `wrangler dev` puts in front of it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { unstable_getMiniflareWorkerOptions } from 'wrangler';

const WRANGLER = createRequire(import.meta.url).resolve('wrangler');

export interface Runtime {
  url: string;
  /** From starting the runtime until it has answered a first request. */
  startMs: number;
  /** Its local R2 bucket that is bound by this name. */
  bucket(binding: string): ReturnType<Miniflare['getR2Bucket']>;
  stop(): Promise<void>;
}

/** What `wrangler deploy` would upload for this configuration. */
export function bundle(configPath: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'retake-bundle-'));
  try {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [WRANGLER, 'deploy', '--dry-run', '--outdir', directory, '--config', configPath],
      {
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

export interface RuntimeOptions {
  configPath: string;
  /** What `bundle` made of it. */
  code: string;
  port: number;
  bindings: Record<string, string | number>;
  /** Whether objects that have been idle for ten seconds are put to sleep, as on Cloudflare. Otherwise none is, ever. */
  evicts: boolean;
}

/** Starts the Worker of this configuration with storage of its own. */
export async function startRuntime({
  configPath,
  code,
  port,
  bindings,
  evicts,
}: RuntimeOptions): Promise<Runtime> {
  const directory = mkdtempSync(join(tmpdir(), 'retake-bench-'));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  process.on('exit', remove);
  const { workerOptions } = unstable_getMiniflareWorkerOptions(configPath);
  // The local runtime puts a Worker of its own before one that has files to serve: the console's are not measured here.
  const { modulesRules: _rules, assets: _files, ...bundled } = workerOptions;
  const { bindings: vars, durableObjects: objects = {}, ...options } = bundled;
  const startedAt = performance.now();
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      // Log lines are read and dropped; without a reader they would be printed.
      handleStructuredLogs: () => {},
      resourcePersistencePath: directory,
      workers: [
        {
          ...options,
          modules: [{ type: 'ESModule', path: 'index.js', contents: code }],
          bindings: { ...(vars as Record<string, string>), ...bindings },
          durableObjects: Object.fromEntries(
            Object.entries(objects as Record<string, { className: string }>).map(([binding, object]) => [
              binding,
              { ...object, unsafePreventEviction: !evicts },
            ]),
          ),
          unsafeDirectSockets: [{ host: '127.0.0.1', port }],
        },
      ],
    }),
  );
  await miniflare.ready;
  const url = (await miniflare.unsafeGetDirectURL()).origin;
  await (await fetch(url)).arrayBuffer();
  const startMs = performance.now() - startedAt;
  return {
    url,
    startMs,
    bucket: (binding) => miniflare.getR2Bucket(binding),
    stop: async () => {
      await miniflare.dispose();
      remove();
    },
  };
}
