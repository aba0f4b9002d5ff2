// Every reason for which the domain refuses a command, as data. contract/errors.ts gives each its status and what a caller is told.
import type { DispatchState } from './dispatch.ts';
import type { ArtifactVersion } from './job.ts';
import type { EditableStage, ResumeStatus, Status } from './lifecycle.ts';
import type { PassedOverReason, VersionName } from './lineage.ts';
import type { OperationState } from './operation.ts';
import type { Plan } from './plan.ts';

/** Why the policy does not allow a profile. */
export type ProfileRefusal = 'unknown' | 'disabled' | 'resume_point_not_allowed';

export type Rejection =
  /** Missing or somebody else's: deliberately without any detail. */
  | { code: 'RESOURCE_NOT_FOUND' }
  | {
      code: 'FSM_TRANSITION_INVALID' | 'FSM_TERMINAL_IMMUTABLE';
      currentStatus: Status;
      attemptedStatus: Status;
      allowedNextStatuses: Status[];
    }
  | { code: 'VIDEO_URI_CONFLICT'; currentVideoUri: string | null; submittedVideoUri: string }
  | {
      code: 'RETRY_NOT_ALLOWED_STATE';
      currentStatus: Status;
      /** The status from which it would have resumed. */
      attemptedStatus: Status;
      reason: 'not_failed' | 'nothing_to_resume_from' | 'abandoned';
    }
  | {
      code: 'JOB_ALREADY_RUNNING';
      currentStatus: Status;
      attemptedStatus: Status;
      dispatchId: string | null;
    }
  | { code: 'JOB_NOT_RUNNING'; currentStatus: Status }
  /** Of one job, whoever makes them. */
  | { code: 'RETRY_LIMIT_REACHED'; limit: number; made: number }
  | {
      code: 'MODEL_PROFILE_NOT_ALLOWED';
      reason: ProfileRefusal;
      modelProfile: string;
      allowedModelProfiles: string[];
    }
  /** Where a pipeline was asked to begin lies behind what can be resumed from, or nothing valid is there. */
  | { code: 'RESUME_POINT_NOT_AVAILABLE'; requested: ResumeStatus; available: ResumeStatus | null }
  /** What would be done now is not what the caller has seen. */
  | { code: 'PLAN_CHANGED'; plan: Plan }
  /** What is asked for would pass over corrections without being told to. */
  | { code: 'EDITS_IN_THE_WAY'; edits: (VersionName & { reason: PassedOverReason | 'asked' })[] }
  /** It would keep the draft. */
  | { code: 'NOTHING_TO_REDO' }
  | { code: 'NOTHING_TO_EXPORT'; reason: 'no_draft' | 'incomplete' | 'missing' | 'changed' }
  | {
      code: 'ARTIFACT_NOT_EDITABLE';
      currentStatus: Status;
      stage: EditableStage;
      reason: 'status' | 'never_made';
    }
  /** It is a correction of what has been overtaken. */
  | {
      code: 'ARTIFACT_VERSION_CONFLICT';
      stage: EditableStage;
      submitted: number;
      newest: ArtifactVersion;
      /** All that are at hand, among which it stands. */
      versions: readonly ArtifactVersion[];
    }
  | { code: 'ARTIFACT_NOT_FOUND'; uri: string; reason: 'missing' | 'changed' }
  /** The operation is over, or is about to be. */
  | { code: 'OPERATION_ENDED'; state: OperationState }
  /** How many there are is not what the caller has seen. */
  | { code: 'JOBS_CHANGED'; expected: number; found: number }
  | { code: 'TOO_MANY_JOBS'; found: number; most: number }
  /** The dispatch is null where the id is that of an edit, or of an operation. */
  | { code: 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH'; clientRequestId: string; dispatchId: string | null }
  | { code: 'IDEMPOTENCY_KEY_MISMATCH'; id: string }
  /** What its creator's key made is there no more, and is not made again. */
  | { code: 'RESOURCE_ERASED'; id: string }
  | { code: 'PROJECT_NOT_EMPTY'; jobs: number }
  /** Another job of the project has it, or is being created with it. */
  | { code: 'EXTERNAL_ID_TAKEN'; externalId: string; jobId: string }
  /** The job is not what the caller has seen. */
  | { code: 'JOB_CHANGED'; etag: string }
  | { code: 'METADATA_FULL'; maxEntries: number }
  | { code: 'EVENT_ID_PAYLOAD_MISMATCH'; eventId: string }
  | {
      code: 'CALLBACK_OUT_OF_ORDER';
      currentStatus: Status;
      attemptedStatus: Status;
      latestAppliedOccurredAt: number;
    }
  | { code: 'MANIFEST_FULL'; maxExports: number; maxBytes: number }
  | { code: 'REPORTS_EXHAUSTED'; maxReports: number }
  | { code: 'DISPATCH_NOT_CURRENT'; dispatchId: string; dispatchState: DispatchState }
  | {
      code: 'ORCHESTRATOR_DISPATCH_FAILED';
      dispatchId: string;
      deliveryAttempts: number;
      lastError: string | null;
    };

export type RejectionCode = Rejection['code'];
