// The dispatches before the two newest: which are kept, and what a look-up among them costs.
import { env, runInDurableObject } from 'cloudflare:test';
import { describe, expect, test } from 'vitest';
import { DispatchStore } from '../../src/actor/dispatch-store.ts';
import { type CancelNotice, type Dispatch, DRAFT } from '../../src/domain/dispatch.ts';
import { newId } from '../support/ids.ts';
import { failedAfter } from '../support/workerd/acting.ts';

const KEPT = 20;
const PENDING: CancelNotice = { state: 'PENDING', until: 1, attempts: 0 };

function dispatch(at: number, fields: Partial<Dispatch> = {}): Dispatch {
  return {
    kind: 'retry',
    task: DRAFT,
    id: `dsp_${at}`,
    state: 'FAILED',
    clientRequestId: `request-${at}`,
    resumeFromStatus: 'AUDIO_READY',
    checkpointRef: 's3://media/audio.wav',
    modelProfile: 'balanced',
    policyVersion: '1',
    engines: {},
    plan: null,
    failure: null,
    isAutomatic: false,
    actorId: 'editor',
    actorName: null,
    operationId: null,
    correlationId: 'c',
    traceparent: 't',
    deliverUntil: at,
    deliveryAttempts: 1,
    lastError: null,
    outcomeUnknown: false,
    wasRefused: false,
    retryAfterAt: null,
    executionId: null,
    deliveredAt: null,
    firstReportAt: null,
    cancelNotice: null,
    createdAt: at,
    updatedAt: at,
    ...fields,
  };
}
const withdrawn = (at: number, cancelNotice: CancelNotice | null = null) =>
  dispatch(at, { state: 'UNDELIVERABLE', cancelNotice });

interface Kept {
  earlier: DispatchStore;
  add(...dispatches: Dispatch[]): void;
  /** What the statements of `act` cost. */
  costOf(act: () => unknown): { rowsRead: number; rowsWritten: number };
  /** The times of creation of all, newest first. */
  all(): number[];
  count(): number;
}

/** The dispatches of a job of its own, which have none yet. */
function inAJob(run: (kept: Kept) => void): Promise<void> {
  return runInDurableObject(env.JOB.getByName(newId('job')), (_actor, { storage }) => {
    const cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
    const sql = {
      exec: (query: string, ...bindings: SqlStorageValue[]) => {
        const cursor = storage.sql.exec(query, ...bindings);
        cursors.push(cursor);
        return cursor;
      },
    } as SqlStorage;
    const earlier = new DispatchStore(sql);
    let count = 0;
    run({
      earlier,
      add: (...dispatches) => {
        for (const each of dispatches) count = earlier.add(each, count);
      },
      costOf: (act) => {
        cursors.length = 0;
        act();
        const sum = (of: 'rowsRead' | 'rowsWritten') =>
          cursors.reduce((total, cursor) => total + cursor[of], 0);
        return { rowsRead: sum('rowsRead'), rowsWritten: sum('rowsWritten') };
      },
      all: () => earlier.before(Number.MAX_SAFE_INTEGER, 1_000).map(({ createdAt }) => createdAt),
      count: () => count,
    });
  });
}

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at + 1);

