// What became of a dispatch, folded from the history of its reports.
import { expect, test } from 'vitest';
import { attemptOf, lastDurations, type PastEntry } from '../../src/domain/attempts.ts';
import type { Status } from '../../src/domain/lifecycle.ts';
import { failedJob } from './builders.ts';
import { audio, transcript } from './versions.ts';

const [dispatch] = failedJob().state.dispatches;
if (!dispatch) throw new Error('a job that failed had a run');

/** `from > to at`, or `in status at` for an entry that changed none. */
function entry(text: string, more: Partial<PastEntry> = {}): PastEntry {
  const [from, , to, at] = text.split(' ');
  return {
    prevStatus: from === 'in' ? null : (from as Status),
    status: to as Status,
    recordedAt: Number(at),
    metrics: {},
    versions: [],
    ...more,
  };
}
const stagesOf = (...entries: string[]) =>
  attemptOf(
    dispatch,
    entries.map((text) => entry(text)),
  ).stages.map(({ stage, startedAt, endedAt, outcome }) => `${stage} ${startedAt} ${endedAt} ${outcome}`);

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

test('a sign of life and a report that changed no status begin and end nothing', () => {
  expect(
    stagesOf(
      'AUDIO_READY > TRANSCRIBING 40',
      'TRANSCRIBING > TRANSCRIBING 45',
      'in > TRANSCRIBING 47',
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
  const { versions, metrics } = attemptOf(dispatch, [
    entry('in > AUDIO_READY 1', { versions: [audio(1)], metrics: { seconds: 1, model: 'a' } }),
    entry('in > TRANSCRIBING 2', { versions: [transcript(3)], metrics: { seconds: 2, ok: true } }),
  ]);
  expect(versions).toEqual([
    { stage: 'audio', version: 1 },
    { stage: 'transcript', version: 3 },
  ]);
  expect(metrics).toEqual({ seconds: 2, model: 'a', ok: true });
});

test('of a dispatch that was never heard of there is nothing', () => {
  expect(attemptOf(dispatch, [])).toEqual({ dispatch, stages: [], versions: [], metrics: {} });
});

test('a stage took as long as it took the last time that it was reached, whatever became of it since', () => {
  const older = attemptOf(dispatch, [
    entry('UPLOADED > AUDIO_EXTRACTING 10'),
    entry('AUDIO_EXTRACTING > AUDIO_READY 30'),
    entry('AUDIO_READY > TRANSCRIBING 40'),
    entry('TRANSCRIBING > TRANSCRIPT_READY 90'),
  ]);
  const newer = attemptOf(dispatch, [
    entry('FAILED > AUDIO_EXTRACTING 100'),
    entry('AUDIO_EXTRACTING > AUDIO_READY 105'),
    entry('AUDIO_READY > TRANSCRIBING 110'),
    entry('TRANSCRIBING > FAILED 400'),
  ]);
  expect(lastDurations([newer, older])).toEqual({ audio: 5, transcript: 50 });
  const twice = attemptOf(dispatch, [
    entry('DRAFT_READY > REGENERATING 10'),
    entry('REGENERATING > DRAFT_READY 20'),
    entry('DRAFT_READY > REGENERATING 30'),
    entry('REGENERATING > EDITING 33'),
  ]);
  expect(lastDurations([twice])).toEqual({ draft: 3 });
});
