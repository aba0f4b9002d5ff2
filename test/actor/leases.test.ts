// Who carries a message, as an instance remembers it.
import { describe, expect, test } from 'vitest';
import { Leases } from '../../src/actor/leases.ts';

test('an attempt under a claim that nobody reported stays one that may have been made, whatever another reports', () => {
  const leases = new Leases();
  leases.made('dsp_1');
  expect(leases.claim('dispatch', 'dsp_1', 'dies', 0, 10)).toBe(true);
  expect(leases.claim('dispatch', 'dsp_1', 'reports', 20, 30)).toBe(true);

  leases.release('dispatch', 'dsp_1', 'reports', 25);
  expect(leases.mayBeUnreported('dispatch', 'dsp_1', null)).toBe(true);

  leases.release('dispatch', 'dsp_1', 'dies', 25);
  expect(leases.mayBeUnreported('dispatch', 'dsp_1', null)).toBe(false);
});

test('every claim that was reported is known as reported, also after another was', () => {
  const leases = new Leases();
  for (const [claim, at] of [
    ['first', 0],
    ['second', 20],
  ] as const) {
    leases.claim('dispatch', 'dsp_1', claim, at, at + 10);
    leases.release('dispatch', 'dsp_1', claim, at + 5);
  }
  const reported = ['first', 'second', 'never'].map((claim) => leases.isReported('dispatch', 'dsp_1', claim));
  expect(reported).toEqual([true, true, false]);
});

test('the orchestrator may have seen a dispatch that somebody claimed, or of which this instance does not know who did', () => {
  const leases = new Leases();
  const dispatch = { id: 'dsp_1', deliveryAttempts: 0 };
  expect(leases.mayHaveStarted(dispatch)).toBe(true);
  leases.made('dsp_1');
  expect(leases.mayHaveStarted(dispatch)).toBe(false);
  leases.claim('dispatch', 'dsp_1', 'first', 0, 1_000);
  expect(leases.mayHaveStarted(dispatch)).toBe(true);
});

describe('a copy on which the queue gave up', () => {
  const pausedFor = (ms: number): Leases => {
    const leases = new Leases();
    leases.queued('dispatch', 'dsp_1', 0, 30_000, ms);
    return leases;
  };

  test('is not the one that the queue holds back, which keeps its pause', () => {
    const leases = pausedFor(8_000);
    leases.release('dispatch', 'dsp_1', null, 1_000);
    expect(leases.carriedUntil('dispatch', 'dsp_1', 1_000)).toBeGreaterThan(8_000);
    expect(leases.claim('dispatch', 'dsp_1', 'another copy', 1_000, 5_000)).toBe(false);
  });

  test.for([
    [0, 1_000],
    [8_000, 9_000],
  ])('may be the only one there was, with a pause of %i ms after %i ms', ([pauseMs = 0, now = 0]) => {
    const leases = pausedFor(pauseMs);
    leases.release('dispatch', 'dsp_1', null, now);
    expect(leases.carriedUntil('dispatch', 'dsp_1', now)).toBeNull();
  });
});

test('of a dispatch that nothing has happened to for long, as little is known as of one from before', () => {
  const leases = new Leases();
  leases.made('dsp_open');
  for (let n = 0; n < 1_000; n += 1) {
    leases.made(`dsp_${n}`);
    leases.claim('dispatch', `dsp_${n}`, 'a claim', n, n + 10);
    leases.release('dispatch', `dsp_${n}`, 'a claim', n);
    // Under way all along.
    leases.queued('dispatch', 'dsp_open', n, n + 30_000, 0);
  }
  expect(leases.isReported('dispatch', 'dsp_0', 'a claim')).toBe(false);
  expect(leases.mayBeUnreported('dispatch', 'dsp_0', null)).toBe(true);
  expect(leases.isReported('dispatch', 'dsp_999', 'a claim')).toBe(true);
  expect(leases.mayHaveStarted({ id: 'dsp_open', deliveryAttempts: 0 })).toBe(false);
});

test('a claim that is held is known however much happens to others meanwhile', () => {
  const leases = new Leases();
  const now = Date.now();
  leases.claim('dispatch', 'dsp_held', 'a claim', now, now + 60_000);
  for (let n = 0; n < 100; n += 1) leases.made(`dsp_${n}`);
  expect(leases.isBeingDelivered('dispatch', 'dsp_held', now)).toBe(true);
  expect(leases.claim('dispatch', 'dsp_held', 'another claim', now, now + 60_000)).toBe(false);
});
