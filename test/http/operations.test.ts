// A bulk retry as its editor begins it: which jobs are meant, what a dry run says, and what a repeat finds.
import { env, runInDurableObject } from 'cloudflare:test';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ProjectStore } from '../../src/actor/project-store.ts';
import { summaryOf } from '../../src/domain/project.ts';
import { newId } from '../support/ids.ts';
import { type Home, newHome, until } from '../support/workerd/acting.ts';
import {
  ActingOperation,
  allProjectRows,
  FAILED,
  failedJob,
  failedJobs,
  operationsOf,
  retryAll,
  succeed,
} from '../support/workerd/bulk.ts';
import { call, missingId } from '../support/workerd/harness.ts';
import { expectIssues } from './refusal.ts';

test('the failed jobs of a project are retried, each once, and the account is that of their own histories', async () => {
  const { home, jobs } = await failedJobs(3);

  const operation = await ActingOperation.over(home);
  await operation.untilCounts({ in_flight: 3, accepted: 3, delivered: 3 });
  await succeed(jobs);
  await operation.untilState('done');

  expect(await operation.get()).toMatchObject({
    counts: { total: 3, waiting: 0, in_flight: 0, accepted: 3, delivered: 3, succeeded: 3 },
    ...{ progress_pct: 100, actor_id: home.actorId, project_id: home.projectId, resume_at: null },
    request: { model_profile: 'balanced', filter: FAILED, max_in_flight: 10, discard_edits: [] },
  });
  for (const job of jobs) {
    const [retry, run] = await job.dispatches();
    expect([run.operation_id, retry.operation_id]).toEqual([null, operation.id]);
    expect(retry).toMatchObject({ actor_id: home.actorId, client_request_id: `${operation.id}:${job.id}` });
    const { dispatch_id } = retry;
    const item = { outcome: 'succeeded', reason: null, dispatch_id, delivered: true };
    expect(await operation.item(job)).toMatchObject(item);
    expect(await job.executions()).toHaveLength(2);
    const trail = await job.transitions();
    const told = trail.map((entry) => [entry.dispatch_id === dispatch_id, entry.operation_id]);
    expect(told.filter(([isOwn]) => isOwn)).not.toEqual([]);
    for (const [isOwn, id] of told) expect(id).toBe(isOwn ? operation.id : null);
  }
});

