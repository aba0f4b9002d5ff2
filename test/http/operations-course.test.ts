// The course of a bulk retry: how many are in flight, an orchestrator that is away, and an editor who pauses, resumes or cancels.
import { describe, expect, test } from 'vitest';
import { KEPT_MS } from '../../src/domain/operation.ts';
import { type ActingJob, until } from '../support/workerd/acting.ts';
import {
  ActingOperation,
  allProjectRows,
  failedJob,
  failedJobs,
  operationsOf,
  succeed,
} from '../support/workerd/bulk.ts';
import { call } from '../support/workerd/harness.ts';

/** For longer than a delivery is tried, so that it is withdrawn at once. */
const AWAY = { kind: 'error', status: 503, retry_after: 3_600 } as const;
const answers = async (jobs: readonly ActingJob[], answer: Parameters<ActingJob['answers']>[0]) => {
  for (const job of jobs) await job.answers(answer);
};

/** The jobs of these items. */
const among = (jobs: readonly ActingJob[], items: { job_id: string }[]): ActingJob[] =>
  jobs.filter(({ id }) => items.some(({ job_id }) => job_id === id));

describe('max_in_flight', () => {
  test('so many have an open dispatch, and the end of one begins the next', async () => {
    const { home, jobs } = await failedJobs(4);
    const operation = await ActingOperation.over(home, { max_in_flight: 2 });
    const seen = new Set<string>();
    for (const ended of [0, 1, 2]) {
      await operation.untilCounts({ in_flight: 2, delivered: ended + 2, waiting: 2 - ended });
      const [next] = await operation.items('in_flight');
      seen.add(next.job_id);
      await succeed(among(jobs, [next]));
    }
    await operation.untilCounts({ in_flight: 1, succeeded: 3 });
    await succeed(among(jobs, await operation.items('in_flight')));
    await operation.untilState('done');
    expect(await operation.counts()).toMatchObject({ succeeded: 4 });
    expect(seen.size).toBe(3);
  });

  test('is kept when the operation forgets what it asked: whom it asked before it asks again, under the same ids', async () => {
    const { home, jobs } = await failedJobs(4);
    await answers(jobs, { kind: 'hold' });
    const operation = await ActingOperation.over(home, { max_in_flight: 2 });
    const dispatched = async () =>
      (await Promise.all(jobs.map(async (job) => (await job.dispatches()).length))).filter((n) => n === 2)
        .length;
    await until(async () => expect(await dispatched()).toBe(2));

    await operation.forget();
    await operation.alarm();
    await operation.untilCounts({ in_flight: 2 });

    expect(await dispatched()).toBe(2);
    for (const item of await operation.items('in_flight')) expect(item.dispatch_id).toMatch(/^dsp_/);
  });
});

