// The pipelines of one job, played by the test: every execution in the orchestrator's log reports by its script, and
// repeats what got no answer. What was applied is recorded in the order of the answers.
import { resumeStatusSchema } from '../support/orchestrator/dispatch.ts';
import { type Answer, afterAnswer } from '../support/pipeline/answers.ts';
import { perform } from '../support/pipeline/perform.ts';
import { CALM, course, type Script, type Task, taskOf } from '../support/pipeline/script.ts';
import type { ActingJob, ActingPipeline } from '../support/workerd/acting.ts';
import type { Reply } from '../support/workerd/harness.ts';

/** What every pipeline does unless its script says otherwise. Time does not pass here: reports come one upon the other. */
export const USUAL: Script = { ...CALM, restatesCheckpoint: true };

const ATTEMPTS = 8;

export class Pipelines {
  /** The dispatches of the reports that were applied, in order. */
  readonly applied: string[] = [];
  readonly #job: ActingJob;
  readonly #scripts: Script[];
  readonly #known = new Set<string>();
  readonly #running = new Set<Promise<unknown>>();

  constructor(job: ActingJob, scripts: readonly Script[]) {
    this.#job = job;
    this.#scripts = [...scripts];
  }

  /** Starts what the orchestrator has executed since. */
  async start(): Promise<void> {
    for (const execution of await this.#job.executions()) {
      const { dispatch_id, resume_from_status } = execution;
      if (this.#known.has(dispatch_id)) continue;
      this.#known.add(dispatch_id);
      const pipeline = await this.#job.pipeline(dispatch_id);
      const running = this.#run(
        pipeline,
        taskOf({ type: execution.type, formats: execution.export?.formats }),
        resume_from_status,
      );
      this.#running.add(running);
      running.finally(() => this.#running.delete(running));
    }
  }

  /** Resolves when all that were started have ended. */
  async end(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #run(pipeline: ActingPipeline, task: Task, resumeFrom: string): Promise<unknown> {
    const script = this.#scripts.shift() ?? USUAL;
    const execution = { task, resumeFrom: resumeStatusSchema.parse(resumeFrom), key: pipeline.dispatchId };
    return perform(course(script, execution), script, {
      comesAbout: async (report) => pipeline.identified(report),
      send: async (body) => {
        const answer = await this.#send(pipeline, body);
        if (script.repeatsAfterMs !== null) await this.#send(pipeline, body);
        return answer;
      },
    });
  }

  /** Null when nobody answers. */
  async #send(pipeline: ActingPipeline, body: Record<string, unknown>): Promise<Answer | null> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const reply: Reply | null = await pipeline.send(body).catch(() => null);
      const answer = reply && { status: reply.status, errorCode: reply.body?.error_code ?? null };
      if (afterAnswer(answer) === 'again') continue;
      if (answer?.status === 204) this.applied.push(pipeline.dispatchId);
      return answer;
    }
    return null;
  }
}
