// What the reports of a pipeline do to its job: order of checks, fencing, checkpoints, failure, audit.
import { describe, expect, test } from 'vitest';
import type { ReportableStatus } from '../../src/domain/lifecycle.ts';
import { artifactUri } from '../support/pipeline/script.ts';
import {
  ASYNC,
  config,
  failedAfter,
  jobAt,
  losingMessages,
  messagesArriveAgain,
  retriedAfter,
  until,
  uploadedJob,
} from '../support/workerd/acting.ts';
import { call, orchestrator, storedRows } from '../support/workerd/harness.ts';

const minutesAgo = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();

describe('the order of checks', () => {
  test('a bad token is refused before the body and before the job are looked at', async () => {
    const { job } = await jobAt('AUDIO_EXTRACTING');
    for (const id of [job.id, `job_${'0'.repeat(32)}`]) {
      const reply = await call('POST', `/internal/jobs/${id}/status`, {
        token: 'rtk1.x.y',
        body: 'not json',
      });
      expect(reply.status).toBe(401);
    }
  });

  test('a body that does not fit is refused before the event id is looked up', async () => {
    const { pipeline } = await jobAt('AUDIO_EXTRACTING');
    const body = pipeline.body('AUDIO_READY');
    await pipeline.send(body);
    const reply = await pipeline.send({ ...body, status: 'UPLOADED' });
    expect([reply.status, reply.body.error_code]).toEqual([400, 'VALIDATION_ERROR']);
  });

  test('the dispatch is judged before a repeat is recognised: a pipeline that was ended has to stop', async () => {
    const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
    const body = pipeline.body('AUDIO_READY');
    await pipeline.send(body);
    expect((await pipeline.send(body)).status).toBe(200);
    await job.cancel();
    expect((await pipeline.send(body)).body.error_code).toBe('DISPATCH_NOT_CURRENT');
  });

  test('the dispatch is judged before the order of events', async () => {
    const { job, pipeline } = await jobAt('TRANSCRIBING');
    await job.cancel();
    const reply = await pipeline.send(pipeline.body('TRANSCRIPT_READY', { occurred_at: minutesAgo(40_000) }));
    expect(reply.body.error_code).toBe('DISPATCH_NOT_CURRENT');
  });

  test('the order of events is judged before the transition', async () => {
    const { pipeline } = await jobAt('TRANSCRIBING');
    const reply = await pipeline.send(pipeline.body('DONE', { occurred_at: minutesAgo(40_000) }));
    expect(reply.body.error_code).toBe('CALLBACK_OUT_OF_ORDER');
  });

  test('every refused callback stores nothing', async () => {
    const { job, pipeline } = await jobAt('TRANSCRIBING');
    const before = await storedRows(job.id);
    const refused = [
      await pipeline.send(pipeline.body('DONE')),
      await pipeline.send(pipeline.body('AUDIO_READY', { occurred_at: minutesAgo(40_000) })),
      await pipeline.send(pipeline.body('FAILED', { event_id: '' })),
    ];
    expect(refused.map(({ body }) => body.error_code)).toEqual([
      'FSM_TRANSITION_INVALID',
      'CALLBACK_OUT_OF_ORDER',
      'VALIDATION_ERROR',
    ]);
    expect(await storedRows(job.id)).toEqual(before);
  });
});

