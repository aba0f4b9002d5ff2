// Planted: versions that disappear, or are not what they were.
import { describe, expect, test } from 'vitest';
import { corrected, edit, listedEdit } from './corrected.ts';
import { brokenBy, DRAFT, findsPlanted, type Plant, RETRY, version } from './kept.ts';
import { LISTED_RULES } from './listed.ts';

findsPlanted(LISTED_RULES, {
  'no version disappears, and each has a number of its own': {
    'a version in the middle that is gone': corrected(({ versions }) => {
      versions.splice(
        versions.findIndex(({ stage }) => stage === 'draft'),
        1,
      );
    }),
    'the newest version that was seen, and is gone': corrected(({ versions, seen }) => {
      seen.push(...versions.splice(-1));
    }),
    'two versions of one number': corrected(({ versions }) => {
      versions.push(version('draft', 2, 's3://other', RETRY));
    }),
  },
  'a version never changes but for being completed': {
    'a version that was complete': ({ seen, versions }) => {
      seen.push(...versions.map((one) => ({ ...one })));
      for (const one of versions) one.isComplete = false;
    },
    'a version that has another reference': corrected(({ seen }) => {
      for (const one of seen) one.ref = 's3://other';
    }),
    'a version of which somebody else is the maker': corrected(({ seen }) => {
      seen.push(listedEdit(edit({ actor: 'alice' })));
    }),
    'a version that lost its digest': ({ seen }) => {
      seen.push({ ...version('draft', 1, DRAFT, RETRY), digest: 'sha-256:abc' });
    },
  },
});

describe('no violation is', () => {
  test.each<[string, Plant]>([
    [
      'a version that was completed since, and of which more is known',
      ({ seen, versions }) => {
        seen.push(...versions.map((one) => ({ ...one, isComplete: false })));
        for (const one of versions) Object.assign(one, { digest: 'sha-256:abc', sizeBytes: 7 });
      },
    ],
  ])('%s', (_, plant) => {
    expect(brokenBy(plant)).toEqual([]);
  });
});
