// The acceptance criteria of the retry, each through HTTP; every refusal is shown to have stored and sent nothing.

import { describe, expect, test } from 'vitest';
import { DEVELOPMENT_ISSUER } from '../../src/config.ts';
import type { ReportableStatus } from '../../src/domain/lifecycle.ts';
import type { Answer } from '../support/orchestrator/plan.ts';
import {
  type ActingJob,
  ASYNC,
  createdJob,
  failedAfter,
  jobAt,
  retriedAfter,
  SHORT_WAIT,
  until,
  uploadedJob,
  VIDEO_URI,
} from '../support/workerd/acting.ts';
import {
  call,
  orchestrator,
  queueHasPassed,
  type Reply,
  storedRows,
  traceOf,
  withoutSideEffect,
} from '../support/workerd/harness.ts';
import { kept, redone } from './planning.ts';

const refusedRetry = (job: ActingJob, clientRequestId = 'first', profile = 'balanced'): Promise<Reply> =>
  withoutSideEffect(job, () => job.retry(clientRequestId, {}, profile));

/** The job's retries that the orchestrator executed. */
const executedRetries = async (job: ActingJob) =>
  (await job.executions()).filter(({ type }) => type === 'job.retry');

describe('Criterion 1: retry is allowed only from FAILED', () => {
  test('a failed job is retried', async () => {
    const { job } = await failedAfter('TRANSCRIBING');

    const reply = await job.retry('first');

    expect(reply.status).toBe(202);
    expect(reply.body).toEqual({
      job_id: job.id,
      status: 'FAILED',
      resume_from_status: 'AUDIO_READY',
      checkpoint_ref: expect.stringContaining('/audio'),
      model_profile: 'balanced',
      plan: {
        resume_from: null,
        discard_edits: [],
        edits_discarded: [],
        stages: [
          kept('audio', 1, expect.stringContaining('/audio'), 'resume_point'),
          redone('transcript', 'whisper-large-v3', 'never_made'),
          redone('draft', 'gpt-5-mini', 'never_made'),
        ],
        proof: { state: 'unverified', reason: 'not_in_store' },
      },
      dispatch_id: expect.stringMatching(/^dsp_[0-9a-f]{32}$/),
      dispatch_state: 'DELIVERED',
      replayed: false,
    });
    expect(await executedRetries(job)).toHaveLength(1);
  });

  const elsewhere: Record<string, () => Promise<ActingJob>> = {
    CREATED: () => createdJob(),
    UPLOADED: () => uploadedJob(),
    DRAFT_READY: async () => (await jobAt('DRAFT_READY')).job,
    EDITING: async () => (await jobAt('EDITING')).job,
    DONE: async () => (await jobAt('DONE')).job,
    CANCELLED: async () => {
      const { job } = await jobAt('AUDIO_READY');
      await job.cancel();
      await orchestrator.waitFor(job.id, 'cancels');
      return job;
    },
  };
  const resumePoints: Record<string, string | null> = {
    CREATED: 'UPLOADED',
    UPLOADED: 'UPLOADED',
    CANCELLED: 'AUDIO_READY',
    DRAFT_READY: 'DRAFT_READY',
    EDITING: 'DRAFT_READY',
    DONE: 'DRAFT_READY',
  };

  test.each(Object.entries(elsewhere))(
    'a job in %s is not, and the refusal changes nothing',
    async (status, make) => {
      const job = await make();

      const reply = await refusedRetry(job);

      expect(reply.status).toBe(409);
      expect(reply.headers.get('content-type')).toBe('application/problem+json');
      expect(reply.body).toMatchObject({
        status: 409,
        error_code: 'RETRY_NOT_ALLOWED_STATE',
        details: { current_status: status, attempted_status: resumePoints[status], reason: 'not_failed' },
      });
    },
  );
});

