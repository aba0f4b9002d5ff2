// GET /error-definitions: every error that this service answers, for whoever is answered one.
import { expect, test } from 'vitest';
import { ERRORS } from '../../src/contract/errors.ts';
import { failedAfter } from '../support/workerd/acting.ts';
import { call } from '../support/workerd/harness.ts';

interface Definition {
  error_code: string;
  type: string;
  status: number;
  title: string;
  retryable: boolean;
  what_to_do: string;
}

test('has every code of the table, once, without a token', async () => {
  const reply = await call('GET', '/error-definitions');

  expect(reply.status).toBe(200);
  expect(reply.headers.get('cache-control')).toBe('public, max-age=300');
  const items: Definition[] = reply.body.items;
  expect(items.map(({ error_code }) => error_code)).toEqual(Object.keys(ERRORS));
  expect(new Set(items.map(({ type }) => type)).size).toBe(items.length);
  for (const { title, what_to_do, type, error_code } of items) {
    expect(title).toMatch(/\S/);
    expect(what_to_do).toMatch(/\.$/);
    expect(type).toBe(`urn:retake:problem:${error_code.toLowerCase().replaceAll('_', '-')}`);
  }
});

test('says of each what its problems say', async () => {
  const items: Definition[] = (await call('GET', '/error-definitions')).body.items;
  const { job } = await failedAfter('TRANSCRIBING');
  const problems = [
    await call('GET', `/jobs/${job.id}`),
    await call('GET', '/nowhere', { token: job.token }),
    await call('PUT', '/error-definitions'),
    await job.retry('x', {}, 'legacy'),
    await job.retry('x', { 'if-match': '"another"' }),
    await job.post('abandon'),
    await job.cancel(),
  ];

  for (const { status, body } of problems) {
    expect(status).toBeGreaterThanOrEqual(400);
    const { error_code, type, title, retryable } = body;
    expect(items).toContainEqual({
      error_code,
      type,
      title,
      retryable,
      status,
      what_to_do: expect.any(String),
    });
  }
});

test('takes a token too, and minds none', async () => {
  expect((await call('GET', '/error-definitions', { token: 'of nobody' })).status).toBe(200);
});
