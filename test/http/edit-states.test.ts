// When an artifact can be corrected: while nothing is at work on the job, and there is something to correct.
import { describe, expect, test } from 'vitest';
import {
  EDITABLE_STATUSES,
  IN_PROGRESS_STATUSES,
  STATUSES,
  type Status,
} from '../../src/domain/lifecycle.ts';
import {
  ActingJob,
  ASYNC,
  createdJob,
  failedAfter,
  jobAt,
  losingMessages,
  once,
  retriedAfter,
  uploadedJob,
} from '../support/workerd/acting.ts';
import { editorToken, missingId, type Reply, withoutSideEffect } from '../support/workerd/harness.ts';
import { acceptedExport, acceptedRedo, corrected, drafted, edit, versionsOf } from './editing.ts';
import { stopped } from './job-states.ts';
import { acceptedRetry } from './planning.ts';

const refusedEdit = (job: ActingJob, stage: string, said: Record<string, unknown> = { edits: 1 }) =>
  withoutSideEffect(job, () => edit(job, stage, said));

function expectAtWork(reply: Reply, status: Status, dispatchId: string | null): void {
  expect(reply.status).toBe(409);
  expect(reply.body).toMatchObject({ error_code: 'JOB_ALREADY_RUNNING', retryable: false });
  expect(reply.body.details).toEqual({
    current_status: status,
    attempted_status: status,
    dispatch_id: dispatchId,
  });
}

describe('by the status of a job on which nothing is at work', () => {
  const including = (list: readonly Status[]) => STATUSES.filter((status) => list.includes(status));
  const failed = once(() => failedAfter('DRAFT_READY'));
  const at = async (status: Status, make = failed): Promise<ActingJob> => {
    const { job } = await make();
    await job.patch({ status });
    return job;
  };

  test.each(including(EDITABLE_STATUSES))('%s: both can be corrected', async (status) => {
    const job = await at(status, () => failedAfter('DRAFT_READY'));

    for (const stage of ['transcript', 'draft'] as const) await corrected(job, stage, 1);
    expect(await job.status()).toBe(status);
  });

  test.each(including(IN_PROGRESS_STATUSES))('%s: a pipeline is at work', async (status) => {
    expectAtWork(await refusedEdit(await at(status), 'draft'), status, null);
  });

  const others = STATUSES.filter(
    (status) => !including([...EDITABLE_STATUSES, ...IN_PROGRESS_STATUSES]).includes(status),
  );
  test.each(others)('%s: nothing can be corrected', async (status) => {
    const reply = await refusedEdit(await at(status), 'draft');

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'ARTIFACT_NOT_EDITABLE',
      details: { current_status: status, stage: 'draft', reason: 'status' },
    });
  });
});

describe('while a dispatch is open', () => {
  test('that nobody has delivered yet, it is refused', async () => {
    const { job } = await failedAfter('GENERATING');
    losingMessages();
    const { body } = await job.retry('pending', ASYNC);
    expect(body.dispatch_state).toBe('PENDING');

    const before = await job.get('/artifacts');
    const reply = await edit(job, 'transcript', { edits: 1 });

    expectAtWork(reply, 'FAILED', body.dispatch_id);
    expect(await job.get('/artifacts')).toEqual(before);
  });

  test('that was delivered, it is refused', async () => {
    const { job, dispatchId } = await retriedAfter('GENERATING');

    expectAtWork(await refusedEdit(job, 'transcript'), 'FAILED', dispatchId);
  });

  test('whose pipeline is at work, it is refused', async () => {
    const { job, dispatchId, pipeline } = await retriedAfter('GENERATING');
    await pipeline.report('GENERATING');

    expectAtWork(await refusedEdit(job, 'transcript'), 'GENERATING', dispatchId);
  });

  test('that is to make the draft again or to export it, it is refused, though the job rests', async () => {
    const redo = await acceptedRedo((await drafted()).job, { model_profile: 'polished' });
    expectAtWork(await refusedEdit(redo.job, 'draft'), 'DRAFT_READY', redo.dispatchId);

    const exporting = await acceptedExport((await drafted('EDITING')).job);
    expectAtWork(await refusedEdit(exporting.job, 'draft'), 'EDITING', exporting.dispatchId);
  });
});

