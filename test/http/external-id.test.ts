// An editor's own id for a job: one of a project has it and no other, whoever comes at once, and a creation that never was done
// does not keep it.
import { env, runInDurableObject } from 'cloudflare:test';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ProjectActor } from '../../src/actor/project-actor.ts';
import { idFor } from '../../src/contract/ids.ts';
import { ActingJob, config, createdJob, type Home, newHome } from '../support/workerd/acting.ts';
import { call, objectsSince, type Reply, storedRows } from '../support/workerd/harness.ts';

const NAME = 'talk-1';
const MINUTES = 60_000;

type Where = Pick<Home, 'token' | 'projectId'>;

const create = ({ token, projectId }: Where, body: object, key?: string): Promise<Reply> =>
  call('POST', `/projects/${projectId}/jobs`, {
    token,
    body,
    ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }),
  });
const named = (home: Where, key?: string) => create(home, { external_id: NAME }, key);
const listed = async ({ token, projectId }: Where, query = ''): Promise<string[]> =>
  (await call('GET', `/projects/${projectId}/jobs${query}`, { token })).body.items.map(
    ({ id }: { id: string }) => id,
  );
const found = (home: Where, name = NAME) => listed(home, `?external_id=${encodeURIComponent(name)}`);
const projectOf = ({ projectId }: Where) => env.PROJECT.getByName(projectId);
const ownerOf = (home: Where) => createdJob({}, home).then((job) => job.owner());

/** As if so much time had passed since anybody was admitted under an external id. */
const age = (home: Where, ms: number) =>
  runInDurableObject(projectOf(home), (_actor, { storage }) => {
    storage.sql.exec('UPDATE external_id SET created_at = created_at - ?', ms);
  });

/** Which job a creation under this key makes. */
const idUnder = async (home: Where, owner: string, key: string) =>
  idFor('job', { owner, place: home.projectId, key }, config.idKeys);

/** The Worker died between the project and the job. */
async function cutShort(home: Where, key: string): Promise<string> {
  const owner = await ownerOf(home);
  const jobId = await idUnder(home, owner, key);
  expect(await projectOf(home).admit(owner, { jobId, externalId: NAME })).toMatchObject({ ok: true });
  return jobId;
}

const expectTaken = (reply: Reply, jobId: string) => {
  expect([reply.status, reply.body.error_code]).toEqual([409, 'EXTERNAL_ID_TAKEN']);
  expect(reply.body.details).toEqual({ external_id: NAME, job_id: jobId });
};

describe('a second job with the same external_id', () => {
  test('is refused with the id of the first, and not made', async () => {
    const home = await newHome();
    const first = await named(home);
    expect([first.status, first.body.external_id]).toEqual([201, NAME]);
    const made = await objectsSince(env.JOB);

    expectTaken(await named(home), first.body.id);

    expect(await made()).toEqual([]);
    expect(await listed(home)).toEqual([first.body.id]);
    expect(await found(home)).toEqual([first.body.id]);
  });

  test('is refused whatever has become of the first', async () => {
    const home = await newHome();
    const job = await createdJob({}, home, { external_id: NAME });
    await job.cancel();
    expectTaken(await named(home), job.id);
    expectTaken(await create(home, { external_id: `  ${NAME} ` }), job.id);
  });

  test('of twenty at once is made once, and the others are told of that one', async () => {
    const home = await newHome();
    const replies = await Promise.all(Array.from({ length: 20 }, () => named(home)));
    const made = replies.filter(({ status }) => status === 201);
    expect(made).toHaveLength(1);
    for (const reply of replies.filter(({ status }) => status !== 201)) {
      expectTaken(reply, made[0]?.body.id);
    }
    expect(await listed(home)).toEqual([made[0]?.body.id]);
  });

  test('is made in another project, and under another spelling', async () => {
    const home = await newHome();
    await named(home);
    const { body } = await call('POST', '/projects', { token: home.token, body: { name: 'Others' } });
    expect((await named({ token: home.token, projectId: body.id })).status).toBe(201);
    expect((await create(home, { external_id: NAME.toUpperCase() })).status).toBe(201);
  });

  test('that asks under the key of the first is the first', async () => {
    const home = await newHome();
    const replies = await Promise.all(Array.from({ length: 20 }, () => named(home, 'again')));
    expect(replies.map(({ status }) => status).sort()).toEqual([...Array(19).fill(200), 201]);
    expect(new Set(replies.map(({ body }) => body.id)).size).toBe(1);
    expect((await named(home, 'again')).status).toBe(200);
    expect(await found(home)).toEqual([replies[0]?.body.id]);
    expectTaken(await named(home, 'another'), replies[0]?.body.id);
  });
});

