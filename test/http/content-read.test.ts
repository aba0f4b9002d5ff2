// GET /jobs/{jobId}/artifacts/{stage}/{version}/content: any version that lies in the bucket, as it lies there, to be saved and
// never run.
import { env } from 'cloudflare:test';
import { describe, expect, test } from 'vitest';
import { ActingJob, failedAfter, once, uploadedJob } from '../support/workerd/acting.ts';
import { call, editorToken, missingId } from '../support/workerd/harness.ts';
import { type Content, draftInBucket, readContent, sendContent } from './content.ts';
import { edit } from './editing.ts';
import { acceptedRetry, putArtifact, reportOf } from './planning.ts';
import { storeDoes } from './store.ts';

const PAGE = '<!doctype html><script>document.title = document.cookie</script>';

async function corrected(text: string, contentType = 'text/plain'): Promise<ActingJob> {
  const { job } = await draftInBucket();
  const reply = await sendContent(job, text, { headers: { 'content-type': contentType } });
  expect(reply.status, reply.text).toBe(200);
  return job;
}

const problemOf = ({ status, text }: Content) => {
  const { error_code, details, retryable } = JSON.parse(text);
  return { status, error_code, details, retryable };
};

describe('the content of a version', () => {
  test('is what was sent, with its length and its type, and may be kept by who has asked and asks again', async () => {
    const job = await corrected('講演', 'text/plain; charset=utf-8');

    const { status, text, headers } = await readContent(job, 2);

    expect([status, text]).toEqual([200, '講演']);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'content-length': '6',
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-cache',
      etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
    });
  });

  test('can be read of every stage, whoever made it, and as long as there is a version', async () => {
    const { job } = await draftInBucket();
    await sendContent(job, 'a correction');

    const texts = await Promise.all(
      [
        ['audio', 1],
        ['transcript', 1],
        ['transcript', 2],
        ['draft', 1],
      ].map(
        async ([stage = '', version = 0]) =>
          (await readContent(job, version, {}, { stage: `${stage}` })).text,
      ),
    );

    expect(texts).toEqual(['the audio', 'the transcript', 'a correction', 'the draft']);
  });

  test.each(['GET', 'HEAD'])(
    'is saved under a name of ours and not opened by a browser, and nothing in it would run: %s',
    async (method) => {
      const job = await corrected(PAGE, 'text/html');

      const { headers } = await readContent(job, 2, {}, { method });

      expect(headers.get('content-type')).toBe('text/html');
      expect(headers.get('content-disposition')).toBe('attachment; filename="transcript-2"');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toBe(
        "sandbox; default-src 'none'; frame-ancestors 'none'",
      );
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
    },
  );

  test('is of no type that the store has not been told, or that is none', async () => {
    const { job, draft } = await draftInBucket();
    const types = [];
    for (const contentType of [undefined, 'no type', 'text/html\u0000', 'text/plain']) {
      await env.ARTIFACTS.put(draft.key, 'the draft', { httpMetadata: contentType ? { contentType } : {} });
      types.push((await readContent(job, 1, {}, { stage: 'draft' })).headers.get('content-type'));
    }

    const unknown = 'application/octet-stream';
    expect(types).toEqual([unknown, unknown, unknown, 'text/plain']);
  });

  test('is told of by HEAD, which reads nothing of it', async () => {
    const job = await corrected(PAGE, 'text/html');
    const whole = await readContent(job, 2);
    const store = storeDoes('get', () => Promise.reject(new Error('not to be asked')));

    const head = await readContent(job, 2, { range: 'bytes=0-1' }, { method: 'HEAD' });

    expect([head.status, head.text]).toEqual([200, '']);
    expect(shown(head)).toEqual(shown(whole));
    expect(store.calls).toBe(0);
  });
});

