// What a rule is, and what it looks like when one is broken.
import type { Evidence, JobCase } from './case.ts';

export const VIOLATIONS = [
  'lost',
  'doubled',
  'stuck',
  'two at once',
  'broken 502',
  'broken cancel',
  'audit trail',
  'checkpoint',
  'list',
  'answer',
  'secret',
] as const;
export type ViolationKind = (typeof VIOLATIONS)[number];

/** The promises of spec/reliability.md. */
export type PromiseName = `S${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10}` | `L${1 | 2 | 3 | 4}`;

/** A promise in the form in which a case can break it; it is called by its name in the tables. */
export interface Rule {
  kind: ViolationKind;
  promise: PromiseName;
  needs: readonly (keyof Evidence)[];
  /** In words, once for each place where it is broken. */
  broken(jobCase: JobCase, evidence: Evidence): Iterable<string>;
}

/** `broken` sees just that evidence which the rule says it needs. */
export const rule = <const N extends keyof Evidence = never>({
  needs = [],
  ...stated
}: Pick<Rule, 'kind' | 'promise'> & {
  needs?: readonly N[];
  broken(jobCase: JobCase, evidence: Pick<Evidence, N>): Iterable<string>;
}): Rule => ({ needs, ...stated });

export interface Violation {
  kind: ViolationKind;
  promise: PromiseName;
  /** The rule's name. */
  rule: string;
  jobId: string | null;
  what: string;
}
