// The queue's side: a message is a wake-up call, and the job decides what becomes of it.
import { createExecutionContext, createMessageBatch, env, waitOnExecutionContext } from 'cloudflare:test';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { isDispatchId } from '../../src/contract/ids.ts';
import type { DispatchMessage } from '../../src/contract/messages.ts';
import { createConsumer } from '../../src/dispatch/consumer.ts';
import worker from '../../src/index.ts';
import { newId } from '../support/ids.ts';
import {
  type ActingJob,
  ASYNC,
  config,
  createdJob,
  type Home,
  jobAt,
  losingMessages,
  messagesArriveAgain,
  newHome,
  SHORT_WAIT,
  uploadedJob,
} from '../support/workerd/acting.ts';
import { orchestrator } from '../support/workerd/harness.ts';

/** Messages as the queue brings them, and what their consumer says to each, in order. */
function batchOf(queue: string, bodies: readonly unknown[], attempts = 1) {
  const ids = bodies.map((_, index) => `message-${index}`);
  const batch = createMessageBatch(
    queue,
    bodies.map((body, index) => ({ id: ids[index] ?? '', timestamp: new Date(), attempts, body })),
  );
  // The queue's own result says which messages are retried, and leaves out after how long.
  const said = batch.messages.map((message) => ({
    ack: vi.spyOn(message, 'ack'),
    retry: vi.spyOn(message, 'retry'),
  }));
  const answers = (): string[] =>
    said.map(({ ack, retry }) => {
      if (ack.mock.lastCall) return 'acked';
      const [options] = retry.mock.lastCall ?? [];
      return options ? `retried after ${options.delaySeconds} s` : 'neither';
    });
  return { batch, answers };
}

/** What the consumer of `queue` says to each of these messages, once it has done all that it does. */
async function bring(queue: string, ...bodies: unknown[]): Promise<string[]> {
  const { batch, answers } = batchOf(queue, bodies);
  const ctx = createExecutionContext();
  await worker.queue(batch, env, ctx);
  await waitOnExecutionContext(ctx);
  return answers();
}

const DISPATCHES = 'retake-dispatches';
const DEAD_LETTERS = 'retake-dead-letters';

const messageOf = (job: ActingJob, dispatchId: string, kind: DispatchMessage['kind'] = 'dispatch') =>
  ({ job_id: job.id, dispatch_id: dispatchId, kind, owner: 'own_any' }) satisfies DispatchMessage;

/** A dispatch whose own message was lost: only the test brings it. */
async function pendingDispatch(): Promise<{ job: ActingJob; dispatchId: string; message: DispatchMessage }> {
  const job = await uploadedJob();
  losingMessages();
  const run = await job.run(ASYNC);
  messagesArriveAgain();
  const dispatchId: string = run.body.dispatch_id;
  return { job, dispatchId, message: messageOf(job, dispatchId) };
}

/** From here on the queue takes messages and brings none, until the end of the test. What this job sent, with which pauses. */
function keepingMessages(job: ActingJob) {
  const lostOf = losingMessages();
  return () => lostOf(job).map(({ message, options }) => [message, options] as const);
}

/** Calls of this job fail so often, before they arrive or `after` they have been carried out. How many there were. */
function failing(
  job: ActingJob,
  method: 'claim' | 'reportDelivery',
  { times, after }: { times: number; after: boolean },
) {
  let calls = 0;
  const getByName = env.JOB.getByName.bind(env.JOB);
  vi.spyOn(env.JOB, 'getByName').mockImplementation((id) => {
    const stub = getByName(id);
    if (id !== job.id) return stub;
    const call = async (...args: unknown[]) => {
      calls += 1;
      const fails = calls <= times;
      if (fails && !after) throw new Error('the object is being moved');
      const answer = await Reflect.apply(stub[method], stub, args);
      if (fails) throw new Error('the connection was lost');
      return answer;
    };
    return new Proxy(stub, {
      get: (target, name) => (name === method ? call : Reflect.get(target, name, target)),
    });
  });
  onTestFinished(messagesArriveAgain);
  return () => calls;
}

/** The errors that are logged from here on, those of other tests that are still at work among them. */
function listening() {
  const spy = vi.spyOn(console, 'error');
  onTestFinished(() => spy.mockRestore());
  return () => spy.mock.calls.map(([line]) => JSON.parse(String(line)));
}

/** What a message that is none of ours may have caused: others are at fault in an alarm, or about a dispatch that there is. */
const causedByRubbish = (lines: { event: string; dispatch_id?: string }[]) =>
  lines
    .filter(({ event, dispatch_id = '' }) => event !== 'alarm_failed' && !isDispatchId(dispatch_id))
    .map(({ event }) => event);

