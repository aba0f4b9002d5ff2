// Finding jobs: what each filter of a project's list means, what it is refused for, and the counts.
import { describe, expect, test } from 'vitest';
import { STATUSES } from '../../src/domain/lifecycle.ts';
import { type ActingJob, createdJob, failedAfter, type Home, newHome } from '../support/workerd/acting.ts';
import { call, editorToken, orchestrator, type Reply } from '../support/workerd/harness.ts';
import { expectIssues } from './refusal.ts';

type Where = Pick<Home, 'token' | 'projectId'>;
type Query = Record<string, string>;

const list = ({ token, projectId }: Where, query: Query | string = {}): Promise<Reply> =>
  call('GET', `/projects/${projectId}/jobs?${new URLSearchParams(query)}`, { token });
const found = async (home: Where, query: Query): Promise<string[]> => {
  const reply = await list(home, query);
  if (reply.status !== 200) throw new Error(`${JSON.stringify(query)} → ${reply.text}`);
  return reply.body.items.map(({ id }: { id: string }) => id);
};
const countsOf = async ({ token, projectId }: Where) =>
  (await call('GET', `/projects/${projectId}/counts`, { token })).body;

/** A project with a job of each kind that a filter tells from others. */
async function aProject() {
  const { job: failed, pipeline } = await failedAfter('AUDIO_READY');
  const home = { token: failed.token, projectId: failed.projectId };
  const other = await createdJob({}, home, { external_id: 'talk-2', tags: ['urgent', 'x'] });
  await other.confirm();
  await other.run();
  const second = await other.pipeline((await other.dispatches())[0].dispatch_id);
  await second.report('FAILED', { failure_code: 'E/2', failure_class: 'quota', failed_stage: 'A stage' });
  const fresh = await createdJob({}, home, { tags: ['urgent'], metadata: { a: '1' } });
  const cancelled = await createdJob({}, home);
  await cancelled.cancel();
  await expect.poll(() => found(home, { status: 'CANCELLED' })).toEqual([cancelled.id]);
  return { home, failed, other, fresh, cancelled, pipeline };
}

test('each filter finds the jobs that are so, newest first, and all that are named have to hold', async () => {
  const { home, failed, other, fresh, cancelled } = await aProject();
  const { updated_at } = await other.get();
  const finds = async (query: Query, ...jobs: ActingJob[]) =>
    expect(await found(home, query), JSON.stringify(query)).toEqual(jobs.map(({ id }) => id));
  await finds({}, cancelled, fresh, other, failed);
  await finds({ status: 'FAILED' }, other, failed);
  await finds({ status: 'FAILED,CREATED' }, fresh, other, failed);
  await finds({ status: ' CANCELLED , CREATED ' }, cancelled, fresh);
  await finds({ failure_class: 'quota' }, other);
  await finds({ failure_class: 'quota', status: 'CREATED' });
  await finds({ failure_code: 'E/2' }, other);
  await finds({ failure_code: 'e/2' });
  await finds({ failed_stage: 'A stage' }, other);
  await finds({ model_profile: 'balanced' }, other, failed);
  await finds({ model_profile: 'nobody' });
  await finds({ tag: 'urgent' }, fresh, other);
  await finds({ tag: 'urgent', status: 'FAILED' }, other);
  await finds({ tag: 'none' });
  await finds({ external_id: 'talk-2' }, other);
  await finds({ external_id: 'talk-2', tag: 'x', failure_class: 'quota', model_profile: 'balanced' }, other);
  await finds({ external_id: 'talk-2', status: 'CREATED' });
  await finds({ external_id: 'talk-3' });
  await finds({ updated_after: updated_at, status: 'FAILED' }, other);
  await finds({ updated_before: updated_at, status: 'FAILED' }, failed);
  await finds({ updated_after: updated_at, updated_before: updated_at });
  const inZone = updated_at.replace('Z', '+00:00');
  await finds({ updated_after: inZone, failure_class: 'quota' }, other);
});

test('pages of a filter hold each job once, and go on where the one before ended', async () => {
  const home = await newHome();
  const jobs: string[] = [];
  for (let n = 0; n < 5; n += 1) {
    jobs.unshift((await createdJob({}, home, { tags: ['x'] })).id);
    await createdJob({}, home);
  }
  const seen: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const { body }: Reply = await list(home, { tag: 'x', limit: '2', ...(cursor && { cursor }) });
    seen.push(...body.items.map(({ id }: { id: string }) => id));
    cursor = body.next_cursor;
    if (cursor) expect(body.end_cursor).toBe(cursor);
  }
  expect(seen).toEqual(jobs);
});

