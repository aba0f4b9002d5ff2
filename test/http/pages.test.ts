// Browsers: pages of other origins (CORS), and the headers that every answer bears.
import { createExecutionContext, env } from 'cloudflare:test';
import { describe, expect, test, vi } from 'vitest';
import { createApp } from '../../src/http/app.ts';
import { createdJob, jobAt } from '../support/workerd/acting.ts';
import { call, editorToken, missingId } from '../support/workerd/harness.ts';
import { editorEndpoints } from './endpoints.ts';

const PAGE = 'https://console.example.com';
const listed = { ...env, CORS_ORIGINS: `${PAGE}, https://other.example.com` } as unknown as Env;

function ask(
  path: string,
  method: string,
  headers: Record<string, string>,
  bindings: Env = listed,
  body: string | null = null,
) {
  const request = new Request(`http://127.0.0.1:8787${path}`, { method, headers, body });
  return createApp().fetch(request, bindings, createExecutionContext());
}
const preflight = (path: string, origin: string, bindings?: Env) =>
  ask(path, 'OPTIONS', { origin, 'access-control-request-method': 'POST' }, bindings);
const corsHeaders = ({ headers }: Response) =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-')));

describe('a page of an origin that is listed', () => {
  const paths = editorEndpoints().map((endpoint) => (endpoint.split(' ')[1] ?? '').replaceAll('{id}', 'x'));
  test.each([...new Set(paths), '/openapi.json', '/healthz'])(
    'has its preflight to %s answered, without a token',
    async (path) => {
      const answer = await preflight(path, PAGE);

      expect(answer.status).toBe(204);
      expect(await answer.text()).toBe('');
      expect(corsHeaders(answer)).toEqual({
        'access-control-allow-origin': PAGE,
        'access-control-allow-methods': 'DELETE, GET, HEAD, PATCH, POST, PUT',
        'access-control-allow-headers':
          'Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Prefer, Range, Traceparent, X-Correlation-Id',
        'access-control-max-age': '7200',
      });
      expect(answer.headers.get('vary')).toBe('Origin');
    },
  );

  test('is not let in without a token', async () => {
    expect((await ask('/projects', 'OPTIONS', { origin: PAGE })).status).toBe(401);
    expect((await ask('/projects', 'POST', { origin: PAGE })).status).toBe(401);
  });

  test.each(['/session', '/session/start', '/session/callback', '/session/end'])(
    'has nothing to do with %s, which is for pages of this service',
    async (path) => {
      const signingIn = { ...listed, CONSOLE_CLIENT_ID: 'retake-console' } as unknown as Env;

      const answers = [
        await preflight(path, PAGE, signingIn),
        await ask(path, 'POST', { origin: PAGE }, signingIn),
      ];

      for (const answer of answers) {
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(corsHeaders(answer)).toEqual({});
      }
    },
  );

  test('does not come to where pipelines report', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');
    const path = `/internal/jobs/${job.id}/status`;
    const authorization = `Bearer ${pipeline.token}`;

    const answers = [await preflight(path, PAGE), await ask(path, 'POST', { origin: PAGE, authorization })];

    expect(answers.map(({ status }) => status)).toEqual([401, 400]);
    for (const answer of answers) expect(corsHeaders(answer)).toEqual({});
  });
});

/** Every kind of answer, as a page of an origin is given it. */
async function everyAnswer(origin: string): Promise<Response[]> {
  const job = await createdJob();
  const damaged = await createdJob();
  await damaged.damage();
  const authorization = `Bearer ${job.token}`;
  const headers = { origin, authorization, 'content-type': 'application/json' };
  const reader = `Bearer ${await editorToken('reader', { scope: 'retake:read' })}`;
  const limited = { ...listed, EDITOR_RATE_LIMIT: { limit: async () => ({ success: false }) } } as Env;
  const unverifiable = {
    ...listed,
    AUTH_JWKS_URL: 'https://id.example/keys',
    AUTH_ISSUER: 'https://id.example',
    AUTH_AUDIENCE: 'retake',
  } as unknown as Env;
  const of = `/jobs/${job.id}`;
  const answers = [
    await ask(of, 'GET', headers),
    await ask(of, 'HEAD', headers),
    await ask('/healthz', 'GET', { origin }),
    await ask('/projects', 'POST', headers, listed, '{"name":"Talks"}'),
    await ask(of, 'GET', { ...headers, 'if-none-match': '*' }),
    await ask('/projects?limit=0', 'GET', headers),
    await ask(of, 'GET', { origin }),
    await ask(`${of}/cancel`, 'POST', { ...headers, authorization: reader }),
    await ask(`/jobs/${await missingId('job')}`, 'GET', headers),
    await ask(of, 'PUT', headers),
    await ask(`${of}/run`, 'POST', headers),
    await ask('/projects', 'POST', headers, listed, 'x'.repeat(70_000)),
    await ask('/projects', 'POST', { ...headers, 'content-type': 'text/plain' }, listed, '{}'),
    await ask(of, 'GET', headers, limited),
    await ask(`/jobs/${damaged.id}`, 'GET', { ...headers, authorization: `Bearer ${damaged.token}` }),
  ];
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('the provider is away')));
  answers.push(await ask(of, 'GET', headers, unverifiable));
  vi.unstubAllGlobals();
  expect(answers.map(({ status }) => status)).toEqual([
    ...[200, 200, 200, 201, 304, 400, 401, 403, 404, 405, 409, 413, 415, 429, 500, 503],
  ]);
  return answers;
}

