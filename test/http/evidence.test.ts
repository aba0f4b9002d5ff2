// What the store of artifacts says decides where a retry resumes: a real bucket in workerd, and stand-ins for one that is
// slow or broken.
import { env } from 'cloudflare:test';
import { describe, expect, test } from 'vitest';
import { type ActingJob, failedAfter, until, uploadedJob } from '../support/workerd/acting.ts';
import { editorToken } from '../support/workerd/harness.ts';
import { away } from './erasing.ts';
import {
  acceptedRetry,
  failedInStore,
  kept,
  planOf,
  planReply,
  putArtifact,
  redone,
  reportOf,
  retryAs,
  type Said,
  type StoredArtifact,
} from './planning.ts';
import { storeAnswers, storeWatched } from './store.ts';

const BALANCED = { model_profile: 'balanced' };
const VERIFIED = { state: 'verified', reason: null };
const unverified = (reason: string) => ({ state: 'unverified', reason });

/** Plan and retry agree on where it resumes, and on what the store says of that. */
async function expectResumes(job: ActingJob, resume: Record<string, unknown>): Promise<string> {
  const plan = await planOf(job, BALANCED);
  expect(plan.resume).toMatchObject(resume);
  const { reply } = await acceptedRetry(job, BALANCED);
  expect(reply.body).toMatchObject({
    resume_from_status: resume.status,
    checkpoint_ref: resume.checkpoint_ref,
    plan: { proof: resume.proof },
  });
  return reply.body.dispatch_id;
}

describe('a file that the store has as it was reported', () => {
  test('is resumed from, and said to be verified', async () => {
    const { job, transcript } = await failedInStore();

    const dispatchId = await expectResumes(job, {
      status: 'TRANSCRIPT_READY',
      checkpoint_ref: transcript.ref,
      version: 1,
      proof: VERIFIED,
    });
    expect((await job.dispatch(dispatchId)).plan.proof).toEqual(VERIFIED);
  });

  test.each<[string, (artifact: StoredArtifact) => Partial<Said>]>([
    ['a digest in base64', ({ digest }) => ({ digest: `sha256:${btoa(bytesOf(digest))}` })],
    ['a digest in capitals', ({ digest }) => ({ digest: digest.slice('sha-256:'.length).toUpperCase() })],
    ['a size alone', ({ size_bytes }) => ({ digest: undefined, size_bytes })],
    ['neither size nor digest', () => ({ digest: undefined, size_bytes: undefined })],
    ['a digest of another kind, which is compared with nothing', () => ({ digest: 'md5:abc' })],
  ])('is verified where the report gave %s', async (_what, said) => {
    const { job, transcript } = await transcriptSaid(said);

    await expectResumes(job, {
      status: 'TRANSCRIPT_READY',
      checkpoint_ref: transcript.ref,
      proof: VERIFIED,
    });
  });

  test('is verified by its size where the store was never told a SHA-256', async () => {
    const key = `${crypto.randomUUID()}/plain`;
    await env.ARTIFACTS.put(key, 'the transcript');
    const { job } = await transcriptSaid(() => ({
      ref: `r2://retake-artifacts/${key}`,
      digest: `sha-256:${'0'.repeat(64)}`,
    }));

    expect((await planOf(job, BALANCED)).resume).toMatchObject({
      status: 'TRANSCRIPT_READY',
      proof: VERIFIED,
    });
  });
});

