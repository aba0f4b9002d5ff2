// A pipeline that is given up, by its editor or because it is silent: it is told to stop, it is fenced off, and the job can be
// retried. And a video that is renewed for such a retry.
import { describe, expect, test } from 'vitest';
import {
  type ActingJob,
  ASYNC,
  config,
  failedAfter,
  jobAt,
  retriedAfter,
  uploadedJob,
  VIDEO_URI,
} from '../support/workerd/acting.ts';
import { call, orchestrator, type Reply, withoutSideEffect } from '../support/workerd/harness.ts';

const typesOf = async (job: ActingJob): Promise<string[]> => (await job.requests()).map(({ type }) => type);

describe('a pipeline that is silent for too long', () => {
  test.for([
    ['a run that was never heard of', async () => (await jobAt('AUDIO_EXTRACTING')).job],
    ['a retry that was never heard of', async () => (await retriedAfter('AUDIO_READY')).job],
    ['one that went silent in a stage', async () => (await jobAt('TRANSCRIBING')).job],
    ['a settled one that went on', async () => (await jobAt('EXPORTING')).job],
  ] as const)('is told to stop: %s', async ([_what, make]) => {
    const job = await make();
    await job.age(config.rules.stageTimeoutMs + 1_000);
    expect(await job.alarm()).toBe(true);
    const { cancels } = await orchestrator.waitFor(job.id, 'cancels');
    expect(cancels[0]?.dispatch_id).toBe((await job.dispatches())[0].dispatch_id);
    expect(await job.status()).toBe('FAILED');
  });
});

describe('a pipeline whose editor abandons it', () => {
  test('is told to stop and fenced off, and its job can be retried at once', async () => {
    const { job, dispatchId, pipeline } = await jobAt('TRANSCRIBING');
    const reply = await job.post('abandon');
    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({
      status: 'FAILED',
      open_dispatch: null,
      failure: { failure_code: 'ABANDONED', failed_stage: 'TRANSCRIBING' },
    });
    const late = await pipeline.send(pipeline.body('TRANSCRIPT_READY'));
    expect([late.status, late.body.error_code]).toEqual([409, 'DISPATCH_NOT_CURRENT']);
    const { cancels } = await orchestrator.waitFor(job.id, 'cancels');
    expect(cancels).toMatchObject([{ dispatch_id: dispatchId }]);
    expect(await job.retry('again')).toMatchObject({
      status: 202,
      body: { resume_from_status: 'AUDIO_READY' },
    });
    expect((await job.transitions()).at(-1)).toMatchObject({
      actor_type: 'editor',
      actor_id: expect.stringMatching(/^editor-/),
      prev_status: 'TRANSCRIBING',
      new_status: 'FAILED',
    });
  });

  test('is answered alike when asked again, and no more is done', async () => {
    const { job } = await jobAt('TRANSCRIBING');
    const first = await job.post('abandon');
    await orchestrator.waitFor(job.id, 'cancels');
    const again = await job.post('abandon');
    expect([again.status, again.body]).toEqual([200, first.body]);
    expect((await typesOf(job)).filter((type) => type === 'job.cancel')).toHaveLength(1);
  });

  test('leaves the waiting caller with a refusal that says so', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    await job.answers({ kind: 'hold' });
    const waiting = job.retry('again');
    await orchestrator.waitFor(job.id, 'held');
    await job.post('abandon');
    expect(await waiting).toMatchObject({
      status: 409,
      body: {
        error_code: 'RETRY_NOT_ALLOWED_STATE',
        details: { current_status: 'FAILED', reason: 'abandoned' },
      },
    });
    await orchestrator.release(job.id);
  });

  test.for(['UPLOADED', 'DRAFT_READY', 'FAILED'] as const)(
    'is none in %s, and nothing changes',
    async (status) => {
      const job =
        status === 'UPLOADED'
          ? await uploadedJob()
          : status === 'FAILED'
            ? (await failedAfter('AUDIO_READY')).job
            : (await jobAt('DRAFT_READY')).job;
      const reply = await withoutSideEffect(job, () => job.post('abandon'));
      expect([reply.status, reply.body.error_code]).toEqual([409, 'JOB_NOT_RUNNING']);
      expect(reply.body.details).toEqual({ current_status: status });
    },
  );
});

describe('a video that is renewed', () => {
  const renewed = `${VIDEO_URI}?signed=again`;
  const renew = (job: ActingJob, body: unknown): Promise<Reply> =>
    call('PUT', `/jobs/${job.id}/video`, { token: job.token, body });

  test('is the one that a retry from the upload is given, and the checkpoints stay', async () => {
    const { job } = await failedAfter('AUDIO_EXTRACTING');
    const reply = await renew(job, { video_uri: renewed, replaces: VIDEO_URI });
    expect(reply).toMatchObject({ status: 200, body: { replayed: false, job: { status: 'FAILED' } } });
    expect(await job.retry('again')).toMatchObject({ status: 202, body: { checkpoint_ref: renewed } });
    expect((await job.requests()).at(-1)?.body).toMatchObject({ video_uri: renewed });
    const entry = (await job.transitions()).find(({ event_type }) => event_type === 'video_renewed');
    expect(entry).toMatchObject({ actor_type: 'editor', prev_status: 'FAILED', new_status: 'FAILED' });
  });

  test('is answered alike when asked again', async () => {
    const job = await uploadedJob();
    await renew(job, { video_uri: renewed, replaces: VIDEO_URI });
    const again = await withoutSideEffect(job, () => renew(job, { video_uri: renewed, replaces: VIDEO_URI }));
    expect(again).toMatchObject({ status: 200, body: { replayed: true } });
  });

  test('has to name the confirmed one', async () => {
    const job = await uploadedJob();
    const reply = await withoutSideEffect(job, () =>
      renew(job, { video_uri: renewed, replaces: 's3://media/other.mp4' }),
    );
    expect(reply.body).toMatchObject({
      error_code: 'VIDEO_URI_CONFLICT',
      details: { current_video_uri: VIDEO_URI, submitted_video_uri: renewed },
    });
  });

  test('is refused while a pipeline is at work on the old one', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    await job.answers({ kind: 'hold' });
    await job.retry('again', ASYNC);
    await orchestrator.waitFor(job.id, 'held');
    const reply = await renew(job, { video_uri: renewed, replaces: VIDEO_URI });
    expect([reply.status, reply.body.error_code]).toEqual([409, 'JOB_ALREADY_RUNNING']);
    await orchestrator.release(job.id);
  });
});