test('a page of an origin that is listed reads every answer, refusals too, and the headers that it needs', async () => {
  for (const answer of await everyAnswer(PAGE)) {
    expect(corsHeaders(answer)).toEqual({
      'access-control-allow-origin': PAGE,
      'access-control-expose-headers':
        'Accept-Ranges, Content-Disposition, Content-Range, ETag, Location, Preference-Applied, Retry-After, X-Request-Id, X-Retake-Ignored',
    });
    expect(answer.headers.get('vary')).toBe('Origin');
  }
});

test.each(['https://evil.example.com', 'null'])(
  'a page of %s, which is not listed, is told nothing by any answer',
  async (origin) => {
    for (const answer of await everyAnswer(origin)) {
      expect(corsHeaders(answer)).toEqual({});
      expect(answer.headers.get('vary')).toBe('Origin');
    }
  },
);

test.each([
  'https://evil.example.com',
  'https://console.example.com.evil.example',
  'https://console.example.com:8443',
  'http://console.example.com',
  'null',
])('a page of %s, which is not listed, is told nothing', async (origin) => {
  const answers = [await preflight('/projects', origin), await ask('/healthz', 'GET', { origin })];

  expect(answers.map(({ status }) => status)).toEqual([401, 200]);
  for (const answer of answers) {
    expect(corsHeaders(answer)).toEqual({});
    expect(answer.headers.get('vary')).toBe('Origin');
  }
});

test('without CORS_ORIGINS no page of another origin is told anything', async () => {
  const answers = [
    await preflight('/projects', PAGE, env),
    await ask('/healthz', 'GET', { origin: PAGE }, env),
  ];

  expect(answers.map(({ status }) => status)).toEqual([401, 200]);
  for (const answer of answers) {
    expect(corsHeaders(answer)).toEqual({});
    expect(answer.headers.get('vary')).toBeNull();
  }
});

test('no browser sends its own credentials along', async () => {
  for (const answer of [await preflight('/projects', PAGE), await ask('/healthz', 'GET', { origin: PAGE })]) {
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    expect(answer.headers.get('access-control-allow-origin')).not.toBe('*');
  }
});

describe('every answer', () => {
  const https = {
    ...env,
    PUBLIC_BASE_URL: 'https://retake.example',
    AUTH_JWKS_URL: 'https://id.example/keys',
    AUTH_ISSUER: 'https://id.example',
    AUTH_AUDIENCE: 'retake',
  } as unknown as Env;

  test('runs nothing, is framed by nobody, embedded by no other site, and tells where nobody came from', async () => {
    const job = await createdJob();
    const replies = [
      await call('GET', '/healthz'),
      await call('GET', '/openapi.json'),
      await call('GET', `/jobs/${job.id}`, { token: job.token }),
      await call('GET', `/jobs/${job.id}`, { token: job.token, headers: { 'if-none-match': '*' } }),
      await call('POST', `/jobs/${job.id}/run`, { token: job.token }),
      await call('GET', `/jobs/${job.id}`),
      await call('GET', '/nowhere'),
      await call('DELETE', '/healthz'),
    ];

    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 304, 409, 401, 404, 405]);
    for (const { headers } of replies) {
      expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(headers.get('strict-transport-security')).toBeNull();
    }
  });

  test('of a service that is reached by https asks for https from then on', async () => {
    for (const path of ['/healthz', '/nowhere']) {
      const { headers } = await ask(path, 'GET', {}, https);
      expect(headers.get('strict-transport-security')).toBe('max-age=31536000');
    }
  });
});

test('a read that has an ETag may be kept by a browser that asks whether it is still so, and nothing else may', async () => {
  const job = await createdJob();
  const { token } = job;
  const read = await call('GET', `/jobs/${job.id}`, { token });
  const etag = read.headers.get('etag') ?? '';

  const unchanged = await call('GET', `/jobs/${job.id}`, { token, headers: { 'if-none-match': etag } });
  const head = await call('HEAD', `/jobs/${job.id}`, { token });
  const others = [
    await call('GET', '/projects', { token }),
    await call('GET', `/jobs/${job.id}/transitions`, { token }),
    await call('GET', `/jobs/${await missingId('job')}`, { token }),
    await call('POST', `/jobs/${job.id}/cancel`, { token }),
    await call('GET', '/healthz'),
  ];

  expect(unchanged.status).toBe(304);
  for (const { headers } of [read, unchanged, head]) {
    expect(headers.get('cache-control')).toBe('private, no-cache');
  }
  for (const { headers } of others) {
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('etag')).toBeNull();
  }
});
