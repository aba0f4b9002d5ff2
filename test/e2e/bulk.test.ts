// A bulk retry while the runtime is killed for real, in small; npm run soak does it with a thousand jobs.
import { describe, expect, test } from 'vitest';
import {
  type BulkAccount,
  cancelledInTheMiddle,
  executionsPerJob,
  historiesSay,
  mostAtOnce,
  throughKills,
} from './bulk.ts';

const JOBS = 40;
const OPTIONS = { jobs: JOBS, maxInFlight: 5, stepMs: 60, killAfter: 8, say: () => {} };

const TIMEOUT_MS = 300_000;

const outcomes = ({ items }: BulkAccount) =>
  new Map([...items].map(([jobId, { outcome }]) => [jobId, outcome]));

describe.concurrent('killed again and again', () => {
  test(
    'with an orchestrator that refuses, hangs and comes back, paused and resumed in the middle, each job is executed exactly once',
    async () => {
      const account = await throughKills(OPTIONS);

      const { operation, log, kills, items } = account;
      expect(operation).toMatchObject({ state: 'done', counts: { total: JOBS, succeeded: JOBS } });
      expect(executionsPerJob(log, [...items.keys()])).toEqual(Array(JOBS).fill(1));
      expect(mostAtOnce(log)).toBeLessThanOrEqual(OPTIONS.maxInFlight);
      expect(outcomes(account)).toEqual(historiesSay(account));
      expect(kills).toBeGreaterThanOrEqual(6);
      expect([...account.seen]).toEqual(expect.arrayContaining(['waiting', 'running', 'paused', 'done']));
    },
    TIMEOUT_MS,
  );

  test(
    'cancelled in the middle, what had begun is executed exactly once, and the rest not at all',
    async () => {
      const account = await cancelledInTheMiddle(OPTIONS);

      const { operation, log, items } = account;
      const { succeeded, skipped } = operation.counts;
      expect(operation.state).toBe('cancelled');
      expect(succeeded + skipped).toBe(JOBS);
      expect(skipped).toBeGreaterThan(0);
      const executed = executionsPerJob(log, [...items.keys()]);
      expect(executed.filter((count) => count === 1)).toHaveLength(succeeded);
      expect(executed.filter((count) => count === 0)).toHaveLength(skipped);
      expect(mostAtOnce(log)).toBeLessThanOrEqual(OPTIONS.maxInFlight);
      const said = [...historiesSay(account)].map(([id, what]) => [id, what === 'none' ? 'skipped' : what]);
      expect(outcomes(account)).toEqual(new Map(said as [string, string][]));
    },
    TIMEOUT_MS,
  );
});
