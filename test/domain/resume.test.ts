import { expect, test } from 'vitest';
import type { Checkpoint } from '../../src/domain/job.ts';
import type { CheckpointStatus } from '../../src/domain/lifecycle.ts';
import { resumePoint } from '../../src/domain/resume.ts';

const checkpoint = (status: CheckpointStatus, ref: string): Checkpoint => ({
  status,
  ref,
  dispatchId: 'dsp_1',
  modelProfile: 'balanced',
  policyVersion: 'v1',
  engine: null,
  recordedAt: 1,
  digest: null,
  sizeBytes: null,
});
const manifest = { videoUri: 's3://v', audioUri: null, transcriptUri: null, draftUri: null, exports: {} };
const [audio, transcript, draft] = [
  checkpoint('AUDIO_READY', 's3://a'),
  checkpoint('TRANSCRIPT_READY', 's3://t'),
  checkpoint('DRAFT_READY', 's3://d'),
];

test('a retry resumes from the furthest checkpoint', () => {
  const all = { AUDIO_READY: audio, TRANSCRIPT_READY: transcript, DRAFT_READY: draft };
  expect(resumePoint({ manifest, checkpoints: all })).toEqual({ status: 'DRAFT_READY', ref: 's3://d' });
  expect(
    resumePoint({ manifest, checkpoints: { AUDIO_READY: audio, TRANSCRIPT_READY: transcript } }),
  ).toEqual({
    status: 'TRANSCRIPT_READY',
    ref: 's3://t',
  });
  expect(resumePoint({ manifest, checkpoints: { AUDIO_READY: audio } })).toEqual({
    status: 'AUDIO_READY',
    ref: 's3://a',
  });
});

test('an artifact that is in the manifest but was never a checkpoint is not resumed from', () => {
  expect(resumePoint({ manifest: { ...manifest, draftUri: 's3://early' }, checkpoints: {} })).toEqual({
    status: 'UPLOADED',
    ref: 's3://v',
  });
});

test('without a checkpoint it resumes from the video, and without a video from nowhere', () => {
  expect(resumePoint({ manifest, checkpoints: {} })).toEqual({ status: 'UPLOADED', ref: 's3://v' });
  expect(resumePoint({ manifest: { ...manifest, videoUri: null }, checkpoints: {} })).toBeNull();
});
