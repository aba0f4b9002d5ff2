// Cancelling: it ends the job for good, ends the wait of whoever waits for a delivery, and reaches the orchestrator.
import { describe, expect, test } from 'vitest';
import { newId } from '../support/ids.ts';
import {
  type ActingJob,
  ASYNC,
  config,
  failedAfter,
  jobAt,
  losingMessages,
  messagesArriveAgain,
  until,
  uploadedJob,
} from '../support/workerd/acting.ts';
import type { Reply } from '../support/workerd/harness.ts';
import { orchestrator, storedRows } from '../support/workerd/harness.ts';

const cancelState = async (job: ActingJob): Promise<unknown[]> =>
  (await job.storedDispatches()).map(({ cancelNotice }) => cancelNotice?.state ?? null);

const typesOf = async (job: ActingJob): Promise<string[]> => (await job.requests()).map(({ type }) => type);

/** A retry whose caller waits while the orchestrator holds its answer back. */
async function retryOnHold(): Promise<{ job: ActingJob; waiting: Promise<Reply>; dispatchId: string }> {
  const { job } = await failedAfter('AUDIO_READY');
  await job.answers({ kind: 'hold' });
  const waiting = job.retry('again');
  const { requests } = await orchestrator.waitFor(job.id, 'held');
  return { job, waiting, dispatchId: requests[1]?.dispatch_id ?? '' };
}

describe('while the retry is waiting for its delivery', () => {
  test('the waiting caller is told at once that the job is cancelled', async () => {
    const { job, waiting } = await retryOnHold();
    expect(await job.cancel()).toMatchObject({
      status: 200,
      body: { status: 'CANCELLED', open_dispatch: null },
    });
    expect(await waiting).toMatchObject({
      status: 409,
      body: {
        error_code: 'RETRY_NOT_ALLOWED_STATE',
        details: { current_status: 'CANCELLED', attempted_status: 'AUDIO_READY', reason: 'not_failed' },
      },
    });
    await orchestrator.release(job.id);
  });

  test('everyone who waits for it is told, repeats of the request included', async () => {
    const { job, waiting } = await retryOnHold();
    const owner = await job.owner();
    const repeat = {
      type: 'retry',
      owner,
      actorId: 'alice',
      correlationId: 'req-1',
      newDispatchId: newId('dsp'),
      traceparent: '',
      windowMs: null,
      modelProfile: 'balanced',
      clientRequestId: 'again',
      resumeFrom: null,
      discardEdits: [],
      ifMatch: null,
    } as const;
    // Calls on one stub arrive in the order in which they were made.
    const { stub } = job;
    const repeats = [stub.dispatch(repeat, 10_000), stub.dispatch(repeat, 10_000)];
    await stub.cancel({ type: 'cancel', owner, actorId: 'alice', correlationId: 'req-2' });
    for (const answer of await Promise.all(repeats)) {
      expect(answer).toMatchObject({ ok: false, rejection: { code: 'RETRY_NOT_ALLOWED_STATE' } });
    }
    expect(await waiting).toMatchObject({ status: 409, body: { error_code: 'RETRY_NOT_ALLOWED_STATE' } });
    await orchestrator.release(job.id);
  });

  test('a delivery under way is followed, never overtaken, by its cancel, which names the execution', async () => {
    const { job, waiting, dispatchId } = await retryOnHold();
    await job.cancel();
    await waiting;
    expect(await job.stub.claim(dispatchId, 'cancel')).toMatchObject({ verdict: 'later' });

    await orchestrator.release(job.id);

    const { cancels, executions } = await orchestrator.waitFor(job.id, 'cancels');
    expect(await typesOf(job)).toEqual(['job.run', 'job.retry', 'job.cancel']);
    const executionId = executions.find(({ dispatch_id }) => dispatch_id === dispatchId)?.execution_id;
    expect((await job.requests()).at(-1)?.body).toMatchObject({ execution_id: executionId });
    expect(cancels).toMatchObject([{ dispatch_id: dispatchId, execution_id: executionId }]);
    await until(async () => expect(await cancelState(job)).toEqual([null, 'DELIVERED']));
    expect(await job.status()).toBe('CANCELLED');
  });

  test('a retry that is between two attempts is cancelled there too, since an attempt may have got through', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    await job.answers({ kind: 'error', status: 503, retry_after: '5' });
    const waiting = job.retry('again');
    const { requests } = await orchestrator.waitFor(job.id, 'requests', 2);
    const dispatchId = requests[1]?.dispatch_id ?? '';
    await until(async () => {
      expect(await job.dispatch(dispatchId)).toMatchObject({ delivery_attempts: 1 });
    });

    await job.cancel();

    expect(await waiting).toMatchObject({ status: 409, body: { error_code: 'RETRY_NOT_ALLOWED_STATE' } });
    const { cancels } = await orchestrator.waitFor(job.id, 'cancels');
    expect(cancels).toMatchObject([{ dispatch_id: dispatchId, execution_id: null }]);
    expect(await job.executions()).toHaveLength(1);
  });

  test('a dispatch that nobody ever claimed is dropped without a word to the orchestrator', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    const lostOf = losingMessages();
    const retry = await job.retry('again', ASYNC);
    await job.cancel();
    await job.alarm();
    expect(await cancelState(job)).toEqual([null, null]);
    expect(lostOf(job).map(({ message }) => message.kind)).toEqual(['dispatch']);
    expect(await job.dispatch(retry.body.dispatch_id)).toMatchObject({ dispatch_state: 'CANCELLED' });
    expect(await typesOf(job)).toEqual(['job.run']);
  });

  test('a dispatch from before a restart is cancelled there, since nobody knows whether it was claimed', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    losingMessages();
    await job.retry('again', ASYNC);
    await job.forget();
    messagesArriveAgain();
    await job.cancel();
    await orchestrator.waitFor(job.id, 'cancels');
    expect(await typesOf(job)).toEqual(['job.run', 'job.cancel']);
  });
});

