// No file is left out of what npm test checks: neither a test of the tests that are run, nor a source of what is compiled.
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const files = (...patterns: string[]): string[] =>
  globSync(patterns, { cwd: ROOT, exclude: ['**/node_modules/**'] }).sort();

test('every test file belongs to one project, and every pattern of a project matches some', async () => {
  // By its name, so that what it imports is not compiled as part of this.
  const path = join(ROOT, 'vitest.config.ts');
  const { default: config } = (await import(path)) as {
    default: { test: { projects: { test: { include: string[] } }[] } };
  };
  const patterns = config.test.projects.flatMap(({ test: { include } }) => include);

  const run = patterns.flatMap((pattern) => files(pattern));

  expect(run.sort()).toEqual(files('test/**/*.test.ts'));
  expect(patterns.filter((pattern) => files(pattern).length === 0)).toEqual([]);
}, 30_000);

test('every file that is taken first is there', async () => {
  const { FIRST } = (await import(join(ROOT, 'test/support/longest-first.ts'))) as { FIRST: string[] };
  expect(files(...FIRST)).toEqual([...FIRST].sort());
}, 30_000);

test.each(['tsconfig.json', 'test/tsconfig.json', 'test/bench/contestants/tsconfig.json'])(
  'every entry of %s is about files that there are',
  (config) => {
    const { include, exclude } = JSON.parse(readFileSync(join(ROOT, config), 'utf8'));
    const patterns = [...include, ...exclude.filter((name: string) => name !== 'node_modules')].map(
      (pattern: string) => join(dirname(config), pattern),
    );
    expect(patterns.filter((pattern) => files(pattern).length === 0)).toEqual([]);
  },
);

test('every source and every test is compiled', () => {
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  const compiled = ['.', 'test', 'test/client', 'src/console', 'test/bench/contestants'].flatMap((project) =>
    execFileSync(process.execPath, [tsc, '-p', project, '--listFilesOnly'], {
      cwd: ROOT,
      encoding: 'utf8',
    }).split('\n'),
  );
  const seen = new Set(compiled.map((file) => relative(ROOT, file)));
  const all = files('*.ts', '{src,test}/**/*.{ts,tsx}');
  expect(all.length).toBeGreaterThan(100);
  expect(all.filter((file) => !seen.has(file))).toEqual([]);
}, 30_000);
