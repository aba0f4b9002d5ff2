// Nothing is stuck for ever: every timer of the delivery protocol, fired through the alarm. Time passes by making
// what is stored older.
import { env, runInDurableObject } from 'cloudflare:test';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { JobActor } from '../../src/actor/job-actor.ts';
import { newId } from '../support/ids.ts';
import {
  type ActingJob,
  ASYNC,
  config,
  createdJob,
  failedAfter,
  jobAt,
  losingMessages,
  messagesArriveAgain,
  retriedAfter,
  SHORT_WAIT,
  until,
  uploadedJob,
} from '../support/workerd/acting.ts';
import { allRows, call, storedRows } from '../support/workerd/harness.ts';

const { ackTimeoutMs, stageTimeoutMs, dispatchDeadlineMs } = config.rules;
const SOME_MS = 2_000;

async function pendingRetry(): Promise<{ job: ActingJob; dispatchId: string }> {
  const { job } = await failedAfter('AUDIO_READY');
  losingMessages();
  const retry = await job.retry('again', ASYNC);
  return { job, dispatchId: retry.body.dispatch_id };
}

/** What the job stored apart from its dispatches, its alarm's doing excluded. */
async function jobRow(job: ActingJob) {
  return (await storedRows(job.id)).job;
}

describe('waiting for the delivery', () => {
  test('a dispatch whose message was lost in a restart is sent again, and executed once', async () => {
    const { job, dispatchId } = await pendingRetry();
    await job.forget();
    messagesArriveAgain();
    expect(await job.alarm()).toBe(true);
    await job.untilDispatch(dispatchId, 'DELIVERED');
    expect((await job.executions()).filter(({ dispatch_id }) => dispatch_id === dispatchId)).toHaveLength(1);
  });

  test('a dispatch whose message was lost without a restart is sent again when half the window has passed', async () => {
    const { job, dispatchId } = await pendingRetry();
    messagesArriveAgain();
    passTime(dispatchDeadlineMs / 2);
    expect(await job.alarm()).toBe(true);
    await job.untilDispatch(dispatchId, 'DELIVERED');
  });

  test('a message that may still be on the queue is not sent twice', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    const lostOf = losingMessages();
    await job.retry('again', ASYNC);
    await job.alarm();
    await job.alarm();
    expect(lostOf(job)).toHaveLength(1);
  });

  test('a message that the queue did not take is sent again five seconds later, however long the window is', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    const send = vi.spyOn(env.DISPATCHES, 'send').mockRejectedValueOnce(new Error('the queue is full'));
    onTestFinished(() => send.mockRestore());
    const retry = await job.retry('again', ASYNC);
    expect(retry).toMatchObject({ status: 202, body: { dispatch_state: 'PENDING' } });
    const refusedAt = (await job.dispatch(retry.body.dispatch_id)).created_at;
    await until(async () => {
      expect(Number(await job.alarmAt()) - Date.parse(refusedAt)).toBeLessThan(10_000);
    });
    expect(await job.alarm()).toBe(true);
    await job.untilDispatch(retry.body.dispatch_id, 'DELIVERED');
  });

  test('a message whose consumer never reports is sent again when its claim is over, though an alarm came before', async () => {
    const { job, dispatchId } = await pendingRetry();
    expect(await job.stub.claim(dispatchId, 'dispatch')).toMatchObject({ verdict: 'deliver' });
    await job.alarm();
    const withinMs = Number(await job.alarmAt()) - Date.now();
    expect(withinMs).toBeLessThan(config.orchestratorTimeoutMs + 3_000);
  });

  test('a retry of a job that was asleep is first looked after at half its window, and the list with it', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    await job.forget();
    losingMessages();
    const { dispatch_id } = (await job.retry('again', ASYNC)).body;
    const madeAt = Date.parse((await job.dispatch(dispatch_id)).created_at);
    expect(await job.alarmAt()).toBe(madeAt + dispatchDeadlineMs / 2);
  });

  test('when the window is over a retry is withdrawn and the job is exactly as before', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    const before = await jobRow(job);
    const trail = await job.trail();
    losingMessages();
    const retry = await job.retry('again', ASYNC);
    await job.patchNewest({ deliverUntil: Date.now() - SOME_MS });
    await job.alarm();
    expect(await job.dispatch(retry.body.dispatch_id)).toMatchObject({ dispatch_state: 'UNDELIVERABLE' });
    expect(await jobRow(job)).toEqual(before);
    expect(await job.trail()).toEqual(trail);
  });

  test('when the window is over a run is withdrawn, and the job can be run again', async () => {
    const job = await uploadedJob();
    losingMessages();
    const first = await job.run(ASYNC);
    await job.age(dispatchDeadlineMs + SOME_MS);
    await job.alarm();
    expect(await job.get()).toMatchObject({ status: 'UPLOADED', open_dispatch: null });
    messagesArriveAgain();
    const second = await job.run();
    expect(second).toMatchObject({ status: 202, body: { replayed: false } });
    expect(second.body.dispatch_id).not.toBe(first.body.dispatch_id);
  });

  test('within the second that an outcome may take to be reported nothing is withdrawn', async () => {
    const { job, dispatchId } = await pendingRetry();
    await job.age(dispatchDeadlineMs + 100);
    await job.alarm();
    expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'PENDING' });
    expect(await job.alarmAt()).not.toBeNull();
  });

  test('a caller whose message was lost gets 502 within the wait', async () => {
    const job = await uploadedJob();
    losingMessages();
    expect(await job.run(SHORT_WAIT)).toMatchObject({ status: 502 });
    expect(await job.get()).toMatchObject({ status: 'UPLOADED', open_dispatch: null });
  });

  test('a caller gets 502 at the end of the wait even if the alarm is late', async () => {
    const job = await uploadedJob();
    losingMessages();
    await job.alarm();
    await runInDurableObject(job.stub, (_actor, state) => {
      const late = vi.spyOn(state.storage, 'setAlarm').mockResolvedValue();
      onTestFinished(() => late.mockRestore());
    });
    expect(await job.run(SHORT_WAIT)).toMatchObject({ status: 502 });
  });
});

