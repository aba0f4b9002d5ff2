// Who may be created with an external id, while others may have it, have it, or never came to have it.
import { describe, expect, test } from 'vitest';
import { type Holder, isOverdue, refuseExternalId } from '../../src/domain/creation.ts';

const NOW = 10_000_000;
const MINUTE = 60_000;
const holder = (patch: Partial<Holder> = {}): Holder => ({
  ...{ jobId: 'job_first', at: NOW - MINUTE, isListed: false },
  ...patch,
});
const OLD = { at: NOW - 11 * MINUTE };
const MISSING = { externalId: undefined };

describe('a job may be created with an external id', () => {
  test.each([
    ['that nobody has', null, null],
    ['that is kept for itself', holder({ jobId: 'job_mine' }), null],
    ['that it has', holder({ jobId: 'job_mine', isListed: true }), null],
    ['whose holder was never created, and long ago', holder(OLD), MISSING],
    ['whose holder was created under another one', holder(), { externalId: 'other' }],
    ['whose holder was created without one', holder(OLD), { externalId: null }],
  ])('%s', (_what, held, says) => {
    expect(refuseExternalId('talk', 'job_mine', held, says, NOW)).toBeNull();
  });
});

describe('it may not with one', () => {
  test.each([
    ['that a job is listed with', holder({ isListed: true }), null],
    ['that a job is listed with, however old', holder({ isListed: true, ...OLD }), null],
    ['whose holder is not listed and has it', holder(OLD), { externalId: 'talk' }],
    ['whose holder may be on its way', holder(), MISSING],
    ['whose holder may be on its way, to the last moment', holder({ at: NOW - 10 * MINUTE }), MISSING],
    ['whose holder has not been asked', holder(OLD), null],
  ])('%s, and is told by whom it is held', (_what, held, says) => {
    expect(refuseExternalId('talk', 'job_mine', held, says, NOW)).toEqual({
      ...{ code: 'EXTERNAL_ID_TAKEN', externalId: 'talk', jobId: 'job_first' },
    });
  });
});

test('an admission with an external id is used within half of the time for which that is kept', () => {
  const named = { externalId: 'talk' };
  expect(isOverdue(named, NOW, NOW + 5 * MINUTE)).toBe(false);
  expect(isOverdue(named, NOW, NOW + 5 * MINUTE + 1)).toBe(true);
  expect(isOverdue(named, NOW + 60 * MINUTE, NOW)).toBe(false);
  expect(isOverdue({ externalId: null }, NOW, NOW + 60 * MINUTE)).toBe(false);
});
