// What can be asked of a job. Time comes separately; everything else that varies (new ids,
// digests, what the actor knows of deliveries under way) comes in with the command.
import type { Export } from './dispatch.ts';
import type { Evidence } from './evidence.ts';
import type { FailureClass } from './failures.ts';
import type { Failure } from './job.ts';
import type { LabelChanges } from './labels.ts';
import type { EditableStage, ReportableStatus, ResumeStatus, StageName } from './lifecycle.ts';

export interface EditorCommand {
  /** The caller's workspace; anyone but the job's owner is told that there is no such job. */
  owner: string;
  /** The caller in person: the token's `sub`. */
  actorId: string;
  /** What they are called, for people to read; it decides nothing. Absent or null where nobody says. */
  actorName?: string | null;
  correlationId: string;
}

/** What a new dispatch needs, should the command create one. */
interface NewDispatch {
  newDispatchId: string;
  traceparent: string;
  /** How long delivery is tried; null for as long as the rules allow. */
  windowMs: number | null;
  /** The operation that asks on the editor's behalf; absent where they ask for it alone. */
  operationId?: string;
}

export interface ConfirmUpload extends EditorCommand {
  type: 'confirm-upload';
  videoUri: string;
}

export interface Run extends EditorCommand, NewDispatch {
  type: 'run';
  /** Null asks for the policy's default. */
  modelProfile: string | null;
}

/** What can be resumed, under a profile that the caller names. */
interface Resumption extends EditorCommand, NewDispatch {
  modelProfile: string;
  clientRequestId: string;
  /** Where to begin, at the furthest; null for wherever the rule leads. */
  resumeFrom: ResumeStatus | null;
  /** The stages whose edits are looked past, in pipeline order. */
  discardEdits: readonly StageName[];
  /** The tags of plans of which one has to be what is done; null for whatever is to be done now. */
  ifMatch: readonly string[] | null;
  /** What the store says of what may be resumed from. */
  evidence: Evidence;
}

export interface Retry extends Resumption {
  type: 'retry';
}

/** A finished draft is made again. */
export interface Redo extends Resumption {
  type: 'redo';
}

/** The draft is wanted in other forms. */
export interface ExportDraft extends EditorCommand, NewDispatch {
  type: 'export';
  clientRequestId: string;
  /** The stages whose edits the draft need not rest on, in pipeline order. */
  discardEdits: readonly StageName[];
  task: Export;
  /** What the store says of the draft. */
  evidence: Evidence;
}

/** The time of a failed job has come to be retried by itself. */
export interface RetryDue {
  type: 'retry-due';
  newDispatchId: string;
  traceparent: string;
  /** What the store says of what may be resumed from. */
  evidence: Evidence;
}

/** Whatever an editor asks a pipeline for. */
export type Ask = Run | Retry | Redo | ExportDraft;

/** An artifact as a person has corrected it. */
export interface EditArtifact extends EditorCommand {
  type: 'edit-artifact';
  clientRequestId: string;
  payloadDigest: string;
  stage: EditableStage;
  uri: string;
  digest: string | null;
  sizeBytes: number | null;
  /** The version that it is a correction of. */
  edits: number;
  /** What the store says of the reference. */
  evidence: Evidence;
}

export interface Cancel extends EditorCommand {
  type: 'cancel';
  /** Whether the orchestrator may have seen a dispatch whose delivery has not been reported. */
  deliveryMayHaveStarted: boolean;
}

/** The pipeline that is at work is given up, so that the job can be retried. */
export interface Abandon extends EditorCommand {
  type: 'abandon';
  /** As of a cancel. */
  deliveryMayHaveStarted: boolean;
}

/** The job is to go, with all that is kept of it. */
export interface Erase extends EditorCommand {
  type: 'erase';
}

/** Its project has said that it has erased the job, or is itself erased. */
export interface Disown {
  type: 'disown';
  /** As of a cancel. */
  deliveryMayHaveStarted: boolean;
}

/** The confirmed video is to be had elsewhere: the caller says that it is the same. */
export interface RenewVideo extends EditorCommand {
  type: 'renew-video';
  videoUri: string;
  /** The reference that it takes the place of. */
  replaces: string;
}

/** What the job is called by changes. */
export interface ChangeLabels extends EditorCommand {
  type: 'change-labels';
  changes: LabelChanges;
  /** The tags of representations of the job of which one has to be the present one; null for whatever it is. */
  ifMatch: readonly string[] | null;
  /** The tag of the present one. */
  etag: string;
}

export interface ArtifactUpdates {
  audioUri: string | null;
  transcriptUri: string | null;
  draftUri: string | null;
  exports: Readonly<Record<string, string>>;
  /** Of the artifact of the checkpoint that this callback reaches. */
  digest: string | null;
  sizeBytes: number | null;
  /** Whether it brings metrics, which are kept but decide nothing. */
  hasMetrics: boolean;
}

export interface Callback {
  type: 'callback';
  /** The dispatch that the callback token names. */
  dispatchId: string;
  eventId: string;
  payloadDigest: string;
  status: ReportableStatus;
  occurredAt: number;
  /** Null for that of its dispatch. */
  correlationId: string | null;
  actor: 'orchestrator' | 'system';
  artifacts: ArtifactUpdates;
  /** The artifact updates as they came, for the record; null when there were none. */
  artifactsJson: string | null;
  progressPct: number | null;
  /** Present exactly when `status` is FAILED. */
  failure:
    | (Pick<Failure, 'failureCode' | 'failureMessage' | 'failedStage'> & {
        /** Null to have it looked up by the code. */
        failureClass: FailureClass | null;
        /** How long a retry is better waited with; null where it is not said. */
        retryAfterMs: number | null;
      })
    | null;
}

/** How one attempt to hand a message to the orchestrator ended. */
export type DeliveryOutcome =
  | { kind: 'delivered'; executionId: string | null }
  /** The orchestrator answered that it will not take it: final. */
  | { kind: 'refused'; error: string }
  /** It does not have it (unreachable) or may have it (unknown): worth another attempt. */
  | { kind: 'unreachable' | 'unknown'; error: string; retryAfterMs: number | null }
  /** The queue gave up on the message. */
  | { kind: 'dead-lettered' };

/** A message to the orchestrator is a dispatch itself or the notice that it was cancelled. */
export type MessageKind = 'dispatch' | 'cancel';

export interface ReportDelivery {
  type: 'report-delivery';
  dispatchId: string;
  message: MessageKind;
  outcome: DeliveryOutcome;
  /** Whether there may have been another attempt that nobody reported. */
  deliveryMayHaveStarted: boolean;
}

/** Time has passed: whatever is due is done. */
export interface Deadline {
  type: 'deadline';
  /** Whether the orchestrator may have been given the open dispatch without anybody having reported that. */
  deliveryMayHaveStarted: boolean;
}

export type Command =
  | ConfirmUpload
  | RenewVideo
  | Ask
  | EditArtifact
  | ChangeLabels
  | Abandon
  | Cancel
  | Erase
  | Disown
  | Callback
  | ReportDelivery
  | Deadline
  | RetryDue;
