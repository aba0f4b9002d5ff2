// A retry from every status there is, with and without an open dispatch: the exact answer, and no side effect.
import { describe, expect, test } from 'vitest';
import { STATUSES, type Status } from '../../src/domain/lifecycle.ts';
import { type ActingJob, createdJob, failedAfter, once, retriedAfter } from '../support/workerd/acting.ts';
import { type Reply, withoutSideEffect } from '../support/workerd/harness.ts';

/** What a retry answers while no dispatch is open. */
const WITHOUT_DISPATCH: Readonly<Record<Status, 'accepted' | 'not failed' | 'running'>> = {
  CREATED: 'not failed',
  UPLOADING: 'not failed',
  UPLOADED: 'not failed',
  AUDIO_EXTRACTING: 'running',
  AUDIO_READY: 'not failed',
  TRANSCRIBING: 'running',
  TRANSCRIPT_READY: 'not failed',
  GENERATING: 'running',
  DRAFT_READY: 'not failed',
  EDITING: 'not failed',
  REGENERATING: 'running',
  EXPORTING: 'running',
  DONE: 'not failed',
  FAILED: 'accepted',
  CANCELLED: 'not failed',
};
const statusesThat = (answer: 'not failed' | 'running') =>
  STATUSES.filter((status) => WITHOUT_DISPATCH[status] === answer);

/** Puts the job into a status, whatever its history says. */
const seed = (job: ActingJob, status: Status) => job.patch({ status });

const refusedRetry = (job: ActingJob) => withoutSideEffect(job, () => job.retry('another'));

function expectAlreadyRunning(reply: Reply, status: Status, dispatchId: string | null): void {
  expect(reply.status).toBe(409);
  expect(reply.body.error_code).toBe('JOB_ALREADY_RUNNING');
  expect(reply.body.details).toEqual({
    current_status: status,
    attempted_status: 'AUDIO_READY',
    dispatch_id: dispatchId,
  });
}

describe('without an open dispatch', () => {
  const failed = once(() => failedAfter('TRANSCRIBING'));

  test.each(statusesThat('not failed'))('%s is not a status to retry from', async (status) => {
    const { job } = await failed();
    await seed(job, status);

    const reply = await refusedRetry(job);

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      status: 409,
      error_code: 'RETRY_NOT_ALLOWED_STATE',
    });
    expect(reply.body.details).toEqual({
      current_status: status,
      attempted_status: 'AUDIO_READY',
      reason: 'not_failed',
    });
  });

  test.each(statusesThat('running'))('%s means that a pipeline is at work', async (status) => {
    const { job } = await failed();
    await seed(job, status);

    expectAlreadyRunning(await refusedRetry(job), status, null);
  });

  test('FAILED is the status to retry from', async () => {
    const { job } = await failedAfter('TRANSCRIBING');

    const reply = await job.retry('another');

    expect(reply.status).toBe(202);
    expect(reply.body).toMatchObject({
      status: 'FAILED',
      resume_from_status: 'AUDIO_READY',
      replayed: false,
    });
  });
});

describe('with an open dispatch', () => {
  const retried = once(() => retriedAfter('TRANSCRIBING'));

  test.each(STATUSES)('%s means that a pipeline is at work, and which', async (status) => {
    const { job, dispatchId } = await retried();
    await seed(job, status);

    expectAlreadyRunning(await refusedRetry(job), status, dispatchId);
  });
});

describe('with nothing to resume from', () => {
  const created = once(() => createdJob());

  test('a failed job without a video is not retried, and is told why', async () => {
    const job = await created();
    await seed(job, 'FAILED');

    const reply = await refusedRetry(job);

    expect(reply.status).toBe(409);
    expect(reply.body.error_code).toBe('RETRY_NOT_ALLOWED_STATE');
    expect(reply.body.details).toEqual({
      current_status: 'FAILED',
      attempted_status: 'UPLOADED',
      reason: 'nothing_to_resume_from',
    });
  });

  test.each(statusesThat('not failed'))(
    '%s names the upload, from which it would have started',
    async (status) => {
      const job = await created();
      await seed(job, status);

      const reply = await refusedRetry(job);

      expect(reply.body.error_code).toBe('RETRY_NOT_ALLOWED_STATE');
      expect(reply.body.details).toEqual({
        current_status: status,
        attempted_status: 'UPLOADED',
        reason: 'not_failed',
      });
    },
  );
});
