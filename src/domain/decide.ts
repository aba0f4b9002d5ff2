// decide(view, command, rules, now): the one place where a job's state is judged. Pure and total:
// it returns the changes to store, or why there are none, and never throws for anything a caller sends.
import type {
  ArtifactUpdates,
  Callback,
  Cancel,
  Command,
  ConfirmUpload,
  ReportDelivery,
  Retry,
  Rules,
  Run,
} from './commands.ts';
import { awaited, backoffMs, fitsWindow, isNoticeOverdue } from './deadlines.ts';
import {
  type CallbackEvent,
  type CancelNotice,
  type Checkpoint,
  type Dispatch,
  type DispatchState,
  effectiveStatus,
  isOpen,
  type Job,
  type Manifest,
  type Transition,
} from './job.ts';
import {
  type Actor,
  allowedNextStatuses,
  isCheckpoint,
  isInProgress,
  isResting,
  isTerminal,
  isTransitionAllowed,
  type Status,
} from './lifecycle.ts';
import { refuseProfile } from './policy.ts';
import type { Rejection } from './rejection.ts';
import { resumePoint } from './resume.ts';

/** What a decision looks at: the job, and the records that the command refers to. */
export interface JobView {
  job: Job;
  open: Dispatch | null;
  /**
   * The dispatch that the command is about: the holder of the same request key (run, retry), the one
   * it names (callback, report-delivery), the one that moved the job last (cancel).
   */
  subject: Dispatch | null;
  /** Whether a dispatch newer than the subject was made and not withdrawn. */
  subjectSuperseded: boolean;
  /** The callback that was applied under the same event id. */
  seenEvent: CallbackEvent | null;
  /** The dispatches whose cancel notice is still to be delivered. */
  notices: readonly Dispatch[];
}

/** What one transaction stores. Absent means unchanged. */
export interface Changes {
  job?: Job;
  opened?: Dispatch;
  updated?: readonly Dispatch[];
  event?: CallbackEvent;
  transitions?: readonly Transition[];
}

export type Decision =
  /** `dispatch` is the subject as it stands after the changes. */
  | { kind: 'accepted'; job: Job; dispatch: Dispatch | null; changes: Changes }
  | { kind: 'replayed'; job: Job; dispatch: Dispatch | null }
  | { kind: 'rejected'; rejection: Rejection };

/** A null view means that there is no such job. */
export function decide(view: JobView | null, command: Command, rules: Rules, now: number): Decision {
  if (view === null) return reject({ code: 'RESOURCE_NOT_FOUND' });
  if ('owner' in command && command.owner !== view.job.owner) return reject({ code: 'RESOURCE_NOT_FOUND' });
  switch (command.type) {
    case 'confirm-upload':
      return confirmUpload(view, command, now);
    case 'run':
      return run(view, command, rules, now);
    case 'retry':
      return retry(view, command, rules, now);
    case 'cancel':
      return cancel(view, command, rules, now);
    case 'callback':
      return callback(view, command, now);
    case 'report-delivery':
      return reportDelivery(view, command, rules, now);
    case 'deadline':
      return deadline(view, rules, now);
    default:
      return command satisfies never;
  }
}

/** A job as it is created: nothing uploaded, nothing dispatched. */
export function newJob(ids: Pick<Job, 'id' | 'projectId' | 'owner'>, now: number): Job {
  return {
    ...ids,
    status: 'CREATED',
    manifest: { videoUri: null, audioUri: null, transcriptUri: null, draftUri: null, exports: {} },
    failure: null,
    progressPct: null,
    checkpoints: {},
    openDispatchId: null,
    lastProgressAt: null,
    latestCallback: null,
    revision: 1,
    createdAt: now,
    updatedAt: now,
  };
}

/**
 * Why a caller who waited for this dispatch is refused after all; null when the dispatch stands.
 */
export function refuseDispatch(job: Job, dispatch: Dispatch): Rejection | null {
  if (dispatch.state === 'UNDELIVERABLE') {
    const { id, deliveryAttempts, lastError } = dispatch;
    return { code: 'ORCHESTRATOR_DISPATCH_FAILED', dispatchId: id, deliveryAttempts, lastError };
  }
  if (dispatch.state === 'CANCELLED') {
    return refuseTransition(job.status, dispatch.resumeFromStatus ?? 'AUDIO_EXTRACTING', 'system');
  }
  return null;
}