describe('Criterion 2: a job that is running, dispatched or in progress answers JOB_ALREADY_RUNNING', () => {
  const inProgress = ['AUDIO_EXTRACTING', 'TRANSCRIBING', 'GENERATING', 'REGENERATING', 'EXPORTING'] as const;

  test.each(inProgress)('a job in %s has a pipeline at work', async (status) => {
    const { job } = await jobAt(status);

    const reply = await refusedRetry(job);

    expect(reply.status).toBe(409);
    expect(reply.body.error_code).toBe('JOB_ALREADY_RUNNING');
    expect(reply.body.details.current_status).toBe(status);
  });

  test('a run between two stages is running', async () => {
    const { job, dispatchId } = await jobAt('AUDIO_READY');

    const reply = await refusedRetry(job);

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'JOB_ALREADY_RUNNING',
      details: { current_status: 'AUDIO_READY', attempted_status: 'AUDIO_READY', dispatch_id: dispatchId },
    });
  });

  test('a retry that was delivered and not heard of yet is running', async () => {
    const { job, dispatchId } = await retriedAfter('TRANSCRIBING');

    const reply = await refusedRetry(job, 'another');

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'JOB_ALREADY_RUNNING',
      details: { current_status: 'FAILED', attempted_status: 'AUDIO_READY', dispatch_id: dispatchId },
    });
  });

  test('a retry that has reported progress is running', async () => {
    const { job, dispatchId, pipeline } = await retriedAfter('TRANSCRIBING');
    await pipeline.report('TRANSCRIBING');

    const reply = await refusedRetry(job, 'another');

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'JOB_ALREADY_RUNNING',
      details: { current_status: 'TRANSCRIBING', attempted_status: 'AUDIO_READY', dispatch_id: dispatchId },
    });
  });

  test('a retry that the orchestrator has not taken yet is dispatched', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    await job.answers({ kind: 'hold' });
    const accepted = await job.retry('first', ASYNC);
    await orchestrator.waitFor(job.id, 'held');
    const before = await traceOf(job);

    const reply = await job.retry('another');

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'JOB_ALREADY_RUNNING',
      details: { current_status: 'FAILED', dispatch_id: accepted.body.dispatch_id },
    });
    expect(await traceOf(job)).toEqual(before);
    await orchestrator.release(job.id);
    await queueHasPassed();
    expect(await executedRetries(job)).toMatchObject([{ dispatch_id: accepted.body.dispatch_id }]);
  });
});