describe('an orchestrator that cannot be reached', () => {
  test('makes the operation wait for as long as it asks, with every job as it was', async () => {
    const { home, jobs } = await failedJobs(3);
    await answers(jobs, AWAY);
    const operation = await ActingOperation.over(home);
    await operation.untilState('waiting');

    // The first that comes back makes it wait; those that were asked beside it come back a little later.
    await operation.untilCounts({ waiting: 3, accepted: 0, in_flight: 0, withdrawn: 0 });
    expect(Date.parse((await operation.get()).resume_at) - Date.now()).toBeGreaterThan(3_000_000);
    await until(async () => {
      for (const job of jobs)
        expect(await job.get()).toMatchObject({ status: 'FAILED', open_dispatch: null });
    });
    await until(async () => {
      const latest = (await operation.get()).resume_at;
      expect(await operationsOf(home)).toMatchObject([
        { id: operation.id, state: 'waiting', resume_at: latest },
      ]);
    });
  });

  test('is tried with one job first when the wait is over, and then with all', async () => {
    const { home, jobs } = await failedJobs(3);
    await answers(jobs, AWAY);
    const operation = await ActingOperation.over(home);
    await operation.untilState('waiting');
    await until(async () => expect((await operation.rows()).item).toHaveLength(3));
    // Whom it asks has a dispatch at once, whenever that is delivered.
    const asked = () => Promise.all(jobs.map(async (job) => (await job.storedDispatches()).length));
    // Of each its run, and the retry that came to nothing.
    await until(async () => expect(await asked()).toEqual([2, 2, 2]));
    await until(async () => {
      for (const job of jobs) expect(await job.get()).toMatchObject({ open_dispatch: null });
    });
    const more = async () => (await asked()).filter((count) => count > 2);

    await operation.command('resume');
    await until(async () => expect(await more()).not.toEqual([]));
    await operation.untilState('waiting');

    expect(await more()).toHaveLength(1);
    await answers(jobs, { kind: 'accept' });
    expect(await operation.command('resume')).toMatchObject({
      status: 200,
      body: { state: 'running', resume_at: null },
    });
    await operation.untilCounts({ in_flight: 3, delivered: 3 });
  });

  test('goes on by itself when the time has come', async () => {
    const { home, jobs } = await failedJobs(1);
    await answers(jobs, AWAY);
    const operation = await ActingOperation.over(home);
    await operation.untilState('waiting');
    await answers(jobs, { kind: 'accept' });
    await operation.rewrite((sql) =>
      sql.exec(`UPDATE operation SET record = json_set(record, '$.resumeAt', ?)`, Date.now() - 1),
    );

    await operation.alarm();

    await operation.untilCounts({ in_flight: 1, delivered: 1 });
  });

  test('that refuses a job for good ends it there, and holds up no other', async () => {
    const { home, jobs } = await failedJobs(2);
    const [refused, fine] = jobs;
    await refused?.answers({ kind: 'refuse', status: 422 });
    const operation = await ActingOperation.over(home, { max_in_flight: 2 });
    await operation.untilCounts({ withdrawn: 1, in_flight: 1 });
    if (fine) await succeed([fine]);
    await operation.untilState('done');
    expect(await operation.counts()).toMatchObject({ withdrawn: 1, succeeded: 1, accepted: 2, delivered: 1 });
    const item = refused && (await operation.item(refused));
    expect(item).toMatchObject({ outcome: 'withdrawn', reason: 'ORCHESTRATOR_DISPATCH_FAILED' });
  });
});

describe('an editor', () => {
  test('pauses: what is in flight goes on, and nothing else begins until they resume', async () => {
    const { home, jobs } = await failedJobs(3);
    const operation = await ActingOperation.over(home, { max_in_flight: 1 });
    await operation.untilCounts({ in_flight: 1, delivered: 1 });
    expect(await operation.command('pause')).toMatchObject({ status: 200, body: { state: 'paused' } });
    expect(await operation.command('pause')).toMatchObject({ status: 200, body: { state: 'paused' } });
    await succeed(among(jobs, await operation.items('in_flight')));
    await operation.untilCounts({ succeeded: 1, in_flight: 0, waiting: 2 });
    await operation.forget();
    await operation.alarm();
    expect(await operation.counts()).toMatchObject({ in_flight: 0, waiting: 2 });

    expect(await operation.command('resume')).toMatchObject({ status: 200, body: { state: 'running' } });
    expect(await operation.command('resume')).toMatchObject({ status: 200, body: { state: 'running' } });
    await operation.untilCounts({ in_flight: 1, delivered: 2 });
  });

  test('cancels: what is in flight goes on, and what had not begun is skipped', async () => {
    const { home, jobs } = await failedJobs(3);
    const operation = await ActingOperation.over(home, { max_in_flight: 1 });
    await operation.untilCounts({ in_flight: 1, delivered: 1 });
    expect(await operation.command('cancel')).toMatchObject({ status: 200, body: { state: 'cancelling' } });
    for (const command of ['pause', 'resume'] as const) {
      expect(await operation.command(command)).toMatchObject({
        ...{ status: 409, body: { error_code: 'OPERATION_ENDED', details: { state: 'cancelling' } } },
      });
    }
    const begun = among(jobs, await operation.items('in_flight'));
    await succeed(begun);
    await operation.untilState('cancelled');

    const { counts, ended_at, progress_pct } = await operation.get();
    expect(counts).toMatchObject({ succeeded: 1, skipped: 2, waiting: 0, total: 3 });
    expect([ended_at === null, progress_pct]).toEqual([false, 100]);
    expect(await operation.items('skipped')).toHaveLength(2);
    expect(await operation.items('waiting')).toEqual([]);
    expect(await operation.command('cancel')).toMatchObject({ status: 200, body: { state: 'cancelled' } });
    for (const job of jobs.filter((one) => !begun.includes(one)))
      expect(await job.dispatches()).toHaveLength(1);
  });

  test('cancels one that has forgotten whom it asked: it finds out who has begun', async () => {
    const { home, jobs } = await failedJobs(3);
    await answers(jobs, { kind: 'hold' });
    const operation = await ActingOperation.over(home, { max_in_flight: 1 });
    const begun = async () => {
      for (const job of jobs) if ((await job.dispatches()).length === 2) return job;
      throw new Error('none has begun');
    };
    await until(async () => void (await begun()));
    await operation.rewrite((sql) =>
      sql.exec(`UPDATE operation SET record = json_set(record, '$.state', 'paused')`),
    );

    await operation.command('cancel');

    const job = await begun();
    await until(async () => expect(await operation.item(job)).toMatchObject({ outcome: 'in_flight' }));
    expect((await operation.get()).state).toBe('cancelling');
    await job.cancel();
    await operation.untilState('cancelled');
    expect(await operation.counts()).toMatchObject({ cancelled: 1, skipped: 2 });
  });

  test('cannot do anything about one that is over', async () => {
    const { home } = await failedJobs(0);
    const operation = await ActingOperation.over(home);
    await operation.untilState('done');
    for (const command of ['pause', 'resume', 'cancel'] as const) {
      expect(await operation.command(command)).toMatchObject({
        ...{ status: 409, body: { error_code: 'OPERATION_ENDED', details: { state: 'done' } } },
      });
    }
  });
});

