// What the settings take, and what they refuse by name.
import { describe, expect, test } from 'vitest';
import { type ConfigResult, loadConfig } from '../../src/config.ts';
import { planWait } from '../../src/http/prefer.ts';
import { trusting } from './asking.ts';

const BASE = trusting({ issuer: 'https://id.example', jwksUrl: 'https://id.example/keys' });
const loaded = (settings: Record<string, unknown>) => loadConfig({ ...BASE, ...settings });
const configured = (settings: Record<string, unknown> = {}) => {
  const result = loaded(settings);
  if (!result.ok) throw new Error(result.problems.join());
  return result.config;
};

const problemsOf = (result: ConfigResult) => (result.ok ? [] : result.problems);

test.each(['https://api.example.com', 'https://api.example.com/', 'https://api.example.com/retake//'])(
  'callbacks go below PUBLIC_BASE_URL when it is %s',
  (url) => {
    expect(configured({ PUBLIC_BASE_URL: url }).publicBaseUrl).toBe(url.replace(/\/+$/, ''));
  },
);

const ADDRESSES = ['PUBLIC_BASE_URL', 'ORCHESTRATOR_URL', 'AUTH_JWKS_URL'] as const;
const wrong: [string, string, readonly string[]][] = [
  ['a user', 'https://alice@api.example.com/', ADDRESSES],
  ['a user and a password', 'https://alice:secret@api.example.com/', ADDRESSES],
  ['a password alone', 'https://:secret@api.example.com/', ADDRESSES],
  ['a fragment', 'https://api.example.com/#secret', ADDRESSES],
  ['an empty fragment', 'https://api.example.com/#', ADDRESSES],
  ['a blank within', 'https://api.example.com/a secret', ADDRESSES],
  ['a blank at its end', 'https://api.example.com/secret ', ADDRESSES],
  ['a line break', 'https://api.example.com/\nsecret', ADDRESSES],
  ['plain http', 'http://secret.example.com/', ADDRESSES],
  ['another scheme', 'ftp://secret.example.com/', ADDRESSES],
  ['a query', 'https://api.example.com/?secret', ['PUBLIC_BASE_URL']],
  ['an empty query', 'https://api.example.com/?', ['PUBLIC_BASE_URL']],
];

test.each(wrong.flatMap(([what, url, names]) => names.map((name) => [what, name, url] as const)))(
  'an address with %s is refused as %s, and not quoted',
  (_what, name, url) => {
    const problems = problemsOf(loaded({ [name]: url }));

    expect(problems).not.toEqual([]);
    for (const problem of problems) expect(problem).toMatch(new RegExp(`^${name}: `));
    expect(problems.join()).not.toContain('secret');
  },
);

test('the orchestrator’s address may hold a query, which is sent', () => {
  const url = 'https://n8n.example.com/webhook/retake?v=1';

  expect(configured({ ORCHESTRATOR_URL: url }).orchestratorUrl).toBe(url);
});

test('the model policy may be JSON text, as a secret or .dev.vars has it', () => {
  const { MODEL_POLICY } = BASE;

  expect(configured({ MODEL_POLICY: JSON.stringify(MODEL_POLICY) })).toEqual(configured({ MODEL_POLICY }));
});

test('a model policy that is no JSON is told so, and not that it is a text', () => {
  expect(problemsOf(loaded({ MODEL_POLICY: '{' }))).toEqual(['MODEL_POLICY: is not JSON']);
});

test.each([
  ['is no JSON', '{secret'],
  ['is JSON of another form', '["secret"]'],
  ['names no profile', JSON.stringify({ ...BASE.MODEL_POLICY, profiles: [] })],
  ['is missing', undefined],
  ['is a number', 7],
])('a model policy that %s is refused', (_what, policy) => {
  const result = loaded({ MODEL_POLICY: policy });

  expect(problemsOf(result)).not.toEqual([]);
  for (const problem of problemsOf(result)) expect(problem).toMatch(/^MODEL_POLICY/);
  expect(JSON.stringify(result)).not.toContain('secret');
});

test('a caller who waits by default waits for a whole attempt', () => {
  const { dispatchWaitMs, orchestratorTimeoutMs } = configured();

  expect(orchestratorTimeoutMs).toBe(10_000);
  expect(planWait(undefined, dispatchWaitMs).windowMs).toBeGreaterThanOrEqual(orchestratorTimeoutMs + 2_000);
});

