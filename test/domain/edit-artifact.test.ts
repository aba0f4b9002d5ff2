// An editor corrects an artifact: when it is taken, what it makes, and whom it silences.
import { describe, expect, test } from 'vitest';
import type { EditArtifact } from '../../src/domain/commands.ts';
import type { Decision } from '../../src/domain/decision.ts';
import type { Finding } from '../../src/domain/evidence.ts';
import { callback, cancel, delivered, editArtifact, NO_ARTIFACTS, redo, retry } from './builders.ts';
import { finishedJob } from './finished.ts';
import type { MemoryJob } from './memory-job.ts';

const refusal = (decision: Decision) => (decision.kind === 'rejected' ? decision.rejection : decision.kind);
const correct = (job: MemoryJob, patch: Partial<EditArtifact> = {}, now = 1_000) =>
  job.execute(editArtifact(patch), now);
const found = (sizeBytes: number, sha256: string | null = null) =>
  new Map<string, Finding>([['s3://media/corrected.json', { kind: 'found', sizeBytes, sha256 }]]);

describe('a correction', () => {
  test('is one more version, made from what the corrected one was made from; status and progress stay', () => {
    const job = finishedJob();
    const before = job.job;
    const decision = correct(job);
    expect(decision).toMatchObject({
      kind: 'accepted',
      edit: {
        ...{
          stage: 'transcript',
          version: 2,
          ref: 's3://media/corrected.json',
          madeFrom: 1,
          isComplete: true,
        },
        madeBy: { kind: 'editor', actorId: 'alice', edits: 1 },
      },
    });
    expect(job.job.versions).toEqual([...before.versions, decision.kind === 'accepted' && decision.edit]);
    expect(job.job).toMatchObject({ status: before.status, progressPct: before.progressPct });
    expect(job.job.manifest.transcriptUri).toBe('s3://media/corrected.json');
  });

  test('leaves an entry in the audit trail with who did it', () => {
    const job = finishedJob();
    correct(job, { actorId: 'bob', correlationId: 'req_9' });
    expect(job.state.transitions.at(-1)).toMatchObject({
      ...{ eventType: 'artifact_edited', actor: 'editor', actorId: 'bob', correlationId: 'req_9' },
      ...{ prevStatus: 'DRAFT_READY', newStatus: 'DRAFT_READY' },
    });
  });

  test('says of size and digest what its editor says, else what the store has', () => {
    const sha = 'a'.repeat(64);
    const made = (patch: Partial<EditArtifact>) => {
      const decision = correct(finishedJob(), patch);
      return decision.kind === 'accepted' ? [decision.edit?.sizeBytes, decision.edit?.digest] : decision;
    };
    expect(made({})).toEqual([null, null]);
    expect(made({ evidence: found(7, sha) })).toEqual([7, `sha-256:${sha}`]);
    expect(made({ evidence: found(7), digest: 'md5:1' })).toEqual([7, 'md5:1']);
    expect(made({ sizeBytes: 7 })).toEqual([7, null]);
  });

  test('that is repeated is answered with what it made, also when the job was cancelled since; with something else it is refused', () => {
    const job = finishedJob();
    const first = correct(job);
    const edit = first.kind === 'accepted' && first.edit;
    expect(correct(job)).toMatchObject({ kind: 'replayed', edit });
    expect(refusal(correct(job, { uri: 's3://another' }))).toMatchObject({
      code: 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH',
    });
    job.execute(cancel(), 2_000);
    expect(correct(job)).toMatchObject({ kind: 'replayed', edit });
    expect(job.state.edits.length).toBe(1);
  });

  test('of two of one version the second is refused, with what the first has made', () => {
    const job = finishedJob();
    correct(job);
    const second = refusal(correct(job, { clientRequestId: 'other', uri: 's3://other' }));
    expect(second).toMatchObject({ code: 'ARTIFACT_VERSION_CONFLICT', submitted: 1, newest: { version: 2 } });
  });

  test('is of what counts as well as of the newest, and of nothing else', () => {
    const job = finishedJob();
    correct(job);
    job.execute(redo('dsp_2'), 1_100);
    const another = { ...NO_ARTIFACTS, transcriptUri: 's3://of-nobody' };
    job.execute(callback('dsp_2', 'REGENERATING', { occurredAt: 1_200, artifacts: another }), 1_200);
    job.execute(callback('dsp_2', 'DRAFT_READY', { occurredAt: 1_300 }), 1_300);
    const of = (edits: number) => refusal(job.would(editArtifact({ clientRequestId: 'x', edits }), 2_000));
    expect([1, 2, 3, 4].map(of)).toEqual([
      expect.objectContaining({ code: 'ARTIFACT_VERSION_CONFLICT' }),
      ...['accepted', 'accepted'],
      expect.objectContaining({ code: 'ARTIFACT_VERSION_CONFLICT' }),
    ]);
  });

  test('is refused of a file that is not there, or is not as it is said to be', () => {
    const missing = new Map<string, Finding>([['s3://media/corrected.json', { kind: 'missing' }]]);
    const job = finishedJob();
    expect(refusal(correct(job, { evidence: missing }))).toMatchObject({
      ...{ code: 'ARTIFACT_NOT_FOUND', reason: 'missing' },
    });
    expect(refusal(correct(job, { evidence: found(7), sizeBytes: 8 }))).toMatchObject({
      ...{ code: 'ARTIFACT_NOT_FOUND', reason: 'changed' },
    });
    for (const kind of ['unavailable', 'unchecked'] as const) {
      const evidence = new Map<string, Finding>([['s3://media/corrected.json', { kind }]]);
      expect(finishedJob().would(editArtifact({ evidence }), 1_000).kind).toBe('accepted');
    }
  });

  test('is refused while a pipeline is at work or about to be, and once the job has ended', () => {
    const job = finishedJob();
    job.execute(redo('dsp_2'), 1_100);
    expect(refusal(correct(job))).toMatchObject({ code: 'JOB_ALREADY_RUNNING', dispatchId: 'dsp_2' });
    job.execute(delivered('dsp_2'), 1_200);
    expect(refusal(correct(job))).toMatchObject({ code: 'JOB_ALREADY_RUNNING' });
    job.execute(callback('dsp_2', 'REGENERATING', { occurredAt: 1_300 }), 1_300);
    expect(refusal(correct(job))).toMatchObject({ code: 'JOB_ALREADY_RUNNING' });
    job.execute(cancel(), 1_400);
    expect(refusal(correct(job))).toMatchObject({ code: 'ARTIFACT_NOT_EDITABLE', reason: 'status' });
  });

  test('is refused of a stage that was never made', () => {
    const job = finishedJob(['audioUri', 'draftUri']);
    expect(refusal(correct(job))).toMatchObject({ code: 'ARTIFACT_NOT_EDITABLE', reason: 'never_made' });
    expect(correct(job, { stage: 'draft' }).kind).toBe('accepted');
  });
});

describe('after a correction', () => {
  test('a settled pipeline from before it has no more to say; one that was dispatched since has', () => {
    const job = finishedJob();
    correct(job);
    const late = job.would(callback('dsp_run', 'EXPORTING', { occurredAt: 1_100 }), 1_100);
    expect(refusal(late)).toMatchObject({ code: 'DISPATCH_NOT_CURRENT', dispatchId: 'dsp_run' });
    job.execute(redo('dsp_2'), 1_000);
    expect(job.execute(callback('dsp_2', 'REGENERATING', { occurredAt: 1_100 }), 1_100).kind).toBe(
      'accepted',
    );
  });

  test('a failed one has no more to say either, whatever the clock does', () => {
    const job = finishedJob();
    job.execute(callback('dsp_run', 'FAILED', { occurredAt: 900 }), 900);
    correct(job, {}, 1);
    const repeat = job.would(callback('dsp_run', 'FAILED', { occurredAt: 950 }), 950);
    expect(refusal(repeat)).toMatchObject({ code: 'DISPATCH_NOT_CURRENT' });
    job.execute(retry('dsp_2'), 1);
    expect(job.job.latestDispatchAt ?? 0).toBeGreaterThan(job.job.latestEditAt ?? 0);
  });
});
