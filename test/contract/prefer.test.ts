import { expect, test } from 'vitest';
import { planWait } from '../../src/http/prefer.ts';

test.each([
  ['nothing asked: the default wait, given up two seconds before', undefined, 10_000, 8_000, null],
  ['respond-async answers at once and keeps trying', 'respond-async', 0, null, 'respond-async'],
  ['wait=N sets the wait', 'wait=20', 20_000, 18_000, 'wait=20'],
  ['wait is capped at 30 seconds, and says so', 'wait=600', 30_000, 28_000, 'wait=30'],
  [
    'with respond-async, wait=N only delays an open answer',
    'respond-async, wait=5',
    5_000,
    null,
    'respond-async, wait=5',
  ],
  ['names ignore case and values may be quoted', 'Wait="4"; x=1', 4_000, 2_000, 'wait=4'],
  ['too short a wait does not cut deliveries short', 'wait=2', 2_000, null, 'wait=2'],
  ['wait=0 does not wait', 'wait=0', 0, null, 'wait=0'],
  ['a wait that is no number is not applied', 'wait=soon', 10_000, 8_000, null],
  ['a negative wait is not applied', 'wait=-1', 10_000, 8_000, null],
  ['the first of a repeated preference counts', 'wait=4, wait=9', 4_000, 2_000, 'wait=4'],
  ['unknown preferences are ignored', 'return=minimal', 10_000, 8_000, null],
])('%s', (_title, header, waitMs, windowMs, applied) => {
  expect(planWait(header, 10_000)).toEqual({ waitMs, windowMs, applied });
});