function confirmUpload({ job, open }: JobView, command: ConfirmUpload, now: number): Decision {
  const { videoUri } = job.manifest;
  if (videoUri === command.videoUri) return { kind: 'replayed', job, dispatch: open };
  if (videoUri !== null) {
    return reject({
      code: 'VIDEO_URI_CONFLICT',
      confirmedVideoUri: videoUri,
      requestedVideoUri: command.videoUri,
    });
  }
  const refusal = refuseTransition(job.status, 'UPLOADED', 'editor');
  if (refusal) return reject(refusal);
  const uploaded = revise(job, now, {
    status: 'UPLOADED',
    manifest: { ...job.manifest, videoUri: command.videoUri },
  });
  return {
    kind: 'accepted',
    job: uploaded,
    dispatch: open,
    changes: { job: uploaded, transitions: [audit(job, 'UPLOADED', 'editor', now, command)] },
  };
}

function run(view: JobView, command: Run, rules: Rules, now: number): Decision {
  const { job, open, subject } = view;
  const repeats = command.modelProfile === null || command.modelProfile === subject?.modelProfile;
  if (subject && repeats && job.status !== 'CANCELLED') {
    return { kind: 'replayed', job, dispatch: subject };
  }
  if (open || isInProgress(job.status)) return alreadyRunning(job, open, 'AUDIO_EXTRACTING');
  const refusal =
    refuseTransition(job.status, 'AUDIO_EXTRACTING', 'system') ??
    refuseProfile(rules.policy, command.modelProfile ?? rules.policy.defaultProfile, 'UPLOADED');
  if (refusal) return reject(refusal);
  return openDispatch(job, {
    ...intent(command, rules, now),
    kind: 'run',
    modelProfile: command.modelProfile ?? rules.policy.defaultProfile,
    clientRequestId: null,
    resumeFromStatus: null,
    checkpointRef: null,
  });
}

function retry(view: JobView, command: Retry, rules: Rules, now: number): Decision {
  const { job, open, subject } = view;
  // A cancelled job replays nothing: what was dispatched for it is stale.
  if (subject && job.status !== 'CANCELLED') {
    if (subject.modelProfile === command.modelProfile) return { kind: 'replayed', job, dispatch: subject };
    return reject({
      code: 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH',
      clientRequestId: command.clientRequestId,
      dispatchId: subject.id,
    });
  }
  const point = resumePoint(job);
  if (open || isInProgress(job.status)) return alreadyRunning(job, open, point?.status ?? null);
  const notAllowed = (reason: 'not_failed' | 'nothing_to_resume_from') =>
    reject({
      code: 'RETRY_NOT_ALLOWED_STATE',
      currentStatus: job.status,
      attemptedStatus: point?.status ?? null,
      reason,
    });
  if (job.status !== 'FAILED') return notAllowed('not_failed');
  const refusal = refuseProfile(rules.policy, command.modelProfile, point?.status ?? null);
  if (refusal) return reject(refusal);
  if (point === null) return notAllowed('nothing_to_resume_from');
  return openDispatch(job, {
    ...intent(command, rules, now),
    kind: 'retry',
    modelProfile: command.modelProfile,
    clientRequestId: command.clientRequestId,
    resumeFromStatus: point.status,
    checkpointRef: point.ref,
  });
}

