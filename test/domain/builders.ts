// Commands with believable contents, of which a test names only what matters to it.
import type {
  Abandon,
  ArtifactUpdates,
  Callback,
  Cancel,
  ChangeLabels,
  ConfirmUpload,
  Deadline,
  Disown,
  EditArtifact,
  Erase,
  ExportDraft,
  Redo,
  RenewVideo,
  Retry,
  RetryDue,
  Run,
} from '../../src/domain/commands.ts';
import { NO_EVIDENCE } from '../../src/domain/evidence.ts';
import type { ReportableStatus } from '../../src/domain/lifecycle.ts';
import { MemoryJob, OWNER } from './memory-job.ts';

const editor = { owner: OWNER, actorId: 'alice', actorName: 'Alice Adams', correlationId: 'req_1' };
const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
export const NO_ARTIFACTS: ArtifactUpdates = {
  audioUri: null,
  transcriptUri: null,
  draftUri: null,
  exports: {},
  digest: null,
  sizeBytes: null,
  hasMetrics: false,
};

export const confirmUpload = (patch: Partial<ConfirmUpload> = {}): ConfirmUpload => ({
  type: 'confirm-upload',
  videoUri: 's3://media/talk.mp4',
  ...editor,
  ...patch,
});

export const run = (newDispatchId: string, patch: Partial<Run> = {}): Run => ({
  type: 'run',
  modelProfile: null,
  newDispatchId,
  traceparent: trace,
  windowMs: null,
  ...editor,
  ...patch,
});

export const retry = (newDispatchId: string, patch: Partial<Retry> = {}): Retry => ({
  type: 'retry',
  modelProfile: 'balanced',
  clientRequestId: `request-${newDispatchId}`,
  resumeFrom: null,
  discardEdits: [],
  ifMatch: null,
  evidence: NO_EVIDENCE,
  newDispatchId,
  traceparent: trace,
  windowMs: null,
  ...editor,
  ...patch,
});

export const redo = (newDispatchId: string, patch: Partial<Redo> = {}): Redo => ({
  ...retry(newDispatchId),
  ...patch,
  type: 'redo',
});

export const exportDraft = (newDispatchId: string, patch: Partial<ExportDraft> = {}): ExportDraft => ({
  type: 'export',
  clientRequestId: `request-${newDispatchId}`,
  task: { kind: 'export', formats: ['pdf'], params: null },
  discardEdits: [],
  evidence: NO_EVIDENCE,
  newDispatchId,
  traceparent: trace,
  windowMs: null,
  ...editor,
  ...patch,
});

/** Its payload is known by what is said of the artifact. */
export function editArtifact(patch: Partial<EditArtifact> = {}): EditArtifact {
  const said = { stage: 'transcript' as const, uri: 's3://media/corrected.json', edits: 1 };
  const { stage, uri, edits, digest, sizeBytes, ...rest } = {
    ...said,
    digest: null,
    sizeBytes: null,
    ...patch,
  };
  return {
    type: 'edit-artifact',
    clientRequestId: 'correction',
    payloadDigest: JSON.stringify([stage, uri, edits, digest, sizeBytes]),
    evidence: NO_EVIDENCE,
    ...{ stage, uri, edits, digest, sizeBytes },
    ...editor,
    ...rest,
  };
}

export const cancel = (patch: Partial<Cancel> = {}): Cancel => ({
  type: 'cancel',
  deliveryMayHaveStarted: true,
  ...editor,
  ...patch,
});

export const erase = (patch: Partial<Erase> = {}): Erase => ({ type: 'erase', ...editor, ...patch });

export const disown = (patch: Partial<Disown> = {}): Disown => ({
  type: 'disown',
  deliveryMayHaveStarted: true,
  ...patch,
});

export const abandon = (patch: Partial<Abandon> = {}): Abandon => ({
  type: 'abandon',
  deliveryMayHaveStarted: true,
  ...editor,
  ...patch,
});

export const renewVideo = (patch: Partial<RenewVideo> = {}): RenewVideo => ({
  type: 'renew-video',
  videoUri: 's3://media/talk-again.mp4',
  replaces: 's3://media/talk.mp4',
  ...editor,
  ...patch,
});

export const changeLabels = (patch: Partial<ChangeLabels> = {}): ChangeLabels => ({
  type: 'change-labels',
  changes: { metadata: { language: 'de' }, tags: ['urgent'] },
  ifMatch: null,
  etag: '1',
  ...editor,
  ...patch,
});

export const deadline = (patch: Partial<Deadline> = {}): Deadline => ({
  type: 'deadline',
  deliveryMayHaveStarted: false,
  ...patch,
});

export const retryDue = (newDispatchId: string, patch: Partial<RetryDue> = {}): RetryDue => ({
  type: 'retry-due',
  newDispatchId,
  traceparent: trace,
  evidence: NO_EVIDENCE,
  ...patch,
});

let events = 0;
export function callback(
  dispatchId: string,
  status: ReportableStatus,
  patch: Partial<Callback> = {},
): Callback {
  events += 1;
  return {
    type: 'callback',
    dispatchId,
    eventId: `event-${events}`,
    payloadDigest: `digest-${events}`,
    status,
    occurredAt: 1_000,
    correlationId: 'execution-1',
    actor: 'orchestrator',
    artifacts: NO_ARTIFACTS,
    artifactsJson: null,
    progressPct: null,
    failure:
      status === 'FAILED'
        ? {
            failureCode: 'CRASHED',
            failureMessage: 'It broke',
            failedStage: 'TRANSCRIBING',
            failureClass: null,
            retryAfterMs: null,
          }
        : null,
    ...patch,
  };
}

export const delivered = (dispatchId: string) =>
  ({
    type: 'report-delivery',
    dispatchId,
    message: 'dispatch',
    outcome: { kind: 'delivered', executionId: `execution of ${dispatchId}` },
    deliveryMayHaveStarted: false,
  }) as const;

export const undelivered = (dispatchId: string, kind: 'unreachable' | 'unknown' = 'unreachable') =>
  ({
    type: 'report-delivery',
    dispatchId,
    message: 'dispatch',
    outcome: { kind, error: 'no answer', retryAfterMs: null },
    deliveryMayHaveStarted: false,
  }) as const;

/** A job that failed while transcribing, with its audio as the latest checkpoint; its run was "dsp_run". */
export function failedJob(): MemoryJob {
  const job = new MemoryJob();
  job.execute(confirmUpload(), 10);
  job.execute(run('dsp_run'), 20);
  job.execute(delivered('dsp_run'), 30);
  const audio = { ...NO_ARTIFACTS, audioUri: 's3://media/audio-1.wav' };
  job.execute(callback('dsp_run', 'AUDIO_READY', { occurredAt: 100, artifacts: audio }), 40);
  job.execute(callback('dsp_run', 'TRANSCRIBING', { occurredAt: 200 }), 50);
  job.execute(callback('dsp_run', 'FAILED', { occurredAt: 300 }), 60);
  return job;
}
