// The queue's side: a message is a wake-up call, and the job decides what becomes of it.
import { createExecutionContext, createMessageBatch, env, getQueueResult } from 'cloudflare:test';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { DispatchMessage } from '../../src/contract/messages.ts';
import worker from '../../src/index.ts';
import { newId } from '../support/ids.ts';
import {
  type ActingJob,
  ASYNC,
  jobAt,
  losingMessages,
  messagesArriveAgain,
  SHORT_WAIT,
  uploadedJob,
} from '../support/workerd/acting.ts';
import { orchestrator } from '../support/workerd/harness.ts';

/** What the consumer of `queue` says to each of these messages, in order. */
async function bring(queue: string, ...bodies: unknown[]): Promise<string[]> {
  const ids = bodies.map((_, index) => `message-${index}`);
  const batch = createMessageBatch(
    queue,
    bodies.map((body, index) => ({ id: ids[index] ?? '', timestamp: new Date(), attempts: 1, body })),
  );
  // The queue's own result says which messages are retried, and leaves out after how long.
  const retries = batch.messages.map((message) => vi.spyOn(message, 'retry'));
  const ctx = createExecutionContext();
  await worker.queue(batch, env);
  const { explicitAcks } = await getQueueResult(batch, ctx);
  return ids.map((id, index) => {
    if (explicitAcks.includes(id)) return 'acked';
    const [options] = retries[index]?.mock.lastCall ?? [];
    return options ? `retried after ${options.delaySeconds} s` : 'neither';
  });
}

const DISPATCHES = 'retake-dispatches';
const DEAD_LETTERS = 'retake-dead-letters';

const messageOf = (job: ActingJob, dispatchId: string, kind: DispatchMessage['kind'] = 'dispatch') =>
  ({ job_id: job.id, dispatch_id: dispatchId, kind }) satisfies DispatchMessage;

/** A dispatch whose own message was lost: only the test brings it. */
async function pendingDispatch(): Promise<{ job: ActingJob; dispatchId: string; message: DispatchMessage }> {
  const job = await uploadedJob();
  losingMessages();
  const run = await job.run(ASYNC);
  messagesArriveAgain();
  const dispatchId: string = run.body.dispatch_id;
  return { job, dispatchId, message: messageOf(job, dispatchId) };
}

function listening(level: 'error' | 'warn') {
  const spy = vi.spyOn(console, level);
  onTestFinished(() => spy.mockRestore());
  return () => spy.mock.calls.map(([line]) => JSON.parse(String(line)));
}

describe('a message that is wanted', () => {
  test('is delivered and acknowledged', async () => {
    const { job, dispatchId, message } = await pendingDispatch();
    expect(await bring(DISPATCHES, message)).toEqual(['acked']);
    expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'DELIVERED' });
  });

  test('is brought again after the pause that the job decides', async () => {
    const { job, message } = await pendingDispatch();
    await job.answers({ kind: 'error', status: 503, retry_after: '7' });
    expect(await bring(DISPATCHES, message)).toEqual(['retried after 7 s']);
  });

  test('is acknowledged once the delivery was given up', async () => {
    const { job, dispatchId, message } = await pendingDispatch();
    await job.answers({ kind: 'refuse', status: 422 });
    expect(await bring(DISPATCHES, message)).toEqual(['acked']);
    expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'UNDELIVERABLE' });
  });
});

describe('a message that is not wanted is acknowledged and nobody is called', () => {
  test('because it is a duplicate in the same batch', async () => {
    const { job, message } = await pendingDispatch();
    expect(await bring(DISPATCHES, message, message, message)).toEqual(['acked', 'acked', 'acked']);
    expect(await job.requests()).toHaveLength(1);
  });

  test('because another copy is being delivered', async () => {
    const { job, message } = await pendingDispatch();
    await job.answers({ kind: 'hold' });
    const first = bring(DISPATCHES, message);
    await orchestrator.waitFor(job.id, 'held');
    expect(await bring(DISPATCHES, message)).toEqual(['acked']);
    await orchestrator.release(job.id);
    expect(await first).toEqual(['acked']);
    expect(await job.requests()).toHaveLength(1);
  });

  test('because the dispatch was delivered before', async () => {
    const { job, dispatchId } = await jobAt('TRANSCRIBING');
    expect(await bring(DISPATCHES, messageOf(job, dispatchId))).toEqual(['acked']);
    expect(await job.requests()).toHaveLength(1);
  });

  test('because the dispatch was withdrawn', async () => {
    const { job, dispatchId, message } = await pendingDispatch();
    await job.age(120_000);
    await job.alarm();
    expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'UNDELIVERABLE' });
    expect(await bring(DISPATCHES, message)).toEqual(['acked']);
    expect(await job.requests()).toHaveLength(0);
  });

  test('because its window is over, even before the alarm has said so', async () => {
    const { job, message } = await pendingDispatch();
    await job.age(60_500);
    expect(await bring(DISPATCHES, message)).toEqual(['acked']);
    expect(await job.requests()).toHaveLength(0);
  });

  test('because the job was cancelled', async () => {
    const { job, message } = await pendingDispatch();
    await job.cancel();
    expect(await bring(DISPATCHES, message)).toEqual(['acked']);
    expect(await job.requests()).toHaveLength(0);
  });

  test('because a cancel was delivered or is not due', async () => {
    const { job, dispatchId } = await jobAt('TRANSCRIBING');
    expect(await bring(DISPATCHES, messageOf(job, dispatchId, 'cancel'))).toEqual(['acked']);
    await job.cancel();
    await orchestrator.waitFor(job.id, 'cancels');
    expect(await bring(DISPATCHES, messageOf(job, dispatchId, 'cancel'))).toEqual(['acked']);
    expect(await job.requests()).toHaveLength(2);
  });

  test('because there is no such dispatch, or no such job', async () => {
    const { job } = await jobAt('TRANSCRIBING');
    const nobody = { job_id: newId('job'), dispatch_id: newId('dsp'), kind: 'dispatch' };
    expect(await bring(DISPATCHES, messageOf(job, newId('dsp')), nobody)).toEqual(['acked', 'acked']);
    expect(await job.requests()).toHaveLength(1);
  });
});

