// Jobs in a bulk retry that somebody else has plans for too: each ends in it as what it is, with the reason.
import { env } from 'cloudflare:test';
import { describe, expect, test, vi } from 'vitest';
import { requireConfig } from '../../src/config.ts';
import { type ActingJob, newHome } from '../support/workerd/acting.ts';
import {
  ActingOperation,
  type Crowd,
  failedJob,
  failedJobs,
  retryAll,
  succeed,
  untilListed,
} from '../support/workerd/bulk.ts';
import type { Reply } from '../support/workerd/harness.ts';

const { stageTimeoutMs } = requireConfig(env).rules;
const SOME_MS = 5_000;

/** One job in an operation that has begun nothing yet. */
async function pausedOver(count: number): Promise<Crowd & { operation: ActingOperation; job: ActingJob }> {
  const crowd = await failedJobs(count);
  for (const one of crowd.jobs) await one.answers({ kind: 'error', status: 503, retry_after: 3_600 });
  const operation = await ActingOperation.over(crowd.home);
  await operation.untilState('waiting');
  for (const one of crowd.jobs) await one.plan({});
  const [job] = crowd.jobs;
  if (!job) throw new Error('there is one');
  return { ...crowd, operation, job };
}

/** One job in it, delivered. */
async function inFlight(): Promise<Crowd & { operation: ActingOperation; job: ActingJob }> {
  const crowd = await failedJobs(1);
  const operation = await ActingOperation.over(crowd.home);
  await operation.untilCounts({ in_flight: 1, delivered: 1 });
  const [job] = crowd.jobs;
  if (!job) throw new Error('there is one');
  return { ...crowd, operation, job };
}

const newest = async (job: ActingJob) => job.pipeline((await job.dispatches())[0].dispatch_id);

describe('before it is its turn, a job', () => {
  test('that somebody retried is refused, as their retry is at work', async () => {
    const { operation, job } = await pausedOver(1);
    expect((await job.retry('by-hand')).status).toBe(202);
    await operation.command('resume');
    await operation.untilState('done');
    expect(await operation.item(job)).toMatchObject({ outcome: 'refused', reason: 'JOB_ALREADY_RUNNING' });
    expect(await operation.counts()).toMatchObject({
      refused: 1,
      refused_by: { JOB_ALREADY_RUNNING: 1 },
      accepted: 0,
    });
    expect((await job.dispatches())[0]).toMatchObject({ client_request_id: 'by-hand', operation_id: null });
  });

  test('that has its draft by then is refused, as it has not failed', async () => {
    const { operation, job } = await pausedOver(1);
    await job.retry('by-hand');
    await succeed([job]);
    await operation.command('resume');
    await operation.untilState('done');
    expect(await operation.item(job)).toMatchObject({
      outcome: 'refused',
      reason: 'RETRY_NOT_ALLOWED_STATE',
    });
  });

  test('that was erased is counted, and nothing of it is told', async () => {
    const { operation, job, jobs } = await pausedOver(2);
    await operation.stub.forget(job.id);
    await operation.command('resume');
    await operation.untilCounts({ in_flight: 1, erased: 1 });
    await succeed(jobs.slice(1));
    await operation.untilState('done');
    expect(await operation.counts()).toMatchObject({ total: 2, erased: 1, succeeded: 1 });
    expect(await operation.items('erased')).toMatchObject([
      { job_id: null, dispatch_id: null, reason: null },
    ]);
    expect(JSON.stringify(await operation.rows())).not.toContain(job.id);
  });
});

