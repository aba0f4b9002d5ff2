// The one table from refusals to HTTP: every code of the service with its status, title and, for what the
// domain refuses, its details.
import type { Context, TypedResponse } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { toTimestamp } from '../contract/fields.ts';
import type { Rejection, RejectionCode } from '../domain/rejection.ts';
import type { AppEnv } from './app-env.ts';

/** What the HTTP side itself refuses, before or after the domain. */
type HttpCode =
  | 'VALIDATION_ERROR'
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'METHOD_NOT_ALLOWED'
  | 'PAYLOAD_TOO_LARGE'
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'OVERLOADED'
  | 'AUTHENTICATION_UNAVAILABLE'
  | 'SERVICE_NOT_CONFIGURED'
  | 'INTERNAL';

export type ErrorCode = RejectionCode | HttpCode;

const PROBLEMS: Readonly<Record<ErrorCode, readonly [ContentfulStatusCode, string]>> = {
  VALIDATION_ERROR: [400, 'The request does not fit the contract'],
  UNAUTHENTICATED: [401, 'A valid token is needed'],
  FORBIDDEN: [403, 'The token does not allow this'],
  RESOURCE_NOT_FOUND: [404, 'There is no such resource'],
  METHOD_NOT_ALLOWED: [405, 'The resource does not support this method'],
  FSM_TRANSITION_INVALID: [409, 'The job cannot go to that status from where it is'],
  FSM_TERMINAL_IMMUTABLE: [409, 'The job has ended'],
  VIDEO_URI_CONFLICT: [409, 'Another video was confirmed for this job'],
  RETRY_NOT_ALLOWED_STATE: [409, 'Only a failed job can be retried'],
  JOB_ALREADY_RUNNING: [409, 'A pipeline is at work on this job'],
  MODEL_PROFILE_NOT_ALLOWED: [409, 'The model policy does not allow this profile here'],
  CLIENT_REQUEST_ID_PAYLOAD_MISMATCH: [409, 'This client_request_id was used with another payload'],
  EVENT_ID_PAYLOAD_MISMATCH: [409, 'This event_id was used with another payload'],
  CALLBACK_OUT_OF_ORDER: [409, 'A newer report of this pipeline was applied already'],
  DISPATCH_NOT_CURRENT: [409, 'This pipeline is no longer the job’s own: stop'],
  PAYLOAD_TOO_LARGE: [413, 'The body is too large'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'The body has to be application/json'],
  INTERNAL: [500, 'Something went wrong here'],
  ORCHESTRATOR_DISPATCH_FAILED: [
    502,
    'The orchestrator did not take the dispatch; nothing about the job changed',
  ],
  OVERLOADED: [503, 'The service could not answer at this moment; whether it was done is not known'],
  AUTHENTICATION_UNAVAILABLE: [503, 'Tokens cannot be verified right now'],
  SERVICE_NOT_CONFIGURED: [503, 'The service is not set up'],
};

/** A response that the route's own types leave to this table. */
export type Problem = Response & TypedResponse<never, never, 'json'>;

interface Extras {
  detail?: string;
  details?: Readonly<Record<string, unknown>>;
  headers?: Readonly<Record<string, string>>;
}

export function problem(c: Context<AppEnv>, code: ErrorCode, extras: Extras = {}): Problem {
  const [status, title] = PROBLEMS[code];
  c.set('errorCode', code);
  const body = {
    type: `urn:retake:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title,
    status,
    ...(extras.detail === undefined ? {} : { detail: extras.detail }),
    // A 404 is the same byte for byte, whatever was asked for.
    ...(status === 404 ? {} : { instance: `urn:retake:request:${c.get('requestId')}` }),
    error_code: code,
    details: extras.details ?? {},
  };
  const headers = { ...extras.headers, 'content-type': 'application/problem+json' };
  const response: Response = c.body(JSON.stringify(body), status, headers);
  return response as Problem;
}

/** What the domain refused, as HTTP. */
export function refuse(c: Context<AppEnv>, rejection: Rejection): Problem {
  return problem(c, rejection.code, { details: detailsOf(rejection) });
}

function detailsOf(rejection: Rejection): Record<string, unknown> {
  switch (rejection.code) {
    case 'RESOURCE_NOT_FOUND':
      return {};
    case 'FSM_TRANSITION_INVALID':
    case 'FSM_TERMINAL_IMMUTABLE':
      return {
        current_status: rejection.currentStatus,
        attempted_status: rejection.attemptedStatus,
        allowed_next_statuses: rejection.allowedNextStatuses,
      };
    case 'VIDEO_URI_CONFLICT':
      return {
        confirmed_video_uri: rejection.confirmedVideoUri,
        requested_video_uri: rejection.requestedVideoUri,
      };
    case 'RETRY_NOT_ALLOWED_STATE':
      return {
        current_status: rejection.currentStatus,
        attempted_status: rejection.attemptedStatus,
        reason: rejection.reason,
      };
    case 'JOB_ALREADY_RUNNING':
      return {
        current_status: rejection.currentStatus,
        attempted_status: rejection.attemptedStatus,
        dispatch_id: rejection.dispatchId,
      };
    case 'MODEL_PROFILE_NOT_ALLOWED':
      return {
        reason: rejection.reason,
        model_profile: rejection.modelProfile,
        allowed_model_profiles: rejection.allowedModelProfiles,
      };
    case 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH':
      return { client_request_id: rejection.clientRequestId, dispatch_id: rejection.dispatchId };
    case 'EVENT_ID_PAYLOAD_MISMATCH':
      return { event_id: rejection.eventId };
    case 'CALLBACK_OUT_OF_ORDER':
      return {
        current_status: rejection.currentStatus,
        attempted_status: rejection.attemptedStatus,
        latest_applied_occurred_at: toTimestamp(rejection.latestAppliedOccurredAt),
      };
    case 'DISPATCH_NOT_CURRENT':
      return { dispatch_id: rejection.dispatchId, dispatch_state: rejection.dispatchState };
    case 'ORCHESTRATOR_DISPATCH_FAILED':
      return {
        dispatch_id: rejection.dispatchId,
        delivery_attempts: rejection.deliveryAttempts,
        last_error: rejection.lastError,
      };
    default:
      return rejection satisfies never;
  }
}