describe('one range of it', () => {
  const TEXT = '0123456789';
  const made = once(() => corrected(TEXT));
  const parts: [string, string, string][] = [
    ['bytes=0-3', '0123', 'bytes 0-3/10'],
    ['bytes=4-', '456789', 'bytes 4-9/10'],
    ['bytes=9-9', '9', 'bytes 9-9/10'],
    ['bytes=5-99', '56789', 'bytes 5-9/10'],
    ['bytes=-3', '789', 'bytes 7-9/10'],
    ['bytes=-99', TEXT, 'bytes 0-9/10'],
    ['Bytes= 2-3 ', '23', 'bytes 2-3/10'],
    ['bytes=0-999999999999999', TEXT, 'bytes 0-9/10'],
  ];

  test.each(parts)('%s is %s', async (range, text, extent) => {
    const job = await made();

    const part = await readContent(job, 2, { range });

    expect([part.status, part.text]).toEqual([206, text]);
    expect(part.headers.get('content-range')).toBe(extent);
    expect(part.headers.get('content-length')).toBe(String(text.length));
    expect(part.headers.get('content-disposition')).toBe('attachment; filename="transcript-2"');
    expect(part.headers.get('content-security-policy')).toContain('sandbox');
    expect(part.headers.get('etag')).toBe((await readContent(job, 2)).headers.get('etag'));
  });

  test.each(['bytes=10-', 'bytes=10-12', 'bytes=999999999999999-', 'bytes=-0'])(
    '%s lies behind the end, and how much there is is said',
    async (range) => {
      const job = await made();

      const reply = await readContent(job, 2, { range });

      expect(problemOf(reply)).toEqual({
        status: 416,
        error_code: 'RANGE_NOT_SATISFIABLE',
        details: { size_bytes: 10 },
        retryable: false,
      });
      expect(reply.headers.get('content-range')).toBe('bytes */10');
      expect(reply.headers.get('cache-control')).toBe('no-store');
    },
  );

  test.each([
    'bytes=0-1,4-5',
    'bytes=3-2',
    'bytes=-',
    'bytes=a-b',
    'bytes',
    'lines=0-1',
    'bytes=1e1-',
    'bytes=-1-2',
    'bytes=0-0x3',
  ])('%s is none that is known, and answered with the whole', async (range) => {
    const job = await made();

    const reply = await readContent(job, 2, { range });

    expect([reply.status, reply.text]).toEqual([200, TEXT]);
  });

  test('is of what If-Range names, or the whole is answered', async () => {
    const job = await made();
    const etag = (await readContent(job, 2)).headers.get('etag') ?? '';
    const range = 'bytes=0-1';

    expect((await readContent(job, 2, { range, 'if-range': etag })).text).toBe('01');
    for (const other of ['"another"', `W/${etag}`, 'Thu, 01 Jan 2099 00:00:00 GMT'])
      expect((await readContent(job, 2, { range, 'if-range': other })).text).toBe(TEXT);
  });
});

describe('who has it already', () => {
  test.each<[string, (etag: string) => string]>([
    ['its tag', (etag) => etag],
    ['its tag, weakened on its way', (etag) => `W/${etag}`],
    ['its tag among others', (etag) => `"x", ${etag}`],
    ['whatever there is', () => '*'],
  ])('and says so by %s is told that it is the same, and sent nothing', async (_what, write) => {
    const job = await corrected('the same');
    const whole = await readContent(job, 2);
    const store = storeDoes('get', () => Promise.reject(new Error('not to be asked')));

    for (const range of [{}, { range: 'bytes=99-' }] as Record<string, string>[]) {
      const etag = whole.headers.get('etag') ?? '';
      const reply = await readContent(job, 2, { 'if-none-match': write(etag), ...range });
      expect([reply.status, reply.text, reply.headers.get('etag')]).toEqual([304, '', etag]);
      expect(reply.headers.get('cache-control')).toBe('private, no-cache');
    }
    expect(store.calls).toBe(0);
  });

  test('and has another, is sent it', async () => {
    const job = await corrected('the same');

    expect((await readContent(job, 2, { 'if-none-match': '"another"' })).text).toBe('the same');
  });
});

