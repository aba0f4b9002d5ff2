// Alarms that never come although they were set: the next touch of the job repairs it.
import { runInDurableObject } from 'cloudflare:test';
import { decodeJwt } from 'jose';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ActingJob, ASYNC, failedAfter, jobAt, losingMessages } from '../support/workerd/acting.ts';
import { editorToken } from '../support/workerd/harness.ts';

const HOUR_MS = 3_600_000;

/** From here on, in this test, the clock is ahead; timers go on as usual, and no alarm fires for it. */
function passTime(ms: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

const dropAlarm = (job: ActingJob) =>
  runInDurableObject(job.stub, (_actor, { storage }) => storage.deleteAlarm());

describe('a retry of a job whose old alarm never came', () => {
  test.for([
    ['awake', async () => {}],
    ['asleep', (job: ActingJob) => job.forget()],
  ] as const)('has an alarm that carries it, with the job %s', async ([_what, put]) => {
    const { job } = await failedAfter('AUDIO_READY');
    expect(await job.alarmAt()).not.toBeNull();
    passTime(3 * HOUR_MS);
    losingMessages();
    await put(job);
    const { sub = '' } = decodeJwt(job.token);
    const renewed = new ActingJob(job.id, job.projectId, await editorToken(sub));
    expect((await renewed.retry('again', ASYNC)).status).toBe(202);
    expect(Number(await job.alarmAt())).toBeGreaterThan(Date.now());
  });
});

describe('a job whose alarm is gone', () => {
  test.for([
    ['a look at it', (job: ActingJob) => job.get()],
    ['a look at its dispatches', (job: ActingJob) => job.get('/dispatches')],
    ['a look at its audit trail', (job: ActingJob) => job.get('/transitions')],
    [
      'a message that the queue brings again',
      async (job: ActingJob) => {
        for (const { id } of await job.storedDispatches()) await job.stub.claim(id, 'dispatch');
      },
    ],
    ['a refused command', (job: ActingJob) => job.retry('again')],
    ['a replayed command', (job: ActingJob) => job.run()],
  ] as const)('has one again after %s', async ([_what, touch]) => {
    const { job } = await jobAt('TRANSCRIBING');
    await dropAlarm(job);
    await job.forget();
    await touch(job);
    expect(Number(await job.alarmAt())).toBeGreaterThan(Date.now());
  });

  test('has one again after its creation was repeated, though it was awake all along', async () => {
    const { job } = await jobAt('TRANSCRIBING');
    passTime(3 * HOUR_MS);
    expect(await job.stub.create(await job.stored())).toMatchObject({ ok: true, replayed: true });
    expect(Number(await job.alarmAt())).toBeGreaterThan(Date.now());
  });

  test('has one again after a report', async () => {
    const { job, pipeline } = await jobAt('TRANSCRIBING');
    await dropAlarm(job);
    await job.forget();
    await pipeline.report('TRANSCRIBING');
    expect(Number(await job.alarmAt())).toBeGreaterThan(Date.now());
  });

  test('has none where nothing is awaited', async () => {
    const { job } = await jobAt('DRAFT_READY');
    await dropAlarm(job);
    await job.forget();
    await job.get();
    expect(await job.alarmAt()).toBeNull();
  });
});
