// Violations of what is promised of retries by themselves are planted, and found.
import { expect, test } from 'vitest';
import { AUTOMATIC_RULES } from './automatic.ts';
import { judge } from './judge.ts';
import { brokenBy, entry, findsPlanted, type Kept, keptCase, RETRY, RUN, toCase } from './kept.ts';

/** The retry was made by itself. */
const itself = ({ dispatches }: Kept): void => {
  for (const retry of dispatches) {
    if (retry.id === RETRY) Object.assign(retry, { isAutomatic: true, request: 'auto:1' });
  }
};
const wanted = (kept: Kept, most = 1): void => {
  kept.automatic = { most, dueAt: null };
  kept.calls = kept.calls.filter(({ operation, prefer }) => operation !== 'retry' || prefer === null);
};
const [run = 0, , retry = 2] = keptCase().dispatches.keys();

findsPlanted(AUTOMATIC_RULES, {
  'nothing is retried by itself where nobody wants it': { 'one that nobody wanted': itself },
  'what is made by itself is a retry of what failed, under the same profile': {
    'another profile': (kept) => {
      wanted(kept);
      itself(kept);
      Object.assign(kept.dispatches[retry] ?? {}, { profile: 'another' });
    },
    'a redo': (kept) => {
      wanted(kept);
      itself(kept);
      Object.assign(kept.dispatches[retry] ?? {}, { kind: 'redo' });
    },
    'one of nothing': (kept) => {
      wanted(kept);
      itself(kept);
      kept.dispatches.splice(0, 2);
    },
  },
  'nothing is retried by itself once an editor has come first': {
    'one after what was given up': (kept) => {
      wanted(kept);
      itself(kept);
      Object.assign(kept.dispatches[run] ?? {}, { state: 'CANCELLED' });
    },
    'one after a cancel': (kept) => {
      wanted(kept);
      itself(kept);
      Object.assign(kept.dispatches[run] ?? {}, { state: 'CANCELLED' });
      kept.trail.push(entry('editor', 'FAILED', 'CANCELLED', RUN));
    },
    'one after a correction': (kept) => {
      wanted(kept);
      itself(kept);
      const edit = { stage: 'audio', version: 2, ref: 's3://a', actor: 'alice', edits: 1, after: RUN };
      kept.edits.push(edit);
    },
  },
  'no more is retried by itself than is allowed': {
    'one too many': (kept) => {
      wanted(kept, 0);
      itself(kept);
    },
  },
  'what is to come has come, or does not': {
    'one that never came': (kept) => {
      kept.automatic = { most: 1, dueAt: 1_000 };
    },
  },
});

test('a retry by itself of what failed is as it should be', () => {
  const kept = keptCase();
  wanted(kept);
  itself(kept);
  expect(judge(toCase(kept)).violations).toEqual([]);
});

test('a failed job is cancelled only where it may be retried by itself', () => {
  const cancelled = (kept: Kept) => {
    kept.status = 'CANCELLED';
    kept.trail.splice(4, 99);
    kept.trail.push({ ...entry('editor', 'FAILED', 'CANCELLED', null), seq: 5 });
  };
  const name = 'every entry is one that the table allows';
  expect(brokenBy(cancelled)).toContain(name);
  const isWanted = (kept: Kept) => {
    cancelled(kept);
    wanted(kept);
  };
  expect(brokenBy(isWanted)).not.toContain(name);
});
