// What a job is: the records that its actor keeps, and the predicates that every decision shares.
// Times are epoch milliseconds; `null` means "none yet" and is never used to clear a value.
import type { Actor, CheckpointStatus, ReportableStatus, ResumeStatus, Status } from './lifecycle.ts';

export interface Manifest {
  videoUri: string | null;
  audioUri: string | null;
  transcriptUri: string | null;
  draftUri: string | null;
  /** Export format → URI. */
  exports: Readonly<Record<string, string>>;
}

export interface Failure {
  failureCode: string;
  failureMessage: string | null;
  failedStage: string | null;
  correlationId: string | null;
  occurredAt: number;
}

/** An artifact that a later pipeline can resume from. Append-only: a newer one is a new version. */
export interface Checkpoint {
  status: CheckpointStatus;
  ref: string;
  dispatchId: string;
  modelProfile: string;
  recordedAt: number;
  digest: string | null;
  sizeBytes: number | null;
}

export interface Job {
  id: string;
  projectId: string;
  owner: string;
  status: Status;
  manifest: Manifest;
  failure: Failure | null;
  progressPct: number | null;
  /** The newest version of each checkpoint; the older ones stay in the transitions. */
  checkpoints: Readonly<Partial<Record<CheckpointStatus, Checkpoint>>>;
  /** The one dispatch whose pipeline may be alive, if any. */
  openDispatchId: string | null;
  /** When the newest dispatch was made. The creation times of a job's dispatches rise strictly: fencing goes by them. */
  latestDispatchAt: number | null;
  /** The last sign of life of a pipeline, from which the stage deadline runs. */
  lastProgressAt: number | null;
  /** The newest callback applied, and the dispatch it came from. */
  latestCallback: { dispatchId: string; occurredAt: number } | null;
  /** Counts the committed changes of what an editor can see of the job itself. */
  revision: number;
  createdAt: number;
  updatedAt: number;
}

export type DispatchKind = 'run' | 'retry';

export const DISPATCH_STATES = [
  'PENDING',
  'DELIVERED',
  'RUNNING',
  'SETTLED',
  'FAILED',
  'CANCELLED',
  'TIMED_OUT',
  'UNDELIVERABLE',
] as const;
export type DispatchState = (typeof DISPATCH_STATES)[number];

/** `job.cancel` for a dispatch: to be delivered until `until`, done, or given up. */
export type CancelNotice =
  | { state: 'PENDING'; until: number; attempts: number }
  | { state: 'DELIVERED' | 'GIVEN_UP' };

interface DispatchRecord {
  id: string;
  state: DispatchState;
  modelProfile: string;
  /** The policy under which the profile was allowed; the decision was made at `createdAt`. */
  policyVersion: string;
  /** The W3C Trace Context header that goes on to the orchestrator. */
  traceparent: string;
  /** The delivery window: after this the dispatch is withdrawn. */
  deliverUntil: number;
  deliveryAttempts: number;
  lastError: string | null;
  executionId: string | null;
  deliveredAt: number | null;
  cancelNotice: CancelNotice | null;
  createdAt: number;
  updatedAt: number;
}

export interface RunDispatch extends DispatchRecord {
  kind: 'run';
  clientRequestId: null;
  resumeFromStatus: null;
  checkpointRef: null;
}

export interface RetryDispatch extends DispatchRecord {
  kind: 'retry';
  clientRequestId: string;
  resumeFromStatus: ResumeStatus;
  checkpointRef: string;
}

export type Dispatch = RunDispatch | RetryDispatch;

/** One applied callback: what makes its repeat recognisable, and the artifact versions it brought. */
export interface CallbackEvent {
  eventId: string;
  dispatchId: string;
  payloadDigest: string;
  status: ReportableStatus;
  occurredAt: number;
  recordedAt: number;
  /** What `artifact_updates` held, as JSON; null when it held nothing. */
  artifacts: string | null;
}

/** One entry of the audit trail. */
export interface Transition {
  eventType: 'status_changed' | 'failed_again';
  actor: Actor;
  prevStatus: Status;
  newStatus: Status;
  dispatchId: string | null;
  /** The callback that brought it; null when no callback did. */
  eventId: string | null;
  occurredAt: number;
  recordedAt: number;
  correlationId: string | null;
  checkpoint: Checkpoint | null;
}

export const isOpen = (dispatch: Dispatch): boolean =>
  dispatch.state === 'PENDING' || dispatch.state === 'DELIVERED' || dispatch.state === 'RUNNING';

/**
 * The status from which every transition is judged. An accepted retry leaves the job FAILED for
 * everyone to see until its pipeline reports progress, and is judged from its resume point meanwhile.
 */
export function effectiveStatus(job: Job, open: Dispatch | null): Status {
  return job.status === 'FAILED' && open?.kind === 'retry' ? open.resumeFromStatus : job.status;
}

/** A repeat of the request that bears this key is answered with the dispatch that holds it. */
export const requestKeyOf = (dispatch: Dispatch): string =>
  dispatch.kind === 'run' ? RUN_REQUEST_KEY : retryRequestKey(dispatch.clientRequestId);
export const RUN_REQUEST_KEY = 'run';
export const retryRequestKey = (clientRequestId: string): string => `retry:${clientRequestId}`;
