// An editor asks for a pipeline: whether the job may have one, and the dispatch that it gets. What it would do, or why it is
// refused, is planned in plan.ts.
import { retryNotAllowed } from './acts.ts';
import type { Retry, Run } from './commands.ts';
import { type Decision, type JobView, refuseTransition, reject } from './decision.ts';
import type { Dispatch } from './dispatch.ts';
import { NO_EVIDENCE } from './evidence.ts';
import type { Job } from './job.ts';
import { type Plan, type PlanRequest, planDispatch, planTag, type ResumePoint } from './plan.ts';
import type { Rejection } from './rejection.ts';
import type { Rules } from './rules.ts';

export function askForPipeline(view: JobView, command: Run | Retry, rules: Rules, now: number): Decision {
  const { job, subject } = view;
  // A cancelled job replays nothing: what was dispatched for it is stale.
  if (subject && job.status !== 'CANCELLED') {
    if (isRepeat(command, subject)) return { kind: 'replayed', job, dispatch: subject };
    if (command.type === 'retry') {
      const { clientRequestId } = command;
      return reject({ code: 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH', clientRequestId, dispatchId: subject.id });
    }
  }
  const plan = planDispatch(view, planRequestOf(command, rules), rules);
  // What the caller has seen comes before what it would be refused for (RFC 9110 §13.2.1).
  if (command.type === 'retry' && command.ifMatch && !command.ifMatch.includes(planTag(plan))) {
    return reject({ code: 'PLAN_CHANGED', plan });
  }
  if (plan.refusal) return reject(plan.refusal);
  if (plan.resume === null) throw new Error('a plan without anything to start from is refused');
  return openDispatch(job, newDispatch(job, command, plan, plan.resume, rules, now));
}

function isRepeat(command: Run | Retry, { modelProfile, plan }: Dispatch): boolean {
  if (command.type === 'run') return command.modelProfile === null || command.modelProfile === modelProfile;
  return command.modelProfile === modelProfile && command.resumeFrom === (plan?.asked ?? null);
}

/** A run starts at the upload, and there is nothing that evidence could speak against. */
const planRequestOf = (command: Run | Retry, rules: Rules): PlanRequest =>
  command.type === 'run'
    ? {
        kind: 'run',
        modelProfile: command.modelProfile ?? rules.policy.defaultProfile,
        resumeFrom: null,
        evidence: NO_EVIDENCE,
      }
    : {
        kind: 'retry',
        modelProfile: command.modelProfile,
        resumeFrom: command.resumeFrom,
        evidence: command.evidence,
      };

function newDispatch(
  job: Job,
  command: Run | Retry,
  { modelProfile, policyVersion, engines, asked, stages }: Plan,
  resume: ResumePoint,
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
    policyVersion,
    engines,
    plan: { asked, stages, proof: resume.proof },
    failure: null,
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
    resumeFromStatus: resume.status,
    checkpointRef: resume.ref,
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
    const reason = job.status === 'CANCELLED' ? 'not_failed' : 'abandoned';
    return retryNotAllowed(job, dispatch.resumeFromStatus, reason);
  }
  return null;
}
