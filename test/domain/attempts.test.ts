// What became of a dispatch, folded from the history of its reports.
import { expect, test } from 'vitest';
import {
  attemptOf,
  lastDurations,
  type Past,
  type PastMove,
  stageRunsOf,
} from '../../src/domain/attempts.ts';
import type { Status } from '../../src/domain/lifecycle.ts';
import { failedJob } from './builders.ts';
import { audio, transcript } from './versions.ts';

const [dispatch] = failedJob().state.dispatches;
if (!dispatch) throw new Error('a job that failed had a run');

/** `from > to at`. */
function move(text: string): PastMove {
  const [from, , to, at] = text.split(' ');
  return { prevStatus: from as Status, status: to as Status, recordedAt: Number(at) };
}
const runsOf = (...moves: string[]) => stageRunsOf(moves.map(move));
const stagesOf = (...moves: string[]) =>
  runsOf(...moves).map(
    ({ stage, startedAt, endedAt, outcome }) => `${stage} ${startedAt} ${endedAt} ${outcome}`,
  );
const NOTHING: Past = { trail: [], metrics: [], versions: [] };

test('a stage begins when its pipeline is at work on it, and ends when the next status is reported', () => {
  expect(
    stagesOf(
      'UPLOADED > AUDIO_EXTRACTING 10',
      'AUDIO_EXTRACTING > AUDIO_READY 30',
      'AUDIO_READY > TRANSCRIBING 40',
      'TRANSCRIBING > TRANSCRIPT_READY 90',
      'TRANSCRIPT_READY > GENERATING 95',
      'GENERATING > DRAFT_READY 99',
    ),
  ).toEqual(['audio 10 30 reached', 'transcript 40 90 reached', 'draft 95 99 reached']);
});

test('a stage that is at work has no end, and one that failed or was cancelled ends so', () => {
  const begun = ['AUDIO_READY > TRANSCRIBING 40'];
  expect(stagesOf(...begun)).toEqual(['transcript 40 null null']);
  expect(stagesOf(...begun, 'TRANSCRIBING > FAILED 50')).toEqual(['transcript 40 50 failed']);
  expect(stagesOf(...begun, 'TRANSCRIBING > CANCELLED 50')).toEqual(['transcript 40 50 cancelled']);
});

test('a sign of life begins and ends nothing', () => {
  expect(
    stagesOf(
      'AUDIO_READY > TRANSCRIBING 40',
      'TRANSCRIBING > TRANSCRIBING 45',
      'TRANSCRIBING > TRANSCRIPT_READY 90',
    ),
  ).toEqual(['transcript 40 90 reached']);
});

test('a retry begins with what it does first; that it restates its checkpoint, or fails before it began, is no stage', () => {
  expect(stagesOf('FAILED > AUDIO_READY 10', 'AUDIO_READY > TRANSCRIBING 20')).toEqual([
    'transcript 20 null null',
  ]);
  expect(stagesOf('FAILED > GENERATING 10', 'GENERATING > FAILED 20')).toEqual(['draft 10 20 failed']);
  expect(stagesOf('FAILED > FAILED 10')).toEqual([]);
});

test('a draft that is made again by the same pipeline is one more stage', () => {
  expect(
    stagesOf('GENERATING > DRAFT_READY 10', 'DRAFT_READY > REGENERATING 20', 'REGENERATING > DRAFT_READY 50'),
  ).toEqual(['draft 20 50 reached']);
});

test('it made what its reports made, and measured the last of each name that they measured', () => {
  const { versions, metrics, stages } = attemptOf(dispatch, {
    trail: [move('UPLOADED > AUDIO_EXTRACTING 10')],
    metrics: [
      { seconds: 1, model: 'a' },
      { seconds: 2, ok: true },
    ],
    versions: [audio(1), transcript(3)],
  });
  expect(stages).toHaveLength(1);
  expect(versions).toEqual([
    { stage: 'audio', version: 1 },
    { stage: 'transcript', version: 3 },
  ]);
  expect(metrics).toEqual({ seconds: 2, model: 'a', ok: true });
});

test('of a dispatch that was never heard of there is nothing', () => {
  expect(attemptOf(dispatch, NOTHING)).toEqual({ dispatch, stages: [], versions: [], metrics: {} });
});

test('a stage took as long as it took the last time that it was reached, whatever became of it since', () => {
  const older = runsOf(
    'UPLOADED > AUDIO_EXTRACTING 10',
    'AUDIO_EXTRACTING > AUDIO_READY 30',
    'AUDIO_READY > TRANSCRIBING 40',
    'TRANSCRIBING > TRANSCRIPT_READY 90',
  );
  const newer = runsOf(
    'FAILED > AUDIO_EXTRACTING 100',
    'AUDIO_EXTRACTING > AUDIO_READY 105',
    'AUDIO_READY > TRANSCRIBING 110',
    'TRANSCRIBING > FAILED 400',
  );
  expect(lastDurations([newer, older])).toEqual({ audio: 5, transcript: 50 });
  const twice = runsOf(
    'DRAFT_READY > REGENERATING 10',
    'REGENERATING > DRAFT_READY 20',
    'DRAFT_READY > REGENERATING 30',
    'REGENERATING > EDITING 33',
  );
  expect(lastDurations([twice])).toEqual({ draft: 3 });
});

test('names of metrics that go on for ever are kept no further than an answer has room, the newest first', () => {
  const reported = Array.from({ length: 1_000 }, (_, report) =>
    Object.fromEntries(Array.from({ length: 64 }, (_, n) => [`chunk_${report}_${n}`, report])),
  );
  const { metrics } = attemptOf(dispatch, { ...NOTHING, metrics: reported });
  expect(Object.keys(metrics)).toHaveLength(256);
  expect(metrics).toMatchObject({ chunk_999_0: 999, chunk_996_63: 996 });
});
