// check(records): what has to hold of a chaos run, judged from outside. Pure: it believes what editors were
// answered, the final state of each job and the orchestrator's own log. What that is, the rules say.
import { judgeAtLarge } from '../rules/at-large.ts';
import type { Windows } from '../rules/case.ts';
import { judge } from '../rules/judge.ts';
import type { Violation } from '../rules/rule.ts';
import { RARE_SITUATIONS, SITUATIONS, Sightings, situationsOf } from '../rules/situations.ts';
import { atLargeOf, casesOf } from './chaos-case.ts';
import type { ChaosRecords } from './chaos-records.ts';

export const check = (records: ChaosRecords, windows: Windows): Violation[] => [
  ...casesOf(records, windows).flatMap((jobCase) => judge(jobCase).violations),
  ...judgeAtLarge(atLargeOf(records)),
];

/** In which situations the jobs of a run have been. */
export function sightings(records: ChaosRecords, windows: Windows): Sightings {
  const seen = new Sightings([...SITUATIONS, ...RARE_SITUATIONS]);
  for (const jobCase of casesOf(records, windows)) seen.add(situationsOf(jobCase));
  return seen;
}
