// Signing in at a provider that answers what a test says: what its answers have to prove, and what becomes of who they do not prove.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JWTPayload } from 'jose';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { requireConfig } from '../../src/config.ts';
import { createApp } from '../../src/http/app.ts';
import { makerOf, open } from '../../src/http/seal.ts';
import type { SignedIn } from '../../src/http/session.ts';
import { Visitor } from '../support/identity/visitor.ts';
import { newSigningKey, type Provider, type SigningKey, startProvider } from '../support/provider.ts';
import { trusting } from './asking.ts';

const SERVICE = 'http://127.0.0.1:8787';
const now = () => Math.floor(Date.now() / 1000);

let key: SigningKey;
let provider: Provider;
/** What the provider says in place of what it would: null for an answer of 503. */
let said: {
  discovery: object | null;
  claims: Record<string, unknown>;
  tokens: object | null;
  status: number;
  userinfo: object | null;
};
/** What it was asked for, and what it was sent. */
let authorization: URL;
let redeemed: URLSearchParams;
/** How often it was asked what it is. */
let discoveries = 0;

/** A kind of failure that was told of a moment ago is told of again after a while. */
let clock = Date.now();

beforeEach(async () => {
  clock += 5 * 60_000;
  vi.useFakeTimers({ toFake: ['Date'], now: clock });
  key = await newSigningKey('RS256', 'a');
  provider = await startProvider();
  discoveries = 0;
  said = { discovery: {}, claims: {}, tokens: {}, status: 200, userinfo: {} };
  provider.answer = (response, request) => void answer(response, request);
});
afterEach(() => {
  vi.useRealTimers();
  return provider.stop();
});

async function answer(response: ServerResponse, request: IncomingMessage): Promise<void> {
  const [path = ''] = (request.url ?? '').split('?');
  let body = '';
  for await (const chunk of request) body += chunk;
  const reply = (status: number, content: object | null) => {
    response.statusCode = content === null ? 503 : status;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(content ?? { error: 'secret-text-of-the-provider' }));
  };
  const { issuer } = provider;
  if (path === '/.well-known/openid-configuration') {
    discoveries += 1;
    const own = {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      userinfo_endpoint: `${issuer}/userinfo`,
      authorization_response_iss_parameter_supported: true,
    };
    return reply(200, said.discovery && { ...own, ...said.discovery });
  }
  if (path === '/userinfo') return reply(200, said.userinfo && { sub: 'alice', ...said.userinfo });
  redeemed = new URLSearchParams(body);
  const claims = {
    iss: issuer,
    aud: 'retake-console',
    sub: 'alice',
    iat: now(),
    exp: now() + 300,
    nonce: authorization.searchParams.get('nonce'),
    ...said.claims,
  };
  reply(
    said.status,
    said.tokens && {
      access_token: 'secret-access-token',
      token_type: 'Bearer',
      id_token: await key.sign(claims as JWTPayload),
      ...said.tokens,
    },
  );
}

interface SignedInAs {
  /** Where the visitor is led. */
  to: string;
  /** What is sealed; null where nobody is signed in. */
  session: SignedIn | null;
  log: string;
}

