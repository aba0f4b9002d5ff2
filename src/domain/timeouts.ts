// What a job waits for and until when, and what becomes of it when the time is over.
import { afterFailure, nextRetryAt } from './automatic-retry.ts';
import type { Deadline } from './commands.ts';
import {
  audit,
  type Decision,
  type JobView,
  move,
  revise,
  tellToStop,
  unchanged,
  withdraw,
} from './decision.ts';
import type { Dispatch } from './dispatch.ts';
import { erased, keptUntil } from './erasure.ts';
import { ownFailure } from './failures.ts';
import { effectiveStatus, type Job } from './job.ts';
import { isResting } from './lifecycle.ts';
import { REPORT_GRACE_MS, resendAt } from './resending.ts';
import type { Rules } from './rules.ts';

const TIMED_OUT = 'ORCHESTRATOR_TIMEOUT';

export type DueKind = 'delivery' | 'ack' | 'stage';

/** What the job is waiting for and until when; null when it waits for nothing. */
export function awaited(
  job: Job,
  open: Dispatch | null,
  rules: Rules,
): { kind: DueKind; until: number } | null {
  if (job.erasure !== null) return null;
  if (open?.state === 'PENDING') return { kind: 'delivery', until: open.deliverUntil + REPORT_GRACE_MS };
  if (open?.state === 'DELIVERED') {
    return { kind: 'ack', until: (open.deliveredAt ?? open.updatedAt) + rules.ackTimeoutMs };
  }
  if (isResting(job.status) && open === null) return null;
  return { kind: 'stage', until: (job.lastProgressAt ?? job.updatedAt) + rules.stageTimeoutMs };
}

/** When the job must be looked at again, derived from what is stored; null for never. */
export function nextWakeUp(
  job: Job,
  open: Dispatch | null,
  notices: readonly Dispatch[],
  rules: Rules,
  now: number,
): number | null {
  const times: number[] = [];
  const due = awaited(job, open, rules);
  if (due) times.push(due.until);
  const goesAt = keptUntil(job, open, rules);
  if (goesAt !== null) times.push(goesAt);
  const retryAt = nextRetryAt(job, open);
  if (retryAt !== null) times.push(retryAt);
  if (open?.state === 'PENDING') times.push(resendAt(open, open.deliverUntil, now));
  for (const notice of notices) {
    if (notice.cancelNotice?.state !== 'PENDING') continue;
    const { until } = notice.cancelNotice;
    times.push(until + REPORT_GRACE_MS, resendAt(notice, until, now));
  }
  return times.length === 0 ? null : Math.min(...times);
}

export function deadline(
  { job, open, subject, notices }: JobView,
  { deliveryMayHaveStarted }: Deadline,
  rules: Rules,
  now: number,
): Decision {
  const overdue = notices
    .filter((dispatch) => isNoticeOverdue(dispatch, now))
    .map((dispatch): Dispatch => ({ ...dispatch, cancelNotice: { state: 'GIVEN_UP' }, updatedAt: now }));
  const decision = expire(job, open, { mover: subject, deliveryMayHaveStarted }, rules, now);
  if (overdue.length === 0) return decision;
  if (decision.kind !== 'accepted') {
    return { kind: 'accepted', job, dispatch: null, changes: { updated: overdue } };
  }
  const changes = { ...decision.changes, updated: [...(decision.changes.updated ?? []), ...overdue] };
  return { ...decision, changes };
}

function expire(
  job: Job,
  open: Dispatch | null,
  { mover, deliveryMayHaveStarted }: { mover: Dispatch | null; deliveryMayHaveStarted: boolean },
  rules: Rules,
  now: number,
): Decision {
  const goesAt = keptUntil(job, open, rules);
  if (goesAt !== null && now >= goesAt) return erased(job, null, [], now);
  const due = awaited(job, open, rules);
  if (due === null || now < due.until) return unchanged(job, open);
  if (due.kind === 'delivery' && open) {
    const lastError = open.lastError ?? 'No attempt was made within the window.';
    return withdraw(job, { ...open, lastError }, open.outcomeUnknown || deliveryMayHaveStarted, rules, now);
  }

  // A pipeline that is silent may be alive all the same.
  const silent = open ?? mover;
  const silentIn = effectiveStatus(job, open);
  const said = {
    failureCode: TIMED_OUT,
    failureMessage: `The orchestrator gave no sign of life in ${silentIn} within the time allowed.`,
    failedStage: silentIn,
    correlationId: silent?.correlationId ?? null,
  };
  const failure = ownFailure(said, 'timeout', silent, rules.policy, now);
  const dispatch = silent && { ...tellToStop(move(silent, 'TIMED_OUT', now), rules, now), failure };
  const closed = dispatch ? { updated: [dispatch] } : {};
  const scheduled = silent ? afterFailure(job, silent, failure, rules, now) : {};
  if (due.kind === 'ack' && isResting(job.status)) {
    // Never heard of, and the job has not moved for it: it is as it was before.
    const next = { ...job, openDispatchId: null, ...(job.status === 'FAILED' ? scheduled : {}) };
    return { kind: 'accepted', job: next, dispatch, changes: { job: next, ...closed } };
  }
  const next = revise(job, now, { status: 'FAILED', openDispatchId: null, failure, ...scheduled });
  const entry = audit(job, 'FAILED', 'system', now, silent, silent?.id);
  return { kind: 'accepted', job: next, dispatch, changes: { job: next, ...closed, transitions: [entry] } };
}

/** Whether nobody reported the outcome of this notice within its window. */
const isNoticeOverdue = ({ cancelNotice }: Dispatch, now: number): boolean =>
  cancelNotice?.state === 'PENDING' && now >= cancelNotice.until + REPORT_GRACE_MS;