describe('Criterion 3: an accepted retry persists where it resumes, under a model profile that policy allows', () => {
  const resumed: [ReportableStatus, string, string][] = [
    ['AUDIO_EXTRACTING', 'UPLOADED', VIDEO_URI],
    ['AUDIO_READY', 'AUDIO_READY', '/audio'],
    ['TRANSCRIBING', 'AUDIO_READY', '/audio'],
    ['TRANSCRIPT_READY', 'TRANSCRIPT_READY', '/transcript'],
    ['GENERATING', 'TRANSCRIPT_READY', '/transcript'],
    ['DRAFT_READY', 'DRAFT_READY', '/draft'],
    ['EXPORTING', 'DRAFT_READY', '/draft'],
  ];

  test.each(resumed)('a job that failed after %s resumes from %s', async (after, resumeFrom, ref) => {
    const { job, dispatchId: run } = await failedAfter(after);
    const checkpointRef = ref.startsWith('/') ? `s3://artifacts/${run}${ref}` : ref;
    const resolved = { resume_from_status: resumeFrom, checkpoint_ref: checkpointRef };

    const reply = await job.retry('first');

    expect(reply.status).toBe(202);
    expect(reply.body).toMatchObject(resolved);
    expect(await job.dispatch(reply.body.dispatch_id)).toMatchObject(resolved);
    expect((await storedRows(job.id)).dispatch).toContainEqual(
      expect.objectContaining({ id: reply.body.dispatch_id, resumeFromStatus: resumeFrom, checkpointRef }),
    );
  });

  test('the newest version of the furthest checkpoint is the one', async () => {
    const { job, dispatchId, pipeline } = await retriedAfter('TRANSCRIBING');
    await pipeline.reportAll('AUDIO_READY', 'TRANSCRIBING', 'FAILED');

    const reply = await job.retry('second');

    expect(reply.body).toMatchObject({
      resume_from_status: 'AUDIO_READY',
      checkpoint_ref: `s3://artifacts/${dispatchId}/audio`,
    });
  });

  test('the chosen profile and the policy that allowed it are recorded with the retry', async () => {
    const { job } = await failedAfter('GENERATING');

    const reply = await job.retry('first', {}, 'draft-only');

    expect(reply.status).toBe(202);
    expect(reply.body.model_profile).toBe('draft-only');
    expect(await job.dispatch(reply.body.dispatch_id)).toMatchObject({
      kind: 'retry',
      model_profile: 'draft-only',
      policy_version: '2026-11-26',
      client_request_id: 'first',
      created_at: expect.stringMatching(/Z$/),
    });
  });

  test.each([
    ['nobody knows', 'imaginary', 'unknown', ['balanced', 'polished', 'accurate', 'draft-only']],
    ['is switched off', 'legacy', 'disabled', ['balanced', 'polished', 'accurate', 'draft-only']],
    ['may not resume there', 'draft-only', 'resume_point_not_allowed', ['balanced', 'polished', 'accurate']],
  ])('a profile that %s is refused and changes nothing', async (_why, profile, reason, allowed) => {
    const { job } = await failedAfter('TRANSCRIBING');

    const reply = await refusedRetry(job, 'first', profile);

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'MODEL_PROFILE_NOT_ALLOWED',
      details: { reason, model_profile: profile, allowed_model_profiles: allowed },
    });
  });

  test('a request refused by policy leaves its client_request_id free', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    await job.retry('first', {}, 'legacy');

    const reply = await job.retry('first', {}, 'balanced');

    expect(reply.status).toBe(202);
  });
});

describe('Criterion 4: retry is idempotent by client_request_id for the same job and payload', () => {
  test('the identical repeat answers 200 with the dispatch made before, and nothing is executed twice', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    const first = await job.retry('first');

    const repeat = await withoutSideEffect(job, () => job.retry('first'));

    expect([first.status, repeat.status]).toEqual([202, 200]);
    expect(repeat.body).toEqual({ ...first.body, replayed: true });
    expect(await executedRetries(job)).toHaveLength(1);
  });

  test('the repeat answers the same dispatch once its pipeline is at work', async () => {
    const { job, dispatchId, pipeline } = await retriedAfter('TRANSCRIBING');
    await pipeline.report('TRANSCRIBING');

    const repeat = await withoutSideEffect(job, () => job.retry('again'));

    expect(repeat.status).toBe(200);
    expect(repeat.body).toMatchObject({
      dispatch_id: dispatchId,
      dispatch_state: 'RUNNING',
      status: 'TRANSCRIBING',
      replayed: true,
    });
  });

  test('the repeat answers the same dispatch after its pipeline failed too', async () => {
    const { job, dispatchId, pipeline } = await retriedAfter('TRANSCRIBING');
    await pipeline.reportAll('TRANSCRIBING', 'FAILED');

    const repeat = await withoutSideEffect(job, () => job.retry('again'));

    expect(repeat.status).toBe(200);
    expect(repeat.body).toMatchObject({ dispatch_id: dispatchId, dispatch_state: 'FAILED', replayed: true });
  });

  test('the repeat answers the same dispatch after a later retry', async () => {
    const { job, dispatchId, pipeline } = await retriedAfter('TRANSCRIBING');
    await pipeline.reportAll('TRANSCRIBING', 'FAILED');
    const later = await job.retry('later');

    const repeat = await withoutSideEffect(job, () => job.retry('again'));

    expect(later.status).toBe(202);
    expect(repeat.status).toBe(200);
    expect(repeat.body.dispatch_id).toBe(dispatchId);
  });

  test('the same id with another payload is refused and changes nothing', async () => {
    const { job, dispatchId } = await retriedAfter('TRANSCRIBING');

    const reply = await refusedRetry(job, 'again', 'accurate');

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH',
      details: { client_request_id: 'again', dispatch_id: dispatchId },
    });
  });

  test('the same id on another job is another request', async () => {
    const { job } = await retriedAfter('TRANSCRIBING');
    const other = await failedAfter('TRANSCRIBING');

    const reply = await other.job.retry('again');

    expect(reply.status).toBe(202);
    expect(reply.body.dispatch_id).not.toBe((await job.retry('again')).body.dispatch_id);
  });

  test('a cancelled job replays nothing', async () => {
    const { job } = await retriedAfter('TRANSCRIBING');
    await job.cancel();
    await orchestrator.waitFor(job.id, 'cancels');

    const reply = await refusedRetry(job, 'again');

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'RETRY_NOT_ALLOWED_STATE',
      details: { current_status: 'CANCELLED', reason: 'not_failed' },
    });
  });
});