describe('a creation that was cut short after its external_id was kept for it', () => {
  test('is completed by its repeat, at any time, and found by its name', async () => {
    for (const later of [0, 30 * MINUTES]) {
      const home = await newHome();
      const jobId = await cutShort(home, 'cut');
      await age(home, later);

      const repeat = await named(home, 'cut');

      expect([repeat.status, repeat.body.id]).toEqual([201, jobId]);
      expect(await found(home)).toEqual([jobId]);
    }
  });

  test('keeps it for ten minutes, and then no longer', async () => {
    const home = await newHome();
    const jobId = await cutShort(home, 'cut');
    await age(home, 9 * MINUTES);
    expectTaken(await named(home), jobId);
    expect(await found(home)).toEqual([]);
    await age(home, 2 * MINUTES);

    const replies = await Promise.all(Array.from({ length: 10 }, () => named(home)));

    const made = replies.filter(({ status }) => status === 201).map(({ body }) => body.id);
    expect(made).toHaveLength(1);
    expect(await found(home)).toEqual(made);
    expectTaken(await named(home, 'cut'), made[0]);
    expect(await storedRows(jobId)).toEqual({});
  });

  test('can not be gone on with by whoever was admitted long ago', async () => {
    const home = await newHome();
    const owner = await ownerOf(home);
    const jobId = await idUnder(home, owner, 'late');
    const origin = { id: jobId, projectId: home.projectId, owner, ownerIdentity: null, requestDigest: null };
    const job = env.JOB.getByName(jobId);
    const late = await job
      .create({ ...origin, externalId: NAME }, Date.now() - 6 * MINUTES)
      .then(() => 'created', String);
    expect(late).toContain('too old');
    expect(await storedRows(jobId)).toEqual({});
    const inTime = await job.create({ ...origin, externalId: NAME }, Date.now() - 4 * MINUTES);
    expect(inTime.ok).toBe(true);
  });
});

test('a job that is there keeps its external_id, however long its project has not heard of it', async () => {
  const home = await newHome();
  vi.spyOn(ProjectActor.prototype, 'putSummary').mockImplementation(() => {
    throw new Error('away');
  });
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  const first = await named(home);
  expect(first.status).toBe(201);
  await age(home, 60 * MINUTES);

  expectTaken(await named(home), first.body.id);

  vi.restoreAllMocks();
  await new ActingJob(first.body.id, home.projectId, home.token).alarm();
  expect(await found(home)).toEqual([first.body.id]);
});

test('a creation that was refused for its key keeps no external_id from others', async () => {
  const home = await newHome();
  const first = await create(home, { external_id: 'another' }, 'first');
  const mismatch = await named(home, 'first');
  expect([mismatch.status, mismatch.body.error_code]).toEqual([409, 'IDEMPOTENCY_KEY_MISMATCH']);

  const replies = await Promise.all(Array.from({ length: 10 }, () => named(home)));

  const made = replies.filter(({ status }) => status === 201).map(({ body }) => body.id);
  expect(made).toHaveLength(1);
  expect(await found(home)).toEqual(made);
  expect(await found(home, 'another')).toEqual([first.body.id]);
});

test('a project admits nobody but its owner’s', async () => {
  const home = await newHome();
  expect(await projectOf(home).admit('own_other', { jobId: 'job_1', externalId: NAME })).toEqual({
    ok: false,
    rejection: { code: 'RESOURCE_NOT_FOUND' },
  });
  expect((await named(home)).status).toBe(201);
});
