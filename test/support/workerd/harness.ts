// For tests inside workerd: callers of the service, a job in any state, and a look at everything it stored.
import {
  createExecutionContext,
  env,
  listDurableObjectIds,
  runInDurableObject,
  SELF,
  waitOnExecutionContext,
} from 'cloudflare:test';
import { importJWK, type JWTPayload, SignJWT } from 'jose';
import { expect, vi } from 'vitest';
import { DEVELOPMENT_AUDIENCE, DEVELOPMENT_ISSUER, requireConfig } from '../../../src/config.ts';
import { type IdPrefix, newId } from '../../../src/contract/ids.ts';
import type { DispatchMessage } from '../../../src/contract/messages.ts';
import worker from '../../../src/index.ts';
import { OrchestratorClient } from '../orchestrator/client.ts';
import type { OrchestratorLog } from '../orchestrator/log.ts';
import { dispatchRecords, presentOf } from './stored.ts';

interface TestEnv {
  CONTROL_URL: string;
  TEST_PRIVATE_JWK: string;
}
const testEnv = env as unknown as Env & TestEnv;

export const orchestrator = new OrchestratorClient(testEnv.CONTROL_URL);

export type TokenClaims = Readonly<Record<string, unknown>>;

/** An editor's token; `claims` replace the usual ones, and undefined leaves one out. */
export async function editorToken(sub: string, claims: TokenClaims = {}): Promise<string> {
  const key = await importJWK(JSON.parse(testEnv.TEST_PRIVATE_JWK), 'ES256');
  const now = Math.floor(Date.now() / 1000);
  const payload: JWTPayload = {
    sub,
    iss: DEVELOPMENT_ISSUER,
    aud: DEVELOPMENT_AUDIENCE,
    iat: now,
    exp: now + 3600,
    ...claims,
  };
  return new SignJWT(payload).setProtectedHeader({ alg: 'ES256' }).sign(key);
}

/** An id that the service gives out, and behind which there is nothing. */
export const missingId = (prefix: IdPrefix): Promise<string> => newId(prefix, requireConfig(env).idKeys);

export interface Reply {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every form
  body: any;
  text: string;
}

interface Asked {
  token?: string;
  body?: unknown;
  headers?: Record<string, string>;
  vars?: Env | undefined;
}

/** One request to the service, as `token` and under `vars`; `body` is sent as JSON. */
export async function call(
  method: string,
  path: string,
  { token, body, headers = {}, vars }: Asked = {},
): Promise<Reply> {
  const init = {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  };
  return send(path, init, vars);
}

/**
 * One request to the service's fetch handler, exactly as `init` says. Not by way of SELF: the pool wraps that in one
 * more proxy with every request, so that the hundredth takes a hundred times as long as the first.
 */
export async function send(path: string, init: RequestInit = {}, vars: Env = env): Promise<Reply> {
  const context = createExecutionContext();
  const response = await worker.fetch(toRequest(path, init), vars, context);
  const reply = await toReply(response);
  await waitOnExecutionContext(context);
  return reply;
}

/** The same through workerd's own HTTP, for what depends on how a request is framed. */
export async function sendOverHttp(path: string, init: RequestInit = {}): Promise<Reply> {
  return toReply(await SELF.fetch(toRequest(path, init)));
}

const toRequest = (path: string, init: RequestInit): Request =>
  new Request(`http://127.0.0.1:8787${path}`, { redirect: 'manual', ...init });

async function toReply(response: Response): Promise<Reply> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') && text !== '';
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : null, text };
}

/** Resolves to a look at which objects of this kind are there that were not when this was asked. */
export async function objectsSince(
  namespace: DurableObjectNamespace,
): Promise<() => Promise<DurableObjectId[]>> {
  const before = new Set((await listDurableObjectIds(namespace)).map(String));
  return async () => (await listDurableObjectIds(namespace)).filter((id) => !before.has(String(id)));
}

/** Every row that a job has stored, by table: equal before and after means nothing was stored. */
export function storedRows(jobId: string): Promise<StoredRows> {
  return runInDurableObject(env.JOB.getByName(jobId), (_actor, state) => allRows(state));
}

