// A token that was verified is remembered, and never longer or for more than it was verified for. How often signatures
// are looked at is counted at the outermost edge, `crypto.subtle`; the identity provider is a stub there too.
import { createHash } from 'node:crypto';
import { errors, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest';
import type { EditorAuth } from '../../src/config.ts';
import { verifyEditorToken } from '../../src/http/editor-token.ts';

const SECOND = 1_000;
const NOW = Date.UTC(2026, 0, 1);
const ISSUER = 'https://id.example';

const key = await newKey('a');
let auth: EditorAuth;
let signatures: MockInstance<typeof crypto.subtle.verify>;

async function newKey(kid: string) {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  return { jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256' }, privateKey, kid };
}

const seconds = () => Math.floor(Date.now() / 1000);
const newToken = (claims: JWTPayload = {}, { privateKey, kid } = key) =>
  new SignJWT({ sub: 'alice', iss: ISSUER, aud: 'retake', exp: seconds() + 3_600, ...claims })
    .setProtectedHeader({ alg: 'ES256', kid })
    .sign(privateKey);

const settings = ({
  audience = 'retake',
  issuer = ISSUER,
  publicJwk = key.jwk as JWK,
  tokenType = null as string | null,
  requiresScope = false,
  ownerClaim = 'sub',
} = {}): EditorAuth => ({
  kind: 'development',
  publicJwk,
  issuer,
  audience,
  algorithms: ['ES256'],
  tokenType,
  requiresScope,
  ownerClaim,
});

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
  auth = settings();
  signatures = vi.spyOn(crypto.subtle, 'verify');
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test('a token is verified once and serves many requests', async () => {
  const token = await newToken({ scope: 'retake:read other' });

  const first = await verifyEditorToken(token, auth);
  const again = await verifyEditorToken(token, auth);

  expect(first).toEqual({
    identity: { issuer: auth.issuer, claim: 'sub', value: 'alice' },
    owner: expect.stringMatching(/^own_[\w-]{43}$/),
    actorId: 'alice',
    actorName: null,
    scopes: ['retake:read', 'other'],
    // With the tolerance within which it is taken.
    endsAt: NOW + 3_630_000,
  });
  expect(again).toEqual(first);
  expect(signatures).toHaveBeenCalledTimes(1);
});

test('an owner is named by issuer, claim and value, so that neither can pass for another', async () => {
  const ownerOf = async (claims: JWTPayload, by = auth) =>
    (await verifyEditorToken(await newToken({ iss: by.issuer, ...claims }), by)).owner;
  const other = settings({ issuer: 'https://elsewhere.example' });

  const alice = await ownerOf({ sub: 'alice' });

  const identity = JSON.stringify([ISSUER, 'sub', 'alice']);
  expect(alice).toBe(`own_${createHash('sha256').update(identity).digest('base64url')}`);
  const all = [
    alice,
    await ownerOf({ sub: 'Alice' }),
    await ownerOf({ sub: 'alice' }, other),
    await ownerOf({ sub: `${ISSUER}","sub","alice` }),
  ];
  expect(new Set(all).size).toBe(all.length);
});

describe('with another claim that owns', () => {
  const byOrganisation = () => settings({ ownerClaim: 'org_id' });
  const editorOf = async (claims: JWTPayload, by = byOrganisation()) =>
    verifyEditorToken(await newToken(claims), by);

  test('those whose tokens bear one value of it share a workspace, and each acts under their own name', async () => {
    const [alice, ben] = [
      await editorOf({ sub: 'alice', org_id: 'acme', name: 'Alice Adams' }),
      await editorOf({ sub: 'ben', org_id: 'acme', email: 'ben@acme.example' }),
    ];

    expect(alice.owner).toBe(ben.owner);
    expect(alice.identity).toEqual({ issuer: ISSUER, claim: 'org_id', value: 'acme' });
    expect([alice.actorId, alice.actorName, ben.actorId, ben.actorName]).toEqual([
      ...['alice', 'Alice Adams'],
      ...['ben', 'ben@acme.example'],
    ]);
  });

  test.each([{}, { org_id: null }])('a token without it owns by its sub, as ever: %j', async (claims) => {
    const mine = await editorOf({ sub: 'alice', ...claims } as JWTPayload);

    expect(mine.owner).toBe((await editorOf({ sub: 'alice' }, auth)).owner);
  });

  test('who is called as an organisation is does not own what is the organisation’s', async () => {
    const organisation = await editorOf({ sub: 'alice', org_id: 'acme' });

    expect((await editorOf({ sub: 'acme' })).owner).not.toBe(organisation.owner);
    expect((await editorOf({ sub: 'acme', org_id: 'acme' }, auth)).owner).not.toBe(organisation.owner);
  });

  test.each([7, true, '', [], ['acme'], { id: 'acme' }, 'x'.repeat(256)])(
    'a token in which it is nothing that could own is refused, and is not taken for its sub: %j',
    async (org_id) => {
      await expect(editorOf({ sub: 'alice', org_id })).rejects.toMatchObject({ claim: 'org_id' });
    },
  );
});

test('a token is verified anew a minute after it was, however often it was used meanwhile', async () => {
  const token = await newToken();
  for (let used = 0; used < 60; used += 1) {
    await verifyEditorToken(token, auth);
    vi.advanceTimersByTime(SECOND);
  }
  expect(signatures).toHaveBeenCalledTimes(1);

  await verifyEditorToken(token, auth);

  expect(signatures).toHaveBeenCalledTimes(2);
});

test('a token that was accepted is refused from the second on in which it expires', async () => {
  const token = await newToken({ exp: seconds() + 20 });
  await verifyEditorToken(token, auth);

  vi.setSystemTime(NOW + 49_999);
  await verifyEditorToken(token, auth);
  expect(signatures).toHaveBeenCalledTimes(1);

  vi.setSystemTime(NOW + 50_000);
  await expect(verifyEditorToken(token, auth)).rejects.toThrow(errors.JWTExpired);
});

test('a token that was accepted is refused when the clock is set back before it is valid', async () => {
  const token = await newToken({ nbf: seconds() });
  await verifyEditorToken(token, auth);

  vi.setSystemTime(NOW - 60_000);

  await expect(verifyEditorToken(token, auth)).rejects.toThrow(errors.JWTClaimValidationFailed);
});

test.each([
  ['for another audience', () => settings({ audience: 'another' })],
  ['of another issuer', () => settings({ issuer: 'https://elsewhere.example' })],
  ['with another key', async () => settings({ publicJwk: (await newKey('b')).jwk })],
])('settings %s do not take what these have verified', async (_what, other) => {
  const token = await newToken();
  await verifyEditorToken(token, auth);

  await expect(verifyEditorToken(token, await other())).rejects.toThrow(errors.JOSEError);
});

test.each([
  ['forged', async () => newToken({}, { ...key, privateKey: (await newKey('a')).privateKey })],
  ['expired', () => newToken({ exp: seconds() - 60 })],
  ['without a subject', () => newToken({ sub: '' })],
  ['that is none', async () => 'token'],
])('a token %s is refused every time', async (_what, make) => {
  const token = await make();
  for (let asked = 0; asked < 3; asked += 1) {
    await expect(verifyEditorToken(token, auth)).rejects.toThrow(errors.JOSEError);
  }
});

test('a token that was refused before it was valid is accepted once it is', async () => {
  const token = await newToken({ nbf: seconds() + 60 });
  await expect(verifyEditorToken(token, auth)).rejects.toThrow(errors.JOSEError);

  vi.advanceTimersByTime(30 * SECOND);

  expect((await verifyEditorToken(token, auth)).scopes).toBeNull();
});

test('of a thousand and one tokens the one that was not used for the longest is forgotten', async () => {
  const tokens = await Promise.all(Array.from({ length: 1_001 }, (_, n) => newToken({ sub: `editor-${n}` })));
  const [first = '', second = '', ...others] = tokens;
  const last = others.pop() ?? '';
  for (const token of [first, second, ...others, first, last]) await verifyEditorToken(token, auth);
  expect(signatures).toHaveBeenCalledTimes(1_001);

  await verifyEditorToken(first, auth);
  await verifyEditorToken(last, auth);
  expect(signatures).toHaveBeenCalledTimes(1_001);
  await verifyEditorToken(second, auth);
  expect(signatures).toHaveBeenCalledTimes(1_002);
});

test('a token whose key was rotated out is refused within a minute after the key set was fetched without it', async () => {
  const [old, fresh] = [key, await newKey('b')];
  let keys: JWK[] = [old.jwk, fresh.jwk];
  vi.stubGlobal('fetch', async () => Response.json({ keys }));
  const provider: EditorAuth = { ...auth, kind: 'jwks', jwksUrl: `${ISSUER}/rotated.json` };
  const [token, other] = [await newToken(), await newToken({ sub: 'bob' }, fresh)];
  await verifyEditorToken(token, provider);
  keys = [fresh.jwk];

  vi.setSystemTime(NOW + 599 * SECOND);
  await verifyEditorToken(token, provider);
  vi.setSystemTime(NOW + 601 * SECOND);
  await verifyEditorToken(other, provider);
  vi.setSystemTime(NOW + 659 * SECOND);

  await expect(verifyEditorToken(token, provider)).rejects.toThrow(errors.JWKSNoMatchingKey);
});
