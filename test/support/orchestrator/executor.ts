// Runs pipelines: starts them, gives their reports time, sends them, stops them. Which reports there
// are is pipeline.ts's, whether a dispatch is executed at all dispatches.ts's.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from '../pipeline/answers.ts';
import { perform } from '../pipeline/perform.ts';
import type { Report } from '../pipeline/script.ts';
import { ArtifactMaker } from './artifact-maker.ts';
import type { ArtifactStore } from './artifact-store.ts';
import { sendCallback } from './callback-sender.ts';
import { exportOf, resumeStatusOf, sourceOf, type WorkDispatch } from './dispatch.ts';
import type { Journal } from './journal.ts';
import type { CallbackBody, EndState, ExecutionRecord } from './log.ts';
import { type Misbehaviours, spoilAnswer, spoilCallback, spoilPlan } from './misbehaviour.ts';
import { type Pipeline, pipelineOf } from './pipeline.ts';
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
  /** Where artifacts are put; null for nowhere. */
  store: ArtifactStore | null;
  say: (line: string) => void;
};

type Ending = { state: EndState; reason: string | null };

/** `firstCallback` settles when the first callback was answered, or there will be none. */
export type Started = { execution: ExecutionRecord; firstCallback: Promise<void> };

type Running = {
  execution: ExecutionRecord;
  plan: PipelinePlan;
  pipeline: Pipeline;
  maker: ArtifactMaker;
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
    const { journal, plans, misbehave, stepMs, store, say } = this.#deps;
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
      keep: dispatch.keep ?? [],
      source: sourceOf(dispatch),
      export: exportOf(dispatch),
      callback_url: dispatch.callback_url,
      callback_token: dispatch.callback_token,
      state: plan.manual ? 'manual' : 'running',
      reason: null,
    };
    journal.append(execution);
    if (plan.manual) return { execution, firstCallback: Promise.resolve() };

    const mayFail = plans.failureLeft(dispatch.job_id);
    const pipeline = pipelineOf(dispatch, execution.execution_id, plan, { mayFail, stepMs, misbehave });
    if (pipeline.course.end === 'failed') plans.countFailure(dispatch.job_id);
    const { promise: firstCallback, resolve: onAnswer } = Promise.withResolvers<void>();
    const maker = new ArtifactMaker(dispatch, execution.execution_id, store, (made) => {
      const { execution_id, dispatch_id, job_id } = execution;
      journal.append({ ...made, at: new Date().toISOString(), execution_id, dispatch_id, job_id });
    });
    const running: Running = { execution, plan, pipeline, maker, stop: new AbortController(), onAnswer };
    this.#running.add(running);
    say(`pipeline ${execution.execution_id} ${workOf(dispatch)}`);
    this.#run(running).catch((error: unknown) => say(`error: ${String(error)}`));
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

  async #run(running: Running): Promise<void> {
    const { journal, pulse, shutdown, say } = this.#deps;
    const { execution_id } = running.execution;
    const signal = AbortSignal.any([running.stop.signal, shutdown]);
    let ending: Ending;
    try {
      ending = await this.#play(running, signal);
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

  async #play(running: Running, signal: AbortSignal): Promise<Ending> {
    const { plan, pipeline, maker, execution, onAnswer } = running;
    const { script, course } = pipeline;
    let pauseBefore = plan.pause_before;
    let lastOccurredMs = 0;
    const ending = await perform(course, script, {
      comesAbout: async (report) => {
        if (report.status === pauseBefore) {
          pauseBefore = undefined;
          await this.#deps.gate.wait(execution.job_id, signal);
        }
        await sleep(script.stepMs, undefined, { signal });
        const made = await maker.made(report);
        signal.throwIfAborted();
        // Strictly increasing even within a millisecond, or a swapped pair would have no true order.
        lastOccurredMs = Math.max(Date.now(), lastOccurredMs + 1);
        const callback = toCallback(made, execution.execution_id, lastOccurredMs);
        return spoilCallback(callback, this.#deps.misbehave);
      },
      send: async (body) => {
        await sleep(plan.late_ms ?? 0, undefined, { signal });
        const answer = await this.#send(running, body, signal);
        if (script.repeatsAfterMs !== null) {
          await sleep(script.repeatsAfterMs, undefined, { signal });
          await this.#send(running, body, signal);
        }
        onAnswer();
        return spoilAnswer(answer, this.#deps.misbehave);
      },
    });
    if (ending.end !== 'stopped') return { state: ending.end, reason: null };
    const { by } = ending;
    const reason = by ? `${by.status} ${by.errorCode ?? ''}`.trim() : 'the receiver is unreachable';
    return { state: 'stopped', reason };
  }

  async #send({ execution }: Running, body: CallbackBody, stop: AbortSignal): Promise<Answer | null> {
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

/** What a person reads of a dispatch that is begun. */
function workOf(dispatch: WorkDispatch): string {
  const { type, model_profile, engines = {}, keep = [] } = dispatch;
  const formats = exportOf(dispatch)?.formats ?? [];
  const kept = keep.map(({ stage, version }) => `${stage} ${version ?? ''}`.trim()).join(', ');
  const models = Object.entries(engines).map(([stage, engine]) => `${stage} by ${engine}`);
  return [
    `begins ${type}`,
    `profile ${model_profile ?? 'unknown'}`,
    ...(models.length === 0 ? [] : [models.join(', ')]),
    ...(kept === '' ? [] : [`keeps ${kept}`]),
    ...(formats.length === 0 ? [] : [`exports to ${formats.join(', ')}`]),
  ].join('; ');
}

function toCallback(report: Report, executionId: string, occurredMs: number): CallbackBody {
  return {
    event_id: randomUUID(),
    occurred_at: new Date(occurredMs).toISOString(),
    correlation_id: executionId,
    ...report,
  };
}