test('its jobs are shown page by page, each once, and those that ended so alone', async () => {
  const { home, jobs } = await failedJobs(5);
  const operation = await ActingOperation.over(home, { max_in_flight: 2 });
  await operation.untilCounts({ in_flight: 2, delivered: 2 });
  const seen: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: { items: { job_id: string }[]; next_cursor: string | null } = await operation.get(
      `/items?limit=2${cursor && `&cursor=${cursor}`}`,
    );
    seen.push(...page.items.map(({ job_id }) => job_id));
    cursor = page.next_cursor;
  }
  expect(seen).toEqual(jobs.map(({ id }) => id).sort());
  expect(await operation.items('in_flight')).toHaveLength(2);
  expect(await operation.items('waiting')).toHaveLength(3);
  expect(await operation.items('failed')).toEqual([]);
});

test('one that is begun under the id of one that is gone has counts of its own', async () => {
  const { home } = await failedJobs(0);
  const again = { client_request_id: 'nightly' };
  const operation = await ActingOperation.over(home, again);
  await operation.untilState('done');
  await operation.rewrite((sql) =>
    sql.exec(`UPDATE operation SET record = json_set(record, '$.endedAt', ?)`, Date.now() - KEPT_MS),
  );
  await operation.alarm();
  expect(await operation.rows()).toEqual({});

  const job = await failedJob(home);
  await until(async () =>
    expect(
      (await call('GET', `/projects/${home.projectId}/jobs?status=FAILED`, home)).body.items,
    ).toMatchObject([{ id: job.id }]),
  );
  expect((await ActingOperation.over(home, again)).id).toBe(operation.id);
  await operation.untilCounts({ total: 1, waiting: 0, in_flight: 1 });
});

test('thirty days after its end nothing of it is left, in its object and in its project', async () => {
  const { home } = await failedJobs(0);
  const operation = await ActingOperation.over(home);
  await operation.untilState('done');
  await until(async () => expect(await operationsOf(home)).toMatchObject([{ state: 'done', total: 0 }]));
  const ageBy = (ms: number) =>
    operation.rewrite((sql) =>
      sql.exec(`UPDATE operation SET record = json_set(record, '$.endedAt', record ->> '$.endedAt' - ?)`, ms),
    );

  await ageBy(KEPT_MS - 60_000);
  await operation.alarm();
  expect((await operation.get()).state).toBe('done');
  await ageBy(60_000);
  await operation.alarm();

  expect(await operation.rows()).toEqual({});
  expect((await allProjectRows(home)).operation).toEqual([]);
  expect((await call('GET', `/operations/${operation.id}`, home)).status).toBe(404);
});
