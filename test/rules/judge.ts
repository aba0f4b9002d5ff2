// judge(case): every rule that its evidence allows, and every place where one is broken. Pure.
import { ANSWER_RULES } from './answers.ts';
import { AUTOMATIC_RULES } from './automatic.ts';
import type { Evidence, JobCase } from './case.ts';
import { CHECKPOINT_RULES } from './checkpoints.ts';
import { DISPATCH_RULES } from './dispatches.ts';
import { EDIT_RULES } from './edits.ts';
import { LABEL_RULES } from './labels.ts';
import { LISTED_RULES } from './listed.ts';
import { REPORT_RULES } from './reports.ts';
import { REST_RULES } from './rest.ts';
import type { Rule, Violation } from './rule.ts';
import { TASK_RULES } from './tasks.ts';
import { TRAIL_RULES } from './trail.ts';

export const RULES = {
  ...REST_RULES,
  ...DISPATCH_RULES,
  ...REPORT_RULES,
  ...TRAIL_RULES,
  ...CHECKPOINT_RULES,
  ...TASK_RULES,
  ...EDIT_RULES,
  ...AUTOMATIC_RULES,
  ...LISTED_RULES,
  ...LABEL_RULES,
  ...ANSWER_RULES,
};
export type RuleName = keyof typeof RULES;

export interface Verdict {
  violations: Violation[];
  /** The rules for which the case has the evidence. */
  applied: RuleName[];
}

export function judge(jobCase: JobCase): Verdict {
  const known = new Map<string, unknown>(
    Object.entries(jobCase.evidence).flatMap(([name, value]) =>
      'known' in value ? [[name, value.known] as const] : [],
    ),
  );
  const entries = Object.entries(RULES) as [RuleName, Rule][];
  const applicable = entries.filter(([, { needs }]) => needs.every((name) => known.has(name)));
  // A rule looks at nothing but what it says it needs.
  const evidence = Object.fromEntries(known) as unknown as Evidence;
  return {
    violations: applicable.flatMap(([rule, { kind, promise, broken }]) =>
      Array.from(broken(jobCase, evidence), (what) => ({ kind, promise, rule, jobId: jobCase.id, what })),
    ),
    applied: applicable.map(([rule]) => rule),
  };
}

/** The rules that were applied; throws when one is broken. */
export function requireKept(jobCase: JobCase): RuleName[] {
  const { violations, applied } = judge(jobCase);
  if (violations.length === 0) return applied;
  const lines = violations.map(({ promise, rule, what }) => `${promise}, ${rule}: ${what}`);
  throw new Error(`broken: ${lines.join('\n  ')}`);
}