describe('a repeat', () => {
  test('answers 200 with where the job stands now, and stores nothing', async () => {
    const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
    const first = pipeline.body('AUDIO_READY');
    const latest = pipeline.body('TRANSCRIBING');
    await pipeline.send(first);
    await pipeline.send(latest);
    const before = await storedRows(job.id);

    const reply = await pipeline.send(first);

    expect(reply.status).toBe(200);
    expect(reply.body).toEqual({
      job_id: job.id,
      event_id: first.event_id,
      replayed: true,
      current_status: 'TRANSCRIBING',
      latest_applied_occurred_at: latest.occurred_at,
    });
    expect(await storedRows(job.id)).toEqual(before);
  });

  test('is the same payload whatever the order of its keys', async () => {
    const { pipeline } = await jobAt('AUDIO_EXTRACTING');
    const body = pipeline.body('AUDIO_READY', {
      artifact_updates: { audio_uri: 's3://a/1', metrics: { seconds: 1, words: 2 } },
    });
    await pipeline.send(body);
    const reversed = JSON.stringify({
      ...Object.fromEntries(Object.entries(body).reverse()),
      artifact_updates: { metrics: { words: 2, seconds: 1 }, audio_uri: 's3://a/1' },
    });
    expect(reversed).not.toBe(JSON.stringify(body));
    expect((await pipeline.send(reversed)).status).toBe(200);
  });

  test.for([
    ['status', { status: 'TRANSCRIBING' }],
    ['an artifact', { artifact_updates: { audio_uri: 's3://artifacts/other' } }],
    ['correlation_id', { correlation_id: 'exe-2' }],
    ['a metric', { artifact_updates: { metrics: { seconds: 2 } } }],
  ] as const)('with another %s is refused as a mismatch and stores nothing', async ([_what, change]) => {
    const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
    const body = pipeline.body('AUDIO_READY');
    await pipeline.send(body);
    const before = await storedRows(job.id);

    const reply = await pipeline.send({ ...body, ...change });

    expect([reply.status, reply.body.error_code]).toEqual([409, 'EVENT_ID_PAYLOAD_MISMATCH']);
    expect(await storedRows(job.id)).toEqual(before);
  });

  test('of an id that another pipeline has used is none: two may number their reports alike', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');
    const body = pipeline.body('FAILED');
    await pipeline.send(body);
    const retry = await job.retry('again');
    const second = await job.pipeline(retry.body.dispatch_id);
    expect((await second.send(body)).status).toBe(204);
    expect((await second.send(body)).status).toBe(200);
  });

  test('of twenty identical callbacks at once, one is applied and nineteen are repeats', async () => {
    const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
    const body = pipeline.body('AUDIO_READY');
    const replies = await Promise.all(Array.from({ length: 20 }, () => pipeline.send(body)));
    expect(replies.map(({ status }) => status).sort()).toEqual([...Array(19).fill(200), 204]);
    expect(await job.sql('SELECT 1 FROM history WHERE key = ?', String(body.event_id))).toHaveLength(1);
  });
});

describe('a pipeline that is no longer the job’s own is told to stop', () => {
  const refusal = (state: string) => ({
    status: 409,
    body: { error_code: 'DISPATCH_NOT_CURRENT', details: { dispatch_state: state } },
  });

  test('when a retry superseded it', async () => {
    const { first } = await retriedAfter('AUDIO_READY');
    expect(await first.pipeline.send(first.pipeline.body('TRANSCRIBING'))).toMatchObject(refusal('FAILED'));
  });

  test('when its dispatch was withdrawn', async () => {
    const job = await uploadedJob({ answers: [{ kind: 'refuse', status: 400 }] });
    const run = await job.run();
    const ghost = await job.pipeline(run.body.details.dispatch_id);
    const before = await storedRows(job.id);
    expect(await ghost.send(ghost.body('AUDIO_EXTRACTING'))).toMatchObject(refusal('UNDELIVERABLE'));
    expect(await storedRows(job.id)).toEqual(before);
  });

  test('when the job was cancelled', async () => {
    const { job, pipeline } = await jobAt('TRANSCRIBING');
    await job.cancel();
    expect(await pipeline.send(pipeline.body('TRANSCRIPT_READY'))).toMatchObject(refusal('CANCELLED'));
  });

  test('when it was timed out', async () => {
    const { job, pipeline } = await jobAt('TRANSCRIBING');
    await job.age(2 * 3_600_000);
    await job.alarm();
    expect(await pipeline.send(pipeline.body('TRANSCRIPT_READY'))).toMatchObject(refusal('TIMED_OUT'));
  });

  test('but a dispatch that was withdrawn does not end the pipeline before it', async () => {
    const { job, pipeline } = await failedAfter('AUDIO_READY');
    await job.answers({ kind: 'refuse', status: 400 });
    expect((await job.retry('again')).status).toBe(502);
    const reply = await pipeline.send(pipeline.body('TRANSCRIBING'));
    expect(reply.body.error_code).toBe('FSM_TERMINAL_IMMUTABLE');
  });

  test('nor do many that were', async () => {
    const { job, pipeline } = await failedAfter('AUDIO_READY');
    await job.answers({ kind: 'refuse', status: 400 });
    for (const request of ['a', 'b', 'c', 'd']) expect((await job.retry(request)).status).toBe(502);
    const reply = await pipeline.send(pipeline.body('TRANSCRIBING'));
    expect(reply.body.error_code).toBe('FSM_TERMINAL_IMMUTABLE');
  });

  test('when a retry superseded it, however many were withdrawn since', async () => {
    const { job, first, pipeline } = await retriedAfter('AUDIO_READY');
    await pipeline.report('FAILED');
    await job.answers({ kind: 'refuse', status: 400 });
    for (const request of ['a', 'b', 'c']) {
      expect((await job.retry(request)).status).toBe(502);
      expect(await first.pipeline.send(first.pipeline.body('TRANSCRIBING'))).toMatchObject(refusal('FAILED'));
      const last = await pipeline.send(pipeline.body('TRANSCRIBING'));
      expect(last.body.error_code).toBe('FSM_TERMINAL_IMMUTABLE');
    }
  });
});

