// A bulk retry while the runtime is killed for real, in small; npm run soak does it with a thousand jobs.
import { describe, test } from 'vitest';
import { brokenBy, cancelledInTheMiddle, throughKills } from './bulk.ts';

const OPTIONS = { jobs: 40, maxInFlight: 5, stepMs: 60, killAfter: 8, say: () => {} };
const TIMEOUT_MS = 300_000;

describe.concurrent('killed again and again', () => {
  test(
    'with an orchestrator that refuses, hangs and comes back, paused and resumed in the middle, each job is executed exactly once',
    async ({ expect }) => {
      const account = await throughKills(OPTIONS);

      expect(brokenBy(account, OPTIONS)).toEqual([]);
      expect(account.operation).toMatchObject({
        state: 'done',
        counts: { total: 40, accepted: 40, delivered: 40 },
      });
      expect(account.kills).toBeGreaterThanOrEqual(6);
      expect([...account.seen]).toEqual(expect.arrayContaining(['waiting', 'running', 'paused', 'done']));
    },
    TIMEOUT_MS,
  );

  test(
    'cancelled in the middle, what had begun is executed exactly once, and the rest not at all',
    async ({ expect }) => {
      const account = await cancelledInTheMiddle(OPTIONS);

      expect(brokenBy(account, OPTIONS)).toEqual([]);
      const { state, counts } = account.operation;
      expect(state).toBe('cancelled');
      expect(counts.accepted + counts.skipped).toBe(40);
      expect(counts.skipped).toBeGreaterThan(0);
      expect(account.kills).toBeGreaterThan(1);
    },
    TIMEOUT_MS,
  );
});
