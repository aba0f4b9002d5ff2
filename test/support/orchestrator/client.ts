// The orchestrator's control API for tests: works in Node and inside workerd, needs `fetch` alone.

import { type OrchestratorLog, orchestratorLogSchema, type WaitFor } from './log.ts';
import type { Plan } from './plan.ts';

export class OrchestratorClient {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** Replaces the plan of a job, or `default`, the plan of jobs without one. */
  async plan(jobId: string, plan: Plan): Promise<void> {
    await this.#call('PUT', `plans/${encodeURIComponent(jobId)}`, plan);
  }

  /** The records so far, of one job or of all. */
  async log(jobId?: string): Promise<OrchestratorLog> {
    return orchestratorLogSchema.parse(await this.#call('GET', `log${query({ job_id: jobId })}`));
  }

  /** The job's log as soon as `what` has reached `count` (`idle` needs none); throws at the timeout. */
  async waitFor(jobId: string, what: WaitFor, count = 1, timeoutMs = 10_000): Promise<OrchestratorLog> {
    const params = query({ job_id: jobId, what, count: String(count), timeout_ms: String(timeoutMs) });
    return orchestratorLogSchema.parse(await this.#call('GET', `wait${params}`));
  }

  /** Rejected requests belong to no job, so that waiting for them is waiting for all. */
  async waitForRejections(count = 1, timeoutMs = 10_000): Promise<OrchestratorLog> {
    const params = query({ what: 'rejections', count: String(count), timeout_ms: String(timeoutMs) });
    return orchestratorLogSchema.parse(await this.#call('GET', `wait${params}`));
  }

  /** Lets go of what is held now; wait for `held` first. Refuses when nothing is, which is a race in the test. */
  async release(jobId: string): Promise<void> {
    const answer = await this.#call('POST', `release/${encodeURIComponent(jobId)}`);
    if (JSON.stringify(answer) === '{"released":0}') throw new Error(`nothing of ${jobId} is held`);
  }

  /** Forgets the job's plan and records, never its idempotency keys; stops nothing. */
  async clear(jobId: string): Promise<void> {
    await this.#call('DELETE', `plans/${encodeURIComponent(jobId)}`);
    await this.#call('DELETE', `log${query({ job_id: jobId })}`);
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.#url}/control/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok)
      throw new Error(`orchestrator: ${method} /control/${path} → ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }
}

function query(params: Record<string, string | undefined>): string {
  const given = Object.entries(params).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}
