// An editor ends a job for good, and its pipeline is told.
import type { Cancel } from './commands.ts';
import { audit, type Decision, type JobView, move, refuseTransition, reject, revise } from './decision.ts';
import type { CancelNotice, Dispatch } from './dispatch.ts';
import { effectiveStatus } from './job.ts';
import { isResting } from './lifecycle.ts';
import type { Rules } from './rules.ts';

export function cancel(view: JobView, command: Cancel, rules: Rules, now: number): Decision {
  const { job, open, subject } = view;
  const refusal = refuseTransition(effectiveStatus(job, open), 'CANCELLED', 'editor');
  if (refusal) return reject(refusal);
  const cancelled = revise(job, now, { status: 'CANCELLED', openDispatchId: null });
  const notice: CancelNotice = { state: 'PENDING', until: now + rules.dispatchDeadlineMs, attempts: 0 };
  const updated: Dispatch[] = [];
  if (open) {
    const reached = open.state !== 'PENDING' || command.deliveryMayHaveStarted;
    updated.push({ ...move(open, 'CANCELLED', now), cancelNotice: reached ? notice : null });
  } else if (subject && !isResting(job.status)) {
    // Its dispatch was settled by a checkpoint, yet its pipeline went on.
    updated.push({ ...subject, cancelNotice: notice, updatedAt: now });
  }
  return {
    kind: 'accepted',
    job: cancelled,
    dispatch: updated[0] ?? null,
    changes: {
      job: cancelled,
      updated,
      transitions: [audit(job, 'CANCELLED', 'editor', now, command, open?.id)],
    },
  };
}
