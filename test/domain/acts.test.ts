// A draft made again and an export: where they begin, how they end, and what a retry goes on with.
import { describe, expect, test } from 'vitest';
import type { Decision } from '../../src/domain/decision.ts';
import {
  abandon,
  callback,
  deadline,
  delivered,
  editArtifact,
  exportDraft,
  NO_ARTIFACTS,
  redo,
  retry,
  undelivered,
} from './builders.ts';
import { finishedJob } from './finished.ts';
import { type MemoryJob, RULES } from './memory-job.ts';

const refusal = (decision: Decision) => (decision.kind === 'rejected' ? decision.rejection : decision.kind);
const report = (job: MemoryJob, ...[id, status, patch]: Parameters<typeof callback>) => {
  const now = job.job.updatedAt + 1;
  return job.execute(callback(id, status, { occurredAt: now, ...patch }), now);
};
const naming = (refs: Partial<typeof NO_ARTIFACTS>) => ({ artifacts: { ...NO_ARTIFACTS, ...refs } });
const dispatchOf = (decision: Decision) => (decision.kind === 'accepted' ? decision.dispatch : null);
const formats = { kind: 'export' as const, formats: ['pdf', 'docx'], params: '{"paper":"A4"}' };

describe('a redo', () => {
  test('begins behind the transcript at the furthest, and has nothing to do where it is to keep the draft', () => {
    const job = finishedJob();
    expect(dispatchOf(job.would(redo('dsp_2'), 1_000))).toMatchObject({
      resumeFromStatus: 'TRANSCRIPT_READY',
    });
    expect(refusal(job.would(redo('dsp_2', { resumeFrom: 'DRAFT_READY' }), 1_000))).toEqual({
      code: 'NOTHING_TO_REDO',
    });
  });

  test('leaves the job as it was until its pipeline is heard of, and the draft of before for good', () => {
    const job = finishedJob();
    const before = job.job;
    job.execute(redo('dsp_2'), 1_000);
    job.execute(delivered('dsp_2'), 1_100);
    expect(job.job).toMatchObject({ status: 'DRAFT_READY', revision: before.revision });
    report(job, 'dsp_2', 'REGENERATING');
    report(job, 'dsp_2', 'DRAFT_READY', naming({ draftUri: 's3://d2' }));
    expect(job.job.versions.map(({ ref }) => ref)).toEqual(['s3://a', 's3://t', 's3://d', 's3://d2']);
  });

  test('that is never heard of, or could not be delivered, leaves a job that rests as it was', () => {
    for (const lost of [
      (job: MemoryJob) => job.execute(delivered('dsp_2'), 1_100),
      (job: MemoryJob) => job.execute(undelivered('dsp_2'), 60_900),
    ]) {
      const job = finishedJob();
      const { status, revision, unfinishedTask } = job.job;
      job.execute(redo('dsp_2'), 1_000);
      lost(job);
      job.execute(deadline(), 1_100 + RULES.ackTimeoutMs);
      expect(job.job).toMatchObject({ status, revision, unfinishedTask, openDispatchId: null });
    }
  });

  test('that fails before anything was heard of it has completed nothing', () => {
    const job = finishedJob();
    job.execute(redo('dsp_2'), 1_000);
    report(job, 'dsp_2', 'FAILED', naming({ draftUri: 's3://half' }));
    expect(job.job.versions.at(-1)).toMatchObject({ ref: 's3://half', isComplete: false });
  });

  test.each([
    ['TRANSCRIBING', false],
    ['GENERATING', true],
    ['REGENERATING', true],
    ['somewhere', true],
  ])(
    'that says that it failed in %s: the transcript that it names then is complete: %s',
    (failedStage, isComplete) => {
      const job = finishedJob();
      job.execute(redo('dsp_2', { resumeFrom: 'AUDIO_READY' }), 1_000);
      report(job, 'dsp_2', 'REGENERATING');
      const said = { failureCode: 'CRASHED', failureMessage: null, failureClass: null, retryAfterMs: null };
      report(job, 'dsp_2', 'FAILED', {
        ...naming({ transcriptUri: 's3://t2' }),
        failure: { ...said, failedStage },
      });
      expect(job.job.versions.at(-1)).toMatchObject({ ref: 's3://t2', isComplete });
    },
  );

  test('that failed, or was abandoned, is gone on with by a retry, which gets the draft of before where it asks for that', () => {
    for (const end of [
      (job: MemoryJob) => report(job, 'dsp_2', 'FAILED'),
      (job: MemoryJob) => job.execute(abandon(), 1_500),
    ]) {
      const job = finishedJob();
      job.execute(redo('dsp_2'), 1_000);
      report(job, 'dsp_2', 'REGENERATING');
      end(job);
      const again = (patch: Parameters<typeof retry>[1]) =>
        dispatchOf(job.would(retry('dsp_3', patch), 2_000));
      expect(again({})).toMatchObject({ task: { kind: 'redraft' }, resumeFromStatus: 'TRANSCRIPT_READY' });
      expect(again({ resumeFrom: 'DRAFT_READY' })).toMatchObject({ checkpointRef: 's3://d' });
    }
  });

  test('that is given up before it was heard of leaves the job and its draft as they were', () => {
    const job = finishedJob();
    const before = job.job;
    job.execute(redo('dsp_2'), 1_000);
    const decision = job.execute(abandon(), 1_500);
    expect(decision).toMatchObject({ kind: 'accepted', dispatch: { state: 'CANCELLED' } });
    expect({ ...job.job, latestDispatchAt: null }).toEqual({ ...before, latestDispatchAt: null });
    expect(refusal(job.would(abandon(), 1_600))).toMatchObject({ code: 'JOB_NOT_RUNNING' });
  });

  test('that was done is not at work again for a sign of life that comes twice, also where our clock was behind', () => {
    const job = finishedJob();
    job.execute(redo('dsp_2'), 1_000);
    const sign = (eventId: string, occurredAt: number) =>
      callback('dsp_2', 'REGENERATING', { eventId, occurredAt });
    job.execute(sign('a', 91_000), 1_010);
    job.execute(sign('b', 92_000), 1_020);
    job.execute(sign('c', 93_000), 1_030);
    job.execute(callback('dsp_2', 'DRAFT_READY', { eventId: 'd', occurredAt: 94_000 }), 1_040);
    expect(refusal(job.would(sign('b', 92_000), 1_050))).toMatchObject({ code: 'CALLBACK_OUT_OF_ORDER' });
  });

  test('that was done is not gone on with, whatever its pipeline fails of later', () => {
    const job = finishedJob();
    job.execute(redo('dsp_2'), 1_000);
    report(job, 'dsp_2', 'REGENERATING');
    report(job, 'dsp_2', 'DRAFT_READY', naming({ draftUri: 's3://d2' }));
    report(job, 'dsp_2', 'EXPORTING');
    report(job, 'dsp_2', 'FAILED');
    expect(dispatchOf(job.would(retry('dsp_3'), 2_000))).toMatchObject({ checkpointRef: 's3://d2' });
  });
});

