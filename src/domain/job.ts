// What a job is at present, and the status from which its next step is judged.
// Times are epoch milliseconds; `null` means "none yet" and is never used to clear a value.
import type { Automatic } from './automatic-retry.ts';
import { type Dispatch, DRAFT, type Task } from './dispatch.ts';
import type { FailureClass } from './failures.ts';
import { type Labels, NO_LABELS } from './labels.ts';
import { isInProgress, type StageName, type Status } from './lifecycle.ts';

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
  failureClass: FailureClass;
  /** Before this a retry is expected to fail again; null where nobody said. */
  retryAt: number | null;
  /** Under which profile it failed; null where there was no dispatch. */
  modelProfile: string | null;
  correlationId: string | null;
  occurredAt: number;
}

/**
 * One result of a stage. Versions are only ever added, and none is changed by a later one: it is completed when its
 * pipeline gets past the stage, and may then learn its digest and size.
 */
export interface ArtifactVersion {
  stage: StageName;
  /** 1, 2, 3 … for each stage. */
  version: number;
  ref: string;
  /** As it was reported, such as `sha-256:…`; null where nobody said. */
  digest: string | null;
  sizeBytes: number | null;
  madeBy: Maker;
  /** The version of the stage before from which it, or what it corrects, was made; null for the first stage, and where that is not known. */
  madeFrom: number | null;
  /** Whether its pipeline has been past the stage. Until then there may be half a file. */
  isComplete: boolean;
  recordedAt: number;
}

/** Who made a version. */
export type Maker = Pipeline | Editor;

export interface Pipeline {
  kind: 'pipeline';
  dispatchId: string;
  modelProfile: string;
  policyVersion: string;
  /** The model that the policy named for the stage; null where it named none. */
  engine: string | null;
  /** Dispatched before plans were kept: where no model was named, it is the one that today's policy names for the profile. */
  isOfBefore?: true;
  /** The stages whose edits its dispatch was to look past, if any. */
  discards?: readonly StageName[];
}

/** A person, who has corrected a version. */
export interface Editor {
  kind: 'editor';
  /** The `sub` of their token. */
  actorId: string;
  /** What they were called then; absent where nobody said. */
  actorName?: string;
  /** The version of the same stage that it is a correction of. */
  edits: number;
}

/** Who owns a thing, in the words of the token that made it. */
export interface OwnerIdentity {
  issuer: string;
  claim: string;
  value: string;
}

/** The decision that a job goes, with all that is kept of it. */
export interface Erasure {
  /** The editor who wants it; null where it goes by itself. */
  actorId: string | null;
  /** By which that is known; null likewise. */
  correlationId: string | null;
  decidedAt: number;
}

export interface Job extends Labels {
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
  /** The versions that a pipeline may resume from, in the order in which they were made; all of them are in the history. */
  versions: readonly ArtifactVersion[];
  /** The one dispatch that is waited for, if any. One that has settled may go on all the same. */
  openDispatchId: string | null;
  /** When the newest dispatch was made. The creation times of a job's dispatches rise strictly: fencing goes by them. */
  latestDispatchAt: number | null;
  /** When an artifact was edited last, in the order of those times: whoever was dispatched before has no more to say. */
  latestEditAt: number | null;
  /** The profile of the pipeline that moved the job last; null before any, and for a job of before this was kept. */
  latestProfile: string | null;
  /** What that pipeline was asked for and has not done: a retry goes on with it. */
  unfinishedTask: Task;
  /** The retries that were made and not withdrawn, by whomever. */
  retries: number;
  /** When it is retried by itself; null for not at all. While a dispatch is open, what becomes of that decides. */
  nextRetryAt: number | null;
  /** Null where it has not failed since an editor last had a pipeline, or not so that it is retried by itself. */
  automatic: Automatic | null;
  /** The dispatch that an operation asked for last; null for none. */
  latestOperation: { operationId: string; dispatchId: string } | null;
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
  /** Null but for a job that is being erased, which nobody finds any more (erasure.ts). */
  erasure: Erasure | null;
  /** Counts the committed changes of what an editor can see of the job itself. */
  revision: number;
  createdAt: number;
  updatedAt: number;
}

/** What is known of a job before it is there. */
export type JobOrigin = Pick<Job, 'id' | 'projectId' | 'owner' | 'ownerIdentity' | 'requestDigest'> &
  Partial<Labels>;

/** A job as it is created: nothing uploaded, nothing dispatched. */
export function newJob(origin: JobOrigin, now: number): Job {
  return {
    ...NO_LABELS,
    ...origin,
    status: 'CREATED',
    manifest: { videoUri: null, audioUri: null, transcriptUri: null, draftUri: null, exports: {} },
    failure: null,
    progressPct: null,
    versions: [],
    openDispatchId: null,
    latestDispatchAt: null,
    latestEditAt: null,
    latestProfile: null,
    latestOperation: null,
    unfinishedTask: DRAFT,
    retries: 0,
    nextRetryAt: null,
    automatic: null,
    lastProgressAt: null,
    latestCallback: null,
    latestHeartbeat: null,
    erasure: null,
    revision: 1,
    createdAt: now,
    updatedAt: now,
  };
}

/** Whether a pipeline is at work on the job, or is about to be. */
export const isAtWork = ({ status }: Pick<Job, 'status'>, open: object | null): boolean =>
  open !== null || isInProgress(status);

/**
 * The status from which every transition is judged. An accepted retry leaves the job FAILED for
 * everyone to see until its pipeline reports progress, and is judged from its resume point meanwhile.
 */
export const effectiveStatus = (job: Job, open: Dispatch | null): Status =>
  job.status === 'FAILED' ? (open?.resumeFromStatus ?? 'FAILED') : job.status;
