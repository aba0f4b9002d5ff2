// What no single job shows: jobs that are lost or that nobody asked for, answers that belong to none, secrets that got out.
import { inWords, isDocumented } from './answers.ts';
import type { Call } from './case.ts';
import type { Rule, Violation } from './rule.ts';

/** What is known of a whole run. */
export interface AtLarge {
  /** Every job that there is in the end. */
  jobIds: readonly string[];
  /** Every request for a new job, and the job that it was answered with. */
  creations: readonly { call: Call; jobId: string | null }[];
  /** The calls that belong to no job. */
  calls: readonly Call[];
  /** What was said where it must not be, with the secret cut out. */
  leaks: readonly string[];
}

type Found = { jobId: string | null; what: string };
type RunRule = Pick<Rule, 'kind' | 'promise'> & { broken(run: AtLarge): Iterable<Found> };

export const AT_LARGE_RULES = {
  'a job that was created is there': {
    kind: 'lost',
    promise: 'S2',
    *broken({ creations, jobIds }) {
      for (const { jobId } of creations) {
        if (jobId !== null && !jobIds.includes(jobId)) yield { jobId, what: 'was created and is nowhere' };
      }
    },
  },
  'no job is there that nobody asked for': {
    kind: 'doubled',
    promise: 'S3',
    *broken({ creations, jobIds }) {
      const made = creations.filter(({ jobId }) => jobId !== null);
      const lost = made.filter(({ jobId }) => jobId !== null && !jobIds.includes(jobId));
      // One that was not answered may have made a job all the same.
      const unanswered = creations.length - made.length;
      const unasked = jobIds.length - (made.length - lost.length) - unanswered;
      if (unasked > 0) yield { jobId: null, what: `${unasked} jobs that nobody asked for` };
    },
  },
  'every answer at large is one that is documented': {
    kind: 'answer',
    promise: 'S8',
    *broken({ calls }) {
      for (const call of calls) {
        const isUnexplained = call.ending.kind === 'unanswered' && !call.ending.metFault;
        if (isUnexplained || !isDocumented(call)) yield { jobId: null, what: inWords(call) };
      }
    },
  },
  'no secret is told': {
    kind: 'secret',
    promise: 'S7',
    *broken({ leaks }) {
      for (const what of leaks) yield { jobId: null, what };
    },
  },
} satisfies Record<string, RunRule>;
export type AtLargeRuleName = keyof typeof AT_LARGE_RULES;

export function judgeAtLarge(run: AtLarge): Violation[] {
  const rules: [string, RunRule][] = Object.entries(AT_LARGE_RULES);
  return rules.flatMap(([rule, { kind, promise, broken }]) =>
    [...broken(run)].map((found) => ({ kind, promise, rule, ...found })),
  );
}