describe('waiting for the first callback', () => {
  test('a run that is never heard of fails its job, which can be retried', async () => {
    const { job, dispatchId } = await jobAt('AUDIO_EXTRACTING');
    await job.age(ackTimeoutMs + SOME_MS);
    await job.alarm();
    expect(await job.get()).toMatchObject({
      status: 'FAILED',
      open_dispatch: null,
      failure: { failure_code: 'ORCHESTRATOR_TIMEOUT', failed_stage: 'AUDIO_EXTRACTING' },
    });
    expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'TIMED_OUT' });
    expect((await job.transitions()).at(-1)).toMatchObject({ actor_type: 'system', dispatch_id: dispatchId });
    expect((await job.retry('again')).status).toBe(202);
  });

  test('a retry that is never heard of is timed out, its job stays as it was, and another retry is let in', async () => {
    const { job, dispatchId } = await retriedAfter('AUDIO_READY');
    const { failure } = await job.get();
    const trail = await job.trail();
    await job.age(ackTimeoutMs + SOME_MS);
    await job.alarm();
    expect(await job.get()).toMatchObject({ status: 'FAILED', failure, open_dispatch: null });
    expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'TIMED_OUT' });
    expect(await job.trail()).toEqual(trail);
    expect(await job.retry('third')).toMatchObject({
      status: 202,
      body: { resume_from_status: 'AUDIO_READY', replayed: false },
    });
  });

  test('the repeat of a request whose retry timed out still gets that retry', async () => {
    const { job, dispatchId } = await retriedAfter('AUDIO_READY');
    await job.age(ackTimeoutMs + SOME_MS);
    await job.alarm();
    expect(await job.retry('again')).toMatchObject({
      status: 200,
      body: { dispatch_id: dispatchId, dispatch_state: 'TIMED_OUT', replayed: true },
    });
  });
});