/** Goes to the provider, which leads back with a code at once. */
async function signIn(
  settings: Record<string, unknown> = {},
  back: Record<string, string> = {},
): Promise<SignedInAs> {
  const vars = trusting(provider, {
    CONSOLE_CLIENT_ID: 'retake-console',
    SESSION_KEYS: 'session-key-of-the-tests-0123456789',
    ...settings,
  });
  const lines: string[] = [];
  const spy = vi.spyOn(console, 'warn').mockImplementation((line: string) => void lines.push(line));
  onTestFinished(() => spy.mockRestore());
  const app = createApp();
  const visitor = new Visitor(async (url, init) => app.fetch(new Request(url, init), vars as unknown as Env));
  const started = await visitor.ask(`${SERVICE}/session/start?return_to=/console/projects`);
  const location = started.headers.get('location') ?? '';
  if (!location.startsWith(provider.issuer)) return { to: location, session: null, log: lines.join() };
  authorization = new URL(location);
  const state = authorization.searchParams.get('state') ?? '';
  const callback = new URLSearchParams({ code: 'the-code', state, iss: provider.issuer, ...back });
  const finished = await visitor.ask(`${SERVICE}/session/callback?${callback}`);
  const sealed = visitor.cookie('__Host-retake');
  const maker = makerOf('session', requireConfig(vars));
  const session = sealed === null || maker === null ? null : await open<SignedIn>(sealed, maker);
  return { to: finished.headers.get('location') ?? '', session, log: lines.join() };
}

const led = (why: string) => `${SERVICE}/console/projects${why === '' ? '' : `?sign_in=${why}`}`;

describe('the provider', () => {
  test('is asked for a code, for this sign-in alone, and gives it against what only who asked knows', async () => {
    const { to, session } = await signIn();

    expect(to).toBe(led(''));
    expect(session).toMatchObject({ actorId: 'alice', scopes: null });
    const asked = Object.fromEntries(authorization.searchParams);
    expect(asked).toEqual({
      client_id: 'retake-console',
      redirect_uri: `${SERVICE}/session/callback`,
      response_type: 'code',
      scope: 'openid profile email',
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    });
    const { code, code_verifier: verifier = '' } = Object.fromEntries(redeemed);
    expect(code).toBe('the-code');
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
    expect(Buffer.from(digest).toString('base64url')).toBe(asked.code_challenge);
  });

  test('is asked for other values with every sign-in', async () => {
    const values = ['state', 'nonce', 'code_challenge'];
    const asked = async () => {
      await signIn();
      return values.map((name) => authorization.searchParams.get(name));
    };

    expect(new Set([...(await asked()), ...(await asked())]).size).toBe(6);
  });

  test('is not asked for scopes that it does not know', async () => {
    said.discovery = { scopes_supported: ['openid', 'email'] };
    await signIn();

    expect(authorization.searchParams.get('scope')).toBe('openid email');
  });

  test('gives tokens of which none is kept', async () => {
    const { session } = await signIn();

    expect(Object.keys(session ?? {}).toSorted()).toEqual(
      ['actorId', 'actorName', 'exp', 'iat', 'id', 'identity', 'scopes', 'since'].toSorted(),
    );
    expect(JSON.stringify(session)).not.toContain('secret');
  });
});

