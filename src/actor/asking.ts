// An operation's calls to its jobs: one at a time to each, repeated after pauses while there is no answer, and no more on account
// of one event than an event may make. All of it is in memory: whoever loses it asks again, under the same ids.
import { newDispatchId } from '../contract/ids.ts';
import { type Answer, restAfterCalls } from '../domain/operating.ts';
import { newsOf, type Operation } from '../domain/operation.ts';
import { REPORT_GRACE_MS } from '../domain/resending.ts';
import type { Rules } from '../domain/rules.ts';
import { describeError, log } from '../log.ts';
import { jobObject } from '../objects.ts';
import { within } from '../time-limit.ts';
import type { DispatchAnswer } from './answers.ts';

/** How long it is waited for what becomes of a delivery: nearly all are delivered by then. */
const DELIVERY_WAIT_MS = 5_000;
/** An answer that takes longer than its wait and this does not come any more. */
const CALL_LIMIT_MS = 15_000;
/** How many jobs are asked on account of one event: what an event may call is limited. The alarm goes on with the rest. */
const MOST_AT_ONCE = 500;

export type Question = 'retry' | 'news';

interface Surroundings {
  env: Env;
  rules(): Rules;
  waitUntil(asking: Promise<unknown>): void;
  /** Null when there was no answer, however often it was asked for. */
  answered(jobId: string, answer: Answer | null): void;
  /** Somebody else may be asked, or the same one again. */
  rested(): void;
}

export class Asking {
  readonly #around: Surroundings;
  /** Who was asked and has not answered. */
  readonly #asked = new Set<string>();
  /** Who rests after a call that failed. */
  readonly #resting = new Set<string>();
  /** How often in a row a call has failed. */
  readonly #failures = new Map<string, number>();
  #left = MOST_AT_ONCE;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  get asked(): ReadonlySet<string> {
    return this.#asked;
  }

  get resting(): ReadonlySet<string> {
    return this.#resting;
  }

  /** How many more may be asked before another event comes. */
  get left(): number {
    return Math.max(this.#left, 0);
  }

  /** An event has come. */
  begin(): void {
    this.#left = MOST_AT_ONCE;
  }

  ask(operation: Operation, jobId: string, question: Question): void {
    const { env, rules, waitUntil } = this.#around;
    const answer = question === 'retry' ? retry(operation, jobId, rules(), env) : news(operation, jobId, env);
    this.#asked.add(jobId);
    this.#left -= 1;
    waitUntil(
      answer.then(
        (said) => this.#answered(jobId, said),
        (error) => this.#failed(operation, jobId, question, error),
      ),
    );
  }

  #answered(jobId: string, answer: Answer | null): void {
    this.#asked.delete(jobId);
    this.#failures.delete(jobId);
    this.#around.answered(jobId, answer);
  }

  /** Nobody knows what became of it: it is asked again after a pause, under the same id. */
  #failed({ id }: Operation, jobId: string, question: Question, error: unknown): void {
    const failures = (this.#failures.get(jobId) ?? 0) + 1;
    this.#failures.set(jobId, failures);
    log('warn', 'operation_call_failed', {
      ...{ operation_id: id, job_id: jobId, attempts: failures },
      error: describeError(error),
    });
    const restMs = restAfterCalls(failures);
    if (restMs === null) {
      // Should it have been begun all the same, its news says so.
      this.#answered(jobId, question === 'retry' ? { kind: 'refused', code: 'INTERNAL' } : null);
      return;
    }
    this.#asked.delete(jobId);
    this.#resting.add(jobId);
    setTimeout(() => {
      this.#resting.delete(jobId);
      this.#around.rested();
    }, restMs);
    this.#around.rested();
  }
}

/** By which a job knows the retry that this operation asks it for: a repeat finds the same dispatch. */
const requestIdOf = ({ id }: Operation, jobId: string): string => `${id}:${jobId}`;

function news(operation: Operation, jobId: string, env: Env): Promise<Answer> {
  const look = async (): Promise<Answer> =>
    await jobObject(env, jobId).newsOf(operation.owner, requestIdOf(operation, jobId));
  return within(CALL_LIMIT_MS, look());
}

/** By the very way of a single retry. */
async function retry(operation: Operation, jobId: string, rules: Rules, env: Env): Promise<Answer> {
  const {
    id: operationId,
    owner,
    actorId,
    actorName,
    correlationId,
    traceparent,
    modelProfile,
    pauses,
  } = operation;
  // Of the one by which it is found out whether the orchestrator is back, the outcome is waited for.
  const waitMs = pauses > 0 ? rules.dispatchDeadlineMs + 2 * REPORT_GRACE_MS : DELIVERY_WAIT_MS;
  const asked = {
    ...{ type: 'retry' as const, owner, actorId, actorName, correlationId, traceparent },
    ...{ operationId, modelProfile },
    ...{ clientRequestId: requestIdOf(operation, jobId), newDispatchId: newDispatchId() },
    ...{ discardEdits: operation.discardEdits, windowMs: null, resumeFrom: null, ifMatch: null },
  };
  const ask = async (): Promise<DispatchAnswer> => await jobObject(env, jobId).dispatch(asked, waitMs);
  const answer = await within(waitMs + CALL_LIMIT_MS, ask());
  if (answer.dispatch) {
    if (answer.dispatch.operationId === operationId) {
      return { kind: 'dispatch', news: newsOf(answer.dispatch) };
    }
    // An editor has made the same id up.
    return { kind: 'refused', code: 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH' };
  }
  if (answer.ok) throw new Error('what is accepted has a dispatch');
  const { code } = answer.rejection;
  return code === 'RESOURCE_NOT_FOUND' ? { kind: 'gone' } : { kind: 'refused', code };
}
