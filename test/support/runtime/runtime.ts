// Runs a Worker as it ships, on the runtime alone: bundled by wrangler, served by workerd on a socket of its own,
// without the proxies that `wrangler dev` puts in front of it.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4WorkerOptions } from 'miniflare';
import type { BundledWorker } from './bundle.ts';

const ARTIFACT_WORKER = join(import.meta.dirname, '../workerd/artifact-worker.ts');

export interface Runtime {
  url: string;
  /** From starting the runtime until it has answered a first request. */
  startMs: number;
  /** Its local R2 bucket that is bound by this name. */
  bucket(binding: string): ReturnType<Miniflare['getR2Bucket']>;
  stop(): Promise<void>;
}

type Vars = Record<string, string | number>;

export interface RuntimeOptions {
  worker: BundledWorker;
  port: number;
  /** Settings in place of the configuration's. */
  vars: Vars;
  /** Whether objects that have been idle for ten seconds are put to sleep, as on Cloudflare. Otherwise none is, ever. */
  evicts: boolean;
  /** Where it keeps its state; default: a directory that goes with it. */
  persistTo?: string;
  /** Whether it serves its files too: the local runtime then puts a Worker of its own before it. */
  servesAssets?: boolean;
  /** Where the way to its bucket answers, artifact-worker.ts, for who stands in for a pipeline; default: nowhere. */
  artifactsPort?: number;
  /** Called with each line that it logs. */
  onLine?: (line: string) => void;
  /** Called when workerd has ended by itself; Miniflare starts it again without a word. */
  onCrash?: (how: string) => void;
}

/** Starts it; resolves once it has answered. */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { worker, port, vars, evicts, servesAssets = false, artifactsPort, onLine, onCrash } = options;
  const directory = options.persistTo ?? mkdtempSync(join(tmpdir(), 'retake-runtime-'));
  const remove = () => {
    if (options.persistTo === undefined) rmSync(directory, { recursive: true, force: true });
  };
  process.once('exit', remove);
  const { assets, bindings, durableObjects: objects = {}, ...bound } = worker.options;
  const startedAt = performance.now();
  const service: V4WorkerOptions = {
    ...bound,
    ...(servesAssets && assets ? { assets } : {}),
    name: 'service',
    modules: [{ type: 'ESModule', path: 'index.js', contents: worker.code }],
    bindings: { ...bindings, ...vars },
    durableObjects: Object.fromEntries(
      Object.entries(objects).map(([binding, object]) => [
        binding,
        { ...(typeof object === 'string' ? { className: object } : object), unsafePreventEviction: !evicts },
      ]),
    ),
    unsafeDirectSockets: [{ host: '127.0.0.1', port }],
  };
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      // Without a reader they would be printed.
      handleStructuredLogs: ({ message }) => onLine?.(message),
      log: new Crashes(onCrash),
      unsafeHandleRuntimeRestart: () => onCrash?.('workerd has ended, and was started again'),
      resourcePersistencePath: directory,
      workers: [service, ...(artifactsPort === undefined ? [] : [artifactStore(artifactsPort, worker)])],
    }),
  );
  await miniflare.ready;
  const url = (await miniflare.unsafeGetDirectURL('service')).origin;
  await (await fetch(url)).arrayBuffer();
  const startMs = performance.now() - startedAt;
  return {
    url,
    startMs,
    bucket: (binding) => miniflare.getR2Bucket(binding, 'service'),
    stop: async () => {
      await miniflare.dispose();
      process.off('exit', remove);
      remove();
    },
  };
}

/** Says that workerd could not be started again; nothing else is an error of the local runtime's own. */
class Crashes extends Log {
  readonly #onCrash: RuntimeOptions['onCrash'];

  constructor(onCrash: RuntimeOptions['onCrash']) {
    super(LogLevel.NONE);
    this.#onCrash = onCrash;
  }

  override error(message: Error): void {
    this.#onCrash?.(String(message));
  }
}

/** Beside the Worker, since two runtimes with one bucket open would fail each other's writes. */
const artifactStore = (
  port: number,
  { options: { compatibilityDate = '', r2Buckets = {} } }: BundledWorker,
): V4WorkerOptions => ({
  name: 'artifact-store',
  compatibilityDate,
  modules: [
    {
      type: 'ESModule',
      path: 'index.js',
      contents: stripTypeScriptTypes(readFileSync(ARTIFACT_WORKER, 'utf8')),
    },
  ],
  r2Buckets,
  unsafeDirectSockets: [{ host: '127.0.0.1', port }],
});
