// A project that is erased leaves nothing but the word that it was there, for 30 days: its list row goes, a job that is created
// meanwhile goes too, and nothing of before brings it back.
import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, test } from 'vitest';
import { newJob } from '../../src/domain/job.ts';
import { summaryOf } from '../../src/domain/project.ts';
import { ActingJob, createdJob, failedAfter, newHome, uploadedJob } from '../support/workerd/acting.ts';
import { call, editorToken, missingId } from '../support/workerd/harness.ts';
import { away, leftIn, leftOf, NOTHING, passTime } from './erasing.ts';

const DAY_MS = 86_400_000;

const erase = (projectId: string, token: string) => call('DELETE', `/projects/${projectId}`, { token });
const listed = async (token: string): Promise<string[]> =>
  (await call('GET', '/projects', { token })).body.items.map(({ id }: { id: string }) => id);
const objectOf = (projectId: string) => env.PROJECT.getByName(projectId) as unknown as DurableObjectStub;
const recordOf = (projectId: string) =>
  runInDurableObject(objectOf(projectId), (_actor, { storage }) =>
    JSON.parse(String(storage.sql.exec('SELECT record FROM project').one().record)),
  );
/** Fires the project's alarm now. */
const ring = async (projectId: string) => expect(await runDurableObjectAlarm(objectOf(projectId))).toBe(true);

describe('a project', () => {
  test('without jobs goes: from its owner’s list, and its name with it', async () => {
    const { projectId, token } = await newHome();

    const reply = await erase(projectId, token);

    expect([reply.status, reply.text]).toEqual([204, '']);
    expect(await listed(token)).toEqual([]);
    expect((await call('GET', `/projects/${projectId}`, { token })).status).toBe(404);
    expect((await erase(projectId, token)).status).toBe(404);
    expect(JSON.stringify(await recordOf(projectId))).not.toContain('Talks');
  });

  test('with jobs stays, and says how many', async () => {
    const { projectId, token } = await newHome();
    const jobs = await Promise.all([1, 2, 3].map(() => createdJob({}, { projectId, token })));

    const reply = await erase(projectId, token);

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({ error_code: 'PROJECT_NOT_EMPTY', details: { jobs: 3 } });
    expect(await listed(token)).toEqual([projectId]);
    for (const job of jobs) await job.erase();
    expect((await erase(projectId, token)).status).toBe(204);
  });

  test('of somebody else stays', async () => {
    const { projectId, token } = await newHome();
    expect((await erase(projectId, await editorToken(`other-${crypto.randomUUID()}`))).status).toBe(404);
    expect(await listed(token)).toEqual([projectId]);
  });

  test('goes although its workspace is away, which hears of it later', async () => {
    const { projectId, token } = await newHome();
    const comesBack = away('WORKSPACE', 'eraseProject');
    expect((await erase(projectId, token)).status).toBe(202);
    expect((await call('GET', `/projects/${projectId}`, { token })).status).toBe(404);
    expect(await listed(token)).toEqual([projectId]);
    comesBack();
    await ring(projectId);
    expect(await listed(token)).toEqual([]);
  });

  test('is not brought back by its own push of before', async () => {
    const { projectId, token } = await newHome();
    const { owner, createdAt } = await recordOf(projectId);
    await erase(projectId, token);
    const late = { id: projectId, owner, name: 'Talks', createdAt, requestDigest: null, erasedAt: null };
    await env.WORKSPACE.getByName(owner).putProject(late);
    expect(await listed(token)).toEqual([]);
  });

  test('that was never listed is not listed after its end either', async () => {
    const { projectId, token } = await newHome();
    const { owner } = await recordOf(projectId);
    const never = { id: await missingId('prj'), createdAt: 1 };
    await env.WORKSPACE.getByName(owner).eraseProject(never);
    await env.WORKSPACE.getByName(owner).putProject({
      ...never,
      owner,
      name: 'x',
      requestDigest: null,
      erasedAt: null,
    });
    expect(await listed(token)).toEqual([projectId]);
  });
});

