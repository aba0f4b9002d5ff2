// What the store of artifacts says of a correction: a real bucket in workerd, and stand-ins for one that is broken.
import { env } from 'cloudflare:test';
import { describe, expect, test } from 'vitest';
import { ActingJob, failedAfter } from '../support/workerd/acting.ts';
import { type Reply, withoutSideEffect } from '../support/workerd/harness.ts';
import { corrected, edit } from './editing.ts';
import { acceptedRetry, BUCKET, planOf, putArtifact, putCorrection } from './planning.ts';
import { storeAnswers, storeWatched } from './store.ts';

const BALANCED = { model_profile: 'balanced' };
const OTHER = `sha-256:${'0'.repeat(64)}`;

/** A job whose transcript can be corrected. */
const jobToCorrect = async () => (await failedAfter('GENERATING')).job;

function expectNotFound(reply: Reply, uri: string, reason: 'missing' | 'changed'): void {
  expect(reply.status, reply.text).toBe(409);
  expect(reply.body).toMatchObject({ error_code: 'ARTIFACT_NOT_FOUND', retryable: false });
  expect(reply.body.details).toEqual({ uri, reason });
}

describe('a correction whose file is in the store', () => {
  test('is taken, and has the digest and the size that the store knows where the editor says neither', async () => {
    const job = await jobToCorrect();
    const { ref, digest, size_bytes } = await putCorrection(job, 'the corrected transcript');

    const reply = await edit(job, 'transcript', { uri: ref, edits: 1 });

    expect(reply.status, reply.text).toBe(200);
    expect(reply.body.version).toMatchObject({ ref, digest, size_bytes });
    expect((await planOf(job, BALANCED)).resume).toMatchObject({
      checkpoint_ref: ref,
      proof: { state: 'verified', reason: null },
    });
  });

  test('has its size alone where the store was never told a SHA-256', async () => {
    const job = await jobToCorrect();
    const key = `edits/${job.id}/plain`;
    await env.ARTIFACTS.put(key, 'corrected');

    const { body } = await edit(job, 'transcript', { uri: `r2://${BUCKET}/${key}`, edits: 1 });

    expect(body.version).toMatchObject({ digest: null, size_bytes: 'corrected'.length });
  });

  test('keeps what the editor says of it, as they say it', async () => {
    const job = await jobToCorrect();
    const { ref, digest, size_bytes } = await putCorrection(job, 'the corrected transcript');
    const said = digest.toUpperCase().replace('SHA-256:', 'sha256:');

    const { body } = await edit(job, 'transcript', { uri: ref, digest: said, size_bytes, edits: 1 });

    expect(body.version).toMatchObject({ ref, digest: said, size_bytes });
  });

  test('keeps a digest of another kind, which is compared with nothing', async () => {
    const job = await jobToCorrect();
    const { ref, size_bytes } = await putCorrection(job, 'the corrected transcript');

    const { body } = await edit(job, 'transcript', { uri: ref, digest: 'md5:abc', edits: 1 });

    expect(body.version).toMatchObject({ digest: 'md5:abc', size_bytes });
  });

  test('that is empty is taken, too', async () => {
    const job = await jobToCorrect();
    const { ref } = await putCorrection(job, '');

    const { body } = await edit(job, 'transcript', { uri: ref, size_bytes: 0, edits: 1 });

    expect(body.version.size_bytes).toBe(0);
  });
});