describe('the order of events', () => {
  test('an older callback is refused with the time of the latest applied one', async () => {
    const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
    const early = pipeline.body('AUDIO_EXTRACTING');
    const late = pipeline.body('AUDIO_READY');
    await pipeline.send(late);

    const reply = await pipeline.send(early);

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'CALLBACK_OUT_OF_ORDER',
      details: {
        latest_applied_occurred_at: late.occurred_at,
        current_status: 'AUDIO_READY',
        attempted_status: 'AUDIO_EXTRACTING',
      },
    });
    expect(await job.status()).toBe('AUDIO_READY');
  });

  test('callbacks of the same moment are judged by the transition table', async () => {
    const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
    const occurred_at = minutesAgo(1);
    await pipeline.report('AUDIO_READY', { occurred_at });
    await pipeline.report('TRANSCRIBING', { occurred_at });
    const reply = await pipeline.send(pipeline.body('AUDIO_READY', { occurred_at }));
    expect(reply.body.error_code).toBe('FSM_TRANSITION_INVALID');
    expect(await job.status()).toBe('TRANSCRIBING');
  });

  test('counts within one dispatch: a retried pipeline’s clock may be behind the first one’s', async () => {
    const { job, pipeline } = await retriedAfter('AUDIO_READY');
    await pipeline.report('TRANSCRIBING', { occurred_at: minutesAgo(40_000) });
    expect(await job.status()).toBe('TRANSCRIBING');
  });
});

test('a heartbeat shows progress and extends the stage’s deadline, and leaves no audit entry', async () => {
  const { job, pipeline } = await jobAt('TRANSCRIBING');
  const trail = await job.trail();
  await job.age(3_500_000);
  await pipeline.report('TRANSCRIBING', { progress_pct: 40 });
  await job.age(3_500_000);

  await job.alarm();

  expect(await job.get()).toMatchObject({ status: 'TRANSCRIBING', progress_pct: 40 });
  expect(await job.trail()).toEqual(trail);
});

test('progress belongs to its status and ends with it', async () => {
  const { job, pipeline } = await jobAt('TRANSCRIBING');
  await pipeline.report('TRANSCRIBING', { progress_pct: 90 });
  await pipeline.report('TRANSCRIPT_READY');
  expect((await job.get()).progress_pct).toBeNull();
});

describe('a callback that overtakes the delivery’s own answer', () => {
  test('of a retry counts as the delivery: the waiting caller gets 202 RUNNING and the job has moved on', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    await job.answers({ kind: 'hold' });
    const waiting = job.retry('again');
    const { requests } = await orchestrator.waitFor(job.id, 'requests', 2);
    const dispatchId = requests[1]?.dispatch_id ?? '';
    await orchestrator.waitFor(job.id, 'held');
    const pipeline = await job.pipeline(dispatchId);

    await pipeline.report('TRANSCRIBING');

    expect(await waiting).toMatchObject({
      status: 202,
      body: { dispatch_id: dispatchId, dispatch_state: 'RUNNING', status: 'TRANSCRIBING', replayed: false },
    });
    await orchestrator.release(job.id);
    await until(async () => {
      expect((await job.dispatch(dispatchId)).execution_id).toMatch(/^exe_/);
    });
    expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'RUNNING', delivery_attempts: 1 });
    expect((await job.requests()).filter(({ dispatch_id }) => dispatch_id === dispatchId)).toHaveLength(1);
  });

  test('of a run leaves the trail of a delivery and of the callback', async () => {
    const job = await uploadedJob({ answers: [{ kind: 'hold' }] });
    const waiting = job.run();
    const { requests } = await orchestrator.waitFor(job.id, 'held');
    const pipeline = await job.pipeline(requests[0]?.dispatch_id ?? '');

    await pipeline.report('AUDIO_READY');
    await orchestrator.release(job.id);

    expect(await waiting).toMatchObject({ status: 202, body: { dispatch_state: 'RUNNING' } });
    expect(await job.trail()).toEqual([
      'CREATED → UPLOADED',
      'UPLOADED → AUDIO_EXTRACTING',
      'AUDIO_EXTRACTING → AUDIO_READY',
    ]);
  });

  test('is not sent again: the message that still lies on the queue is dropped', async () => {
    const job = await uploadedJob();
    losingMessages();
    const run = await job.run(ASYNC);
    messagesArriveAgain();
    const pipeline = await job.pipeline(run.body.dispatch_id);
    await pipeline.report('AUDIO_EXTRACTING');
    expect(await job.stub.claim(run.body.dispatch_id, 'dispatch')).toEqual({ verdict: 'drop' });
  });

  test('and is refused proves nothing: the dispatch stays pending', async () => {
    const job = await uploadedJob();
    losingMessages();
    const run = await job.run(ASYNC);
    const pipeline = await job.pipeline(run.body.dispatch_id);
    const before = await storedRows(job.id);
    expect((await pipeline.send(pipeline.body('DONE'))).body.error_code).toBe('FSM_TRANSITION_INVALID');
    expect(await storedRows(job.id)).toEqual(before);
  });
});