describe('what its editor calls a job', () => {
  const NAME = 'talk-117';

  /** One that has a name and one that has none, in an operation that waits. */
  async function namedAndNot() {
    const home = await newHome();
    const jobs = [await failedJob(home, {}, undefined, { external_id: NAME }), await failedJob(home)];
    for (const job of jobs) await job.answers({ kind: 'error', status: 503, retry_after: 3_600 });
    const [named, nameless] = jobs.map(({ id }) => id);
    await untilListed(home, jobs.length);
    return { home, jobs, named, nameless };
  }

  test('is said of each that a dry run looks at, and of each in the operation, while it waits and when it is over', async () => {
    const { home, jobs, named, nameless } = await namedAndNot();
    const names = (items: Reply['body'][]) =>
      Object.fromEntries(items.map(({ job_id, external_id }) => [job_id, external_id]));
    const both = { [String(named)]: NAME, [String(nameless)]: null };
    const looked = await retryAll(home, { dry_run: true });
    expect(names(looked.body.items)).toEqual(both);
    const operation = await ActingOperation.over(home);
    await operation.untilState('waiting');
    expect(names(await operation.items())).toEqual(both);
    for (const job of jobs) await job.plan({});
    await operation.command('resume');
    await operation.untilCounts({ in_flight: 2, delivered: 2 });
    await succeed(jobs);
    await operation.untilState('done');
    expect(names(await operation.items('succeeded'))).toEqual(both);
  });

  test('is what it was made with, and no id that was taken for it in vain', async () => {
    const { home, jobs, nameless } = await namedAndNot();
    const owner = await jobs[0]?.owner();
    const taken = { jobId: String(nameless), externalId: 'in-vain' };
    await env.PROJECT.getByName(home.projectId).admit(String(owner), taken);
    const operation = await ActingOperation.over(home);
    await operation.untilState('waiting');
    expect((await operation.items()).map(({ external_id }) => external_id).sort()).toEqual([null, NAME]);
  });

  test('is forgotten with it', async () => {
    const { home, jobs } = await namedAndNot();
    const operation = await ActingOperation.over(home);
    await operation.untilState('waiting');
    expect(JSON.stringify(await operation.rows())).toContain(NAME);
    await operation.stub.forget(jobs[0]?.id ?? '');
    expect(await operation.items('erased')).toMatchObject([{ job_id: null, external_id: null }]);
    expect(JSON.stringify(await operation.rows())).not.toContain(NAME);
  });

  test('is not known to an operation of version 1 of the tables, which goes on', async () => {
    const { operation, job } = await pausedOver(1);
    await operation.rewrite((sql) => {
      sql.exec('ALTER TABLE item DROP COLUMN external_id');
      sql.exec('UPDATE operation SET schema = 1');
    });
    expect(await operation.item(job)).toMatchObject({ external_id: null });
    await operation.command('resume');
    await operation.untilCounts({ in_flight: 1, delivered: 1 });
    await succeed([job]);
    await operation.untilState('done');
    expect(await operation.item(job)).toMatchObject({ outcome: 'succeeded' });
  });
});

