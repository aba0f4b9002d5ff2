// What an editor calls a job by: given when it is created, changed at any time, and known to whoever is shown or given the job.
import { describe, expect, test } from 'vitest';
import { type ActingJob, createdJob, failedAfter, jobAt, newHome } from '../support/workerd/acting.ts';
import { call, editorToken, orchestrator, type Reply } from '../support/workerd/harness.ts';
import { expectIssues, refusal } from './refusal.ts';

const LABELS = {
  external_id: 'talk 7 / Vortrag',
  metadata: { language: 'de', 'a "name"': '' },
  tags: ['urgent', 'bitte bald 🙂'],
};

const create = async (body: unknown): Promise<Reply> => {
  const { token, projectId } = await newHome();
  return call('POST', `/projects/${projectId}/jobs`, { token, body });
};
const patch = (job: ActingJob, body: unknown, headers: Record<string, string> = {}): Promise<Reply> =>
  call('PATCH', `/jobs/${job.id}`, { token: job.token, body, headers });
const etagOf = async (job: ActingJob): Promise<string> =>
  (await call('GET', `/jobs/${job.id}`, { token: job.token })).headers.get('etag') ?? '';
const listedOf = async (job: ActingJob) =>
  (await call('GET', `/projects/${job.projectId}/jobs`, { token: job.token })).body.items[0];

describe('a job that is created with labels', () => {
  test('shows them, and so does its list', async () => {
    const { token, projectId } = await newHome();
    const made = await call('POST', `/projects/${projectId}/jobs`, { token, body: LABELS });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject(LABELS);
    expect((await call('GET', `/jobs/${made.body.id}`, { token })).body).toEqual(made.body);
    const { items } = (await call('GET', `/projects/${projectId}/jobs`, { token })).body;
    expect(items).toMatchObject([LABELS]);
  });

  test('takes them to the orchestrator with every dispatch, as they are then, but for a cancel', async () => {
    const job = await createdJob({}, await newHome(), LABELS);
    await job.confirm();
    await job.run();
    const tags = ['another'];
    await patch(job, { tags });
    await job.post('abandon');
    await job.retry('again');
    await job.cancel();
    const { requests } = await orchestrator.waitFor(job.id, 'requests', 4);
    const [cancels, work] = [true, false].map((isCancel) =>
      requests.filter(({ type }) => (type === 'job.cancel') === isCancel).map(({ body }) => body),
    );
    expect(work).toMatchObject([
      { ...LABELS, operation_id: null },
      { ...LABELS, tags, operation_id: null },
    ]);
    expect(cancels).toHaveLength(2);
    for (const body of cancels ?? []) expect(Object.keys(body)).not.toContain('tags');
  });

  test('has a tag once, and blanks around what people know it by taken away', async () => {
    const made = await create({ external_id: '  a  ', tags: [' x', 'x', 'y '], metadata: { ' k ': ' v ' } });
    expect(made.body).toMatchObject({ external_id: 'a', tags: ['x', 'y'], metadata: { k: ' v ' } });
  });

  test('may leave any of them out, or say null', async () => {
    for (const body of [{}, { external_id: null, metadata: null, tags: null }]) {
      expect((await create(body)).body).toMatchObject({ external_id: null, metadata: {}, tags: [] });
    }
  });

  test('has them as long, and as many, as is said, and no longer and no more', async () => {
    const entries = (count: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, n) => [`${n}`.padStart(40, 'k'), 'v'.repeat(500)]),
      );
    const tags = (count: number) => Array.from({ length: count }, (_, n) => `${n}`.padStart(64, 't'));
    const most = { external_id: 'e'.repeat(128), metadata: entries(50), tags: tags(10) };
    const made = await create(most);
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject(most);
    expectIssues(await create({ external_id: 'e'.repeat(129) }), 'external_id');
    expectIssues(await create({ metadata: entries(51) }), 'metadata');
    expectIssues(await create({ metadata: { ['k'.repeat(41)]: 'v' } }), `metadata.${'k'.repeat(41)}`);
    expectIssues(await create({ metadata: { k: 'v'.repeat(501) } }), 'metadata.k');
    expectIssues(await create({ tags: tags(11) }), 'tags');
    expectIssues(await create({ tags: ['t'.repeat(65)] }), 'tags.0');
  });

  test.each<[text: unknown, what: string]>([
    ['', 'is empty'],
    ['   ', 'is blank'],
    ['a\u0000b', 'holds a control character'],
    ['a\nb', 'has two lines'],
    ['a\u2028b', 'holds a line separator'],
    ['a\u202eb', 'turns text around'],
    ['\u200b', 'cannot be seen'],
    ['\ud800', 'is no text'],
    [7, 'is a number'],
  ])('refuses %j, which %s', async (text, _what) => {
    expectIssues(await create({ external_id: text }), 'external_id');
    expectIssues(await create({ tags: ['x', text] }), 'tags.1');
    if (typeof text !== 'string') return;
    const reply = await create({ metadata: { [text]: 'x' } });
    expect(reply.status).toBe(400);
    const isEmpty = text.trim() === '' || text === '\u200b';
    expect((await create({ metadata: { k: text } })).status).toBe(isEmpty ? 201 : 400);
  });

  test('refuses what is none of theirs', async () => {
    expectIssues(await create('{"metadata":{"__proto__":"x"}}'), 'metadata');
    expectIssues(await create({ metadata: { k: 1 } }), 'metadata.k');
    expectIssues(await create({ metadata: { k: null } }), 'metadata.k');
    expectIssues(await create({ metadata: [] }), 'metadata');
    expectIssues(await create({ tags: 'x' }), 'tags');
    expectIssues(await create({ externalId: 'x' }), '');
  });

  test('may have entries of names that mean something to JavaScript elsewhere', async () => {
    const metadata = { constructor: 'x', toString: 'y', hasOwnProperty: 'z' };
    const made = await create({ metadata });
    expect(made.body.metadata).toEqual(metadata);
  });
});

