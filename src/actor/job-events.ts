// What viewers of a job are told: the job as it is, and what its audit trail has gained. Both follow from what is stored, so
// that what went by while somebody was away, or while the object slept, is told next.
import { toJobRecord, toTransitionRecord } from '../contract/events.ts';
import type { Rules } from '../domain/rules.ts';
import type { JobStore } from './job-store.ts';
import type { ShownJob } from './shown-job.ts';
import type { Owed, Sight } from './viewers.ts';

/** Of the audit trail at once; the rest follows. */
const MOST_TRANSITIONS = 200;

export interface JobTold {
  /** The last entry of the audit trail. */
  seq: number;
  /** Of the job as it was shown last; empty before the first time. */
  etag: string;
}

export class JobEvents implements Sight<JobTold> {
  readonly #store: JobStore;
  readonly #shown: ShownJob;
  readonly #rules: () => Rules;

  constructor(store: JobStore, shown: ShownJob, rules: () => Rules) {
    this.#store = store;
    this.#shown = shown;
    this.#rules = rules;
  }

  /** For who knows all entries up to this one; null for who asks for none of before. What is still to come is not known. */
  from(after: number | null): JobTold {
    const { latestSeq } = this.#store;
    return { seq: Math.min(after ?? latestSeq, latestSeq), etag: '' };
  }

  owed(told: JobTold, now: number): Owed<JobTold> {
    const job = this.#store.job();
    if (job === null) return { records: [], told, moreAt: null };
    const { body, etag } = this.#shown.of(job, this.#store.open(job), this.#rules());
    const entries =
      told.seq < this.#store.latestSeq ? this.#store.transitions(told.seq, MOST_TRANSITIONS) : [];
    return {
      records: [
        ...(etag === told.etag ? [] : [toJobRecord(body, etag)]),
        ...entries.map((entry) => toTransitionRecord(entry, job)),
      ],
      told: { seq: entries.at(-1)?.seq ?? told.seq, etag },
      moreAt: entries.length === MOST_TRANSITIONS ? now : null,
    };
  }
}