describe('the notice to the orchestrator', () => {
  test.for([
    ...(['AUDIO_EXTRACTING', 'TRANSCRIBING', 'GENERATING', 'REGENERATING', 'EXPORTING'] as const),
    // A settled pipeline may go on.
    ...(['DRAFT_READY', 'EDITING'] as const),
  ])('is sent when the pipeline is at %s, with the execution’s id', async (status) => {
    const { job, dispatchId } = await jobAt(status);
    const [execution] = await job.executions();
    await job.cancel();
    const { cancels } = await orchestrator.waitFor(job.id, 'cancels');
    expect(cancels).toMatchObject([{ dispatch_id: dispatchId, execution_id: execution?.execution_id }]);
  });

  test('is delivered again when the orchestrator answers 500', async () => {
    const { job, dispatchId } = await jobAt('TRANSCRIBING');
    await job.plan({ cancel_answers: [{ kind: 'error', status: 500 }] });
    await job.cancel();
    await orchestrator.waitFor(job.id, 'cancels');
    const notices = (await job.requests()).filter(({ type }) => type === 'job.cancel');
    expect(notices.map(({ answer, idempotency_key }) => [answer, idempotency_key])).toEqual([
      [500, `${dispatchId}.cancel`],
      [202, `${dispatchId}.cancel`],
    ]);
    await until(async () => expect(await cancelState(job)).toEqual(['DELIVERED']));
  });

  test('is given up when the orchestrator refuses it for good; the job is cancelled all the same', async () => {
    const { job } = await jobAt('TRANSCRIBING');
    await job.plan({ cancel_answers: [{ kind: 'refuse', status: 404 }] });
    await job.cancel();
    await until(async () => expect(await cancelState(job)).toEqual(['GIVEN_UP']));
    expect(await job.status()).toBe('CANCELLED');
  });

  test('is sent again when its message was lost', async () => {
    const { job } = await jobAt('TRANSCRIBING');
    losingMessages();
    await job.cancel();
    await job.forget();
    messagesArriveAgain();
    expect(await job.alarm()).toBe(true);
    await orchestrator.waitFor(job.id, 'cancels');
  });

  test('is given up by the alarm when its window is over, and nothing is awaited any more', async () => {
    const { job } = await jobAt('TRANSCRIBING');
    losingMessages();
    await job.cancel();
    await job.age(config.rules.dispatchDeadlineMs + 2_000);
    await job.alarm();
    expect(await cancelState(job)).toEqual(['GIVEN_UP']);
    expect(await job.alarmAt()).toBeNull();
  });
});