function cancel(view: JobView, command: Cancel, rules: Rules, now: number): Decision {
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

function callback(view: JobView, command: Callback, now: number): Decision {
  const { seenEvent, subject } = view;
  if (seenEvent) {
    const same =
      seenEvent.payloadDigest === command.payloadDigest && seenEvent.dispatchId === command.dispatchId;
    if (same) return { kind: 'replayed', job: view.job, dispatch: subject };
    return reject({ code: 'EVENT_ID_PAYLOAD_MISMATCH', eventId: command.eventId });
  }
  if (subject === null) return reject({ code: 'RESOURCE_NOT_FOUND' });
  const settled = subject.state === 'SETTLED' || subject.state === 'FAILED';
  if (!isOpen(subject) && !(settled && !view.subjectSuperseded)) {
    return reject({ code: 'DISPATCH_NOT_CURRENT', dispatchId: subject.id, dispatchState: subject.state });
  }

  // A callback on a pending dispatch proves its delivery.
  const { job, dispatch, transitions } =
    subject.state === 'PENDING'
      ? delivered(view.job, subject, subject.executionId, now)
      : { job: view.job, dispatch: subject, transitions: [] };
  const current = effectiveStatus(job, isOpen(dispatch) ? dispatch : null);

  const latest = job.latestCallback?.dispatchId === dispatch.id ? job.latestCallback : null;
  if (latest && command.occurredAt < latest.occurredAt) {
    return reject({
      code: 'CALLBACK_OUT_OF_ORDER',
      currentStatus: current,
      attemptedStatus: command.status,
      latestAppliedOccurredAt: latest.occurredAt,
    });
  }
  const restatesCheckpoint =
    current !== job.status && command.status === current && isCheckpoint(command.status);
  const refusal = restatesCheckpoint ? null : refuseTransition(current, command.status, command.actor);
  if (refusal) return reject(refusal);

  const checkpoint = reachedCheckpoint(job, dispatch, command, now);
  const moved = isOpen(dispatch) ? move(dispatch, stateAfter(command.status), now) : dispatch;
  const next = revise(job, now, {
    status: command.status,
    manifest: mergeManifest(job.manifest, command.artifacts),
    failure: command.failure
      ? { ...command.failure, correlationId: command.correlationId, occurredAt: command.occurredAt }
      : job.failure,
    progressPct: command.progressPct ?? (command.status === job.status ? job.progressPct : null),
    checkpoints: checkpoint ? { ...job.checkpoints, [checkpoint.status]: checkpoint } : job.checkpoints,
    openDispatchId: isOpen(moved) ? job.openDispatchId : null,
    lastProgressAt: now,
    latestCallback: { dispatchId: dispatch.id, occurredAt: command.occurredAt },
  });
  // A heartbeat changes no status and leaves no audit entry; a retry that fails again does.
  const audited = command.status !== job.status || command.status === 'FAILED';
  const entry = {
    ...audit(job, command.status, command.actor, now, command, dispatch.id),
    occurredAt: command.occurredAt,
    checkpoint,
  };
  return {
    kind: 'accepted',
    job: next,
    dispatch: moved,
    changes: {
      job: next,
      updated: moved === subject ? [] : [moved],
      event: {
        eventId: command.eventId,
        dispatchId: dispatch.id,
        payloadDigest: command.payloadDigest,
        status: command.status,
        occurredAt: command.occurredAt,
        recordedAt: now,
        artifacts: command.artifactsJson,
      },
      transitions: audited || checkpoint ? [...transitions, entry] : transitions,
    },
  };
}

function reportDelivery(view: JobView, command: ReportDelivery, rules: Rules, now: number): Decision {
  const { job, subject } = view;
  if (subject === null) return reject({ code: 'RESOURCE_NOT_FOUND' });
  return command.message === 'cancel'
    ? reportNotice(job, subject, command, now)
    : reportDispatch(job, subject, command, rules, now);
}

function reportDispatch(
  job: Job,
  subject: Dispatch,
  { outcome }: ReportDelivery,
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
    const isGhost = subject.state === 'UNDELIVERABLE' || subject.state === 'CANCELLED';
    if (!isGhost) return unchanged(job, subject);
    return updated(job, {
      ...subject,
      executionId: subject.executionId ?? outcome.executionId,
      cancelNotice: subject.cancelNotice ?? {
        state: 'PENDING',
        until: now + rules.dispatchDeadlineMs,
        attempts: 0,
      },
      updatedAt: now,
    });
  }
  if (subject.state !== 'PENDING') return unchanged(job, subject);
  if (outcome.kind === 'dead-lettered') {
    return withdraw(
      job,
      { ...subject, lastError: subject.lastError ?? 'The queue gave up on the message.' },
      now,
    );
  }
  const attempted: Dispatch = {
    ...subject,
    deliveryAttempts: subject.deliveryAttempts + 1,
    lastError: outcome.error,
    updatedAt: now,
  };
  if (outcome.kind === 'refused') return withdraw(job, attempted, now);
  const pause = backoffMs(attempted.deliveryAttempts, outcome.retryAfterMs);
  return fitsWindow(now + pause, attempted.deliverUntil)
    ? updated(job, attempted)
    : withdraw(job, attempted, now);
}

