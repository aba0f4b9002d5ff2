// What follows from the decision that a job goes: its pipeline is told to stop (as any is, by the queue), then whoever has something
// of it lets go of that, and then everything that it stored is deleted. Each step can be repeated, and the next begins when the one
// before it is done, so a crash between them loses nothing.
import type { Job } from '../domain/job.ts';
import { pushBackoffMs } from '../domain/resending.ts';
import { describeError, type LogFields, log } from '../log.ts';
import type { JobStore } from './job-store.ts';
import { Telling } from './telling.ts';

export class Erasing {
  readonly #store: JobStore;
  readonly #others: Telling<Job>;
  readonly #cleared: () => void;
  #goingOn: Promise<void> | null = null;
  #failures = 0;

  /** `cleared` is called when nothing is stored any more. */
  constructor(store: JobStore, forget: (job: Job) => Promise<unknown>, cleared: () => void) {
    this.#store = store;
    this.#cleared = cleared;
    this.#others = new Telling<Job>({
      current: () => this.#marked(),
      isAlike: () => true,
      tell: forget,
      fields: ({ id }) => ({ job_id: id }),
    });
  }

  /** When to go on, should it not be done by then; null where there is nothing to do, or the pipeline is still being told. */
  dueAt(now: number): number | null {
    if (!this.#isReady()) return null;
    return this.#others.dueAt(now) ?? now + pushBackoffMs(this.#failures);
  }

  /** Does what can be done now; calls that overlap become one. Never throws: what failed is due again. */
  goOn(): Promise<void> {
    this.#goingOn ??= this.#goOn().finally(() => {
      this.#goingOn = null;
    });
    return this.#goingOn;
  }

  async #goOn(): Promise<void> {
    if (!this.#isReady()) return;
    await this.#others.tell();
    const job = this.#marked();
    if (job === null || !this.#others.isTold) return;
    const { id: job_id, projectId: project_id, erasure } = job;
    try {
      await this.#store.clear();
    } catch (error) {
      this.#failures += 1;
      log('warn', 'erasing_failed', { job_id, attempts: this.#failures, error: describeError(error) });
      return;
    }
    this.#others.forget();
    this.#cleared();
    log('info', 'job_erased', { job_id, project_id, ...whoWanted(erasure) });
  }

  #isReady(): boolean {
    return this.#marked() !== null && this.#store.notices().length === 0;
  }

  #marked(): Job | null {
    const stored = this.#store.stored();
    return stored?.erasure ? stored : null;
  }
}

const whoWanted = (erasure: Job['erasure']): Pick<LogFields, 'actor_id' | 'correlation_id'> => ({
  ...(erasure?.actorId == null ? {} : { actor_id: erasure.actorId }),
  ...(erasure?.correlationId == null ? {} : { correlation_id: erasure.correlationId }),
});