describe('a message that is wanted', () => {
  test('is delivered and acknowledged', async () => {
    const { job, dispatchId, message } = await pendingDispatch();
    expect(await bring(DISPATCHES, message)).toEqual(['acked']);
    expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'DELIVERED' });
  });

  test('is acknowledged as soon as it is claimed: the queue does not wait for the orchestrator', async () => {
    const { job, dispatchId, message } = await pendingDispatch();
    await job.answers({ kind: 'hold' });
    const { batch, answers } = batchOf(DISPATCHES, [message]);
    const ctx = createExecutionContext();
    await worker.queue(batch, env, ctx);
    expect(answers()).toEqual(['acked']);
    await orchestrator.waitFor(job.id, 'held');
    expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'PENDING' });
    await orchestrator.release(job.id);
    await waitOnExecutionContext(ctx);
    expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'DELIVERED' });
  });

  test('is sent again by the job after a failed attempt, with the pause that it decides', async () => {
    const { job, message } = await pendingDispatch();
    await job.answers({ kind: 'error', status: 503, retry_after: '7' });
    const sent = keepingMessages(job);
    expect(await bring(DISPATCHES, message)).toEqual(['acked']);
    expect(sent()).toEqual([[{ ...message, owner: await job.owner() }, { delaySeconds: 7 }]]);
  });

  test('is sent again once after a failed attempt to tell the pipeline to stop, with the same pauses', async () => {
    const { job, dispatchId } = await jobAt('TRANSCRIBING');
    const sent = keepingMessages(job);
    await job.plan({ cancel_answers: [{ kind: 'error', status: 503, retry_after: '7' }] });
    await job.cancel();
    const message = messageOf(job, dispatchId, 'cancel');
    expect(await bring(DISPATCHES, message)).toEqual(['acked']);
    const owner = await job.owner();
    expect(sent()).toEqual([
      [{ ...message, owner }, { delaySeconds: 0 }],
      [{ ...message, owner }, { delaySeconds: 7 }],
    ]);
  });

  test('is sent again with its pause, and not at once as well, by a job that has forgotten who delivers it', async () => {
    const { job, dispatchId } = await jobAt('TRANSCRIBING');
    const sent = keepingMessages(job);
    await job.cancel();
    await job.forget();
    const error = 'The orchestrator answered 503.';
    const outcome = { kind: 'unreachable', error, retryAfterMs: 7_000 } as const;
    await job.stub.reportDelivery(dispatchId, 'cancel', outcome, 'a claim of before');
    expect(sent().map(([_message, options]) => options)).toEqual([{ delaySeconds: 0 }, { delaySeconds: 7 }]);
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
    await job.answers({ kind: 'refuse', status: 422 });
    await bring(DISPATCHES, message);
    expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'UNDELIVERABLE' });
    expect(await bring(DISPATCHES, message)).toEqual(['acked']);
    expect(await job.requests()).toHaveLength(1);
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

test('a claim whose answer was lost may be claimed again by the same consumer, and by no other', async () => {
  const { job, dispatchId } = await pendingDispatch();
  const claims = ['mine', 'mine', 'another'].map((id) => job.stub.claim(dispatchId, 'dispatch', id));
  const verdicts = (await Promise.all(claims)).map(({ verdict }) => verdict);
  expect(verdicts).toEqual(['deliver', 'deliver', 'drop']);
});