describe('a cancelled job', () => {
  test('can’t be retried, not even by a repeat of a request that was accepted before', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    expect((await job.retry('again')).status).toBe(202);
    await job.cancel();
    await orchestrator.waitFor(job.id, 'cancels');
    await until(async () => expect(await cancelState(job)).toEqual([null, 'DELIVERED']));
    const before = await storedRows(job.id);
    for (const key of ['again', 'new']) {
      expect(await job.retry(key)).toMatchObject({
        status: 409,
        body: { error_code: 'RETRY_NOT_ALLOWED_STATE', details: { current_status: 'CANCELLED' } },
      });
    }
    expect(await storedRows(job.id)).toEqual(before);
    expect(await typesOf(job)).toEqual(['job.run', 'job.retry', 'job.cancel']);
  });

  test('can’t be run, not even by a repeat of the run', async () => {
    const { job } = await jobAt('TRANSCRIBING');
    await job.cancel();
    expect(await job.run()).toMatchObject({
      status: 409,
      body: { error_code: 'FSM_TERMINAL_IMMUTABLE', details: { current_status: 'CANCELLED' } },
    });
  });

  test('answers a repeated cancel as the first, and is cancelled once', async () => {
    const { job } = await jobAt('TRANSCRIBING');
    const first = await job.cancel();
    expect(await job.cancel()).toMatchObject({ status: 200, body: first.body });
    expect((await job.trail()).filter((step) => step.endsWith('CANCELLED'))).toHaveLength(1);
  });

  test('tells a late pipeline to stop', async () => {
    const { job, pipeline } = await jobAt('TRANSCRIBING');
    await job.cancel();
    for (const status of ['TRANSCRIPT_READY', 'FAILED'] as const) {
      expect(await pipeline.send(pipeline.body(status))).toMatchObject({
        status: 409,
        body: { error_code: 'DISPATCH_NOT_CURRENT', details: { dispatch_state: 'CANCELLED' } },
      });
    }
    expect(await job.status()).toBe('CANCELLED');
  });

  test('does not move for a pipeline whose dispatch a draft had settled before', async () => {
    const { job, pipeline } = await jobAt('EXPORTING');
    await job.cancel();
    const reply = await pipeline.send(pipeline.body('DONE'));
    expect([reply.status, reply.body.error_code]).toEqual([409, 'DISPATCH_NOT_CURRENT']);
    expect(await job.status()).toBe('CANCELLED');
  });

  test('keeps its failure and artifacts on record', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    await job.retry('again');
    const { failure, manifest } = await job.get();
    expect((await job.cancel()).body).toMatchObject({ status: 'CANCELLED', failure, manifest });
  });
});

test('a failed job that nobody retries can’t be cancelled: it has ended', async () => {
  const { job } = await failedAfter('AUDIO_READY');
  expect(await job.cancel()).toMatchObject({
    status: 409,
    body: { error_code: 'FSM_TERMINAL_IMMUTABLE', details: { current_status: 'FAILED' } },
  });
});

test('a failed job whose retry is open can be cancelled, from where the retry would resume', async () => {
  const { job } = await failedAfter('AUDIO_READY');
  const retry = await job.retry('again');
  expect((await job.cancel()).status).toBe(200);
  expect((await job.transitions()).at(-1)).toMatchObject({
    actor_type: 'editor',
    prev_status: 'FAILED',
    new_status: 'CANCELLED',
    dispatch_id: retry.body.dispatch_id,
  });
});

test('a cancel and a run at once: whoever comes second sees what the first one did', async () => {
  const job = await uploadedJob();
  const [run, cancel] = await Promise.all([job.run(), job.cancel()]);
  expect(cancel.status).toBe(200);
  expect([409, 202]).toContain(run.status);
  expect(await job.get()).toMatchObject({ status: 'CANCELLED', open_dispatch: null });
});