function reportNotice(job: Job, subject: Dispatch, { outcome }: ReportDelivery, now: number): Decision {
  const notice = subject.cancelNotice;
  if (notice?.state !== 'PENDING') return unchanged(job, subject);
  const ended = (state: 'DELIVERED' | 'GIVEN_UP') =>
    updated(job, { ...subject, cancelNotice: { state }, updatedAt: now });
  switch (outcome.kind) {
    case 'delivered':
      return ended('DELIVERED');
    case 'refused':
    case 'dead-lettered':
      return ended('GIVEN_UP');
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

function deadline({ job, open, notices }: JobView, rules: Rules, now: number): Decision {
  const overdue = notices
    .filter((dispatch) => isNoticeOverdue(dispatch, now))
    .map((dispatch): Dispatch => ({ ...dispatch, cancelNotice: { state: 'GIVEN_UP' }, updatedAt: now }));
  const decision = expire(job, open, rules, now);
  if (overdue.length === 0) return decision;
  if (decision.kind !== 'accepted') {
    return { kind: 'accepted', job, dispatch: null, changes: { updated: overdue } };
  }
  const changes = { ...decision.changes, updated: [...(decision.changes.updated ?? []), ...overdue] };
  return { ...decision, changes };
}

function expire(job: Job, open: Dispatch | null, rules: Rules, now: number): Decision {
  const due = awaited(job, open, rules);
  if (due === null || now < due.until) return unchanged(job, open);
  if (due.kind === 'delivery' && open) return withdraw(job, open, now);

  const dispatch = open && move(open, 'TIMED_OUT', now);
  const closed = dispatch ? { updated: [dispatch] } : {};
  if (job.status === 'FAILED') {
    // A retry that was never heard of: the job is as it was before.
    const next = { ...job, openDispatchId: null };
    return { kind: 'accepted', job: next, dispatch, changes: { job: next, ...closed } };
  }
  const next = revise(job, now, {
    status: 'FAILED',
    openDispatchId: null,
    failure: {
      failureCode: 'ORCHESTRATOR_TIMEOUT',
      failureMessage: `The orchestrator gave no sign of life in ${job.status} within the time allowed.`,
      failedStage: job.status,
      correlationId: null,
      occurredAt: now,
    },
  });
  const entry = audit(job, 'FAILED', 'system', now, null, open?.id ?? job.latestCallback?.dispatchId);
  return { kind: 'accepted', job: next, dispatch, changes: { job: next, ...closed, transitions: [entry] } };
}

// --- The pieces that several commands share ---------------------------------------------------

const reject = (rejection: Rejection): Decision => ({ kind: 'rejected', rejection });

const unchanged = (job: Job, dispatch: Dispatch | null): Decision => ({ kind: 'replayed', job, dispatch });

const updated = (job: Job, dispatch: Dispatch): Decision => ({
  kind: 'accepted',
  job,
  dispatch,
  changes: { updated: [dispatch] },
});

const alreadyRunning = (job: Job, open: Dispatch | null, attemptedStatus: Status | null): Decision =>
  reject({
    code: 'JOB_ALREADY_RUNNING',
    currentStatus: job.status,
    attemptedStatus,
    dispatchId: open?.id ?? null,
  });

function refuseTransition(from: Status, to: Status, actor: Actor): Rejection | null {
  if (isTransitionAllowed(from, to, actor)) return null;
  return {
    code: isTerminal(from) ? 'FSM_TERMINAL_IMMUTABLE' : 'FSM_TRANSITION_INVALID',
    currentStatus: from,
    attemptedStatus: to,
    allowedNextStatuses: allowedNextStatuses(from),
  };
}

/** A change of the job that an editor can see. Progress belongs to a status and ends with it. */
function revise(job: Job, now: number, patch: Partial<Job>): Job {
  return { ...job, progressPct: null, ...patch, revision: job.revision + 1, updatedAt: now };
}

function move(dispatch: Dispatch, state: DispatchState, now: number): Dispatch {
  return dispatch.state === state ? dispatch : { ...dispatch, state, updatedAt: now };
}

function intent(command: Run | Retry, rules: Rules, now: number) {
  const windowMs = Math.min(command.windowMs ?? rules.dispatchDeadlineMs, rules.dispatchDeadlineMs);
  return {
    id: command.newDispatchId,
    state: 'PENDING' as const,
    policyVersion: rules.policy.version,
    traceparent: command.traceparent,
    deliverUntil: now + windowMs,
    deliveryAttempts: 0,
    lastError: null,
    executionId: null,
    deliveredAt: null,
    cancelNotice: null,
    createdAt: now,
    updatedAt: now,
  };
}

/** Until it is delivered a dispatch changes nothing that an editor can see of the job itself. */
function openDispatch(job: Job, dispatch: Dispatch): Decision {
  const next = { ...job, openDispatchId: dispatch.id };
  return { kind: 'accepted', job: next, dispatch, changes: { job: next, opened: dispatch } };
}

/** The job is left exactly as it was before the dispatch; the dispatch's record stays. */
function withdraw(job: Job, dispatch: Dispatch, now: number): Decision {
  const next = { ...job, openDispatchId: null };
  const withdrawn = move(dispatch, 'UNDELIVERABLE', now);
  return { kind: 'accepted', job: next, dispatch: withdrawn, changes: { job: next, updated: [withdrawn] } };
}

function delivered(job: Job, pending: Dispatch, executionId: string | null, now: number) {
  const dispatch: Dispatch = {
    ...move(pending, 'DELIVERED', now),
    deliveryAttempts: pending.deliveryAttempts + 1,
    deliveredAt: now,
    executionId,
  };
  if (pending.kind === 'retry') return { job, dispatch, transitions: [] };
  return {
    job: revise(job, now, { status: 'AUDIO_EXTRACTING', lastProgressAt: now }),
    dispatch,
    transitions: [audit(job, 'AUDIO_EXTRACTING', 'system', now, null, pending.id)],
  };
}

function stateAfter(status: Status): DispatchState {
  if (status === 'FAILED') return 'FAILED';
  return isResting(status) ? 'SETTLED' : 'RUNNING';
}

function mergeManifest(manifest: Manifest, artifacts: ArtifactUpdates): Manifest {
  return {
    videoUri: manifest.videoUri,
    audioUri: artifacts.audioUri ?? manifest.audioUri,
    transcriptUri: artifacts.transcriptUri ?? manifest.transcriptUri,
    draftUri: artifacts.draftUri ?? manifest.draftUri,
    exports: { ...manifest.exports, ...artifacts.exports },
  };
}

const ARTIFACT_OF = {
  AUDIO_READY: 'audioUri',
  TRANSCRIPT_READY: 'transcriptUri',
  DRAFT_READY: 'draftUri',
} as const;

/** The checkpoint that this callback records: one it brings, or one whose artifact came earlier. */
function reachedCheckpoint(job: Job, dispatch: Dispatch, command: Callback, now: number): Checkpoint | null {
  const { status, artifacts } = command;
  if (!isCheckpoint(status)) return null;
  const brought = artifacts[ARTIFACT_OF[status]];
  const ref = brought ?? job.manifest[ARTIFACT_OF[status]];
  if (ref === null || (brought === null && job.checkpoints[status]?.ref === ref)) return null;
  return {
    status,
    ref,
    dispatchId: dispatch.id,
    modelProfile: dispatch.modelProfile,
    recordedAt: now,
    digest: artifacts.digest,
    sizeBytes: artifacts.sizeBytes,
  };
}

function audit(
  job: Job,
  newStatus: Status,
  actor: Actor,
  now: number,
  cause: { correlationId: string } | null,
  dispatchId: string | null = null,
): Transition {
  return {
    eventType: newStatus === job.status ? 'failed_again' : 'status_changed',
    actor,
    prevStatus: job.status,
    newStatus,
    dispatchId,
    occurredAt: now,
    recordedAt: now,
    correlationId: cause?.correlationId ?? null,
    checkpoint: null,
  };
}
