// In which order the test files are taken.
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes half a minute or more: by turns what mostly waits and what mostly computes. */
export const LONGEST = [
  'fuzz/contract',
  'simulation/simulation',
  'e2e/story',
  'simulation/operations',
  'e2e/bulk',
  'console/accessibility',
  'e2e/events',
  'orchestrator/mutants',
  'e2e/kill',
  'console/live',
  'e2e/crowd',
  'console/bulk',
  'domain/histories',
  'faults/histories',
].map((name) => `test/${name}.test.ts`);

/**
 * Those that take long come first, so that none is left at the end for which all others wait. Files that share a runtime come after
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
  const rank = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}`));
  return rank === -1 ? LONGEST.length : rank;
}
