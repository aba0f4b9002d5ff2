// What is counted of a dispatch when it ends: how, why, how long it took, and how long its pipeline took to be heard of.
import type { Decision, JobView } from '../domain/decision.ts';
import { isOpen } from '../domain/dispatch.ts';
import type { Point } from '../metrics.ts';

/** A failure code is the orchestrator's to choose; what does not look like one is counted as another. */
const CODE = /^[A-Z][A-Z0-9_]{0,63}$/;

/** The point for the dispatch that was open before and is not after; null when this decision ended none. */
export function endedDispatch(before: JobView | null, decision: Decision, now: number): Point | null {
  if (!before?.open || decision.kind !== 'accepted') return null;
  const { open } = before;
  const ended = decision.changes.updated?.find(({ id }) => id === open.id);
  if (!ended || isOpen(ended)) return null;
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
