// POST /jobs/{jobId}/export: the draft in other forms, and with it the way from CREATED to DONE by editors' acts. What it may be
// asked with is in export-input.test.ts.
import { env } from 'cloudflare:test';
import { describe, expect, test } from 'vitest';
import {
  IN_PROGRESS_STATUSES,
  STATUSES,
  type Status,
  TERMINAL_STATUSES,
} from '../../src/domain/lifecycle.ts';
import {
  ASYNC,
  config,
  createdJob,
  failedAfter,
  jobAt,
  once,
  uploadedJob,
} from '../support/workerd/acting.ts';
import { queueHasPassed, withoutSideEffect } from '../support/workerd/harness.ts';
import {
  acceptedExport,
  acceptedRedo,
  corrected,
  drafted,
  edit,
  executionOf,
  expectFenced,
  exportAs,
  version,
} from './editing.ts';
import { acceptedRetry, planOf, putArtifact, sentOf } from './planning.ts';

const BALANCED = { model_profile: 'balanced' };
const FORMATS = ['docx', 'srt'];
const PARAMS = { template: 'minutes', lines: { max: 42 }, speakers: ['A', 'Б'] };
const srt = { artifact_updates: { exports: { srt: 's3://exports/talk.srt' } } };

describe('an export', () => {
  test.each(['DRAFT_READY', 'EDITING'] as const)(
    'of a job in %s leads over EXPORTING to DONE',
    async (status) => {
      const { job } = await drafted(status);

      const { pipeline, dispatchId } = await acceptedExport(job, { formats: ['srt'] });
      expect(await job.status()).toBe(status);
      await pipeline.report('EXPORTING');
      expect(await job.status()).toBe('EXPORTING');
      await pipeline.report('DONE', srt);

      expect(await job.get()).toMatchObject({
        status: 'DONE',
        manifest: srt.artifact_updates,
        open_dispatch: null,
        next_actions: [expect.objectContaining({ action: 'erase', allowed: true })],
      });
      expect((await job.trail()).slice(-2)).toEqual([`${status} → EXPORTING`, 'EXPORTING → DONE']);
      expect((await job.dispatch(dispatchId)).dispatch_state).toBe('SETTLED');
    },
  );

  test('is sent the draft and what it is to be exported to, and begins with it', async () => {
    const { job, audio, transcript, draft } = await drafted();
    const keep = [
      version('audio', 1, audio),
      version('transcript', 1, transcript),
      version('draft', 1, draft),
    ];

    const { dispatchId, reply } = await acceptedExport(job, { formats: FORMATS, params: PARAMS });

    const resumed = { resume_from_status: 'DRAFT_READY', checkpoint_ref: draft };
    expect(reply.body).toMatchObject({ status: 'DRAFT_READY', model_profile: 'balanced', ...resumed });
    expect(await job.dispatch(dispatchId)).toMatchObject({
      kind: 'export',
      export: { formats: FORMATS, params: PARAMS },
      ...resumed,
    });
    const sent = await sentOf(job, dispatchId);
    expect(sent).toMatchObject({
      type: 'job.export',
      job_id: job.id,
      project_id: job.projectId,
      model_profile: 'balanced',
      ...resumed,
    });
    expect(sent.formats).toEqual(FORMATS);
    expect(sent.params).toEqual(PARAMS);
    expect(sent.keep).toEqual(keep);
    const begun = await executionOf(job, dispatchId);
    expect(begun).toMatchObject({ type: 'job.export', source: draft, keep });
    expect(begun.export).toEqual({ formats: FORMATS, params: PARAMS });
  });

  test('without params is sent null for them, and with none is sent none', async () => {
    for (const [params, expected] of [
      [undefined, null],
      [null, null],
      [{}, {}],
    ]) {
      const { job } = await drafted();
      const { dispatchId } = await acceptedExport(job, { params });

      expect((await sentOf(job, dispatchId)).params).toEqual(expected);
      expect((await job.dispatch(dispatchId)).export.params).toEqual(expected);
    }
  });

  test('is of what somebody has corrected', async () => {
    const { job, audio, transcript } = await drafted();
    const draft = await corrected(job, 'draft', 1);

    const { dispatchId } = await acceptedExport(job);

    expect((await executionOf(job, dispatchId)).keep).toEqual([
      version('audio', 1, audio),
      version('transcript', 1, transcript),
      version('draft', 2, draft),
    ]);
  });

  test('of a draft whose text was corrected since is refused, until that is said to be right', async () => {
    const { job, draft } = await drafted();
    await corrected(job, 'transcript', 1);
    expect((await job.get()).manifest.draft_uri).toBe(draft);

    const refused = await withoutSideEffect(job, () => exportAs(job));
    expect([refused.status, refused.body.error_code]).toEqual([409, 'EDITS_IN_THE_WAY']);
    expect(refused.body.details.edits).toEqual([{ stage: 'transcript', version: 2, reason: 'asked' }]);

    const { dispatchId } = await acceptedExport(job, { discard_edits: ['transcript'] });
    expect((await executionOf(job, dispatchId)).source).toBe(draft);
  });

  test('is of the newer draft after a redo', async () => {
    const { job } = await drafted();
    const redo = await acceptedRedo(job, { model_profile: 'polished' });
    await redo.pipeline.reportAll('REGENERATING', 'DRAFT_READY');

    const { dispatchId, reply } = await acceptedExport(job);

    expect(reply.body).toMatchObject({
      model_profile: 'polished',
      checkpoint_ref: `s3://artifacts/${redo.dispatchId}/draft`,
    });
    expect((await executionOf(job, dispatchId)).source).toBe(reply.body.checkpoint_ref);
  });

  test('asks for no profile, so that none has to allow it', async () => {
    const job = await uploadedJob();
    const run = await job.post('run', { model_profile: 'accurate' });
    const pipeline = await job.pipeline(run.body.dispatch_id);
    await pipeline.reportAll('AUDIO_READY', 'TRANSCRIBING', 'TRANSCRIPT_READY', 'GENERATING', 'DRAFT_READY');

    expect((await acceptedExport(job)).reply.body.model_profile).toBe('accurate');
  });

  test('may end in EDITING with what it has made, and another adds to that', async () => {
    const { job } = await drafted();
    const first = await acceptedExport(job, { formats: ['srt'] });
    await first.pipeline.report('EXPORTING');
    await first.pipeline.report('EDITING', srt);
    expect(await job.get()).toMatchObject({ status: 'EDITING', manifest: srt.artifact_updates });

    const second = await acceptedExport(job, { formats: ['docx'] });
    await second.pipeline.report('EXPORTING');
    await second.pipeline.report('DONE', {
      artifact_updates: { exports: { docx: 's3://exports/talk.docx' } },
    });

    expect(await job.get()).toMatchObject({
      status: 'DONE',
      manifest: { exports: { srt: 's3://exports/talk.srt', docx: 's3://exports/talk.docx' } },
    });
    await expectFenced(first);
  });

  test('with respond-async is answered before the outcome of the delivery is known', async () => {
    const { job } = await drafted();
    await job.answers({ kind: 'error', status: 503 });

    const reply = await exportAs(job, {}, ASYNC);

    expect(reply.status).toBe(202);
    expect(reply.body.dispatch_state).toBe('PENDING');
  });
});