test.each([
  'https://console.example.com',
  'https://console.example.com:8443, http://localhost:3000',
  'http://127.0.0.1:5173',
])('pages of %s may be let in', (origins) => {
  expect(configured({ CORS_ORIGINS: origins }).corsOrigins).toEqual(origins.split(', '));
});

test.each([
  '*',
  'null',
  'console.example.com',
  'https://console.example.com/',
  'https://*.example.com',
  'https://Console.example.com',
  'https://console.example.com:443',
  'http://console.example.com',
  'https://one.example,,https://two.example',
])('%s is no origin whose pages may be let in', (origins) => {
  const problems = problemsOf(loaded({ CORS_ORIGINS: origins }));

  expect(problems).not.toEqual([]);
  for (const problem of problems) expect(problem).toMatch(/^CORS_ORIGINS: /);
});

test.each([
  ['nothing', undefined, null],
  ['0 days', { terminal_days: 0 }, null],
  ['30 days', { terminal_days: 30 }, 30 * 86_400_000],
  ['30 days, as text', '{"terminal_days":30}', 30 * 86_400_000],
] as const)('a job that has ended is kept as RETENTION says: %s', (_what, RETENTION, keepEndedMs) => {
  expect(configured(RETENTION === undefined ? {} : { RETENTION }).rules.keepEndedMs).toBe(keepEndedMs);
});

test.each([[{ terminal_days: -1 }], [{ terminal_days: 0.5 }], [{ days: 30 }], [{}], ['thirty']])(
  'RETENTION is refused as %j, so that nothing is erased by a mistake',
  (RETENTION) => {
    const problems = problemsOf(loaded({ RETENTION }));
    expect(problems).not.toEqual([]);
    for (const problem of problems) expect(problem).toMatch(/^RETENTION/);
  },
);

describe('signing in', () => {
  const CLIENT = { CONSOLE_CLIENT_ID: 'retake-console' };
  const KEYS = { SESSION_KEYS: `${'a'.repeat(32)}, ${'b'.repeat(32)}` };

  test('is not set up without the console’s id, whatever else is set', () => {
    expect(configured().signIn).toBeNull();
    expect(configured(KEYS).signIn).toBeNull();
  });

  test('needs that and keys, and takes a secret', () => {
    const keys = ['a'.repeat(32), 'b'.repeat(32)];

    expect(configured({ ...CLIENT, ...KEYS }).signIn).toEqual({
      clientId: 'retake-console',
      clientSecret: null,
      sessionKeys: keys,
    });
    expect(configured({ ...CLIENT, ...KEYS, CONSOLE_CLIENT_SECRET: 'hush' }).signIn?.clientSecret).toBe(
      'hush',
    );
  });

  test.each([
    ['no keys', 'SESSION_KEYS', CLIENT],
    ['a short key', 'SESSION_KEYS', { ...CLIENT, SESSION_KEYS: `${'a'.repeat(32)},short` }],
    ['a short key and nobody who signs in', 'SESSION_KEYS', { SESSION_KEYS: 'short' }],
    ['an issuer that is no address', 'AUTH_ISSUER', { ...CLIENT, ...KEYS, AUTH_ISSUER: 'short' }],
    ['an issuer over plain http', 'AUTH_ISSUER', { ...CLIENT, ...KEYS, AUTH_ISSUER: 'http://short.example' }],
  ])('with %s is refused as %s, and not quoted', (_what, name, settings) => {
    const problems = problemsOf(loaded(settings));

    expect(problems).toEqual([expect.stringMatching(`^${name}: `)]);
    expect(problems.join()).not.toContain('short');
  });

  test('tokens may be of an issuer that is no address where nobody signs in', () => {
    expect(configured({ AUTH_ISSUER: 'urn:example:issuer' }).auth.issuer).toBe('urn:example:issuer');
  });
});

test.each(['sub', 'org_id', 'https://claims.example.com/org'])('%s may be the claim that owns', (claim) => {
  expect(configured({ AUTH_OWNER_CLAIM: claim }).auth.ownerClaim).toBe(claim);
});

test('without a word the sub owns', () => {
  expect(configured().auth.ownerClaim).toBe('sub');
});

test.each(['org id', 'org"id', 'x'.repeat(201)])('%s is the name of no claim', (claim) => {
  expect(problemsOf(loaded({ AUTH_OWNER_CLAIM: claim }))).toEqual([
    expect.stringMatching(/^AUTH_OWNER_CLAIM: /),
  ]);
});