describe('nobody is signed in by', () => {
  const cases: [string, string, () => Parameters<typeof signIn>][] = [
    ['an ID token for another sign-in', 'failed', () => set({ claims: { nonce: 'another' } })],
    ['an ID token for no sign-in', 'failed', () => set({ claims: { nonce: undefined } })],
    [
      'an ID token of another provider',
      'failed',
      () => set({ claims: { iss: 'https://elsewhere.example' } }),
    ],
    ['an ID token for another client', 'failed', () => set({ claims: { aud: 'another' } })],
    ['an ID token for the API', 'failed', () => set({ claims: { aud: 'retake' } })],
    ['an ID token that has expired', 'failed', () => set({ claims: { exp: now() - 70 } })],
    ['an ID token that is valid later', 'failed', () => set({ claims: { nbf: now() + 70 } })],
    ['an ID token of nobody', 'failed', () => set({ claims: { sub: undefined } })],
    ['an ID token of somebody without a name', 'failed', () => set({ claims: { sub: '' } })],
    ['an answer without an ID token', 'failed', () => set({ tokens: { id_token: undefined } })],
    ['userinfo about somebody else', 'failed', () => set({ userinfo: { sub: 'mallory', name: 'Mallory' } })],
    [
      'a code that the provider does not take',
      'failed',
      () => set({ status: 400, tokens: { error: 'invalid_grant' } }),
    ],
    ['a way back that names another provider', 'failed', () => [{}, { iss: 'https://elsewhere.example' }]],
    ['a provider that says no', 'denied', () => [{}, { error: 'access_denied', code: '' }]],
    ['a provider that is not well', 'unavailable', () => [{}, { error: 'server_error', code: '' }]],
    ['a provider that does not answer for a code', 'unavailable', () => set({ tokens: null })],
    ['a provider that does not say who it is', 'unavailable', () => set({ discovery: null })],
    [
      'a provider that says it is another',
      'unavailable',
      () => set({ discovery: { issuer: 'https://x.example' } }),
    ],
    [
      'a provider with nowhere to go',
      'unavailable',
      () => set({ discovery: { authorization_endpoint: undefined } }),
    ],
    [
      'userinfo that is not to be had, where it would say who owns',
      'unavailable',
      () => {
        set({ userinfo: null });
        return [{ AUTH_OWNER_CLAIM: 'org_id' }];
      },
    ],
  ];
  function set(parts: Partial<typeof said>): [] {
    Object.assign(said, parts);
    return [];
  }

  test.each(cases)('%s; the page is told: %s', async (_what, why, prepare) => {
    const { to, session, log } = await signIn(...prepare());

    expect(to).toBe(led(why));
    expect(session).toBeNull();
    expect(log).toContain('"event":"sign_in_failed"');
    expect(log).not.toMatch(/secret|elsewhere|mallory|the-code/);
  });
});

test('a provider that is away is asked once in a few seconds, whoever begins to sign in', async () => {
  said.discovery = null;
  for (let time = 0; time < 5; time += 1) expect((await signIn()).to).toBe(led('unavailable'));
  expect(discoveries).toBe(1);
  said.discovery = {};
  vi.advanceTimersByTime(5_000);
  expect((await signIn()).to).toBe(led(''));
});

test('a provider that was known and is away is asked once in a few seconds, and people still sign in', async () => {
  await signIn();
  vi.advanceTimersByTime(10 * 60_000);
  said.discovery = null;
  discoveries = 0;
  for (let time = 0; time < 5; time += 1) expect((await signIn()).to).toBe(led(''));
  expect(discoveries).toBe(1);
});

describe('a minute between the clocks', () => {
  test.each([
    ['an ID token that has just expired', () => ({ exp: now() - 50 })],
    ['an ID token that is valid in a moment', () => ({ iat: now() + 50, nbf: now() + 50 })],
  ])('does not matter: %s is taken', async (_what, claims) => {
    said.claims = claims();

    expect((await signIn()).session).not.toBeNull();
  });
});

describe('who has signed in owns', () => {
  const owning = async (claim = 'org_id') => (await signIn({ AUTH_OWNER_CLAIM: claim })).session?.identity;

  test('by the claim that is set, as the ID token says', async () => {
    said.claims = { org_id: 'acme' };
    said.userinfo = { org_id: 'another', name: 'Alice' };

    expect(await owning()).toEqual({ issuer: provider.issuer, claim: 'org_id', value: 'acme' });
  });

  test('or as userinfo does, where the ID token says nothing of it', async () => {
    said.claims = { name: 'Alice' };
    said.userinfo = { org_id: 'acme' };

    expect(await owning()).toEqual({ issuer: provider.issuer, claim: 'org_id', value: 'acme' });
  });

  test.each([{}, { org_id: null }])('by their sub, where nothing says it: %j', async (claims) => {
    said.claims = claims;

    expect(await owning()).toEqual({ issuer: provider.issuer, claim: 'sub', value: 'alice' });
  });

  test.each([7, true, '', [], ['acme'], { id: 'acme' }, 'x'.repeat(256)])(
    'nothing, and is not signed in, where it is nothing that could own: %j',
    async (org_id) => {
      said.claims = { org_id };

      const { to, session } = await signIn({ AUTH_OWNER_CLAIM: 'org_id' });

      expect(session).toBeNull();
      expect(to).toBe(led('failed'));
    },
  );

  test('and acts under their sub either way', async () => {
    said.claims = { org_id: 'acme' };

    expect((await signIn({ AUTH_OWNER_CLAIM: 'org_id' })).session?.actorId).toBe('alice');
  });
});

