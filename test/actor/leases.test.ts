// Who carries a message, as an instance remembers it.
import { expect, test } from 'vitest';
import { Leases } from '../../src/actor/leases.ts';

test('an attempt under a claim that nobody reported stays one that may have been made, whatever another reports', () => {
  const leases = new Leases();
  leases.made('dsp_1');
  expect(leases.claim('dispatch', 'dsp_1', 'dies', 0, 10)).toBe(true);
  expect(leases.claim('dispatch', 'dsp_1', 'reports', 20, 30)).toBe(true);

  leases.release('dispatch', 'dsp_1', 'reports');
  expect(leases.mayBeUnreported('dispatch', 'dsp_1', null)).toBe(true);

  leases.release('dispatch', 'dsp_1', 'dies');
  expect(leases.mayBeUnreported('dispatch', 'dsp_1', null)).toBe(false);
});