describe('Criterion 5: the dispatch payload holds what the pipeline needs', () => {
  test('a retry is sent with the job, its video, where to report, where to resume and the profile', async () => {
    const { job, dispatchId: run } = await failedAfter('TRANSCRIBING');

    const reply = await job.retry('first', {}, 'accurate');

    const sent = (await job.requests()).find(({ type }) => type === 'job.retry');
    expect(sent?.body).toEqual({
      type: 'job.retry',
      dispatch_id: reply.body.dispatch_id,
      job_id: job.id,
      project_id: job.projectId,
      ...{ external_id: null, metadata: {}, tags: [], operation_id: null },
      owner: { issuer: DEVELOPMENT_ISSUER, claim: 'sub', value: expect.any(String) },
      video_uri: VIDEO_URI,
      callback_url: `http://127.0.0.1:8787/internal/jobs/${job.id}/status`,
      callback_token: expect.any(String),
      resume_from_status: 'AUDIO_READY',
      checkpoint_ref: `s3://artifacts/${run}/audio`,
      model_profile: 'accurate',
      engines: { transcript: 'scribe-v2', draft: 'gpt-5' },
      keep: [{ stage: 'audio', version: 1, ref: `s3://artifacts/${run}/audio` }],
    });
    expect(sent?.idempotency_key).toBe(reply.body.dispatch_id);
  });

  test('a run is sent with the job, its video, where to report and the profile', async () => {
    const job = await uploadedJob();

    const reply = await job.run();

    const [sent] = await job.requests();
    expect(sent?.body).toEqual({
      type: 'job.run',
      dispatch_id: reply.body.dispatch_id,
      job_id: job.id,
      project_id: job.projectId,
      ...{ external_id: null, metadata: {}, tags: [], operation_id: null },
      owner: { issuer: DEVELOPMENT_ISSUER, claim: 'sub', value: expect.any(String) },
      video_uri: VIDEO_URI,
      callback_url: `http://127.0.0.1:8787/internal/jobs/${job.id}/status`,
      callback_token: expect.any(String),
      model_profile: 'balanced',
      engines: { transcript: 'whisper-large-v3', draft: 'gpt-5-mini' },
      keep: [],
    });
  });
});