describe('waiting for a stage', () => {
  test.for([
    'AUDIO_EXTRACTING',
    'AUDIO_READY',
    'TRANSCRIBING',
    'TRANSCRIPT_READY',
    'GENERATING',
    'REGENERATING',
    'EXPORTING',
  ] as const)('%s without a sign of life fails the job, which can be retried', async (status) => {
    const { job, pipeline, dispatchId } = await jobAt(status);
    if (status === 'AUDIO_EXTRACTING') await pipeline.report(status);
    await job.age(stageTimeoutMs + SOME_MS);
    expect(await job.alarm()).toBe(true);
    expect(await job.get()).toMatchObject({
      status: 'FAILED',
      open_dispatch: null,
      failure: { failure_code: 'ORCHESTRATOR_TIMEOUT', failed_stage: status },
    });
    expect((await job.transitions()).at(-1)).toMatchObject({
      actor_type: 'system',
      prev_status: status,
      new_status: 'FAILED',
      dispatch_id: dispatchId,
    });
    expect((await job.retry('again')).status).toBe(202);
  });

  test('a retry’s stage is watched like a run’s', async () => {
    const { job, pipeline, dispatchId } = await retriedAfter('AUDIO_READY');
    await pipeline.report('TRANSCRIBING');
    await job.age(stageTimeoutMs + SOME_MS);
    await job.alarm();
    expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'TIMED_OUT' });
    expect(await job.get()).toMatchObject({ status: 'FAILED', failure: { failed_stage: 'TRANSCRIBING' } });
  });

  test('a stage that is within its time is left alone, and the alarm waits for its end', async () => {
    const { job } = await jobAt('TRANSCRIBING');
    await job.alarm();
    expect(await job.status()).toBe('TRANSCRIBING');
    expect(await job.alarmAt()).toBe(Number((await job.stored()).lastProgressAt) + stageTimeoutMs);
  });
});

describe('the alarm', () => {
  const resting: [string, () => Promise<ActingJob>][] = [
    ['CREATED', () => createdJob()],
    ['UPLOADED', () => uploadedJob()],
    ['DRAFT_READY', async () => (await jobAt('DRAFT_READY')).job],
    ['EDITING', async () => (await jobAt('EDITING')).job],
    ['DONE', async () => (await jobAt('DONE')).job],
    ['FAILED', async () => (await failedAfter('AUDIO_READY')).job],
    [
      'CANCELLED',
      async () => {
        const job = await uploadedJob();
        await job.cancel();
        return job;
      },
    ],
  ];
  test.for(resting)('of a job that rests in %s does nothing and is not set again', async ([status, make]) => {
    const job = await make();
    await job.age(90 * 86_400_000);
    const before = await storedRows(job.id);
    // Whether or not one was set: some of these never had any.
    await runInDurableObject(job.stub, async (actor, { storage }) => {
      await storage.deleteAlarm();
      await actor.alarm();
    });
    expect(await storedRows(job.id)).toEqual(before);
    expect(await job.status()).toBe(status);
    expect(await job.alarmAt()).toBeNull();
  });

  const awaiting: [string, () => Promise<ActingJob>][] = [
    ['a delivery', async () => (await pendingRetry()).job],
    ['the first callback', async () => (await retriedAfter('AUDIO_READY')).job],
    ['a stage', async () => (await jobAt('TRANSCRIBING')).job],
    ['a checkpoint’s next stage', async () => (await jobAt('TRANSCRIPT_READY')).job],
    ['an export after the draft', async () => (await jobAt('EXPORTING')).job],
    [
      'a cancel’s delivery',
      async () => {
        const { job } = await jobAt('TRANSCRIBING');
        losingMessages();
        await job.cancel();
        return job;
      },
    ],
  ];
  test.for(awaiting)(
    'is set while %s is awaited: at first, after it came too early, and after a restart',
    async ([_what, make]) => {
      const job = await make();
      expect(await job.alarmAt()).not.toBeNull();
      await job.alarm();
      expect(await job.alarmAt()).not.toBeNull();
      await job.forget();
      await job.status();
      expect(await job.alarmAt()).not.toBeNull();
    },
  );

  const due: [string, () => Promise<ActingJob>][] = [
    ...awaiting,
    ['a run’s first callback', async () => (await jobAt('AUDIO_EXTRACTING')).job],
  ];
  /** A pipeline that was ended is told so, where messages arrive, which changes the record of its dispatch once more. */
  const untilTold = (job: ActingJob) =>
    until(async () => {
      if (vi.isMockFunction(env.DISPATCHES.send)) return;
      const notices = (await job.storedDispatches()).map(({ cancelNotice }) => cancelNotice?.state);
      expect(notices).not.toContain('PENDING');
    });

  test.for(due)('that comes twice when %s is overdue does no more than once', async ([_what, make]) => {
    const job = await make();
    await job.age(stageTimeoutMs + SOME_MS);
    const before = await storedRows(job.id);
    // A pipeline that is told to stop meanwhile changes what is stored, too.
    losingMessages();
    await runInDurableObject(job.stub, (actor) => actor.alarm());
    await untilTold(job);
    const once = await storedRows(job.id);
    expect(once).not.toEqual(before);
    await runInDurableObject(job.stub, (actor) => Promise.all([actor.alarm(), actor.alarm()]));
    expect(await storedRows(job.id)).toEqual(once);
  });

  test('that comes while the service is not set up is set again, for when it is', async () => {
    const { job } = await jobAt('TRANSCRIBING');
    await job.age(stageTimeoutMs + SOME_MS);
    const at = await runInDurableObject(job.stub, async (_actor, state) => {
      await state.storage.deleteAlarm();
      await new JobActor(state, { ...env, CALLBACK_TOKEN_KEYS: '' }).alarm();
      return state.storage.getAlarm();
    });
    expect(at).not.toBeNull();
    expect(await job.status()).toBe('TRANSCRIBING');
    await job.forget();
    await job.alarm();
    expect(await job.status()).toBe('FAILED');
  });

  test('of an object that holds no job stores nothing', async () => {
    const stub = env.JOB.getByName(newId('job'));
    await runInDurableObject(stub, (actor) => actor.alarm());
    expect(await runInDurableObject(stub, (_actor, state) => allRows(state))).toEqual({});
  });
});

