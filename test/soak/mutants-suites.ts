// What a planted bug is, and the suites that have to find them.
import type { Planted } from './mutants-planting.ts';

export const SUITES = {
  model: { project: 'pure', files: ['test/domain/histories.test.ts'] },
  simulation: { project: 'simulation', files: ['test/simulation/simulation.test.ts'] },
  tokens: { project: 'pure', files: ['test/contract/callback-token.test.ts'] },
  memory: {
    project: 'workerd',
    files: [
      'test/actor/alarm-clock.test.ts',
      'test/actor/lost-alarms.test.ts',
      'test/actor/listing.test.ts',
      'test/actor/leases.test.ts',
    ],
  },
  callbacks: { project: 'workerd', files: ['test/actor/callbacks.test.ts'] },
  deadlines: { project: 'workerd', files: ['test/actor/deadlines.test.ts'] },
  delivery: { project: 'workerd', files: ['test/dispatch'] },
  histories: { project: 'workerd', files: ['test/faults/histories.test.ts'] },
  upgrades: { project: 'workerd', files: ['test/actor/version-1.test.ts'] },
  plans: { project: 'workerd', files: ['test/http/retry-plan.test.ts'] },
  evidence: { project: 'workerd', files: ['test/http/evidence.test.ts'] },
  leaks: { project: 'workerd', files: ['test/http/no-leak.test.ts'] },
  acceptance: { project: 'workerd', files: ['test/http/acceptance.test.ts'] },
} as const satisfies Record<string, { project: string; files: readonly string[] }>;
export type SuiteName = keyof typeof SUITES;

export interface Mutant extends Planted {
  /** Which has to find it. */
  suite: SuiteName;
}