describe('artifacts and checkpoints', () => {
  test('a null never clears an artifact', async () => {
    const { job, pipeline, dispatchId } = await jobAt('AUDIO_READY');
    await pipeline.report('TRANSCRIBING', {
      artifact_updates: { audio_uri: null, transcript_uri: null, draft_uri: null, exports: null },
    });
    await pipeline.report('TRANSCRIBING', { artifact_updates: null });
    expect((await job.get()).manifest.audio_uri).toBe(artifactUri(dispatchId, 'audio'));
  });

  test('exports are added one by one', async () => {
    const { job, pipeline } = await jobAt('EXPORTING');
    await pipeline.report('EXPORTING', { artifact_updates: { exports: { srt: 's3://a/1.srt' } } });
    await pipeline.report('DONE', { artifact_updates: { exports: { vtt: 's3://a/1.vtt' } } });
    expect((await job.get()).manifest.exports).toEqual({ srt: 's3://a/1.srt', vtt: 's3://a/1.vtt' });
  });

  test('artifact keys that this service does not know are ignored', async () => {
    const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
    await pipeline.report('AUDIO_READY', {
      artifact_updates: { audio_uri: 's3://a/1', waveform_uri: 's3://a/2' },
    });
    expect(JSON.stringify(await storedRows(job.id))).not.toContain('waveform');
  });

  test('a later pipeline adds versions: every earlier artifact and checkpoint stays on record', async () => {
    const { job, pipeline, dispatchId, first } = await retriedAfter('AUDIO_EXTRACTING');
    await first.job.get();
    await pipeline.report('AUDIO_EXTRACTING');
    await pipeline.report('AUDIO_READY', {
      artifact_updates: { audio_uri: 's3://a/v1', digest: 'sha-256:1', size_bytes: 10 },
    });
    await pipeline.report('FAILED');
    const third = await job.retry('third');
    const later = await job.pipeline(third.body.dispatch_id);
    await later.report('AUDIO_READY', { artifact_updates: { audio_uri: 's3://a/v2' } });

    const versions = (
      await job.sql('SELECT versions FROM history WHERE versions IS NOT NULL ORDER BY seq')
    ).flatMap((row) => JSON.parse(String(row.versions)).versions);
    const byBalanced = { kind: 'pipeline', modelProfile: 'balanced' };
    expect(versions).toMatchObject([
      {
        ...{ version: 1, ref: 's3://a/v1', digest: 'sha-256:1', sizeBytes: 10 },
        madeBy: { ...byBalanced, dispatchId },
      },
      { version: 2, ref: 's3://a/v2', madeBy: { ...byBalanced, dispatchId: third.body.dispatch_id } },
    ]);
    const named = (await job.sql('SELECT artifacts FROM history WHERE artifacts IS NOT NULL')).map(
      ({ artifacts }) => JSON.parse(String(artifacts)).audio_uri,
    );
    expect(named.sort()).toEqual(['s3://a/v1', 's3://a/v2']);
    expect((await job.get()).manifest.audio_uri).toBe('s3://a/v2');
  });

  test('a checkpoint whose artifact came with an earlier callback is recorded all the same', async () => {
    const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
    await pipeline.report('AUDIO_EXTRACTING', { artifact_updates: { audio_uri: 's3://a/early' } });
    await pipeline.report('AUDIO_READY', { artifact_updates: null });
    await pipeline.report('FAILED');
    expect((await job.retry('again')).body).toMatchObject({
      resume_from_status: 'AUDIO_READY',
      checkpoint_ref: 's3://a/early',
    });
  });

  test('a checkpoint without an artifact is none: the retry resumes before it', async () => {
    const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
    await pipeline.report('AUDIO_READY', { artifact_updates: null });
    await pipeline.report('FAILED');
    expect((await job.retry('again')).body).toMatchObject({ resume_from_status: 'UPLOADED' });
  });

  test.for([
    ['AUDIO_READY', 'TRANSCRIBING'],
    ['TRANSCRIPT_READY', 'GENERATING'],
    ['DRAFT_READY', 'EXPORTING'],
  ] as const)('a retry from %s may restate it first and then goes on to %s', async ([checkpoint, next]) => {
    const { job, pipeline } = await retriedAfter(checkpoint);
    await pipeline.report(checkpoint);
    expect(await job.status()).toBe(checkpoint);
    await pipeline.report(next);
    expect(await job.status()).toBe(next);
  });

  test('a draft is restated once: a second time is judged by the table', async () => {
    const { pipeline } = await retriedAfter('EXPORTING');
    await pipeline.report('DRAFT_READY');
    const reply = await pipeline.send(pipeline.body('DRAFT_READY'));
    expect(reply.body.error_code).toBe('FSM_TRANSITION_INVALID');
  });

  test('a draft that is restated says that its pipeline begins there: it is watched, and can be retried when it goes silent', async () => {
    const { job, dispatchId, pipeline } = await retriedAfter('EXPORTING');
    await pipeline.report('DRAFT_READY');
    expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'RUNNING' });
    await job.age(config.rules.stageTimeoutMs + 1_000);
    expect(await job.alarm()).toBe(true);
    expect(await job.get()).toMatchObject({
      status: 'FAILED',
      failure: { failure_code: 'ORCHESTRATOR_TIMEOUT' },
    });
    expect((await job.retry('once-more')).status).toBe(202);
  });

  test.each(['AUDIO_READY', 'TRANSCRIPT_READY'] as const)(
    'a pipeline that waits in %s says that it is alive by repeating it',
    async (checkpoint) => {
      const { job, pipeline } = await jobAt(checkpoint);
      await job.age(config.rules.stageTimeoutMs - 60_000);
      await pipeline.report(checkpoint, { artifact_updates: null });
      await job.alarm();
      expect(await job.status()).toBe(checkpoint);
      expect(await job.alarmAt()).toBe(
        Number((await job.stored()).lastProgressAt) + config.rules.stageTimeoutMs,
      );
    },
  );

  test('a retry’s first callback may not claim a status that does not follow its checkpoint', async () => {
    const { job, pipeline } = await retriedAfter('AUDIO_READY');
    const reply = await pipeline.send(pipeline.body('GENERATING'));
    expect(reply.body).toMatchObject({
      error_code: 'FSM_TRANSITION_INVALID',
      details: { current_status: 'AUDIO_READY', attempted_status: 'GENERATING' },
    });
    expect(await job.status()).toBe('FAILED');
  });

  test('a retry that fails again is followed by one that resumes from the furthest checkpoint', async () => {
    const { job, pipeline, dispatchId } = await retriedAfter('AUDIO_READY');
    await pipeline.reportAll('TRANSCRIBING', 'TRANSCRIPT_READY', 'GENERATING', 'FAILED');
    expect((await job.retry('third')).body).toMatchObject({
      resume_from_status: 'TRANSCRIPT_READY',
      checkpoint_ref: artifactUri(dispatchId, 'transcript'),
    });
  });

  test('a retry whose first callback is its failure leaves one audit entry and the job as retryable as before', async () => {
    const { job, pipeline, dispatchId } = await retriedAfter('AUDIO_READY');
    await pipeline.report('FAILED');
    expect((await job.transitions()).at(-1)).toMatchObject({
      event_type: 'failed_again',
      prev_status: 'FAILED',
      new_status: 'FAILED',
      dispatch_id: dispatchId,
    });
    expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'FAILED' });
    expect((await job.retry('third')).body).toMatchObject({
      resume_from_status: 'AUDIO_READY',
      replayed: false,
    });
  });
});

