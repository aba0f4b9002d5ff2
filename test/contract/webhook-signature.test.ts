// What Retake signs is what Standard Webhooks says, as its own library verifies it.
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { mac } from '../../src/contract/hashes.ts';
import { isWebhookSecret, signedHeaders } from '../../src/contract/webhook-signature.ts';

const secretOf = (bytes: number, fill: number) =>
  `whsec_${Buffer.from(new Uint8Array(bytes).fill(fill)).toString('base64')}`;
const [today, tomorrow] = [secretOf(32, 1), secretOf(24, 250)];
const now = () => Date.now();

test('the example of the specification is signed as it stands there', async () => {
  const headers = await signedHeaders(
    'msg_p5jXN8AQM9LWM0D4loKWxJek',
    1_614_265_330_999,
    '{"test": 2432232314}',
    ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
  );

  expect(headers).toEqual({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

test.each([
  ['of ASCII', '{"a":1}'],
  ['of other scripts', '{"a":"é 講演 🎬"}'],
  ['with half a surrogate pair', '{"a":"\ud83c"}'],
  ['of 100 KiB', JSON.stringify({ a: 'x'.repeat(100 * 1024) })],
])('the library verifies a body %s, under secrets of any length', async (_what, body) => {
  for (const secret of [today, tomorrow, secretOf(25, 7), secretOf(64, 0), secretOf(65, 255)]) {
    const headers = await signedHeaders('dsp_1', now(), body, [secret]);
    expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
  }
});

test('a secret without its padding is the same secret', async () => {
  const [padded, bare] = [secretOf(32, 9), secretOf(32, 9).replace(/=+$/, '')];
  const at = now();

  expect(padded).not.toBe(bare);
  expect(await signedHeaders('dsp_1', at, '{}', [bare])).toEqual(
    await signedHeaders('dsp_1', at, '{}', [padded]),
  );
});

test('every secret signs, each in its turn', async () => {
  const headers = await signedHeaders('dsp_1', now(), '{"a":1}', [today, tomorrow]);

  expect(headers['webhook-signature'].split(' ')).toHaveLength(2);
  for (const secret of [today, tomorrow]) {
    expect(new Webhook(secret).verify('{"a":1}', headers)).toEqual({ a: 1 });
  }
  expect(() => new Webhook(secretOf(32, 2)).verify('{"a":1}', headers)).toThrow('No matching signature');
});

test('no signature is good for another id, another time or another body', async () => {
  const headers = await signedHeaders('dsp_1', now(), '{"a":1}', [today]);
  const verify = (body: string, others: object) => () =>
    new Webhook(today).verify(body, { ...headers, ...others });

  expect(verify('{"a":1}', {})()).toEqual({ a: 1 });
  expect(verify('{"a":2}', {})).toThrow('No matching signature');
  expect(verify('{"a":1}', { 'webhook-id': 'dsp_2' })).toThrow('No matching signature');
  const later = String(Number(headers['webhook-timestamp']) + 1);
  expect(verify('{"a":1}', { 'webhook-timestamp': later })).toThrow('No matching signature');
});

test('a text that is a key elsewhere is another key as a secret', async () => {
  const message = 'dsp_1.1.{}';

  const asText = Buffer.from(await mac(today, message)).toString('base64');
  const asSecret = await signedHeaders('dsp_1', 1_000, '{}', [today]);

  expect(asSecret['webhook-signature']).not.toBe(`v1,${asText}`);
  expect(Buffer.from(await mac(today, message)).toString('base64')).toBe(asText);
});

test.each([
  ['32 bytes', today, true],
  ['24 bytes', tomorrow, true],
  ['25 bytes without their padding', secretOf(25, 1).replace(/=+$/, ''), true],
  ['23 bytes', secretOf(23, 1), false],
  ['nothing', 'whsec_', false],
  ['no prefix', today.replace('whsec_', ''), false],
  ['the prefix of a public key', today.replace('whsec_', 'whpk_'), false],
  ['base64url', `whsec_${'-_'.repeat(20)}`, false],
  ['a length that no base64 has', `whsec_${'A'.repeat(41)}`, false],
  ['a padding that does not fit', `whsec_${'A'.repeat(40)}=`, false],
  ['a blank', `whsec_${'A'.repeat(20)} ${'A'.repeat(20)}`, false],
  ['a line break at its end', `${today}\n`, false],
])('of %s a setting takes a secret, or refuses it: %s', (_what, secret, isTaken) => {
  expect(isWebhookSecret(secret)).toBe(isTaken);
});
