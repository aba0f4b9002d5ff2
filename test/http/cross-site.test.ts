// What another site's page can have a browser send: a form, a fetch or a socket that bears the session of whoever is signed in.
import { describe, expect, test } from 'vitest';
import { call, editorToken, type OwnedJob, withoutSideEffect } from '../support/workerd/harness.ts';
import { browse, cookieOf, signedIn, signingIn } from '../support/workerd/sessions.ts';
import { editorEndpoints } from './endpoints.ts';

const OWN = 'http://127.0.0.1:8787';

async function signedInJob(): Promise<{ job: OwnedJob; cookie: string }> {
  const sub = `alice-${crypto.randomUUID()}`;
  const token = await editorToken(sub);
  const project = await call('POST', '/projects', { token, body: { name: 'Talks' } });
  const { body } = await call('POST', `/projects/${project.body.id}/jobs`, { token });
  return { job: { id: body.id, projectId: project.body.id, token }, cookie: await cookieOf(signedIn(sub)) };
}

const REFUSED = { status: 403, body: { error_code: 'CROSS_SITE_REQUEST', retryable: false, details: {} } };

describe('a write with a session', () => {
  const foreign: [string, Record<string, string>][] = [
    ['another site’s form', { 'sec-fetch-site': 'cross-site', 'content-type': 'text/plain' }],
    ['another site’s fetch', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['a page of the same site, such as another name of the domain', { 'sec-fetch-site': 'same-site' }],
    ['nobody’s page, such as an address that was typed', { 'sec-fetch-site': 'none' }],
    ['who says nothing of where it comes from', {}],
    ['a browser that does not say it, from another origin', { origin: 'https://evil.example' }],
    ['a browser that does not say it, from a sandboxed page', { origin: 'null' }],
    ['a browser that does not say it, from another port', { origin: 'http://127.0.0.1:8788' }],
    ['a browser that does not say it, over https where this is http', { origin: 'https://127.0.0.1:8787' }],
    ['another site that names this origin', { 'sec-fetch-site': 'cross-site', origin: OWN }],
    [
      'another site that asks for a socket as well',
      { 'sec-fetch-site': 'cross-site', origin: OWN, upgrade: 'websocket' },
    ],
    ['who says something else', { 'sec-fetch-site': 'same-origin, cross-site', origin: OWN }],
  ];

  test.each(foreign)('is refused from %s, and nothing is done', async (_what, headers) => {
    const { job, cookie } = await signedInJob();

    const reply = await withoutSideEffect(job, () =>
      browse(cookie, `/jobs/${job.id}/cancel`, { method: 'POST', headers }),
    );

    expect(reply).toMatchObject(REFUSED);
  });

  test.each([
    ['a page of this service', { 'sec-fetch-site': 'same-origin' }],
    ['a page of this service in a browser that says its origin alone', { origin: OWN }],
  ])('is done for %s', async (_what, headers) => {
    const { job, cookie } = await signedInJob();

    expect((await browse(cookie, `/jobs/${job.id}/cancel`, { method: 'POST', headers })).status).toBe(200);
  });

  test('is refused from a page whose origin may call the API, too: with a token, and not with a session', async () => {
    const { job, cookie } = await signedInJob();
    const origin = 'http://localhost:3000';
    const vars = signingIn({ CORS_ORIGINS: origin });
    const headers = { origin, 'sec-fetch-site': 'same-site' };

    const reply = await browse(cookie, `/jobs/${job.id}/cancel`, { method: 'POST', headers, vars });

    expect(reply).toMatchObject(REFUSED);
    expect(reply.headers.get('access-control-allow-credentials')).toBeNull();
  });

  const writes = editorEndpoints().filter((endpoint) => !endpoint.startsWith('GET '));
  test('is one of many', () => {
    expect(writes.length).toBeGreaterThan(10);
  });

  test.each(writes)('%s is refused from another site', async (endpoint) => {
    const { job, cookie } = await signedInJob();
    const [method = '', path = ''] = endpoint.split(' ');
    const id = path.startsWith('/projects') ? job.projectId : job.id;

    const reply = await browse(cookie, path.replace('{id}', id), {
      method,
      headers: { 'sec-fetch-site': 'cross-site' },
    });

    expect(reply).toMatchObject(REFUSED);
  });

  test('is not looked at like this with a token, which no browser adds by itself', async () => {
    const { job } = await signedInJob();
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://console.example.com' };

    expect((await call('POST', `/jobs/${job.id}/cancel`, { token: job.token, headers })).status).toBe(200);
  });
});

test('a read with a session is answered wherever it comes from, to whoever is signed in alone', async () => {
  const { job, cookie } = await signedInJob();
  const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };

  const reply = await browse(cookie, `/jobs/${job.id}`, { headers });

  expect(reply.status).toBe(200);
  expect(reply.headers.get('cross-origin-resource-policy')).toBe('same-origin');
  expect(reply.headers.get('access-control-allow-origin')).toBeNull();
});

describe('a socket with a session', () => {
  const upgrade = async (headers: Record<string, string>) => {
    const { job, cookie } = await signedInJob();
    return browse(cookie, `/jobs/${job.id}`, { headers: { upgrade: 'websocket', ...headers } });
  };

  test.each([
    ['https://evil.example', {}],
    ['null', {}],
    [`${OWN}.evil.example`, {}],
    ['http://127.0.0.1:8788', {}],
    ['http://localhost:8787', {}],
    ['https://evil.example', { 'sec-fetch-site': 'same-origin' }],
  ])('of a page of %s is refused, whatever else it says', async (origin, headers) => {
    expect(await upgrade({ origin, ...headers })).toMatchObject(REFUSED);
  });

  test('that names no origin is refused', async () => {
    expect(await upgrade({})).toMatchObject(REFUSED);
    expect(await upgrade({ upgrade: 'WebSocket', 'sec-fetch-site': 'same-origin' })).toMatchObject(REFUSED);
  });

  test('of a page of this service is let in', async () => {
    expect((await upgrade({ origin: OWN })).status).toBe(200);
  });
});
