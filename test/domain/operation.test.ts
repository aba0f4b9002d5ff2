// Bulk operations, decided over their own view. Whatever comes in whatever order, an operation keeps what it promises.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { afterAnswer } from '../../src/domain/operating.ts';
import {
  type DispatchNews,
  ITEM_STATES,
  newItem,
  newOperation,
  type Operation,
} from '../../src/domain/operation.ts';
import { countsOf, groupOf } from '../../src/domain/operation-counts.ts';
import { CALM, type Fate, historySays, ORIGIN, type Step, World } from './operation-world.ts';

const numRuns = Math.ceil(Number(process.env.HISTORIES ?? 8_000) / 4);
const seed = Number(process.env.SEED ?? 1);

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom<Step['do'][]>(
    ...(['ask', 'answer', 'answer', 'answer', 'answer', 'lose-answer', 'crash', 'report', 'report'] as const),
    ...(['report', 'tell', 'tell', 'tell', 'stale', 'pause', 'resume', 'time', 'erase', 'look'] as const),
  ),
  which: fc.nat(9),
  fate: fc.constantFrom<Fate[]>(
    ...([
      'delivers',
      'delivers',
      'delivers',
      'delivers',
      'unreachable',
      'refused',
      'refused-by-job',
    ] as const),
  ),
  end: fc.constantFrom<Step['end'][]>('SETTLED', 'SETTLED', 'FAILED', 'CANCELLED', 'TIMED_OUT'),
});
const steps = fc
  .tuple(fc.array(step, { maxLength: 60, size: 'max' }), fc.option(fc.nat(60)))
  .map(([taken, cancelAt]) =>
    cancelAt === null ? taken : taken.toSpliced(cancelAt, 0, { ...CALM, do: 'cancel' as const }),
  );

test('whatever is answered, lost, heard late or twice, and whenever memory is lost: never more than the limit are open, each job has one standing dispatch, and the account is that of the jobs', () => {
  const situations = new Map<string, number>();
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 7 }),
      fc.integer({ min: 1, max: 4 }),
      steps,
      (jobs, most, taken) => {
        const world = new World(jobs, most);
        world.goOn('delivers');
        for (const one of taken) {
          world.step(one);
          expect(world.mostOpen).toBeLessThanOrEqual(most);
          expect(world.counts).toEqual(countsOf([...world.items.values(), ...world.erased].map(groupOf)));
          expect(world.counts.total).toBe(jobs);
        }
        world.finish();

        const { operation } = world;
        expect(world.mostOpen).toBeLessThanOrEqual(most);
        expect(['done', 'cancelled']).toContain(operation.state);
        if (operation.state === 'done') expect(world.waiting).toEqual([]);
        for (const job of world.jobs.filter(({ isErased }) => !isErased)) {
          const state = world.items.get(job.id)?.state;
          const said = historySays(job);
          expect(job.dispatches.filter(({ state }) => state !== 'UNDELIVERABLE').length).toBeLessThanOrEqual(
            1,
          );
          // One that was withdrawn may have been refused by its job when it was asked again, or be left by a cancel.
          if (said === 'withdrawn') expect(['withdrawn', 'refused', 'waiting']).toContain(state);
          else if (said === 'waiting') expect(['waiting', 'refused']).toContain(state);
          else expect(state).toBe(said);
        }
        for (const situation of [
          ...world.situations,
          ...[...world.items.values()].map(({ state }) => `ended: ${state}`),
        ])
          situations.set(situation, (situations.get(situation) ?? 0) + 1);
      },
    ),
    { numRuns, seed },
  );
  console.log(JSON.stringify(Object.fromEntries([...situations].sort())));
  const seldom = WORTH_SEEING.filter((situation) => (situations.get(situation) ?? 0) < numRuns / 1_000);
  expect(seldom).toEqual([]);
}, 600_000);

describe('an orchestrator that is away', () => {
  const NOW = 1_000_000;
  const withdrawal = (fields: Partial<DispatchNews> = {}): DispatchNews => ({
    ...{ id: 'dsp_1', state: 'UNDELIVERABLE', wasRefused: false, retryAfterAt: null },
    ...{ isDelivered: false, failureCode: null, ...fields },
  });
  const running = (fields: Partial<Operation> = {}): Operation => ({ ...newOperation(ORIGIN, 0), ...fields });
  const item = newItem('job_1', 0);
  const answered = (operation: Operation, news: DispatchNews, before = item) =>
    afterAnswer(operation, before, { kind: 'dispatch', news }, NOW);

  test('is waited for for 5 s, then twice as long each time, up to 5 min', () => {
    const pauses = [];
    let operation = running();
    for (let times = 0; times < 9; times += 1) {
      operation = answered({ ...operation, state: 'running' }, withdrawal()).operation ?? operation;
      pauses.push((operation.resumeAt ?? 0) - NOW);
    }
    expect(pauses).toEqual([5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000]);
  });

  test.each([
    ['an hour', 3_600_000, 3_600_000],
    ['a moment', 10, 5_000],
    ['a time that is over', -10_000, 5_000],
    ['a year', 31_536_000_000, 86_400_000],
  ])('that asks for %s is waited for for as long, within 5 s and a day', (_what, asksForMs, waitsMs) => {
    const { operation } = answered(running(), withdrawal({ retryAfterAt: NOW + asksForMs }));
    expect(operation).toMatchObject({ state: 'waiting', resumeAt: NOW + waitsMs });
  });

  test('is not waited for longer because several jobs tell of it, but where one was asked to wait for longer', () => {
    const waiting = answered(running(), withdrawal()).operation ?? running();
    expect(answered(waiting, withdrawal()).operation).toBeNull();
    const { operation } = answered(waiting, withdrawal({ retryAfterAt: NOW + 60_000 }));
    expect(operation).toMatchObject({ pauses: 1, resumeAt: NOW + 60_000 });
  });

  test('is back when it has taken one: the pauses begin anew', () => {
    const news = withdrawal({ state: 'DELIVERED', isDelivered: true });
    expect(answered(running({ pauses: 4 }), news).operation).toMatchObject({ state: 'running', pauses: 0 });
    expect(answered(running(), news).operation).toBeNull();
  });

  test('does not keep a job for ever: what did not get through waits behind all others, and the twentieth time is the last', () => {
    let waiting = item;
    for (let tries = 1; tries < 20; tries += 1) {
      waiting = answered(running(), withdrawal(), waiting).item ?? waiting;
      expect(waiting).toMatchObject({ state: 'waiting_again', tries, dispatchId: null, isAccepted: false });
    }
    expect(answered(running(), withdrawal(), waiting).item).toMatchObject({
      ...{ state: 'withdrawn', code: 'ORCHESTRATOR_DISPATCH_FAILED', dispatchId: 'dsp_1' },
    });
  });
});

const WORTH_SEEING = [
  ...ITEM_STATES.filter((state) => !['waiting_again', 'in_flight', 'erased'].includes(state)).map(
    (state) => `ended: ${state}`,
  ),
  ...(['dispatch', 'refused', 'none'] as const).map((kind) => `an answer: ${kind}`),
  ...['running', 'waiting', 'paused', 'cancelling', 'done', 'cancelled'].map(
    (state) => `a crash while ${state}`,
  ),
  ...['pause', 'resume', 'cancel'].flatMap((command) => [`${command}: taken`, `${command}: refused`]),
  ...['unreachable', 'refused'].map((how) => `a dispatch was withdrawn: ${how}`),
];