describe('Criterion 6: a dispatch that fails answers 502 ORCHESTRATOR_DISPATCH_FAILED and changes nothing', () => {
  const failures: [string, Answer][] = [
    ['refuses it', { kind: 'refuse', status: 400 }],
    ['forbids it', { kind: 'refuse', status: 403 }],
    ['redirects it', { kind: 'redirect', location: 'http://127.0.0.1:1/elsewhere' }],
    ['is broken', { kind: 'error', status: 500 }],
    ['is overrun beyond the wait', { kind: 'error', status: 429, retry_after: 60 }],
    ['hangs', { kind: 'hang' }],
    ['drops the connection', { kind: 'accept_then_drop' }],
  ];

  test.each(failures)('when the orchestrator %s', async (_what, answer) => {
    const { job } = await failedAfter('TRANSCRIBING');
    await job.answers(answer);
    const before = await traceOf(job);

    const reply = await job.retry('first', SHORT_WAIT);

    expect(reply.status).toBe(502);
    expect(reply.headers.get('content-type')).toBe('application/problem+json');
    expect(reply.body).toMatchObject({
      status: 502,
      error_code: 'ORCHESTRATOR_DISPATCH_FAILED',
      details: {
        dispatch_id: expect.stringMatching(/^dsp_/),
        delivery_attempts: 1,
        last_error: expect.any(String),
      },
    });
    await queueHasPassed();
    const { sent: _sent, stored, ...shown } = await traceOf(job);
    expect(shown).toEqual({ job: before.job, etag: before.etag, listed: before.listed });
    // The one trace is the withdrawn dispatch in the history; it holds no request any more.
    const withdrawn = stored.dispatch?.find(({ id }) => id === reply.body.details.dispatch_id);
    expect(withdrawn).toMatchObject({ state: 'UNDELIVERABLE' });
    expect({ ...stored, dispatch: stored.dispatch?.filter((row) => row !== withdrawn) }).toEqual(
      before.stored,
    );
    expect(await job.dispatch(reply.body.details.dispatch_id)).toMatchObject({
      dispatch_state: 'UNDELIVERABLE',
      client_request_id: 'first',
    });
  });

  test.each(failures)(
    'the same client_request_id works with a new dispatch after the orchestrator %s',
    async (_what, answer) => {
      const { job } = await failedAfter('TRANSCRIBING');
      await job.answers(answer);
      const failed = await job.retry('first', SHORT_WAIT);
      await job.answers({ kind: 'accept' });

      const reply = await job.retry('first');

      expect(failed.status).toBe(502);
      expect(reply.status).toBe(202);
      expect(reply.body.replayed).toBe(false);
      expect(reply.body.dispatch_id).not.toBe(failed.body.details.dispatch_id);
      const executed = (await executedRetries(job)).map(({ dispatch_id }) => dispatch_id);
      expect(executed.filter((id) => id === reply.body.dispatch_id)).toHaveLength(1);
    },
  );

  test('nothing was executed by an orchestrator that refused', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    await job.answers({ kind: 'refuse', status: 400 });

    await job.retry('first');
    await queueHasPassed();

    expect(await executedRetries(job)).toEqual([]);
    expect((await job.requests()).filter(({ type }) => type === 'job.retry')).toHaveLength(1);
  });

  test('a pipeline that started although its dispatch failed cannot move the job', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    await job.answers({ kind: 'accept_then_drop' });
    const failed = await job.retry('first', SHORT_WAIT);
    const ghost = await job.pipeline(failed.body.details.dispatch_id);
    // The orchestrator may have it, and is told to stop.
    await until(async () => {
      expect((await job.storedDispatches()).at(-1)?.cancelNotice).toEqual({ state: 'DELIVERED' });
    });

    const reply = await withoutSideEffect(job, () => ghost.send(ghost.body('TRANSCRIBING')));

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'DISPATCH_NOT_CURRENT',
      details: { dispatch_id: ghost.dispatchId, dispatch_state: 'UNDELIVERABLE' },
    });
  });

  test('a retry that failed earlier is not replayed by the run', async () => {
    const { job, dispatchId } = await failedAfter('TRANSCRIBING');
    await job.answers({ kind: 'refuse', status: 400 });
    await job.retry('first');

    const reply = await call('POST', `/jobs/${job.id}/run`, { token: job.token });

    expect(reply.status).toBe(200);
    expect(reply.body.dispatch_id).toBe(dispatchId);
  });
});