describe('an export that fails', () => {
  test('fails the job, and its retry goes on from the draft with the same formats and params', async () => {
    const { job, audio, transcript, draft } = await drafted();
    const { pipeline } = await acceptedExport(job, { formats: FORMATS, params: PARAMS });
    await pipeline.reportAll('EXPORTING', 'FAILED');
    const keep = [
      version('audio', 1, audio),
      version('transcript', 1, transcript),
      version('draft', 1, draft),
    ];

    for (const ends of ['FAILED', 'DONE'] as const) {
      expect(await job.status()).toBe('FAILED');
      const retry = await acceptedRetry(job, BALANCED);

      expect(retry.reply.body).toMatchObject({ resume_from_status: 'DRAFT_READY', checkpoint_ref: draft });
      const sent = await sentOf(job, retry.dispatchId);
      expect(sent).toMatchObject({ type: 'job.retry', formats: FORMATS, params: PARAMS, keep });
      expect(await job.dispatch(retry.dispatchId)).toMatchObject({
        kind: 'retry',
        export: { formats: FORMATS, params: PARAMS },
      });
      expect((await executionOf(job, retry.dispatchId)).export).toEqual({ formats: FORMATS, params: PARAMS });
      await retry.pipeline.report('EXPORTING');
      await retry.pipeline.report(ends, ends === 'DONE' ? srt : {});
    }

    expect(await job.get()).toMatchObject({ status: 'DONE', manifest: srt.artifact_updates });
  });

  test('is gone on with by a retry that makes the draft again first, where that is asked for', async () => {
    const { job, audio, transcript } = await drafted();
    const { pipeline } = await acceptedExport(job, { formats: FORMATS });
    await pipeline.reportAll('EXPORTING', 'FAILED');

    const retry = await acceptedRetry(job, { ...BALANCED, resume_from: 'TRANSCRIPT_READY' });

    expect(await executionOf(job, retry.dispatchId)).toMatchObject({
      keep: [version('audio', 1, audio), version('transcript', 1, transcript)],
      export: { formats: FORMATS, params: null },
    });
    await retry.pipeline.reportAll('GENERATING', 'DRAFT_READY');

    // It goes on to what it was asked for: meanwhile nothing else begins.
    expect(await job.dispatch(retry.dispatchId)).toMatchObject({ dispatch_state: 'RUNNING' });
    expect((await edit(job, 'draft', { edits: 2 })).body.error_code).toBe('JOB_ALREADY_RUNNING');
    await retry.pipeline.report('EXPORTING');
    await retry.pipeline.report('DONE', srt);
    expect(await job.status()).toBe('DONE');
  });

  test('and goes silent once it has made the draft again, has failed, and can be retried', async () => {
    const { job } = await drafted();
    const { pipeline } = await acceptedExport(job, { formats: FORMATS });
    await pipeline.reportAll('EXPORTING', 'FAILED');
    const retry = await acceptedRetry(job, { ...BALANCED, resume_from: 'TRANSCRIPT_READY' });
    await retry.pipeline.reportAll('GENERATING', 'DRAFT_READY');

    await job.age(config.rules.stageTimeoutMs + 1_000);
    await job.alarm();

    expect(await job.get()).toMatchObject({
      status: 'FAILED',
      failure: { failure_code: 'ORCHESTRATOR_TIMEOUT' },
    });
    const again = await acceptedRetry(job, BALANCED);
    expect(await sentOf(job, again.dispatchId)).toMatchObject({
      resume_from_status: 'DRAFT_READY',
      formats: FORMATS,
    });
  });

  test('and whose draft is corrected then is retried with the correction', async () => {
    const { job } = await drafted();
    const { pipeline } = await acceptedExport(job, { formats: FORMATS });
    await pipeline.reportAll('EXPORTING', 'FAILED');
    const draft = await corrected(job, 'draft', 1);

    const retry = await acceptedRetry(job, { model_profile: 'polished' });

    expect(await executionOf(job, retry.dispatchId)).toMatchObject({
      source: draft,
      export: { formats: FORMATS },
    });
  });

  test('once it was made good, a later failure is of a draft, and carries no formats', async () => {
    const { job } = await drafted();
    const { pipeline } = await acceptedExport(job);
    await pipeline.report('EXPORTING');
    await pipeline.report('EDITING', srt);
    const redo = await acceptedRedo(job, BALANCED);
    await redo.pipeline.reportAll('REGENERATING', 'FAILED');

    const retry = await acceptedRetry(job, BALANCED);

    expect((await executionOf(job, retry.dispatchId)).export).toBeNull();
    expect(await sentOf(job, retry.dispatchId)).not.toHaveProperty('formats');
  });
});

