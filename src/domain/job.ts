// What a job is at present, and the status from which its next step is judged.
// Times are epoch milliseconds; `null` means "none yet" and is never used to clear a value.
import type { Dispatch } from './dispatch.ts';
import type { CheckpointStatus, Status } from './lifecycle.ts';

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

/** An artifact that a later pipeline can resume from. Append-only: a newer one is a new version. It is recorded when the pipeline is
 * at or behind its status. */
export interface Checkpoint {
  status: CheckpointStatus;
  ref: string;
  dispatchId: string;
  modelProfile: string;
  policyVersion: string;
  /** The model that the policy named for this stage; null where it named none. */
  engine: string | null;
  recordedAt: number;
  digest: string | null;
  sizeBytes: number | null;
}

/** Who owns a thing, in the words of the token that made it. */
export interface OwnerIdentity {
  issuer: string;
  claim: string;
  value: string;
}

export interface Job {
  id: string;
  projectId: string;
  owner: string;
  /** For the orchestrator, which may know of what is whose; null for a job that was made before this was kept. */
  ownerIdentity: OwnerIdentity | null;
  /** Of the request that created it, where that had a key by which it can be repeated. */
  requestDigest: string | null;
  status: Status;
  manifest: Manifest;
  failure: Failure | null;
  progressPct: number | null;
  /** The newest version of each checkpoint; the older ones stay in the history. */
  checkpoints: Readonly<Partial<Record<CheckpointStatus, Checkpoint>>>;
  /** The one dispatch that is waited for, if any. One that has settled may go on all the same. */
  openDispatchId: string | null;
  /** When the newest dispatch was made. The creation times of a job's dispatches rise strictly: fencing goes by them. */
  latestDispatchAt: number | null;
  /** The last sign of life of a pipeline, from which the stage deadline runs. */
  lastProgressAt: number | null;
  /** The newest callback applied, and the dispatch it came from. */
  latestCallback: {
    dispatchId: string;
    occurredAt: number;
    /** How many reports of this dispatch are kept in the history. */
    kept: number;
  } | null;
  /** The newest sign of life that left nothing else: its repeat is recognised by this alone. */
  latestHeartbeat: { dispatchId: string; eventId: string; payloadDigest: string } | null;
  /** Counts the committed changes of what an editor can see of the job itself. */
  revision: number;
  createdAt: number;
  updatedAt: number;
}

/** What is known of a job before it is there. */
export type JobOrigin = Pick<Job, 'id' | 'projectId' | 'owner' | 'ownerIdentity' | 'requestDigest'>;

/** A job as it is created: nothing uploaded, nothing dispatched. */
export function newJob(origin: JobOrigin, now: number): Job {
  return {
    ...origin,
    status: 'CREATED',
    manifest: { videoUri: null, audioUri: null, transcriptUri: null, draftUri: null, exports: {} },
    failure: null,
    progressPct: null,
    checkpoints: {},
    openDispatchId: null,
    latestDispatchAt: null,
    lastProgressAt: null,
    latestCallback: null,
    latestHeartbeat: null,
    revision: 1,
    createdAt: now,
    updatedAt: now,
  };
}

/**
 * The status from which every transition is judged. An accepted retry leaves the job FAILED for
 * everyone to see until its pipeline reports progress, and is judged from its resume point meanwhile.
 */
export function effectiveStatus(job: Job, open: Dispatch | null): Status {
  return job.status === 'FAILED' && open?.kind === 'retry' ? open.resumeFromStatus : job.status;
}
