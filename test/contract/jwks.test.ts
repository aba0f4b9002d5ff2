// The identity provider is a real HTTP server here, whatever it answers; its key set is looked up as for a token.
import { generateKeyPairSync } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { verifyEditorToken } from '../../src/http/editor-token.ts';
import { KeySetUnavailable, remoteKeySet } from '../../src/http/jwks.ts';
import { newSigningKey, type Provider, type SigningKey, startProvider } from '../support/provider.ts';
import { ask, LET_IN, trusting } from './asking.ts';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

let provider: Provider;
let logged: string[];

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 0, 1) });
  provider = await startProvider();
  logged = [];
  vi.spyOn(console, 'error').mockImplementation((line: string) => void logged.push(line));
  vi.spyOn(console, 'log').mockImplementation(() => {});
});
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await provider.stop();
});

const signedBy = (key: SigningKey) =>
  key.sign({
    sub: 'alice',
    iss: provider.issuer,
    aud: 'retake',
    exp: Math.floor(Date.now() / 1000) + 48 * 3_600,
  });

/** A lookup of its own for each test, and none of the tokens that are remembered. */
const newAuth = () => ({
  kind: 'jwks' as const,
  jwksUrl: provider.jwksUrl,
  issuer: provider.issuer,
  audience: 'retake',
  algorithms: ['RS256', 'ES256', 'EdDSA', 'Ed25519'],
  tokenType: null,
  requiresScope: false,
  ownerClaim: 'sub',
});
const verify = async (token: string) => (await verifyEditorToken(token, newAuth())).actorId;
const askService = (token: string) => ask(trusting(provider), token);
const UNAVAILABLE = { status: 503, code: 'AUTHENTICATION_UNAVAILABLE' };

type Answer = NonNullable<Provider['answer']>;
const saying =
  (status: number, body: string): Answer =>
  (response) => {
    response.statusCode = status;
    response.end(body);
  };
const hangUp: Answer = (response) => void response.destroy();

test('a key set is fetched once and serves many tokens', async () => {
  const key = await newSigningKey('ES256', 'a');
  provider.keys = [key.jwk];
  const token = await signedBy(key);

  for (let time = 0; time < 3; time += 1) expect(await verify(token)).toBe('alice');

  expect(provider.asked).toBe(1);
});

test('requests that come while it is fetched wait for the same answer', async () => {
  const key = await newSigningKey('ES256', 'a');
  provider.keys = [key.jwk];
  const token = await signedBy(key);

  const answers = await Promise.all(Array.from({ length: 20 }, () => verify(token)));

  expect(new Set(answers)).toEqual(new Set(['alice']));
  expect(provider.asked).toBe(1);
});

const outages: [string, Answer, string][] = [
  ['hanging up', hangUp, 'it could not be reached'],
  ['answering 500', saying(500, ''), 'it answered 500'],
  [
    'redirecting',
    (response) => {
      response.writeHead(302, { location: '/elsewhere' }).end();
    },
    'it answered 302',
  ],
  ['answering rubbish', saying(200, '<html>'), 'it answered with something that is no key set'],
  ['answering nothing', saying(200, ''), 'it answered with something that is no key set'],
  ['answering null', saying(200, 'null'), 'it answered with something that is no key set'],
  ['answering a list', saying(200, '[]'), 'it answered with something that is no key set'],
  ['answering an error', saying(200, '{"error":"x"}'), 'it answered with something that is no key set'],
  [
    'answering keys that are none',
    saying(200, '{"keys":{}}'),
    'it answered with something that is no key set',
  ],
  ['answering an empty set', saying(200, '{"keys":[]}'), 'it answered without a key that can be used'],
  [
    'answering a set of nothing',
    saying(200, '{"keys":[null,7]}'),
    'it answered without a key that can be used',
  ],
];

