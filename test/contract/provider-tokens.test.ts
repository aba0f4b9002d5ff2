// Tokens as real providers make them, signed by a provider whose key set is fetched over HTTP.
import type { JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { newSigningKey, type Provider, startProvider } from '../support/provider.ts';
import { ask, LET_IN, trusting } from './asking.ts';

const key = await newSigningKey('ES256', 'a');
let provider: Provider;
beforeAll(async () => {
  provider = await startProvider();
  provider.keys = [key.jwk];
});
afterAll(() => provider.stop());

interface Maker {
  typ: string;
  claims: JWTPayload;
  /** How it says what a token may be used for. */
  grant: (scopes: string[]) => JWTPayload;
}

const text = (scopes: string[]) => scopes.join(' ');
const MAKERS: Record<string, Maker> = {
  Auth0: {
    typ: 'at+jwt',
    claims: { sub: 'auth0|64f1', aud: ['retake', 'https://tenant.example/userinfo'], azp: 'console' },
    grant: (scopes) => ({ scope: text(['openid', 'profile', ...scopes]) }),
  },
  Entra: {
    typ: 'JWT',
    claims: { sub: 'QDd0', aud: 'retake', oid: '7c1f', tid: '9188', ver: '2.0', azp: 'console' },
    grant: (scopes) => ({ scp: text(scopes) }),
  },
  Okta: {
    typ: 'application/at+jwt',
    claims: { sub: 'alice@example.com', aud: 'retake', cid: '0oa1', uid: '00u1' },
    grant: (scopes) => ({ scp: ['openid', ...scopes] }),
  },
  Keycloak: {
    typ: 'JWT',
    claims: { sub: 'f:1:alice', aud: ['account', 'retake'], typ: 'Bearer', azp: 'console' },
    grant: (scopes) => ({ scope: text(['email', ...scopes]) }),
  },
};

const usual = () => ({ iss: provider.issuer, exp: Math.floor(Date.now() / 1000) + 3_600 });
const tokenOf = ({ typ, claims }: Maker, more: JWTPayload = {}) =>
  key.sign({ ...usual(), ...claims, ...more }, { typ });

describe.each(Object.entries(MAKERS))('a token as %s makes it', (_name, maker) => {
  const asked = async (more: JWTPayload, method: string, settings = {}) =>
    ask(trusting(provider, settings), await tokenOf(maker, more), method);

  test('that is narrowed to reading reads and does not write', async () => {
    const narrowed = maker.grant(['retake:read']);

    expect(await asked(narrowed, 'GET')).toMatchObject(LET_IN);
    expect(await asked(narrowed, 'POST')).toMatchObject({ status: 403, code: 'FORBIDDEN' });
  });

  test('that may write does both', async () => {
    const granted = maker.grant(['retake:write']);

    expect(await asked(granted, 'GET')).toMatchObject(LET_IN);
    expect(await asked(granted, 'POST')).toMatchObject(LET_IN);
  });

  test('that grants other things alone does neither', async () => {
    const other = maker.grant(['orders:read']);

    expect(await asked(other, 'GET')).toMatchObject({ status: 403 });
    expect(await asked(other, 'POST')).toMatchObject({ status: 403 });
  });

  test('that says nothing of scopes may do everything, and nothing where AUTH_REQUIRE_SCOPE is set', async () => {
    expect(await asked({}, 'POST')).toMatchObject(LET_IN);
    for (const method of ['GET', 'POST']) {
      expect(await asked({}, method, { AUTH_REQUIRE_SCOPE: 'true' })).toMatchObject({ status: 403 });
    }
    expect(await asked(maker.grant(['retake:read']), 'GET', { AUTH_REQUIRE_SCOPE: true })).toMatchObject(
      LET_IN,
    );
  });

  test.each([
    ['an ID token of the implicit flow', { nonce: 'n-0S6' }],
    ['an ID token with the hash of its access token', { at_hash: '77Qm' }],
    ['an ID token with the hash of its code', { c_hash: 'LDkt' }],
    ['a sign-out', { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }],
  ])('is refused when it is %s, although its audience is right', async (_what, claims) => {
    expect(await asked({ ...maker.grant(['retake:write']), ...claims }, 'GET')).toMatchObject({
      status: 401,
    });
  });

  test('for no audience of ours is refused', async () => {
    for (const aud of ['account', ['account', 'other'], [], ['retake/']]) {
      expect(await asked({ aud }, 'GET'), JSON.stringify(aud)).toMatchObject({ status: 401 });
    }
  });

  test('whose issuer has a slash too many or too few is refused', async () => {
    const slashed = { AUTH_ISSUER: `${provider.issuer}/` };

    expect(await asked({}, 'GET', slashed)).toMatchObject({ status: 401 });
    expect(await asked({ iss: `${provider.issuer}/` }, 'GET', slashed)).toMatchObject(LET_IN);
    expect(await asked({ iss: `${provider.issuer}/` }, 'GET')).toMatchObject({ status: 401 });
  });
});

test.each([
  ['a list that holds more than text', { scp: ['retake:write', 7] }],
  ['a number', { scp: 7 }],
  ['null', { scp: null }],
  ['an object', { scp: { 'retake:write': true } }],
  ['an empty list', { scp: [] }],
  ['empty', { scp: '' }],
  ['a wider one than scope, which decides', { scope: 'openid', scp: 'retake:write' }],
])('an scp that is %s grants nothing', async (_what, claims) => {
  const token = await key.sign({ ...usual(), sub: 'alice', aud: 'retake', ...claims });

  expect(await ask(trusting(provider), token)).toMatchObject({ status: 403 });
});

test('with AUTH_TOKEN_TYPE only tokens of that type are let in, however its name is written', async () => {
  const env = trusting(provider, { AUTH_TOKEN_TYPE: 'at+jwt' });
  const asked = async (header: { typ?: string }) =>
    (await ask(env, await key.sign({ ...usual(), sub: 'alice', aud: 'retake' }, header))).status;

  for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt']) expect(await asked({ typ }), typ).toBe(404);
  for (const typ of ['JWT', 'logout+jwt', '']) expect(await asked({ typ }), typ).toBe(401);
  expect(await asked({})).toBe(401);
});

describe('the log says why a token is refused, and the answer does not', () => {
  const refused = async (claims: Readonly<Record<string, unknown>>, settings = {}) => {
    const lines: string[] = [];
    const spy = vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
    const token = await key.sign({ ...usual(), sub: 'alice', aud: 'retake', ...claims });
    const answer = await ask(trusting(provider, settings), token);
    spy.mockRestore();
    return { answer, token, line: lines.join('\n') };
  };

  test.each([
    ['of another issuer', 'iss', () => ({ iss: 'https://mallory.example' }), () => provider.issuer],
    ['for another audience', 'aud', () => ({ aud: 'another-service' }), () => 'retake'],
    ['without an audience', 'aud', () => ({ aud: undefined }), () => 'retake'],
    ['of another type', 'typ', () => ({}), () => 'at+jwt'],
  ])('%s: it names %s and what was expected', async (_what, claim, claims, expected) => {
    const settings = claim === 'typ' ? { AUTH_TOKEN_TYPE: 'at+jwt' } : {};

    const { answer, token, line } = await refused(claims(), settings);

    expect(answer).toMatchObject({ status: 401 });
    expect(JSON.parse(line)).toMatchObject({ event: 'request', error_code: 'UNAUTHENTICATED' });
    const { reason } = JSON.parse(line);
    expect(reason).toMatch(new RegExp(`^claim ${claim}: (missing|check_failed), expected `));
    expect(reason.endsWith(`, expected ${expected()}`)).toBe(true);
    expect(JSON.parse(answer.text)).toMatchObject({ detail: 'The token is not valid', details: {} });
    for (const part of ['mallory', 'another-service', token]) expect(line).not.toContain(part);
  });

  test.each([
    ['that has expired', 'claim exp: check_failed', { exp: 1 }],
    ['that is not valid yet', 'claim nbf: check_failed', { nbf: 4_000_000_000 }],
    ['without a subject', 'claim sub: missing', { sub: undefined }],
    ['that is an ID token', 'claim nonce: foreign', { nonce: 'n-0S6' }],
  ])('%s', async (_what, reason, claims) => {
    expect(JSON.parse((await refused(claims)).line).reason).toBe(reason);
  });

  test('that was signed by somebody else', async () => {
    const spy = vi.spyOn(console, 'log').mockImplementation(() => {});
    const forged = await (await newSigningKey('ES256', 'a')).sign({
      ...usual(),
      sub: 'alice',
      aud: 'retake',
    });

    await ask(trusting(provider), forged);

    const [line] = spy.mock.lastCall ?? [];
    spy.mockRestore();
    expect(JSON.parse(String(line)).reason).toBe('ERR_JWS_SIGNATURE_VERIFICATION_FAILED');
  });
});
