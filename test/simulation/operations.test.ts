// Bulk operations in simulated surroundings: the operation's object loses its memory at any output, calls and news are lost, the
// orchestrator fails in every way it knows, and editors interfere. SIMULATIONS and SEED scale and steer it.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Delivery } from '../../src/contract/messages.ts';
import { leastSightings, Sightings } from '../rules/situations.ts';
import { LONGEST_DELAY_MS } from './chance.ts';
import { OPERATION_SITUATIONS } from './operation-checker.ts';
import { REQUESTS, type RequestName } from './policies.ts';
import { type Action, action, faults, plan, type Scenario } from './scenario.ts';
import { simulate, world } from './simulate.ts';
import { USUAL } from './simulated-orchestrator.ts';
import type { Timer } from './timeline.ts';

const numRuns = Math.ceil(Number(process.env.SIMULATIONS ?? 1_600) / 4);
/** How often each situation has to come up. */
const share = Math.floor(numRuns / 400);
const seed = Number(process.env.SEED ?? 1);

vi.mock('../../src/dispatch/orchestrator.ts', () => ({
  deliver: (delivery: Delivery) => world().deliver(delivery),
}));
vi.mock('../../src/config.ts', () => ({
  requireConfig: ({ CONFIG }: { CONFIG: object }) => CONFIG,
}));
vi.mock('../../src/log.ts', () => ({ log: () => {}, describeError: String }));

const sightings = new Sightings(OPERATION_SITUATIONS);
const total = { operations_worlds: 0, operations_executions: 0, operations_events: 0 };

beforeAll(() => {
  vi.spyOn(Date, 'now').mockImplementation(() => world().timeline.now + world().timeline.skewMs);
  vi.stubGlobal('setTimeout', (run: () => void, ms: number) => world().setTimeout(run, ms));
  vi.stubGlobal('clearTimeout', (timer: Timer) => world().timeline.cancel(timer));
});
afterAll(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  const seen = { operations: sightings.counts, operations_share: share };
  console.log(`soak ${JSON.stringify({ ...total, ...seen })}`);
});

const bulk: fc.Arbitrary<Action> = fc.record({
  do: fc.constant('bulk' as const),
  most: fc.constantFrom(1, 1, 2, 3),
  of: fc.constantFrom('failed', 'failed', 'all'),
  request: fc.constantFrom(...(Object.keys(REQUESTS) as RequestName[])),
});
const word: fc.Arbitrary<Action> = fc.record({
  do: fc.constantFrom('bulk-pause', 'bulk-resume', 'bulk-resume', 'bulk-cancel', 'bulk-evict', 'bulk-evict'),
});
const erase: fc.Arbitrary<Action> = fc.record({ do: fc.constant('erase') });
const timed = (what: fc.Arbitrary<Action>, ...pauses: number[]) =>
  fc.record({ afterMs: fc.constantFrom(...pauses), job: fc.nat(3), action: what });

/** An outage has failed the jobs; then many are retried at once, and all sorts of things happen. */
const scenarios: fc.Arbitrary<Scenario> = fc
  .record({
    jobs: fc.constantFrom(2, 3, 3, 4),
    actions: fc
      .tuple(
        timed(bulk, 12_000, 70_000),
        fc.array(
          fc.oneof(
            { weight: 4, arbitrary: timed(word, 0, 1, 40, 700, 12_000) },
            { weight: 1, arbitrary: timed(bulk, 0, 40, 12_000, 700_000) },
            { weight: 3, arbitrary: timed(action, 0, 1, 40, 700, 12_000, 70_000) },
            { weight: 1, arbitrary: timed(erase, 0, 1, 40, 700, 12_000, 70_000) },
          ),
          { maxLength: 12, size: 'max' },
        ),
      )
      .map(([first, others]) => [first, ...others]),
    failed: fc.constantFrom<Scenario['plans']>(
      Array(4).fill({ ...USUAL, fails: { comes: 'before', at: 'GENERATING' } }),
    ),
    others: fc.array(fc.oneof(plan, fc.constant(USUAL)), { maxLength: 8, size: 'max' }),
    chances: fc.record({
      faults,
      delays: fc.array(fc.nat(LONGEST_DELAY_MS), { maxLength: 80, size: 'max' }),
    }),
    automatic: fc.constantFrom(false, false, false, true),
  })
  .map(({ failed, others, ...scenario }) => ({
    ...scenario,
    ...{
      hangsFor: null,
      named: false,
      ...{ store: 'prompt', keepEndedMs: null, projectGoesAfterMs: null },
      plans: [...failed.slice(0, scenario.jobs), ...others],
    },
  }));

test('whatever fails and whoever interferes: never more jobs in flight than may be, none executed twice, and the account is what the jobs’ histories say', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios, async (scenario) => {
      const tally = await simulate(scenario);
      total.operations_worlds += 1;
      total.operations_events += tally.events;
      total.operations_executions += tally.executions;
      sightings.add(tally.situations);
    }),
    { numRuns, seed, endOnFailure: true },
  );
  expect(sightings.tooSeldom(leastSightings(share, process.env.SEED))).toEqual([]);
}, 7_200_000);