describe('which jobs are meant', () => {
  test.each([
    ['names nothing', {}, 'filter', 'must name something'],
    ['names no status', { status: [] }, 'filter.status', 'Too small'],
    ['names no job', { job_ids: [] }, 'filter.job_ids', 'Too small'],
    ['names 1,001 jobs', { job_ids: Array(1_001).fill('job_1') }, 'filter.job_ids', 'Too big'],
    ['names an operation alone', { operation: 'opr_1' }, 'filter', 'together'],
    ['names an outcome alone', { outcome: 'failed' }, 'filter', 'together'],
    ['names what there is not', { colour: 'red' }, 'filter', 'Unrecognized'],
    ['is missing', undefined, 'filter', 'expected object'],
  ])('a filter that %s is refused, with the reason', async (_what, filter, path, message) => {
    const home = await newHome();
    const reply = await retryAll(home, { filter });
    expectIssues(reply, path);
    expect(JSON.stringify(reply.body.details)).toContain(message);
    expect(await operationsOf(home)).toEqual([]);
  });

  test.each([
    ['max_in_flight of 0', { max_in_flight: 0 }, 'max_in_flight'],
    ['max_in_flight of 101', { max_in_flight: 101 }, 'max_in_flight'],
    ['half a max_in_flight', { max_in_flight: 1.5 }, 'max_in_flight'],
    ['fewer than no jobs expected', { expected: -1 }, 'expected'],
    ['no id', { client_request_id: undefined }, 'client_request_id'],
    ['a stage that nobody corrects', { discard_edits: ['audio'] }, 'discard_edits.0'],
    ['no profile', { model_profile: undefined }, 'model_profile'],
    ['what a single retry takes', { resume_from: 'UPLOADED' }, ''],
    ['a long page', { dry_run: true, limit: 201 }, 'limit'],
    ['no cursor of this list', { dry_run: true, cursor: 'no cursor' }, 'cursor'],
  ])('a request with %s is refused', async (_what, fields, path) => {
    const home = await newHome();
    expectIssues(await retryAll(home, fields), path);
    expect(await operationsOf(home)).toEqual([]);
  });

  test('an operation over no job is done at once', async () => {
    const operation = await ActingOperation.over(await newHome());
    await operation.untilState('done');
    expect(await operation.get()).toMatchObject({ counts: { total: 0 }, progress_pct: 100 });
    expect(await operation.items()).toEqual([]);
  });

  test('the words of the list, and the ids that were selected: all that is named has to hold', async () => {
    const { home, jobs } = await failedJobs(3);
    const [first, second] = jobs.map(({ id }) => id);
    const found = async (filter: object) => (await retryAll(home, { filter, dry_run: true })).body.found;

    expect(await found({ failure_code: 'NO_AUDIO' })).toBe(3);
    expect(await found({ failure_code: 'ANOTHER' })).toBe(0);
    expect(await found({ status: ['DONE', 'FAILED'], failure_class: 'unknown' })).toBe(3);
    expect(await found({ updated_after: '2000-01-01T00:00:00Z' })).toBe(3);
    expect(await found({ job_ids: [first, second, first] })).toBe(2);
    expect(await found({ job_ids: [first], status: ['DONE'] })).toBe(0);
  });

  test('somebody else’s jobs, and those of another project, are as if they were not there', async () => {
    const { home, jobs } = await failedJobs(1);
    const other = await failedJobs(1);
    const ids = [...jobs, ...other.jobs].map(({ id }) => id);
    const job_ids = [...ids, await missingId('job'), 'job_1'];

    const operation = await ActingOperation.over(home, { filter: { job_ids } });

    await operation.untilCounts({ total: 1, in_flight: 1 });
    expect((await operation.items()).map(({ job_id }) => job_id)).toEqual([jobs[0]?.id]);
    expect(await other.jobs[0]?.dispatches()).toHaveLength(1);
    expect((await operation.get()).request.filter).toEqual({});
  });

  test('those that ended so in an earlier operation, of one’s own alone', async () => {
    const { home, jobs } = await failedJobs(2);
    const first = await ActingOperation.over(home);
    await first.untilCounts({ in_flight: 2, delivered: 2 });
    const [again, fine] = jobs;
    if (!again || !fine) throw new Error('there are two');
    const [{ dispatch_id }] = await again.dispatches();
    await (await again.pipeline(dispatch_id)).report('FAILED');
    await succeed([fine]);
    await first.untilState('done');
    const filter = { operation: first.id, outcome: 'failed' };

    const stranger = await newHome();
    expect((await retryAll(stranger, { filter, dry_run: true })).body.found).toBe(0);
    const made = { operation: await missingId('opr'), outcome: 'failed' };
    expect((await retryAll(home, { filter: made, dry_run: true })).body.found).toBe(0);
    expect(
      (await retryAll(home, { filter: { ...made, operation: newId('opr') }, dry_run: true })).body.found,
    ).toBe(0);
    const second = await ActingOperation.over(home, { filter });

    await second.untilCounts({ total: 1, in_flight: 1 });
    expect((await second.items())[0]?.job_id).toBe(again.id);
    expect((await second.get()).request.filter).toEqual(filter);
  });

  test('as many as were expected, or nothing is done, and the answer says how many there are', async () => {
    const { home } = await failedJobs(2);
    const refused = await retryAll(home, { expected: 3 });
    expect(refused).toMatchObject({
      status: 412,
      body: { error_code: 'JOBS_CHANGED', details: { expected: 3, found: 2 } },
    });
    expect(await operationsOf(home)).toEqual([]);

    const operation = await ActingOperation.over(home, { expected: 2 });
    await operation.untilCounts({ in_flight: 2 });
  });

  test('a profile that is not allowed anywhere is refused before anything is begun', async () => {
    const { home } = await failedJobs(1);
    expect(await retryAll(home, { model_profile: 'legacy' })).toMatchObject({
      status: 409,
      body: { error_code: 'MODEL_PROFILE_NOT_ALLOWED', details: { reason: 'disabled' } },
    });
    expect(await operationsOf(home)).toEqual([]);
  });
});

