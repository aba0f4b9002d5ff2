// An editor gives a pipeline up that is lost or goes wrong: the job fails, and can be retried at once; or, where it has its draft
// and the pipeline was never heard of, stays as it was. One that is only to come, of a retry by itself, does not come.
import { CALLED_OFF } from './automatic-retry.ts';
import { stopped } from './cancel.ts';
import type { Abandon } from './commands.ts';
import { audit, type Decision, type JobView, movedBy, reject, revise, unchanged } from './decision.ts';
import type { Dispatch } from './dispatch.ts';
import { ownFailure } from './failures.ts';
import { isAtWork, type Job } from './job.ts';
import type { Rules } from './rules.ts';

export const ABANDONED = 'ABANDONED';

export function abandon(
  { job, open, subject }: JobView,
  command: Abandon,
  rules: Rules,
  now: number,
): Decision {
  if (!isAtWork(job, open)) {
    if (job.nextRetryAt !== null) {
      const next = { ...job, ...CALLED_OFF };
      return { kind: 'accepted', job: next, dispatch: null, changes: { job: next } };
    }
    const isRepeat = job.status === 'FAILED' && job.failure?.failureCode === ABANDONED;
    if (isRepeat) return unchanged(job, open);
    return reject({ code: 'JOB_NOT_RUNNING', currentStatus: job.status });
  }
  const said = {
    failureCode: ABANDONED,
    failureMessage: 'An editor gave the pipeline up.',
    failedStage: job.status === 'FAILED' ? (open?.resumeFromStatus ?? null) : job.status,
    correlationId: command.correlationId,
  };
  const failure = ownFailure(said, 'unknown', open ?? subject, rules.policy, now);
  const updated = stopped(open, subject, command.deliveryMayHaveStarted, rules, now).map((dispatch) => ({
    ...dispatch,
    failure,
  }));
  if (open && hasNotBegun(job, open)) {
    const next = { ...job, openDispatchId: null };
    return { kind: 'accepted', job: next, dispatch: updated[0] ?? null, changes: { job: next, updated } };
  }
  // Of a pipeline that was never heard of nobody has remembered what it was asked for.
  const remembered = open ? movedBy(open) : {};
  const failed = revise(job, now, {
    status: 'FAILED',
    openDispatchId: null,
    failure,
    ...remembered,
    ...CALLED_OFF,
  });
  return {
    kind: 'accepted',
    job: failed,
    dispatch: updated[0] ?? null,
    changes: {
      job: failed,
      updated,
      transitions: [audit(job, 'FAILED', 'editor', now, command, updated[0]?.id)],
    },
  };
}

/** Of a job with a draft: nobody has heard of what it was to be worked on for. */
const hasNotBegun = ({ status }: Job, { firstReportAt }: Dispatch): boolean =>
  firstReportAt === null && (status === 'DRAFT_READY' || status === 'EDITING');
