// A correction that cannot be taken leaves neither a version nor an object; of what is not known to be stored, the object stays.
import { env } from 'cloudflare:test';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { JobActor } from '../../src/actor/job-actor.ts';
import { ActingJob, failedAfter, jobAt, once, uploadedJob } from '../support/workerd/acting.ts';
import { call, editorToken, missingId, type Reply, send } from '../support/workerd/harness.ts';
import {
  bytes,
  contentRequest,
  draftInBucket,
  expectNoOrphans,
  keyOf,
  keysOf,
  readContent,
  type Sending,
  sendContent,
  versionsOf,
} from './content.ts';
import { expectIssues } from './refusal.ts';
import { storeDoes } from './store.ts';

/** The store does as ever, and it is counted how often it is given something. */
const putsCounted = () => {
  const put = env.ARTIFACTS.put.bind(env.ARTIFACTS);
  return storeDoes('put', put as never);
};

/** What is refused is refused before anything of it is taken. */
async function refused(job: ActingJob, sending: Sending & { body?: BodyInit } = {}): Promise<Reply> {
  const versions = await versionsOf(job);
  const store = putsCounted();
  const reply = await sendContent(job, sending.body ?? 'corrected', sending);
  expect(store.calls).toBe(0);
  expect(await versionsOf(job)).toEqual(versions);
  await expectNoOrphans(job);
  return reply;
}

describe('before anything is stored it is refused', () => {
  const drafted = once(() => draftInBucket());

  test.each([
    ['is running', async () => (await jobAt('TRANSCRIPT_READY')).job, 'JOB_ALREADY_RUNNING'],
    ['has not begun', () => uploadedJob(), 'ARTIFACT_NOT_EDITABLE'],
    ['has made no transcript', async () => (await failedAfter('AUDIO_READY')).job, 'ARTIFACT_NOT_EDITABLE'],
  ])('where the job %s', async (_what, make, code) => {
    const reply = await refused(await make());

    expect([reply.status, reply.body.error_code]).toEqual([409, code]);
  });

  test('where another version counts, with the newest', async () => {
    const { job } = await draftInBucket();
    await sendContent(job, 'corrected');

    const reply = await refused(job, { version: 7 });

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'ARTIFACT_VERSION_CONFLICT',
      details: { submitted: 7, newest: { version: 2 } },
    });
  });

  test.each([
    undefined,
    '1',
    'W/"1"',
    '"0"',
    '"01"',
    '"-1"',
    '"1.0"',
    '"1", "2"',
    '*',
    '""',
    '"x"',
    '"1000000000"',
  ])('with %s as If-Match, which names no version', async (given) => {
    const { job } = await drafted();

    expectIssues(await refused(job, { headers: { 'if-match': given } }), 'If-Match');
  });

  test.each([undefined, '"', 'two words', 'k'.repeat(129)])('with %s as Idempotency-Key', async (given) => {
    const { job } = await drafted();

    expectIssues(await refused(job, { headers: { 'idempotency-key': given } }), 'Idempotency-Key');
  });

  test('without its length', async () => {
    const { job } = await drafted();
    const { readable, writable } = new TransformStream();
    const sent = new Blob(['corrected']).stream().pipeTo(writable);

    const reply = await refused(job, { body: readable });
    await sent;

    expect([reply.status, reply.body.error_code, reply.body.retryable]).toEqual([
      411,
      'LENGTH_REQUIRED',
      false,
    ]);
  });

  test('without a body', async () => {
    const { job } = await drafted();

    expectIssues(await refused(job, { body: '', headers: { 'content-length': '0' } }), '');
  });

  test.each(['gzip', 'br', 'identity, gzip', 'nonsense'])('in the content coding %s', async (coding) => {
    const { job } = await drafted();

    const reply = await refused(job, { headers: { 'content-encoding': coding }, directly: true });

    expect([reply.status, reply.body.error_code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
    expect(reply.headers.get('accept-encoding')).toBe('identity');
  });

  test('without a token, or with one that may only read', async () => {
    const { job } = await drafted();
    const reader = await editorToken('reader', { scope: 'retake:read' });

    expect((await refused(job, { headers: { authorization: undefined } })).status).toBe(401);
    expect((await refused(job, { token: reader })).status).toBe(403);
  });

  test('with the bytes of any other 404 where there is no such job, stage or path, or it is somebody else’s', async () => {
    const { job } = await draftInBucket();
    const other = await call('GET', `/jobs/${await missingId('job')}`, { token: job.token });
    const nowhere = new ActingJob(await missingId('job'), job.projectId, job.token);
    const stranger = await editorToken(`stranger-${crypto.randomUUID()}`);

    const replies = [
      await sendContent(nowhere, 'corrected'),
      await refused(job, { token: stranger }),
      await refused(job, { token: stranger, version: 9, key: 'known' }),
      ...(await Promise.all(['audio', 'Draft', 'x', '%00', '1'].map((stage) => refused(job, { stage })))),
    ];

    for (const reply of replies) expect(seen(reply)).toEqual(seen(other));
  });

  test('where no bucket is bound, and so is a look at what was made', async () => {
    const { job } = await draftInBucket();
    const { ARTIFACTS: _, ARTIFACTS_BUCKET: __, ...vars } = env;
    const [path, init] = contentRequest(job, 'corrected', { headers: { 'content-length': '9' } });
    const { headers } = init;

    const replies = [
      await send(path, init, vars as Env),
      await send(path.replace('/content', '/1/content'), headers ? { headers } : {}, vars as Env),
    ];

    for (const { status, body } of replies)
      expect([status, body.error_code, body.details]).toEqual([409, 'NO_ARTIFACT_STORE', {}]);
    expect(await versionsOf(job)).toHaveLength(1);
  });
});