describe('a patch', () => {
  test('merges metadata name by name, replaces tags, and leaves what it does not name', async () => {
    const job = await createdJob({}, await newHome(), { ...LABELS, metadata: { a: '1', b: '2' } });
    const labelsAfter = async (change: unknown) => {
      const reply = await patch(job, change);
      expect(reply.status).toBe(200);
      const { metadata, tags, external_id } = reply.body;
      expect(external_id).toBe(LABELS.external_id);
      return { metadata, tags };
    };
    const { tags } = LABELS;
    expect(await labelsAfter({ metadata: { b: null, c: '3' } })).toEqual({
      metadata: { a: '1', c: '3' },
      tags,
    });
    expect(await labelsAfter({ tags: ['x'] })).toEqual({ metadata: { a: '1', c: '3' }, tags: ['x'] });
    expect(await labelsAfter({ metadata: null })).toEqual({ metadata: {}, tags: ['x'] });
    expect(await labelsAfter({ tags: null, metadata: { d: '4' } })).toEqual({
      metadata: { d: '4' },
      tags: [],
    });
    expect(await labelsAfter({})).toEqual({ metadata: { d: '4' }, tags: [] });
  });

  test.each([
    'application/json',
    'application/merge-patch+json',
    'application/merge-patch+json; charset=utf-8',
  ])('is taken as %s', async (type) => {
    const job = await createdJob();
    const reply = await patch(job, { tags: ['x'] }, { 'content-type': type });
    expect([reply.status, reply.body.tags]).toEqual([200, ['x']]);
  });

  test.each(['CREATED', 'AUDIO_EXTRACTING', 'DRAFT_READY', 'DONE', 'FAILED', 'CANCELLED'] as const)(
    'changes a job in %s, which stays there, and is in its trail under who did it',
    async (status) => {
      const job = await inStatus(status);
      const before = await job.get();
      expect(before.status).toBe(status);
      const reply = await patch(job, { tags: ['x'] }, { 'x-correlation-id': 'labelling' });
      expect(reply.status).toBe(200);
      const { tags, revision, updated_at, next_actions: _, ...rest } = reply.body;
      expect([tags, revision]).toEqual([['x'], before.revision + 1]);
      const { tags: _t, revision: _r, updated_at: _u, next_actions: _n, ...restBefore } = before;
      expect(rest).toEqual(restBefore);
      expect(reply.body).toEqual(await job.get());
      expect((await job.transitions()).at(-1)).toMatchObject({
        event_type: 'labels_changed',
        ...{ prev_status: status, new_status: status, actor_type: 'editor', actor_id: expect.any(String) },
        ...{ correlation_id: 'labelling', dispatch_id: null, occurred_at: updated_at },
      });
    },
  );

  test('is in the list', async () => {
    const job = await createdJob();
    await patch(job, { tags: ['x'], metadata: { a: '1' } });
    await expect.poll(() => listedOf(job)).toMatchObject({ tags: ['x'], metadata: { a: '1' } });
  });

  test('that changes nothing leaves no trace', async () => {
    const job = await createdJob();
    await patch(job, { tags: ['x'], metadata: { a: '1' } });
    await expect.poll(() => listedOf(job)).toMatchObject({ tags: ['x'] });
    const etag = await etagOf(job);
    const again = await refusalLess(job, () => patch(job, { tags: ['x'], metadata: { a: '1', gone: null } }));
    expect([again.status, again.headers.get('etag')]).toEqual([200, etag]);
  });

  test('is refused where it does not fit, and nothing changes', async () => {
    const job = await createdJob();
    const refused = async (body: unknown, ...paths: string[]) =>
      expectIssues(await refusal(job, () => patch(job, body)), ...paths);
    await refused({ external_id: 'other' }, '');
    await refused({ status: 'DONE' }, '');
    await refused({ tags: [''] }, 'tags.0');
    await refused({ metadata: { k: 1 } }, 'metadata.k');
    await refused('{"metadata":{"__proto__":null}}', 'metadata');
    await refused('[{"op":"add"}]', '');
    expect((await patch(job, '', { 'content-type': 'application/json' })).status).toBe(200);
  });

  test('that would leave more entries than there is room for is refused, and one that makes room is not', async () => {
    const job = await createdJob();
    const metadata = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`k${n}`, 'x']));
    expect((await patch(job, { metadata })).status).toBe(200);
    await expect.poll(() => listedOf(job)).toMatchObject({ metadata });
    const full = await refusal(job, () => patch(job, { metadata: { more: 'x' } }));
    expect([full.status, full.body.error_code, full.body.details]).toEqual([
      409,
      'METADATA_FULL',
      { max_entries: 50 },
    ]);
    expect((await patch(job, { metadata: { more: 'x', k0: null } })).status).toBe(200);
  });
});