describe.each(outages)('with a provider that is %s', (_what, answer, reason) => {
  test('and no known keys a token is neither accepted nor refused, and the log says why', async () => {
    provider.answer = answer;

    const reply = await askService(await signedBy(await newSigningKey('ES256', 'a')));

    expect(reply).toMatchObject(UNAVAILABLE);
    expect(reply.text).not.toContain(reason);
    const [first] = logged.map((line) => JSON.parse(line));
    expect(first).toMatchObject({ event: 'key_set_unavailable', reason });
  });

  test('it is asked once in five seconds, and serves again once it is well', async () => {
    const key = await newSigningKey('ES256', 'a');
    const token = await signedBy(key);
    provider.answer = answer;
    for (let time = 0; time < 10; time += 1) await expect(verify(token)).rejects.toThrow(KeySetUnavailable);
    expect(provider.asked).toBe(1);

    vi.advanceTimersByTime(5 * SECOND);
    await expect(verify(token)).rejects.toThrow(KeySetUnavailable);
    expect(provider.asked).toBe(2);

    provider.answer = null;
    provider.keys = [key.jwk];
    vi.advanceTimersByTime(5 * SECOND);
    expect(await verify(token)).toBe('alice');
  });

  test('the known keys go on verifying, for a day and no longer', async () => {
    const key = await newSigningKey('ES256', 'a');
    provider.keys = [key.jwk];
    const token = await signedBy(key);
    await verify(token);
    provider.answer = answer;

    vi.advanceTimersByTime(24 * HOUR - SECOND);
    expect(await verify(token)).toBe('alice');
    vi.advanceTimersByTime(SECOND + 60 * SECOND);
    await expect(verify(token)).rejects.toThrow(KeySetUnavailable);
  });

  test('a token of a key that is not known yet is neither accepted nor refused', async () => {
    const [old, fresh] = [await newSigningKey('ES256', 'a'), await newSigningKey('ES256', 'b')];
    provider.keys = [old.jwk];
    await verify(await signedBy(old));
    provider.answer = answer;
    vi.advanceTimersByTime(31 * SECOND);

    await expect(verify(await signedBy(fresh))).rejects.toThrow(KeySetUnavailable);
    expect(await verify(await signedBy(old))).toBe('alice');
  });
});

test('a provider that cannot be reached is an outage like any other', async () => {
  const find = remoteKeySet('http://127.0.0.1:1/', ['ES256']);

  await expect(find({ alg: 'ES256' }, { payload: '', signature: '' })).rejects.toThrow(KeySetUnavailable);
});

test.each<[string, Answer]>([
  ['before its answer', () => {}],
  ['within its answer', (response) => void response.writeHead(200).write('{"keys":[')],
])('a provider that stalls %s is given up, and asked once by all who wait', async (_when, answer) => {
  provider.answer = answer;
  const find = remoteKeySet(provider.jwksUrl, ['ES256'], 50);
  const wait = () => find({ alg: 'ES256' }, { payload: '', signature: '' });

  const waiting = await Promise.allSettled(Array.from({ length: 10 }, wait));

  for (const each of waiting) expect(each).toMatchObject({ reason: { name: 'KeySetUnavailable' } });
  await expect(wait()).rejects.toThrow(KeySetUnavailable);
  expect(provider.asked).toBe(1);
});

test('a flood of unknown key ids asks the provider at most once in 30 seconds', async () => {
  const known = await newSigningKey('ES256', 'a');
  provider.keys = [known.jwk];
  await verify(await signedBy(known));
  const token = await signedBy(await newSigningKey('ES256', 'unknown'));
  for (let i = 0; i < 50; i += 1) await expect(verify(token)).rejects.toThrow('no applicable key');
  expect(provider.asked).toBe(1);
  vi.advanceTimersByTime(31 * SECOND);
  for (let i = 0; i < 50; i += 1) await expect(verify(token)).rejects.toThrow('no applicable key');
  expect(provider.asked).toBe(2);
});

test('a key that the provider has rotated in is picked up', async () => {
  const [old, fresh] = [await newSigningKey('ES256', 'a'), await newSigningKey('ES256', 'b')];
  provider.keys = [old.jwk];
  await verify(await signedBy(old));
  provider.keys = [fresh.jwk, old.jwk];
  vi.advanceTimersByTime(31 * SECOND);
  expect(await verify(await signedBy(fresh))).toBe('alice');
});

