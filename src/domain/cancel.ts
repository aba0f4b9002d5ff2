// An editor ends a job for good, and its pipeline is told.
import { CALLED_OFF } from './automatic-retry.ts';
import type { Cancel } from './commands.ts';
import {
  audit,
  type Decision,
  type JobView,
  move,
  refuseTransition,
  reject,
  revise,
  tellToStop,
  unchanged,
} from './decision.ts';
import type { Dispatch } from './dispatch.ts';
import { effectiveStatus, type Job } from './job.ts';
import type { Rejection } from './rejection.ts';
import type { Rules } from './rules.ts';

export function cancel(view: JobView, command: Cancel, rules: Rules, now: number): Decision {
  const { job, open, subject } = view;
  if (job.status === 'CANCELLED') return unchanged(job, open);
  const refusal = refuseCancel(job, open);
  if (refusal) return reject(refusal);
  const cancelled = revise(job, now, { status: 'CANCELLED', openDispatchId: null, ...CALLED_OFF });
  const updated = stopped(open, subject, command.deliveryMayHaveStarted, rules, now);
  return {
    kind: 'accepted',
    job: cancelled,
    dispatch: updated[0] ?? null,
    changes: {
      job: cancelled,
      updated,
      transitions: [audit(job, 'CANCELLED', 'editor', now, command, updated[0]?.id)],
    },
  };
}

/** A failed job that is still to be retried by itself has not ended yet. */
export const refuseCancel = (job: Job, open: Dispatch | null): Rejection | null =>
  job.nextRetryAt === null ? refuseTransition(effectiveStatus(job, open), 'CANCELLED', 'editor') : null;

/**
 * The dispatches that an editor's act ends, told to stop where the orchestrator may have them: the open one, else the settled
 * one whose pipeline may go on.
 */
export function stopped(
  open: Dispatch | null,
  settled: Dispatch | null,
  deliveryMayHaveStarted: boolean,
  rules: Rules,
  now: number,
): Dispatch[] {
  const ended = open ?? settled;
  if (ended === null) return [];
  const mayBeTaken = ended.state !== 'PENDING' || deliveryMayHaveStarted;
  const closed = move(ended, 'CANCELLED', now);
  return [mayBeTaken ? tellToStop(closed, rules, now) : closed];
}