describe('pushing the summary to the project', () => {
  const listedStatus = async (job: ActingJob): Promise<string | undefined> => {
    const page = await call('GET', `/projects/${job.projectId}/jobs`, { token: job.token });
    return page.body.items[0]?.status;
  };

  test('that failed is repeated by the alarm until it succeeds', async () => {
    const job = await createdJob();
    expect(await listedStatus(job)).toBe('CREATED');
    const away = vi.spyOn(env.PROJECT, 'getByName').mockImplementation(() => {
      throw new Error('the project is away');
    });
    onTestFinished(() => away.mockRestore());
    expect((await job.confirm()).status).toBe(200);
    expect(await job.alarm()).toBe(true);
    expect(await job.alarmAt()).not.toBeNull();
    away.mockRestore();
    expect(await listedStatus(job)).toBe('CREATED');

    expect(await job.alarm()).toBe(true);

    expect(await listedStatus(job)).toBe('UPLOADED');
    expect(await job.alarmAt()).toBeNull();
  });

  test('that failed before a restart is repeated after it', async () => {
    const job = await createdJob();
    const away = vi.spyOn(env.PROJECT, 'getByName').mockImplementation(() => {
      throw new Error('the project is away');
    });
    onTestFinished(() => away.mockRestore());
    await job.confirm();
    await job.forget();
    away.mockRestore();
    expect(await job.alarm()).toBe(true);
    expect(await listedStatus(job)).toBe('UPLOADED');
  });
});

/** From here on, in this test, the clock is ahead; timers go on as usual. */
function passTime(ms: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

test('after any of this the project’s listing shows the job as it is', async () => {
  const { job } = await jobAt('TRANSCRIBING');
  await job.age(stageTimeoutMs + SOME_MS);
  await job.alarm();
  await until(async () => {
    const page = await call('GET', `/projects/${job.projectId}/jobs`, { token: job.token });
    expect(page.body.items[0]?.status).toBe('FAILED');
  });
});
