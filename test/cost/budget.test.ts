// That a budget refuses what it should, and that its ceilings keep the goals.
import { expect, test } from 'vitest';
import budget from './budget.json';
import { overBudget } from './budget.ts';

const ceilings = { create: { rowsWritten: 2 } };

test('a figure at its ceiling or below it keeps the budget', () => {
  expect(overBudget({ create: { rowsWritten: 2 } }, ceilings)).toEqual([]);
  expect(overBudget({ create: { rowsWritten: 1 } }, ceilings)).toEqual([]);
});

test('a figure above its ceiling is named', () => {
  expect(overBudget({ create: { rowsWritten: 3 } }, ceilings)).toEqual([
    'create: rowsWritten is 3, above its ceiling of 2',
  ]);
});

test('a figure without a ceiling and a ceiling without a figure are named', () => {
  expect(overBudget({ create: { rowsRead: 1 } }, ceilings)).toEqual([
    'create: rowsRead is 1 and has no ceiling',
    'create: rowsWritten has a ceiling and no figure',
  ]);
});

test('the budget has no part that nothing is held to', () => {
  expect(Object.keys(budget)).toEqual(['operations', 'bundle']);
});

test('no ceiling is above the goals', () => {
  const { operations, bundle } = budget;
  const rows = Object.entries(operations).map(([step, figures]) => ({
    step,
    rows: 'rowsWritten' in figures ? figures.rowsWritten : Infinity,
  }));
  const above = (pattern: RegExp, goal: number) => {
    const steps = rows.filter(({ step }) => pattern.test(step));
    expect(steps, String(pattern)).not.toEqual([]);
    return steps.filter(({ rows }) => rows > goal).map(({ step }) => step);
  };
  expect(above(/^(retry|redo|export)/, 6)).toEqual([]);
  expect(above(/^edit/, 3)).toEqual([]);
  expect(above(/^callback/, 4)).toEqual([]);
  const wholeWithSchema =
    operations['a whole job, with one failure and one retry'].rowsWritten + operations.schema.jobRows;
  expect(wholeWithSchema).toBeLessThanOrEqual(46);
  expect(operations['a million jobs'].dollars).toBeLessThanOrEqual(69);
  expect(operations.stored.jobBytes).toBeLessThanOrEqual(20 * 1024);
  expect(above(/^a whole job/, 45)).toEqual([]);
  expect(above(/^(missing|foreign)/, 0)).toEqual([]);
  expect(bundle.worker.gzipBytes).toBeLessThanOrEqual(170_000);
});
