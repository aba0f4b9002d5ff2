// What the store's word proves of a version, and what a reported digest says.
import { expect, test } from 'vitest';
import { type Finding, proofOf, sha256Of } from '../../src/domain/evidence.ts';

const HEX = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
const BASE64 = Buffer.from(HEX, 'hex').toString('base64');

test.each([
  ['sha-256: and hex', `sha-256:${HEX}`],
  ['sha256: and hex', `sha256:${HEX}`],
  ['sha-256= and hex', `sha-256=${HEX}`],
  ['capitals', `SHA-256:${HEX.toUpperCase()}`],
  ['bare hex', HEX],
  ['sha-256: and base64', `sha-256:${BASE64}`],
  ['sha256: and base64', `sha256:${BASE64}`],
  ['RFC 9530', `sha-256=:${BASE64}:`],
  ['RFC 3230', `SHA-256=${BASE64}`],
])('a digest is read as SHA-256 that is written as %s', (_form, digest) => {
  expect(sha256Of(digest)).toBe(HEX);
});

test.each([
  ['of another algorithm', `sha-512:${HEX}`],
  ['md5', 'md5:5eb63bbbe01eeed093cb22bb8f5acdc3'],
  ['too short', `sha-256:${HEX.slice(1)}`],
  ['too long', `${HEX}0`],
  ['no hex', `sha-256:${'g'.repeat(64)}`],
  ['bare base64', BASE64],
  ['empty', ''],
])('a digest that is %s says no SHA-256, and is compared with nothing', (_form, digest) => {
  expect(sha256Of(digest)).toBeNull();
  const found: Finding = { kind: 'found', sizeBytes: 1, sha256: 'f'.repeat(64) };
  expect(proofOf({ ref: 'r', sizeBytes: 1, digest }, new Map([['r', found]]))).toEqual({ state: 'verified' });
});

const version = { ref: 'r2://media/a', sizeBytes: 3, digest: `sha-256=:${BASE64}:` };

test.each<[string, Finding | null, ReturnType<typeof proofOf>]>([
  ['no word of it', null, { state: 'unverified', reason: 'not_in_store' }],
  [
    'a store that did not answer',
    { kind: 'unavailable' },
    { state: 'unverified', reason: 'store_unavailable' },
  ],
  ['a store that was not asked', { kind: 'unchecked' }, { state: 'unverified', reason: 'not_checked' }],
  ['no such file', { kind: 'missing' }, { state: 'missing' }],
  ['the file', { kind: 'found', sizeBytes: 3, sha256: HEX }, { state: 'verified' }],
  ['one of this size', { kind: 'found', sizeBytes: 3, sha256: null }, { state: 'verified' }],
  ['one of another size', { kind: 'found', sizeBytes: 4, sha256: HEX }, { state: 'changed' }],
  ['one of another digest', { kind: 'found', sizeBytes: 3, sha256: 'f'.repeat(64) }, { state: 'changed' }],
])('%s makes it what it is worth', (_what, finding, proof) => {
  expect(proofOf(version, new Map(finding ? [[version.ref, finding]] : []))).toEqual(proof);
});

test('the word on one reference says nothing of another', () => {
  expect(proofOf(version, new Map([['r2://media/b', { kind: 'missing' }]]))).toEqual({
    state: 'unverified',
    reason: 'not_in_store',
  });
});