describe('of several at once that correct one version', () => {
  test.each([2, 8])('one of %i is taken, and the others leave nothing', async (count) => {
    const { job } = await draftInBucket();

    const texts = Array.from({ length: count }, (_, nth) => `corrected by ${nth}`);
    const replies = await Promise.all(texts.map((text) => sendContent(job, text.repeat(20_000))));

    const won = replies.filter(({ status }) => status === 200);
    const lost = replies.filter(({ status }) => status === 409);
    expect([won.length, lost.length]).toEqual([1, count - 1]);
    const version = won[0]?.body.version;
    for (const { body } of lost)
      expect(body).toMatchObject({
        error_code: 'ARTIFACT_VERSION_CONFLICT',
        details: { submitted: 1, newest: version },
      });
    expect(await versionsOf(job)).toHaveLength(2);
    expect(await keysOf(job)).toEqual([keyOf(version.ref)]);
    const text = texts[replies.findIndex(({ status }) => status === 200)] ?? '';
    expect((await readContent(job, 2)).text).toBe(text.repeat(20_000));
  });

  test('what cannot be taken away at once does not change the answer', async () => {
    const { job } = await draftInBucket();
    storeDoes('delete', () => Promise.reject(new Error('delete: Internal Error (10001)')));

    const replies = await Promise.all(['one', 'two'].map((text) => sendContent(job, text)));

    expect(replies.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    expect(await keysOf(job)).toHaveLength(2);
  });
});

describe('a sender that is gone', () => {
  test.each([0, 1, 500_000, 999_999])(
    'after %i of a million bytes leaves neither an object nor a version, and nothing in the way of the next',
    async (written) => {
      const { job } = await draftInBucket();
      const store = putsCounted();
      const { readable, writable } = new FixedLengthStream(1_000_000);
      const writer = writable.getWriter();
      const sent = sendContent(job, readable, { key: 'once' }).then(
        ({ status }) => status,
        () => null,
      );
      if (written > 0) await writer.write(bytes(written));
      await writer.abort(new Error('gone')).catch(() => {});

      expect(await sent).not.toBe(200);

      expect(store.calls).toBe(1);
      expect(await versionsOf(job)).toHaveLength(1);
      expect(await keysOf(job)).toEqual([]);
      const { body } = await sendContent(job, 'whole', { key: 'once' });
      expect(body).toMatchObject({ replayed: false, version: { version: 2 } });
    },
  );
});

describe('a store that fails', () => {
  const FAULT = new Error('put: Internal Error (10001)');
  const failures: [string, R2Bucket['put']][] = [
    ['at once', () => Promise.reject(FAULT)],
    [
      'without a promise',
      () => {
        throw FAULT;
      },
    ],
    [
      'in the middle',
      async (_key: string, body: ReadableStream) => {
        await body.getReader().read();
        throw FAULT;
      },
    ],
    [
      'when it has all of it',
      async (_key: string, body: ReadableStream) => {
        await body.pipeTo(new WritableStream());
        throw FAULT;
      },
    ],
    [
      'after it has stored all of it',
      async (key: string, body: ReadableStream, options: R2PutOptions) => {
        await reallyPut(key, body, options);
        throw FAULT;
      },
    ],
  ] as never;
  const reallyPut = env.ARTIFACTS.put.bind(env.ARTIFACTS);

  test.each(failures)(
    '%s makes it a 503 that can be repeated, without a version and without an object',
    async (_when, put) => {
      const { job } = await draftInBucket();
      const seen = storeDoes('put', put);

      const reply = await sendContent(job, bytes(2_000_000), { key: 'once' });

      expect(seen.calls).toBe(1);
      expect(reply.status).toBe(503);
      expect(reply.body).toMatchObject({ error_code: 'ARTIFACT_STORE_UNAVAILABLE', retryable: true });
      expect(reply.headers.get('retry-after')).toBe('5');
      expect(reply.text).not.toContain('10001');
      expect(await versionsOf(job)).toHaveLength(1);
      expect(await keysOf(job)).toEqual([]);

      storeDoes('put', reallyPut);
      const again = await sendContent(job, bytes(2_000_000), { key: 'once' });
      expect([again.status, again.body.replayed]).toEqual([200, false]);
    },
  );
});

test('a store that takes no more and does not say so leaves nobody waiting for it', async () => {
  const { job } = await draftInBucket();
  storeDoes('put', (async (_key: string, body: ReadableStream) => {
    await body.getReader().read();
    return new Promise(() => {});
  }) as never);

  const reply = await sendContent(job, bytes(2_000_000), { key: 'once' });

  expect([reply.status, reply.body.error_code]).toEqual([503, 'ARTIFACT_STORE_UNAVAILABLE']);
  expect(await versionsOf(job)).toHaveLength(1);
}, 60_000);

describe('where nobody knows whether the job has stored it', () => {
  const original = JobActor.prototype.edit;
  const jobDoes = (edit: typeof original) => {
    const spy = vi.spyOn(JobActor.prototype, 'edit').mockImplementation(edit);
    onTestFinished(() => spy.mockRestore());
    return spy;
  };

  test('and it has, its version keeps its object, and a repeat is answered with it', async () => {
    const { job } = await draftInBucket();
    const spy = jobDoes(async function (this: JobActor, command) {
      await original.call(this, command);
      throw new Error('the answer was lost');
    });
    const lost = await sendContent(job, 'corrected', { key: 'once' });
    spy.mockRestore();

    expect(lost.status).toBe(500);
    expect((await readContent(job, 2)).text).toBe('corrected');
    const again = await sendContent(job, 'corrected', { key: 'once' });
    expect(again.body).toMatchObject({ replayed: true, version: { version: 2 } });
    await expectNoOrphans(job);
  });

  test('and it has not, the object stays, and a repeat makes a version of its own', async () => {
    const { job } = await draftInBucket();
    const spy = jobDoes(() => Promise.reject(new Error('not reached')));
    const lost = await sendContent(job, 'corrected', { key: 'once' });
    spy.mockRestore();

    expect(lost.status).toBe(500);
    expect(await keysOf(job)).toHaveLength(1);
    expect(await versionsOf(job)).toHaveLength(1);
    const again = await sendContent(job, 'corrected', { key: 'once' });
    expect(again.body).toMatchObject({ replayed: false, version: { version: 2 } });
    expect(await keysOf(job)).toHaveLength(2);
  });
});

/** All that a caller sees, but for what names the request. */
const seen = ({ status, text, headers }: Reply) => ({
  status,
  text,
  headers: [...headers].filter(([name]) => name !== 'x-request-id').toSorted(),
});
