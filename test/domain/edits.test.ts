// What a correction means for what was made before it and after: what stands, what rests on it, and what is kept at hand for that.
import { describe, expect, test } from 'vitest';
import { discarding, restsOn, standingEdits } from '../../src/domain/edits.ts';
import type { ArtifactVersion } from '../../src/domain/job.ts';
import type { StageName } from '../../src/domain/lifecycle.ts';
import {
  chainOf,
  current,
  KEPT_PER_STAGE,
  keptAtHand,
  resumeFrom,
  staleBy,
} from '../../src/domain/lineage.ts';
import { audio, draft, edited, transcript } from './versions.ts';

const BALANCED = { transcript: 'ears-1', draft: 'pen-1' };
const MADE = [audio(1), transcript(1), draft(1)] as const;
const corrected = edited(MADE[1], 2);
const rewritten = edited(MADE[2], 2);
type Edit = Parameters<typeof restsOn>[1];

/** Where it leads, and what it passed over, in words. */
function look(
  versions: readonly ArtifactVersion[],
  { engines = BALANCED, discard = [] as StageName[], missing = [] as ArtifactVersion[] } = {},
) {
  const evidence = new Map(missing.map(({ ref }) => [ref, { kind: 'missing' as const }]));
  const wish = { engines, evidence, upTo: 'DRAFT_READY' as const, discardEdits: discard };
  const { version, passedOver } = resumeFrom(versions, wish);
  return {
    to: version ? `${version.stage} ${version.version}` : 'upload',
    over: passedOver.map(({ stage, version, reason }) => `${stage} ${version} ${reason}`),
  };
}
const names = (versions: readonly ArtifactVersion[]) =>
  versions.map(({ stage, version }) => `${stage} ${version}`);

describe('an edit stands', () => {
  test('until another edit of its stage takes its place, and not for one of another stage', () => {
    expect(names(standingEdits([...MADE, corrected]))).toEqual(['transcript 2']);
    expect(names(standingEdits([...MADE, corrected, edited(corrected, 3)]))).toEqual(['transcript 3']);
    expect(names(standingEdits([...MADE, corrected, rewritten]))).toEqual(['transcript 2', 'draft 2']);
  });

  test('until a pipeline that was to look past it has made its stage, complete', () => {
    const versions = (patch: object) => [...MADE, corrected, transcript(3, patch)];
    expect(names(standingEdits(versions({})))).toEqual(['transcript 2']);
    expect(names(standingEdits(versions({ discards: ['draft'] })))).toEqual(['transcript 2']);
    expect(names(standingEdits(versions({ discards: ['transcript'], isComplete: false })))).toEqual([
      'transcript 2',
    ]);
    expect(standingEdits(versions({ discards: ['transcript'] }))).toEqual([]);
  });

  test('whatever was made before it by a pipeline that looked past another', () => {
    const past = transcript(3, { discards: ['transcript'] });
    const again = edited(past, 4);
    expect(names(standingEdits([...MADE, corrected, past, again]))).toEqual(['transcript 4']);
    expect(discarding(corrected as Edit, [...MADE, corrected, past, again])).toBe(past);
    expect(discarding(again as Edit, [...MADE, corrected, past, again])).toBeNull();
  });
});

describe('a version rests on an edit', () => {
  const rests = (version: ArtifactVersion, ...versions: ArtifactVersion[]) => {
    const all = [...MADE, corrected, ...versions];
    return restsOn(chainOf(version, all), corrected as Edit, all);
  };

  test('that is in its chain', () => {
    const from = draft(2, { madeFrom: 2 });
    expect(rests(corrected)).toBe(true);
    expect(rests(from, from)).toBe(true);
    expect(rests(MADE[2])).toBe(false);
  });

  test('that a person has chosen something else for since: an edit of what follows, or what was to look past it', () => {
    const past = transcript(3, { discards: ['transcript'] });
    const fromPast = draft(2, { madeFrom: 3 });
    expect(rests(rewritten, rewritten)).toBe(true);
    expect(rests(past, past)).toBe(true);
    expect(rests(fromPast, past, fromPast)).toBe(true);
    const pastDrafts = draft(2, { discards: ['draft'] });
    expect(rests(pastDrafts, pastDrafts)).toBe(false);
  });

  test('that came first, and on none that came after it', () => {
    const all = [...MADE, rewritten, corrected];
    expect(restsOn(chainOf(rewritten, all), corrected as Edit, all)).toBe(false);
  });
});