describe('who has signed in may do', () => {
  const SCOPES = ['openid', 'profile', 'email', 'retake:read', 'retake:write'];
  const granted = async (scope: string | undefined, settings = {}) => {
    said.tokens = { scope };
    const { session } = await signIn(settings);
    return session?.scopes;
  };

  test('everything of their owner’s, where the provider knows nothing of scopes here', async () => {
    expect(await granted('openid profile')).toBeNull();
    expect(authorization.searchParams.get('scope')).not.toContain('retake:');
  });

  test.each([
    ['openid retake:read', ['retake:read']],
    ['openid profile', []],
    [undefined, ['retake:read', 'retake:write']],
  ])('what it grants where it knows them: of %j, %j', async (scope, expected) => {
    said.discovery = { scopes_supported: SCOPES };

    expect(await granted(scope)).toEqual(expected);
    expect(authorization.searchParams.get('scope')).toBe(SCOPES.join(' '));
  });

  test('nothing that it does not grant, where the settings ask for scopes', async () => {
    expect(await granted('openid retake:read', { AUTH_REQUIRE_SCOPE: true })).toEqual(['retake:read']);
  });
});

describe('who has signed in is called', () => {
  test.each([
    [{ name: 'Alice Adams', preferred_username: 'alice', email: 'a@acme.example' }, 'Alice Adams'],
    [{ preferred_username: 'alice', email: 'a@acme.example' }, 'alice'],
    [{ name: ' ', email: 'a@acme.example' }, 'a@acme.example'],
    [{ name: 7 }, null],
    [{}, null],
    [{ name: ' Alice\n\u0000 Adams ' }, 'Alice Adams'],
    [{ name: '\u202eAlice\u2069 Adams\u200f' }, 'Alice Adams'],
    [{ name: '\u200b\u2800', email: 'a@acme.example' }, 'a@acme.example'],
    [{ name: `${'\u200b'.repeat(100)}Alice` }, null],
    [{ name: 'x'.repeat(300) }, 'x'.repeat(100)],
    [{ name: `${'x'.repeat(99)}😀` }, 'x'.repeat(99)],
    [{ name: 'a\ud800b' }, 'a\ufffdb'],
  ])('as the provider says: %j is %j', async (claims, name) => {
    said.userinfo = claims as object;

    expect((await signIn()).session?.actorName ?? null).toBe(name);
  });
});

test('a browser keeps one cookie for each sign-in that is under way, hidden from pages, and at most five', async () => {
  const vars = trusting(provider, {
    CONSOLE_CLIENT_ID: 'retake-console',
    SESSION_KEYS: 'session-key-of-the-tests-0123456789',
  });
  const app = createApp();
  const visitor = new Visitor(async (url, init) => app.fetch(new Request(url, init), vars as unknown as Env));
  const states: (string | null)[] = [];
  for (let tab = 0; tab < 7; tab += 1) {
    const response = await visitor.ask(`${SERVICE}/session/start`);
    const location = new URL(response.headers.get('location') ?? '');
    states.push(location.searchParams.get('state'));
    expect(response.headers.getSetCookie().at(-1)).toMatch(
      new RegExp(
        `^__Host-retake-login-${states.at(-1)}=[\\w.-]+; Max-Age=600; Path=/; HttpOnly; Secure; SameSite=Lax$`,
      ),
    );
  }

  expect(visitor.cookies.map(({ name }) => name)).toEqual(
    states.slice(-5).map((state) => `__Host-retake-login-${state}`),
  );
});
