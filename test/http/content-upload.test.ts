// PUT /jobs/{jobId}/artifacts/{stage}/content: a correction is sent as its text, into the real bucket of workerd.
import { env } from 'cloudflare:test';
import { describe, expect, test } from 'vitest';
import { call } from '../support/workerd/harness.ts';
import {
  bytes,
  digestOf,
  draftInBucket,
  expectNoOrphans,
  keyOf,
  keysOf,
  MAX_BYTES,
  readContent,
  sendContent,
  versionsOf,
} from './content.ts';
import { edit } from './editing.ts';
import { failedInStore, planOf } from './planning.ts';
import { storeDoes } from './store.ts';

describe('a correction that is sent as its text', () => {
  test('is a version of its sender’s, with the size and the SHA-256 of what was sent', async () => {
    const { job } = await draftInBucket();
    const text = 'what was really said — 講演';

    const reply = await sendContent(job, text);

    expect(reply.status, reply.text).toBe(200);
    expect(reply.body.replayed).toBe(false);
    expect(reply.body.version).toMatchObject({
      stage: 'transcript',
      version: 2,
      digest: await digestOf(text),
      size_bytes: new TextEncoder().encode(text).byteLength,
      made_by: { kind: 'editor', edits: 1 },
      made_from: 1,
      state: 'complete',
    });
    expect(reply.body.job.manifest.transcript_uri).toBe(reply.body.version.ref);
    expect((await versionsOf(job)).at(-1)).toEqual(reply.body.version);
    expect((await readContent(job, 2)).text).toBe(text);
    await expectNoOrphans(job);
  });

  test('lies under a key that no other has, of its job, its stage and the version that it corrects', async () => {
    const { job } = await draftInBucket();

    const refs = [];
    for (const [stage, version] of [
      ['transcript', 1],
      ['transcript', 2],
      ['draft', 1],
    ] as const)
      refs.push((await sendContent(job, 'corrected', { stage, version })).body.version.ref);

    const random = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';
    const folder = `r2://retake-artifacts/edits/${job.id}`;
    expect(refs[0]).toMatch(new RegExp(`^${folder}/transcript/1-${random}$`));
    expect(refs[1]).toMatch(new RegExp(`^${folder}/transcript/2-${random}$`));
    expect(refs[2]).toMatch(new RegExp(`^${folder}/draft/1-${random}$`));
  });

  test('is answered and audited as an edit is that says where it lies', async () => {
    const { job } = await draftInBucket();
    const sent = await sendContent(job, 'sent', { headers: { 'x-correlation-id': 'ticket-1' } });

    const named = await edit(job, 'transcript', { uri: 's3://elsewhere/corrected', edits: 2 });

    expect(named.status, named.text).toBe(200);
    expect(Object.keys(sent.body)).toEqual(Object.keys(named.body));
    expect(Object.keys(sent.body.version)).toEqual(Object.keys(named.body.version));
    const trail = await job.transitions();
    const [first, second] = trail.filter(({ event_type }) => event_type === 'artifact_edited');
    expect(first).toMatchObject({ actor_id: second.actor_id, correlation_id: 'ticket-1' });
  });

  test('is what a retry resumes from, verified', async () => {
    const { job } = await failedInStore();

    const { body } = await sendContent(job, 'corrected');

    expect((await planOf(job, { model_profile: 'accurate' })).resume).toMatchObject({
      status: 'TRANSCRIPT_READY',
      version: 2,
      checkpoint_ref: body.version.ref,
      proof: { state: 'verified', reason: null },
    });
  });

  test('can be brought back by its reference', async () => {
    const { job } = await draftInBucket();
    const { body } = await sendContent(job, 'the first correction');
    await sendContent(job, 'the second', { version: 2 });

    const back = await edit(job, 'transcript', { uri: body.version.ref, edits: 3 });

    expect(back.status, back.text).toBe(200);
    expect((await readContent(job, 4)).text).toBe('the first correction');
  });

  test.each([
    ['text/html; charset=utf-8', 'text/html; charset=utf-8'],
    ['application/json', 'application/json'],
    ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', undefined],
    ['x', 'application/octet-stream'],
    ['text/plain, text/html', 'application/octet-stream'],
    [`text/${'x'.repeat(300)}`, 'application/octet-stream'],
  ])('is of any media type: %s is kept, if it is one', async (sent, kept = sent) => {
    const { job } = await draftInBucket();

    expect((await sendContent(job, '{', { headers: { 'content-type': sent } })).status).toBe(200);

    expect((await readContent(job, 2)).headers.get('content-type')).toBe(kept);
  });

  test('without a media type is of none that is known', async () => {
    const { job } = await draftInBucket();

    const body = new TextEncoder().encode('untyped');
    expect((await sendContent(job, body, { headers: { 'content-type': undefined } })).status).toBe(200);

    expect((await readContent(job, 2)).headers.get('content-type')).toBe('application/octet-stream');
  });
});

