// GET /jobs/{jobId}/attempts: what became of each dispatch, read from the history that it left.
import { describe, expect, test } from 'vitest';
import { artifactUri } from '../support/pipeline/script.ts';
import {
  type ActingJob,
  ASYNC,
  createdJob,
  failedAfter,
  jobAt,
  losingMessages,
  retriedAfter,
  uploadedJob,
} from '../support/workerd/acting.ts';
import { call, editorToken } from '../support/workerd/harness.ts';
import { acceptedRetry, kept, redone } from './planning.ts';

const attemptsOf = async (job: ActingJob) => (await job.get('/attempts')).items;

/** The entries of the audit trail come a second after each other. */
const inSeconds = (job: ActingJob) => job.sql('UPDATE history SET recorded_at = 1767225600000 + 1000 * seq');

test('a job that was never run has none', async () => {
  for (const job of [await createdJob(), await uploadedJob()]) expect(await attemptsOf(job)).toEqual([]);
});

test('each has what its dispatch has: kind, who asked, profile, models and plan; newest first', async () => {
  const { job, dispatchId: run } = await failedAfter('GENERATING');
  const retry = await acceptedRetry(job, { model_profile: 'accurate' });

  const attempts = await attemptsOf(job);

  expect(attempts.map(({ dispatch }: { dispatch: unknown }) => dispatch)).toEqual(await job.dispatches());
  const editor = (await job.transitions()).find(({ actor_id }) => actor_id !== null)?.actor_id;
  expect(attempts).toMatchObject([
    {
      dispatch: {
        dispatch_id: retry.dispatchId,
        kind: 'retry',
        dispatch_state: 'DELIVERED',
        actor_id: editor,
        model_profile: 'accurate',
        engines: { transcript: 'scribe-v2', draft: 'gpt-5' },
        plan: {
          resume_from: null,
          stages: [
            kept('audio', 1, artifactUri(run, 'audio'), 'resume_point'),
            redone('transcript', 'scribe-v2', 'engine_differs'),
            redone('draft', 'gpt-5', 'never_made'),
          ],
        },
      },
      stages: [],
      versions: [],
      failure: null,
      metrics: {},
    },
    {
      dispatch: {
        dispatch_id: run,
        kind: 'run',
        dispatch_state: 'FAILED',
        actor_id: editor,
        model_profile: 'balanced',
        plan: { stages: [{ action: 'redo' }, { action: 'redo' }, { action: 'redo' }], proof: null },
      },
    },
  ]);
});

describe('the stages of an attempt', () => {
  test('have a start, an end and a duration, in the order in which they were worked at', async () => {
    const { job } = await jobAt('DRAFT_READY');
    await inSeconds(job);

    const [attempt] = await attemptsOf(job);

    expect(attempt.stages).toEqual([
      took('audio', '2026-01-01T00:00:02.000Z', '2026-01-01T00:00:03.000Z'),
      took('transcript', '2026-01-01T00:00:04.000Z', '2026-01-01T00:00:05.000Z'),
      took('draft', '2026-01-01T00:00:06.000Z', '2026-01-01T00:00:07.000Z'),
    ]);
  });

  test('are open while the pipeline is at work', async () => {
    const { job, pipeline } = await jobAt('TRANSCRIBING');
    await pipeline.report('TRANSCRIBING', { progress_pct: 50, artifact_updates: { metrics: { words: 1 } } });

    const [attempt] = await attemptsOf(job);

    expect(attempt.stages).toEqual([
      stage('audio', { outcome: 'reached' }),
      stage('transcript', { outcome: null, ended_at: null, duration_seconds: null }),
    ]);
  });

  test.each<[string, 'failed' | 'cancelled', (job: ActingJob) => Promise<unknown>]>([
    ['cancelled', 'cancelled', (job) => job.cancel()],
    ['given up', 'failed', (job) => job.post('abandon')],
  ])('end with a pipeline that was %s', async (_what, outcome, act) => {
    const { job } = await jobAt('TRANSCRIBING');
    await act(job);

    expect((await attemptsOf(job))[0].stages.at(-1)).toEqual(stage('transcript', { outcome }));
  });

  test('are each attempt’s own', async () => {
    const { job, pipeline } = await retriedAfter('GENERATING');
    await pipeline.reportAll('GENERATING', 'DRAFT_READY', 'REGENERATING', 'DRAFT_READY');

    const [retry, run] = await attemptsOf(job);

    expect(outcomes(retry)).toEqual(['draft reached', 'draft reached']);
    expect(outcomes(run)).toEqual(['audio reached', 'transcript reached', 'draft failed']);
  });
});

test('each attempt has the versions that it made', async () => {
  const { job } = await failedAfter('DRAFT_READY');
  const { pipeline } = await acceptedRetry(job, { model_profile: 'accurate' });
  await pipeline.reportAll('TRANSCRIBING', 'TRANSCRIPT_READY', 'GENERATING', 'DRAFT_READY');

  const [retry, run] = await attemptsOf(job);

  expect(retry.versions).toEqual([
    { stage: 'transcript', version: 2 },
    { stage: 'draft', version: 2 },
  ]);
  expect(run.versions).toEqual([
    { stage: 'audio', version: 1 },
    { stage: 'transcript', version: 1 },
    { stage: 'draft', version: 1 },
  ]);
});

