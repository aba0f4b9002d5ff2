// How large the Worker is that `wrangler deploy` would upload.
import { expect, test } from 'vitest';
import { bundleSize } from '../bench/footprint.ts';
import budget from './budget.json';
import { overBudget } from './budget.ts';

test('the Worker’s bundle keeps its budget', { timeout: 60_000 }, () => {
  const { rawBytes, gzipBytes } = bundleSize('wrangler.toml');
  expect(overBudget({ worker: { rawBytes, gzipBytes } }, budget.bundle)).toEqual([]);
});
