// `/control`: how tests and the demo set plans, read the log, wait for it, and release what is held.
// Answers loopback callers only, by a loopback name, since the log holds callback tokens: a page whose own name leads
// here is a loopback caller too.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Dispatches } from './dispatches.ts';
import type { Executor } from './executor.ts';
import { type Reply, readBody, reply } from './http.ts';
import type { Journal } from './journal.ts';
import { waitForSchema } from './log.ts';
import { planSchema } from './plan.ts';
import type { PlanBook } from './plan-book.ts';
import type { Gate, Pulse } from './pulse.ts';

export type ControlDeps = {
  journal: Journal;
  plans: PlanBook;
  executor: Executor;
  dispatches: Dispatches;
  gate: Gate;
  pulse: Pulse;
};

const waitQuerySchema = z.object({
  job_id: z.string().min(1).optional(),
  what: waitForSchema,
  count: z.coerce.number().int().min(0).default(1),
  timeout_ms: z.coerce.number().int().min(0).max(600_000).default(10_000),
});

const notFound: Reply = { status: 404, body: { error: 'not found' } };

export async function control(
  deps: ControlDeps,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  const isFromHere = ['127.0.0.1', '::1', '::ffff:127.0.0.1'].includes(request.socket.remoteAddress ?? '');
  if (!isFromHere || !isLoopbackHost(request.headers.host))
    return reply(response, { status: 403, body: { error: 'loopback only' } });
  reply(response, await route(deps, request, response, url));
}

/** With any port, and in any of the names that a machine has for itself. */
function isLoopbackHost(host: string | undefined): boolean {
  const hostname = URL.parse(`http://${host}`)?.hostname ?? '';
  return ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
}

async function route(
  { journal, plans, gate, ...deps }: ControlDeps,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<Reply> {
  const [, , resource, encodedId, ...rest] = url.pathname.split('/');
  const id = encodedId === undefined ? '' : decodeURIComponent(encodedId);
  if (rest.length > 0) return notFound;
  const jobId = url.searchParams.get('job_id') ?? undefined;
  switch (`${request.method} ${resource}${id === '' ? '' : '/id'}`) {
    case 'GET plans':
      return { status: 200, body: plans.all() };
    case 'PUT plans/id': {
      const parsed = planSchema.safeParse(parseJson(await readBody(request, 1024 * 1024)));
      if (!parsed.success) return invalid('the plan is not valid', parsed.error);
      plans.put(id, parsed.data);
      return { status: 204 };
    }
    case 'DELETE plans/id':
      plans.delete(id);
      return { status: 204 };
    case 'GET log':
      return { status: 200, body: journal.read(jobId) };
    case 'DELETE log':
      journal.append({ kind: 'cleared', job_id: jobId ?? null });
      return { status: 204 };
    case 'POST release/id':
      return { status: 200, body: { released: gate.release(id) } };
    case 'GET wait': {
      const query = waitQuerySchema.safeParse(Object.fromEntries(url.searchParams));
      if (!query.success) return invalid('the query is not valid', query.error);
      return wait({ journal, plans, gate, ...deps }, response, query.data);
    }
    default:
      return notFound;
  }
}

async function wait(
  { journal, executor, dispatches, gate, pulse }: ControlDeps,
  response: ServerResponse,
  { job_id: jobId, what, count, timeout_ms: timeoutMs }: z.infer<typeof waitQuerySchema>,
): Promise<Reply> {
  if ((what === 'idle' || what === 'held') && jobId === undefined) {
    return { status: 400, body: { error: `job_id is required to wait for ${what}` } };
  }
  const job = jobId ?? '';
  const holds = (): boolean => {
    switch (what) {
      case 'idle':
        return !executor.isRunning(job) && !dispatches.isReceiving(job);
      case 'held':
        return gate.held(job) >= count;
      default:
        return journal.read(jobId)[what].length >= count;
    }
  };
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const reached = await pulse.until(holds, timeoutMs, gone.signal);
  return reached
    ? { status: 200, body: journal.read(jobId) }
    : { status: 504, body: { timeout: true, log: journal.read(jobId) } };
}

function invalid(error: string, { issues }: z.ZodError): Reply {
  const named = issues.map(({ path, message }) => ({ field: path.join('.'), message }));
  return { status: 400, body: { error, issues: named } };
}

function parseJson(text: string | null): unknown {
  try {
    return text === null ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