describe('the failure of an attempt', () => {
  test('stays with each that failed, not with the last alone', async () => {
    const { job, pipeline } = await jobAt('TRANSCRIBING');
    await pipeline.report('FAILED', {
      failure_code: 'FIRST',
      failed_stage: 'TRANSCRIBING',
      failure_class: 'quota',
    });
    const second = await acceptedRetry(job, { model_profile: 'accurate' });
    await second.pipeline.report('FAILED', {
      failure_code: 'SECOND',
      failure_message: 'No.',
      failed_stage: 'AUDIO',
    });
    const third = await acceptedRetry(job, { model_profile: 'balanced' });
    await third.pipeline.report('TRANSCRIBING');
    await job.post('abandon');
    const fourth = await acceptedRetry(job, { model_profile: 'balanced' });
    await fourth.pipeline.reportAll('TRANSCRIBING', 'TRANSCRIPT_READY');

    const failures = (await attemptsOf(job)).map(({ failure }: { failure: unknown }) => failure);

    expect(failures).toMatchObject([
      null,
      { failure_code: 'ABANDONED', model_profile: 'balanced', failure_class: 'unknown' },
      { failure_code: 'SECOND', failure_message: 'No.', failed_stage: 'AUDIO', model_profile: 'accurate' },
      {
        failure_code: 'FIRST',
        failure_class: 'quota',
        model_profile: 'balanced',
        failed_stage: 'TRANSCRIBING',
      },
    ]);
    expect((await job.get()).failure.failure_code).toBe('ABANDONED');
  });

  test('is that of the silence of a pipeline, also where the job shows none of it', async () => {
    const { job, first } = await retriedAfter('TRANSCRIBING');
    await job.age(700_000);
    await job.alarm();

    const [retry, run] = await attemptsOf(job);

    expect(retry).toMatchObject({
      dispatch: { dispatch_state: 'TIMED_OUT' },
      failure: { failure_code: 'ORCHESTRATOR_TIMEOUT', failure_class: 'timeout' },
    });
    expect(run).toMatchObject({
      dispatch: { dispatch_id: first.dispatchId },
      failure: { failure_code: 'TRANSCRIPTION_FAILED' },
    });
    expect((await job.get()).failure.failure_code).toBe('TRANSCRIPTION_FAILED');
  });

  test('is none for an attempt that was never delivered', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    await job.answers({ kind: 'refuse', status: 400 });
    expect((await job.retry('refused')).status).toBe(502);

    expect((await attemptsOf(job))[0]).toMatchObject({
      dispatch: { dispatch_state: 'UNDELIVERABLE', last_error: 'The orchestrator answered 400.' },
      failure: null,
      stages: [],
      versions: [],
    });
  });
});

test('metrics are what it reported, the last of each name', async () => {
  const { job, pipeline } = await jobAt('AUDIO_READY');
  const metrics = (values: Record<string, unknown>) => ({ artifact_updates: { metrics: values } });
  await pipeline.report('TRANSCRIBING', metrics({ words: 100, language: 'de', cost: 0.25 }));
  await pipeline.report('TRANSCRIBING', metrics({ words: 250, final: false }));
  await pipeline.report('FAILED', metrics({ final: true }));
  const retry = await acceptedRetry(job, { model_profile: 'balanced' });
  await retry.pipeline.report('TRANSCRIBING', metrics({ words: 7 }));

  const [second, first] = await attemptsOf(job);

  expect(first.metrics).toEqual({ words: 250, language: 'de', cost: 0.25, final: true });
  expect(second.metrics).toEqual({ words: 7 });
});

describe('pages', () => {
  async function manyAttempts(count: number): Promise<ActingJob> {
    const { job } = await failedAfter('TRANSCRIBING');
    losingMessages();
    for (let n = 1; n < count; n += 1) {
      expect((await job.retry(`request-${n}`, ASYNC)).status).toBe(202);
      await job.post('abandon');
    }
    return job;
  }

  test('walk through all attempts, each once, newest first', async () => {
    const job = await manyAttempts(5);
    const all = await attemptsOf(job);
    expect(all).toHaveLength(5);
    const walked: unknown[] = [];
    let path = '/attempts?limit=2';
    for (;;) {
      const page = await job.get(path);
      walked.push(...page.items);
      if (page.next_cursor === null) break;
      path = `/attempts?limit=2&cursor=${encodeURIComponent(page.next_cursor)}`;
    }

    expect(walked).toEqual(all);
  });

  test('are of twenty at the most, since each is read with its history', async () => {
    const job = await manyAttempts(21);

    const page = await job.get('/attempts');
    expect(page.items).toHaveLength(20);
    expect(page.next_cursor).not.toBeNull();
    const more = await call('GET', `/jobs/${job.id}/attempts?limit=21`, { token: job.token });
    expect(more.status).toBe(400);
    expect(more.body.details.issues).toEqual([
      { path: 'limit', message: 'must be a whole number from 1 to 20' },
    ]);
  });
});

test('somebody else is told of no such job', async () => {
  const { job } = await jobAt('AUDIO_READY');
  const token = await editorToken(`stranger-${crypto.randomUUID()}`);

  expect((await call('GET', `/jobs/${job.id}/attempts`, { token })).status).toBe(404);
});

const stage = (name: string, fields: Record<string, unknown>) => ({
  stage: name,
  started_at: expect.stringMatching(/Z$/),
  ended_at: expect.stringMatching(/Z$/),
  duration_seconds: expect.any(Number),
  ...fields,
});

const took = (name: string, started_at: string, ended_at: string) =>
  stage(name, { started_at, ended_at, duration_seconds: 1, outcome: 'reached' });

const outcomes = ({ stages }: { stages: { stage: string; outcome: string | null }[] }) =>
  stages.map(({ stage, outcome }) => `${stage} ${outcome}`);
