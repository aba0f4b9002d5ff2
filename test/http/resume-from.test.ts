// resume_from: who wants a result made again that is bad says where to begin; never further than the job can be resumed.
import { describe, expect, test } from 'vitest';
import { artifactUri } from '../support/pipeline/script.ts';
import { failedAfter, once, VIDEO_URI } from '../support/workerd/acting.ts';
import { withoutSideEffect } from '../support/workerd/harness.ts';
import { acceptedRetry, expectRetry, kept, planOf, redone, retryAs, sentOf } from './planning.ts';

const BALANCED = { model_profile: 'balanced' };
const ENGINES = { transcript: 'whisper-large-v3', draft: 'gpt-5-mini' };

describe('a job that can be resumed from its transcript', () => {
  test('is resumed from there where that is asked for', async () => {
    const { job, dispatchId: run } = await failedAfter('GENERATING');
    const [audio, transcript] = [artifactUri(run, 'audio'), artifactUri(run, 'transcript')];

    await expectRetry(
      job,
      { ...BALANCED, resume_from: 'TRANSCRIPT_READY' },
      {
        resume: { status: 'TRANSCRIPT_READY', checkpoint_ref: transcript },
        engines: ENGINES,
        stages: [
          kept('audio', 1, audio),
          kept('transcript', 1, transcript, 'resume_point'),
          redone('draft', 'gpt-5-mini', 'never_made'),
        ],
        keep: [
          { stage: 'audio', version: 1, ref: audio },
          { stage: 'transcript', version: 1, ref: transcript },
        ],
      },
    );
  });

  test('is resumed from its audio where that is asked for, and says that the transcript is made again for that', async () => {
    const { job, dispatchId: run } = await failedAfter('GENERATING');
    const audio = artifactUri(run, 'audio');

    const retry = await expectRetry(
      job,
      { ...BALANCED, resume_from: 'AUDIO_READY' },
      {
        resume: { status: 'AUDIO_READY', checkpoint_ref: audio },
        engines: ENGINES,
        stages: [
          kept('audio', 1, audio, 'resume_point'),
          redone('transcript', 'whisper-large-v3', 'asked'),
          redone('draft', 'gpt-5-mini', 'never_made'),
        ],
        keep: [{ stage: 'audio', version: 1, ref: audio }],
      },
    );
    expect((await job.dispatch(retry.dispatchId)).plan.resume_from).toBe('AUDIO_READY');
  });

  test('is begun from the upload where that is asked for, and nothing is kept', async () => {
    const { job } = await failedAfter('GENERATING');

    await expectRetry(
      job,
      { ...BALANCED, resume_from: 'UPLOADED' },
      {
        resume: { status: 'UPLOADED', checkpoint_ref: VIDEO_URI },
        engines: ENGINES,
        stages: [
          redone('audio', null, 'asked'),
          redone('transcript', 'whisper-large-v3', 'asked'),
          redone('draft', 'gpt-5-mini', 'never_made'),
        ],
        keep: [],
      },
    );
  });

  test('is not resumed from a draft, and is told from where it could be', async () => {
    const { job } = await failedAfter('GENERATING');
    const asked = { ...BALANCED, resume_from: 'DRAFT_READY' };

    const reply = await withoutSideEffect(job, () => retryAs(job, asked));

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'RESUME_POINT_NOT_AVAILABLE',
      details: { requested: 'DRAFT_READY', available: 'TRANSCRIPT_READY' },
    });
    expect(await planOf(job, asked)).toMatchObject({
      verdict: 'refused',
      refusal: { error_code: 'RESUME_POINT_NOT_AVAILABLE', status: 409, details: reply.body.details },
    });
  });
});

test('what is available is available to the profile that is asked for', async () => {
  const { job } = await failedAfter('GENERATING');

  const reply = await withoutSideEffect(job, () =>
    retryAs(job, { model_profile: 'accurate', resume_from: 'TRANSCRIPT_READY' }),
  );

  expect(reply.body).toMatchObject({
    error_code: 'RESUME_POINT_NOT_AVAILABLE',
    details: { requested: 'TRANSCRIPT_READY', available: 'AUDIO_READY' },
  });
});