describe('a correction whose file is not as it is said to be is refused, and nothing is stored', () => {
  test.each([
    ['is not there', 'missing', {}],
    ['is of another size', 'changed', { size_bytes: 3 }],
    ['has another SHA-256', 'changed', { digest: OTHER }],
    ['has the size and another SHA-256', 'changed', { size_bytes: 'corrected'.length, digest: OTHER }],
  ] as const)('because it %s', async (_how, reason, said) => {
    const job = await jobToCorrect();
    const stored = await putCorrection(job, 'corrected');
    if (reason === 'missing') await env.ARTIFACTS.delete(stored.key);

    const reply = await withoutSideEffect(job, () =>
      edit(job, 'transcript', { uri: stored.ref, ...said, edits: 1 }),
    );

    expectNotFound(reply, stored.ref, reason);
  });

  test('and once it is there, the same request is taken', async () => {
    const job = await jobToCorrect();
    const key = `edits/${job.id}/late`;
    const said = { uri: `r2://${BUCKET}/${key}`, edits: 1, client_request_id: 'the-same' };
    expectNotFound(await edit(job, 'transcript', said), said.uri, 'missing');
    await putArtifact('corrected', key);

    expect((await edit(job, 'transcript', said)).body).toMatchObject({
      replayed: false,
      version: { version: 2 },
    });
  });

  test('also where it is the old reference of a version whose file is gone', async () => {
    const job = await jobToCorrect();
    const first = await putCorrection(job, 'corrected');
    await corrected(job, 'transcript', 1, { uri: first.ref });
    await corrected(job, 'transcript', 2);
    await env.ARTIFACTS.delete(first.key);

    const reply = await edit(job, 'transcript', { uri: first.ref, edits: 3 });

    expectNotFound(reply, first.ref, 'missing');
  });
});

describe('a store that does not answer is no reason not to correct', () => {
  test.each<[string, () => Promise<never>]>([
    ['hangs', () => new Promise<never>(() => {})],
    ['fails', () => Promise.reject(new Error('head: Internal Error (10001)'))],
  ])('because it %s', async (_how, head) => {
    const job = await jobToCorrect();
    const { key, ref } = await putCorrection(job, 'corrected');
    const asked = storeAnswers(head);

    const reply = await edit(job, 'transcript', { uri: ref, digest: OTHER, edits: 1 });

    expect(reply.status, reply.text).toBe(200);
    expect(reply.body.version).toMatchObject({ ref, digest: OTHER, size_bytes: null });
    expect(asked).toEqual([key]);
    expect((await planOf(job, BALANCED)).resume.proof).toEqual({
      state: 'unverified',
      reason: 'store_unavailable',
    });
  });
});

describe('the store is not asked', () => {
  test.each([
    's3://retake-artifacts/x',
    'r2://another-bucket/x',
    'r2://retake-artifacts-2/x',
    'https://a.example/x',
  ])('of what lies elsewhere, such as %s', async (uri) => {
    const job = await jobToCorrect();
    const asked = storeWatched();

    const reply = await edit(job, 'transcript', { uri, edits: 1 });

    expect(reply.body.version).toMatchObject({ ref: uri, digest: null, size_bytes: null });
    expect(asked).toEqual([]);
  });

  test('of a repeat, whatever became of its file', async () => {
    const job = await jobToCorrect();
    const { key, ref } = await putCorrection(job, 'corrected');
    const said = { uri: ref, edits: 1, client_request_id: 'the-same' };
    await edit(job, 'transcript', said);
    await env.ARTIFACTS.delete(key);
    const asked = storeWatched();

    expect((await edit(job, 'transcript', said)).body.replayed).toBe(true);
    expect(asked).toEqual([]);
  });

  test('by somebody else, who is told of no such job', async () => {
    const job = await jobToCorrect();
    const stranger = await jobToCorrect();
    const { ref } = await putCorrection(job, 'corrected');
    const asked = storeWatched();

    const theirs = new ActingJob(job.id, job.projectId, stranger.token);
    expect((await edit(theirs, 'transcript', { uri: ref, edits: 1 })).status).toBe(404);
    expect(asked).toEqual([]);
  });
});

describe('a correction whose file is lost afterwards', () => {
  test('is in the way of whatever would make its stage again, and says that it is missing', async () => {
    const job = await jobToCorrect();
    const { key, ref } = await putCorrection(job, 'corrected');
    await corrected(job, 'transcript', 1, { uri: ref });
    await env.ARTIFACTS.delete(key);

    const reply = await withoutSideEffect(job, () => job.retry('again'));

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'EDITS_IN_THE_WAY',
      details: { edits: [{ stage: 'transcript', version: 2, reason: 'missing' }] },
    });
    expect(await planOf(job, BALANCED)).toMatchObject({
      verdict: 'refused',
      refusal: { error_code: 'EDITS_IN_THE_WAY', details: reply.body.details },
    });

    const { reply: discarding } = await acceptedRetry(job, { ...BALANCED, discard_edits: ['transcript'] });
    expect(discarding.body).toMatchObject({ resume_from_status: 'TRANSCRIPT_READY' });
  });
});
