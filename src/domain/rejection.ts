// Every reason for which the domain refuses a command, as data. http/problem.ts gives each its status code.
import type { DispatchState } from './dispatch.ts';
import type { Status } from './lifecycle.ts';
import type { ProfileRefusal } from './policy.ts';

export type Rejection =
  /** Missing or somebody else's: deliberately without any detail. */
  | { code: 'RESOURCE_NOT_FOUND' }
  | {
      code: 'FSM_TRANSITION_INVALID' | 'FSM_TERMINAL_IMMUTABLE';
      currentStatus: Status;
      attemptedStatus: Status;
      allowedNextStatuses: Status[];
    }
  | { code: 'VIDEO_URI_CONFLICT'; confirmedVideoUri: string; requestedVideoUri: string }
  | {
      code: 'RETRY_NOT_ALLOWED_STATE';
      currentStatus: Status;
      /** The status from which it would have resumed; null when there is nothing to resume from. */
      attemptedStatus: Status | null;
      reason: 'not_failed' | 'nothing_to_resume_from';
    }
  | {
      code: 'JOB_ALREADY_RUNNING';
      currentStatus: Status;
      attemptedStatus: Status | null;
      dispatchId: string | null;
    }
  | {
      code: 'MODEL_PROFILE_NOT_ALLOWED';
      reason: ProfileRefusal;
      modelProfile: string;
      allowedModelProfiles: string[];
    }
  | { code: 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH'; clientRequestId: string; dispatchId: string }
  | { code: 'EVENT_ID_PAYLOAD_MISMATCH'; eventId: string }
  | {
      code: 'CALLBACK_OUT_OF_ORDER';
      currentStatus: Status;
      attemptedStatus: Status;
      latestAppliedOccurredAt: number;
    }
  | { code: 'DISPATCH_NOT_CURRENT'; dispatchId: string; dispatchState: DispatchState }
  | {
      code: 'ORCHESTRATOR_DISPATCH_FAILED';
      dispatchId: string;
      deliveryAttempts: number;
      lastError: string | null;
    };

export type RejectionCode = Rejection['code'];