test('a list shows of each job why it failed, under which profile, and what its pipeline is asked for', async () => {
  const { job } = await failedAfter('AUDIO_READY');
  const shown = async () => (await list(job)).body.items[0];
  const { failure } = await job.get();
  expect(await shown()).toMatchObject({
    failure: {
      failure_code: failure.failure_code,
      failure_class: failure.failure_class,
      failed_stage: failure.failed_stage,
    },
    model_profile: 'balanced',
    open_dispatch: null,
  });
  await job.retry('again', {}, 'accurate');
  await expect.poll(shown).toMatchObject({
    ...{
      status: 'FAILED',
      open_dispatch: { kind: 'retry' },
      failure: { failure_code: failure.failure_code },
    },
  });
  const next = await job.pipeline((await job.dispatches())[0].dispatch_id);
  await next.report('TRANSCRIBING');
  expect(await shown()).toMatchObject({
    ...{ status: 'TRANSCRIBING', failure: null, model_profile: 'accurate', open_dispatch: { kind: 'retry' } },
  });
  expect(await found(job, { failure_code: failure.failure_code })).toEqual([]);
});

test('a list shows a retry while the orchestrator has not answered its delivery', async () => {
  const { job } = await failedAfter('AUDIO_READY');
  await job.answers({ kind: 'hold' });
  await job.retry('again', { prefer: 'respond-async' });
  await orchestrator.waitFor(job.id, 'held');

  const shown = async () => (await list(job)).body.items[0];

  await expect.poll(shown).toMatchObject({ status: 'FAILED', open_dispatch: { kind: 'retry' } });
  expect((await job.dispatches())[0]).toMatchObject({ delivery_attempts: 0 });
  await orchestrator.release(job.id);
});

describe('a filter', () => {
  test.each<[string, string, string]>([
    ['a status that there is not', 'status=LOST', 'status'],
    ['one of several that there is not', 'status=FAILED,LOST', 'status'],
    ['no status', 'status=', 'status'],
    ['an empty one among several', 'status=FAILED,,DONE', 'status'],
    ['a status in lower case', 'status=failed', 'status'],
    ['a parameter twice', 'status=FAILED&status=DONE', 'status'],
    ['a class that there is not', 'failure_class=bad', 'failure_class'],
    ['no code', 'failure_code=', 'failure_code'],
    ['a code that is too long', `failure_code=${'x'.repeat(129)}`, 'failure_code'],
    ['no stage', 'failed_stage=', 'failed_stage'],
    ['a profile of two words', 'model_profile=a%20b', 'model_profile'],
    ['a blank tag', 'tag=%20', 'tag'],
    ['a tag that is too long', `tag=${'x'.repeat(65)}`, 'tag'],
    ['two tags', 'tag=a&tag=b', 'tag'],
    ['an external_id that turns text around', 'external_id=%E2%80%AE', 'external_id'],
    ['a day', 'updated_after=2026-11-27', 'updated_after'],
    ['a time without a zone', 'updated_after=2026-11-27T10:00:00', 'updated_after'],
    ['no time', 'updated_before=yesterday', 'updated_before'],
    ['what is none', 'colour=red', ''],
    ['an operation, which is none either', 'operation=opr_1', ''],
  ])('is refused for %s', async (_what, query, path) => {
    const job = await createdJob();
    expectIssues(await list(job, query), path);
  });

  test('finds nobody else’s', async () => {
    const { other } = await aProject();
    const stranger = { token: await editorToken(`other-${crypto.randomUUID()}`), projectId: other.projectId };
    expect((await list(stranger, { external_id: 'talk-2' })).status).toBe(404);
    const theirs = await newHome();
    for (const query of [{ external_id: 'talk-2' }, { tag: 'urgent' }, { failure_class: 'quota' }]) {
      expect(await found(theirs, query)).toEqual([]);
    }
  });
});

describe('the counts', () => {
  test('are of all jobs by status, and of the failed ones by the class of their failure', async () => {
    const { home, fresh } = await aProject();
    const none = Object.fromEntries(STATUSES.map((status) => [status, 0]));
    const counts = await countsOf(home);
    expect(counts).toEqual({
      jobs: 4,
      by_status: { ...none, CREATED: 1, FAILED: 2, CANCELLED: 1 },
      by_failure_class: {
        ...{ transient: 0, permanent: 0, input: 0, policy: 0, timeout: 0 },
        ...{ quota: 1, unknown: 1 },
      },
    });
    await fresh.cancel();
    const after = { ...counts, by_status: { ...counts.by_status, CREATED: 0, CANCELLED: 2 } };
    await expect.poll(() => countsOf(home)).toEqual(after);
  });

  test('of a new project are all zero', async () => {
    const counts = await countsOf(await newHome());
    expect(counts.jobs).toBe(0);
    expect(Object.values({ ...counts.by_status, ...counts.by_failure_class }).every((n) => n === 0)).toBe(
      true,
    );
  });
});
