import { describe, expect, test } from 'vitest';
import {
  type ActingJob,
  createdJob,
  failedAfter,
  jobAt,
  retriedAfter,
  SHORT_WAIT,
  uploadedJob,
  VIDEO_URI,
} from '../support/workerd/acting.ts';
import { orchestrator, queueHasPassed, traceOf, withoutSideEffect } from '../support/workerd/harness.ts';

const TIMESTAMP = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
describe('confirm-upload', () => {
  test('takes the video, once', async () => {
    const job = await createdJob();

    const first = await job.confirm();
    const repeat = await withoutSideEffect(job, () => job.confirm());

    expect([first.status, repeat.status]).toEqual([200, 200]);
    expect(first.body.replayed).toBe(false);
    expect(first.body.job).toMatchObject({ status: 'UPLOADED', manifest: { video_uri: VIDEO_URI } });
    expect(repeat.body).toEqual({ ...first.body, replayed: true });
  });

  test('is replayed however far the job has come', async () => {
    const { job } = await jobAt('DONE');

    const reply = await withoutSideEffect(job, () => job.confirm());

    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({ replayed: true, job: { status: 'DONE' } });
  });

  test('refuses another video and changes nothing', async () => {
    const job = await uploadedJob();
    const other = 's3://media/other.mp4';

    const reply = await withoutSideEffect(job, () => job.post('confirm-upload', { video_uri: other }));

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'VIDEO_URI_CONFLICT',
      details: { current_video_uri: VIDEO_URI, submitted_video_uri: other },
    });
  });

  test('is refused by a job that was cancelled before', async () => {
    const job = await createdJob();
    await job.cancel();

    const reply = await withoutSideEffect(job, () => job.confirm());

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'FSM_TERMINAL_IMMUTABLE',
      details: { current_status: 'CANCELLED', attempted_status: 'UPLOADED', allowed_next_statuses: [] },
    });
  });
});

