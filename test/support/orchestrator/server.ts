// Puts the orchestrator together and serves it over HTTP. In a process of its own it is main.ts's.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { ArtifactStore } from './artifact-store.ts';
import { control } from './control.ts';
import { Dispatches } from './dispatches.ts';
import { Executor } from './executor.ts';
import { reply } from './http.ts';
import { Journal } from './journal.ts';
import type { Misbehaviour } from './misbehaviour.ts';
import { PlanBook } from './plan-book.ts';
import { Gate, Pulse } from './pulse.ts';

export type OrchestratorOptions = {
  /** Standard Webhooks secrets (`whsec_…`), at least one; a dispatch signed with any of them is good. */
  secrets: readonly string[];
  /** Default 0: any free port. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** Default time before each callback, in milliseconds; default 300. */
  stepMs?: number;
  /** First wait before an unanswered callback is repeated, in milliseconds; default 200. */
  callbackBackoffMs?: number;
  /** Where what it makes is put; without it there are names alone. */
  storeUrl?: string;
  /** How it breaks the contract; default: not at all. */
  misbehave?: readonly Misbehaviour[];
  /** Where the log is kept; without it, in memory only. */
  logFile?: string;
  /** Default false: one line per dispatch and callback to stdout. */
  quiet?: boolean;
};

export type Orchestrator = { url: string; port: number; close: () => Promise<void> };

/** Resolves once it listens; rejects when a secret, the log file or the address is no good. */
export async function startOrchestrator(options: OrchestratorOptions): Promise<Orchestrator> {
  if (options.secrets.length === 0) throw new Error('at least one signing secret is required');
  const webhooks = options.secrets.map(toWebhook);
  const host = options.host ?? '127.0.0.1';
  const say = options.quiet ? () => {} : (line: string) => console.log(line);

  const stopping = new AbortController();
  const shutdown = stopping.signal;
  const pulse = new Pulse();
  const gate = new Gate(pulse);
  const plans = new PlanBook();
  const journal = new Journal(pulse, options.logFile);
  const { stepMs = 300, callbackBackoffMs = 200 } = options;
  const misbehave = new Set(options.misbehave);
  const shared = { journal, plans, gate, pulse, shutdown, misbehave, say };
  const store = options.storeUrl === undefined ? null : new ArtifactStore(options.storeUrl);
  const executor = new Executor({ ...shared, stepMs, callbackBackoffMs, store });
  const dispatches = new Dispatches({ ...shared, webhooks, executor });

  const serve = (request: IncomingMessage, response: ServerResponse): Promise<void> | void => {
    const url = new URL(request.url ?? '/', 'http://orchestrator');
    if (url.pathname.startsWith('/control/')) {
      return control({ journal, plans, executor, dispatches, gate, pulse }, request, response, url);
    }
    switch (`${request.method} ${url.pathname}`) {
      case 'POST /dispatches':
        return dispatches.receive(request, response);
      case 'GET /healthz':
        return reply(response, { status: 200, body: { ok: true } });
      default:
        return reply(response, { status: 404, body: { error: 'not found' } });
    }
  };

  const server = createServer(async (request, response) => {
    try {
      await serve(request, response);
    } catch (error) {
      // A caller that went away, or the shutdown: there is nobody to answer.
      if (shutdown.aborted || response.destroyed) return;
      say(`error: ${String(error)}`);
      if (!response.headersSent) reply(response, { status: 500, body: { error: 'internal' } });
    }
  });
  // Longer than callers keep idle connections, or a reused one may be closed under a dispatch.
  server.keepAliveTimeout = 120_000;

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');

  return {
    url: `http://${host}:${address.port}`,
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        stopping.abort();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function toWebhook(secret: string, index: number): Webhook {
  try {
    return new Webhook(secret);
  } catch {
    // The library's message is vague, and the secret itself must not be printed.
    throw new Error(`signing secret ${index + 1} is not whsec_ and base64`);
  }
}
