// Errors as the contract shows them: problem details (RFC 9457) with three members of ours, error_code, retryable and
// details. What they hold follows from the table in errors.ts.
import * as z from 'zod';
import { ERRORS, type ErrorCode, problemType } from './errors.ts';

/** A component of the document. Its codes differ in name and title alone. */
function problem(id: string, first: ErrorCode, ...others: ErrorCode[]) {
  const { status, retryable, details } = ERRORS[first];
  return z
    .object({
      type: z.string().meta({ example: problemType(first) }),
      title: z.string(),
      status: z.literal(status),
      detail: z.string().optional(),
      instance: z.string().optional().meta({ description: 'The request, as X-Request-Id names it.' }),
      error_code: z.enum([first, ...others]),
      retryable: z.literal(retryable).meta({
        description:
          'Whether the same request may be answered otherwise later, without anything else being done.',
      }),
      details,
    })
    .meta({ id });
}

export const validationError = problem('ValidationError', 'VALIDATION_ERROR');
export const unauthenticatedError = problem('UnauthenticatedError', 'UNAUTHENTICATED');
export const forbiddenError = problem('ForbiddenError', 'FORBIDDEN');
export const crossSiteRequestError = problem('CrossSiteRequestError', 'CROSS_SITE_REQUEST');
export const editorForbiddenError = z
  .union([forbiddenError, crossSiteRequestError])
  .meta({ id: 'EditorForbiddenError' });
export const noSignInError = problem('NoSignInError', 'NO_SIGN_IN');
export const noLeakNotFoundError = problem('NoLeakNotFoundError', 'RESOURCE_NOT_FOUND').meta({
  id: 'NoLeakNotFoundError',
  description: 'Missing, not yours, or no such path: one body and one set of headers for all of them.',
});
export const methodNotAllowedError = problem('MethodNotAllowedError', 'METHOD_NOT_ALLOWED');
export const rateLimitedError = problem('RateLimitedError', 'RATE_LIMITED');
export const tooManyViewersError = problem('TooManyViewersError', 'TOO_MANY_VIEWERS');
export const watchLimitError = z
  .union([rateLimitedError, tooManyViewersError])
  .meta({ id: 'WatchLimitError' });
export const payloadTooLargeError = problem('PayloadTooLargeError', 'PAYLOAD_TOO_LARGE');
export const lengthRequiredError = problem('LengthRequiredError', 'LENGTH_REQUIRED');
export const rangeNotSatisfiableError = problem('RangeNotSatisfiableError', 'RANGE_NOT_SATISFIABLE');
export const unsupportedMediaTypeError = problem('UnsupportedMediaTypeError', 'UNSUPPORTED_MEDIA_TYPE');

export const transitionConflictError = problem(
  'TransitionConflictError',
  'FSM_TRANSITION_INVALID',
  'FSM_TERMINAL_IMMUTABLE',
);
export const videoUriConflictError = problem('VideoUriConflictError', 'VIDEO_URI_CONFLICT');
export const jobNotRunningError = problem('JobNotRunningError', 'JOB_NOT_RUNNING');
export const jobAlreadyRunningError = problem('JobAlreadyRunningError', 'JOB_ALREADY_RUNNING');
export const retryNotAllowedError = problem('RetryNotAllowedError', 'RETRY_NOT_ALLOWED_STATE');
export const retryLimitReachedError = problem('RetryLimitReachedError', 'RETRY_LIMIT_REACHED');
export const modelProfileNotAllowedError = problem(
  'ModelProfileNotAllowedError',
  'MODEL_PROFILE_NOT_ALLOWED',
);
export const resumePointNotAvailableError = problem(
  'ResumePointNotAvailableError',
  'RESUME_POINT_NOT_AVAILABLE',
);
export const planChangedError = problem('PlanChangedError', 'PLAN_CHANGED');
export const editsInTheWayError = problem('EditsInTheWayError', 'EDITS_IN_THE_WAY');
export const nothingToRedoError = problem('NothingToRedoError', 'NOTHING_TO_REDO');
export const nothingToExportError = problem('NothingToExportError', 'NOTHING_TO_EXPORT');
export const artifactNotEditableError = problem('ArtifactNotEditableError', 'ARTIFACT_NOT_EDITABLE');
export const artifactVersionConflictError = problem(
  'ArtifactVersionConflictError',
  'ARTIFACT_VERSION_CONFLICT',
);
export const artifactNotFoundError = problem('ArtifactNotFoundError', 'ARTIFACT_NOT_FOUND');
export const artifactNotStoredHereError = problem('ArtifactNotStoredHereError', 'ARTIFACT_NOT_STORED_HERE');
export const noArtifactStoreError = problem('NoArtifactStoreError', 'NO_ARTIFACT_STORE');
export const clientRequestIdMismatchError = problem(
  'ClientRequestIdMismatchError',
  'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH',
);
export const operationEndedError = problem('OperationEndedError', 'OPERATION_ENDED');
export const jobsChangedError = problem('JobsChangedError', 'JOBS_CHANGED');
export const tooManyJobsError = problem('TooManyJobsError', 'TOO_MANY_JOBS');
export const idempotencyKeyMismatchError = problem('IdempotencyKeyMismatchError', 'IDEMPOTENCY_KEY_MISMATCH');
export const resourceErasedError = problem('ResourceErasedError', 'RESOURCE_ERASED');
export const projectNotEmptyError = problem('ProjectNotEmptyError', 'PROJECT_NOT_EMPTY');
export const externalIdTakenError = problem('ExternalIdTakenError', 'EXTERNAL_ID_TAKEN');
export const jobChangedError = problem('JobChangedError', 'JOB_CHANGED');
export const metadataFullError = problem('MetadataFullError', 'METADATA_FULL');
export const eventIdMismatchError = problem('EventIdMismatchError', 'EVENT_ID_PAYLOAD_MISMATCH');
export const callbackOutOfOrderError = problem('CallbackOutOfOrderError', 'CALLBACK_OUT_OF_ORDER');
export const manifestFullError = problem('ManifestFullError', 'MANIFEST_FULL');
export const reportsExhaustedError = problem('ReportsExhaustedError', 'REPORTS_EXHAUSTED');
export const dispatchNotCurrentError = problem('DispatchNotCurrentError', 'DISPATCH_NOT_CURRENT');

