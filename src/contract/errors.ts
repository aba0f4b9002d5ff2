// Errors as clients see them: problem details (RFC 9457) with two members of ours, error_code and details.
import * as z from 'zod';
import { jobStatus } from './resources.ts';

const problem = <Code extends string, Details extends z.ZodType>(
  id: string,
  codes: readonly [Code, ...Code[]],
  details: Details,
) =>
  z
    .object({
      type: z.string().meta({ example: 'urn:retake:problem:validation-error' }),
      title: z.string(),
      status: z.int(),
      detail: z.string().optional(),
      instance: z.string().optional().meta({ description: 'The request, as X-Request-Id names it.' }),
      error_code: z.enum(codes),
      details,
    })
    .meta({ id });

const none = z.object({});

export const validationError = problem(
  'ValidationError',
  ['VALIDATION_ERROR'],
  z.object({ issues: z.array(z.object({ path: z.string(), message: z.string() })) }),
);
export const unauthenticatedError = problem('UnauthenticatedError', ['UNAUTHENTICATED'], none);
export const forbiddenError = problem(
  'ForbiddenError',
  ['FORBIDDEN'],
  z.object({ required_scope: z.string() }),
);
export const noLeakNotFoundError = problem('NoLeakNotFoundError', ['RESOURCE_NOT_FOUND'], none).meta({
  id: 'NoLeakNotFoundError',
  description: 'Missing, not yours, or no such path: one body and one set of headers for all of them.',
});
export const methodNotAllowedError = problem('MethodNotAllowedError', ['METHOD_NOT_ALLOWED'], none);
export const payloadTooLargeError = problem(
  'PayloadTooLargeError',
  ['PAYLOAD_TOO_LARGE'],
  z.object({ max_bytes: z.int() }),
);
export const unsupportedMediaTypeError = problem(
  'UnsupportedMediaTypeError',
  ['UNSUPPORTED_MEDIA_TYPE'],
  none,
);

export const transitionDetails = z.object({
  current_status: jobStatus,
  attempted_status: jobStatus,
  allowed_next_statuses: z.array(jobStatus),
});
export const transitionConflictError = problem(
  'TransitionConflictError',
  ['FSM_TRANSITION_INVALID', 'FSM_TERMINAL_IMMUTABLE'],
  transitionDetails,
);
export const videoUriConflictError = problem(
  'VideoUriConflictError',
  ['VIDEO_URI_CONFLICT'],
  z.object({ confirmed_video_uri: z.string(), requested_video_uri: z.string() }),
);
/** Not `jobStatus.nullable()`, which the document states as all of an enum without null and of a nullable string. */
const jobStatusOrNull = z.union([jobStatus, z.null()]);

export const jobAlreadyRunningError = problem(
  'JobAlreadyRunningError',
  ['JOB_ALREADY_RUNNING'],
  z.object({
    current_status: jobStatus,
    attempted_status: jobStatusOrNull,
    dispatch_id: z.string().nullable(),
  }),
);
export const retryNotAllowedError = problem(
  'RetryNotAllowedError',
  ['RETRY_NOT_ALLOWED_STATE'],
  z.object({
    current_status: jobStatus,
    attempted_status: jobStatusOrNull,
    reason: z.enum(['not_failed', 'nothing_to_resume_from']),
  }),
);
export const modelProfileNotAllowedError = problem(
  'ModelProfileNotAllowedError',
  ['MODEL_PROFILE_NOT_ALLOWED'],
  z.object({
    reason: z.enum(['unknown', 'disabled', 'resume_point_not_allowed']),
    model_profile: z.string(),
    allowed_model_profiles: z.array(z.string()),
  }),
);
export const clientRequestIdMismatchError = problem(
  'ClientRequestIdMismatchError',
  ['CLIENT_REQUEST_ID_PAYLOAD_MISMATCH'],
  z.object({ client_request_id: z.string(), dispatch_id: z.string() }),
);
export const runStateConflictError = z
  .union([transitionConflictError, jobAlreadyRunningError, modelProfileNotAllowedError])
  .meta({ id: 'RunStateConflictError' });
export const retryStateConflictError = z
  .union([
    retryNotAllowedError,
    jobAlreadyRunningError,
    modelProfileNotAllowedError,
    clientRequestIdMismatchError,
    transitionConflictError,
  ])
  .meta({ id: 'RetryStateConflictError' });

export const eventIdMismatchError = problem(
  'EventIdMismatchError',
  ['EVENT_ID_PAYLOAD_MISMATCH'],
  z.object({ event_id: z.string() }),
);
export const callbackOutOfOrderError = problem(
  'CallbackOutOfOrderError',
  ['CALLBACK_OUT_OF_ORDER'],
  z.object({
    current_status: jobStatus,
    attempted_status: jobStatus,
    latest_applied_occurred_at: z.string(),
  }),
);
export const dispatchNotCurrentError = problem(
  'DispatchNotCurrentError',
  ['DISPATCH_NOT_CURRENT'],
  z.object({ dispatch_id: z.string(), dispatch_state: z.string() }),
);
export const callbackConflictError = z
  .union([transitionConflictError, eventIdMismatchError, callbackOutOfOrderError, dispatchNotCurrentError])
  .meta({ id: 'CallbackConflictError' });
export const confirmUploadConflictError = z
  .union([transitionConflictError, videoUriConflictError])
  .meta({ id: 'ConfirmUploadConflictError' });

export const upstreamDispatchError = problem(
  'UpstreamDispatchError',
  ['ORCHESTRATOR_DISPATCH_FAILED'],
  z.object({
    dispatch_id: z.string(),
    delivery_attempts: z.int(),
    last_error: z.string().nullable(),
  }),
);
export const internalError = problem('InternalError', ['INTERNAL'], none);
export const unavailableError = problem(
  'UnavailableError',
  ['OVERLOADED', 'AUTHENTICATION_UNAVAILABLE', 'SERVICE_NOT_CONFIGURED'],
  none,
);