describe('failure', () => {
  test('is kept by later callbacks and replaced by the next failure', async () => {
    const { job, pipeline } = await jobAt('TRANSCRIBING');
    const failed = pipeline.body('FAILED', { failure_code: 'FIRST', failure_message: 'no\nsound' });
    await pipeline.send(failed);
    const first = {
      failure_code: 'FIRST',
      failure_message: 'no\nsound',
      failed_stage: 'TRANSCRIBING',
      failure_class: 'unknown',
      retry_at: null,
      model_profile: 'balanced',
      correlation_id: 'exe-1',
      occurred_at: failed.occurred_at,
    };
    expect((await job.get()).failure).toEqual(first);

    const retry = await job.retry('again');
    const second = await job.pipeline(retry.body.dispatch_id);
    await second.report('TRANSCRIBING');
    expect((await job.get()).failure).toEqual(first);

    await second.report('FAILED', { failure_code: 'SECOND', failed_stage: null });
    expect((await job.get()).failure).toMatchObject({ failure_code: 'SECOND', failed_stage: null });
  });
});

describe('after the draft', () => {
  test('the dispatch is settled, nothing is awaited, and the job rests', async () => {
    const { job, dispatchId } = await jobAt('DRAFT_READY');
    expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'SETTLED' });
    expect((await job.get()).open_dispatch).toBeNull();
    await job.age(90 * 86_400_000);
    await job.alarm();
    expect(await job.status()).toBe('DRAFT_READY');
  });

  test('the same pipeline may go on: export, with nothing else let in meanwhile', async () => {
    const { job, pipeline, dispatchId } = await jobAt('DRAFT_READY');
    await pipeline.report('EXPORTING');
    const retry = await job.retry('meanwhile');
    expect([retry.status, retry.body.error_code]).toEqual([409, 'JOB_ALREADY_RUNNING']);
    expect(retry.body.details).toMatchObject({ current_status: 'EXPORTING', dispatch_id: null });
    await pipeline.report('DONE');
    expect(await job.get()).toMatchObject({
      status: 'DONE',
      manifest: { exports: { srt: artifactUri(dispatchId, 'srt') } },
    });
  });

  test('an export that goes silent is given up, and can be retried from the draft', async () => {
    const { job, pipeline, dispatchId } = await jobAt('DRAFT_READY');
    await pipeline.report('EXPORTING');
    expect(await job.alarmAt()).not.toBeNull();
    await job.age(2 * 3_600_000);
    await job.alarm();
    expect(await job.get()).toMatchObject({
      status: 'FAILED',
      failure: { failure_code: 'ORCHESTRATOR_TIMEOUT', failed_stage: 'EXPORTING' },
    });
    expect((await job.retry('again')).body).toMatchObject({
      resume_from_status: 'DRAFT_READY',
      checkpoint_ref: artifactUri(dispatchId, 'draft'),
    });
  });
});

