// What the linter's import rules (biome.json) cannot say.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Schema } from '../../src/actor/migrate.ts';
import { EARLIER_DISPATCHES, JOB_SCHEMA, MANY_EARLIER_DISPATCHES } from '../../src/actor/schema-job.ts';
import { OPERATION_SCHEMA } from '../../src/actor/schema-operation.ts';
import { PROJECT_SCHEMA } from '../../src/actor/schema-project.ts';
import { WORKSPACE_SCHEMA } from '../../src/actor/schema-workspace.ts';

const src = join(import.meta.dirname, '../../src');
const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.tsx?$/.test(file))
  .sort();
const read = (file: string): string => readFileSync(join(src, file), 'utf8');
const mentioning = (pattern: RegExp): string[] => files.filter((file) => pattern.test(read(file)));

test('SQL stands in the stores, the schemas and what brings those up to date, in each of them and nowhere else', () => {
  const statement =
    /\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|(CREATE|ALTER|DROP) (TABLE|INDEX|TRIGGER)) [\w*]/;
  const holders = files.filter((file) => /^actor\/([\w-]+-store|schema-[\w-]+|migrate)\.ts$/.test(file));
  expect(holders).not.toEqual([]);
  expect(mentioning(statement)).toEqual(holders);
  // Without this there is no way to a database.
  const reaching = mentioning(/\bsql\b/);
  expect(reaching).not.toEqual([]);
  expect(reaching.filter((file) => !holders.includes(file))).toEqual([]);
});

test('only three modules call out: the delivery to the orchestrator, the key set of editors’ tokens, and who signs them in', () => {
  // An object is asked by its own `fetch`, where a socket is to cross; the console's files come from the platform's store of them.
  expect(mentioning(/(?<!object\.|override |ASSETS\.)\bfetch\(/)).toEqual([
    'dispatch/orchestrator.ts',
    'http/jwks.ts',
  ]);
  // It calls by itself.
  expect(mentioning(/'oauth4webapi'/)).toEqual(['http/identity-provider.ts']);
});

test('objects are addressed in one module, within the jurisdiction that is set', () => {
  expect(mentioning(/\b(getByName|idFromName|idFromString|newUniqueId|jurisdiction)\(/)).toEqual([
    'objects.ts',
  ]);
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

test('nothing that a job’s history holds is ever changed or taken away, but for its form by a step of the schema', () => {
  const [steps = [], rest = []] = [true, false].map((isSchema) =>
    files.filter((file) => (file === 'actor/schema-job.ts') === isSchema),
  );
  expect(steps).toHaveLength(1);
  const touching = (pattern: RegExp) => rest.flatMap((file) => read(file).match(pattern) ?? []);
  expect(touching(/INSERT INTO history\b/g)).not.toEqual([]);
  expect(touching(/\b(UPDATE|DELETE FROM|REPLACE INTO|DROP TABLE|ALTER TABLE) history\b/g)).toEqual([]);
});

/** Of the text that each version of a schema was shipped with. */
const SHIPPED = {
  job: [
    ...['fc298e84f8291382', '67ebfb3fd11e14e5', '780c8f04b3bf219b', 'a0244df842b591fa', 'ed80a108fa92c853'],
    '71952b01b43d0f79',
  ],
  'dispatches before the two newest': ['9db485e8582e5265', 'f55d08bbe3fc13f0'],
  operation: ['dee89490d1fd4ab9', '463155adec345197'],
  project: ['5936e71be6d60748', 'aea5e12d345c5b79'],
  workspace: ['3ba133d194d4131b', '6e357d8aeceb92d3'],
};

test('a schema that has shipped is never edited', () => {
  const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16);
  const texts = ({ tables, steps }: Schema) => [tables, ...steps].map(digest);
  // A change is a step, which adds its digest here, and what new objects get besides. Should this fail for a text that has
  // shipped, that one has to be as it was.
  expect({
    job: texts(JOB_SCHEMA),
    'dispatches before the two newest': [digest(EARLIER_DISPATCHES), digest(MANY_EARLIER_DISPATCHES)],
    operation: texts(OPERATION_SCHEMA),
    project: texts(PROJECT_SCHEMA),
    workspace: texts(WORKSPACE_SCHEMA),
  }).toEqual(SHIPPED);
});
