// What the linter's import rules (biome.json) cannot say.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { JOB_MIGRATIONS, WORKSPACE_MIGRATIONS } from '../../src/actor/migrations.ts';

const src = join(import.meta.dirname, '../../src');
const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .sort();
const read = (file: string): string => readFileSync(join(src, file), 'utf8');
const mentioning = (pattern: RegExp): string[] => files.filter((file) => pattern.test(read(file)));

test('SQL stands in the stores, the schemas and what brings those up to date, in each of them and nowhere else', () => {
  const statement =
    /\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|(CREATE|ALTER|DROP) (TABLE|INDEX|TRIGGER)) [\w*]/;
  const holders = files.filter((file) =>
    /^actor\/([\w-]+-store|schema-[\w-]+|migrate|migrations)\.ts$/.test(file),
  );
  expect(holders).not.toEqual([]);
  expect(mentioning(statement)).toEqual(holders);
  // Without this there is no way to a database.
  const reaching = mentioning(/\bsql\b/);
  expect(reaching).not.toEqual([]);
  expect(reaching.filter((file) => !holders.includes(file))).toEqual([]);
});

test('only two modules call out: the delivery to the orchestrator, and the key set of editors’ tokens', () => {
  expect(mentioning(/\bfetch\(/)).toEqual(['dispatch/orchestrator.ts', 'http/jwks.ts']);
});

test('what the domain decides is decided by nothing that varies by itself', () => {
  expect(files.filter((file) => file.startsWith('domain/'))).not.toEqual([]);
  expect(mentioning(/\bMath\.random\b/).filter((file) => file.startsWith('domain/'))).toEqual([]);
});

test('imports stand where the linter sees them, at the top of a file', () => {
  expect(mentioning(/\bimport\(|\brequire\(/)).toEqual([]);
});

test('zod comes as a namespace, which keeps what is unused out of the bundle', () => {
  const imports = files.flatMap((file) => [...read(file).matchAll(/^(import [^;]*?) from 'zod\b[^;]*;/gm)]);
  const namespaces = imports.map(([, clause = '']) => clause.replace('import type', 'import'));
  expect(new Set(namespaces)).toEqual(new Set(['import * as z']));
});

test('every file says in its first lines what it owns', () => {
  expect(files).not.toEqual([]);
  expect(files.filter((file) => !read(file).startsWith('// '))).toEqual([]);
});

const JOB_STEPS = ['b894d13ac769d2ff', '50210ca8a144a4fc', '1b56b8aa82b79db5'];
const WORKSPACE_STEPS = ['714e2c5128202391'];

test('a migration that has shipped is never edited', () => {
  const digest = (step: string) => createHash('sha256').update(step).digest('hex').slice(0, 16);
  // A new step adds its digest; should this fail for an older one, that step has to keep the text that it had.
  expect(JOB_MIGRATIONS.steps.map(digest)).toEqual(JOB_STEPS);
  expect(WORKSPACE_MIGRATIONS.steps.map(digest)).toEqual(WORKSPACE_STEPS);
});
