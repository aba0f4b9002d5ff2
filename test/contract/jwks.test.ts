// The identity provider is out of reach here, so its key set is a stub at the outermost edge: `fetch` itself.
import { exportJWK, generateKeyPair, type JWK, type JWTVerifyGetKey, jwtVerify, SignJWT } from 'jose';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KeySetUnavailable, remoteKeySet } from '../../src/http/jwks.ts';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

let fetched = 0;
let provider: () => Response | Promise<Response>;
let keys: JWK[];
let keySet: JWTVerifyGetKey;

async function newKey(kid: string) {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const jwk = { ...(await exportJWK(publicKey)), kid, alg: 'ES256' };
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: 'ES256', kid })
    .setSubject('alice')
    .sign(privateKey);
  return { jwk, token };
}
const verify = (token: string) => jwtVerify(token, keySet).then(({ payload }) => payload.sub);
const down = () => Promise.reject(new TypeError('connection refused'));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 0, 1) });
  fetched = 0;
  keys = [];
  provider = () => Response.json({ keys });
  vi.stubGlobal('fetch', async () => {
    fetched += 1;
    return provider();
  });
  keySet = remoteKeySet('https://id.example/jwks.json');
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('a key set is fetched once and serves many tokens', async () => {
  const { jwk, token } = await newKey('a');
  keys = [jwk];
  expect([await verify(token), await verify(token), await verify(token)]).toEqual([
    'alice',
    'alice',
    'alice',
  ]);
  expect(fetched).toBe(1);
});

test('during an outage the known keys go on verifying, for a day', async () => {
  const { jwk, token } = await newKey('a');
  keys = [jwk];
  await verify(token);
  provider = down;
  vi.advanceTimersByTime(12 * HOUR);
  expect(await verify(token)).toBe('alice');
  vi.advanceTimersByTime(13 * HOUR);
  await expect(verify(token)).rejects.toThrow(KeySetUnavailable);
});

test.each([
  ['unreachable', down],
  ['answering 500', () => new Response('', { status: 500 })],
  ['answering rubbish', () => new Response('<html>')],
])(
  'with a provider that is %s and no known keys a token is neither accepted nor refused',
  async (_title, answer) => {
    provider = answer;
    await expect(verify((await newKey('a')).token)).rejects.toThrow(KeySetUnavailable);
  },
);

test('an outage is not met with a storm of requests, and ends by itself', async () => {
  const { jwk, token } = await newKey('a');
  provider = down;
  for (let i = 0; i < 50; i += 1) await expect(verify(token)).rejects.toThrow(KeySetUnavailable);
  expect(fetched).toBe(1);
  keys = [jwk];
  provider = () => Response.json({ keys });
  vi.advanceTimersByTime(6 * SECOND);
  expect(await verify(token)).toBe('alice');
});

test('a flood of unknown key ids asks the provider at most once in 30 seconds', async () => {
  const known = await newKey('a');
  keys = [known.jwk];
  await verify(known.token);
  const { token } = await newKey('unknown');
  for (let i = 0; i < 50; i += 1) await expect(verify(token)).rejects.toThrow('no applicable key');
  expect(fetched).toBe(1);
  vi.advanceTimersByTime(31 * SECOND);
  for (let i = 0; i < 50; i += 1) await expect(verify(token)).rejects.toThrow('no applicable key');
  expect(fetched).toBe(2);
});

test('a key that the provider has rotated in is picked up', async () => {
  const [old, fresh] = [await newKey('a'), await newKey('b')];
  keys = [old.jwk];
  await verify(old.token);
  keys = [fresh.jwk, old.jwk];
  vi.advanceTimersByTime(31 * SECOND);
  expect(await verify(fresh.token)).toBe('alice');
});
