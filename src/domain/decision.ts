// What a decision sees and returns, and the pieces that the commands share.
import { ACTS } from './acts.ts';
import { afterDelivery, afterWithdrawal } from './automatic-retry.ts';
import type { Dispatch, DispatchState } from './dispatch.ts';
import type { CallbackEvent, RecordedEdit, Transition } from './history.ts';
import { type ArtifactVersion, isAtWork, type Job } from './job.ts';
import {
  type Actor,
  allowedNextStatuses,
  isTerminal,
  isTransitionAllowed,
  type Status,
} from './lifecycle.ts';
import type { Rejection } from './rejection.ts';
import type { Rules } from './rules.ts';

/** What a decision looks at: the job, and the records that the command refers to. */
export interface JobView {
  job: Job;
  open: Dispatch | null;
  /**
   * The dispatch that the command is about: the holder of the same request key (what asks for one), the one it names (callback,
   * report-delivery), the settled one that moved the job last, whose pipeline may go on (cancel, abandon, erase, disown, deadline).
   */
  subject: Dispatch | null;
  /** Whether a dispatch newer than the subject was made and not withdrawn. */
  subjectSuperseded: boolean;
  /** The callback of the same dispatch that was applied under the same event id, unless it was a mere heartbeat. */
  seenEvent: CallbackEvent | null;
  /** The edit that was made under the same request id. */
  seenEdit: RecordedEdit | null;
  /** The dispatches whose cancel notice is still to be delivered. */
  notices: readonly Dispatch[];
}

/** What one transaction stores. Absent means unchanged. */
export interface Changes {
  job?: Job;
  opened?: Dispatch;
  updated?: readonly Dispatch[];
  event?: CallbackEvent;
  edit?: RecordedEdit;
  transitions?: readonly Transition[];
}

export type Decision =
  | {
      kind: 'accepted';
      job: Job;
      /** The subject as it stands after the changes. */
      dispatch: Dispatch | null;
      /** What an editor's correction made. */
      edit?: ArtifactVersion;
      /** Why what was due is not done, nor tried again. */
      refusal?: Rejection;
      changes: Changes;
    }
  | { kind: 'replayed'; job: Job; dispatch: Dispatch | null; edit?: ArtifactVersion }
  | { kind: 'rejected'; rejection: Rejection };

export const reject = (rejection: Rejection): Decision => ({ kind: 'rejected', rejection });

/** Nothing to do is no change. */
export const unchanged = (job: Job, dispatch: Dispatch | null): Decision => ({
  kind: 'replayed',
  job,
  dispatch,
});

export const updated = (job: Job, dispatch: Dispatch): Decision => ({
  kind: 'accepted',
  job,
  dispatch,
  changes: { updated: [dispatch] },
});

/** Why `actor` may not bring the job from `from` to `to`; null when the table allows it. */
export function refuseTransition(from: Status, to: Status, actor: Actor): Rejection | null {
  if (isTransitionAllowed(from, to, actor)) return null;
  return {
    code: isTerminal(from) ? 'FSM_TERMINAL_IMMUTABLE' : 'FSM_TRANSITION_INVALID',
    currentStatus: from,
    attemptedStatus: to,
    allowedNextStatuses: allowedNextStatuses(from),
  };
}

export const retryNotAllowed = (
  currentStatus: Status,
  attemptedStatus: Status,
  reason: Extract<Rejection, { code: 'RETRY_NOT_ALLOWED_STATE' }>['reason'],
): Rejection => ({ code: 'RETRY_NOT_ALLOWED_STATE', currentStatus, attemptedStatus, reason });

/** Why what would meet a pipeline has to wait, or give it up first; null when none is at work. */
export function refuseAtWork(
  job: Job,
  open: { id: string } | null,
  attemptedStatus: Status,
): Rejection | null {
  if (!isAtWork(job, open)) return null;
  const dispatchId = open?.id ?? null;
  return { code: 'JOB_ALREADY_RUNNING', currentStatus: job.status, attemptedStatus, dispatchId };
}

/** A change of the job that an editor can see. Progress belongs to a status and ends with it. */
export function revise(job: Job, now: number, patch: Partial<Job>): Job {
  return { ...job, progressPct: null, ...patch, revision: job.revision + 1, updatedAt: now };
}

/** The dispatch in another state; itself when it is there already. */
export function move(dispatch: Dispatch, state: DispatchState, now: number): Dispatch {
  return dispatch.state === state ? dispatch : { ...dispatch, state, updatedAt: now };
}

/** The orchestrator has this dispatch, or may have it, and has to be told to stop. */
export function tellToStop(dispatch: Dispatch, { dispatchDeadlineMs }: Rules, now: number): Dispatch {
  const notice = { state: 'PENDING' as const, until: now + dispatchDeadlineMs, attempts: 0 };
  return { ...dispatch, cancelNotice: dispatch.cancelNotice ?? notice, updatedAt: now };
}

/**
 * The job is left exactly as it was before the dispatch; the dispatch's record stays. Where the orchestrator may have it, it
 * is told to stop.
 */
export function withdraw(
  job: Job,
  dispatch: Dispatch,
  mayBeTaken: boolean,
  rules: Rules,
  now: number,
): Decision {
  const next = {
    ...job,
    openDispatchId: null,
    // Those of before this was kept were not counted.
    retries: dispatch.kind === 'retry' ? Math.max(job.retries - 1, 0) : job.retries,
    ...afterWithdrawal(job, dispatch, rules, now),
  };
  const moved = move(dispatch, 'UNDELIVERABLE', now);
  const withdrawn = mayBeTaken ? tellToStop(moved, rules, now) : moved;
  return { kind: 'accepted', job: next, dispatch: withdrawn, changes: { job: next, updated: [withdrawn] } };
}

/** What the job remembers of the pipeline that moves it: its profile, and what it was asked for. */
export const movedBy = ({ modelProfile, task }: Dispatch): Partial<Job> => ({
  latestProfile: modelProfile,
  unfinishedTask: task,
});

/** The orchestrator has the dispatch: its pipeline has begun, or the job waits for its first report. */
export function delivered(before: Job, pending: Dispatch, executionId: string | null, now: number) {
  const counted = afterDelivery(before, pending);
  const job = Object.keys(counted).length === 0 ? before : { ...before, ...counted };
  const dispatch: Dispatch = {
    ...move(pending, 'DELIVERED', now),
    deliveryAttempts: pending.deliveryAttempts + 1,
    deliveredAt: now,
    executionId,
  };
  const { begins, beginsOnDelivery } = ACTS[pending.kind];
  if (begins === null || !beginsOnDelivery) return { job, dispatch, transitions: [] };
  return {
    job: revise(job, now, { status: begins, lastProgressAt: now, ...movedBy(pending) }),
    dispatch,
    transitions: [audit(job, begins, 'system', now, pending, pending.id)],
  };
}

/** The entry of the audit trail for this change. What happens by itself has the dispatch as its cause, where there is one. */
export function audit(
  job: Job,
  newStatus: Status,
  actor: Actor,
  now: number,
  cause: { correlationId: string; actorId?: string | null; actorName?: string | null } | null,
  dispatchId: string | null = null,
): Transition {
  const editor = actor === 'editor' ? cause : null;
  return {
    eventType: newStatus === job.status ? 'failed_again' : 'status_changed',
    actor,
    actorId: editor?.actorId ?? null,
    actorName: editor?.actorName ?? null,
    prevStatus: job.status,
    newStatus,
    dispatchId,
    eventId: null,
    occurredAt: now,
    recordedAt: now,
    correlationId: cause?.correlationId ?? null,
  };
}