describe('a job of a project that goes', () => {
  test('and is created at the same moment leaves no orphan, whichever comes first', async () => {
    for (let n = 0; n < 10; n += 1) {
      const { projectId, token } = await newHome();
      const create = () => call('POST', `/projects/${projectId}/jobs`, { token });
      const calls = n % 2 === 0 ? [create(), erase(projectId, token)] : [erase(projectId, token), create()];
      const replies = await Promise.all(calls);
      const [created, erased] = n % 2 === 0 ? replies : replies.toReversed();
      if (erased?.status === 409) {
        expect(created?.status).toBe(201);
        continue;
      }
      expect(erased?.status).toBe(204);
      expect(created?.status).toBe(404);
    }
  });

  test('that comes late, past the look at the project, goes by itself', async () => {
    const { projectId, token } = await newHome();
    const { owner } = await recordOf(projectId);
    await erase(projectId, token);
    const job = new ActingJob(await missingId('job'), projectId, token);
    const origin = { id: job.id, projectId, owner, ownerIdentity: null, requestDigest: null };

    expect(await job.stub.create(origin)).toEqual({ ok: false, rejection: { code: 'RESOURCE_NOT_FOUND' } });

    expect(await leftOf(job)).toEqual(NOTHING);
  });

  test('that its project never heard of goes when it hears, and its pipeline is told', async () => {
    const job = await uploadedJob();
    expect((await job.run()).status).toBe(202);
    const listed = async () =>
      (await call('GET', `/projects/${job.projectId}/jobs`, { token: job.token })).body.items[0];
    await expect.poll(listed).toMatchObject({ status: 'AUDIO_EXTRACTING', open_dispatch: { kind: 'run' } });
    // As if no push had ever arrived.
    await runInDurableObject(objectOf(job.projectId), (_actor, { storage }) => {
      storage.sql.exec('DELETE FROM listed_job');
    });
    await evictDurableObject(objectOf(job.projectId));
    expect((await erase(job.projectId, job.token)).status).toBe(204);
    const [sent] = await job.requests();
    const pipeline = await job.pipeline(sent?.dispatch_id ?? '');
    await pipeline.send(pipeline.body('AUDIO_READY'));
    await expect.poll(() => leftOf(job)).toEqual(NOTHING);
    expect(await job.requests()).toMatchObject([{}, { body: { type: 'job.cancel' } }]);
  });
});

describe('what is left of an erased project', () => {
  const keyed = async () => {
    const token = await editorToken(`editor-${crypto.randomUUID()}`);
    const create = async () => {
      const headers = { 'idempotency-key': 'once' };
      return call('POST', '/projects', { token, headers, body: { name: 'Talks' } });
    };
    const projectId: string = (await create()).body.id;
    return { projectId, token, create };
  };

  test('refuses its key for 30 days, and then is gone too', async () => {
    const { projectId, token, create } = await keyed();
    await erase(projectId, token);
    const again = await create();
    expect(again.status).toBe(410);
    expect(again.body).toMatchObject({ error_code: 'RESOURCE_ERASED', details: { id: projectId } });

    passTime(30 * DAY_MS - 60_000);
    await ring(projectId);
    expect((await recordOf(projectId)).erasedAt).toBeLessThan(Date.now());
    passTime(61_000);
    await ring(projectId);
    expect(await leftIn(objectOf(projectId))).toEqual(NOTHING);
  });

  test('waits for its workspace to know, however long that takes', async () => {
    const { projectId, token } = await keyed();
    const comesBack = away('WORKSPACE', 'eraseProject');
    await erase(projectId, token);
    passTime(31 * DAY_MS);
    await ring(projectId);
    expect((await leftIn(objectOf(projectId))).tables).not.toEqual([]);
    comesBack();
    await ring(projectId);
    expect(await leftIn(objectOf(projectId))).toEqual(NOTHING);
  });
});

test('which jobs were erased is forgotten after 30 days, and not before', async () => {
  const { job } = await failedAfter('TRANSCRIBING');
  const beside = await createdJob({}, job);
  await job.erase();
  const project = env.PROJECT.getByName(job.projectId);
  const erasedIds = () =>
    runInDurableObject(project, (_actor, { storage }) =>
      storage.sql
        .exec('SELECT id FROM erased')
        .toArray()
        .map(({ id }) => id),
    );
  passTime(29 * DAY_MS);
  await ring(job.projectId);
  expect(await erasedIds()).toEqual([job.id]);
  const origin = { ...job, owner: await beside.owner(), ownerIdentity: null, requestDigest: null };
  expect(await project.putSummary(summaryOf(newJob(origin, 1), null))).toBe('gone');

  passTime(DAY_MS + 1_000);
  await ring(job.projectId);

  expect(await erasedIds()).toEqual([]);
  expect((await leftIn(project as unknown as DurableObjectStub)).alarm).toBeNull();
});
