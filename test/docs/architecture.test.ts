// What the linter's import rules (biome.json) cannot say.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { JOB_MIGRATIONS, WORKSPACE_MIGRATIONS } from '../../src/actor/migrations.ts';

const src = join(import.meta.dirname, '../../src');
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const mentioning = (pattern: RegExp): string[] =>
  files.filter((file) => pattern.test(readFileSync(join(src, file), 'utf8'))).sort();

test('SQL stands in the stores and migrations alone', () => {
  expect(mentioning(/\bsql\.exec|\b(SELECT|INSERT INTO|UPDATE|DELETE FROM) [\w*]/)).toEqual([
    'actor/job-store.ts',
    'actor/migrate.ts',
    'actor/migrations.ts',
    'actor/workspace-store.ts',
  ]);
});

test('only two modules call out: the delivery to the orchestrator, and the key set of editors’ tokens', () => {
  expect(mentioning(/\bfetch\(/)).toEqual(['dispatch/orchestrator.ts', 'http/jwks.ts']);
});

test('objects are addressed in one module, within the jurisdiction that is set', () => {
  expect(mentioning(/\b(getByName|idFromName|idFromString|newUniqueId|jurisdiction)\(/)).toEqual([
    // Until the actors address one another through objects.ts too.
    'actor/job-actor.ts',
    'objects.ts',
  ]);
});

test('zod comes as a namespace, which keeps what is unused out of the bundle', () => {
  expect(mentioning(/^import (?!(type )?\* as z ).*from 'zod'/m)).toEqual([]);
});

test('every file says in its first lines what it owns', () => {
  expect(files.filter((file) => !readFileSync(join(src, file), 'utf8').startsWith('// '))).toEqual([]);
});

const JOB_STEPS = ['b894d13ac769d2ff', '50210ca8a144a4fc', '1b56b8aa82b79db5'];
const WORKSPACE_STEPS = ['714e2c5128202391'];

test('a migration that has shipped is never edited', () => {
  const digest = (step: string) => createHash('sha256').update(step).digest('hex').slice(0, 16);
  // A new step adds its digest; should this fail for an older one, that step has to keep the text that it had.
  expect(JOB_MIGRATIONS.steps.map(digest)).toEqual(JOB_STEPS);
  expect(WORKSPACE_MIGRATIONS.steps.map(digest)).toEqual(WORKSPACE_STEPS);
});
