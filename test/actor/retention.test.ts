// Jobs that have ended go by themselves when they have been kept for as long as is set, and not before.
import { describe, expect, test } from 'vitest';
import { leftOf, NOTHING, passTime } from '../http/erasing.ts';
import {
  type ActingJob,
  failedAfter,
  jobAt,
  losingMessages,
  retriedAfter,
  underRules,
} from '../support/workerd/acting.ts';
import { call } from '../support/workerd/harness.ts';

const DAY_MS = 86_400_000;

/** From here on, in this test, jobs are kept for so many days after they have ended. */
const keptFor = (days: number) => underRules({ keepEndedMs: days * DAY_MS });

const lookAt = (job: ActingJob) => call('GET', `/jobs/${job.id}`, { token: job.token });

describe('a job that has ended', () => {
  test.each([
    ['FAILED', async () => (await failedAfter('AUDIO_READY')).job],
    [
      'CANCELLED',
      async () => {
        const { job } = await jobAt('TRANSCRIBING');
        await job.cancel();
        return job;
      },
    ],
    [
      'DONE',
      async () => {
        const { job, pipeline } = await jobAt('DRAFT_READY');
        await pipeline.reportAll('EXPORTING', 'DONE');
        return job;
      },
    ],
  ] as const)('%s goes on the day that is set, and not before', async (_status, make) => {
    await keptFor(30);
    const job = await make();
    const { updated_at, kept_until } = (await lookAt(job)).body;
    expect(Date.parse(kept_until) - Date.parse(updated_at)).toBe(30 * DAY_MS);

    passTime(30 * DAY_MS - 60_000);
    await job.alarm();
    expect((await leftOf(job)).tables).not.toEqual([]);
    expect(await job.alarmAt()).toBe(Date.parse(kept_until));

    passTime(61_000);
    await job.alarm();
    expect(await leftOf(job)).toEqual(NOTHING);
    const listed = await call('GET', `/projects/${job.projectId}/jobs`, { token: job.token });
    expect(listed.body?.items ?? []).toEqual([]);
  });

  test('is kept for good where nothing is set', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    expect((await lookAt(job)).body.kept_until).toBeNull();
    await job.alarm();
    expect(await job.alarmAt()).toBeNull();
  });

  test('and whose retry is under way stays, and goes so long after that was made', async () => {
    await keptFor(1);
    const { job, pipeline } = await retriedAfter('TRANSCRIBING');
    expect((await lookAt(job)).body.kept_until).toBeNull();
    await pipeline.report('FAILED');
    const { updated_at, kept_until } = (await lookAt(job)).body;
    expect(Date.parse(kept_until) - Date.parse(updated_at)).toBe(DAY_MS);
  });

  test('stays when somebody asks for a retry on its last day, although that comes to nothing', async () => {
    await keptFor(1);
    const { job } = await failedAfter('TRANSCRIBING');
    await job.age(DAY_MS - 1_000);
    await job.answers({ kind: 'refuse', status: 400 });
    expect((await job.retry('late')).status).toBe(502);
    passTime(2_000);
    await job.alarm();
    expect((await leftOf(job)).tables).not.toEqual([]);
  });

  test('of before that was set takes it up when it is next touched', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    await job.alarm();
    expect(await job.alarmAt()).toBeNull();
    await job.age(2 * DAY_MS);
    await keptFor(1);
    expect((await lookAt(job)).status).toBe(200);
    expect(await job.alarmAt()).not.toBeNull();
    await job.alarm();
    expect(await leftOf(job)).toEqual(NOTHING);
  });

  test('stays when the setting is taken back before its day', async () => {
    await keptFor(1);
    const { job } = await failedAfter('TRANSCRIBING');
    await underRules({ keepEndedMs: null });
    passTime(2 * DAY_MS);
    await job.alarm();
    expect((await leftOf(job)).tables).not.toEqual([]);
  });
});

test('a job that has not ended is never taken', async () => {
  await keptFor(1);
  const { job } = await jobAt('DRAFT_READY');
  losingMessages();
  passTime(400 * DAY_MS);
  await job.alarm();
  expect((await leftOf(job)).tables).not.toEqual([]);
  expect(await job.alarmAt()).toBeNull();
});
