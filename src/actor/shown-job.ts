// The job as an editor is shown it. Many look at a job between two changes of it: what they see is made once.
import { toETag, toJobResource } from '../contract/resources.ts';
import type { Dispatch } from '../domain/dispatch.ts';
import type { Job } from '../domain/job.ts';
import type { Rules } from '../domain/rules.ts';
import type { ShownAnswer } from './answers.ts';

type Shown = Extract<ShownAnswer, { ok: true }>;

export class ShownJob {
  #last: { job: Job; open: Dispatch | null; answer: Shown } | null = null;

  of(job: Job, open: Dispatch | null, rules: Rules): Shown {
    if (this.#last?.job !== job || this.#last.open !== open) {
      const body = JSON.stringify(toJobResource(job, open, rules));
      this.#last = { job, open, answer: { ok: true, body, etag: toETag(job, open, rules) } };
    }
    return this.#last.answer;
  }
}
