// The planted bugs: what a checker must not let pass, each with the suite that has to turn red. Anchors are as small as
// says the rule, so that they stay valid wherever it moves.
import { MUTANTS_OF_AUTOMATIC } from './mutants-automatic.ts';
import { MUTANTS_OF_THE_CONSOLE } from './mutants-console.ts';
import { MUTANTS_OF_CORRECTIONS } from './mutants-corrections.ts';
import { MUTANTS_OF_DELIVERIES } from './mutants-deliveries.ts';
import { MUTANTS_OF_EDITORS } from './mutants-editors.ts';
import { MUTANTS_OF_EDITS } from './mutants-edits.ts';
import { MUTANTS_OF_ERASURE } from './mutants-erasure.ts';
import { MUTANTS_OF_EVENTS } from './mutants-events.ts';
import { MUTANTS_OF_LINEAGE } from './mutants-lineage.ts';
import { MUTANTS_OF_LISTS } from './mutants-lists.ts';
import { MUTANTS_OF_OPERATIONS } from './mutants-operations.ts';
import { MUTANTS_OF_PLANS } from './mutants-plans.ts';
import { MUTANTS_OF_REPORTS } from './mutants-reports.ts';
import { MUTANTS_OF_SIGN_IN } from './mutants-sign-in.ts';
import { MUTANTS_OF_STORAGE } from './mutants-storage.ts';
import type { Mutant } from './mutants-suites.ts';

export const MUTANTS: readonly Mutant[] = [
  ...MUTANTS_OF_DELIVERIES,
  ...MUTANTS_OF_REPORTS,
  ...MUTANTS_OF_EDITORS,
  ...MUTANTS_OF_PLANS,
  ...MUTANTS_OF_LINEAGE,
  ...MUTANTS_OF_EDITS,
  ...MUTANTS_OF_CORRECTIONS,
  ...MUTANTS_OF_AUTOMATIC,
  ...MUTANTS_OF_SIGN_IN,
  ...MUTANTS_OF_OPERATIONS,
  ...MUTANTS_OF_STORAGE,
  ...MUTANTS_OF_EVENTS,
  ...MUTANTS_OF_LISTS,
  ...MUTANTS_OF_ERASURE,
  ...MUTANTS_OF_THE_CONSOLE,
];
