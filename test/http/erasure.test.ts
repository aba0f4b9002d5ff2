// A job that is erased is nowhere: not in its own database, in its project's list or in the store. What may come later of before
// changes nothing, and is answered as for a job that never was.
import { env, runInDurableObject } from 'cloudflare:test';
import { describe, expect, test, vi } from 'vitest';
import { consumeDeadLetters } from '../../src/dispatch/dead-letter.ts';
import { summaryOf } from '../../src/domain/project.ts';
import {
  ActingJob,
  ASYNC,
  createdJob,
  failedAfter,
  jobAt,
  losingMessages,
  newHome,
  retriedAfter,
  until,
  uploadedJob,
} from '../support/workerd/acting.ts';
import { call, editorToken, missingId, type Reply } from '../support/workerd/harness.ts';
import { draftInBucket, keysOf, sendContent } from './content.ts';
import { away, erasedJob, leftOf, markedJob, NOTHING, passTime } from './erasing.ts';

const listed = async ({ projectId, token }: ActingJob): Promise<string[]> =>
  (await call('GET', `/projects/${projectId}/jobs`, { token })).body.items.map(
    ({ id }: { id: string }) => id,
  );

const isFound = async ({ id, token }: ActingJob): Promise<number> =>
  (await call('GET', `/jobs/${id}`, { token })).status;

describe('a job that its editor erases', () => {
  test.each([
    ['CREATED', () => createdJob()],
    ['UPLOADED', () => uploadedJob()],
    ['FAILED', async () => (await failedAfter('AUDIO_READY')).job],
    [
      'DONE',
      async () => {
        const { job, pipeline } = await jobAt('DRAFT_READY');
        await pipeline.reportAll('EXPORTING', 'DONE');
        return job;
      },
    ],
    [
      'FAILED, with dispatches before',
      async () => {
        const { job, pipeline } = await retriedAfter('TRANSCRIBING');
        await pipeline.report('FAILED');
        return job;
      },
    ],
  ] as const)('leaves nothing, where it was %s', async (_status, make) => {
    const job = await make();
    expect(await listed(job)).toContain(job.id);

    const reply = await job.erase();

    expect([reply.status, reply.text]).toEqual([204, '']);
    expect(await leftOf(job)).toEqual(NOTHING);
    expect(await listed(job)).toEqual([]);
    expect((await job.erase()).status).toBe(404);
  });

  test.each([
    [
      'its run is on its way',
      async () => {
        const job = await uploadedJob();
        losingMessages();
        await job.run(ASYNC);
        return job;
      },
    ],
    ['its pipeline is at work', async () => (await jobAt('TRANSCRIBING')).job],
    ['its retry waits for the first report', async () => (await retriedAfter('AUDIO_READY')).job],
    [
      'its settled pipeline goes on',
      async () => {
        const { job, pipeline } = await jobAt('DRAFT_READY');
        await pipeline.report('EXPORTING');
        return job;
      },
    ],
  ] as const)('stays while %s', async (_state, make) => {
    const job = await make();
    const { status, open_dispatch } = await job.get();

    const reply = await job.erase();

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'JOB_ALREADY_RUNNING',
      details: { current_status: status, dispatch_id: open_dispatch?.dispatch_id ?? null },
    });
    expect(await isFound(job)).toBe(200);
  });

  test('is somebody else’s: nothing happens', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    const token = await editorToken(`other-${crypto.randomUUID()}`);
    expect((await new ActingJob(job.id, job.projectId, token).erase()).status).toBe(404);
    expect(await isFound(job)).toBe(200);
  });

  test('needs a token that may write', async () => {
    const actorId = `editor-${crypto.randomUUID()}`;
    const { token: own, projectId } = await newHome();
    const token = await editorToken(actorId, { scope: 'retake:read' });
    const job = await createdJob({}, { token: own, projectId });
    expect((await new ActingJob(job.id, projectId, token).erase()).status).toBe(403);
  });

  test('takes the corrections along that were sent as their text, and nothing else of the store', async () => {
    const { job, transcript, draft } = await draftInBucket();
    const beside = await draftInBucket();
    expect((await sendContent(job, 'corrected')).status).toBe(200);
    expect((await sendContent(beside.job, 'corrected')).status).toBe(200);
    const key = `edits/${job.id}/draft/1-left-behind`;
    await env.ARTIFACTS.put(key, 'left behind');
    expect(await keysOf(job)).toHaveLength(2);

    await job.erase();
    await until(async () => expect(await leftOf(job)).toEqual(NOTHING));

    expect(await keysOf(job)).toEqual([]);
    expect(await keysOf(beside.job)).toHaveLength(1);
    for (const { key } of [transcript, draft]) expect(await env.ARTIFACTS.head(key)).not.toBeNull();
  });

  test('is named in the log, with who wanted it', async () => {
    const log = vi.spyOn(console, 'log');
    const job = await erasedJob();
    const lines = log.mock.calls
      .map(([line]) => JSON.parse(line))
      .filter(({ event, job_id }) => event === 'job_erased' && job_id === job.id);
    log.mockRestore();
    expect(lines).toEqual([
      {
        level: 'info',
        event: 'job_erased',
        at: expect.any(String),
        job_id: job.id,
        project_id: job.projectId,
        actor_id: expect.stringMatching(/^editor-/),
        correlation_id: expect.stringMatching(/^req_/),
      },
    ]);
  });
});

