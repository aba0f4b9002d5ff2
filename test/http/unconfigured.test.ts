// A service that is not set up serves nobody, and never falls back to the development key.
import { createExecutionContext, env } from 'cloudflare:test';
import { describe, expect, test, vi } from 'vitest';
import { createApp } from '../../src/http/app.ts';
import { jobAt } from '../support/workerd/acting.ts';
import { storedRows } from '../support/workerd/harness.ts';

describe('a service that is not configured', () => {
  const { DEV_AUTH_PUBLIC_JWK: _jwk, ...withoutDevelopmentKey } = env as unknown as Record<string, unknown>;
  const all = env as unknown as Record<string, unknown>;
  const policy = env.MODEL_POLICY as { profiles: object[] };
  const deployed = { ...all, PUBLIC_BASE_URL: 'https://retake.example' };
  const environments: [string, string, Record<string, unknown>][] = [
    ['that has no way to verify tokens', 'AUTH_JWKS_URL', withoutDevelopmentKey],
    ['that is deployed with a development key alone', 'AUTH_JWKS_URL', deployed],
    [
      'that has half of the authentication settings',
      'AUTH_JWKS_URL',
      { ...all, AUTH_ISSUER: 'https://issuer.example' },
    ],
    [
      'that is deployed with half of the authentication settings and a development key',
      'AUTH_JWKS_URL',
      { ...deployed, AUTH_JWKS_URL: 'https://issuer.example/keys', AUTH_ISSUER: 'https://issuer.example' },
    ],
    [
      'that fetches its keys over plain http',
      'AUTH_JWKS_URL',
      { ...all, ...jwks('http://issuer.example/keys') },
    ],
    [
      'that allows symmetric signatures',
      'AUTH_ALGORITHMS',
      { ...all, ...jwks('https://issuer.example/keys'), AUTH_ALGORITHMS: 'HS256' },
    ],
    ['that has no callback key', 'CALLBACK_TOKEN_KEYS', { ...all, CALLBACK_TOKEN_KEYS: '' }],
    ['that has a short callback key', 'CALLBACK_TOKEN_KEYS', { ...all, CALLBACK_TOKEN_KEYS: 'short' }],
    ['that has no key for ids', 'ID_KEYS', { ...all, ID_KEYS: '' }],
    ['that has a short key for ids', 'ID_KEYS', { ...all, ID_KEYS: `${'long'.repeat(8)},short` }],
    ['that has no signing secret', 'DISPATCH_SIGNING_SECRET', { ...all, DISPATCH_SIGNING_SECRET: '' }],
    ['that does not know its orchestrator', 'ORCHESTRATOR_URL', { ...all, ORCHESTRATOR_URL: '' }],
    ['that does not know its own address', 'PUBLIC_BASE_URL', { ...all, PUBLIC_BASE_URL: '' }],
    [
      'that sends over plain http',
      'ORCHESTRATOR_URL',
      { ...all, ORCHESTRATOR_URL: 'http://orchestrator.example/' },
    ],
    [
      'whose password for the orchestrator would not be sent',
      'ORCHESTRATOR_URL',
      { ...all, ORCHESTRATOR_URL: 'https://user:short@orchestrator.example/' },
    ],
    [
      'whose callbacks would go to a query',
      'PUBLIC_BASE_URL',
      { ...all, PUBLIC_BASE_URL: 'http://127.0.0.1:8787/?short' },
    ],
    ['that would let every page in', 'CORS_ORIGINS', { ...all, CORS_ORIGINS: '*' }],
    ['that asks for no type of token', 'AUTH_TOKEN_TYPE', { ...all, AUTH_TOKEN_TYPE: 'application/at+jwt' }],
    ['that may or may not ask for scopes', 'AUTH_REQUIRE_SCOPE', { ...all, AUTH_REQUIRE_SCOPE: 'short' }],
    ['whose claim that owns has no name', 'AUTH_OWNER_CLAIM', { ...all, AUTH_OWNER_CLAIM: 'short one' }],
    [
      'that people sign in to without a key for their sessions',
      'SESSION_KEYS',
      { ...all, CONSOLE_CLIENT_ID: 'retake-console', SESSION_KEYS: '' },
    ],
    ['that has a short key for sessions', 'SESSION_KEYS', { ...all, SESSION_KEYS: 'short' }],
    ['whose policy is no JSON', 'MODEL_POLICY', { ...all, MODEL_POLICY: '{short' }],
    [
      'whose policy names an engine that is none',
      'MODEL_POLICY.profiles.0.engines.draft',
      withDraftBy('short one'),
    ],
    [
      'whose policy knows a class of failures that there is not',
      'MODEL_POLICY.failure_classes.CRASHED',
      { ...all, MODEL_POLICY: { ...policy, failure_classes: { CRASHED: 'short' } } },
    ],
    ['that has a bucket and no name for it', 'ARTIFACTS_BUCKET', { ...all, ARTIFACTS_BUCKET: '' }],
    ['that names a bucket and has none', 'ARTIFACTS_BUCKET', { ...all, ARTIFACTS: undefined }],
    ['that names no jurisdiction of Cloudflare’s', 'JURISDICTION', { ...all, JURISDICTION: 'mars' }],
  ];
  function withDraftBy(draft: string) {
    const [first, ...profiles] = policy.profiles;
    return { ...all, MODEL_POLICY: { ...policy, profiles: [{ ...first, engines: { draft } }, ...profiles] } };
  }
  function jwks(url: string) {
    return { AUTH_JWKS_URL: url, AUTH_ISSUER: 'https://issuer.example', AUTH_AUDIENCE: 'retake' };
  }

  const ask = async (environment: Record<string, unknown>, path: string, init: RequestInit) =>
    createApp().fetch(
      new Request(`http://127.0.0.1:8787${path}`, init),
      environment as unknown as Env,
      createExecutionContext(),
    );

  test.each(environments)(
    '%s lets nobody in, and logs which setting it is: %s',
    async (_what, setting, environment) => {
      const lines: string[] = [];
      const error = vi.spyOn(console, 'error').mockImplementation((line: string) => void lines.push(line));
      const { job, pipeline } = await jobAt('AUDIO_READY');
      const before = await storedRows(job.id);
      const editor = { authorization: `Bearer ${job.token}` };
      const requests: [string, RequestInit][] = [
        ['/projects', { headers: editor }],
        [`/jobs/${job.id}`, { headers: editor }],
        [`/jobs/${job.id}/cancel`, { method: 'POST', headers: editor }],
        [
          `/internal/jobs/${job.id}/status`,
          { method: 'POST', headers: { authorization: `Bearer ${pipeline.token}` }, body: '{}' },
        ],
      ];

      for (const [path, init] of requests) {
        const response = await ask(environment, path, init);
        expect(response.status, path).toBe(503);
        expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
        expect(await response.json()).toMatchObject({ error_code: 'SERVICE_NOT_CONFIGURED', details: {} });
      }

      error.mockRestore();
      expect(await storedRows(job.id)).toEqual(before);
      const configured = lines
        .map((line) => JSON.parse(line))
        .filter(({ event }) => event === 'service_not_configured');
      expect(configured).toHaveLength(requests.length);
      for (const { names } of configured) expect(names).toEqual([expect.stringMatching(`^${setting}: `)]);
      expect(lines.join()).not.toContain('short');
    },
  );

  test('still says that it is alive', async () => {
    expect((await ask(withoutDevelopmentKey, '/healthz', {})).status).toBe(200);
  });
});
