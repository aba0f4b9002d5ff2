// A job goes, with all that is kept of it: because its editor wants that, because it has been kept for as long as it is to be, or
// because its project knows nothing of it any more. The mark in its record is the decision; what follows is actor/erasing.ts's to do.
import { CALLED_OFF } from './automatic-retry.ts';
import { stopped } from './cancel.ts';
import type { Command, Disown, Erase } from './commands.ts';
import { type Decision, type JobView, reject, revise } from './decision.ts';
import type { Dispatch } from './dispatch.ts';
import type { Job } from './job.ts';
import { isResting, isTerminal } from './lifecycle.ts';
import type { Rejection } from './rejection.ts';
import type { Rules } from './rules.ts';

/** How long it is known of an id that what it named was erased: no push of before comes later. */
export const TOMBSTONE_KEPT_MS = 30 * 86_400_000;

export function erase({ job, open, subject }: JobView, command: Erase, rules: Rules, now: number): Decision {
  const refusal = refuseErasure(job, open);
  if (refusal) return reject(refusal);
  // A draft's pipeline may go on, and learns of the end as it would of a cancel's.
  const isHeardOf = now - (job.lastProgressAt ?? 0) <= rules.lateReportMs;
  const mayGoOn = !isTerminal(job.status) && isHeardOf;
  return erased(job, command, mayGoOn ? stopped(null, subject, true, rules, now) : [], now);
}

/** Whatever it is at: its project would never list it. */
export function disown(
  { job, open, subject }: JobView,
  { deliveryMayHaveStarted }: Disown,
  rules: Rules,
  now: number,
): Decision {
  const hasEnded = open === null && isTerminal(job.status);
  return erased(job, null, hasEnded ? [] : stopped(open, subject, deliveryMayHaveStarted, rules, now), now);
}

/** Why a job cannot be erased now; null when it can. */
export function refuseErasure(
  { status }: Pick<Job, 'status'>,
  open: Pick<Dispatch, 'id'> | null,
): Rejection | null {
  if (open === null && isResting(status)) return null;
  const dispatchId = open?.id ?? null;
  return { code: 'JOB_ALREADY_RUNNING', currentStatus: status, attemptedStatus: status, dispatchId };
}

/** The job is marked, and nobody finds it from here on. */
export function erased(
  job: Job,
  by: Pick<Erase, 'actorId' | 'correlationId'> | null,
  updated: readonly Dispatch[],
  now: number,
): Extract<Decision, { kind: 'accepted' }> {
  const marked = revise(job, now, {
    openDispatchId: null,
    ...CALLED_OFF,
    erasure: { actorId: by?.actorId ?? null, correlationId: by?.correlationId ?? null, decidedAt: now },
  });
  return { kind: 'accepted', job: marked, dispatch: null, changes: { job: marked, updated } };
}

/** When a job that has ended goes by itself: so long after it last changed or was asked for anything. Null for never. */
export function keptUntil(job: Job, open: Dispatch | null, { keepEndedMs }: Rules): number | null {
  if (keepEndedMs === null || job.erasure !== null) return null;
  const hasEnded = open === null && isTerminal(job.status) && job.nextRetryAt === null;
  return hasEnded ? Math.max(job.updatedAt, job.latestDispatchAt ?? 0) + keepEndedMs : null;
}

/** What is still done about a job that is being erased: its pipeline is told to stop, for as long as there is time for it. */
export const endsErased = (command: Command): boolean =>
  command.type === 'deadline' || (command.type === 'report-delivery' && command.message === 'cancel');
