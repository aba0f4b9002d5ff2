// The records of a chaos run sorted by job, and what a rule that is broken looks like.
import type { CallbackRecord, ExecutionRecord, RequestRecord } from '../support/orchestrator/log.ts';
import type { Call, ChaosRecords, DispatchRow, FinalJob, TransitionRow } from './chaos-records.ts';

export const VIOLATIONS = [
  'lost',
  'doubled',
  'stuck',
  'two at once',
  'broken 502',
  'broken cancel',
  'audit trail',
  'checkpoint',
  'list',
  'answer',
  'secret',
] as const;
export type ViolationKind = (typeof VIOLATIONS)[number];

export interface Violation {
  kind: ViolationKind;
  jobId: string | null;
  what: string;
}

/** The settings of the service that was tested, in milliseconds. */
export interface Windows {
  defaultWaitMs: number;
  deadlineMs: number;
  /** The longest Retry-After that the orchestrator asked for. */
  longestRetryAfterMs: number;
}

/** Everything about one job, in one place. */
export interface JobCase {
  job: FinalJob;
  calls: Call[];
  /** Older ones have lower numbers. */
  rank: Map<string, number>;
  dispatches: Map<string, DispatchRow>;
  executions: ExecutionRecord[];
  requests: RequestRecord[];
  callbacks: SentCallback[];
}

/** An attempt, with the earliest time at which it can have been sent. */
export type SentCallback = CallbackRecord & { sentAfter: number; answeredAt: number };
export type Found = Omit<Violation, 'jobId'>;

/** The state of a dispatch that never was. */
export const WITHDRAWN = 'UNDELIVERABLE';

export function casesOf({ jobs, calls, log }: ChaosRecords): JobCase[] {
  const ofJob = <T>(records: readonly T[], idOf: (record: T) => string | null) => Map.groupBy(records, idOf);
  const byJob = ({ job_id }: { job_id: string }) => job_id;
  const callsOf = ofJob(calls, ({ jobId }) => jobId);
  const executionsOf = ofJob(log.executions, byJob);
  const requestsOf = ofJob(log.requests, byJob);
  const callbacksOf = ofJob(log.callbacks, byJob);
  return jobs.map((job) => ({
    job,
    calls: callsOf.get(job.id) ?? [],
    rank: new Map(job.dispatches.map(({ dispatch_id }, index) => [dispatch_id, index])),
    dispatches: new Map(job.dispatches.map((dispatch) => [dispatch.dispatch_id, dispatch])),
    executions: executionsOf.get(job.id) ?? [],
    requests: requestsOf.get(job.id) ?? [],
    callbacks: toSent(callbacksOf.get(job.id) ?? []),
  }));
}

/** The log knows when an answer came, not when the report left: not before it was made, nor before the one before it. */
function toSent(callbacks: readonly CallbackRecord[]): SentCallback[] {
  const lastOf = new Map<string, number>();
  return callbacks.map((callback) => {
    const answeredAt = Date.parse(callback.at);
    const before = lastOf.get(callback.execution_id) ?? 0;
    lastOf.set(callback.execution_id, answeredAt);
    return { ...callback, answeredAt, sentAfter: Math.max(Date.parse(callback.body.occurred_at), before) };
  });
}

export const isTaken = (answer: CallbackRecord['answer']): boolean => answer === 204 || answer === 200;
export const eventKey = (correlationId: string | null, occurredAt: string, status: string): string =>
  `${correlationId} ${Date.parse(occurredAt)} ${status}`;
export const keyOf = ({ correlation_id, occurred_at, new_status }: TransitionRow): string =>
  eventKey(correlation_id, occurred_at, new_status);