describe('an export', () => {
  test('hands on the draft that counts, whoever made it, under the profile of the last pipeline', () => {
    const job = finishedJob();
    job.execute(editArtifact({ stage: 'draft', uri: 's3://mine' }), 900);
    expect(dispatchOf(job.would(exportDraft('dsp_2'), 1_000))).toMatchObject({
      ...{ checkpointRef: 's3://mine', resumeFromStatus: 'DRAFT_READY', modelProfile: 'balanced' },
    });
  });

  test('of a draft that a correction has overtaken is refused, unless the request says that it need not rest on it', () => {
    const job = finishedJob();
    job.execute(editArtifact(), 900);
    expect(refusal(job.would(exportDraft('dsp_2'), 1_000))).toEqual({
      code: 'EDITS_IN_THE_WAY',
      edits: [{ stage: 'transcript', version: 2, reason: 'asked' }],
    });
    const said = dispatchOf(job.would(exportDraft('dsp_2', { discardEdits: ['transcript'] }), 1_000));
    expect(said).toMatchObject({
      checkpointRef: 's3://d',
      plan: { editsDiscarded: [{ stage: 'transcript', version: 2 }] },
    });
  });

  test('without a draft, or with one that is lost, is refused as that, whatever was edited before it', () => {
    const job = finishedJob(['audioUri', 'transcriptUri']);
    job.execute(editArtifact(), 900);
    expect(refusal(job.would(exportDraft('dsp_2'), 1_000))).toEqual({
      ...{ code: 'NOTHING_TO_EXPORT', reason: 'no_draft' },
    });
    const evidence = new Map([['s3://d', { kind: 'missing' as const }]]);
    expect(refusal(finishedJob().would(exportDraft('dsp_2', { evidence }), 1_000))).toEqual({
      ...{ code: 'NOTHING_TO_EXPORT', reason: 'missing' },
    });
  });

  test('that failed is retried with its formats, and so is a retry that had to make the draft again first', () => {
    const job = finishedJob();
    job.execute(exportDraft('dsp_2', { task: formats }), 1_000);
    report(job, 'dsp_2', 'EXPORTING');
    report(job, 'dsp_2', 'FAILED');
    const evidence = new Map([['s3://d', { kind: 'missing' as const }]]);
    const again = job.execute(retry('dsp_3', { evidence }), 2_000);
    expect(dispatchOf(again)).toMatchObject({ task: formats, resumeFromStatus: 'TRANSCRIPT_READY' });
    for (const status of ['GENERATING', 'DRAFT_READY', 'EXPORTING', 'FAILED'] as const)
      report(job, 'dsp_3', status, naming(status === 'DRAFT_READY' ? { draftUri: 's3://d2' } : {}));
    const third = dispatchOf(job.would(retry('dsp_4'), 3_000));
    expect(third).toMatchObject({ task: formats, checkpointRef: 's3://d2' });
  });

  test('that is over is not retried: what fails after it is a draft’s', () => {
    const job = finishedJob();
    job.execute(exportDraft('dsp_2', { task: formats }), 1_000);
    for (const status of ['EXPORTING', 'EDITING', 'EXPORTING', 'FAILED'] as const)
      report(job, 'dsp_2', status);
    expect(dispatchOf(job.would(retry('dsp_3'), 2_000))).toMatchObject({ task: { kind: 'draft' } });
  });

  test('is repeated with the same formats and params, and no others', () => {
    const job = finishedJob();
    job.execute(exportDraft('dsp_2', { task: formats, clientRequestId: 'x' }), 1_000);
    const again = (task: typeof formats) =>
      refusal(job.would(exportDraft('dsp_3', { task, clientRequestId: 'x' }), 1_100));
    expect(again({ ...formats })).toBe('replayed');
    expect(again({ ...formats, formats: ['pdf'] })).toMatchObject({
      code: 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH',
    });
    expect(again({ ...formats, params: '{}' })).toMatchObject({ code: 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH' });
  });
});