test('a message that is none of ours is acknowledged, and logged without its content', async () => {
  const errors = listening();
  const rubbish = [
    null,
    'text',
    7,
    {},
    { job_id: 1 },
    { job_id: 'secret', dispatch_id: 'x', kind: 'explode' },
  ];
  expect(await bring(DISPATCHES, ...rubbish)).toEqual(rubbish.map(() => 'acked'));
  expect(causedByRubbish(errors())).toEqual(rubbish.map(() => 'dispatch_message_invalid'));
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

  test('whose consumer is gone without a word is asked by another copy, and the orchestrator executes once', async () => {
    const { job, dispatchId, message } = await pendingDispatch();
    expect((await job.stub.claim(dispatchId, 'dispatch')).verdict).toBe('deliver');
    // Its lease is gone with the actor's memory.
    await job.forget();
    expect(await bring(DISPATCHES, message)).toEqual(['acked']);
    expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'DELIVERED' });
    expect(await job.executions()).toHaveLength(1);
  });

  test('whose consumer is gone without a word takes "this key is in progress" for "not yet", not for a refusal', async () => {
    const { job, dispatchId, message } = await pendingDispatch();
    expect(await job.stub.claim(dispatchId, 'dispatch')).toMatchObject({ delivery: { mayBeTaken: false } });
    await job.forget();
    await job.answers({ kind: 'refuse', status: 409 });
    expect(await bring(DISPATCHES, message)).toEqual(['acked']);
    expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'PENDING', delivery_attempts: 1 });
  });

  test.for([1, 2])('when it is to claim, %i times, is asked again at once', async (times) => {
    const { job, dispatchId, message } = await pendingDispatch();
    const calls = failing(job, 'claim', { times, after: true });
    expect(await bring(DISPATCHES, message)).toEqual(['acked']);
    expect(calls()).toBe(times + 1);
    expect(await job.dispatch(dispatchId)).toMatchObject({
      dispatch_state: 'DELIVERED',
      delivery_attempts: 1,
    });
  });

  test.for([true, false])(
    'when the delivery is over is told again at once (its answer was lost: %s), and counts one attempt',
    async (after) => {
      const { job, dispatchId, message } = await pendingDispatch();
      await job.answers({ kind: 'error', status: 503 });
      const sent = keepingMessages(job);
      const calls = failing(job, 'reportDelivery', { times: 2, after });
      expect(await bring(DISPATCHES, message)).toEqual(['acked']);
      expect(calls()).toBe(3);
      expect(await job.dispatch(dispatchId)).toMatchObject({
        dispatch_state: 'PENDING',
        delivery_attempts: 1,
        last_error: 'The orchestrator answered 503.',
      });
      expect(sent()).toHaveLength(1);
    },
  );

  test('when the delivery is over, three times, is asked by a message that comes when its claim is over', async () => {
    const { job, message } = await pendingDispatch();
    const sent = keepingMessages(job);
    const calls = failing(job, 'reportDelivery', { times: 3, after: false });
    const claimedAfter = Date.now();
    expect(await bring(DISPATCHES, message)).toEqual(['acked']);
    expect(calls()).toBe(3);
    const [[again, options] = []] = sent();
    expect(again).toEqual(message);
    // It was sent before now, so that this much later is no earlier than it comes.
    const comesAt = Date.now() + Number(options?.delaySeconds) * 1_000;
    expect(comesAt).toBeGreaterThanOrEqual(claimedAfter + config.orchestratorTimeoutMs + 2_000);
  });

  test('and that nobody has an answer from is asked again later: a claim that hangs does not hold the queue up', async () => {
    const { message } = await pendingDispatch();
    vi.spyOn(env.JOB, 'getByName').mockReturnValue({ claim: () => new Promise(() => {}) } as never);
    onTestFinished(() => {
      vi.restoreAllMocks();
    });
    expect(await bring(DISPATCHES, message)).toEqual(['retried after 2 s']);
  });

  test('is told of its dead letter later', async () => {
    const { message } = await pendingDispatch();
    unreachable();
    expect(await bring(DEAD_LETTERS, message)).toEqual(['retried after 10 s']);
  });
});

test('a verdict that a newer job gives and nobody here understands leaves the message on the queue, and calls nobody', async () => {
  const { job, message } = await pendingDispatch();
  vi.spyOn(env.JOB, 'getByName').mockReturnValue({ claim: async () => ({ verdict: 'ponder' }) } as never);
  expect(await bring(DISPATCHES, message)).toEqual(['retried after 2 s']);
  messagesArriveAgain();
  expect(await job.requests()).toHaveLength(0);
});

describe('with as many deliveries open as may be', () => {
  /** A consumer that has this many open at the most, and what it says to each message. */
  function consumerOf(limit: string) {
    const consume = createConsumer();
    const ctx = createExecutionContext();
    const bringTimes = async (attempts: number, ...messages: DispatchMessage[]) => {
      const { batch, answers } = batchOf(DISPATCHES, messages, attempts);
      await consume(batch, { ...env, MAX_OPEN_DELIVERIES: limit } as unknown as Env, ctx);
      return answers();
    };
    return {
      bringTimes,
      bring: (...messages: DispatchMessage[]) => bringTimes(1, ...messages),
      /** Lets these deliveries end. */
      release: async (...jobs: ActingJob[]) => {
        for (const { id } of jobs) await orchestrator.waitFor(id, 'held');
        for (const { id } of jobs) await orchestrator.release(id);
        await waitOnExecutionContext(ctx);
      },
    };
  }

  /** A dispatch whose delivery ends when it is released. */
  async function heldMessage(home: Home) {
    const job = await createdJob({ answers: [{ kind: 'hold' }] }, home);
    await job.confirm();
    losingMessages();
    const run = await job.run(ASYNC);
    messagesArriveAgain();
    return { job, message: { ...messageOf(job, run.body.dispatch_id), owner: await job.owner() } };
  }

  test('an owner has half of them, the rest of his messages come back a second later, and another’s are delivered', async () => {
    const { bring, release } = consumerOf('4');
    const [alice, bob] = [await newHome(), await newHome()];
    const first = await heldMessage(alice);
    const second = await heldMessage(alice);
    const third = await heldMessage(alice);
    const bobs = await heldMessage(bob);
    const said = await bring(first.message, second.message, third.message);
    expect(said).toEqual(['acked', 'acked', 'retried after 1 s']);
    expect(await bring(bobs.message)).toEqual(['acked']);
    await release(first.job, second.job, bobs.job);
    expect(await bring(third.message)).toEqual(['acked']);
    await release(third.job);
  });

  test('what is not wanted, or cannot be claimed, takes no place from what comes then', async () => {
    const { bring, release } = consumerOf('1');
    const home = await newHome();
    const first = await heldMessage(home);
    const second = await heldMessage(home);
    expect(await bring({ ...first.message, dispatch_id: newId('dsp') })).toEqual(['acked']);
    failing(first.job, 'claim', { times: 3, after: false });
    expect(await bring(first.message)).toEqual(['retried after 2 s']);
    messagesArriveAgain();
    expect(await bring(second.message)).toEqual(['acked']);
    await release(second.job);
  });

  test('a message is the more patient the longer it waits', async () => {
    const { bring, bringTimes, release } = consumerOf('1');
    const home = await newHome();
    const first = await heldMessage(home);
    const second = await heldMessage(home);
    expect(await bring(first.message)).toEqual(['acked']);
    const pauses = [1, 5, 6, 100].map((times) => bringTimes(times, second.message));
    expect((await Promise.all(pauses)).flat()).toEqual([
      'retried after 1 s',
      'retried after 1 s',
      'retried after 2 s',
      'retried after 20 s',
    ]);
    await release(first.job);
  });
});