test('twenty consumers that claim the same dispatch at once: one may deliver, nineteen drop it', async () => {
  const { job, dispatchId } = await pendingDispatch();
  const claims = await Promise.all(
    Array.from({ length: 20 }, async () => (await job.stub.claim(dispatchId, 'dispatch')).verdict),
  );
  expect(claims.sort()).toEqual(['deliver', ...Array(19).fill('drop')]);
});

test('a message that is none of ours is acknowledged, and logged without its content', async () => {
  const errors = listening('error');
  const rubbish = [
    null,
    'text',
    7,
    {},
    { job_id: 1 },
    { job_id: 'secret', dispatch_id: 'x', kind: 'explode' },
  ];
  expect(await bring(DISPATCHES, ...rubbish)).toEqual(rubbish.map(() => 'acked'));
  expect(errors().map(({ event }) => event)).toEqual(rubbish.map(() => 'dispatch_message_invalid'));
  expect(JSON.stringify(errors())).not.toContain('secret');
});

test('a message that fails does not touch the others of its batch', async () => {
  const { job, dispatchId, message } = await pendingDispatch();
  expect(await bring(DISPATCHES, 'rubbish', message)).toEqual(['acked', 'acked']);
  expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'DELIVERED' });
});

describe('a job that cannot be reached', () => {
  function unreachable(): void {
    vi.spyOn(env.JOB, 'getByName').mockImplementation(() => {
      throw new Error('the object is being moved');
    });
    onTestFinished(() => {
      vi.restoreAllMocks();
    });
  }

  test('is asked again: the message stays on the queue', async () => {
    const { message } = await pendingDispatch();
    unreachable();
    expect(await bring(DISPATCHES, message)).toEqual(['retried after 2 s']);
  });

  test('when the delivery is over is told by the repeat, and the orchestrator executes once', async () => {
    const { job, dispatchId, message } = await pendingDispatch();
    const stub = env.JOB.getByName(job.id);
    const claim = await stub.claim(dispatchId, 'dispatch');
    expect(claim.verdict).toBe('deliver');
    // The consumer that claimed it is gone without a word: its lease runs out with the actor's memory.
    await job.forget();
    expect(await bring(DISPATCHES, message)).toEqual(['acked']);
    expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'DELIVERED' });
    expect(await job.executions()).toHaveLength(1);
  });

  test('is told of its dead letter later', async () => {
    const { message } = await pendingDispatch();
    unreachable();
    expect(await bring(DEAD_LETTERS, message)).toEqual(['retried after 10 s']);
  });
});

describe('a dead letter', () => {
  test('ends the delivery: the dispatch is withdrawn, the job is as it was', async () => {
    const { job, dispatchId, message } = await pendingDispatch();
    expect(await bring(DEAD_LETTERS, message)).toEqual(['acked']);
    expect(await job.dispatch(dispatchId)).toMatchObject({
      dispatch_state: 'UNDELIVERABLE',
      delivery_attempts: 0,
      last_error: 'The queue gave up on the message.',
    });
    expect(await job.get()).toMatchObject({ status: 'UPLOADED', open_dispatch: null });
  });

  test('wakes the waiting caller with 502', async () => {
    const job = await uploadedJob();
    const lost = losingMessages();
    const waiting = job.run(SHORT_WAIT);
    await vi.waitFor(() => expect(lost).toHaveLength(1));
    expect(await bring(DEAD_LETTERS, ...lost)).toEqual(['acked']);
    expect(await waiting).toMatchObject({
      status: 502,
      body: { error_code: 'ORCHESTRATOR_DISPATCH_FAILED' },
    });
  });

  test('keeps what the last attempt said', async () => {
    const { job, dispatchId, message } = await pendingDispatch();
    await job.answers({ kind: 'error', status: 503 });
    await bring(DISPATCHES, message);
    await bring(DEAD_LETTERS, message);
    expect(await job.dispatch(dispatchId)).toMatchObject({
      dispatch_state: 'UNDELIVERABLE',
      last_error: 'The orchestrator answered 503.',
    });
  });

  test('of a dispatch that was delivered changes nothing', async () => {
    const { job, dispatchId } = await jobAt('TRANSCRIBING');
    const before = await job.get();
    expect(await bring(DEAD_LETTERS, messageOf(job, dispatchId))).toEqual(['acked']);
    expect(await job.get()).toEqual(before);
  });

  test('of a cancel gives the notice up', async () => {
    const { job, dispatchId } = await jobAt('TRANSCRIBING');
    losingMessages();
    await job.cancel();
    expect(await bring(DEAD_LETTERS, messageOf(job, dispatchId, 'cancel'))).toEqual(['acked']);
    expect(await job.storedDispatches()).toMatchObject([{ cancelNotice: { state: 'GIVEN_UP' } }]);
  });

  test('that is none of ours is acknowledged and logged', async () => {
    const errors = listening('error');
    expect(await bring(DEAD_LETTERS, 'rubbish', { kind: 'dispatch' })).toEqual(['acked', 'acked']);
    expect(errors().map(({ event }) => event)).toEqual(['dead_letter_invalid', 'dead_letter_invalid']);
  });
});
