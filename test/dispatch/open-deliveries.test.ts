// Whose delivery may be opened now: the limit holds, and no owner's crowd keeps another owner waiting.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OpenDeliveries, type Place } from '../../src/dispatch/open-deliveries.ts';

const NOW = 1_700_000_000_000;

/** Takes as many places as it gets for this owner. */
function takeAll(open: OpenDeliveries, owner: string, limit: number): Place[] {
  const places: Place[] = [];
  for (let place = open.take(owner, limit, NOW); place; place = open.take(owner, limit, NOW)) {
    places.push(place);
  }
  return places;
}

describe('a place for a delivery', () => {
  test('is given to an owner until he has as many as are free: alone he has half of them', () => {
    expect(takeAll(new OpenDeliveries(), 'alice', 60)).toHaveLength(30);
  });

  test('is there for whoever comes second; as the first gives his back, each has about a third', () => {
    const open = new OpenDeliveries();
    const alices = takeAll(open, 'alice', 60);
    const bobs = takeAll(open, 'bob', 60);
    expect(bobs).toHaveLength(15);
    for (let round = 0; round < 60; round += 1) {
      alices.pop()?.giveBack();
      bobs.push(...takeAll(open, 'bob', 60));
      alices.push(...takeAll(open, 'alice', 60));
    }
    expect([alices.length, bobs.length]).toEqual([20, 21]);
  });

  test('is the only one where the limit is one', () => {
    const open = new OpenDeliveries();
    const [place] = takeAll(open, 'alice', 1);
    expect(place).toBeDefined();
    expect(open.take('bob', 1, NOW)).toBeNull();
    place?.giveBack();
    expect(open.take('bob', 1, NOW)).not.toBeNull();
  });

  test('is given back once, however often that is said', () => {
    const open = new OpenDeliveries();
    const [first] = takeAll(open, 'alice', 4);
    first?.giveBack();
    first?.giveBack();
    expect(takeAll(open, 'alice', 4)).toHaveLength(1);
  });

  test('that nobody gives back, since its invocation was ended, is free again after a minute', () => {
    const open = new OpenDeliveries();
    expect(takeAll(open, 'alice', 2)).toHaveLength(1);
    expect(open.take('alice', 2, NOW + 59_999)).toBeNull();
    expect(open.take('alice', 2, NOW + 60_000)).not.toBeNull();
  });
});

test('whatever owners take and give back, the limit holds, and the last free place is for an owner with nothing open', () => {
  const step = fc.record({ owner: fc.nat(9), gives: fc.nat(3).map((chance) => chance === 0) });
  const limits = fc.integer({ min: 1, max: 12 });
  let last = 0;
  fc.assert(
    fc.property(limits, fc.array(step, { maxLength: 100, size: 'max' }), (limit, steps) => {
      const open = new OpenDeliveries();
      const held = new Map<number, Place[]>();
      for (const { owner, gives } of steps) {
        const places = held.get(owner) ?? [];
        held.set(owner, places);
        if (gives) {
          places.pop()?.giveBack();
          continue;
        }
        const free = limit - [...held.values()].flat().length;
        const place = open.take(`owner-${owner}`, limit, NOW);
        if (free === 1) last += 1;
        if (free === 0) expect(place).toBeNull();
        else if (free === 1) expect(place !== null).toBe(places.length === 0);
        else if (places.length === 0) expect(place).not.toBeNull();
        if (place) places.push(place);
      }
    }),
  );
  expect(last).toBeGreaterThan(100);
});
