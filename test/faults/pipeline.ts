// The pipelines of one job, played by the test: every execution in the orchestrator's log reports, repeats what got no
// answer, and stops when it is refused. What was applied is recorded in the order of the answers.
import type { ReportableStatus } from '../../src/domain/lifecycle.ts';
import type { ActingJob, ActingPipeline } from '../support/workerd/acting.ts';
import type { Reply } from '../support/workerd/harness.ts';

export interface PipelinePlan {
  failsAt: ReportableStatus | null;
  diesAt: ReportableStatus | null;
  repeats: boolean;
  swapsPairs: boolean;
}

const CALM: PipelinePlan = { failsAt: null, diesAt: null, repeats: false, swapsPairs: false };
const PATH = [
  ...(['AUDIO_EXTRACTING', 'AUDIO_READY', 'TRANSCRIBING', 'TRANSCRIPT_READY'] as const),
  ...(['GENERATING', 'DRAFT_READY'] as const),
];
const ATTEMPTS = 8;
/** The pipeline is no longer the job's own. */
const STOPS = ['DISPATCH_NOT_CURRENT', 'FSM_TERMINAL_IMMUTABLE', 'RESOURCE_NOT_FOUND'];

export class Pipelines {
  /** The dispatches of the reports that were applied, in order. */
  readonly applied: string[] = [];
  readonly #job: ActingJob;
  readonly #plans: PipelinePlan[];
  readonly #known = new Set<string>();
  readonly #running = new Set<Promise<void>>();

  constructor(job: ActingJob, plans: readonly PipelinePlan[]) {
    this.#job = job;
    this.#plans = [...plans];
  }

  /** Starts what the orchestrator has executed since. */
  async start(): Promise<void> {
    for (const { dispatch_id, resume_from_status } of await this.#job.executions()) {
      if (this.#known.has(dispatch_id)) continue;
      this.#known.add(dispatch_id);
      const running = this.#run(await this.#job.pipeline(dispatch_id), resume_from_status);
      this.#running.add(running);
      running.finally(() => this.#running.delete(running));
    }
  }

  /** Resolves when all that were started have ended. */
  async end(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #run(pipeline: ActingPipeline, resumeFrom: string): Promise<void> {
    const plan = this.#plans.shift() ?? CALM;
    const start = PATH.indexOf(resumeFrom as (typeof PATH)[number]);
    let pair: Record<string, unknown>[] = [];
    for (const status of PATH.slice(Math.max(start, 0))) {
      if (status === plan.diesAt) return;
      const sent = status === plan.failsAt ? 'FAILED' : status;
      pair.push(pipeline.body(sent));
      const isLast = sent === 'FAILED' || status === 'DRAFT_READY';
      if (plan.swapsPairs && pair.length < 2 && !isLast) continue;
      // What came too early comes again after the one before it.
      const order = [...pair.toReversed(), ...(pair.length > 1 ? pair.slice(1) : [])];
      for (const body of order) {
        const code = await this.#send(pipeline, body);
        if (plan.repeats) await this.#send(pipeline, body);
        if (code === 'gone' || STOPS.includes(code) || (code !== '' && pair.length === 1)) return;
      }
      if (sent === 'FAILED') return;
      pair = [];
    }
  }

  /** The refusal's code, "" when it was taken, "gone" when nobody answered. */
  async #send(pipeline: ActingPipeline, body: Record<string, unknown>): Promise<string> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const reply: Reply | null = await pipeline.send(body).catch(() => null);
      if (reply === null || reply.status >= 500) continue;
      if (reply.status === 204) this.applied.push(pipeline.dispatchId);
      return reply.status < 300 ? '' : reply.body.error_code;
    }
    return 'gone';
  }
}