describe('as soon as no dispatch is open any more', () => {
  test('because the orchestrator refused it, and it was withdrawn', async () => {
    const { job } = await failedAfter('GENERATING');
    await job.answers({ kind: 'refuse', status: 400 });
    expect((await job.retry('refused')).status).toBe(502);

    const ref = await corrected(job, 'transcript', 1);

    await job.answers({ kind: 'accept' });
    const { reply } = await acceptedRetry(job, { model_profile: 'balanced' });
    expect(reply.body.checkpoint_ref).toBe(ref);
  });

  test('because it was abandoned', async () => {
    const { job } = await retriedAfter('GENERATING');
    await job.post('abandon');

    await corrected(job, 'transcript', 1);
  });

  test('because its pipeline has failed, what that has made can be corrected', async () => {
    const { job, pipeline } = await retriedAfter('GENERATING');
    await pipeline.reportAll('GENERATING', 'DRAFT_READY', 'FAILED');

    await corrected(job, 'draft', 1);
  });
});

describe('it is refused for good', () => {
  test('of a job that was cancelled, whatever it had', async () => {
    const job = await stopped('DRAFT_READY', (cancelled) => cancelled.cancel());

    const reply = await refusedEdit(job, 'draft');

    expect(reply.body).toMatchObject({
      error_code: 'ARTIFACT_NOT_EDITABLE',
      details: { current_status: 'CANCELLED', reason: 'status' },
    });
  });

  test('of a job that is done', async () => {
    const { job } = await jobAt('DONE');

    const reply = await refusedEdit(job, 'draft');

    expect(reply.body).toMatchObject({
      error_code: 'ARTIFACT_NOT_EDITABLE',
      details: { current_status: 'DONE', reason: 'status' },
    });
  });
});

describe('what was never made cannot be corrected', () => {
  test.each([
    ['draft', 'GENERATING'],
    ['transcript', 'TRANSCRIBING'],
  ] as const)('a %s of a job that failed in %s', async (stage, status) => {
    const { job } = await failedAfter(status);

    const reply = await refusedEdit(job, stage);

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'ARTIFACT_NOT_EDITABLE',
      details: { current_status: 'FAILED', stage, reason: 'never_made' },
    });
  });

  test('of a job on which nobody has worked it is the status that is said', async () => {
    for (const job of [await createdJob(), await uploadedJob()]) {
      expect((await refusedEdit(job, 'draft')).body.details.reason).toBe('status');
    }
  });

  test('half a transcript can, and is whole then', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');
    await pipeline.report('TRANSCRIBING', { artifact_updates: { transcript_uri: 's3://half/transcript' } });
    await pipeline.report('FAILED');
    const ref = await corrected(job, 'transcript', 1);

    const { reply } = await acceptedRetry(job, { model_profile: 'balanced' });

    expect(reply.body).toMatchObject({ resume_from_status: 'TRANSCRIPT_READY', checkpoint_ref: ref });
    expect((await versionsOf(job)).at(-1)).toEqual(['transcript 2', 1, 'edits 1', 'current']);
  });
});

describe('there is no such resource', () => {
  /** Byte for byte, but for the request's own id. */
  const seen = ({ status, headers, text }: Reply) => ({
    status,
    text,
    headers: [...headers].filter(([name]) => name !== 'x-request-id'),
  });
  const nowhere = async (job: ActingJob): Promise<Reply> =>
    edit(new ActingJob(await missingId('job'), job.projectId, job.token), 'draft', { edits: 1 });

  test.each(['audio', 'video', 'exports', 'Draft', 'draft%20', '__proto__', 'transcripts', '%F0%9F%8E%AC'])(
    'as an artifact %s, and it is answered as a job that is missing',
    async (stage) => {
      const { job } = await drafted();

      const reply = await refusedEdit(job, stage);

      expect(reply.status).toBe(404);
      expect(seen(reply)).toEqual(seen(await nowhere(job)));
    },
  );

  test('where the job is somebody else’s, whatever could be done about it', async () => {
    const { job } = await drafted();
    const token = await editorToken(`stranger-${crypto.randomUUID()}`);
    const theirs = new ActingJob(job.id, job.projectId, token);

    for (const [stage, edits] of [
      ['draft', 1],
      ['draft', 9],
      ['transcript', 1],
      ['audio', 1],
    ] as const) {
      const reply = await withoutSideEffect(job, () => edit(theirs, stage, { edits }));
      expect(seen(reply)).toEqual(seen(await nowhere(theirs)));
    }
  });
});
