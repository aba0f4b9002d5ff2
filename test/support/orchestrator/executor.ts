// Runs pipelines: starts them, gives their steps time, sends their callbacks, stops them. Which
// steps there are is pipeline.ts's, whether a dispatch is executed at all dispatches.ts's.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { sendCallback, type Verdict } from './callback-sender.ts';
import { resumeStatusOf, type WorkDispatch } from './dispatch.ts';
import type { Journal } from './journal.ts';
import type { CallbackBody, EndState, ExecutionRecord } from './log.ts';
import { type Misbehaviours, spoilCallback, spoilPlan } from './misbehaviour.ts';
import { type Course, courseOf, type Step } from './pipeline.ts';
import type { PipelinePlan } from './plan.ts';
import type { PlanBook } from './plan-book.ts';
import type { Gate, Pulse } from './pulse.ts';

export type ExecutorDeps = {
  journal: Journal;
  plans: PlanBook;
  gate: Gate;
  pulse: Pulse;
  shutdown: AbortSignal;
  misbehave: Misbehaviours;
  stepMs: number;
  callbackBackoffMs: number;
  say: (line: string) => void;
};

type Ending = { state: EndState; reason: string | null };

/** `firstCallback` settles when the first callback was answered, or there will be none. */
export type Started = { execution: ExecutionRecord; firstCallback: Promise<void> };

type Running = {
  execution: ExecutionRecord;
  plan: PipelinePlan;
  stop: AbortController;
  onAnswer: () => void;
};

export class Executor {
  readonly #deps: ExecutorDeps;
  readonly #running = new Set<Running>();

  constructor(deps: ExecutorDeps) {
    this.#deps = deps;
  }

  /** Records the execution and starts its pipeline, both before it returns. */
  start(dispatch: WorkDispatch, idempotencyKey: string): Started {
    const { journal, plans, misbehave } = this.#deps;
    const plan = spoilPlan(plans.pipelineOf(dispatch.job_id), misbehave);
    const execution: ExecutionRecord = {
      kind: 'execution',
      execution_id: `exe_${randomUUID()}`,
      at: new Date().toISOString(),
      type: dispatch.type,
      dispatch_id: dispatch.dispatch_id,
      job_id: dispatch.job_id,
      idempotency_key: idempotencyKey,
      resume_from_status: resumeStatusOf(dispatch),
      callback_url: dispatch.callback_url,
      callback_token: dispatch.callback_token,
      state: plan.manual ? 'manual' : 'running',
      reason: null,
    };
    journal.append(execution);
    if (plan.manual) return { execution, firstCallback: Promise.resolve() };

    const mayFail = plans.failureLeft(dispatch.job_id);
    const course = courseOf(dispatch, execution.execution_id, plan, mayFail, misbehave);
    if (course.end === 'failed') plans.countFailure(dispatch.job_id);
    const { promise: firstCallback, resolve: onAnswer } = Promise.withResolvers<void>();
    const running: Running = { execution, plan, stop: new AbortController(), onAnswer };
    this.#running.add(running);
    this.#run(running, course).catch((error: unknown) => this.#deps.say(`error: ${String(error)}`));
    return { execution, firstCallback };
  }

