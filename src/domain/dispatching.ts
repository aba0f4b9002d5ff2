// A pipeline is asked for, by an editor or because a failed job's time has come: whether the job may have one, and the dispatch that
// it gets. What it would do, or why it is refused, is planned in plan.ts.
import { ACTS } from './acts.ts';
import { CALLED_OFF, dueRetry, refuseAutomatic } from './automatic-retry.ts';
import type { Ask, RetryDue } from './commands.ts';
import {
  type Decision,
  type JobView,
  refuseTransition,
  reject,
  retryNotAllowed,
  unchanged,
} from './decision.ts';
import { DISPATCH_KINDS, type Dispatch, isWithdrawn } from './dispatch.ts';
import { NO_EVIDENCE } from './evidence.ts';
import type { Job } from './job.ts';
import { type Plan, type PlanRequest, planDispatch, planTag } from './plan.ts';
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
  return openDispatch(
    job,
    newDispatch(job, { ...command, clientRequestId, isAutomatic: false }, plan, rules, now),
  );
}

/**
 * The time of a failed job has come to be retried by itself. Whatever came first (an editor, or another alarm) has left nothing
 * that is due; and what is refused now is not tried again.
 */
export function retryDue({ job, open }: JobView, command: RetryDue, rules: Rules, now: number): Decision {
  const request = dueRetry(job, open, command.evidence, now);
  if (request === null || job.automatic === null) return unchanged(job, open);
  const plan = planDispatch({ job, open }, request, rules);
  const refusal = refuseAutomatic(job.automatic, rules) ?? plan.refusal;
  if (refusal) {
    const next = { ...job, ...CALLED_OFF };
    return { kind: 'accepted', job: next, dispatch: null, refusal, changes: { job: next } };
  }
  const asking = {
    ...{ newDispatchId: command.newDispatchId, traceparent: command.traceparent, windowMs: null },
    // Which of the retries it is: of one that is withdrawn, the next one is the same.
    clientRequestId: `auto:${job.retries + 1}`,
    correlationId: job.automatic.correlationId,
    ...{ isAutomatic: true, actorId: null },
  };
  return openDispatch(job, newDispatch(job, asking, plan, rules, now));
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

/** Who asks, and how it is known. */
type Asking = Pick<
  Dispatch,
  'clientRequestId' | 'isAutomatic' | 'actorId' | 'correlationId' | 'traceparent'
> &
  Pick<Ask, 'newDispatchId' | 'windowMs' | 'operationId' | 'actorName'>;

function newDispatch(job: Job, asking: Asking, plan: Plan, rules: Rules, now: number): Dispatch {
  const { kind, task, modelProfile, policyVersion, engines, resume } = plan;
  const { asked, discardEdits, editsDiscarded, stages } = plan;
  if (resume === null) throw new Error('a plan without anything to start from is refused');
  // Fencing goes by the order in which dispatches were made, whatever the clock does.
  const createdAt = Math.max(now, (job.latestDispatchAt ?? 0) + 1, (job.latestEditAt ?? 0) + 1);
  const windowMs = Math.min(asking.windowMs ?? rules.dispatchDeadlineMs, rules.dispatchDeadlineMs);
  const startsAtUpload = kind === 'run';
  return {
    id: asking.newDispatchId,
    kind,
    task,
    clientRequestId: asking.clientRequestId,
    resumeFromStatus: startsAtUpload ? null : resume.status,
    checkpointRef: startsAtUpload ? null : resume.ref,
    state: 'PENDING',
    modelProfile,
    policyVersion,
    engines,
    plan: { asked, discardEdits, editsDiscarded, stages, proof: resume.proof },
    failure: null,
    isAutomatic: asking.isAutomatic,
    actorId: asking.actorId,
    actorName: asking.actorName ?? null,
    operationId: asking.operationId ?? null,
    correlationId: asking.correlationId,
    traceparent: asking.traceparent,
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
  const { id, kind, operationId, createdAt } = dispatch;
  const latestOperation = operationId === null ? job.latestOperation : { operationId, dispatchId: id };
  const retries = job.retries + (kind === 'retry' ? 1 : 0);
  const next = { ...job, openDispatchId: id, latestDispatchAt: createdAt, latestOperation, retries };
  return { kind: 'accepted', job: next, dispatch, changes: { job: next, opened: dispatch } };
}

/**
 * Why a caller who waited for this dispatch is refused after all; null when the dispatch stands.
 */
export function refuseDispatch(job: Job, dispatch: Dispatch): Rejection | null {
  if (isWithdrawn(dispatch)) {
    const { id, deliveryAttempts, lastError } = dispatch;
    return { code: 'ORCHESTRATOR_DISPATCH_FAILED', dispatchId: id, deliveryAttempts, lastError };
  }
  if (dispatch.state === 'CANCELLED') {
    const { begins } = ACTS[dispatch.kind];
    const ended = begins && refuseTransition(job.status, begins, 'system');
    // Where the job could have another by now, this one was given up all the same.
    if (ended) return ended;
    const reason = job.status === 'CANCELLED' ? 'not_failed' : 'abandoned';
    return retryNotAllowed(job.status, dispatch.resumeFromStatus ?? 'UPLOADED', reason);
  }
  return null;
}