describe('a dead letter', () => {
  test('does not end the delivery: it is noted, and the job sends its message again', async () => {
    const { job, dispatchId, message } = await pendingDispatch();
    const sent = keepingMessages(job);
    expect(await bring(DEAD_LETTERS, message)).toEqual(['acked']);
    expect(await job.dispatch(dispatchId)).toMatchObject({
      dispatch_state: 'PENDING',
      delivery_attempts: 0,
      last_error: 'The queue gave up on the message.',
    });
    expect(sent()).toEqual([[{ ...message, owner: await job.owner() }, { delaySeconds: 0 }]]);
  });

  test('leaves a delivery that another copy is under way with alone', async () => {
    const { job, dispatchId, message } = await pendingDispatch();
    await job.answers({ kind: 'hold' });
    const first = bring(DISPATCHES, message);
    await orchestrator.waitFor(job.id, 'held');
    const sent = keepingMessages(job);
    expect(await bring(DEAD_LETTERS, message)).toEqual(['acked']);
    await orchestrator.release(job.id);
    await first;
    expect(sent()).toEqual([]);
    expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'DELIVERED' });
  });

  test('leaves the waiting caller his window, and is what he is told when nothing else was heard within it', async () => {
    const job = await uploadedJob();
    const sent = keepingMessages(job);
    const waiting = job.run(SHORT_WAIT);
    await vi.waitFor(() => expect(sent()).toHaveLength(1));
    expect(await bring(DEAD_LETTERS, ...sent().map(([message]) => message))).toEqual(['acked']);
    expect(await waiting).toMatchObject({
      status: 502,
      body: {
        error_code: 'ORCHESTRATOR_DISPATCH_FAILED',
        details: { delivery_attempts: 0, last_error: 'The queue gave up on the message.' },
      },
    });
  });

  test('keeps what the last attempt said', async () => {
    const { job, dispatchId, message } = await pendingDispatch();
    await job.answers({ kind: 'error', status: 503 });
    keepingMessages(job);
    await bring(DISPATCHES, message);
    await bring(DEAD_LETTERS, message);
    expect(await job.dispatch(dispatchId)).toMatchObject({
      dispatch_state: 'PENDING',
      last_error: 'The orchestrator answered 503.',
    });
  });

  test('of a dispatch that was delivered changes nothing', async () => {
    const { job, dispatchId } = await jobAt('TRANSCRIBING');
    const before = await job.get();
    expect(await bring(DEAD_LETTERS, messageOf(job, dispatchId))).toEqual(['acked']);
    expect(await job.get()).toEqual(before);
  });

  test('of a cancel does not end its delivery either', async () => {
    const { job, dispatchId } = await jobAt('TRANSCRIBING');
    const sent = keepingMessages(job);
    await job.cancel();
    const message = messageOf(job, dispatchId, 'cancel');
    expect(await bring(DEAD_LETTERS, message)).toEqual(['acked']);
    expect(await job.storedDispatches()).toMatchObject([{ cancelNotice: { state: 'PENDING' } }]);
    expect(sent()).toHaveLength(2);
  });

  test('that is none of ours is acknowledged and logged', async () => {
    const errors = listening();
    expect(await bring(DEAD_LETTERS, 'rubbish', { kind: 'dispatch' })).toEqual(['acked', 'acked']);
    expect(causedByRubbish(errors())).toEqual(['dead_letter_invalid', 'dead_letter_invalid']);
  });
});