test('a profile may not be led to a point that policy does not allow it', async () => {
  const { job } = await failedAfter('GENERATING');

  const reply = await withoutSideEffect(job, () =>
    retryAs(job, { model_profile: 'draft-only', resume_from: 'AUDIO_READY' }),
  );

  expect(reply.body).toMatchObject({
    error_code: 'MODEL_PROFILE_NOT_ALLOWED',
    details: {
      reason: 'resume_point_not_allowed',
      allowed_model_profiles: ['balanced', 'polished', 'accurate'],
    },
  });
});

test('a transcript that was made again because the first was bad is the one that later retries resume from', async () => {
  const { job } = await failedAfter('GENERATING');
  const again = await acceptedRetry(job, { ...BALANCED, resume_from: 'AUDIO_READY' });
  await again.pipeline.reportAll('TRANSCRIBING', 'TRANSCRIPT_READY', 'FAILED');

  expect((await planOf(job, BALANCED)).resume).toMatchObject({
    version: 2,
    checkpoint_ref: artifactUri(again.dispatchId, 'transcript'),
  });
});

describe('a repeat', () => {
  test.each<[string, string | null | undefined]>([
    ['the same', 'AUDIO_READY'],
    ['no', undefined],
    ['no, as null,', null],
  ])('under %s resume_from is answered with the same dispatch', async (_what, resumeFrom) => {
    const { job } = await failedAfter('GENERATING');
    const asked = { ...BALANCED, ...(resumeFrom === undefined ? {} : { resume_from: resumeFrom }) };
    const first = await retryAs(job, asked, {}, 'the-same');
    expect(first.status).toBe(202);

    const repeat = await withoutSideEffect(job, () => retryAs(job, asked, {}, 'the-same'));

    expect(repeat.status).toBe(200);
    expect(repeat.body).toEqual({ ...first.body, replayed: true });
  });

  test.each<[string, string | null, string | null]>([
    ['another', 'AUDIO_READY', 'UPLOADED'],
    ['one that there was not', null, 'TRANSCRIPT_READY'],
    ['none any more', 'TRANSCRIPT_READY', null],
  ])('under %s is refused, wherever it would have led', async (_what, before, after) => {
    const { job } = await failedAfter('GENERATING');
    await retryAs(job, { ...BALANCED, resume_from: before }, {}, 'the-same');

    const repeat = await withoutSideEffect(job, () =>
      retryAs(job, { ...BALANCED, resume_from: after }, {}, 'the-same'),
    );

    expect(repeat.status).toBe(409);
    expect(repeat.body.error_code).toBe('CLIENT_REQUEST_ID_PAYLOAD_MISMATCH');
  });

  test('without one and with null are the same request', async () => {
    const { job } = await failedAfter('GENERATING');
    await retryAs(job, BALANCED, {}, 'the-same');

    expect((await retryAs(job, { ...BALANCED, resume_from: null }, {}, 'the-same')).status).toBe(200);
  });
});

const failed = once(() => failedAfter('GENERATING'));
test.each(['TRANSCRIBING', 'FAILED', 'audio', '', 7, ['UPLOADED']])(
  'resume_from %j is none of the points that a pipeline can begin at',
  async (resumeFrom) => {
    const { job } = await failed();

    const reply = await withoutSideEffect(job, () =>
      job.post('retry', { ...BALANCED, client_request_id: 'x', resume_from: resumeFrom }),
    );

    expect(reply.status).toBe(400);
    expect(reply.body.details.issues[0].path).toBe('resume_from');
  },
);

test('the orchestrator is told where to begin, and what of', async () => {
  const { job, dispatchId: run } = await failedAfter('DRAFT_READY');

  const { dispatchId } = await acceptedRetry(job, { ...BALANCED, resume_from: 'TRANSCRIPT_READY' });

  expect(await sentOf(job, dispatchId)).toMatchObject({
    type: 'job.retry',
    resume_from_status: 'TRANSCRIPT_READY',
    checkpoint_ref: artifactUri(run, 'transcript'),
  });
});
