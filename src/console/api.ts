// The only way to the API: calls by the types of the contract, and whatever comes of them as one of two forms. A body that was
// refused, an answer that never came and one that is no JSON are all a `Refusal`.
import createClient from 'openapi-fetch';
import type { components, paths } from '../../dist/api.ts';
import { sessionEnded } from './session-state.ts';

export type Schemas = components['schemas'];
export type Job = Schemas['Job'];
export type JobSummary = Schemas['JobSummary'];
export type JobStatus = Schemas['JobStatus'];
export type Project = Schemas['Project'];
export type Transition = Schemas['Transition'];
export type Attempt = Schemas['Attempt'];
export type Version = Schemas['ArtifactVersion'];
export type Dispatch = Schemas['Dispatch'];
export type Plan = Schemas['Plan'];
export type OfferedPlan = Schemas['OfferedPlan'];
export type StagePlan = Schemas['StagePlan'];
export type ResumeStatus = Schemas['ResumeStatus'];
export type Operation = Schemas['Operation'];
export type OperationSummary = Schemas['OperationSummary'];
export type NextAction = Schemas['NextAction'];

/** What is known of a request that was not done: the API's own problem, or that there was no answer. */
export interface Refusal {
  code: string;
  /** 0 where there was no answer. */
  status: number;
  title: string;
  detail: string | null;
  details: Record<string, unknown>;
  /** Whether the same request may be answered otherwise later. */
  retryable: boolean;
  retryAfterSeconds: number | null;
}

export type Answer<T> = { ok: true; data: T; response: Response } | { ok: false; refusal: Refusal };

/** Longer than the service makes anybody wait. */
const TIMEOUT_MS = 45_000;

export type Client = ReturnType<typeof createClient<paths>>;
const client: Client = createClient<paths>({ baseUrl: location.origin });

interface Reply<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Never throws. An answer that says that the session is over also ends it for the whole page. */
export async function ask<T>(
  call: (client: Client, signal: AbortSignal) => Promise<Reply<T>>,
  signal?: AbortSignal,
): Promise<Answer<T>> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const reply = await call(client, signal ? AbortSignal.any([signal, timeout]) : timeout);
    if (reply.response.ok) return { ok: true, data: reply.data as T, response: reply.response };
    const refusal = toRefusal(reply.error, reply.response);
    if (refusal.status === 401) sessionEnded();
    return { ok: false, refusal };
  } catch {
    return { ok: false, refusal: signal?.aborted ? LEFT : UNREACHABLE };
  }
}

const NO_ANSWER = { status: 0, detail: null, details: {}, retryable: true, retryAfterSeconds: null };
const UNREACHABLE: Refusal = { ...NO_ANSWER, code: 'UNREACHABLE', title: 'There was no answer.' };
/** The view that asked is gone. */
const LEFT: Refusal = { ...NO_ANSWER, code: 'LEFT', title: 'Nobody waits for the answer.' };

/** Whatever stands between may answer in words of its own. */
function toRefusal(body: unknown, { status, headers }: Response): Refusal {
  const said: Record<string, unknown> = typeof body === 'object' && body !== null ? { ...body } : {};
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  const retryAfter = Number(headers.get('retry-after'));
  return {
    code: text(said.error_code) ?? `HTTP_${status}`,
    status,
    title: text(said.title) ?? `The answer was ${status}.`,
    detail: text(said.detail),
    details: typeof said.details === 'object' && said.details !== null ? { ...said.details } : {},
    retryable: said.retryable === true || status >= 500,
    retryAfterSeconds: retryAfter > 0 ? retryAfter : null,
  };
}

/** All pages of a list, up to a number of them that no view shows more of. */
export async function askAll<T>(
  page: (cursor: string | undefined) => Promise<Answer<{ items: T[]; next_cursor: string | null }>>,
  mostPages = 20,
): Promise<Answer<T[]>> {
  const items: T[] = [];
  let cursor: string | undefined;
  for (let count = 0; ; count += 1) {
    const answer = await page(cursor);
    if (!answer.ok) return answer;
    items.push(...answer.data.items);
    cursor = answer.data.next_cursor ?? undefined;
    if (cursor === undefined || count + 1 === mostPages) return { ...answer, data: items };
  }
}
