// What an editor asks of a job: confirm-upload, run, retry, cancel.
import type { Cancel, ConfirmUpload, Retry, Rules, Run } from './commands.ts';
import { audit, type Decision, type JobView, move, refuseTransition, reject, revise } from './decision.ts';
import { type CancelNotice, type Dispatch, effectiveStatus, type Job } from './job.ts';
import { isInProgress, isResting, type Status } from './lifecycle.ts';
import { refuseProfile } from './policy.ts';
import { resumePoint } from './resume.ts';

export function confirmUpload({ job, open }: JobView, command: ConfirmUpload, now: number): Decision {
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

export function run(view: JobView, command: Run, rules: Rules, now: number): Decision {
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
    ...intent(job, command, rules, now),
    kind: 'run',
    modelProfile: command.modelProfile ?? rules.policy.defaultProfile,
    clientRequestId: null,
    resumeFromStatus: null,
    checkpointRef: null,
  });
}

export function retry(view: JobView, command: Retry, rules: Rules, now: number): Decision {
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
    ...intent(job, command, rules, now),
    kind: 'retry',
    modelProfile: command.modelProfile,
    clientRequestId: command.clientRequestId,
    resumeFromStatus: point.status,
    checkpointRef: point.ref,
  });
}

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

const alreadyRunning = (job: Job, open: Dispatch | null, attemptedStatus: Status | null): Decision =>
  reject({
    code: 'JOB_ALREADY_RUNNING',
    currentStatus: job.status,
    attemptedStatus,
    dispatchId: open?.id ?? null,
  });

function intent(job: Job, command: Run | Retry, rules: Rules, now: number) {
  const createdAt = Math.max(now, (job.latestDispatchAt ?? 0) + 1);
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
    createdAt,
    updatedAt: createdAt,
  };
}

/** Until it is delivered a dispatch changes nothing that an editor can see of the job itself. */
function openDispatch(job: Job, dispatch: Dispatch): Decision {
  const next = { ...job, openDispatchId: dispatch.id, latestDispatchAt: dispatch.createdAt };
  return { kind: 'accepted', job: next, dispatch, changes: { job: next, opened: dispatch } };
}