test('the whole story: run, failure, retry, resume, export — and the audit trail replays to the present', async () => {
  const { job, dispatchId, pipeline } = await failedAfter('TRANSCRIBING');
  const retry = await job.retry('again');
  const second = await job.pipeline(retry.body.dispatch_id);
  const rest: ReportableStatus[] = [
    'TRANSCRIBING',
    'TRANSCRIPT_READY',
    'GENERATING',
    'DRAFT_READY',
    'EDITING',
    'REGENERATING',
    'DRAFT_READY',
    'EXPORTING',
    'DONE',
  ];
  await second.reportAll(...rest);

  const transitions = await job.transitions();
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
    'DRAFT_READY → EDITING',
    'EDITING → REGENERATING',
    'REGENERATING → DRAFT_READY',
    'DRAFT_READY → EXPORTING',
    'EXPORTING → DONE',
  ]);
  const replayed = transitions.reduce((status, { prev_status, new_status }) => {
    expect(prev_status).toBe(status);
    return new_status;
  }, 'CREATED');
  expect(await job.get()).toMatchObject({ status: replayed, open_dispatch: null });
  expect(transitions.map(({ seq }) => seq)).toEqual(transitions.map((_, index) => index + 1));
  const causes = transitions.map(({ actor_type, dispatch_id }) => [actor_type, dispatch_id]);
  expect(causes).toEqual([
    ['editor', null],
    ['system', dispatchId],
    ...Array(3).fill(['orchestrator', dispatchId]),
    ...Array(9).fill(['orchestrator', second.dispatchId]),
  ]);
  expect(pipeline.token).not.toBe(second.token);
  expect(await job.executions()).toHaveLength(2);
});