describe('run', () => {
  const run = (job: ActingJob, body?: unknown) => job.post('run', body);

  test('dispatches, and its repeat answers the same dispatch', async () => {
    const job = await uploadedJob();

    const first = await run(job);
    const repeat = await withoutSideEffect(job, () => run(job));

    expect(first.status).toBe(202);
    expect(first.body).toEqual({
      job_id: job.id,
      status: 'AUDIO_EXTRACTING',
      dispatch_id: expect.stringMatching(/^dsp_/),
      dispatch_state: 'DELIVERED',
      replayed: false,
      next_actions: [],
    });
    expect(repeat.status).toBe(200);
    const { next_actions } = await job.get();
    expect(repeat.body).toEqual({ ...first.body, replayed: true, next_actions });
    expect(await job.executions()).toHaveLength(1);
  });

  test('takes an empty object, and its repeat may name the profile that was used', async () => {
    const job = await uploadedJob();

    const first = await run(job, {});
    const repeat = await run(job, { model_profile: 'balanced' });

    expect([first.status, repeat.status]).toEqual([202, 200]);
    expect(repeat.body.dispatch_id).toBe(first.body.dispatch_id);
  });

  test('uses the profile that it is asked for', async () => {
    const job = await uploadedJob();

    const reply = await run(job, { model_profile: 'accurate' });

    expect(reply.status).toBe(202);
    expect((await job.requests())[0]?.body).toMatchObject({ model_profile: 'accurate' });
    expect(await job.dispatch(reply.body.dispatch_id)).toMatchObject({
      model_profile: 'accurate',
      policy_version: '2026-11-26',
    });
  });

  test('is replayed after the failure with the run’s dispatch', async () => {
    const { job, dispatchId } = await failedAfter('TRANSCRIBING');

    const reply = await withoutSideEffect(job, () => run(job));

    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({ dispatch_id: dispatchId, dispatch_state: 'FAILED', status: 'FAILED' });
  });

  test('is never replayed with the dispatch of a retry', async () => {
    const { job, first, pipeline } = await retriedAfter('TRANSCRIBING');

    const whileOpen = await withoutSideEffect(job, () => run(job));
    await pipeline.reportAll('TRANSCRIBING', 'TRANSCRIPT_READY', 'GENERATING', 'DRAFT_READY');
    const afterwards = await withoutSideEffect(job, () => run(job));

    for (const reply of [whileOpen, afterwards]) {
      expect(reply.status).toBe(200);
      expect(reply.body).toMatchObject({ dispatch_id: first.dispatchId, replayed: true });
    }
  });

  test('that the orchestrator refuses answers 502, changes nothing and works again with a new dispatch', async () => {
    const job = await uploadedJob({ answers: [{ kind: 'refuse', status: 400 }] });
    const before = await traceOf(job);

    const failed = await run(job);
    await queueHasPassed();
    const after = await traceOf(job);
    const reply = await run(job);

    expect(failed.status).toBe(502);
    expect(failed.body).toMatchObject({
      error_code: 'ORCHESTRATOR_DISPATCH_FAILED',
      details: { delivery_attempts: 1, last_error: 'The orchestrator answered 400.' },
    });
    expect({ ...after, sent: null, stored: null }).toEqual({ ...before, sent: null, stored: null });
    expect({ ...after.stored, dispatch: [] }).toEqual(before.stored);
    expect(after.stored.dispatch).toMatchObject([{ state: 'UNDELIVERABLE' }]);
    expect(reply.status).toBe(202);
    expect(reply.body.dispatch_id).not.toBe(failed.body.details.dispatch_id);
    expect(await job.executions()).toHaveLength(1);
  });

  test.each([
    ['hangs', { kind: 'hang' }],
    ['is broken', { kind: 'error', status: 503 }],
  ] as const)('answers 502 within the wait when the orchestrator %s', async (_what, answer) => {
    const job = await uploadedJob({ answers: [answer], repeat_last: true });

    const reply = await job.run(SHORT_WAIT);

    expect(reply.status).toBe(502);
    expect(await job.status()).toBe('UPLOADED');
  });

  test('of a job without a video is refused', async () => {
    const job = await createdJob();

    const reply = await withoutSideEffect(job, () => run(job));

    expect(reply.status).toBe(409);
    expect(reply.body.error_code).toBe('FSM_TRANSITION_INVALID');
    expect(reply.body.details).toEqual({
      current_status: 'CREATED',
      attempted_status: 'AUDIO_EXTRACTING',
      allowed_next_statuses: ['UPLOADING', 'UPLOADED', 'FAILED', 'CANCELLED'],
    });
  });

  test.each([
    ['before it ran', async () => uploadedJob()],
    ['after it ran', async () => (await jobAt('TRANSCRIBING')).job],
  ])('of a job that was cancelled %s is refused', async (_when, make) => {
    const job = await make();
    await job.cancel();
    await queueHasPassed();

    const reply = await withoutSideEffect(job, () => run(job));

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'FSM_TERMINAL_IMMUTABLE',
      details: { current_status: 'CANCELLED', allowed_next_statuses: [] },
    });
  });

  test('under another profile is refused while the first pipeline is at work', async () => {
    const { job, dispatchId } = await jobAt('TRANSCRIBING');

    const reply = await withoutSideEffect(job, () => run(job, { model_profile: 'accurate' }));

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'JOB_ALREADY_RUNNING',
      details: {
        current_status: 'TRANSCRIBING',
        attempted_status: 'AUDIO_EXTRACTING',
        dispatch_id: dispatchId,
      },
    });
  });

  test.each([
    ['nobody knows', 'imaginary', 'unknown', ['balanced', 'polished', 'accurate', 'draft-only']],
    ['is switched off', 'legacy', 'disabled', ['balanced', 'polished', 'accurate', 'draft-only']],
    [
      'may not start from the upload',
      'draft-only',
      'resume_point_not_allowed',
      ['balanced', 'polished', 'accurate'],
    ],
  ])('under a profile that %s is refused', async (_why, profile, reason, allowed) => {
    const job = await uploadedJob();

    const reply = await withoutSideEffect(job, () => run(job, { model_profile: profile }));

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'MODEL_PROFILE_NOT_ALLOWED',
      details: { reason, model_profile: profile, allowed_model_profiles: allowed },
    });
  });
});

