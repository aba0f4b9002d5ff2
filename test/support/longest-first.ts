// In which order the test files are taken.
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * What meters a whole runtime, or drives its timers: in one that has seen nothing but these, and in this order, since a service that has
 * refused before logs less. The tests of others may leave jobs that are still at work.
 */
const UNDISTURBED = [
  ...['cost/operations', 'cost/viewers', 'cost/names', 'actor/viewers', 'actor/telling'],
  ...['http/event-stream', 'http/log'],
];

/** What takes half a minute or more. */
const LONGEST = [
  ...['fuzz/contract', 'simulation/simulation', 'e2e/story', 'simulation/operations', 'e2e/bulk'],
  ...['console/accessibility', 'e2e/events', 'orchestrator/mutants', 'e2e/kill', 'console/live', 'e2e/crowd'],
  ...['console/bulk', 'domain/histories', 'http/operations', 'faults/histories'],
];

/** Of each project those of its files that come before the others, in this order. */
export const FIRST = [...UNDISTURBED, ...LONGEST].map((name) => `test/${name}.test.ts`);

/**
 * Those that take long come early, so that none is left at the end for which all others wait. Files that share a runtime come after
 * those that have their own, project by project: Vitest hands a runtime on only to the file that is next.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((one, other) => {
      const [{ config, name }, { config: otherConfig, name: otherName }] = [one.project, other.project];
      const byIsolation = Number(otherConfig.isolate) - Number(config.isolate);
      const byProject = config.isolate ? 0 : name.localeCompare(otherName);
      return byIsolation || byProject || rankOf(one) - rankOf(other);
    });
  }
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = FIRST.findIndex((name) => moduleId.endsWith(`/${name}`));
  return rank === -1 ? FIRST.length : rank;
}