describe('a file that is not as it was reported is passed over, and the plan steps back', () => {
  const faults: [string, 'missing' | 'changed', (artifact: StoredArtifact) => Promise<unknown>][] = [
    ['is gone', 'missing', ({ key }) => env.ARTIFACTS.delete(key)],
    ['is shorter', 'changed', ({ key }) => putArtifact('the trans', key)],
    ['has another digest', 'changed', ({ key }) => putArtifact('the Transcript', key)],
    ['was cut off to nothing', 'changed', ({ key }) => putArtifact('', key)],
  ];

  test.each(faults)('one that %s', async (_what, reason, happens) => {
    const { job, audio, transcript } = await failedInStore();
    await happens(transcript);

    const plan = await planOf(job, BALANCED);

    expect(plan.passed_over).toEqual([{ stage: 'transcript', version: 1, reason }]);
    expect(plan.stages).toEqual([
      kept('audio', 1, audio.ref, 'resume_point'),
      redone('transcript', 'whisper-large-v3', reason),
      redone('draft', 'gpt-5-mini', 'never_made'),
    ]);
    await expectResumes(job, { status: 'AUDIO_READY', checkpoint_ref: audio.ref, proof: VERIFIED });
  });

  test.each([
    ['shorter', 'the trans', 'changed'],
    ['longer', 'the transcript!', 'changed'],
    ['another one of the same size', 'the Transcript', null],
  ])('where the report gave a size alone, one that is %s is told by that', async (_what, text, reason) => {
    const { job, transcript } = await transcriptSaid(() => ({ digest: undefined }));
    await putArtifact(text, transcript.key);

    expect((await planOf(job, BALANCED)).passed_over).toEqual(
      reason === null ? [] : [{ stage: 'transcript', version: 1, reason }],
    );
  });

  test('all of them are, back to the upload, which nobody has made', async () => {
    const { job, audio, transcript } = await failedInStore();
    await env.ARTIFACTS.delete([audio.key, transcript.key]);

    const plan = await planOf(job, BALANCED);

    expect(plan.passed_over).toEqual([
      { stage: 'transcript', version: 1, reason: 'missing' },
      { stage: 'audio', version: 1, reason: 'missing' },
    ]);
    await expectResumes(job, { status: 'UPLOADED', checkpoint_ref: 's3://media/talk.mp4', proof: null });
  });

  test('an older version of the same stage takes its place where it is still there', async () => {
    const { job, transcript } = await failedInStore();
    const { pipeline } = await acceptedRetry(job, { ...BALANCED, resume_from: 'AUDIO_READY' });
    const newer = await putArtifact('another transcript');
    await pipeline.report('TRANSCRIBING');
    await pipeline.report('TRANSCRIPT_READY', reportOf('TRANSCRIPT_READY', newer));
    await pipeline.report('FAILED');
    await expectResumes(job, {
      status: 'TRANSCRIPT_READY',
      checkpoint_ref: newer.ref,
      version: 2,
      proof: VERIFIED,
    });
    await job.post('abandon');
    await env.ARTIFACTS.delete(newer.key);

    expect((await planOf(job, BALANCED)).passed_over).toEqual([
      { stage: 'transcript', version: 2, reason: 'missing' },
    ]);
    await expectResumes(job, {
      status: 'TRANSCRIPT_READY',
      checkpoint_ref: transcript.ref,
      version: 1,
      proof: VERIFIED,
    });
  });

  test('what comes back is resumed from again', async () => {
    const { job, transcript } = await failedInStore();
    await env.ARTIFACTS.delete(transcript.key);
    expect((await planOf(job, BALANCED)).resume.status).toBe('AUDIO_READY');
    await putArtifact('the transcript', transcript.key);

    expect((await planOf(job, BALANCED)).resume.status).toBe('TRANSCRIPT_READY');
  });
});

describe('a store that does not answer', () => {
  const failures: [string, () => Promise<never>][] = [
    ['hangs', () => new Promise<never>(() => {})],
    ['fails', () => Promise.reject(new Error('head: Internal Error (10001)'))],
    [
      'fails at once',
      () => {
        throw new Error('no such binding');
      },
    ],
  ];

  test.each(failures)(
    'because it %s holds up neither plan nor retry, and is named in both',
    async (_how, head) => {
      const { job, transcript } = await failedInStore();
      const asked = storeAnswers(head);

      await expectResumes(job, {
        status: 'TRANSCRIPT_READY',
        checkpoint_ref: transcript.ref,
        proof: unverified('store_unavailable'),
      });
      expect(asked).toContain(transcript.key);
    },
  );

  test.each([
    ['erased', () => {}, 204],
    ['marked to go', () => away('PROJECT', 'eraseJob'), 202],
  ])('while the job is %s leaves no plan of it, and no retry', async (_how, arrange, status) => {
    const { job } = await failedInStore();
    const asked = storeAnswers(() => new Promise<never>(() => {}));
    arrange();
    const answers = [planReply(job, BALANCED), job.retry('late')];
    await until(async () => expect(asked.length).toBeGreaterThanOrEqual(answers.length));
    expect((await job.erase()).status).toBe(status);

    for (const answer of answers) expect((await answer).status).toBe(404);
  });

  test('for one file is believed about the others', async () => {
    const { job, audio, transcript } = await failedInStore();
    const head = env.ARTIFACTS.head.bind(env.ARTIFACTS);
    await env.ARTIFACTS.delete(transcript.key);
    storeAnswers((key) => (key === audio.key ? new Promise(() => {}) : head(key)));

    const plan = await planOf(job, BALANCED);

    expect(plan.passed_over).toEqual([{ stage: 'transcript', version: 1, reason: 'missing' }]);
    expect(plan.resume).toMatchObject({ status: 'AUDIO_READY', proof: unverified('store_unavailable') });
  });

  test('changes nothing about the tag of a plan that does the same', async () => {
    const { job } = await failedInStore();
    const { etag } = await planOf(job, BALANCED);
    storeAnswers(() => Promise.reject(new Error('Internal Error')));

    expect((await planOf(job, BALANCED)).etag).toBe(etag);
    expect((await retryAs(job, BALANCED, { 'if-match': etag })).status).toBe(202);
  });
});