describe('cancel', () => {
  test.each(['AUDIO_EXTRACTING', 'AUDIO_READY', 'TRANSCRIBING', 'DRAFT_READY', 'EDITING'] as const)(
    'ends a job in %s for good',
    async (status) => {
      const { job } = await jobAt(status);

      const reply = await job.cancel();
      await queueHasPassed();
      const repeat = await withoutSideEffect(job, () => job.cancel());

      expect(reply.status).toBe(200);
      expect(reply.body).toMatchObject({ id: job.id, status: 'CANCELLED', open_dispatch: null });
      // Its answer may have been lost.
      expect([repeat.status, repeat.body]).toEqual([200, reply.body]);
    },
  );

  test('of a job that was never dispatched sends nothing', async () => {
    const job = await uploadedJob();

    const reply = await job.cancel();
    await queueHasPassed();

    expect(reply.status).toBe(200);
    expect(await job.requests()).toEqual([]);
  });

  test('is sent to the orchestrator with the execution it is about', async () => {
    const { job, dispatchId } = await jobAt('TRANSCRIBING');
    const [execution] = await job.executions();

    await job.cancel();

    const { cancels, requests } = await orchestrator.waitFor(job.id, 'cancels');
    expect(cancels).toMatchObject([{ dispatch_id: dispatchId, execution_id: execution?.execution_id }]);
    expect(requests.at(-1)?.body).toMatchObject({
      type: 'job.cancel',
      dispatch_id: dispatchId,
      job_id: job.id,
      execution_id: execution?.execution_id,
    });
  });

  test('stops the pipeline: its reports are refused', async () => {
    const { job, pipeline } = await jobAt('TRANSCRIBING');
    await job.cancel();
    await orchestrator.waitFor(job.id, 'cancels');

    const reply = await withoutSideEffect(job, () => pipeline.send(pipeline.body('TRANSCRIPT_READY')));

    expect(reply.status).toBe(409);
    expect(reply.body.error_code).toBe('DISPATCH_NOT_CURRENT');
  });

  test('ends an open retry and its failed job', async () => {
    const { job, dispatchId } = await retriedAfter('TRANSCRIBING');

    const reply = await job.cancel();

    expect(reply.status).toBe(200);
    expect(reply.body.status).toBe('CANCELLED');
    expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'CANCELLED' });
  });

  test('ends the wait of a retry whose delivery is under way', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    await job.answers({ kind: 'hold' });
    const retry = job.retry('first');
    await orchestrator.waitFor(job.id, 'held');

    const cancel = await job.cancel();
    const reply = await retry;
    await orchestrator.release(job.id);

    expect(cancel.status).toBe(200);
    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'RETRY_NOT_ALLOWED_STATE',
      details: { current_status: 'CANCELLED', reason: 'not_failed' },
    });
    expect((await orchestrator.waitFor(job.id, 'cancels')).cancels).toHaveLength(1);
  });

  test.each(['DONE', 'FAILED'] as const)('of a job in %s is refused', async (status) => {
    const { job } = status === 'DONE' ? await jobAt('DONE') : await failedAfter('TRANSCRIBING');

    const reply = await withoutSideEffect(job, () => job.cancel());

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'FSM_TERMINAL_IMMUTABLE',
      details: { current_status: status, attempted_status: 'CANCELLED' },
    });
  });
});

describe('the model policy', () => {
  test('allows by resume point: what may not start there may start later', async () => {
    const early = await failedAfter('TRANSCRIBING');
    const late = await failedAfter('GENERATING');

    expect((await early.job.retry('first', {}, 'draft-only')).status).toBe(409);
    expect((await late.job.retry('first', {}, 'draft-only')).status).toBe(202);
  });

  test('names the profiles that are allowed at the resume point', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    const own = await job.retry('first', {}, 'accurate');
    const pipeline = await job.pipeline(own.body.dispatch_id);
    await pipeline.reportAll('TRANSCRIBING', 'TRANSCRIPT_READY', 'GENERATING', 'DRAFT_READY', 'FAILED');

    const reply = await withoutSideEffect(job, () => job.retry('second', {}, 'accurate'));

    expect(reply.body).toMatchObject({
      error_code: 'MODEL_PROFILE_NOT_ALLOWED',
      details: {
        reason: 'resume_point_not_allowed',
        model_profile: 'accurate',
        allowed_model_profiles: ['balanced', 'polished', 'draft-only'],
      },
    });
  });

  test('is recorded with the dispatch: profile, version and when', async () => {
    const { job } = await failedAfter('TRANSCRIBING');

    const reply = await job.retry('first', {}, 'accurate');

    expect(await job.dispatch(reply.body.dispatch_id)).toMatchObject({
      model_profile: 'accurate',
      policy_version: '2026-11-26',
      created_at: expect.stringMatching(TIMESTAMP),
    });
  });
});
