// Where somebody may be led after signing in.
import { expect, test } from 'vitest';
import { returnPath } from '../../src/http/return-path.ts';

test.each([
  '/console/',
  '/console/projects/prj_1?status=FAILED&q=a%20b#top',
  '/console//projects',
  '/console/https://elsewhere.example/',
  '/console/%5C%5Celsewhere.example',
])('%s is below the console', (path) => {
  expect(returnPath(path)).toBe(path);
});

test.each([
  undefined,
  '',
  '/',
  '/console',
  '/consoles/',
  '/jobs/job_1',
  '/session/start',
  'console/',
  'https://elsewhere.example/console/',
  'HTTPS:/console/',
  'javascript:alert(1)',
  'javascript:/console/',
  'data:text/html,/console/',
  '//elsewhere.example/console/',
  '///elsewhere.example/console/',
  '/\\elsewhere.example/console/',
  '\\\\elsewhere.example/console/',
  '/console/\\..\\..\\elsewhere.example',
  '/console/..//elsewhere.example',
  '/console/../../elsewhere.example',
  '/console/%2e%2e/jobs/job_1',
  '/console/.%2E/jobs/job_1',
  '/console/./../session/start',
  '/\t/elsewhere.example/console/',
  '/console/\n/elsewhere.example',
  ' /console/',
  '/console/\u0000',
  '/console/\u202e',
  '\ufeff/console/',
  `/console/${'x'.repeat(1_000)}`,
])('%j leads to the front of the console', (path) => {
  expect(returnPath(path)).toBe('/console/');
});

test('where it leads, written behind the address of the service, is always there', () => {
  for (const path of ['/console/@elsewhere.example', '/console/:80', '/console/?//elsewhere.example']) {
    const url = new URL(`https://retake.example${returnPath(path)}`);
    expect(url.origin).toBe('https://retake.example');
    expect(url.pathname).toMatch(/^\/console\//);
  }
});