describe('a patch with If-Match', () => {
  test.each([
    ['the tag', (etag: string) => etag],
    ['it weakened', (etag: string) => `W/${etag}`],
    ['it among others', (etag: string) => `"other", ${etag}`],
    ['a star', () => '*'],
  ])('is done for %s', async (_what, toHeader) => {
    const job = await createdJob();
    const reply = await patch(job, { tags: ['x'] }, { 'if-match': toHeader(await etagOf(job)) });
    expect(reply.status).toBe(200);
    expect(reply.headers.get('etag')).toBe(await etagOf(job));
  });

  test('is refused once the job is another, with its tag as it is now', async () => {
    const job = await createdJob();
    const seen = await etagOf(job);
    await patch(job, { tags: ['faster'] });
    await expect.poll(() => listedOf(job)).toMatchObject({ tags: ['faster'] });
    const reply = await refusal(job, () => patch(job, { tags: ['x'] }, { 'if-match': seen }));
    expect([reply.status, reply.body.error_code]).toEqual([412, 'JOB_CHANGED']);
    expect(reply.body.details).toEqual({ etag: await etagOf(job) });
    const again = await patch(job, { tags: ['x'] }, { 'if-match': reply.body.details.etag });
    expect(again.body.tags).toEqual(['x']);
  });

  test('whose first answer was lost is answered as the first', async () => {
    const job = await createdJob();
    const headers = { 'if-match': await etagOf(job) };
    const first = await patch(job, { tags: ['x'] }, headers);
    const again = await patch(job, { tags: ['x'] }, headers);
    expect([again.status, again.text]).toEqual([200, first.text]);
  });

  test('of two who saw the same job lets one through', async () => {
    const job = await createdJob();
    const headers = { 'if-match': await etagOf(job) };
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, n) => patch(job, { metadata: { who: `${n}` } }, headers)),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(412)]);
  });

  test.each(['7', '"a', '"a" "b"'])('is refused for %s, which is no list of tags', async (header) => {
    const job = await createdJob();
    expectIssues(await refusal(job, () => patch(job, { tags: ['x'] }, { 'if-match': header })), 'If-Match');
  });
});

test('a patch needs a token that may write, and its owner’s', async () => {
  const job = await createdJob();
  const asOther = await call('PATCH', `/jobs/${job.id}`, {
    token: await editorToken(`other-${crypto.randomUUID()}`),
    body: { tags: ['x'] },
  });
  expect(asOther.status).toBe(404);
  expect((await call('PATCH', `/jobs/${job.id}`, { body: { tags: ['x'] } })).status).toBe(401);
  expect((await job.get()).tags).toEqual([]);
});

test('the job keeps what it is called by while pipelines work on it', async () => {
  const { job, pipeline } = await failedAfter('AUDIO_READY');
  await patch(job, { tags: ['x'], metadata: { a: '1' } });
  await job.retry('again');
  const next = await job.pipeline((await job.dispatches())[0].dispatch_id);
  await next.report('TRANSCRIBING');
  await patch(job, { tags: ['y'] });
  expect((await job.get()).status).toBe('TRANSCRIBING');
  await next.report('TRANSCRIPT_READY');
  expect(await job.get()).toMatchObject({ status: 'TRANSCRIPT_READY', tags: ['y'], metadata: { a: '1' } });
  expect(pipeline.dispatchId).not.toBe(next.dispatchId);
});

async function inStatus(status: string): Promise<ActingJob> {
  if (status === 'CREATED') return createdJob();
  if (status === 'FAILED') return (await failedAfter('TRANSCRIBING')).job;
  if (status === 'CANCELLED') {
    const job = await createdJob();
    await job.cancel();
    return job;
  }
  return (await jobAt(status as 'DONE')).job;
}

/** What is answered without anything being stored. */
async function refusalLess(job: ActingJob, act: () => Promise<Reply>): Promise<Reply> {
  const before = [await job.stored(), await job.transitions()];
  const reply = await act();
  expect([await job.stored(), await job.transitions()]).toEqual(before);
  return reply;
}