export type StoredRows = Record<string, Record<string, unknown>[]>;

/** Every row of an object's database, by table; an object that stored nothing has no table. */
export function allRows({ storage: { sql } }: DurableObjectState): StoredRows {
  const tables = sql
    .exec<{ name: string }>(
      `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'`,
    )
    .toArray();
  const rows: StoredRows = Object.fromEntries(
    tables.map(({ name }) => [name, sql.exec(`SELECT * FROM ${name}`).toArray()]),
  );
  const present = presentOf(sql);
  if (present === null) return rows;
  // Dispatches, withdrawn or not, and when the newest was made are no part of what a job is.
  const { latestDispatchAt: _order, ...job } = present.job;
  return { ...rows, job: [job], dispatch: dispatchRecords(sql).map((record) => ({ ...record })) };
}

/** A job and the token of its editor. */
export interface OwnedJob {
  id: string;
  projectId: string;
  token: string;
}

export interface JobTrace {
  stored: StoredRows;
  /** What its editor is shown. */
  job: string;
  etag: string | null;
  listed: string;
  /** What the orchestrator was sent and did for it. */
  sent: OrchestratorLog;
}

/** Everything that is stored, shown and sent of a job. */
export async function traceOf({ id, projectId, token }: OwnedJob): Promise<JobTrace> {
  const job = await call('GET', `/jobs/${id}`, { token });
  const list = await call('GET', `/projects/${projectId}/jobs`, { token });
  return {
    stored: await storedRows(id),
    job: job.text,
    etag: job.headers.get('etag'),
    listed: list.text,
    sent: await orchestrator.log(id),
  };
}

/** What a list follows: the status, and whether a pipeline is asked for. */
const followedIn = (text: string) => [
  /"status":"\w+"/.exec(text)?.[0],
  text.includes('"open_dispatch":null'),
];

/** The trace of a job once its list has followed what was done to it: else that changes while a refusal is looked at. */
export function settledTraceOf(job: OwnedJob): Promise<JobTrace> {
  const look = async () => {
    const trace = await traceOf(job);
    expect(followedIn(trace.listed)).toEqual(followedIn(trace.job));
    return trace;
  };
  return vi.waitFor(look, { timeout: 10_000, interval: 20 });
}

/** What `act` answers, having neither stored nor sent anything for the job, nor put anything on the queue. */
export async function withoutSideEffect(job: OwnedJob, act: () => Promise<Reply>): Promise<Reply> {
  const { listed: listedBefore, ...before } = await traceOf(job);
  const queued: DispatchMessage[] = [];
  const { send } = env.DISPATCHES;
  env.DISPATCHES.send = (message, ...options) => {
    queued.push(message as DispatchMessage);
    return send.call(env.DISPATCHES, message, ...options);
  };
  let reply: Reply;
  try {
    reply = await act();
  } finally {
    env.DISPATCHES.send = send;
  }
  const { listed, ...after } = await traceOf(job);
  expect(queued.filter(({ job_id }) => job_id === job.id)).toEqual([]);
  expect(after).toEqual(before);
  // Of what was done to the job before, the list may have heard meanwhile.
  if (listed !== listedBefore) expect(followedIn(listed)).toEqual(followedIn(before.job));
  return reply;
}

/**
 * Resolves when everything that was on the dispatch queue at the call has been consumed: two dispatches of another
 * job have travelled through it one after the other, and so in batches of their own.
 */
export async function queueHasPassed(): Promise<void> {
  const token = await editorToken(`barrier-${crypto.randomUUID()}`);
  const project = await call('POST', '/projects', { token, body: { name: 'Barrier' } });
  for (let batch = 0; batch < 2; batch += 1) {
    const { body: job } = await call('POST', `/projects/${project.body.id}/jobs`, { token });
    await orchestrator.plan(job.id, { pipeline: { manual: true } });
    const video = { video_uri: 's3://media/barrier.mp4' };
    await call('POST', `/jobs/${job.id}/confirm-upload`, { token, body: video });
    const run = await call('POST', `/jobs/${job.id}/run`, { token });
    if (run.status !== 202) throw new Error(`the barrier's dispatch did not arrive: ${run.text}`);
  }
}