describe('a project with as many jobs as an operation takes', () => {
  /** Lists jobs that there are no objects of. */
  async function listMany(home: Home, count: number): Promise<void> {
    const job = await failedJob(home);
    const summary = summaryOf(await job.stored(), null);
    const at = (n: number) => 1_700_000_000_000 + n;
    const listed = Array.from({ length: count - 1 }, (_, n) => ({
      ...{ ...summary, id: newId('job'), createdAt: at(n), updatedAt: at(n) },
    }));
    await runInDurableObject(env.PROJECT.getByName(home.projectId), (_actor, { storage }) =>
      new ProjectStore(storage).putSummaries(listed),
    );
  }

  test('takes all 10,000, and each is accounted for; one more is refused, with the number', async () => {
    const home = await newHome();
    await listMany(home, 10_000);
    // What a job that is gone answers; ten thousand objects would say the same.
    let asked = 0;
    vi.spyOn(env.JOB, 'getByName').mockReturnValue({
      dispatch: async () => {
        asked += 1;
        return { ok: false, rejection: { code: 'JOB_NOT_RUNNING', currentStatus: 'DONE' } };
      },
    } as never);
    onTestFinished(() => vi.restoreAllMocks() && undefined);

    const operation = await ActingOperation.over(home, { expected: 10_000, max_in_flight: 100 });
    await vi.waitFor(async () => expect((await operation.get()).state).toBe('done'), {
      timeout: 60_000,
      interval: 200,
    });

    const { counts } = await operation.get();
    expect(counts).toMatchObject({ total: 10_000, refused: 10_000, refused_by: { JOB_NOT_RUNNING: 10_000 } });
    expect(asked).toBe(10_000);
    vi.restoreAllMocks();
    await failedJob(home);
    await until(async () =>
      expect(await retryAll(home)).toMatchObject({
        status: 409,
        body: { error_code: 'TOO_MANY_JOBS', details: { found: 10_001, most: 10_000 } },
      }),
    );
    expect((await retryAll(home, { dry_run: true, limit: 1 })).body.found).toBe(10_001);
  }, 120_000);
});

describe('a repeat of the request', () => {
  test('finds the same operation while it runs and after its end, and begins nothing', async () => {
    const { home, jobs } = await failedJobs(2);
    const asked = { client_request_id: 'again' };
    const [first, twin] = await Promise.all([retryAll(home, asked), retryAll(home, asked)]);
    expect([first.status, twin.status].sort()).toEqual([200, 202]);
    expect(twin.body.id).toBe(first.body.id);
    expect(first.headers.get('location') ?? twin.headers.get('location')).toBe(
      `/operations/${first.body.id}`,
    );
    const operation = new ActingOperation(first.body.id, home);
    await operation.untilCounts({ in_flight: 2, delivered: 2 });
    expect(await retryAll(home, asked)).toMatchObject({ status: 200, body: { id: operation.id } });
    await succeed(jobs);
    await operation.untilState('done');

    const late = await retryAll(home, { ...asked, expected: 2 });

    expect(late).toMatchObject({ status: 200, body: { id: operation.id, state: 'done' } });
    for (const job of jobs) expect(await job.executions()).toHaveLength(2);
    expect(await operationsOf(home)).toHaveLength(1);
  });

  test('with another body is refused; under a header it is the same request', async () => {
    const home = await newHome();
    const body = { model_profile: 'balanced', filter: FAILED };
    const ask = (fields: object, headers: Record<string, string> = {}) =>
      call('POST', `/projects/${home.projectId}/retries`, {
        ...{ token: home.token, body: { ...body, ...fields }, headers },
      });
    const first = await ask({ client_request_id: 'one' });
    expect(first.status).toBe(202);

    expect(await ask({}, { 'idempotency-key': '"one"' })).toMatchObject({
      status: 200,
      body: { id: first.body.id },
    });
    expect(await ask({ client_request_id: 'one', max_in_flight: 3 })).toMatchObject({
      status: 409,
      body: {
        error_code: 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH',
        details: { client_request_id: 'one', dispatch_id: null },
      },
    });
  });

  test('finds it where a crash had cut its beginning short', async () => {
    const { home, jobs } = await failedJobs(1);
    vi.spyOn(env.OPERATION, 'getByName').mockImplementation(() => {
      throw new Error('it is away');
    });
    const asked = { client_request_id: 'cut-short' };
    const unanswered = await retryAll(home, asked);
    expect(unanswered.status).toBeGreaterThanOrEqual(500);
    vi.restoreAllMocks();

    const repeat = await retryAll(home, asked);

    expect(repeat.status).toBe(200);
    const operation = new ActingOperation(repeat.body.id, home);
    await operation.untilCounts({ in_flight: 1 });
    expect(await jobs[0]?.dispatches()).toHaveLength(2);
  });
});

