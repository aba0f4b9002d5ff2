// Starts the service under `wrangler dev`, and the orchestrator, as processes of their own. Ports are free ones
// and state goes where the caller says, so that runs side by side do not meet.
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { Child } from './child.ts';
import { devSetting } from './dev-settings.ts';
import { OrchestratorClient } from './orchestrator/client.ts';

const READY_TIMEOUT_MS = 60_000;
// wrangler's own bin would put one more process between, which passes no signals on.
const WRANGLER = createRequire(import.meta.url).resolve('wrangler');
/** Beside the service's own, the way to the bucket that artifact-door.ts leads to. */
const WITH_ARTIFACT_STORE = ['-c', 'wrangler.toml', '-c', 'test/support/workerd/artifact-worker.toml'];
/** Below what systems hand out for outgoing connections, so that a port stays free while a service restarts. */
const PORTS = { from: 20_000, to: 32_000 } as const;
const SHARES = 16;
const SHARE = (PORTS.to - PORTS.from) / SHARES;
/** Each worker of the tests has ports of its own, so that none takes one that another's service is to have again. */
const OWN = { from: PORTS.from + (Number(process.env.VITEST_POOL_ID ?? 0) % SHARES) * SHARE, count: SHARE };
let drawn = Math.floor(Math.random() * OWN.count);
const RELEASE_TIMEOUT_MS = 15_000;

export interface ServiceOptions {
  /** Default: any free one. */
  port?: number;
  /** Where dispatches are POSTed; default: as .dev.vars says. */
  orchestratorUrl?: string;
  /** Default: where `wrangler dev` keeps its state. */
  persistTo?: string;
  /** Settings in place of those of wrangler.toml and .dev.vars. Others can read a command line: no secrets. */
  vars?: Record<string, string | number>;
  /** Settings in place of all of .dev.vars. */
  envFile?: string;
  /** Serves wrangler's local explorer too: a console over all that is stored, for whoever reaches the port; it also keeps a trace of every request. */
  explorer?: boolean;
  /** Runs the way to the local bucket beside it, for an artifact door to find under this path. */
  artifactRegistry?: string;
  onLine?: (line: string) => void;
}

export interface Service {
  url: string;
  port: number;
  child: Child;
  stop(): Promise<void>;
  /** SIGKILL to the runtime together with who started it, which would start it anew. */
  kill(): Promise<void>;
}

/** Resolves once the service answers; rejects with what it said when it does not. */
export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const { orchestratorUrl, persistTo, envFile, explorer = false, artifactRegistry, onLine } = options;
  const registryPath =
    artifactRegistry ?? (persistTo === undefined ? undefined : join(persistTo, 'registry'));
  const port = options.port ?? (await freePort());
  const url = `http://127.0.0.1:${port}`;
  const vars = {
    PUBLIC_BASE_URL: url,
    ...(orchestratorUrl === undefined ? {} : { ORCHESTRATOR_URL: orchestratorUrl }),
    ...options.vars,
  };
  const child = new Child(
    [
      WRANGLER,
      ...['dev', '--ip', '127.0.0.1', '--port', String(port), '--inspector-port', '0'],
      ...['--show-interactive-dev-session', 'false'],
      ...(artifactRegistry === undefined ? [] : WITH_ARTIFACT_STORE),
      ...(persistTo === undefined ? [] : ['--persist-to', persistTo]),
      ...(envFile === undefined ? [] : ['--env-file', envFile]),
      ...Object.entries(vars).flatMap(([name, value]) => ['--var', `${name}:${value}`]),
    ],
    {
      onLine,
      // wrangler announces what runs to other instances; one with state of its own stays unseen.
      env: {
        ...QUIET,
        X_LOCAL_EXPLORER: String(explorer),
        // A trace of every request, for whoever looks at it there: everything takes about twice as long.
        X_LOCAL_OBSERVABILITY: String(explorer),
        ...(registryPath === undefined ? {} : { WRANGLER_REGISTRY_PATH: registryPath }),
      },
    },
  );
  try {
    await answers(child, `${url}/healthz`);
  } catch (error) {
    await child.kill();
    throw error;
  }
  return {
    url,
    port,
    child,
    stop: () => child.stop(),
    kill: () => child.kill(),
  };
}

/** No telemetry, no look-ups, no log files. */
const QUIET = {
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  FORCE_COLOR: '0',
  NODE_NO_WARNINGS: '1',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_WRITE_LOGS: 'false',
};

export interface OrchestratorProcess {
  url: string;
  /** Where dispatches are POSTed. */
  dispatchesUrl: string;
  client: OrchestratorClient;
  child: Child;
  stop(): Promise<void>;
}

export interface OrchestratorProcessOptions {
  /** Default: any free one. */
  port?: number;
  stepMs?: number;
  /** Keeps what was received and executed over a restart. */
  logFile?: string;
  /** Where what it makes is put. */
  storeUrl?: string;
  /** Default: this machine's. */
  signingSecret?: string;
  onLine?: (line: string) => void;
}

/** Resolves once the orchestrator listens. */
export async function startOrchestratorProcess(
  options: OrchestratorProcessOptions = {},
): Promise<OrchestratorProcess> {
  const { port = 0, stepMs, logFile, storeUrl, onLine } = options;
  const signingSecret = options.signingSecret ?? devSetting('DISPATCH_SIGNING_SECRET');
  const child = new Child(
    [
      join(import.meta.dirname, 'orchestrator/main.ts'),
      ...['--port', String(port)],
      ...(stepMs === undefined ? [] : ['--step-ms', String(stepMs)]),
      ...(logFile === undefined ? [] : ['--log', logFile]),
      ...(storeUrl === undefined ? [] : ['--store', storeUrl]),
      ...(onLine ? [] : ['--quiet']),
    ],
    { onLine, env: { DISPATCH_SIGNING_SECRET: signingSecret } },
  );
  const line = await child.line(/http:\/\/\S+/);
  const [url = ''] = /http:\/\/\S+/.exec(line) ?? [];
  return {
    url,
    dispatchesUrl: `${url}/dispatches`,
    client: new OrchestratorClient(url),
    child,
    stop: () => child.stop(),
  };
}

/** The preferred port if it is free, else any other that is. */
export async function freePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await isFree(preferred))) return preferred;
  for (;;) {
    // One after the other, since one that was given out may not be in use yet.
    const port = OWN.from + (drawn++ % OWN.count);
    if (await isFree(port)) return port;
  }
}

/** Resolves once nobody has it: the threads of who was killed let go of it one after the other, on a busy machine late. */
export async function untilFree(port: number): Promise<void> {
  const until = Date.now() + RELEASE_TIMEOUT_MS;
  while (!(await isFree(port))) {
    if (Date.now() > until) throw new Error(`port ${port} is still taken after ${RELEASE_TIMEOUT_MS} ms`);
    await sleep(20);
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

async function answers(child: Child, url: string): Promise<void> {
  let ended: string | null = null;
  child.exited.then((how) => {
    ended = how;
  });
  const until = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    const isUp = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ended !== null) throw new Error(`the service ended (${ended}):\n${child.output}`);
    if (isUp) return;
    if (Date.now() > until) throw new Error(`the service does not answer at ${url}:\n${child.output}`);
    await sleep(50);
  }
}