describe('of withdrawn dispatches', () => {
  test('the newest twenty are kept, and every one that was not withdrawn', () =>
    inAJob(({ add, all, count }) => {
      add(dispatch(1), ...upTo(10).map((at) => withdrawn(at + 1)), dispatch(12));
      add(...upTo(15).map((at) => withdrawn(at + 12)));
      expect(all()).toEqual([...upTo(15).map((at) => at + 12), 12, 11, 10, 9, 8, 7, 1].sort((a, b) => b - a));
      expect(count()).toBe(all().length);
    }));

  test('one more costs as many rows as the first did', () =>
    inAJob(({ add, costOf }) => {
      add(dispatch(1));
      const first = costOf(() => add(withdrawn(2)));
      add(...upTo(30).map((at) => withdrawn(at + 2)));
      expect(costOf(() => add(withdrawn(33))).rowsWritten).toBe(first.rowsWritten);
      expect(first.rowsWritten).toBe(1);
    }));

  test('those whose cancel is still to be delivered are kept besides the newest, until it was', () =>
    inAJob(({ add, all, count, earlier }) => {
      const pending = upTo(25).map((at) => withdrawn(at, PENDING));
      add(...pending, ...upTo(5).map((at) => withdrawn(at + 25)));
      expect(all()).toEqual(upTo(30).reverse());
      expect(earlier.notified()).toHaveLength(25);

      for (const each of pending) earlier.update({ ...each, cancelNotice: { state: 'DELIVERED' } });
      add(withdrawn(31));
      expect(earlier.notified()).toEqual([]);
      expect(all()).toHaveLength(KEPT);
      expect(all()[0]).toBe(31);
      expect(count()).toBe(KEPT);
    }));

  test('one that took another’s row is found by its own id, frees its request, and stands for nothing', () =>
    inAJob(({ add, earlier }) => {
      add(dispatch(1), ...upTo(KEPT + 1).map((at) => withdrawn(at + 1)));
      expect(earlier.byId('dsp_2')).toBeNull();
      expect(earlier.byId(`dsp_${KEPT + 2}`)).toEqual(withdrawn(KEPT + 2));
      expect(earlier.byRequest(`retry:request-${KEPT + 2}`)).toBeNull();
      expect(earlier.isStandingAfter(1)).toBe(false);
      expect(earlier.isStandingAfter(0)).toBe(true);
    }));
});

describe('a look-up among them', () => {
  const LOOK_UPS: [what: string, look: (earlier: DispatchStore, newest: number) => unknown][] = [
    ['by id, of the oldest', (earlier) => earlier.byId('dsp_1')],
    ['by id, of one that there is not', (earlier) => earlier.byId('dsp_none')],
    ['by request, of the oldest', (earlier) => earlier.byRequest('retry:request-1')],
    ['by request, of one that is new', (earlier) => earlier.byRequest('retry:new')],
    ['for one that stands after the oldest', (earlier) => earlier.isStandingAfter(1)],
    ['for one that stands after the newest', (earlier, newest) => earlier.isStandingAfter(newest)],
    ['for cancels to be delivered', (earlier) => earlier.notified()],
    ['for a page', (earlier) => earlier.before(Number.MAX_SAFE_INTEGER, 10)],
  ];

  test.each(LOOK_UPS)('%s goes through no more of four hundred than of a hundred', (_what, look) =>
    inAJob(({ add, costOf, earlier }) => {
      const some = upTo(100).map((at) => (at % 3 === 0 ? withdrawn(at) : dispatch(at)));
      add(...some);
      const few = costOf(() => look(earlier, 100)).rowsRead;
      add(...upTo(300).map((at) => (at % 3 === 0 ? withdrawn(at + 100) : dispatch(at + 100))));
      expect(costOf(() => look(earlier, 400)).rowsRead).toBeLessThanOrEqual(few);
      expect(few).toBeLessThanOrEqual(64);
    }),
  );

  test('needs no index, which would cost a row with each, as long as there are few', () =>
    inAJob(({ add, costOf }) => {
      add(dispatch(1));
      for (const at of upTo(60)) expect(costOf(() => add(dispatch(at + 1))).rowsWritten).toBe(1);
    }));
});

test('an editor whose retries the orchestrator refuses sees the newest of them, and can go on', async () => {
  const { job } = await failedAfter('AUDIO_READY');
  await job.answers({ kind: 'refuse', status: 400 });
  for (const at of upTo(KEPT + 5)) expect((await job.retry(`no-${at}`)).status).toBe(502);

  const ids = (await job.storedDispatches()).map((each) => each.kind === 'retry' && each.clientRequestId);
  expect(ids).toEqual([
    false,
    ...upTo(KEPT + 5)
      .slice(3)
      .map((at) => `no-${at}`),
  ]);
  const forgotten = await job.pipeline('dsp_00000000000000000000000000000000');
  const report = await forgotten.send(forgotten.body('TRANSCRIBING'));
  expect(report.body.error_code).toBe('DISPATCH_NOT_CURRENT');

  await job.answers({ kind: 'accept' });
  expect((await job.retry('no-1')).status).toBe(202);
});
