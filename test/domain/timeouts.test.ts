import { expect, test } from 'vitest';
import { backoffMs, fitsWindow, pushBackoffMs } from '../../src/domain/resending.ts';
import { awaited, nextWakeUp } from '../../src/domain/timeouts.ts';
import { callback, confirmUpload, delivered, failedJob, retry, run } from './builders.ts';
import { MemoryJob, RULES } from './memory-job.ts';

test('deliveries are repeated after 1, 2, 4, 8, 15, 15 … seconds', () => {
  expect([1, 2, 3, 4, 5, 6, 50].map((attempts) => backoffMs(attempts, null) / 1000)).toEqual([
    1, 2, 4, 8, 15, 15, 15,
  ]);
});

test('the pause that the orchestrator asks for comes first, but is never shorter than a second', () => {
  expect(backoffMs(1, 7_000)).toBe(7_000);
  expect(backoffMs(6, 3_000)).toBe(3_000);
  expect(backoffMs(1, 0)).toBe(1_000);
});

test('an attempt is made only when the window leaves it time', () => {
  expect(fitsWindow(1_000, 2_000)).toBe(true);
  expect(fitsWindow(1_900, 2_000)).toBe(false);
});

test('a failed push is repeated after 5 seconds, doubling to 5 minutes', () => {
  expect([0, 1, 2, 6, 7, 20].map((failures) => pushBackoffMs(failures) / 1000)).toEqual([
    5, 10, 20, 300, 300, 300,
  ]);
});

const wakeUp = (job: MemoryJob, now: number) => nextWakeUp(job.job, job.open, [], RULES, now);

test('a job at rest waits for nothing', () => {
  const job = new MemoryJob();
  expect(wakeUp(job, 0)).toBeNull();
  job.execute(confirmUpload(), 10);
  expect(wakeUp(job, 10)).toBeNull();
  expect(wakeUp(failedJob(), 100)).toBeNull();
});

/** When a dispatch that was made at second 0 is looked after, in seconds, if nothing becomes of it. */
function lookedAfter(windowMs: number, firstLook = 0): number[] {
  const job = failedJob();
  job.execute(retry('dsp_2', { windowMs: null }), 1_000);
  const open = job.open && { ...job.open, deliverUntil: 1_000 + windowMs };
  const times: number[] = [];
  for (let now = 1_000 + firstLook; now < 1_000 + windowMs; ) {
    now = nextWakeUp(job.job, open, [], RULES, now) ?? Number.NaN;
    times.push((now - 1_000) / 1_000);
  }
  return times;
}

test('a pending dispatch is looked after at half its window, but not before 5 seconds, and a second after its window at the latest', () => {
  expect(lookedAfter(8_000)).toEqual([5, 9]);
  expect(lookedAfter(28_000)).toEqual([14, 29]);
  expect(lookedAfter(60_000)).toEqual([30, 61]);
});

test('a long window is looked after from 30 seconds on, each time after twice as long, however often somebody looks between', () => {
  expect(lookedAfter(900_000)).toEqual([30, 60, 120, 240, 480, 901]);
  expect(lookedAfter(900_000, 29_000)).toEqual([30, 60, 120, 240, 480, 901]);
});

test('a failed attempt leaves half of the rest of the window to the queue, and a clock that is set back delays nothing', () => {
  const job = failedJob();
  job.execute(retry('dsp_2', { windowMs: null }), 1_000);
  const open = job.open && { ...job.open, updatedAt: 41_000, deliverUntil: 61_000 };
  expect(nextWakeUp(job.job, open, [], RULES, 41_000)).toBe(51_000);
  expect(nextWakeUp(job.job, open, [], RULES, 11_000)).toBe(36_000);
});

test('a cancel notice is looked after as a dispatch is', () => {
  const job = failedJob();
  job.execute(retry('dsp_2'), 1_000);
  if (job.open === null) throw new Error('a retry opens a dispatch');
  const notice = { ...job.open, cancelNotice: { state: 'PENDING' as const, until: 61_000, attempts: 0 } };
  const rest = { ...job.job, openDispatchId: null };
  expect(nextWakeUp(rest, null, [notice], RULES, 1_000)).toBe(31_000);
  expect(nextWakeUp(rest, null, [notice], RULES, 31_000)).toBe(62_000);
});

test('after the delivery the first callback is awaited, then each next one', () => {
  const job = failedJob();
  job.execute(retry('dsp_2'), 1_000);
  job.execute(delivered('dsp_2'), 2_000);
  expect(wakeUp(job, 2_000)).toBe(2_000 + RULES.ackTimeoutMs);
  job.execute(callback('dsp_2', 'TRANSCRIBING'), 3_000);
  expect(wakeUp(job, 3_000)).toBe(3_000 + RULES.stageTimeoutMs);
  job.execute(callback('dsp_2', 'TRANSCRIBING'), 4_000);
  expect(wakeUp(job, 4_000)).toBe(4_000 + RULES.stageTimeoutMs);
  job.execute(callback('dsp_2', 'TRANSCRIPT_READY'), 5_000);
  expect(awaited(job.job, job.open, RULES)).toEqual({ kind: 'stage', until: 5_000 + RULES.stageTimeoutMs });
});

test('the caller’s window is capped by the service’s deadline', () => {
  const job = new MemoryJob();
  job.execute(confirmUpload(), 0);
  job.execute(run('dsp_1', { windowMs: 10 * RULES.dispatchDeadlineMs }), 0);
  expect(job.open?.deliverUntil).toBe(RULES.dispatchDeadlineMs);
});
