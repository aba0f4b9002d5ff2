// An editor asks for a pipeline: a run from the upload, or a retry from the latest valid checkpoint.
import type { Retry, Run } from './commands.ts';
import { type Decision, type JobView, refuseTransition, reject } from './decision.ts';
import type { Dispatch } from './dispatch.ts';
import type { Job } from './job.ts';
import { isInProgress, type Status } from './lifecycle.ts';
import { refuseProfile } from './policy.ts';
import type { Rejection } from './rejection.ts';
import { resumePoint } from './resume.ts';
import type { Rules } from './rules.ts';

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
