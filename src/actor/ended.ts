// What is counted of a dispatch when it ends: how, why, how long it took, and how long its pipeline took to be heard of; and of
// an operation.
import type { Decision, JobView } from '../domain/decision.ts';
import { type Dispatch, isOpen } from '../domain/dispatch.ts';
import type { Operation } from '../domain/operation.ts';
import type { Counts } from '../domain/operation-counts.ts';
import { measure, type Point } from '../metrics.ts';

/** A failure code is the orchestrator's to choose; what does not look like one is counted as another. */
const CODE = /^[A-Z][A-Z0-9_]{0,63}$/;

/** Counts the dispatch that this decision ended, if any. */
export function measureEnded(env: Env, before: JobView | null, decision: Decision, now: number): void {
  const ended = endedDispatch(before, decision, now);
  if (ended) measure(env, ended);
}

/** The point for the dispatch that this decision ended, a settled one that went on and came to another end included; null for none. */
export function endedDispatch(before: JobView | null, decision: Decision, now: number): Point | null {
  if (!before || decision.kind !== 'accepted') return null;
  const isEnded = (after: Dispatch) =>
    !isOpen(after) &&
    [before.open, before.subject].some((known) => known?.id === after.id && known.state !== after.state);
  const ended = decision.changes.updated?.find(isEnded);
  if (!ended) return null;
  const { job } = decision;
  // A retry that was never heard of leaves the failure of before.
  const failure = job.failure === before.job.failure ? null : job.failure;
  return {
    event: 'dispatch_ended',
    job_id: job.id,
    message: `job.${ended.kind}`,
    model_profile: ended.modelProfile,
    resume_from: ended.resumeFromStatus,
    outcome: ended.state,
    failure_code: failure && (CODE.test(failure.failureCode) ? failure.failureCode : 'OTHER'),
    attempts: ended.deliveryAttempts,
    duration_ms: now - ended.createdAt,
    first_report_ms: ended.firstReportAt && ended.firstReportAt - ended.createdAt,
  };
}

/** Counts an operation that is over: how, how many jobs it had, and how long it took. */
export function measureEndedOperation(env: Env, operation: Operation, counts: Counts): void {
  const { id, state, modelProfile, startedAt, endedAt } = operation;
  measure(env, {
    ...{ event: 'operation_ended', job_id: id, model_profile: modelProfile, outcome: state },
    ...{ attempts: counts.total, duration_ms: endedAt === null ? null : endedAt - startedAt },
  });
}
