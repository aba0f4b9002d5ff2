// What an id proves: that this service has given it out, as the id of such a thing, under a key that it still knows.
import { describe, expect, test } from 'vitest';
import { idFor, isGivenOut, newDispatchId, newId } from '../../src/contract/ids.ts';
import { newId as madeUpId } from '../support/ids.ts';

const today = 'key-of-today-0123456789-0123456789';
const yesterday = 'key-of-yesterday-0123456789-012345';
const keys = [today, yesterday];
const OF_A_JOB = await newId('job', keys);

/** Every text that differs from `id` in one character. */
const neighbours = (id: string): string[] =>
  [...id].flatMap((own, at) =>
    [...'0123456789abcdefg_J']
      .filter((other) => other !== own)
      .map((other) => id.slice(0, at) + other + id.slice(at + 1)),
  );

test('what was given out is known, and as nothing else', async () => {
  const ofAProject = await newId('prj', keys);
  expect(OF_A_JOB).toMatch(/^job_[0-9a-f]{36}$/);
  expect(await isGivenOut('job', OF_A_JOB, keys)).toBe(true);
  expect(await isGivenOut('prj', ofAProject, keys)).toBe(true);
  expect(await isGivenOut('prj', OF_A_JOB, keys)).toBe(false);
  expect(await isGivenOut('job', ofAProject, keys)).toBe(false);
});

test('no id is given out twice', async () => {
  const ids = await Promise.all(Array.from({ length: 1_000 }, () => newId('job', keys)));
  expect(new Set(ids.map((id) => id.slice(0, -12))).size).toBe(ids.length);
});

test('an id that differs in one character was not given out', async () => {
  for (const text of neighbours(OF_A_JOB)) expect(await isGivenOut('job', text, keys), text).toBe(false);
});

test('the proof of one kind is none for the other', async () => {
  const asAProject = OF_A_JOB.replace('job_', 'prj_');
  expect(await isGivenOut('prj', asAProject, keys)).toBe(false);
});

test.each([
  ['made up', () => madeUpId('job')],
  ['cut short', () => OF_A_JOB.slice(0, -1)],
  ['without its proof', () => OF_A_JOB.slice(0, -12)],
  ['with more after it', () => `${OF_A_JOB}0`],
  ['with a line break after it', () => `${OF_A_JOB}\n`],
  ['in capitals', () => OF_A_JOB.toUpperCase()],
  ['of a dispatch', () => newDispatchId()],
  ['that is empty', () => ''],
])('an id %s was not given out', async (_what, make) => {
  expect(await isGivenOut('job', make(), keys)).toBe(false);
});

test('the newest key signs and every listed key verifies', async () => {
  const old = await newId('job', [yesterday]);
  expect(await isGivenOut('job', old, [today, yesterday])).toBe(true);
  expect(await isGivenOut('job', old, [today])).toBe(false);
  const fresh = await newId('job', [today, yesterday]);
  expect(await isGivenOut('job', fresh, [today])).toBe(true);
  expect(await isGivenOut('job', fresh, [yesterday])).toBe(false);
});

describe('the id that follows from a creation’s own key', () => {
  const creation = { owner: 'own_1', place: 'prj_1', key: 'first' };

  test('was given out, and is the same however often it is asked for', async () => {
    const id = await idFor('job', creation, [today, yesterday]);
    expect(await isGivenOut('job', id, [today, yesterday])).toBe(true);
    expect(await idFor('job', creation, [today, yesterday])).toBe(id);
  });

  test('stays the same when keys are rotated, since a new one is put in front', async () => {
    const before = await idFor('job', creation, [yesterday]);
    expect(await idFor('job', creation, [today, yesterday])).toBe(before);
    expect(await isGivenOut('job', before, [today, yesterday])).toBe(true);
  });

  test('is another one for another kind, owner, place, key or secret', async () => {
    const ids = await Promise.all([
      idFor('job', creation, keys),
      idFor('prj', creation, keys),
      idFor('job', { ...creation, owner: 'own_2' }, keys),
      idFor('job', { ...creation, place: 'prj_2' }, keys),
      idFor('job', { ...creation, key: 'second' }, keys),
      // What one of them ends in is no beginning of the next.
      idFor('job', { ...creation, place: 'prj_1","f', key: 'irst' }, keys),
      idFor('job', creation, [today]),
    ]);
    expect(new Set(ids.map((id) => id.slice(4))).size).toBe(ids.length);
  });
});
