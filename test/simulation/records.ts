// What is seen of a simulated world from outside: what editors asked and were answered, what the orchestrator was sent,
// and how its reports were answered.
import type {
  CallbackAnswer,
  DispatchAnswer,
  EditAnswer,
  ErasureAnswer,
  JobAnswer,
  ShownAnswer,
} from '../../src/actor/answers.ts';
import type { Delivery } from '../../src/contract/messages.ts';
import type { Callback, DeliveryOutcome } from '../../src/domain/commands.ts';
import type { Task } from '../../src/domain/dispatch.ts';
import type { Rejection } from '../../src/domain/rejection.ts';
import type { Call, Ending, Exporting, OrchestratorRequest, Report, ReportAnswer } from '../rules/case.ts';
import { byCheckpoint } from '../rules/outside.ts';
import { listed } from './stored.ts';

/** What is known of a call before it is answered. */
export type Asking = Pick<Call, 'operation' | 'request' | 'prefer'> & Partial<Pick<Call, 'edit' | 'exports'>>;

export class Records {
  readonly calls: Call[] = [];
  readonly requests: OrchestratorRequest[] = [];
  readonly reports: Report[] = [];
  longestRetryAfterMs = 0;
  /** Of the messages that met no fault, between the queue and the orchestrator. */
  longestToHealthyMs = 0;
  wasFull = false;
  /** When the job's erasure was decided, for all that was stored then; null for never. */
  erasedAt: number | null = null;
  readonly #underWay = new Set<Delivery>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A call is made; what is returned takes its end. One that never ends stays unanswered. */
  asks(asking: Asking): (end: Ending) => void {
    const call: Call = {
      ...{ ...asking, sentAt: this.#now(), endedAt: Infinity },
      ending: { kind: 'unanswered', metFault: false },
    };
    this.calls.push(call);
    return (ending) => {
      call.endedAt = this.#now();
      call.ending = ending;
    };
  }

  /** A pipeline reports; what is returned takes the answer. */
  reported({ dispatchId, eventId, status, ...report }: Callback): (answer: ReportAnswer) => void {
    const sent: Report = {
      ...{
        dispatchId,
        eventId,
        status,
        occurredAt: report.occurredAt,
        correlationId: report.correlationId ?? '',
      },
      artifacts: byCheckpoint((field) => report.artifacts[field]),
      failedStage: report.failure?.failedStage ?? null,
      ...{ sentAfter: this.#now(), answeredAt: Infinity, answer: 'none' },
    };
    this.reports.push(sent);
    return (answer) => {
      sent.answeredAt = this.#now();
      sent.answer = answer;
    };
  }

  /** This is on its way to the orchestrator. */
  isDelivering(dispatchId: string | null): boolean {
    return [...this.#underWay].some((delivery) => delivery.dispatchId === dispatchId);
  }

  /** The orchestrator is sent this. */
  delivers(delivery: Delivery): void {
    if (delivery.type !== 'job.cancel') this.#underWay.add(delivery);
  }

  /** It came out so. */
  delivered(delivery: Delivery, outcome: DeliveryOutcome): void {
    this.#underWay.delete(delivery);
    const { dispatchId, type, resumeFromStatus: resumeFrom, checkpointRef: ref, stages, task } = delivery;
    const isCancel = type === 'job.cancel';
    const keep = stages.flatMap(({ stage, ...plan }) =>
      plan.action === 'keep' && plan.ref !== null ? [{ stage, version: plan.version, ref: plan.ref }] : [],
    );
    this.requests.push({
      // What was planned before plans were kept names none.
      ...{ dispatchId, type, resumeFrom, ref, keep: isCancel || stages.length === 0 ? null : keep },
      exports: isCancel ? null : exportsOf(task),
      wasRefused: outcome.kind === 'refused',
    });
    if (outcome.kind === 'unreachable') {
      this.longestRetryAfterMs = Math.max(this.longestRetryAfterMs, outcome.retryAfterMs ?? 0);
    }
  }
}

export const exportsOf = (task: Task): Exporting | null =>
  task.kind === 'export' ? { formats: task.formats, params: task.params } : null;

/** What the service answers to an exception that is not one of the platform's. */
export const INTERNAL_ERROR: Ending = { kind: 'refused', status: 500, code: 'INTERNAL', dispatchId: null };

export function endingOfDispatch(answer: DispatchAnswer): Ending {
  if (!answer.ok) return refusal(answer.rejection);
  const { id, state, resumeFromStatus: resumeFrom, checkpointRef: ref } = answer.dispatch;
  const { replayed } = answer;
  const dispatch = { id, state, replayed, resumeFrom, ref };
  return { kind: 'done', status: replayed ? 200 : 202, dispatch, revision: null };
}

export const endingOfJob = (answer: JobAnswer): Ending =>
  answer.ok
    ? { kind: 'done', status: 200, dispatch: null, revision: answer.job.revision }
    : refusal(answer.rejection);

export const endingOfErasure = (answer: ErasureAnswer): Ending =>
  answer.ok
    ? { kind: 'done', status: answer.isGone ? 204 : 202, dispatch: null, revision: null }
    : refusal(answer.rejection);

export const endingOfShown = (answer: ShownAnswer): Ending =>
  answer.ok
    ? { kind: 'done', status: 200, dispatch: null, revision: JSON.parse(answer.body).revision }
    : refusal(answer.rejection);

export const endingOfEdit = (answer: EditAnswer): Ending => {
  if (!answer.ok) return refusal(answer.rejection);
  const edit = { version: listed(answer.version), replayed: answer.replayed };
  return { kind: 'done', status: 200, dispatch: null, revision: answer.job.revision, edit };
};

export function toReportAnswer(answer: CallbackAnswer): ReportAnswer {
  if (!answer.ok) return answer.rejection.code === 'DISPATCH_NOT_CURRENT' ? 'stopped' : 'refused';
  return answer.replayed ? 'replayed' : 'applied';
}

const STATUSES: Readonly<Record<string, number>> = {
  ...{ ORCHESTRATOR_DISPATCH_FAILED: 502, RESOURCE_NOT_FOUND: 404 },
  ...{ PLAN_CHANGED: 412, JOB_CHANGED: 412 },
};

function refusal(rejection: Rejection): Ending {
  const { code } = rejection;
  const status = STATUSES[code] ?? 409;
  return {
    ...{ kind: 'refused', status, code },
    dispatchId: 'dispatchId' in rejection ? rejection.dispatchId : null,
  };
}
