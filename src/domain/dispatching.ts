// An editor asks for a pipeline: whether the job may have one, and the dispatch that it gets. What tells a run from a
// retry stands in the table of acts.
import { ACTS, retryNotAllowed } from './acts.ts';
import type { Retry, Run } from './commands.ts';
import { type Decision, type JobView, refuseTransition, reject } from './decision.ts';
import type { Dispatch } from './dispatch.ts';
import type { Job } from './job.ts';
import { isInProgress } from './lifecycle.ts';
import { enginesOf, refuseProfile } from './policy.ts';
import type { Rejection } from './rejection.ts';
import type { ResumePoint } from './resume.ts';
import type { Rules } from './rules.ts';

export function askForPipeline(view: JobView, command: Run | Retry, rules: Rules, now: number): Decision {
  const { job, open, subject } = view;
  // A cancelled job replays nothing: what was dispatched for it is stale.
  if (subject && job.status !== 'CANCELLED') {
    const repeats = command.modelProfile === null || command.modelProfile === subject.modelProfile;
    if (repeats) return { kind: 'replayed', job, dispatch: subject };
    if (command.type === 'retry') {
      const { clientRequestId } = command;
      return reject({ code: 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH', clientRequestId, dispatchId: subject.id });
    }
  }
  const act = ACTS[command.type];
  const start = act.startsFrom(job);
  if (open || isInProgress(job.status)) {
    return reject({
      code: 'JOB_ALREADY_RUNNING',
      currentStatus: job.status,
      attemptedStatus: act.attempts(start),
      dispatchId: open?.id ?? null,
    });
  }
  const modelProfile = command.modelProfile ?? rules.policy.defaultProfile;
  const refusal = act.refuse(job, start) ?? refuseProfile(rules.policy, modelProfile, start?.status ?? null);
  if (refusal) return reject(refusal);
  if (start === null) return reject(retryNotAllowed(job, start, 'nothing_to_resume_from'));
  return openDispatch(job, newDispatch(job, command, { modelProfile, start }, rules, now));
}

function newDispatch(
  job: Job,
  command: Run | Retry,
  { modelProfile, start }: { modelProfile: string; start: ResumePoint },
  rules: Rules,
  now: number,
): Dispatch {
  // Fencing goes by the order in which dispatches were made, whatever the clock does.
  const createdAt = Math.max(now, (job.latestDispatchAt ?? 0) + 1);
  const windowMs = Math.min(command.windowMs ?? rules.dispatchDeadlineMs, rules.dispatchDeadlineMs);
  const record = {
    id: command.newDispatchId,
    state: 'PENDING' as const,
    modelProfile,
    policyVersion: rules.policy.version,
    engines: enginesOf(rules.policy, modelProfile),
    actorId: command.actorId,
    correlationId: command.correlationId,
    traceparent: command.traceparent,
    deliverUntil: now + windowMs,
    deliveryAttempts: 0,
    lastError: null,
    outcomeUnknown: false,
    executionId: null,
    deliveredAt: null,
    firstReportAt: null,
    cancelNotice: null,
    createdAt,
    updatedAt: createdAt,
  };
  if (command.type === 'run') {
    return { ...record, kind: 'run', clientRequestId: null, resumeFromStatus: null, checkpointRef: null };
  }
  return {
    ...record,
    kind: 'retry',
    clientRequestId: command.clientRequestId,
    resumeFromStatus: start.status,
    checkpointRef: start.ref,
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
    if (dispatch.kind === 'run') return refuseTransition(job.status, 'AUDIO_EXTRACTING', 'system');
    const start = { status: dispatch.resumeFromStatus, ref: dispatch.checkpointRef };
    return retryNotAllowed(job, start, job.status === 'CANCELLED' ? 'not_failed' : 'abandoned');
  }
  return null;
}