  /** Stops the dispatch's pipeline, and says whether there was one to stop. */
  cancel(dispatchId: string): boolean {
    const stopped = [...this.#running].filter(({ execution }) => execution.dispatch_id === dispatchId);
    for (const { stop } of stopped) stop.abort();
    return stopped.length > 0;
  }

  isRunning(jobId: string): boolean {
    return [...this.#running].some(({ execution }) => execution.job_id === jobId);
  }

  async #run(running: Running, course: Course): Promise<void> {
    const { journal, pulse, shutdown, say } = this.#deps;
    const { execution_id } = running.execution;
    const signal = AbortSignal.any([running.stop.signal, shutdown]);
    let ending: Ending;
    try {
      ending = await this.#follow(running, course, signal);
    } catch (error) {
      if (shutdown.aborted) return;
      ending = running.stop.signal.aborted
        ? { state: 'cancelled', reason: 'job.cancel' }
        : { state: 'stopped', reason: `a bug of the orchestrator: ${String(error)}` };
    } finally {
      this.#running.delete(running);
      running.onAnswer();
    }
    journal.append({ kind: 'ended', execution_id, ...ending });
    say(`pipeline ${execution_id} ${ending.state}${ending.reason ? `: ${ending.reason}` : ''}`);
    pulse.beat();
  }

  async #follow(running: Running, course: Course, signal: AbortSignal): Promise<Ending> {
    const { plan, execution } = running;
    const pauseAt = course.steps.findIndex((step) => step.status === plan.pause_before);
    const batch: CallbackBody[] = [];
    let lastOccurredMs = 0;
    for (const [index, step] of course.steps.entries()) {
      if (index === pauseAt) await this.#deps.gate.wait(execution.job_id, signal);
      await sleep(plan.step_ms ?? this.#deps.stepMs, undefined, { signal });
      // Strictly increasing even within a millisecond, or a swapped pair would have no true order.
      lastOccurredMs = Math.max(Date.now(), lastOccurredMs + 1);
      const callback = toCallback(step, execution.execution_id, lastOccurredMs);
      batch.push(spoilCallback(callback, this.#deps.misbehave));
      if (plan.reorder && batch.length < 2 && index < course.steps.length - 1) continue;
      const stopped = await this.#send(running, batch.splice(0).reverse(), signal);
      if (stopped) return stopped;
    }
    return { state: course.end, reason: null };
  }

  /**
   * Sends in the given order. A refused callback ends the pipeline, except for what swapping brings with it: one
   * that came too early is sent again after its predecessor, one that came too late is superseded.
   */
  async #send(running: Running, queue: CallbackBody[], signal: AbortSignal): Promise<Ending | undefined> {
    const swapped = queue.length > 1;
    const seen = new Set<CallbackBody>();
    for (const body of queue) {
      await sleep(running.plan.late_ms ?? 0, undefined, { signal });
      const verdict = await this.#sendOne(running, body, signal);
      if (running.plan.duplicate) await this.#sendOne(running, body, signal);
      running.onAnswer();
      if (verdict.kind === 'taken') continue;
      if (verdict.kind === 'unreachable') return { state: 'stopped', reason: 'the receiver is unreachable' };
      if (isIgnored(verdict.status, this.#deps.misbehave)) continue;
      if (swapped && verdict.errorCode === 'CALLBACK_OUT_OF_ORDER') continue;
      if (swapped && verdict.errorCode === 'FSM_TRANSITION_INVALID' && !seen.has(body)) {
        seen.add(body);
        queue.push(body);
        continue;
      }
      return { state: 'stopped', reason: `${verdict.status} ${verdict.errorCode ?? ''}`.trim() };
    }
    return undefined;
  }

  async #sendOne({ execution }: Running, body: CallbackBody, stop: AbortSignal): Promise<Verdict> {
    const { journal, shutdown, callbackBackoffMs: backoffMs, misbehave, say } = this.#deps;
    const { execution_id, dispatch_id, job_id, callback_url: url, callback_token } = execution;
    const token = misbehave.has('wrong-token') ? 'another' : callback_token;
    stop.throwIfAborted();
    return sendCallback({
      url,
      token,
      body,
      backoffMs,
      misbehave,
      stop,
      shutdown,
      onAttempt: (attempt) => {
        const { event_id, status } = body;
        const at = new Date().toISOString();
        journal.append({
          kind: 'callback',
          at,
          execution_id,
          dispatch_id,
          job_id,
          event_id,
          status,
          body,
          ...attempt,
        });
        say(`callback ${job_id} ${status} → ${attempt.answer} ${attempt.error_code ?? ''}`.trimEnd());
      },
    });
  }
}

function isIgnored(status: number, misbehave: Misbehaviours): boolean {
  return (status === 409 && misbehave.has('ignores-409')) || (status === 401 && misbehave.has('ignores-401'));
}

function toCallback(step: Step, executionId: string, occurredMs: number): CallbackBody {
  return {
    event_id: randomUUID(),
    occurred_at: new Date(occurredMs).toISOString(),
    correlation_id: executionId,
    ...step,
  };
}