export const createJobConflictError = z
  .union([idempotencyKeyMismatchError, externalIdTakenError])
  .meta({ id: 'CreateJobConflictError' });
export const confirmUploadConflictError = z
  .union([transitionConflictError, videoUriConflictError])
  .meta({ id: 'ConfirmUploadConflictError' });
export const renewVideoConflictError = z
  .union([videoUriConflictError, jobAlreadyRunningError, transitionConflictError])
  .meta({ id: 'RenewVideoConflictError' });
export const runStateConflictError = z
  .union([transitionConflictError, jobAlreadyRunningError, modelProfileNotAllowedError, retryNotAllowedError])
  .meta({ id: 'RunStateConflictError' });
export const retryStateConflictError = z
  .union([
    retryNotAllowedError,
    jobAlreadyRunningError,
    retryLimitReachedError,
    modelProfileNotAllowedError,
    resumePointNotAvailableError,
    editsInTheWayError,
    clientRequestIdMismatchError,
    transitionConflictError,
  ])
  .meta({ id: 'RetryStateConflictError' });
export const redoConflictError = z
  .union([
    transitionConflictError,
    jobAlreadyRunningError,
    modelProfileNotAllowedError,
    resumePointNotAvailableError,
    nothingToRedoError,
    editsInTheWayError,
    retryNotAllowedError,
    clientRequestIdMismatchError,
  ])
  .meta({ id: 'RedoConflictError' });
export const retryJobsConflictError = z
  .union([tooManyJobsError, modelProfileNotAllowedError, clientRequestIdMismatchError])
  .meta({ id: 'RetryJobsConflictError' });
export const exportConflictError = z
  .union([
    transitionConflictError,
    jobAlreadyRunningError,
    nothingToExportError,
    editsInTheWayError,
    retryNotAllowedError,
    clientRequestIdMismatchError,
  ])
  .meta({ id: 'ExportConflictError' });
export const editConflictError = z
  .union([
    jobAlreadyRunningError,
    artifactNotEditableError,
    artifactVersionConflictError,
    artifactNotFoundError,
    manifestFullError,
    clientRequestIdMismatchError,
  ])
  .meta({ id: 'EditConflictError' });
export const editContentConflictError = z
  .union([...editConflictError.options, noArtifactStoreError])
  .meta({ id: 'EditContentConflictError' });
export const readContentConflictError = z
  .union([artifactNotStoredHereError, artifactNotFoundError, noArtifactStoreError])
  .meta({ id: 'ReadContentConflictError' });
export const callbackConflictError = z
  .union([
    transitionConflictError,
    eventIdMismatchError,
    callbackOutOfOrderError,
    dispatchNotCurrentError,
    manifestFullError,
    reportsExhaustedError,
  ])
  .meta({ id: 'CallbackConflictError' });

export const upstreamDispatchError = problem('UpstreamDispatchError', 'ORCHESTRATOR_DISPATCH_FAILED');
export const internalError = problem('InternalError', 'INTERNAL');
export const unavailableError = problem(
  'UnavailableError',
  'OVERLOADED',
  'AUTHENTICATION_UNAVAILABLE',
  'SERVICE_NOT_CONFIGURED',
);
export const artifactStoreUnavailableError = problem(
  'ArtifactStoreUnavailableError',
  'ARTIFACT_STORE_UNAVAILABLE',
);
export const contentUnavailableError = z
  .union([unavailableError, artifactStoreUnavailableError])
  .meta({ id: 'ContentUnavailableError' });
