// spec/observability.md against the code: its queries name columns as the table in src/metrics.ts has them, and every event
// of the log is explained.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BLOBS, DOUBLES, EVENTS, INDEX } from '../../src/metrics.ts';
import { SPEC } from './generated.ts';

const page = readFileSync(join(SPEC, 'observability.md'), 'utf8');
const queries = [...page.matchAll(/```sql\n([^`]*)```/g)].map(([, query = '']) => query);
const names: Record<string, readonly string[]> = { index: [INDEX], blob: BLOBS, double: DOUBLES };
const nameOf = (kind = '', number = '') => names[kind]?.[Number(number) - 1];

test('every column in a query is one that is written', () => {
  expect(queries.length).toBeGreaterThanOrEqual(3);
  const columns = queries.flatMap((query) => [...query.matchAll(/\b(index|blob|double)(\d+)/g)]);
  expect(columns.length).toBeGreaterThan(10);
  expect(columns.filter(([, kind, number]) => nameOf(kind, number) === undefined)).toEqual([]);
});

test('a query calls a column by its own name', () => {
  const renamed = queries.flatMap((query) => [...query.matchAll(/\b(index|blob|double)(\d+) AS (\w+)/g)]);
  expect(renamed.length).toBeGreaterThan(5);
  for (const [, kind, number, name] of renamed) expect(nameOf(kind, number)).toBe(name);
});

test('a query asks for an event that there is', () => {
  const asked = queries.flatMap((query) => [...query.matchAll(/blob1 = '(\w+)'/g)].map(([, event]) => event));
  expect(asked).toHaveLength(queries.length);
  for (const event of asked) expect(EVENTS).toContain(event);
  expect(nameOf('blob', '1')).toBe('event');
});

test('every event of the log is explained, and no other', () => {
  const src = join(SPEC, '../src');
  const sources = globSync('**/*.ts', { cwd: src }).map((file) => readFileSync(join(src, file), 'utf8'));
  const logged = sources.flatMap((text) =>
    [...text.matchAll(/\blog\(\s*(?:[^,()]+),\s*'(\w+)'/g)].map(([, event = '']) => event),
  );
  const [, log = ''] = page.split('## The log');
  const rows = [...log.matchAll(/^\| (`\w+`(?:, `\w+`)*) \|/gm)];
  const explained = rows.flatMap(([, events = '']) => events.replaceAll('`', '').split(', '));
  expect(explained.sort()).toEqual([...new Set(logged)].sort());
});
