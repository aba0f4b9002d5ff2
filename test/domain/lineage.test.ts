// The rule of what a pipeline may resume from, one reason at a time, and the versions that are kept at hand for it.
import { describe, expect, test } from 'vitest';
import type { Finding } from '../../src/domain/evidence.ts';
import type { ArtifactVersion } from '../../src/domain/job.ts';
import type { Engines } from '../../src/domain/lifecycle.ts';
import {
  candidates,
  chainOf,
  KEPT_PER_STAGE,
  keptAtHand,
  resumeFrom,
  standingOf,
} from '../../src/domain/lineage.ts';
import { audio, draft, transcript } from './versions.ts';

const BALANCED: Engines = { transcript: 'ears-1', draft: 'pen-1' };
const ALL = [audio(1), transcript(1), draft(1)];

/** Where it leads, and what it passed over, in words. */
function look(
  versions: readonly ArtifactVersion[],
  engines: Engines = BALANCED,
  store: Readonly<Record<string, Finding>> = {},
) {
  const evidence = new Map(Object.entries(store));
  const { version, passedOver } = resumeFrom(versions, {
    engines,
    evidence,
    upTo: 'DRAFT_READY',
    discardEdits: [],
  });
  return {
    to: version ? `${version.stage} ${version.version}` : 'upload',
    over: passedOver.map(({ stage, version, reason }) => `${stage} ${version} ${reason}`),
  };
}

test('a retry resumes from the furthest stage’s newest version', () => {
  expect(look(ALL)).toEqual({ to: 'draft 1', over: [] });
  expect(look(ALL.slice(0, 2))).toEqual({ to: 'transcript 1', over: [] });
  expect(look([...ALL.slice(0, 2), transcript(2)])).toEqual({ to: 'transcript 2', over: [] });
  expect(look(ALL.slice(0, 1))).toEqual({ to: 'audio 1', over: [] });
});

test('without a version that is valid it resumes from the upload', () => {
  expect(look([])).toEqual({ to: 'upload', over: [] });
  expect(look([audio(1, { isComplete: false })])).toEqual({ to: 'upload', over: ['audio 1 incomplete'] });
});

test('no further than it was asked to begin', () => {
  const at = (upTo: 'UPLOADED' | 'AUDIO_READY' | 'TRANSCRIPT_READY') =>
    resumeFrom(ALL, { engines: BALANCED, evidence: new Map(), upTo, discardEdits: [] });
  expect(at('TRANSCRIPT_READY').version).toBe(ALL[1]);
  expect(at('AUDIO_READY').version).toBe(ALL[0]);
  expect(at('UPLOADED')).toEqual({ version: null, passedOver: [] });
});

