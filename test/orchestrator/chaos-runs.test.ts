// What a chaos run draws, and whether it counts.
import { expect, test } from 'vitest';
import { sightings } from '../soak/chaos-checker.ts';
import { countFaults, drawPlan, randomOf } from '../soak/chaos-plans.ts';
import { whyTooTame } from '../soak/chaos-report.ts';
import { keptRecords, START, WINDOWS } from './kept-records.ts';

test('a run in which nothing went wrong does not count', () => {
  const { log } = keptRecords();
  const run = { kills: 0, faults: countFaults(log, []), answers: {}, executions: 2, fewestInFlight: 1 };
  const seen = { jobs: 2, seen: sightings(keptRecords(), WINDOWS) };
  const tame = whyTooTame({ ...run, seconds: 300, pace: 1 }, seen);
  expect(tame).toContain('0 kills, and at least 10 are needed');
  expect(tame).toContain('never happened: answer: accept_then_drop');
  expect(tame).toContain('came up too seldom: a video was renewed');
  expect(tame).not.toContain('came up too seldom: a retry from AUDIO_READY was made');
  // On a machine that is half as fast, the same in twice the time.
  expect(whyTooTame({ ...run, seconds: 600, pace: 2 }, seen)).toEqual(tame);
});

test('a planned fault counts only where the log shows it', () => {
  const { log } = keptRecords();
  const plan = { answers: [{ kind: 'refuse' as const, status: 422 }] };
  const at = (seconds: number) => [{ jobId: 'job_1', at: START + seconds * 1_000, plan }];
  expect(countFaults(log, at(10))['answer: refuse']).toBe(1);
  expect(countFaults(log, at(0))['answer: refuse']).toBe(0);
});

test('the same seed draws the same plans', () => {
  expect(drawPlan(randomOf(7))).toEqual(drawPlan(randomOf(7)));
});
