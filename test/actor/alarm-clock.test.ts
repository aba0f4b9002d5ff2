// When the one alarm of an object is moved: a table of what stands, what is due, and what is set.
import { expect, test } from 'vitest';
import { nextAlarm } from '../../src/actor/alarm-clock.ts';

const NOW = 1_000_000;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const [POSTPONE, KEEP] = [true, false];

test.for([
  ['nothing is due: what stands is left alone', NOW + MINUTE, Infinity, POSTPONE, null],
  ['nothing is due and nothing stands', null, Infinity, KEEP, null],
  ['nothing stands: set', null, NOW + MINUTE, KEEP, NOW + MINUTE],
  ['what is due is over: set in a second, never in a tight loop', null, NOW - MINUTE, KEEP, NOW + SECOND],
  [
    'what stands comes too late: moved to the earlier',
    NOW + MINUTE,
    NOW + 5 * SECOND,
    KEEP,
    NOW + 5 * SECOND,
  ],
  ['what stands comes early enough: left', NOW + 5 * SECOND, NOW + 9 * SECOND, POSTPONE, null],
  ['about to come for nothing: moved to the later', NOW + 30 * SECOND, NOW + MINUTE, POSTPONE, NOW + MINUTE],
  ['the same, but it stands for something else too: left', NOW + 30 * SECOND, NOW + MINUTE, KEEP, null],
  ['comes for nothing, but not soon: left', NOW + 31 * SECOND, NOW + MINUTE, POSTPONE, null],
  ['overdue by a minute: may still come, left', NOW - MINUTE, NOW + MINUTE, KEEP, null],
  [
    'overdue by more: will not come, and what it stood for is due at once',
    NOW - MINUTE - 1,
    NOW + MINUTE,
    KEEP,
    NOW + SECOND,
  ],
  ['overdue by more, and nothing is due any more: left', NOW - MINUTE - 1, Infinity, KEEP, null],
] as const)('%s', ([_what, known, due, mayBePostponed, set]) => {
  expect(nextAlarm(known, due, NOW, mayBePostponed)).toBe(set);
});