describe('in flight, a job', () => {
  test('that fails again has failed, with its code', async () => {
    const { operation, job } = await inFlight();
    await (await newest(job)).report('FAILED', { failure_code: 'NO_AUDIO' });
    await operation.untilState('done');
    expect(await operation.item(job)).toMatchObject({ outcome: 'failed', reason: 'NO_AUDIO' });
  });

  test('that is retried by hand once it has failed again stays failed in it', async () => {
    const { operation, job } = await inFlight();
    await (await newest(job)).report('FAILED');
    await job.retry('by-hand');
    await succeed([job]);
    await operation.untilState('done');
    expect(await operation.counts()).toMatchObject({ failed: 1, succeeded: 0 });
  });

  test.each([
    ['cancelled', 'cancel', 'CANCELLED'],
    ['given up', 'abandon', 'ABANDONED'],
  ])('that is %s by hand is shown so', async (_what, act, reason) => {
    const { operation, job } = await inFlight();
    expect((await job.post(act)).status).toBe(200);
    await operation.untilState('done');
    expect(await operation.item(job)).toMatchObject({ outcome: 'cancelled', reason });
  });

  test('that reports its draft late, after it was told to be lost, is what its dispatch is', async () => {
    const { operation, job } = await inFlight();
    const pipeline = await newest(job);
    await pipeline.report('AUDIO_EXTRACTING');
    await job.patch({ lastProgressAt: Date.now() - stageTimeoutMs - SOME_MS });
    await job.alarm();
    await operation.untilState('done');
    expect(await operation.item(job)).toMatchObject({ outcome: 'failed', reason: 'ORCHESTRATOR_TIMEOUT' });
    const late = await pipeline.send(pipeline.body('DRAFT_READY'));
    expect(late.status).toBe(409);
    expect(await operation.item(job)).toMatchObject({ outcome: 'failed', reason: 'ORCHESTRATOR_TIMEOUT' });
  });

  test('that has its draft has succeeded, whatever its pipeline or its editor does from then on', async () => {
    const { operation, job } = await inFlight();
    await succeed([job]);
    await operation.untilState('done');
    const before = await operation.rows();
    await (await newest(job)).report('EXPORTING');
    expect((await job.cancel()).status).toBe(200);
    expect(await operation.rows()).toEqual(before);
    expect(await operation.counts()).toMatchObject({ succeeded: 1, cancelled: 0 });
  });

  test('that was erased is counted, and what is heard of it later changes nothing', async () => {
    const { operation, job } = await inFlight();
    await operation.stub.forget(job.id);
    await operation.untilState('done');
    const before = await operation.rows();
    await succeed([job]);
    expect(await operation.rows()).toEqual(before);
    expect(await operation.counts()).toMatchObject({ total: 1, erased: 1, accepted: 1 });
  });

  test('whose news were lost is asked once the time for a sign of life is over, and not before', async () => {
    const { operation, job } = await inFlight();
    vi.spyOn(env.OPERATION, 'getByName').mockImplementation(() => {
      throw new Error('it is away');
    });
    await succeed([job]);
    vi.restoreAllMocks();
    // The job's own alarm would tell again: it is one of those that never came.
    await job.forget();
    const asked = vi.spyOn(env.JOB, 'getByName');
    await operation.forget();
    await operation.alarm();
    expect(asked).not.toHaveBeenCalledWith(job.id);

    await operation.rewrite((sql) => sql.exec('UPDATE item SET changed_at = changed_at - ?', stageTimeoutMs));
    await operation.alarm();

    await operation.untilState('done');
    expect(asked).toHaveBeenCalledWith(job.id);
    vi.restoreAllMocks();
    expect(await operation.item(job)).toMatchObject({ outcome: 'succeeded' });
  });

  test('tells its end again and again until the operation has heard it', async () => {
    const { operation, job } = await inFlight();
    vi.spyOn(env.OPERATION, 'getByName').mockImplementation(() => {
      throw new Error('it is away');
    });
    await succeed([job]);
    vi.restoreAllMocks();
    expect(await operation.counts()).toMatchObject({ in_flight: 1 });

    await job.alarm();

    await operation.untilState('done');
  });
});

test('two operations over the same jobs: each job is executed once, and each account is right', async () => {
  const { home, jobs } = await failedJobs(4);
  const [one, two] = await Promise.all([ActingOperation.over(home), ActingOperation.over(home)]);
  await one.untilCounts({ waiting: 0 });
  await two.untilCounts({ waiting: 0 });

  await succeed(jobs);
  await one.untilState('done');
  await two.untilState('done');

  for (const job of jobs) {
    const [retry] = await job.dispatches();
    expect(await job.executions()).toHaveLength(2);
    const [own, other] = retry.operation_id === one.id ? [one, two] : [two, one];
    expect(await own.item(job)).toMatchObject({ outcome: 'succeeded', dispatch_id: retry.dispatch_id });
    expect(await other.item(job)).toMatchObject({ outcome: 'refused', reason: 'JOB_ALREADY_RUNNING' });
  }
});

test('an id that an editor made up in an operation’s name is not taken for its own', async () => {
  const { operation, job } = await pausedOver(1);
  await job.retry(`${operation.id}:${job.id}`);
  await operation.command('resume');
  await operation.untilState('done');
  const reason = 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH';
  expect(await operation.item(job)).toMatchObject({ outcome: 'refused', reason });
});

test('a job that answers nothing at all holds up no other, and ends as a retry of it alone would', async () => {
  const { operation, job, jobs } = await pausedOver(2);
  await job.damage();
  await operation.command('resume');
  await operation.untilCounts({ in_flight: 1 });
  await succeed(jobs.slice(1));
  await operation.untilCounts({ succeeded: 1 });
  expect((await operation.get()).state).toBe('running');
});
