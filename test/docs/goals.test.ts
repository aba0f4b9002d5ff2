// The goals that spec/performance.md shows are those that the bench judges by; what it measured is of one run, and not held.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Goal, goalsOf, JOBS_IN_MEMORY, type Measured } from '../bench/goals.ts';

const NOTHING: Measured = { results: { figure: () => null }, growth: [], wakings: {}, memory: {} };

const goal = (measured: Measured, figure: string): Goal | undefined =>
  goalsOf(measured).find((one) => one.figure === figure);

/** What a run in which Retake and another one did so much per second would say. */
const rates = (retake: number, others: number): Measured => ({
  ...NOTHING,
  results: {
    figure: (name, workload, concurrency) => {
      const spread = (value: number) => ({ median: value, min: value, max: value });
      const perSecond = spread(name === 'retake' ? retake : others);
      return { workload, concurrency, rounds: 1, perSecond, p50Ms: spread(1), p99Ms: null, tail: null };
    },
  },
});

test('the goals in spec/performance.md are those of the bench, in its order', () => {
  const page = readFileSync(join(import.meta.dirname, '../../spec/performance.md'), 'utf8');
  const [, section = ''] = /^## Goals\n(.*?)^##/ms.exec(page) ?? [];
  const rows = [...section.matchAll(/^\| ([^|]+?) +\| ([≥≤][^|]+?) +\|/gm)].map(([, figure, bound]) => ({
    figure,
    goal: bound,
  }));

  expect(rows).toEqual(goalsOf(NOTHING).map(({ figure, goal: bound }) => ({ figure, goal: bound })));
});

test('what was not measured is neither met nor missed', () => {
  const judged = goalsOf(NOTHING).filter(({ met }) => met !== null);

  expect(judged.map(({ figure }) => figure)).toEqual([
    'rows written by a job with one failure and one retry, schema included',
    'bytes of an idle job',
    'dollars per million jobs',
  ]);
});

test('a rate at its goal meets it, one below misses it', () => {
  const figure = 'W3 against durable, concurrency 32';

  expect(goal(rates(90, 100), figure)).toMatchObject({ measured: '0.90', met: true });
  expect(goal(rates(89, 100), figure)).toMatchObject({ measured: '0.89', met: false });
});

test('waking is held against naive’s turn by turn, by the CPU time beyond that of a job awake', () => {
  const turn = (cpuUs: number) => ({ awake: { ms: 1, cpuUs: 100 }, asleep: { ms: 1, cpuUs } });
  const turns = (...cpuUs: number[]) => ({ W3: cpuUs.map(turn), W4: cpuUs.map(turn) });
  const wakings = { naive: turns(300, 500, 1_100), retake: turns(290, 460, 2_100) };

  // 190 of 200, 360 of 400, 2000 of 1000.
  expect(goal({ ...NOTHING, wakings }, 'waking for a callback against naive, CPU')).toMatchObject({
    measured: '0.95',
    met: true,
  });
});

test('memory is judged with as many jobs as its goal speaks of, and with no fewer', () => {
  const memory = (jobs: number) => ({ retake: { idleBytes: 0, jobs, awakeBytes: 801 * 2 ** 20 } });
  const figure = `MiB with ${JOBS_IN_MEMORY} jobs awake`;

  expect(goal({ ...NOTHING, memory: memory(JOBS_IN_MEMORY) }, figure)).toMatchObject({
    measured: '801',
    met: false,
  });
  expect(goal({ ...NOTHING, memory: memory(200) }, figure)?.met).toBeNull();
});
