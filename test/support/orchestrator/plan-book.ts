// Keeps the plans and how far each job has used its own up. A job without a plan follows the
// default one, with its own place in it, so that jobs running side by side don't take turns.

import type { Dispatch } from './dispatch.ts';
import type { Answer, CancelAnswer, PipelinePlan, Plan } from './plan.ts';

const defaultKey = 'default';

type Use = { answers: number; cancelAnswers: number; failures: number };

export class PlanBook {
  readonly #plans = new Map<string, Plan>();
  readonly #uses = new Map<Plan, Map<string, Use>>();

  /** Replaces the plan and starts it from its first answer. */
  put(key: string, plan: Plan): void {
    this.delete(key);
    this.#plans.set(key, plan);
    this.#uses.set(plan, new Map());
  }

  delete(key: string): void {
    const plan = this.#plans.get(key);
    if (plan) this.#uses.delete(plan);
    this.#plans.delete(key);
  }

  all(): Record<string, Plan> {
    return Object.fromEntries(this.#plans);
  }

  pipelineOf(jobId: string): PipelinePlan {
    return this.#planOf(jobId)?.pipeline ?? {};
  }

  knows(jobId: string, type: Dispatch['type']): boolean {
    return !this.#planOf(jobId)?.unknown_types?.includes(type);
  }

  takeAnswer(jobId: string): Answer {
    const plan = this.#planOf(jobId);
    if (!plan) return { kind: 'accept' };
    return pick(plan.answers, this.#useOf(plan, jobId).answers++, plan.repeat_last) ?? { kind: 'accept' };
  }

  takeCancelAnswer(jobId: string): CancelAnswer {
    const plan = this.#planOf(jobId);
    if (!plan) return { kind: 'accept' };
    const index = this.#useOf(plan, jobId).cancelAnswers++;
    return pick(plan.cancel_answers, index, plan.repeat_last) ?? { kind: 'accept' };
  }

  /** Whether another execution of this job is still to fail. */
  failureLeft(jobId: string): boolean {
    const plan = this.#planOf(jobId);
    if (!plan?.pipeline?.fail_at) return false;
    return this.#useOf(plan, jobId).failures < (plan.pipeline.fail_times ?? 1);
  }

  countFailure(jobId: string): void {
    const plan = this.#planOf(jobId);
    if (plan) this.#useOf(plan, jobId).failures++;
  }

  #planOf(jobId: string): Plan | undefined {
    return this.#plans.get(jobId) ?? this.#plans.get(defaultKey);
  }

  #useOf(plan: Plan, jobId: string): Use {
    const uses = this.#uses.get(plan) ?? new Map<string, Use>();
    this.#uses.set(plan, uses);
    const use = uses.get(jobId) ?? { answers: 0, cancelAnswers: 0, failures: 0 };
    uses.set(jobId, use);
    return use;
  }
}

function pick<T>(
  list: readonly T[] | undefined,
  index: number,
  repeatLast: boolean | undefined,
): T | undefined {
  return list?.[index] ?? (repeatLast ? list?.at(-1) : undefined);
}