describe('a version is passed over', () => {
  test('as incomplete when its pipeline never got past the stage', () => {
    expect(look([audio(1), transcript(1, { isComplete: false })])).toEqual({
      to: 'audio 1',
      over: ['transcript 1 incomplete'],
    });
  });

  test('as changed when a later version was written to the same reference, whatever the store says', () => {
    const there = { 's3://transcript-1': { kind: 'found' as const, sizeBytes: 1, sha256: null } };
    const over = transcript(2, { ref: 's3://transcript-1', engine: 'ears-2' });
    expect(look([audio(1), transcript(1), over], BALANCED, there)).toEqual({
      to: 'audio 1',
      over: ['transcript 2 engine_differs', 'transcript 1 changed'],
    });
  });

  test('as missing when the store has no such file', () => {
    expect(look(ALL, BALANCED, { 's3://draft-1': { kind: 'missing' } })).toEqual({
      to: 'transcript 1',
      over: ['draft 1 missing'],
    });
  });

  test('as changed when the store has a file of another size, or of another digest where both are known', () => {
    const found = (sizeBytes: number, sha256: string | null): Finding => ({
      kind: 'found',
      sizeBytes,
      sha256,
    });
    const known = transcript(1, { sizeBytes: 10, digest: `sha-256:${'a'.repeat(64)}` });
    const to = (finding: Finding) => look([audio(1), known], BALANCED, { [known.ref]: finding });
    expect(to(found(9, null)).over).toEqual(['transcript 1 changed']);
    expect(to(found(10, 'b'.repeat(64))).over).toEqual(['transcript 1 changed']);
    expect(to(found(10, 'a'.repeat(64))).over).toEqual([]);
    expect(to(found(10, null)).over).toEqual([]);
    const unknown = look([transcript(1)], {}, { 's3://transcript-1': found(9, 'b'.repeat(64)) });
    expect(unknown.to).toBe('transcript 1');
  });

  test('as engine_differs when another engine than the profile names made it', () => {
    expect(look(ALL, { ...BALANCED, draft: 'pen-2' })).toEqual({
      to: 'transcript 1',
      over: ['draft 1 engine_differs'],
    });
  });

  test('as engine_differs when another engine made what it was made from', () => {
    expect(look(ALL, { ...BALANCED, transcript: 'ears-2' })).toEqual({
      to: 'audio 1',
      over: ['draft 1 engine_differs', 'transcript 1 engine_differs'],
    });
  });

  test('as engine_differs when nobody knows which engine made it, or what it was made from', () => {
    expect(look([audio(1), transcript(1, { engine: null })]).over).toEqual(['transcript 1 engine_differs']);
    expect(look([audio(1), transcript(1), draft(1, { madeFrom: null })]).over).toEqual([
      'draft 1 engine_differs',
    ]);
  });
});

test('a store that has nothing to say, or did not answer, speaks against nothing', () => {
  for (const kind of ['unavailable', 'unchecked'] as const) {
    expect(look(ALL, BALANCED, { 's3://draft-1': { kind } })).toEqual({ to: 'draft 1', over: [] });
  }
  expect(look(ALL, BALANCED, { 's3://another': { kind: 'missing' } }).to).toBe('draft 1');
});

test('a file that is gone of what a version was made from speaks against nothing', () => {
  expect(look(ALL, BALANCED, { 's3://audio-1': { kind: 'missing' } }).to).toBe('draft 1');
});

test('a stage that the profile names no engine for takes any, also an unknown one', () => {
  const versions = [audio(1), transcript(1, { engine: null }), draft(1, { engine: 'pen-9' })];
  expect(look(versions, {})).toEqual({ to: 'draft 1', over: [] });
  expect(look(versions, { draft: 'pen-9' })).toEqual({ to: 'draft 1', over: [] });
});

test('the engine of a stage behind a version does not matter to it', () => {
  expect(look([audio(1), transcript(1)], { ...BALANCED, draft: 'pen-2' }).to).toBe('transcript 1');
  expect(look([audio(1)], { transcript: 'ears-2', draft: 'pen-2' }).to).toBe('audio 1');
});

test('going back to the first profile finds its own old transcript, although a newer one exists', () => {
  const versions = [audio(1), transcript(1), transcript(2, { engine: 'ears-2' })];
  expect(look(versions)).toEqual({ to: 'transcript 1', over: ['transcript 2 engine_differs'] });
  expect(look(versions, { transcript: 'ears-2' })).toEqual({ to: 'transcript 2', over: [] });
});

test('a draft is judged by the transcript that it was made from, not by the newest', () => {
  const versions = [...ALL, transcript(2, { engine: 'ears-2' })];
  expect(look(versions).to).toBe('draft 1');
  expect(look(versions, { transcript: 'ears-2', draft: 'pen-1' }).to).toBe('transcript 2');
});

test('a chain goes from the version back to the audio, as far as it is known, and has no other versions in it', () => {
  const versions = [audio(1), audio(2), transcript(1, { madeFrom: 2 }), transcript(2), draft(1)];
  const [, second, first, , made] = versions;
  expect(made && chainOf(made, versions)).toEqual([second, first, made]);
  const orphan = draft(2, { madeFrom: null });
  expect(chainOf(orphan, [...versions, orphan])).toEqual([orphan]);
  const lost = draft(3, { madeFrom: 9 });
  expect(chainOf(lost, [...versions, lost])).toEqual([lost]);
});