/** A key of fewer bits than may be used, which a library for tokens makes no more. */
const shortRsaKey = async () =>
  generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });

const unusable: [string, () => Promise<unknown>][] = [
  ['an RSA key of 1,024 bits', shortRsaKey],
  ['an RSA key without its exponent', async () => ({ ...(await newSigningKey('RS256')).jwk, e: undefined })],
  ['an RSA key that is no base64', async () => ({ kty: 'RSA', n: '!', e: 'AQAB' })],
  ['a point that is not on its curve', async () => ({ ...(await newSigningKey()).jwk, y: 'A'.repeat(43) })],
  ['a point that is cut short', async () => ({ ...(await newSigningKey()).jwk, x: 'AAAA' })],
  ['a curve that nobody knows', async () => ({ kty: 'EC', crv: 'P-1', x: 'AAAA', y: 'AAAA' })],
  ['a symmetric key', async () => ({ kty: 'oct', k: 'A'.repeat(43) })],
  [
    'a private key',
    async () => exportJWK((await generateKeyPair('ES256', { extractable: true })).privateKey),
  ],
  ['a key for encryption', async () => ({ ...(await newSigningKey()).jwk, use: 'enc' })],
  ['a key without a type', async () => ({ kid: 'x' })],
  ['a number', async () => 7],
];

describe.each(unusable)('%s in a key set', (_what, make) => {
  /** Named, so that a token of anybody can ask for it. */
  const made = async () => {
    const key = await make();
    return typeof key === 'object' ? { ...key, kid: 'broken' } : key;
  };
  const asking = async (alg: string) => signedBy(await newSigningKey(alg, 'broken'));

  test('never makes a fault of a token that names it', async () => {
    const good = await newSigningKey('ES256', 'good');
    provider.keys = [await made(), good.jwk];

    for (const alg of ['RS256', 'ES256', 'EdDSA', 'Ed25519']) {
      expect(await askService(await asking(alg)), alg).toMatchObject({
        status: 401,
        code: 'UNAUTHENTICATED',
      });
    }
    expect(await askService(await signedBy(good))).toMatchObject(LET_IN);
  });

  test('is no key at all when there is no other', async () => {
    provider.keys = [await made()];

    expect(await askService(await asking('ES256'))).toMatchObject(UNAVAILABLE);
  });
});

test('of two keys without an id each is tried', async () => {
  const [one, two] = [await newSigningKey(), await newSigningKey()];
  provider.keys = [one.jwk, two.jwk];

  expect(await verify(await signedBy(one))).toBe('alice');
  expect(await verify(await signedBy(two))).toBe('alice');
  expect(await askService(await signedBy(await newSigningKey()))).toMatchObject({ status: 401 });
});

test('a key that is there twice is as good as once, and two of one id are both tried', async () => {
  const [one, two] = [await newSigningKey('ES256', 'a'), await newSigningKey('ES256', 'a')];
  provider.keys = [one.jwk, one.jwk, two.jwk];

  expect(await verify(await signedBy(one))).toBe('alice');
  expect(await verify(await signedBy(two))).toBe('alice');
});

test('what one of several keys verifies is held to its claims all the same', async () => {
  const [one, two] = [await newSigningKey(), await newSigningKey()];
  provider.keys = [one.jwk, two.jwk];

  const token = await two.sign({ sub: 'alice', iss: provider.issuer, aud: 'another', exp: 4_000_000_000 });

  expect(await askService(token)).toMatchObject({ status: 401 });
});

test.each(['RS256', 'ES256', 'EdDSA', 'Ed25519'])('%s is taken by default', async (alg) => {
  const key = await newSigningKey(alg, 'a');
  provider.keys = [key.jwk];

  expect(await askService(await signedBy(key))).toMatchObject(LET_IN);
});