describe('what is not there, or not the caller’s', () => {
  test('has the bytes of any other 404', async () => {
    const job = await corrected('private');
    const stranger = new ActingJob(
      job.id,
      job.projectId,
      await editorToken(`stranger-${crypto.randomUUID()}`),
    );
    const nowhere = new ActingJob(await missingId('job'), job.projectId, job.token);
    const { text, headers } = await call('GET', `/jobs/${nowhere.id}`, { token: job.token });
    const other = { status: 404, text, headers: named(headers) };

    const replies = [
      await readContent(stranger, 2),
      await readContent(stranger, 99, { range: 'bytes=0-', 'if-none-match': '*' }),
      await readContent(nowhere, 1),
      ...(await Promise.all(
        ['3', '0', '-1', '01', '1.0', 'x', '%00', '99999999999999999999', '2 '].map((version) =>
          readContent(job, version),
        ),
      )),
      await readContent(job, 1, {}, { stage: 'exports' }),
      await readContent(await uploadedJob(), 1),
    ];

    for (const reply of replies)
      expect({ status: reply.status, text: reply.text, headers: named(reply.headers) }).toEqual(other);
  });

  test('is not looked for in the store', async () => {
    const job = await corrected('private');
    const stranger = new ActingJob(
      job.id,
      job.projectId,
      await editorToken(`stranger-${crypto.randomUUID()}`),
    );
    const store = storeDoes('head', () => Promise.reject(new Error('not to be asked')));

    expect((await readContent(stranger, 2)).status).toBe(404);
    expect((await readContent(job, 3)).status).toBe(404);
    expect(store.calls).toBe(0);
  });
});

describe('a version that cannot be read', () => {
  test.each([
    's3://elsewhere/transcript',
    'r2://retake-artifacts-2/transcript',
    'https://retake-artifacts.example/transcript',
  ])('because it lies elsewhere is answered with where: %s', async (uri) => {
    const { job } = await draftInBucket();
    expect((await edit(job, 'transcript', { uri, edits: 1 })).status).toBe(200);

    expect(problemOf(await readContent(job, 2))).toEqual({
      status: 409,
      error_code: 'ARTIFACT_NOT_STORED_HERE',
      details: { uri },
      retryable: false,
    });
  });

  const faults: [string, string, (key: string) => Promise<unknown>][] = [
    ['is gone', 'missing', (key) => env.ARTIFACTS.delete(key)],
    ['is shorter', 'changed', (key) => putArtifact('the trans', key)],
    ['has another digest', 'changed', (key) => putArtifact('the Transcript', key)],
  ];
  test.each(faults)('because its file %s is answered with that', async (_what, reason, happens) => {
    const { job, transcript } = await draftInBucket();
    await happens(transcript.key);

    for (const headers of [{}, { 'if-none-match': '*' }, { range: 'bytes=0-1' }] as Record<string, string>[])
      expect(problemOf(await readContent(job, 1, headers))).toEqual({
        status: 409,
        error_code: 'ARTIFACT_NOT_FOUND',
        details: { uri: transcript.ref, reason },
        retryable: false,
      });
  });

  test('because its file is replaced between the look and the reading is not answered with the other', async () => {
    const { job, transcript } = await draftInBucket();
    const head = env.ARTIFACTS.head.bind(env.ARTIFACTS);
    storeDoes('head', async (key) => {
      const object = await head(key);
      await putArtifact('the Transcript', key);
      return object;
    });

    expect(problemOf(await readContent(job))).toMatchObject({
      error_code: 'ARTIFACT_NOT_FOUND',
      details: { uri: transcript.ref, reason: 'changed' },
    });
  });

  test('because a later version was written in its place is not answered with that one', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    const { ref } = await putArtifact('by the second');
    for (const profile of ['balanced', 'accurate']) {
      const { pipeline } = await acceptedRetry(job, { model_profile: profile });
      await pipeline.report('TRANSCRIBING');
      await pipeline.report('TRANSCRIPT_READY', reportOf('TRANSCRIPT_READY', { ref }));
      await pipeline.report('FAILED');
    }

    expect(problemOf(await readContent(job, 1)).details).toEqual({ uri: ref, reason: 'changed' });
    expect((await readContent(job, 2)).text).toBe('by the second');
  });

  test.each<[string, 'head' | 'get']>([
    ['look', 'head'],
    ['reading', 'get'],
  ])('because the store fails at the %s is a 503 that can be repeated', async (_when, method) => {
    const job = await corrected('there');
    storeDoes(method, () => Promise.reject(new Error('Internal Error (10001)')));

    const reply = await readContent(job, 2);

    expect(problemOf(reply)).toEqual({
      status: 503,
      error_code: 'ARTIFACT_STORE_UNAVAILABLE',
      details: {},
      retryable: true,
    });
    expect(reply.headers.get('retry-after')).toBe('5');
    expect(reply.headers.get('etag')).toBeNull();
  });
});

const named = (headers: Headers) => [...headers].filter(([name]) => name !== 'x-request-id').toSorted();
const shown = ({ headers }: Content) => named(headers);
