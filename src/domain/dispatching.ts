// An editor asks for a pipeline: whether the job may have one, and the dispatch that it gets. What it would do, or why it is
// refused, is planned in plan.ts.
import { ACTS } from './acts.ts';
import type { Ask } from './commands.ts';
import { type Decision, type JobView, refuseTransition, reject, retryNotAllowed } from './decision.ts';
import { DISPATCH_KINDS, type Dispatch } from './dispatch.ts';
import { NO_EVIDENCE } from './evidence.ts';
import type { Job } from './job.ts';
import { type Plan, type PlanRequest, planDispatch, planTag, type ResumePoint } from './plan.ts';
import type { Rejection } from './rejection.ts';
import type { Rules } from './rules.ts';

export const isAsk = (command: { type: string }): command is Ask =>
  (DISPATCH_KINDS as readonly string[]).includes(command.type);

export function askForPipeline(view: JobView, command: Ask, rules: Rules, now: number): Decision {
  const { job, subject } = view;
  const { request, clientRequestId, ifMatch } = asked(command);
  // A cancelled job replays nothing: what was dispatched for it is stale.
  if (subject && job.status !== 'CANCELLED') {
    if (isRepeat(request, subject)) return { kind: 'replayed', job, dispatch: subject };
    if (clientRequestId !== null) {
      return reject({ code: 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH', clientRequestId, dispatchId: subject.id });
    }
  }
  const plan = planDispatch(view, request, rules);
  // What the caller has seen comes before what it would be refused for (RFC 9110 §13.2.1).
  if (ifMatch && !ifMatch.includes(planTag(plan))) return reject({ code: 'PLAN_CHANGED', plan });
  if (plan.refusal) return reject(plan.refusal);
  if (plan.resume === null) throw new Error('a plan without anything to start from is refused');
  return openDispatch(job, newDispatch(job, command, plan, plan.resume, rules, now));
}

/** What is asked for, and what besides decides. */
interface Asked {
  request: PlanRequest;
  clientRequestId: string | null;
  ifMatch: readonly string[] | null;
}

/** A run starts at the upload, and there is nothing that evidence could speak against; an export takes what there is. */
export function asked(command: Ask): Asked {
  const wherever = { kind: command.type, resumeFrom: null, discardEdits: [], task: null };
  switch (command.type) {
    case 'run': {
      const request = { ...wherever, modelProfile: command.modelProfile, evidence: NO_EVIDENCE };
      return { request, clientRequestId: null, ifMatch: null };
    }
    case 'retry':
    case 'redo': {
      const { modelProfile, resumeFrom, discardEdits, evidence, clientRequestId, ifMatch } = command;
      const request = { ...wherever, modelProfile, resumeFrom, discardEdits, evidence };
      return { request, clientRequestId, ifMatch };
    }
    case 'export': {
      const { task, discardEdits, evidence, clientRequestId } = command;
      const request = { ...wherever, modelProfile: null, discardEdits, task, evidence };
      return { request, clientRequestId, ifMatch: null };
    }
    default:
      return command satisfies never;
  }
}

/** Of a profile that was left to the service nothing is asked of a repeat. */
function isRepeat({ modelProfile, resumeFrom, discardEdits, task }: PlanRequest, known: Dispatch): boolean {
  const { plan } = known;
  return (
    (modelProfile === null || modelProfile === known.modelProfile) &&
    resumeFrom === (plan?.asked ?? null) &&
    String(discardEdits) === String(plan?.discardEdits ?? []) &&
    (task === null || JSON.stringify(task) === JSON.stringify(known.task))
  );
}

function newDispatch(
  job: Job,
  command: Ask,
  { kind, task, modelProfile, policyVersion, engines, asked, discardEdits, editsDiscarded, stages }: Plan,
  resume: ResumePoint,
  rules: Rules,
  now: number,
): Dispatch {
  // Fencing goes by the order in which dispatches were made, whatever the clock does.
  const createdAt = Math.max(now, (job.latestDispatchAt ?? 0) + 1, (job.latestEditAt ?? 0) + 1);
  const windowMs = Math.min(command.windowMs ?? rules.dispatchDeadlineMs, rules.dispatchDeadlineMs);
  const startsAtUpload = kind === 'run';
  return {
    id: command.newDispatchId,
    kind,
    task,
    clientRequestId: 'clientRequestId' in command ? command.clientRequestId : null,
    resumeFromStatus: startsAtUpload ? null : resume.status,
    checkpointRef: startsAtUpload ? null : resume.ref,
    state: 'PENDING',
    modelProfile,
    policyVersion,
    engines,
    plan: { asked, discardEdits, editsDiscarded, stages, proof: resume.proof },
    failure: null,
    actorId: command.actorId,
    operationId: command.operationId ?? null,
    correlationId: command.correlationId,
    traceparent: command.traceparent,
    deliverUntil: now + windowMs,
    deliveryAttempts: 0,
    lastError: null,
    outcomeUnknown: false,
    wasRefused: false,
    retryAfterAt: null,
    executionId: null,
    deliveredAt: null,
    firstReportAt: null,
    cancelNotice: null,
    createdAt,
    updatedAt: createdAt,
  };
}

/** Until it is delivered a dispatch changes nothing that an editor can see of the job itself. */
function openDispatch(job: Job, dispatch: Dispatch): Decision {
  const { id, operationId, createdAt } = dispatch;
  const latestOperation = operationId === null ? job.latestOperation : { operationId, dispatchId: id };
  const next = { ...job, openDispatchId: id, latestDispatchAt: createdAt, latestOperation };
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
    const { begins } = ACTS[dispatch.kind];
    if (begins !== null) return refuseTransition(job.status, begins, 'system');
    const reason = job.status === 'CANCELLED' ? 'not_failed' : 'abandoned';
    return retryNotAllowed(job.status, dispatch.resumeFromStatus ?? 'UPLOADED', reason);
  }
  return null;
}
