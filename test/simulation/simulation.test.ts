// The whole protocol in simulated surroundings: any editor, any faults, a crash between any two effects.
// SIMULATIONS and SEED scale and steer it; `npm run soak -- --simulation` does.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Delivery } from '../../src/contract/messages.ts';
import { RULES as JUDGED, type RuleName } from '../rules/judge.ts';
import { leastSightings, Sightings } from '../rules/situations.ts';
import { ALL_FAULTS } from './chance.ts';
import { FOUND } from './found.ts';
import { scenarios } from './scenario.ts';
import { simulate, world } from './simulate.ts';
import { SITUATIONS } from './situations.ts';
import type { Timer } from './timeline.ts';

const numRuns = Number(process.env.SIMULATIONS ?? 2_000);
/** How often each situation has to come up. */
const share = Math.floor(numRuns / 600);
const seed = Number(process.env.SEED ?? 1);

vi.mock('../../src/dispatch/orchestrator.ts', () => ({
  deliver: (delivery: Delivery) => world().deliver(delivery),
}));
vi.mock('../../src/config.ts', () => ({
  requireConfig: ({ CONFIG }: { CONFIG: object }) => CONFIG,
}));
vi.mock('../../src/log.ts', () => ({ log: () => {}, describeError: String }));

const total = { worlds: 0, seed, events: 0, executions: 0, accepted: 0, requests: 0, reports: 0 };
const faults = new Map<string, number>();
const applied = new Set<RuleName>();
const sightings = new Sightings(SITUATIONS);

beforeAll(() => {
  vi.spyOn(Date, 'now').mockImplementation(() => world().timeline.now + world().timeline.skewMs);
  vi.stubGlobal('setTimeout', (run: () => void, ms: number) => world().setTimeout(run, ms));
  vi.stubGlobal('clearTimeout', (timer: Timer) => world().timeline.cancel(timer));
});
afterAll(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  const seen = { situations: sightings.counts, situations_share: share };
  console.log(
    `soak ${JSON.stringify({ ...total, faults: Object.fromEntries([...faults].sort()), ...seen })}`,
  );
});

test('whatever fails, one live pipeline at most, nothing accepted lost or doubled, and every job comes to rest', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios, async (scenario) => {
      const tally = await simulate(scenario);
      total.worlds += 1;
      total.events += tally.events;
      total.executions += tally.executions;
      total.accepted += tally.accepted;
      total.requests += tally.requests;
      total.reports += tally.reports;
      sightings.add(tally.situations);
      for (const rule of tally.rules) applied.add(rule);
      for (const [fault, count] of tally.faults) faults.set(fault, (faults.get(fault) ?? 0) + count);
    }),
    { numRuns, seed, endOnFailure: true, examples: FOUND.map((scenario) => [scenario]) },
  );
  // A proof by worlds in which nothing happened would be none.
  expect(total.executions).toBeGreaterThan(numRuns);
  expect([...faults.keys()].sort()).toEqual(ALL_FAULTS);
  expect(sightings.tooSeldom(leastSightings(share, process.env.SEED))).toEqual([]);
  // So would one by judges who saw nothing of it.
  expect(total.requests).toBeGreaterThan(total.executions);
  expect(total.reports).toBeGreaterThan(total.executions);
  // Its editors ask at any time.
  const unapplied = Object.keys(JUDGED).filter((rule) => !applied.has(rule as RuleName));
  expect(unapplied).toEqual(['who asks at rest is refused only for a reason']);
}, 7_200_000);

test('a seed reproduces a world to the last event', async () => {
  const sampled = fc.sample(scenarios, { numRuns: 20, seed });
  for (const scenario of sampled) expect(await simulate(scenario)).toEqual(await simulate(scenario));
});
