import { expect, test } from 'vitest';
import { signCallbackToken, verifyCallbackToken } from '../../src/contract/callback-token.ts';
import { newId } from '../support/ids.ts';

const [today, yesterday] = ['key-of-today-0123456789-0123456789', 'key-of-yesterday-0123456789-01234'];
const job = newId('job');
const dispatch = newId('dsp');

test('a token proves its dispatch for its job', async () => {
  expect(await verifyCallbackToken(await signCallbackToken(job, dispatch, [today]), job, [today])).toBe(
    dispatch,
  );
});

test('the newest key signs and every listed key verifies', async () => {
  const old = await signCallbackToken(job, dispatch, [yesterday]);
  expect(await verifyCallbackToken(old, job, [today, yesterday])).toBe(dispatch);
  const fresh = await signCallbackToken(job, dispatch, [today, yesterday]);
  expect(await verifyCallbackToken(fresh, job, [today])).toBe(dispatch);
  expect(await verifyCallbackToken(fresh, job, [yesterday])).toBeNull();
});

test('a token proves nothing for another job or another dispatch', async () => {
  const token = await signCallbackToken(job, dispatch, [today]);
  expect(await verifyCallbackToken(token, newId('job'), [today])).toBeNull();
  expect(await verifyCallbackToken(token.replace(dispatch, newId('dsp')), job, [today])).toBeNull();
});

test.each([
  ['nothing', ''],
  ['only a prefix', 'rtk1'],
  ['no MAC', `rtk1.${dispatch}.`],
  ['a MAC that is no base64url', `rtk1.${dispatch}.!!!`],
  ['an overlong one', `rtk1.${dispatch}.${'a'.repeat(10_000)}`],
  ['a JWT', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.'],
])('%s is not a token', async (_title, token) => {
  expect(await verifyCallbackToken(token, job, [today])).toBeNull();
});

test('every truncation of a token is refused', async () => {
  const token = await signCallbackToken(job, dispatch, [today]);
  for (let length = 0; length < token.length; length += 1) {
    expect(await verifyCallbackToken(token.slice(0, length), job, [today])).toBeNull();
  }
});