describe('a pipeline that may be alive', () => {
  test('is told to stop before its job goes, as by a cancel', async () => {
    const { job, dispatchId } = await jobAt('DRAFT_READY');

    const reply = await job.erase();

    expect([reply.status, reply.text]).toEqual([202, '']);
    expect(await isFound(job)).toBe(404);
    await until(async () => expect(await leftOf(job)).toEqual(NOTHING));
    expect(await job.requests()).toMatchObject([
      {},
      { body: { type: 'job.cancel', dispatch_id: dispatchId } },
    ]);
    expect(await listed(job)).toEqual([]);
  });

  test('is told although its editor cancelled the job and erased it at once', async () => {
    const { job, dispatchId } = await jobAt('TRANSCRIBING');
    const [cancelled, erased] = await Promise.all([job.cancel(), job.erase()]);
    expect([cancelled.status, erased.status]).toEqual([200, 202]);
    await until(async () => expect(await leftOf(job)).toEqual(NOTHING));
    expect(await job.requests()).toMatchObject([
      {},
      { body: { type: 'job.cancel', dispatch_id: dispatchId } },
    ]);
  });

  test('is waited for no longer than it is tried: then the job goes all the same', async () => {
    const { job } = await jobAt('DRAFT_READY');
    losingMessages();
    expect((await job.erase()).status).toBe(202);
    await job.alarm();
    expect(await leftOf(job)).toMatchObject({ tables: expect.arrayContaining(['job', 'history']) });
    passTime(62_000);
    await job.alarm();
    expect(await leftOf(job)).toEqual(NOTHING);
  });

  test('is not told when it was last heard of so long ago that it could report no more', async () => {
    const { job } = await jobAt('DRAFT_READY');
    await job.patch({ lastProgressAt: Date.now() - 8 * 86_400_000 });
    expect((await job.erase()).status).toBe(204);
    expect(await job.requests()).toHaveLength(1);
  });
});