describe('a dry run', () => {
  test('says how many match and what would be done with each, page by page, and stores nothing', async () => {
    const { home, jobs } = await failedJobs(3);
    const before = await allProjectRows(home);

    const asked = { dry_run: true, client_request_id: undefined, limit: 2 };
    const first = (await retryAll(home, asked)).body;
    const second = (await retryAll(home, { ...asked, cursor: first.next_cursor })).body;

    expect([first.found, second.found]).toEqual([3, 3]);
    const planned = [...first.items, ...second.items];
    expect(planned.map(({ job_id }) => job_id).sort()).toEqual(jobs.map(({ id }) => id).sort());
    expect(planned.map(({ plan }) => plan.verdict)).toEqual(['allowed', 'allowed', 'allowed']);
    expect([first.totals, second.totals]).toEqual([
      { allowed: 2, refused: 0, refused_by: {} },
      { allowed: 1, refused: 0, refused_by: {} },
    ]);
    expect(second.next_cursor).toBeNull();
    expect(await allProjectRows(home)).toEqual(before);
    for (const job of jobs) expect(await job.dispatches()).toHaveLength(1);
  });

  test('names its refusals with their reasons', async () => {
    const { home, jobs } = await failedJobs(2);
    await jobs[0]?.answers({ kind: 'hang' });
    await jobs[0]?.retry('by-hand', { prefer: 'respond-async' });

    const { totals, items } = (await retryAll(home, { dry_run: true })).body;

    expect(totals).toEqual({ allowed: 1, refused: 1, refused_by: { JOB_ALREADY_RUNNING: 1 } });
    const refused = items.find(({ job_id }: { job_id: string }) => job_id === jobs[0]?.id);
    expect(refused.plan.refusal).toMatchObject({ error_code: 'JOB_ALREADY_RUNNING', status: 409 });
  });

  test('and the operation agree about jobs of every kind that nobody touched in between', async () => {
    const home = await newHome();
    const kinds = ['TRANSCRIBING', 'TRANSCRIPT_READY', 'AUDIO_READY', 'GENERATING'] as const;
    for (const status of kinds) await failedJob(home, {}, status);
    for (const job of [await failedJob(home), await failedJob(home)]) await job.retry('by-hand');
    const cancelled = await failedJob(home);
    await cancelled.plan({ pipeline: { manual: true } });
    await until(async () => {
      const { body } = await call('GET', `/projects/${home.projectId}/jobs`, home);
      expect(body.items).toHaveLength(7);
    });
    for (const model_profile of ['draft-only', 'accurate', 'balanced']) {
      const everything = { filter: { updated_after: '2000-01-01T00:00:00Z' }, model_profile };
      const dry = (await retryAll(home, { ...everything, dry_run: true })).body;
      const operation = await ActingOperation.over(home, { ...everything, expected: 7 });
      await operation.untilCounts({ waiting: 0 });

      for (const { job_id, plan } of dry.items) {
        const item = await operation.item({ id: job_id });
        if (plan.verdict === 'refused') {
          expect(item).toMatchObject({ outcome: 'refused', reason: plan.refusal.error_code });
        } else {
          const { body } = await call('GET', `/jobs/${job_id}/dispatches`, home);
          expect(item.outcome).toBe('in_flight');
          expect(body.items[0]).toMatchObject({
            resume_from_status: plan.resume.status,
            plan: { stages: plan.stages },
          });
        }
      }
      const { allowed, refused } = dry.totals;
      expect(await operation.counts()).toMatchObject({ accepted: allowed, refused });
    }
  });
});