describe('an orchestrator that does not know it', () => {
  test('is a 502, and nothing about the job has changed', async () => {
    const { job } = await drafted();
    await job.plan({ unknown_types: ['job.export'] });
    const before = await job.get();
    const trail = await job.transitions();

    const reply = await exportAs(job, { client_request_id: 'the-same' });

    expect(reply.status).toBe(502);
    expect(reply.body).toMatchObject({
      error_code: 'ORCHESTRATOR_DISPATCH_FAILED',
      details: { last_error: expect.stringContaining('400') },
    });
    expect(await job.get()).toEqual(before);
    expect(await job.transitions()).toEqual(trail);
    expect((await job.executions()).map(({ type }) => type)).toEqual(['job.run']);

    await job.plan({});
    expect((await exportAs(job, { client_request_id: 'the-same' })).status).toBe(202);
  });
});

describe('at once', () => {
  test('two that differ: one is dispatched, the other is told that it is at work', async () => {
    const { job } = await drafted();

    const replies = await Promise.all([exportAs(job), exportAs(job, { formats: ['srt'] })]);

    expect(replies.map(({ status }) => status).toSorted()).toEqual([202, 409]);
    const [taken, refused] = replies.toSorted((a, b) => a.status - b.status);
    expect(refused?.body).toMatchObject({
      error_code: 'JOB_ALREADY_RUNNING',
      details: {
        current_status: 'DRAFT_READY',
        attempted_status: 'EXPORTING',
        dispatch_id: taken?.body.dispatch_id,
      },
    });
    await queueHasPassed();
    expect((await job.executions()).filter(({ type }) => type === 'job.export')).toHaveLength(1);
  });

  test('an export and a redo: one is dispatched, the other is told that it is at work', async () => {
    const { job } = await drafted();

    const replies = await Promise.all([
      exportAs(job),
      job.post('redo', { ...BALANCED, client_request_id: 'x' }),
    ]);

    expect(replies.map(({ status }) => status).toSorted()).toEqual([202, 409]);
    await queueHasPassed();
    expect(await job.executions()).toHaveLength(2);
  });

  test('twenty that are the same: one pipeline, and nineteen answers that name it', async () => {
    const { job } = await drafted();
    const said = { formats: FORMATS, params: PARAMS, client_request_id: 'the-same' };

    const replies = await Promise.all(Array.from({ length: 20 }, () => exportAs(job, said)));

    const ids = new Set(replies.map(({ body }) => body.dispatch_id));
    expect(replies.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(19);
    expect(ids.size).toBe(1);
    await queueHasPassed();
    expect((await job.executions()).filter(({ type }) => type === 'job.export')).toHaveLength(1);
  });
});

describe('from every other status it is refused', () => {
  const among = (list: readonly Status[]) => (status: Status) => list.includes(status);
  const failed = once(() => failedAfter('DRAFT_READY'));

  test.each(STATUSES.filter((status) => status !== 'DRAFT_READY' && status !== 'EDITING'))(
    'a job in %s',
    async (status) => {
      const { job } = await failed();
      await job.patch({ status });

      const reply = await withoutSideEffect(job, () => exportAs(job));

      const code = among(IN_PROGRESS_STATUSES)(status)
        ? 'JOB_ALREADY_RUNNING'
        : among(TERMINAL_STATUSES)(status)
          ? 'FSM_TERMINAL_IMMUTABLE'
          : 'FSM_TRANSITION_INVALID';
      expect(reply.status).toBe(409);
      expect(reply.body).toMatchObject({
        error_code: code,
        details: { current_status: status, attempted_status: 'EXPORTING' },
      });
    },
  );

  test('a job that is done, by whoever did it', async () => {
    const { job } = await drafted();
    const { pipeline } = await acceptedExport(job);
    await pipeline.reportAll('EXPORTING', 'DONE');

    for (const done of [job, (await jobAt('DONE')).job]) {
      const reply = await withoutSideEffect(done, () => exportAs(done));
      expect(reply.body.error_code).toBe('FSM_TERMINAL_IMMUTABLE');
    }
  });
});

describe('where there is nothing to export it is refused', () => {
  /** A job in DRAFT_READY whose pipeline has said this of its draft. */
  async function withDraft(artifact_updates: object | null) {
    const { job, pipeline } = await jobAt('GENERATING');
    await pipeline.report('DRAFT_READY', { artifact_updates });
    return job;
  }

  test('because nobody ever named a draft', async () => {
    const job = await withDraft(null);

    const reply = await withoutSideEffect(job, () => exportAs(job));

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({ error_code: 'NOTHING_TO_EXPORT', details: { reason: 'no_draft' } });
  });

  test.each([
    ['missing', (key: string) => env.ARTIFACTS.delete(key)],
    ['changed', (key: string) => putArtifact('another', key)],
  ] as const)('because the store says that it is %s, until it is back', async (reason, happens) => {
    const { key, ref, digest, size_bytes } = await putArtifact('the draft');
    const job = await withDraft({ draft_uri: ref, digest, size_bytes });
    await happens(key);

    const reply = await withoutSideEffect(job, () => exportAs(job));

    expect(reply.body).toMatchObject({ error_code: 'NOTHING_TO_EXPORT', details: { reason } });
    await putArtifact('the draft', key);
    const { reply: exported } = await acceptedExport(job);
    expect(exported.body.plan.proof).toEqual({ state: 'verified', reason: null });
  });
});

test('a job lives from CREATED to DONE by its editor’s acts alone', async () => {
  const job = await createdJob();
  const act = async (reply: Promise<{ status: number; body: { dispatch_id: string } }>) => {
    const { body } = await reply;
    return job.pipeline(body.dispatch_id);
  };
  await job.confirm();
  const run = await act(job.run());
  await run.reportAll('AUDIO_EXTRACTING', 'AUDIO_READY', 'TRANSCRIBING', 'FAILED');
  const retry = await act(job.retry('again'));
  await retry.reportAll('TRANSCRIBING', 'TRANSCRIPT_READY', 'GENERATING', 'DRAFT_READY');
  await corrected(job, 'transcript', 1);
  const redo = await act(job.post('redo', { model_profile: 'polished', client_request_id: 'better' }));
  await redo.reportAll('REGENERATING', 'DRAFT_READY');
  const draft = await corrected(job, 'draft', 2);
  const exporting = await act(exportAs(job, { formats: ['srt'] }));
  await exporting.report('EXPORTING');
  await exporting.report('DONE', srt);

  expect(await job.trail()).toEqual([
    'CREATED → UPLOADED',
    'UPLOADED → AUDIO_EXTRACTING',
    'AUDIO_EXTRACTING → AUDIO_READY',
    'AUDIO_READY → TRANSCRIBING',
    'TRANSCRIBING → FAILED',
    'FAILED → TRANSCRIBING',
    'TRANSCRIBING → TRANSCRIPT_READY',
    'TRANSCRIPT_READY → GENERATING',
    'GENERATING → DRAFT_READY',
    'DRAFT_READY → DRAFT_READY',
    'DRAFT_READY → REGENERATING',
    'REGENERATING → DRAFT_READY',
    'DRAFT_READY → DRAFT_READY',
    'DRAFT_READY → EXPORTING',
    'EXPORTING → DONE',
  ]);
  expect((await job.dispatches()).map(({ kind, dispatch_state }) => `${kind} ${dispatch_state}`)).toEqual([
    'export SETTLED',
    'redo SETTLED',
    'retry SETTLED',
    'run FAILED',
  ]);
  expect(await job.get()).toMatchObject({
    status: 'DONE',
    manifest: { draft_uri: draft, ...srt.artifact_updates },
  });
  expect((await planOf(job)).verdict).toBe('refused');
});