test('the store is asked about nothing that is passed over anyway, and about all else in the order of the rule', () => {
  const versions = [...ALL, transcript(2, { engine: 'ears-2' }), draft(2, { isComplete: false })];
  const asked = candidates(versions, { engines: BALANCED, upTo: 'DRAFT_READY', discardEdits: [] });
  expect(asked.map(({ stage, version }) => `${stage} ${version}`)).toEqual([
    'draft 1',
    'transcript 1',
    'audio 1',
  ]);
  const upToAudio = candidates(versions, { engines: BALANCED, upTo: 'AUDIO_READY', discardEdits: [] });
  expect(upToAudio).toEqual([ALL[0]]);
});

test('a version stands as complete, incomplete, or overwritten', () => {
  const versions = [audio(1), audio(2, { ref: 's3://audio-1' }), audio(3, { isComplete: false })];
  expect(versions.map((version) => standingOf(version, versions))).toEqual([
    'overwritten',
    'complete',
    'incomplete',
  ]);
});

describe('at hand are kept', () => {
  const many = Array.from({ length: KEPT_PER_STAGE + 4 }, (_, index) => index + 1);

  test('all, while there are few', () => {
    expect(keptAtHand(ALL)).toBe(ALL);
  });

  test('of each stage the newest, and no more', () => {
    const kept = keptAtHand(many.map((n) => audio(n)));
    expect(kept.map(({ version }) => version)).toEqual(many.slice(-KEPT_PER_STAGE));
  });

  test('complete ones whatever a pipeline names that is not: of those the newest alone', () => {
    const parts = many.map((n) => transcript(n + 1, { ref: `s3://part-${n}`, isComplete: false }));
    const kept = keptAtHand([audio(1), transcript(1), ...parts]);
    expect(kept).toEqual([audio(1), transcript(1), parts.at(-1)]);
    expect(look(kept).to).toBe('transcript 1');
  });

  test('what the kept ones were made from, however old', () => {
    const versions = [...many.map((n) => audio(n)), transcript(1, { madeFrom: 2 }), draft(1)];
    const kept = keptAtHand(versions);
    expect(kept.map(({ stage, version }) => `${stage} ${version}`)).toEqual([
      'audio 2',
      ...many.slice(-KEPT_PER_STAGE).map((n) => `audio ${n}`),
      'transcript 1',
      'draft 1',
    ]);
    expect(look(kept).to).toBe('draft 1');
  });

  test('what has overwritten any of them: it does not look as good as new once that is old too', () => {
    const newer = (n: number, ref = `s3://newer-${n}`) => transcript(n, { ref, engine: 'ears-2' });
    const overwriting = newer(2, 's3://transcript-1');
    const kept = keptAtHand([...ALL, overwriting, ...many.slice(2).map((n) => newer(n))]);
    expect(kept).toContain(overwriting);
    const { to, over } = look(kept, { ...BALANCED, draft: 'pen-2' });
    expect(over.at(-1)).toBe('transcript 1 changed');
    expect(to).toBe('audio 1');
  });

  test('never more than a bound, whatever is made of what', () => {
    const versions = Array.from({ length: 40 * KEPT_PER_STAGE }, (_, index) => {
      const n = Math.floor(index / 3) + 1;
      const ref = `s3://${index % 7}`;
      const made = [
        audio(n, { ref }),
        transcript(n, { ref, madeFrom: (n * 7) % 13 }),
        draft(n, { madeFrom: n - 9 }),
      ];
      return made[index % 3] ?? audio(n);
    });
    expect(keptAtHand(versions).length).toBeLessThanOrEqual(12 * KEPT_PER_STAGE);
    expect(keptAtHand(keptAtHand(versions))).toEqual(keptAtHand(versions));
  });
});
