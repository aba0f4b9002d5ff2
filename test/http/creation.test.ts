// Creation that can be repeated: what an Idempotency-Key finds again, what it refuses, and what a crash leaves to be completed.
import { createExecutionContext, env, evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { JobStore } from '../../src/actor/job-store.ts';
import { ProjectActor } from '../../src/actor/project-actor.ts';
import { ProjectStore } from '../../src/actor/project-store.ts';
import { WorkspaceActor } from '../../src/actor/workspace-actor.ts';
import { idFor } from '../../src/contract/ids.ts';
import { payloadDigest } from '../../src/contract/payload-digest.ts';
import { newJob } from '../../src/domain/job.ts';
import worker from '../../src/index.ts';
import { ActingJob, config, failedAfter, jobAt, newHome, uploadedJob } from '../support/workerd/acting.ts';
import { call, editorToken, type Reply } from '../support/workerd/harness.ts';
import { expectIssues } from './refusal.ts';

interface Creation {
  token: string;
  path: string;
  body: Record<string, unknown>;
}

const aProject = async (): Promise<Creation> => ({
  token: await editorToken(`editor-${crypto.randomUUID()}`),
  path: '/projects',
  body: { name: 'Talks' },
});

const aJob = async (): Promise<Creation> => {
  const { token, projectId } = await newHome();
  return { token, path: `/projects/${projectId}/jobs`, body: {} };
};

const create = ({ token, path, body }: Creation, key: string): Promise<Reply> =>
  call('POST', path, { token, body, headers: { 'idempotency-key': key } });

const listed = async ({ token, path }: Creation): Promise<string[]> =>
  (await call('GET', path, { token })).body.items.map(({ id }: { id: string }) => id);

describe.each([
  ['project', aProject],
  ['job', aJob],
])('a %s that is created under a key', (_what, begin) => {
  test('is found by the repeat, and is there once', async () => {
    const creation = await begin();
    const first = await create(creation, 'first');
    expect(first.status).toBe(201);

    const repeat = await create(creation, 'first');
    expect(repeat.status).toBe(200);
    expect(repeat.body).toEqual(first.body);
    expect(await listed(creation)).toEqual([first.body.id]);
  });

  test('is one when it is created twenty times at once: one answer says created, the others found', async () => {
    const creation = await begin();
    const replies = await Promise.all(Array.from({ length: 20 }, () => create(creation, 'at-once')));
    expect(replies.map(({ status }) => status).sort()).toEqual([...Array(19).fill(200), 201]);
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
    expect(await listed(creation)).toHaveLength(1);
  });

  test('is another one under another key, for another editor, and without a key', async () => {
    const creation = await begin();
    const { body: first } = await create(creation, 'first');
    const { body: second } = await create(creation, 'second');
    const { body: keyless } = await call('POST', creation.path, creation);
    const elsewhere = await create(await begin(), 'first');
    expect(elsewhere.status).toBe(201);
    expect(new Set([first.id, second.id, keyless.id, elsewhere.body.id]).size).toBe(4);
    expect((await listed(creation)).sort()).toEqual([first.id, second.id, keyless.id].sort());
  });

  test('is the same whether the key is quoted or not, and however the JSON was written', async () => {
    const creation = await begin();
    const { body: first } = await create(creation, 'k-1');
    const quoted = await call('POST', creation.path, {
      ...creation,
      body: JSON.stringify(creation.body, null, 2),
      headers: { 'idempotency-key': '"k-1"' },
    });
    expect(quoted.status).toBe(200);
    expect(quoted.body.id).toBe(first.id);
  });

  test('is found after a rotation of the keys that ids are signed with', async () => {
    const creation = await begin();
    const under = async (keys: string[]) => {
      const request = new Request(`http://127.0.0.1:8787${creation.path}`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${creation.token}`,
          'content-type': 'application/json',
          'idempotency-key': 'rotated',
        },
        body: JSON.stringify(creation.body),
      });
      const rotated = { ...env, ID_KEYS: keys.join(',') };
      const response = await worker.fetch(request, rotated, createExecutionContext());
      return { status: response.status, id: (await response.json<{ id: string }>()).id };
    };
    const before = await under(config.idKeys);
    expect(before.status).toBe(201);
    const fresh = 'test-id-key-of-tomorrow-01234567890123';
    expect(await under([fresh, ...config.idKeys])).toEqual({ status: 200, id: before.id });
  });

  test.each([
    ['empty', ''],
    ['too long', 'k'.repeat(129)],
    ['with a blank', 'two words'],
    ['that is empty between its quotes', '""'],
    ['whose quotes do not close', '"open'],
    ['with a quote amid its quotes', '"a"b"'],
    ['that comes twice', 'one, two'],
    ['beyond ASCII', 'schl\u00fcssel'],
  ])('is refused for a key %s', async (_what, key) => {
    const creation = await begin();
    expectIssues(await create(creation, key), 'Idempotency-Key');
    expect(await listed(creation)).toEqual([]);
  });
});

test('the longest key is taken, quotes and escapes not counted', async () => {
  const creation = await aProject();
  const { body } = await create(creation, `\\"${'k'.repeat(126)}`);
  const repeat = await create(creation, `"\\\\\\"${'k'.repeat(126)}"`);
  expect(repeat.status).toBe(200);
  expect(repeat.body.id).toBe(body.id);
});

test('a key that was used with another body is refused, naming what it made, which stays as it is', async () => {
  const creation = await aProject();
  const { body: first } = await create(creation, 'first');

  const other = await create({ ...creation, body: { name: 'Lectures' } }, 'first');

  expect(other.status).toBe(409);
  expect(other.body).toMatchObject({
    error_code: 'IDEMPOTENCY_KEY_MISMATCH',
    retryable: false,
    details: { id: first.id },
  });
  const shown = await call('GET', `/projects/${first.id}`, { token: creation.token });
  expect(shown.body).toEqual(first);
});

test('a job’s key holds for the body that it was first sent with, of which none says as much as an empty one', async () => {
  const creation = await aJob();
  const headers = { 'idempotency-key': 'first' };
  const { body: first } = await call('POST', creation.path, { token: creation.token, headers });
  expect((await create(creation, 'first')).status).toBe(200);

  const other = await create({ ...creation, body: { tags: ['a'] } }, 'first');
  expect([other.status, other.body.details]).toEqual([409, { id: first.id }]);
});

test('the same key makes a job in each project', async () => {
  const { token, projectId } = await newHome();
  const { body: other } = await call('POST', '/projects', { token, body: { name: 'Others' } });
  const ids = [projectId, other.id].map(
    async (id) => (await create({ token, path: `/projects/${id}/jobs`, body: {} }, 'first')).body.id,
  );
  expect(new Set(await Promise.all(ids)).size).toBe(2);
});

test('a repeat shows the job as it is by now', async () => {
  const creation = await aJob();
  const { body: first } = await create(creation, 'first');
  const job = new ActingJob(first.id, first.project_id, creation.token);
  await job.confirm();
  await job.run();
  const repeat = await create(creation, 'first');
  expect(repeat.body).toEqual(await job.get());
  expect(repeat.body.status).not.toBe('CREATED');
});

test('in a project that is not the caller’s a key finds nothing', async () => {
  const creation = await aJob();
  await create(creation, 'first');
  const stranger = await editorToken(`editor-${crypto.randomUUID()}`);
  expect((await create({ ...creation, token: stranger }, 'first')).status).toBe(404);
});

describe('a creation that a crash cut short is completed by its repeat', () => {
  test('a project that was stored and not listed', async () => {
    const creation = await aProject();
    const { body: probe } = await create(creation, 'probe');
    const whose = await runInDurableObject(env.PROJECT.getByName(probe.id), (_actor, { storage }) => {
      const project = new ProjectStore(storage).project();
      if (project === null) throw new Error('it was created');
      return project.owner;
    });
    const id = await idFor('prj', { owner: whose, place: '', key: 'cut' }, config.idKeys);
    const requestDigest = await payloadDigest(creation.body);
    const stored = env.PROJECT.getByName(id);
    await runInDurableObject(stored, (_actor, { storage }) =>
      new ProjectStore(storage).create({
        id,
        owner: whose,
        requestDigest,
        name: 'Talks',
        createdAt: 1,
        erasedAt: null,
      }),
    );
    await evictDurableObject(stored);
    expect(await listed(creation)).toEqual([probe.id]);

    const repeat = await create(creation, 'cut');

    expect(repeat.status).toBe(200);
    expect(await listed(creation)).toEqual([probe.id, id]);
  });

  test('a job that was stored and not listed', async () => {
    const { job } = await jobAt('AUDIO_READY');
    const creation = { token: job.token, path: `/projects/${job.projectId}/jobs`, body: {} };
    const { projectId } = job;
    const whose = await job.owner();
    const id = await idFor('job', { owner: whose, place: projectId, key: 'cut' }, config.idKeys);
    const requestDigest = await payloadDigest({});
    await runInDurableObject(env.JOB.getByName(id), (_actor, { storage }) =>
      new JobStore(storage).create(
        newJob({ id, projectId, owner: whose, ownerIdentity: null, requestDigest }, 1),
      ),
    );
    await new ActingJob(id, projectId, job.token).forget();
    expect(await listed(creation)).toEqual([job.id]);

    const repeat = await create(creation, 'cut');

    expect(repeat.status).toBe(200);
    expect(await listed(creation)).toEqual([job.id, id]);
  });

  test.each([
    ['a project whose workspace', aProject, () => vi.spyOn(WorkspaceActor.prototype, 'putProject')],
    ['a job whose project', aJob, () => vi.spyOn(ProjectActor.prototype, 'putSummary')],
  ] as const)('%s could not be told', async (_what, begin, listing) => {
    const creation = await begin();
    listing().mockImplementationOnce(() => {
      throw new Error('away');
    });
    onTestFinished(() => {
      vi.restoreAllMocks();
    });
    const first = await create(creation, 'first');
    expect(first.status).toBe(201);
    expect(await listed(creation)).toEqual([]);
    expect((await create(creation, 'first')).status).toBe(200);
    expect(await listed(creation)).toEqual([first.body.id]);
  });
});

describe('for a retry the key is another way to say client_request_id', () => {
  const retry = (job: ActingJob, key: string | null, id: string | null) =>
    job.post(
      'retry',
      { model_profile: 'balanced', ...(id === null ? {} : { client_request_id: id }) },
      key === null ? {} : { 'idempotency-key': key },
    );

  test('either finds the dispatch of the other', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    const first = await retry(job, '"again"', null);
    expect(first.status).toBe(202);
    for (const [key, id] of [
      ['again', null],
      [null, 'again'],
      ['again', 'again'],
    ] as const) {
      const repeat = await retry(job, key, id);
      expect(repeat.status).toBe(200);
      expect(repeat.body.dispatch_id).toBe(first.body.dispatch_id);
    }
  });

  test('both, and different, is refused, and so is neither', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    expectIssues(await retry(job, 'one', 'two'), 'client_request_id');
    expectIssues(await retry(job, null, null), 'client_request_id');
    expectIssues(await retry(job, 'two words', 'two'), 'Idempotency-Key');
    expect(await job.dispatches()).toHaveLength(1);

    const another = await uploadedJob();
    for (const key of ['same', '"other"'])
      expect((await another.post('cancel', undefined, { 'idempotency-key': key })).status).toBe(200);
  });

  test('a request that does not fit together says nothing of whether the job exists', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    const nowhere = new ActingJob(`job_${'0'.repeat(36)}`, job.projectId, job.token);
    expectIssues(await retry(nowhere, 'one', 'two'), 'client_request_id');
  });
});

describe('every other POST of an editor', () => {
  const others = [
    ['confirm-upload', { video_uri: 's3://media/talk.mp4' }],
    ['run', undefined],
    ['abandon', undefined],
  ] as const;

  test('takes a key, and is recognised by what it asks for, whatever that is', async () => {
    const job = await uploadedJob();
    for (const [path, body] of others) {
      const first = await job.post(path, body, { 'idempotency-key': 'same' });
      expect(first.status, path).toBeLessThan(300);
      const other = await job.post(path, body, { 'idempotency-key': '"other"' });
      expect(other.status, path).toBe(200);
      if (path === 'run') expect(other.body.dispatch_id).toBe(first.body.dispatch_id);
    }
    expect(await job.dispatches()).toHaveLength(1);
  });

  test('refuses what is no key', async () => {
    const job = await uploadedJob();
    for (const [path, body] of others) {
      expectIssues(await job.post(path, body, { 'idempotency-key': 'not a "key' }), 'Idempotency-Key');
    }
    expect(await job.status()).toBe('UPLOADED');
  });
});

test('of a report a key says nothing, whatever its form: it is known by its event_id', async () => {
  const { job, pipeline } = await jobAt('AUDIO_READY');
  const report = await call('POST', `/internal/jobs/${job.id}/status`, {
    token: pipeline.token,
    body: pipeline.body('TRANSCRIBING'),
    headers: { 'idempotency-key': 'not a "key' },
  });
  expect(report.status).toBe(204);
});
