// How much a browser loads before it shows anything: all of the console, compressed.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, expect, test } from 'vitest';
import { buildConsole } from '../../build-console.ts';

const DIRECTORY = join(import.meta.dirname, '../../dist/console');
const MOST_BYTES = 60 * 1024;

beforeAll(() => buildConsole());

/** Of this build: an earlier one's files may lie beside it. */
function files(): string[] {
  const html = readFileSync(join(DIRECTORY, 'index.html'), 'utf8');
  const named = [...html.matchAll(/\/console\/(assets\/[^"]+)"/g)].map(([, file = '']) => file);
  return ['index.html', ...named];
}

test('all of the console is at most 60 KiB, compressed', () => {
  const sizes = files().map((file) => gzipSync(readFileSync(join(DIRECTORY, file)), { level: 9 }).byteLength);
  expect(sizes).toHaveLength(4);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(MOST_BYTES);
});

test('it is one script and one stylesheet: nothing is loaded later that a deployment could have taken away', () => {
  const kinds = files().map((file) => file.split('.').at(-1));
  expect(kinds.toSorted()).toEqual(['css', 'html', 'js', 'svg']);
  const scripts = files().filter((file) => file.endsWith('.js'));
  for (const script of scripts)
    expect(readFileSync(join(DIRECTORY, script), 'utf8')).not.toMatch(/\bimport\(/);
});

test('it is the same whoever builds it, and nothing in it says where', () => {
  const script = files().find((file) => file.endsWith('.js')) ?? '';
  const text = readFileSync(join(DIRECTORY, script), 'utf8');
  // What elements bear in a build for development: this is one of a test.
  expect(process.env.NODE_ENV).toBe('test');
  expect(text).not.toContain(import.meta.dirname.split('/test/')[0]);
  expect(text).not.toMatch(/\bfileName:|src\/console/);
});

test('nothing in it names another host, and nothing makes code out of text', () => {
  const present = readdirSync(join(DIRECTORY, 'assets'));
  const text = files()
    .filter((file) => /\.(js|css|html)$/.test(file))
    .map((file) => readFileSync(join(DIRECTORY, file), 'utf8'))
    .join('\n');
  expect(present.length).toBeGreaterThan(0);
  // Names of XML are no addresses that anybody asks.
  const named = [...text.matchAll(/\bhttps?:\/\/[\w.-]+/g)].map(([url]) => url);
  expect(named.filter((url) => !url.startsWith('http://www.w3.org'))).toEqual([]);
  expect(text).not.toMatch(/\beval\(|new Function\(|document\.write/);
});
