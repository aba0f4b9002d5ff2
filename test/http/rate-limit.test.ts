// Cloudflare's rate limiting as a stand-in of its binding, which counts elsewhere; everything behind it is real.
import { createExecutionContext, env } from 'cloudflare:test';
import { expect, test } from 'vitest';
import { createApp } from '../../src/http/app.ts';
import { createdJob, jobAt } from '../support/workerd/acting.ts';
import { editorToken, type OwnedJob } from '../support/workerd/harness.ts';
import { editorEndpoints } from './endpoints.ts';

/** Lets each key through so often. */
function bound(limit: number) {
  const asked = new Map<string, number>();
  const binding: RateLimit = {
    limit: async ({ key }) => {
      asked.set(key, (asked.get(key) ?? 0) + 1);
      return { success: (asked.get(key) ?? 0) <= limit };
    },
  };
  const bindings = { ...env, EDITOR_RATE_LIMIT: binding } as Env;
  const ask = (path: string, token?: string, method = 'GET') => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const request = new Request(`http://127.0.0.1:8787${path}`, { method, headers });
    return createApp().fetch(request, bindings, createExecutionContext());
  };
  return { asked, ask };
}
const read = ({ id }: OwnedJob) => `/jobs/${id}`;

test('who asks for more than an owner may is answered 429, and when to try again', async () => {
  const job = await createdJob();
  const { ask } = bound(2);
  await ask(read(job), job.token);
  await ask('/projects', job.token);

  const refused = await ask(`${read(job)}/cancel`, job.token, 'POST');

  expect(refused.status).toBe(429);
  expect(refused.headers.get('retry-after')).toBe('10');
  expect(await refused.json()).toMatchObject({ error_code: 'RATE_LIMITED', retryable: true, details: {} });
  expect(await job.status()).toBe('CREATED');
});

test('the limit is the owner’s, whatever the token, and nobody else’s', async () => {
  const [job, other] = [await createdJob(), await createdJob()];
  const { asked, ask } = bound(1);
  await ask(read(job), job.token);

  expect((await ask(read(other), other.token)).status).toBe(200);
  expect((await ask(read(job), job.token)).status).toBe(429);
  expect([...asked.keys()].toSorted()).toEqual([await job.owner(), await other.owner()].toSorted());
});

test('two tokens of one owner share it', async () => {
  const { ask } = bound(1);
  const sub = `alice-${crypto.randomUUID()}`;
  await ask('/projects', await editorToken(sub));

  expect((await ask('/projects', await editorToken(sub, { jti: 'another' }))).status).toBe(429);
});

test.each(editorEndpoints())('%s is behind it, and its refusal is kept by nobody', async (endpoint) => {
  const [method = '', path = ''] = endpoint.replaceAll('{id}', 'x').split(' ');
  const refused = await bound(0).ask(path, await editorToken('alice'), method);
  expect(refused.status).toBe(429);
  expect(await refused.json()).toMatchObject({ error_code: 'RATE_LIMITED' });
  expect(refused.headers.get('cache-control')).toBe('no-store');
});

test('who is not let in is not counted, and neither are pipelines nor what needs no token', async () => {
  const { job, pipeline } = await jobAt('AUDIO_READY');
  const { asked, ask } = bound(0);

  expect((await ask('/projects')).status).toBe(401);
  expect((await ask('/projects', 'forged')).status).toBe(401);
  expect((await ask('/healthz')).status).toBe(200);
  expect((await ask(`/internal/jobs/${job.id}/status`, pipeline.token, 'POST')).status).toBe(400);
  expect(asked.size).toBe(0);
});