describe('what comes of before', () => {
  const states = [
    ['is erased', erasedJob],
    ['is being erased', async () => (await markedJob()).job],
  ] as const;

  test.each(states)('a report by the dispatch’s own token is a 404 when the job %s', async (_state, make) => {
    const job = await make();
    const [sent] = await job.requests();
    const pipeline = await job.pipeline(sent?.dispatch_id ?? '');
    const missing = await missingId('job');
    const stranger = await new ActingJob(missing, job.projectId, job.token).pipeline(pipeline.dispatchId);
    const before = await leftOf(job);

    const reply = await pipeline.send(pipeline.body('AUDIO_READY'));

    expect(withoutRequest(reply)).toEqual(withoutRequest(await stranger.send(stranger.body('AUDIO_READY'))));
    expect(reply.status).toBe(404);
    expect(await leftOf(job)).toEqual(before);
  });

  test.each(states)('a message on the queue is dropped when the job %s', async (_state, make) => {
    const job = await make();
    const [sent] = await job.requests();
    const id = sent?.dispatch_id ?? '';
    const before = await leftOf(job);
    expect(await job.stub.claim(id, 'dispatch')).toEqual({ verdict: 'drop' });
    expect(await job.stub.claim(id, 'cancel')).toEqual({ verdict: 'drop' });
    const outcomes = [
      { kind: 'delivered', executionId: 'x' },
      { kind: 'dead-lettered' },
      { kind: 'unknown', error: 'x', retryAfterMs: null },
    ] as const;
    for (const outcome of outcomes) {
      for (const kind of ['dispatch', 'cancel'] as const)
        expect(await job.stub.reportDelivery(id, kind, outcome)).toEqual({ verdict: 'done' });
    }
    const message = {
      body: { job_id: job.id, dispatch_id: id, kind: 'dispatch', owner: 'own_1' },
      ack: vi.fn(),
      retry: vi.fn(),
    };
    await consumeDeadLetters({ messages: [message] } as unknown as MessageBatch, env);
    expect(message.ack).toHaveBeenCalledOnce();
    expect(await leftOf(job)).toEqual(before);
    expect(await job.requests()).toHaveLength(1);
  });

  test('a push of before brings nothing back into the list, and is told so', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    const summary = summaryOf(await job.stored(), null);
    await job.erase();
    const project = env.PROJECT.getByName(job.projectId);
    expect(await project.putSummary({ ...summary, revision: summary.revision + 1 })).toBe('gone');
    expect(await listed(job)).toEqual([]);
  });

  test('an alarm of before finds nothing, and sets none', async () => {
    const job = await erasedJob();
    await runInDurableObject(job.stub, (actor) => actor.alarm());
    expect(await leftOf(job)).toEqual(NOTHING);
  });
});

describe('an erasure that is interrupted', () => {
  test('goes on by itself when the project can be reached again', async () => {
    const { job, comesBack } = await markedJob();
    expect(await isFound(job)).toBe(404);
    await job.alarm();
    expect((await leftOf(job)).tables).not.toEqual([]);
    comesBack();
    await job.alarm();
    expect(await leftOf(job)).toEqual(NOTHING);
    expect(await listed(job)).toEqual([]);
  });

  test('goes on in an instance that knows nothing of it', async () => {
    const { job, comesBack } = await markedJob();
    await job.abort();
    comesBack();
    expect(await isFound(job)).toBe(404);
    await job.alarm();
    expect(await leftOf(job)).toEqual(NOTHING);
  });

  test('between the list and the job’s own database goes on from there', async () => {
    const { job, comesBack } = await markedJob();
    comesBack();
    const { id, projectId, createdAt, externalId } = await job.stored();
    await env.PROJECT.getByName(projectId).eraseJob({ id, projectId, createdAt, externalId });
    await job.abort();
    expect(await isFound(job)).toBe(404);
    await job.alarm();
    expect(await leftOf(job)).toEqual(NOTHING);
  });

  test('waits for the store that has its corrections', async () => {
    const { job } = await draftInBucket();
    await sendContent(job, 'corrected');
    const list = vi.spyOn(env.ARTIFACTS, 'list').mockRejectedValue(new Error('the store is away'));
    expect((await job.erase()).status).toBe(202);
    await until(async () => expect(list).toHaveBeenCalled());
    expect((await leftOf(job)).tables).not.toEqual([]);
    list.mockRestore();
    await job.alarm();
    expect(await leftOf(job)).toEqual(NOTHING);
    expect(await keysOf(job)).toEqual([]);
  });
});