describe('a retry', () => {
  test('keeps a correction whatever models its profile names, and makes again what follows', () => {
    expect(look([...MADE, corrected])).toEqual({ to: 'transcript 2', over: ['draft 1 older_than_edit'] });
    const other = { transcript: 'ears-9', draft: 'pen-9' };
    expect(look([...MADE, corrected], { engines: other }).to).toBe('transcript 2');
    expect(look([...MADE, rewritten], { engines: other }).to).toBe('draft 2');
  });

  test('looks at the model of what was made from a correction, and at none before that', () => {
    const from = draft(2, { madeFrom: 2 });
    expect(look([...MADE, corrected, from], { engines: { ...BALANCED, transcript: 'ears-9' } }).to).toBe(
      'draft 2',
    );
    expect(look([...MADE, corrected, from], { engines: { ...BALANCED, draft: 'pen-9' } }).to).toBe(
      'transcript 2',
    );
  });

  test('goes behind a correction that it is told to look past, and behind all that was made from it', () => {
    const from = draft(2, { madeFrom: 2 });
    expect(look([...MADE, corrected, from], { discard: ['transcript'] })).toEqual({
      to: 'draft 1',
      over: ['draft 2 edit_discarded'],
    });
    expect(look([...MADE, corrected], { discard: ['draft'] }).to).toBe('transcript 2');
  });

  test('does not take what a correction has overtaken where its file is gone', () => {
    expect(look([...MADE, corrected], { missing: [corrected] })).toEqual({
      to: 'audio 1',
      over: ['draft 1 older_than_edit', 'transcript 2 missing', 'transcript 1 older_than_edit'],
    });
  });
});

test('stale is what an edit has overtaken, and nothing that rests on it', () => {
  const versions = [...MADE, corrected, draft(2, { madeFrom: 2 })];
  expect(versions.map((version) => staleBy(version, versions).length > 0)).toEqual([
    false,
    true,
    true,
    false,
    false,
  ]);
});

test('of each stage the version counts that a pipeline would keep, else the newest', () => {
  const counting = (...versions: ArtifactVersion[]) =>
    names(Object.values(current([...MADE, ...versions], BALANCED)));
  expect(counting(transcript(2, { engine: 'ears-9' }))).toEqual(['audio 1', 'transcript 1', 'draft 1']);
  expect(counting(corrected)).toEqual(['audio 1', 'transcript 2', 'draft 1']);
  expect(counting(corrected, transcript(3))).toEqual(['audio 1', 'transcript 2', 'draft 1']);
});

describe('an older version is brought back by an edit with its reference', () => {
  test('and is not what it was itself, unless both are known to be the same', () => {
    const sha = `sha-256:${'a'.repeat(64)}`;
    const all = (digest: string | null) => {
      const old = transcript(1, { digest });
      return [audio(1), old, transcript(2), edited(old, 3, { ref: old.ref, digest })];
    };
    expect(look(all(null)).to).toBe('transcript 3');
    expect(look(all(null), { discard: ['transcript'] }).over).toEqual(['transcript 3 edit_discarded']);
    expect(look(all(null).slice(0, 2)).to).toBe('transcript 1');
    const rid = (versions: ArtifactVersion[]) =>
      look(
        versions.filter(({ version, stage }) => stage !== 'transcript' || version !== 2),
        {
          discard: ['transcript'],
        },
      );
    expect(rid(all(null))).toEqual({
      to: 'audio 1',
      over: ['transcript 3 edit_discarded', 'transcript 1 changed'],
    });
    expect(rid(all(sha)).to).toBe('transcript 1');
  });
});

describe('at hand is kept', () => {
  const many = (from: number, patch: (n: number) => object = () => ({})) =>
    Array.from({ length: KEPT_PER_STAGE + 2 }, (_, n) => transcript(from + n, patch(from + n)));

  test('an edit that stands, however many versions came after it', () => {
    const versions = [...MADE, corrected, ...many(3)];
    const kept = keptAtHand(versions);
    expect(kept).toContain(corrected);
    expect(look(kept).to).toBe(look(versions).to);
    expect(look(kept).to).toBe('transcript 2');
  });

  test('what looked past an edit, for as long as the edit is at hand: it does not stand again', () => {
    const past = transcript(3, { discards: ['transcript'] });
    const from = draft(2, { madeFrom: 2 });
    const kept = keptAtHand([...MADE, corrected, from, past, ...many(4)]);
    expect(kept).toContain(corrected);
    expect(standingEdits(kept)).toEqual([]);
  });

  test('what looked past an edit that is at hand only for what it was written over', () => {
    const back = edited(MADE[1], 2, { ref: MADE[1].ref });
    const past = transcript(3, { discards: ['transcript'] });
    const kept = keptAtHand([...MADE, back, past, ...many(4)]);
    expect(kept).toContain(back);
    expect(standingEdits(kept)).toEqual([]);
    expect(look(kept)).toEqual({ to: 'draft 1', over: [] });
  });

  test('what was written over that which looked past an edit', () => {
    const past = transcript(3, { discards: ['transcript'] });
    const over = transcript(4, { ref: past.ref, engine: 'ears-9' });
    const from = draft(2, { madeFrom: 2 });
    const other = many(5, () => ({ engine: 'ears-9' }));
    const versions = [...MADE, corrected, from, past, over, ...other];
    expect(keptAtHand(versions)).toContain(over);
  });

  test('what any of them was made from, so that nothing loses the correction that it rests on', () => {
    const past = transcript(3, { discards: ['transcript'], madeFrom: 1 });
    const first = edited(MADE[1], 2);
    const kept = keptAtHand([
      ...MADE,
      first,
      draft(2, { madeFrom: 2, ref: 's3://draft-1' }),
      past,
      ...many(4),
    ]);
    for (const version of kept)
      expect(chainOf(version, kept)).toEqual(chainOf(version, [...MADE, first, past, ...kept]));
  });
});