test('the workspace’s listing follows the job', async () => {
  const { job, pipeline } = await jobAt('TRANSCRIBING');
  const listed = async (status: string) => {
    const page = await call('GET', `/projects/${job.projectId}/jobs?status=${status}`, { token: job.token });
    return page.body.items.map(({ id }: { id: string }) => id);
  };
  await until(async () => expect(await listed('TRANSCRIBING')).toEqual([job.id]));
  await pipeline.report('FAILED');
  await until(async () => expect(await listed('FAILED')).toEqual([job.id]));
  expect(await listed('TRANSCRIBING')).toEqual([]);
});

describe('an artifact that exists', () => {
  test.for([
    ['one report after its checkpoint', ['AUDIO_READY', 'TRANSCRIBING'], 'TRANSCRIBING'],
    ['with the report of a later failure', ['AUDIO_READY', 'TRANSCRIBING'], 'FAILED'],
  ] as const)('is resumed from when it came %s', async ([_when, reports, bringing]) => {
    const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
    const late = { artifact_updates: { audio_uri: 's3://a/late' } };
    for (const status of reports) {
      await pipeline.report(status, status === bringing ? late : { artifact_updates: null });
    }
    await pipeline.report('FAILED', bringing === 'FAILED' ? late : {});
    expect(await job.retry('again')).toMatchObject({
      status: 202,
      body: { resume_from_status: 'AUDIO_READY', checkpoint_ref: 's3://a/late' },
    });
  });

  test('is resumed from when its pipeline says that a later stage has failed', async () => {
    const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
    await pipeline.report('FAILED', {
      failed_stage: 'TRANSCRIBING',
      artifact_updates: { audio_uri: 's3://a/late' },
    });
    expect((await job.retry('again')).body).toMatchObject({ resume_from_status: 'AUDIO_READY' });
  });

  test('is not resumed from when its own stage has failed', async () => {
    const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
    await pipeline.report('FAILED', {
      failed_stage: 'AUDIO_EXTRACTING',
      artifact_updates: { audio_uri: 's3://a/half' },
    });
    expect((await job.retry('again')).body).toMatchObject({ resume_from_status: 'UPLOADED' });
  });

  test('in its newest version is what the manifest shows and what a retry is given', async () => {
    const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
    await pipeline.report('AUDIO_READY', { artifact_updates: { audio_uri: 's3://a/first' } });
    await pipeline.report('TRANSCRIBING', { artifact_updates: { audio_uri: 's3://a/second' } });
    await pipeline.report('FAILED');
    expect((await job.get()).manifest.audio_uri).toBe('s3://a/second');
    expect((await job.retry('again')).body).toMatchObject({ checkpoint_ref: 's3://a/second' });
  });
});

describe('reporters whose clocks differ', () => {
  test('lose nothing: what follows is taken, whatever time it bears', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');
    for (const status of ['TRANSCRIBING', 'TRANSCRIPT_READY', 'GENERATING', 'DRAFT_READY'] as const) {
      await pipeline.report(status, { occurred_at: minutesAgo(40_000) });
    }
    expect(await job.status()).toBe('DRAFT_READY');
  });

  test('a step back under an earlier time is one that was overtaken', async () => {
    const { pipeline } = await jobAt('EXPORTING');
    const reply = await pipeline.send(pipeline.body('EDITING', { occurred_at: minutesAgo(40_000) }));
    expect([reply.status, reply.body.error_code]).toEqual([409, 'CALLBACK_OUT_OF_ORDER']);
  });
});

test('a settled pipeline’s token is good for as long as it may still report, and no longer', async () => {
  const { job, pipeline } = await jobAt('DRAFT_READY');
  const { lastProgressAt } = await job.stored();
  await job.patch({ lastProgressAt: Number(lastProgressAt) - config.rules.lateReportMs - 1_000 });
  const reply = await pipeline.send(pipeline.body('EXPORTING'));
  expect([reply.status, reply.body.error_code]).toEqual([409, 'DISPATCH_NOT_CURRENT']);
});