describe('as much as 25 MiB', () => {
  test('is taken to the last byte', async () => {
    const { job } = await draftInBucket();
    const whole = bytes(MAX_BYTES);

    const reply = await sendContent(job, whole);

    expect(reply.status, reply.text).toBe(200);
    const digest = await digestOf(whole);
    expect(reply.body.version).toMatchObject({ size_bytes: 26_214_400, digest });
    expect(await digestOf((await readContent(job, 2)).bytes)).toBe(digest);
  });

  test('and one byte more is refused, and nothing is stored', async () => {
    const { job } = await draftInBucket();

    const reply = await sendContent(job, bytes(MAX_BYTES + 1));

    expect(reply.status).toBe(413);
    expect(reply.body).toMatchObject({ error_code: 'PAYLOAD_TOO_LARGE', details: { max_bytes: 26_214_400 } });
    expect(await versionsOf(job)).toHaveLength(1);
    expect(await keysOf(job)).toEqual([]);
  });

  test('is never in memory: the store is given what came before the rest is asked for', async () => {
    const { job } = await draftInBucket();
    let given = 0;
    let ahead = 0;
    const size = 4 * 1024 * 1024;
    const body = new ReadableStream(
      {
        type: 'bytes',
        pull(controller) {
          given += 65_536;
          controller.enqueue(bytes(65_536));
          if (given === size) controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const put = env.ARTIFACTS.put.bind(env.ARTIFACTS);
    storeDoes('put', (async (key: string, stream: ReadableStream<Uint8Array>, options: R2PutOptions) => {
      let taken = 0;
      const { readable, writable } = new FixedLengthStream(size);
      const counting = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          taken += chunk.byteLength;
          ahead = Math.max(ahead, given - taken);
          controller.enqueue(chunk);
        },
      });
      const [stored] = await Promise.all([
        put(key, readable, options),
        stream.pipeThrough(counting).pipeTo(writable),
      ]);
      return stored;
    }) as never);

    const reply = await sendContent(job, body, {
      headers: { 'content-length': String(size) },
      directly: true,
    });

    expect(reply.status, reply.text).toBe(200);
    expect(given).toBe(size);
    expect(ahead).toBeLessThan(1024 * 1024);
  });
});

describe('a repeat under the same Idempotency-Key', () => {
  test('is answered with the version that the first one made, and stores nothing', async () => {
    const { job } = await draftInBucket();
    const first = await sendContent(job, 'corrected', { key: 'once' });
    const keys = await keysOf(job);

    for (const key of ['once', '"once"']) {
      const again = await sendContent(job, 'corrected', { key });
      expect(again.status, again.text).toBe(200);
      expect(again.body).toEqual({ ...first.body, replayed: true });
    }
    expect(await keysOf(job)).toEqual(keys);
    expect(await versionsOf(job)).toHaveLength(2);
  });

  test('is answered so whatever has happened since', async () => {
    const { job } = await draftInBucket();
    const first = await sendContent(job, 'corrected', { key: 'once' });
    await sendContent(job, 'corrected again', { version: 2 });
    await call('POST', `/jobs/${job.id}/cancel`, { token: job.token });

    const again = await sendContent(job, 'corrected', { key: 'once' });

    expect([again.status, again.body.replayed]).toEqual([200, true]);
    expect(again.body.version).toMatchObject({ version: 2, ref: first.body.version.ref });
    await expectNoOrphans(job);
  });

  test.each<[string, { body?: string; stage?: string; version?: number }]>([
    ['other content', { body: 'Corrected' }],
    ['another stage', { stage: 'draft' }],
    ['another version', { version: 2 }],
  ])('with %s is refused, and stores nothing', async (_what, { body = 'corrected', ...other }) => {
    const { job } = await draftInBucket();
    await sendContent(job, 'corrected', { key: 'once' });

    const reply = await sendContent(job, body, { key: 'once', ...other });

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH',
      details: { client_request_id: 'once', dispatch_id: null },
    });
    expect(await versionsOf(job)).toHaveLength(2);
    await expectNoOrphans(job);
  });

  test('of an edit that said where it lies is another request, and the other way round', async () => {
    const { job } = await draftInBucket();
    await edit(job, 'transcript', { uri: 's3://elsewhere/corrected', edits: 1, client_request_id: 'named' });
    const { body } = await sendContent(job, 'corrected', { key: 'sent', version: 2 });

    const sent = await sendContent(job, 'corrected', { key: 'named', version: 1 });
    const named = await edit(job, 'transcript', {
      uri: body.version.ref,
      edits: 2,
      client_request_id: 'sent',
    });

    for (const reply of [sent, named])
      expect(reply.body.error_code).toBe('CLIENT_REQUEST_ID_PAYLOAD_MISMATCH');
    await expectNoOrphans(job);
  });

  test('of one that was refused is a request of its own', async () => {
    const { job } = await draftInBucket();
    expect((await sendContent(job, 'corrected', { key: 'once', version: 7 })).status).toBe(409);

    expect((await sendContent(job, 'corrected', { key: 'once' })).status).toBe(200);
  });

  test.each([2, 5])('%i times at once makes one version and leaves one object', async (times) => {
    const { job } = await draftInBucket();

    const replies = await Promise.all(
      Array.from({ length: times }, () => sendContent(job, bytes(300_000), { key: 'once' })),
    );

    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
    expect(replies.filter(({ body }) => !body.replayed)).toHaveLength(1);
    expect(new Set(replies.map(({ body }) => body.version.ref)).size).toBe(1);
    expect(await keysOf(job)).toEqual([keyOf(replies[0]?.body.version.ref)]);
  });
});