describe('a reference to elsewhere is taken as it was reported, and the store is not asked', () => {
  test.each([
    'r2://another-bucket/audio.wav',
    'r2://retake-artifacts-2/audio.wav',
    's3://retake-artifacts/audio.wav',
    'https://retake-artifacts.example/audio.wav',
  ])('such as %s', async (ref) => {
    const job = await uploadedJob();
    const pipeline = await job.pipeline((await job.run()).body.dispatch_id);
    await pipeline.report('AUDIO_READY', reportOf('AUDIO_READY', { ref, size_bytes: 5 }));
    await pipeline.report('FAILED');
    const asked = storeWatched();

    await expectResumes(job, {
      status: 'AUDIO_READY',
      checkpoint_ref: ref,
      proof: unverified('not_in_store'),
    });
    expect(asked).toEqual([]);
  });
});

describe('the store is asked', () => {
  test('nothing for somebody else, who is told of no such job', async () => {
    const { job } = await failedInStore();
    const token = await editorToken(`stranger-${crypto.randomUUID()}`);
    const asked = storeWatched();
    const stranger = Object.assign(Object.create(job), { token }) as ActingJob;

    expect((await planReply(job, BALANCED, token)).status).toBe(404);
    expect((await retryAs(stranger, BALANCED)).status).toBe(404);
    expect(asked).toEqual([]);
  });

  test('nothing while a pipeline is at work, since no retry is accepted then', async () => {
    const { job } = await failedInStore();
    await acceptedRetry(job, BALANCED);
    const asked = storeWatched();

    expect((await retryAs(job, BALANCED)).status).toBe(409);
    expect((await planOf(job, BALANCED)).verdict).toBe('refused');
    expect(asked).toEqual([]);
  });

  test('nothing for a repeat, or under a profile that is refused wherever it begins', async () => {
    const { job } = await failedInStore();
    expect((await retryAs(job, BALANCED, {}, 'once')).status).toBe(202);
    const asked = storeWatched();

    expect((await retryAs(job, BALANCED, {}, 'once')).status).toBe(200);
    const { job: other } = await failedInStore();
    expect((await retryAs(other, { model_profile: 'legacy' })).status).toBe(409);
    expect(asked).toEqual([]);
  });

  test('of what the profile could resume from, what lies where it is asked to begin first', async () => {
    const { job, audio, transcript } = await failedInStore();
    const asked = storeWatched();

    await retryAs(job, { model_profile: 'imaginary', resume_from: 'UPLOADED' });
    expect(asked).toEqual([]);
    expect((await retryAs(job, { ...BALANCED, resume_from: 'AUDIO_READY' })).status).toBe(202);
    expect(asked).toEqual([audio.key, transcript.key]);
  });

  test('of each file once, however many profiles could resume from it', async () => {
    const { job, audio, transcript } = await failedInStore();
    const asked = storeWatched();

    await planOf(job);

    expect(asked.toSorted()).toEqual([audio.key, transcript.key].toSorted());
  });

  test('of five files at the most; what lies behind those is taken unchecked', async () => {
    const job = await uploadedJob();
    let pipeline = await job.pipeline((await job.run()).body.dispatch_id);
    for (let version = 1; version <= 6; version += 1) {
      const audio = { ref: `r2://retake-artifacts/${job.id}/${version}`, size_bytes: 1 };
      await pipeline.report('AUDIO_READY', reportOf('AUDIO_READY', audio));
      await pipeline.report('FAILED');
      if (version === 6) break;
      const { body } = await retryAs(job, { ...BALANCED, resume_from: 'UPLOADED' });
      pipeline = await job.pipeline(body.dispatch_id);
      await pipeline.report('AUDIO_EXTRACTING');
    }
    const asked = storeWatched();

    const plan = await planOf(job, BALANCED);

    expect(asked).toHaveLength(5);
    expect(plan.passed_over).toHaveLength(5);
    expect(plan.resume).toMatchObject({ version: 1, proof: unverified('not_checked') });
  });
});

test('a job without anything in the store is retried without a word to it', async () => {
  const { job } = await failedAfter('GENERATING');
  const asked = storeWatched();

  expect((await acceptedRetry(job, BALANCED)).reply.body.plan.proof).toEqual(unverified('not_in_store'));
  expect(asked).toEqual([]);
});

/** A job whose transcript was reported with other words than those that are true. */
async function transcriptSaid(said: (artifact: StoredArtifact) => Partial<Said>) {
  const job = await uploadedJob();
  const pipeline = await job.pipeline((await job.run()).body.dispatch_id);
  const transcript = await putArtifact('the transcript');
  await pipeline.reportAll('AUDIO_READY', 'TRANSCRIBING');
  const report = reportOf('TRANSCRIPT_READY', { ...transcript, ...said(transcript) });
  await pipeline.report('TRANSCRIPT_READY', report);
  await pipeline.report('FAILED');
  return { job, transcript };
}

const bytesOf = (digest: string): string =>
  (digest.slice('sha-256:'.length).match(/../g) ?? [])
    .map((hex) => String.fromCharCode(Number.parseInt(hex, 16)))
    .join('');
