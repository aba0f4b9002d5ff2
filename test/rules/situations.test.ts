// What was seen too seldom is said; a situation is known by what became of the job.
import { expect, test } from 'vitest';
import { AUDIO, call, done, entry, keptCase, RETRY, RUN, report, toCase } from './kept.ts';
import {
  leastSightings,
  RARE_SITUATIONS,
  SITUATIONS,
  Sightings,
  situationsOf,
  tooSeldomInAll,
} from './situations.ts';

test('a job was in the situations that its trail, its dispatches and its calls show', () => {
  expect([...situationsOf(toCase(keptCase()))].sort()).toEqual([
    'a pipeline failed',
    'a pipeline failed in AUDIO_READY',
    'a pipeline settled',
    'a pipeline was withdrawn',
    'a retry from AUDIO_READY reported first what it does next',
    'a retry from AUDIO_READY was made',
    'a stage was kept: resume_point',
    'a stage was made again: never_made',
  ]);
});

test('a retry that went back, a policy that changed, a changed file and an early artifact are seen in what was planned and reported', () => {
  const kept = keptCase();
  const [run, , retry] = kept.dispatches;
  if (!run || !retry) throw new Error('a run and a retry');
  const newer = { ...report(RUN, 'AUDIO_READY', 6, 's3://artifacts/audio-2'), status: 'TRANSCRIBING' };
  kept.reports.splice(2, 0, newer);
  for (const early of kept.reports.slice(0, 1)) early.artifacts = { AUDIO_READY: AUDIO };
  run.engines = { transcript: 'ears-0', draft: 'pen-1' };
  retry.plan = {
    ...{ asked: null, discards: [], discarded: [] },
    stages: [
      { stage: 'audio', action: 'redo', engine: null, reason: 'changed' },
      { stage: 'transcript', action: 'redo', engine: 'ears-1', reason: 'asked' },
    ],
  };
  const seen = situationsOf({ ...toCase(kept), lost: ['s3://artifacts/audio-2'] });
  expect(seen).toContain('a retry went back to an older version');
  expect(seen).toContain('a policy changed between dispatches');
  expect(seen).toContain('a changed file was passed over');
  expect(seen).toContain('a stage was made again: asked');
  expect(seen).toContain('an artifact came early');
  expect(seen).toContain('an early artifact was resumed from');
});

test('an abandoned pipeline is told from a cancelled one, and a restated checkpoint from progress', () => {
  const kept = keptCase();
  for (const run of kept.dispatches.slice(0, 1)) run.state = 'CANCELLED';
  kept.trail.splice(3, 1, entry('editor', 'AUDIO_READY', 'FAILED', RUN));
  kept.trail.splice(4, 0, entry('orchestrator', 'FAILED', 'AUDIO_READY', RETRY));
  kept.calls.push(call('abandon', 8, done({})), call('abandon', 8.5, done({})));
  const seen = situationsOf(toCase(kept));
  expect(seen).toContain('a pipeline was abandoned');
  expect(seen).toContain('an abandonment was repeated');
  expect(seen).toContain('a retry from AUDIO_READY reported first where it begins');
  expect(seen).not.toContain('a pipeline was cancelled');
});

test('what was seen too seldom is said, and nothing is counted that is not looked for', () => {
  const [often = '', seldom = '', ...rest] = SITUATIONS;
  const [rare = ''] = RARE_SITUATIONS;
  const sightings = new Sightings([often, seldom, rare]);
  sightings.add([often, seldom, ...rest]);
  sightings.add([often]);
  expect(sightings.counts).toEqual({ [often]: 2, [seldom]: 1, [rare]: 0 });
  expect(sightings.tooSeldom(2)).toEqual([seldom, rare]);
  sightings.add([rare, seldom]);
  expect(sightings.tooSeldom(2)).toEqual([]);
});

test('by its own seed a suite asks for each situation in its share of the runs, by another for none', () => {
  expect([leastSightings(5, undefined), leastSightings(5, '7')]).toEqual([5, 0]);
});

test('in the runs of many seeds together each situation has half its share at least, a rare one has come up', () => {
  const [often = '', seldom = ''] = SITUATIONS;
  const [rare = ''] = RARE_SITUATIONS;
  expect(tooSeldomInAll({ [often]: 5, [seldom]: 4, [rare]: 1 }, 9)).toEqual([seldom]);
  expect(tooSeldomInAll({ [often]: 5, [seldom]: 5, [rare]: 0 }, 9)).toEqual([rare]);
  expect(tooSeldomInAll({ [often]: 0, [rare]: 0 }, 0)).toEqual([]);
});
