// How deliveries end, as the queue's consumers report it.
import type { ReportDelivery } from './commands.ts';
import {
  type Changes,
  type Decision,
  delivered,
  type JobView,
  reject,
  tellToStop,
  unchanged,
  updated,
  withdraw,
} from './decision.ts';
import { type Dispatch, isOpen } from './dispatch.ts';
import type { Job } from './job.ts';
import { backoffMs, fitsWindow } from './resending.ts';
import type { Rules } from './rules.ts';

export function reportDelivery(view: JobView, command: ReportDelivery, rules: Rules, now: number): Decision {
  const { job, subject } = view;
  if (subject === null) return reject({ code: 'RESOURCE_NOT_FOUND' });
  return command.message === 'cancel'
    ? reportNotice(job, subject, command, now)
    : reportDispatch(job, subject, command, rules, now);
}

function reportDispatch(
  job: Job,
  subject: Dispatch,
  { outcome, deliveryMayHaveStarted }: ReportDelivery,
  rules: Rules,
  now: number,
): Decision {
  if (outcome.kind === 'delivered') {
    if (subject.state === 'PENDING') {
      const { job: next, dispatch, transitions } = delivered(job, subject, outcome.executionId, now);
      const changes: Changes = { updated: [dispatch], transitions };
      return {
        kind: 'accepted',
        job: next,
        dispatch,
        changes: next === job ? changes : { ...changes, job: next },
      };
    }
    if (isOpen(subject)) {
      // A callback was faster and moved the dispatch already; only the execution's id is news.
      if (subject.executionId !== null || outcome.executionId === null) return unchanged(job, subject);
      return updated(job, { ...subject, executionId: outcome.executionId, updatedAt: now });
    }
    // Withdrawn or cancelled while it was being delivered: the orchestrator has to be told.
    if (!mayBeGhost(subject)) return unchanged(job, subject);
    const executionId = subject.executionId ?? outcome.executionId;
    return updated(job, tellToStop({ ...subject, executionId }, rules, now));
  }
  // So it has where another copy of the message brought the end, and this one may have been taken.
  if (outcome.kind === 'unknown' && mayBeGhost(subject) && subject.cancelNotice === null) {
    return updated(job, tellToStop(subject, rules, now));
  }
  if (subject.state !== 'PENDING') return unchanged(job, subject);
  // Another copy may be under way, and there may be time for one more: the window says when it is over.
  if (outcome.kind === 'dead-lettered') {
    const lastError = subject.lastError ?? 'The queue gave up on the message.';
    return updated(job, { ...subject, lastError, updatedAt: now });
  }
  const attempted: Dispatch = {
    ...subject,
    deliveryAttempts: subject.deliveryAttempts + 1,
    lastError: outcome.error,
    outcomeUnknown: subject.outcomeUnknown || outcome.kind === 'unknown',
    wasRefused: outcome.kind === 'refused',
    retryAfterAt:
      outcome.kind === 'refused' || outcome.retryAfterMs === null ? null : now + outcome.retryAfterMs,
    updatedAt: now,
  };
  const mayBeTaken = attempted.outcomeUnknown || deliveryMayHaveStarted;
  if (outcome.kind === 'refused') return withdraw(job, attempted, mayBeTaken, rules, now);
  const pause = backoffMs(attempted.deliveryAttempts, outcome.retryAfterMs);
  return fitsWindow(now + pause, attempted.deliverUntil)
    ? updated(job, attempted)
    : withdraw(job, attempted, mayBeTaken, rules, now);
}

/** Ended while it was on its way: whoever has it all the same begins what nobody waits for. */
const mayBeGhost = ({ state }: Dispatch): boolean => state === 'UNDELIVERABLE' || state === 'CANCELLED';

function reportNotice(job: Job, subject: Dispatch, { outcome }: ReportDelivery, now: number): Decision {
  const notice = subject.cancelNotice;
  if (notice?.state !== 'PENDING') return unchanged(job, subject);
  const ended = (state: 'DELIVERED' | 'GIVEN_UP') =>
    updated(job, { ...subject, cancelNotice: { state }, updatedAt: now });
  switch (outcome.kind) {
    case 'delivered':
      return ended('DELIVERED');
    case 'refused':
      return ended('GIVEN_UP');
    case 'dead-lettered':
      return updated(job, { ...subject, updatedAt: now });
    case 'unreachable':
    case 'unknown': {
      const attempts = notice.attempts + 1;
      return fitsWindow(now + backoffMs(attempts, outcome.retryAfterMs), notice.until)
        ? updated(job, { ...subject, cancelNotice: { ...notice, attempts }, updatedAt: now })
        : ended('GIVEN_UP');
    }
    default:
      return outcome satisfies never;
  }
}
