// An editor gives a pipeline up that is lost or goes wrong: the job fails, and can be retried at once.
import { stopped } from './cancel.ts';
import type { Abandon } from './commands.ts';
import { audit, type Decision, type JobView, reject, revise, unchanged } from './decision.ts';
import { classOf } from './failures.ts';
import type { Failure } from './job.ts';
import { isInProgress } from './lifecycle.ts';
import type { Rules } from './rules.ts';

export const ABANDONED = 'ABANDONED';

export function abandon(
  { job, open, subject }: JobView,
  command: Abandon,
  rules: Rules,
  now: number,
): Decision {
  if (open === null && !isInProgress(job.status)) {
    const isRepeat = job.status === 'FAILED' && job.failure?.failureCode === ABANDONED;
    if (isRepeat) return unchanged(job, open);
    return reject({ code: 'JOB_NOT_RUNNING', currentStatus: job.status });
  }
  const failure: Failure = {
    failureCode: ABANDONED,
    failureMessage: 'An editor gave the pipeline up.',
    failedStage: job.status === 'FAILED' ? (open?.resumeFromStatus ?? null) : job.status,
    failureClass: classOf(rules.policy, ABANDONED) ?? 'unknown',
    retryAt: null,
    modelProfile: (open ?? subject)?.modelProfile ?? null,
    correlationId: command.correlationId,
    occurredAt: now,
  };
  const updated = stopped(open, subject, command.deliveryMayHaveStarted, rules, now).map((dispatch) => ({
    ...dispatch,
    failure,
  }));
  const failed = revise(job, now, { status: 'FAILED', openDispatchId: null, failure });
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
