// What a planted bug is, and the suites that have to find them.
import type { Planted } from './mutants-planting.ts';

/** One file each: a run that ends while the next file begins has been seen not to say what failed. */
export const SUITES = {
  model: { project: 'pure', file: 'test/domain/histories.test.ts' },
  lineage: { project: 'pure', file: 'test/domain/lineage.test.ts' },
  edits: { project: 'pure', file: 'test/domain/edits.test.ts' },
  provenance: { project: 'pure', file: 'test/domain/provenance.test.ts' },
  planTags: { project: 'pure', file: 'test/domain/plan.test.ts' },
  editorTokens: { project: 'pure', file: 'test/contract/editor-token.test.ts' },
  signIn: { project: 'pure', file: 'test/contract/sign-in.test.ts' },
  returnPaths: { project: 'pure', file: 'test/contract/return-path.test.ts' },
  operation: { project: 'pure', file: 'test/domain/operation.test.ts' },
  tokens: { project: 'pure', file: 'test/contract/callback-token.test.ts' },
  simulation: { project: 'simulation', file: 'test/simulation/simulation.test.ts' },
  operations: { project: 'simulation', file: 'test/simulation/operations.test.ts' },
  histories: { project: 'workerd', file: 'test/faults/histories.test.ts' },
  consumer: { project: 'workerd', file: 'test/dispatch/consumer.test.ts' },
  delivery: { project: 'workerd', file: 'test/dispatch/delivery.test.ts' },
  lists: { project: 'workerd', file: 'test/actor/job-list.test.ts' },
  finding: { project: 'workerd', file: 'test/http/finding.test.ts' },
  externalIds: { project: 'workerd', file: 'test/http/external-id.test.ts' },
  leases: { project: 'workerd', file: 'test/actor/leases.test.ts' },
  callbacks: { project: 'workerd', file: 'test/actor/callbacks.test.ts' },
  deadlines: { project: 'workerd', file: 'test/actor/deadlines.test.ts' },
  alarms: { project: 'workerd', file: 'test/actor/alarm-clock.test.ts' },
  lostAlarms: { project: 'workerd', file: 'test/actor/lost-alarms.test.ts' },
  upgrades: { project: 'workerd', file: 'test/actor/version-1.test.ts' },
  plans: { project: 'workerd', file: 'test/http/retry-plan.test.ts' },
  evidence: { project: 'workerd', file: 'test/http/evidence.test.ts' },
  bulk: { project: 'workerd', file: 'test/http/operations.test.ts' },
  bulkCourse: { project: 'workerd', file: 'test/http/operations-course.test.ts' },
  bulkJobs: { project: 'workerd', file: 'test/http/operations-jobs.test.ts' },
  erasure: { project: 'workerd', file: 'test/http/erasure.test.ts' },
  erasedElsewhere: { project: 'workerd', file: 'test/http/erased-elsewhere.test.ts' },
  erasedProjects: { project: 'workerd', file: 'test/http/erased-projects.test.ts' },
  retention: { project: 'workerd', file: 'test/actor/retention.test.ts' },
  leaks: { project: 'workerd', file: 'test/http/no-leak.test.ts' },
  sessions: { project: 'workerd', file: 'test/http/sessions.test.ts' },
  crossSite: { project: 'workerd', file: 'test/http/cross-site.test.ts' },
  events: { project: 'workerd', file: 'test/http/events.test.ts' },
  eventStream: { project: 'workerd', file: 'test/http/event-stream.test.ts' },
  viewers: { project: 'workerd', file: 'test/actor/viewers.test.ts' },
  operationEvents: { project: 'workerd', file: 'test/actor/operation-events.test.ts' },
  actorNames: { project: 'workerd', file: 'test/http/actor-names.test.ts' },
  projectEvents: { project: 'workerd', file: 'test/actor/project-events.test.ts' },
  acceptance: { project: 'workerd', file: 'test/http/acceptance.test.ts' },
  consolePlan: { project: 'console', file: 'test/console/plan.test.ts' },
  consoleBulk: { project: 'console', file: 'test/console/bulk.test.ts' },
  consoleSession: { project: 'console', file: 'test/console/session.test.ts' },
  consoleActs: { project: 'console', file: 'test/console/acts.test.ts' },
  consoleLive: { project: 'console', file: 'test/console/live.test.ts' },
} as const satisfies Record<string, { project: string; file: string }>;
export type SuiteName = keyof typeof SUITES;

export interface Mutant extends Planted {
  /** Which has to find it. */
  suite: SuiteName;
}