describe('an Idempotency-Key whose job was erased', () => {
  const keyed = async () => {
    const { token, projectId } = await newHome();
    const create = () =>
      call('POST', `/projects/${projectId}/jobs`, { token, headers: { 'idempotency-key': 'once' } });
    const { body } = await create();
    return { job: new ActingJob(body.id, projectId, token), create };
  };
  const expectGone = (reply: Reply, job: ActingJob) => {
    expect(reply.status).toBe(410);
    expect(reply.body).toMatchObject({
      error_code: 'RESOURCE_ERASED',
      retryable: false,
      details: { id: job.id },
    });
  };

  test('creates no other, for 30 days', async () => {
    const { job, create } = await keyed();
    await job.erase();
    expectGone(await create(), job);
    expect(await leftOf(job)).toEqual(NOTHING);
  });

  test('creates no other while the first is being erased', async () => {
    const { job, create } = await keyed();
    away('PROJECT', 'eraseJob');
    await job.erase();
    expectGone(await create(), job);
  });

  test('creates one like any other when nobody knows of the first any more, and that goes as well', async () => {
    const { job, create } = await keyed();
    await job.erase();
    const project = env.PROJECT.getByName(job.projectId);
    await runInDurableObject(project, (_actor, { storage }) => void storage.sql.exec('DELETE FROM erased'));
    expect(await create()).toMatchObject({ status: 201, body: { id: job.id } });
    expect(await listed(job)).toEqual([job.id]);
    expect((await job.erase()).status).toBe(204);
    expect(await listed(job)).toEqual([]);
  });

  test('creates none that comes late, past the look at the project', async () => {
    const { job } = await keyed();
    const origin = await job.stored();
    await job.erase();
    const late = await job.stub.create(origin);
    expect(late).toEqual({ ok: false, rejection: { code: 'RESOURCE_NOT_FOUND' } });
    expect(await leftOf(job)).toEqual(NOTHING);
    expect(await listed(job)).toEqual([]);
  });
});

describe('an erasure and something else at once', () => {
  const acts = {
    retry: async (job: ActingJob) => job.retry('at-once', ASYNC),
    'a report': async (job: ActingJob) => {
      const [dispatch] = await job.dispatches();
      const pipeline = await job.pipeline(dispatch.dispatch_id);
      return pipeline.send(pipeline.body('FAILED'));
    },
    cancel: async (job: ActingJob) => job.cancel(),
    edit: async (job: ActingJob) =>
      call('PUT', `/jobs/${job.id}/artifacts/transcript`, {
        token: job.token,
        body: { uri: 's3://corrected/1', edits: 1, client_request_id: 'at-once' },
      }),
    'another erasure': async (job: ActingJob) => job.erase(),
  };

  test.each(Object.entries(acts))(
    '%s: the job is gone with all of it, or as if it had not been asked for',
    async (name, act) => {
      for (const first of ['erase', 'act'] as const) {
        const { job } = await failedAfter('GENERATING');
        const calls = first === 'erase' ? [job.erase(), act(job)] : [act(job), job.erase()];
        const replies = await Promise.all(calls);
        const erasure = replies[first === 'erase' ? 0 : 1];
        if (erasure === undefined) throw new Error('it was asked for');
        if (erasure.status === 409) {
          expect(name).toBe('retry');
          expect(await isFound(job)).toBe(200);
          continue;
        }
        if (name !== 'another erasure') expect([202, 204]).toContain(erasure.status);
        expect(await isFound(job)).toBe(404);
        await until(async () => expect(await leftOf(job)).toEqual(NOTHING));
        expect(await listed(job)).toEqual([]);
      }
    },
  );
});

/** Everything that a caller can see of an answer, but for the request's own id. */
function withoutRequest({ status, headers, text }: Reply) {
  return {
    status,
    headers: Object.fromEntries([...headers].filter(([name]) => name !== 'x-request-id')),
    text,
  };
}
