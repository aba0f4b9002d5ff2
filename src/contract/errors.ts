// The one table of errors. The union of codes, the schemas of problems.ts and every answer of http/problem.ts follow
// from it. A code of the domain without a row, and details that do not fit their schema, do not compile.
import * as z from 'zod';
import { PASSED_OVER_REASONS } from '../domain/lineage.ts';
import { OPERATION_STATES } from '../domain/operation.ts';
import type { Rejection, RejectionCode } from '../domain/rejection.ts';
import { artifactVersion, toVersionResource, versionName } from './artifacts.ts';
import { orNull, toTimestamp } from './fields.ts';
import { plan, toPlanResource } from './plans.ts';
import { editableStage, jobStatus, resumeStatus } from './statuses.ts';

interface Row {
  status: 400 | 401 | 403 | 404 | 405 | 409 | 410 | 411 | 412 | 413 | 415 | 416 | 429 | 500 | 502 | 503;
  /**
   * True when the same request may be answered otherwise although its sender does nothing but wait: as long as
   * `Retry-After` says, else with growing pauses. False when it is refused until something else has changed: the request,
   * the token, or the job. True does not say that nothing was done, so it is an invitation for what reads and for what
   * bears a key of its own (`Idempotency-Key`, `client_request_id`, `event_id`); a creation without one may create twice.
   */
  retryable: boolean;
  title: string;
  /** For whoever is answered it: one sentence or two. */
  whatToDo: string;
  details: z.ZodType;
}

/** For what the domain refuses: also how the details follow from its rejection. */
interface RefusalRow<R extends Rejection> extends Row {
  from: (rejection: R) => unknown;
}

/** The form of the rejections with this code; several codes may share one. */
type RejectionOf<Code extends RejectionCode, R = Rejection> = R extends { code: infer Codes }
  ? Code extends Codes
    ? R
    : never
  : never;

/** Holds `from` to the schema of its row. */
const refusal = <R extends Rejection, Details extends z.ZodType>(
  row: Row & { details: Details; from: (rejection: R) => z.input<Details> },
) => row;

const none = z.object({});
const transitionDetails = z.object({
  current_status: jobStatus,
  attempted_status: jobStatus,
  allowed_next_statuses: z.array(jobStatus),
});

const toTransitionDetails = (rejection: RejectionOf<'FSM_TRANSITION_INVALID'>) => ({
  current_status: rejection.currentStatus,
  attempted_status: rejection.attemptedStatus,
  allowed_next_statuses: rejection.allowedNextStatuses,
});

export const ERRORS = {
  VALIDATION_ERROR: {
    status: 400,
    retryable: false,
    title: 'The request does not fit the contract',
    whatToDo: 'Correct what `issues` names and send it again.',
    details: z.object({ issues: z.array(z.object({ path: z.string(), message: z.string() })) }),
  },
  UNAUTHENTICATED: {
    status: 401,
    retryable: false,
    title: 'A valid token or session is needed',
    whatToDo: 'Get a new token, or sign in again, and send it again.',
    details: none,
  },
  FORBIDDEN: {
    status: 403,
    retryable: false,
    title: 'The token does not allow this',
    whatToDo: 'Use a token with the scope that `required_scope` names.',
    details: z.object({ required_scope: z.string() }),
  },
  CROSS_SITE_REQUEST: {
    status: 403,
    retryable: false,
    title: 'With a session this is for pages of this service alone',
    whatToDo: 'Send it from a page of this service, or with a token in the Authorization header.',
    details: none,
  },
  RESOURCE_NOT_FOUND: refusal({
    status: 404,
    retryable: false,
    title: 'There is no such resource',
    whatToDo: 'Check the id, and whose token it is.',
    details: none,
    from: () => ({}),
  }),
  METHOD_NOT_ALLOWED: {
    status: 405,
    retryable: false,
    title: 'The resource does not support this method',
    whatToDo: 'Use one of the methods in `Allow`.',
    details: none,
  },
  FSM_TRANSITION_INVALID: refusal({
    status: 409,
    retryable: false,
    title: 'The job cannot go to that status from where it is',
    whatToDo:
      'Read the job: `next_actions` says what can be done. An orchestrator reports what `allowed_next_statuses` names.',
    details: transitionDetails,
    from: toTransitionDetails,
  }),
  FSM_TERMINAL_IMMUTABLE: refusal({
    status: 409,
    retryable: false,
    title: 'The job has ended',
    whatToDo:
      'Read the job: `next_actions` says what can be done about one that has ended so. An orchestrator stops.',
    details: transitionDetails,
    from: toTransitionDetails,
  }),
  VIDEO_URI_CONFLICT: refusal({
    status: 409,
    retryable: false,
    title: 'Another video is confirmed for this job',
    whatToDo: 'Read the job. To say where else the same video is, name the current one in `replaces`.',
    details: z.object({ current_video_uri: z.string().nullable(), submitted_video_uri: z.string() }),
    from: (rejection) => ({
      current_video_uri: rejection.currentVideoUri,
      submitted_video_uri: rejection.submittedVideoUri,
    }),
  }),
  RETRY_NOT_ALLOWED_STATE: refusal({
    status: 409,
    retryable: false,
    title: 'Only a failed job that can be resumed can be retried',
    whatToDo: 'Read the job: `next_actions` says what can be done.',
    details: z.object({
      current_status: jobStatus,
      attempted_status: jobStatus,
      reason: z.enum(['not_failed', 'nothing_to_resume_from', 'abandoned']),
    }),
    from: (rejection) => ({
      current_status: rejection.currentStatus,
      attempted_status: rejection.attemptedStatus,
      reason: rejection.reason,
    }),
  }),
  // Not retryable: who went on asking would start another pipeline as soon as this one fails.
  JOB_ALREADY_RUNNING: refusal({
    status: 409,
    retryable: false,
    title: 'A pipeline is at work on this job',
    whatToDo: 'Wait for the pipeline to end, or give it up first.',
    details: z.object({
      current_status: jobStatus,
      attempted_status: jobStatus,
      dispatch_id: z.string().nullable(),
    }),
    from: (rejection) => ({
      current_status: rejection.currentStatus,
      attempted_status: rejection.attemptedStatus,
      dispatch_id: rejection.dispatchId,
    }),
  }),
  JOB_NOT_RUNNING: refusal({
    status: 409,
    retryable: false,
    title: 'No pipeline is at work on this job',
    whatToDo: 'Nothing: there is no pipeline to give up.',
    details: z.object({ current_status: jobStatus }),
    from: (rejection) => ({ current_status: rejection.currentStatus }),
  }),
  // Not retryable: only the operator can allow more.
  RETRY_LIMIT_REACHED: refusal({
    status: 409,
    retryable: false,
    title: 'The job was retried as often as one job may be',
    whatToDo: 'Begin a new job, or have the operator raise the limit.',
    details: z.object({
      limit: z.int(),
      made: z
        .int()
        .meta({ description: 'The retries that were made, without those that were not delivered.' }),
    }),
    from: ({ limit, made }) => ({ limit, made }),
  }),
  MODEL_PROFILE_NOT_ALLOWED: refusal({
    status: 409,
    retryable: false,
    title: 'The model policy does not allow this profile here',
    whatToDo: 'Choose one of `allowed_model_profiles`.',
    details: z.object({
      reason: z.enum(['unknown', 'disabled', 'resume_point_not_allowed']),
      model_profile: z.string(),
      allowed_model_profiles: z.array(z.string()),
    }),
    from: (rejection) => ({
      reason: rejection.reason,
      model_profile: rejection.modelProfile,
      allowed_model_profiles: rejection.allowedModelProfiles,
    }),
  }),
  RESUME_POINT_NOT_AVAILABLE: refusal({
    status: 409,
    retryable: false,
    title: 'The job cannot be resumed from there',
    whatToDo: 'Ask for `available` or a point before it, or leave `resume_from` out.',
    details: z.object({ requested: resumeStatus, available: orNull(resumeStatus) }),
    from: ({ requested, available }) => ({ requested, available }),
  }),
  PLAN_CHANGED: refusal({
    status: 412,
    retryable: false,
    title: 'What would be done now is not what If-Match names; nothing was done',
    whatToDo: 'Look at the new plan, and ask again with its `etag` if it is what you want.',
    details: z.object({ plan }),
    from: (rejection) => ({ plan: toPlanResource(rejection.plan, plannedRefusal) }),
  }),
  // Not retryable: whoever goes on asking has to say whether the corrections are to be kept.
  EDITS_IN_THE_WAY: refusal({
    status: 409,
    retryable: false,
    title: 'This would pass over what a person has corrected; nothing was done',
    whatToDo: 'Name the stages in `discard_edits` to look past their corrections, or begin behind them.',
    details: z.object({
      edits: z.array(versionName.extend({ reason: z.enum(['asked', ...PASSED_OVER_REASONS]) })),
    }),
    from: ({ edits }) => ({ edits }),
  }),
  NOTHING_TO_REDO: refusal({
    status: 409,
    retryable: false,
    title: 'A redo that keeps the draft has nothing to do',
    whatToDo: 'Begin at `TRANSCRIPT_READY` or before it, or leave `resume_from` out.',
    details: none,
    from: () => ({}),
  }),
  NOTHING_TO_EXPORT: refusal({
    status: 409,
    retryable: false,
    title: 'There is no draft that can be exported',
    whatToDo: 'Have the draft made again, or say where it is by an edit.',
    details: z.object({ reason: z.enum(['no_draft', 'incomplete', 'missing', 'changed']) }),
    from: ({ reason }) => ({ reason }),
  }),
  ARTIFACT_NOT_EDITABLE: refusal({
    status: 409,
    retryable: false,
    title: 'This artifact cannot be corrected now',
    whatToDo: 'Read the job: `next_actions` says what can be done. What was never made has to be made first.',
    details: z.object({
      current_status: jobStatus,
      stage: editableStage,
      reason: z.enum(['status', 'never_made']),
    }),
    from: ({ currentStatus, stage, reason }) => ({ current_status: currentStatus, stage, reason }),
  }),
  ARTIFACT_VERSION_CONFLICT: refusal({
    status: 409,
    retryable: false,
    title: 'Somebody else has corrected it, or it was made again; nothing was done',
    whatToDo: 'Look at `newest`, and correct that.',
    details: z.object({
      stage: editableStage,
      submitted: z.int(),
      newest: artifactVersion,
    }),
    from: ({ stage, submitted, newest, versions }) => ({
      stage,
      submitted,
      newest: toVersionResource(newest, versions),
    }),
  }),
  ARTIFACT_NOT_FOUND: refusal({
    status: 409,
    retryable: false,
    title: 'The store of artifacts does not have this',
    whatToDo:
      'To name it in an edit, put it there first, and say its digest and size as they are. To read it, look for another version.',
    details: z.object({ uri: z.string(), reason: z.enum(['missing', 'changed']) }),
    from: ({ uri, reason }) => ({ uri, reason }),
  }),
  ARTIFACT_NOT_STORED_HERE: {
    status: 409,
    retryable: false,
    title: 'This version does not lie in the store of this service',
    whatToDo: 'Read it where `uri` says.',
    details: z.object({ uri: z.string() }),
  },
  NO_SIGN_IN: {
    status: 409,
    retryable: false,
    title: 'Nobody can sign in to this service',
    whatToDo: 'Send a token; the operator sets up sign-in with `CONSOLE_CLIENT_ID`.',
    details: none,
  },
  NO_ARTIFACT_STORE: {
    status: 409,
    retryable: false,
    title: 'This service has no store of artifacts',
    whatToDo: 'Put a correction where the pipeline can read it, and name it in an edit.',
    details: none,
  },
  OPERATION_ENDED: refusal({
    status: 409,
    retryable: false,
    title: 'The operation is over, or is being cancelled',
    whatToDo: 'Read the operation; begin another one for what is left of it.',
    details: z.object({ state: z.enum(OPERATION_STATES) }),
    from: ({ state }) => ({ state }),
  }),
  JOBS_CHANGED: refusal({
    status: 412,
    retryable: false,
    title: 'There are not as many jobs as were expected; nothing was done',
    whatToDo: 'Look at the jobs that there are now, and name their number if they are what you want.',
    details: z.object({ expected: z.int(), found: z.int() }),
    from: ({ expected, found }) => ({ expected, found }),
  }),
  TOO_MANY_JOBS: refusal({
    status: 409,
    retryable: false,
    title: 'More jobs than one operation takes; nothing was done',
    whatToDo: 'Narrow the filter, and begin an operation for each part.',
    details: z.object({ found: z.int(), most: z.int() }),
    from: ({ found, most }) => ({ found, most }),
  }),
  CLIENT_REQUEST_ID_PAYLOAD_MISMATCH: refusal({
    status: 409,
    retryable: false,
    title: 'This client_request_id was used with another payload',
    whatToDo: 'Use a new `client_request_id` for another request.',
    details: z.object({
      client_request_id: z.string(),
      dispatch_id: z
        .string()
        .nullable()
        .meta({ description: 'What it was used for; null for an edit, and for an operation.' }),
    }),
    from: (rejection) => ({
      client_request_id: rejection.clientRequestId,
      dispatch_id: rejection.dispatchId,
    }),
  }),
  IDEMPOTENCY_KEY_MISMATCH: refusal({
    status: 409,
    retryable: false,
    title: 'This Idempotency-Key was used with another body',
    whatToDo: 'Use a new key for another request.',
    details: z.object({ id: z.string().meta({ description: 'What was created with it.' }) }),
    from: (rejection) => ({ id: rejection.id }),
  }),
  // Not retryable: the id is free again some day, and a repeat is never meant to create another thing then.
  RESOURCE_ERASED: refusal({
    status: 410,
    retryable: false,
    title: 'What this Idempotency-Key created has been erased',
    whatToDo: 'Use a new key to create another.',
    details: z.object({ id: z.string().meta({ description: 'What was created with it.' }) }),
    from: ({ id }) => ({ id }),
  }),
  PROJECT_NOT_EMPTY: refusal({
    status: 409,
    retryable: false,
    title: 'The project has jobs',
    whatToDo: 'Erase its jobs first.',
    details: z.object({ jobs: z.int().meta({ description: 'How many there are.' }) }),
    from: ({ jobs }) => ({ jobs }),
  }),
  EXTERNAL_ID_TAKEN: refusal({
    status: 409,
    retryable: false,
    title: 'Another job of this project has this external_id',
    whatToDo:
      'Go on with the job that `job_id` names. Where that is not found within ten minutes, its creation has failed: send this again.',
    details: z.object({ external_id: z.string(), job_id: z.string() }),
    from: (rejection) => ({ external_id: rejection.externalId, job_id: rejection.jobId }),
  }),
  JOB_CHANGED: refusal({
    status: 412,
    retryable: false,
    title: 'The job is not what If-Match names; nothing was done',
    whatToDo: 'Read the job, and ask again with its `ETag` if it is still what you want.',
    details: z.object({ etag: z.string().meta({ description: 'Of the job as it is now.' }) }),
    from: ({ etag }) => ({ etag: `"${etag}"` }),
  }),
  METADATA_FULL: refusal({
    status: 409,
    retryable: false,
    title: 'The job would have more metadata than there is room for; nothing was done',
    whatToDo: 'Take entries away with null in the same request.',
    details: z.object({ max_entries: z.int() }),
    from: (rejection) => ({ max_entries: rejection.maxEntries }),
  }),
  EVENT_ID_PAYLOAD_MISMATCH: refusal({
    status: 409,
    retryable: false,
    title: 'This event_id was used with another payload',
    whatToDo: 'Use a new `event_id` for another report; a repeat bears the same payload.',
    details: z.object({ event_id: z.string() }),
    from: (rejection) => ({ event_id: rejection.eventId }),
  }),
  CALLBACK_OUT_OF_ORDER: refusal({
    status: 409,
    retryable: false,
    title: 'A newer report of this pipeline was applied already',
    whatToDo: 'Nothing: the report came too late to say anything.',
    details: z.object({
      current_status: jobStatus,
      attempted_status: jobStatus,
      latest_applied_occurred_at: z.string(),
    }),
    from: (rejection) => ({
      current_status: rejection.currentStatus,
      attempted_status: rejection.attemptedStatus,
      latest_applied_occurred_at: toTimestamp(rejection.latestAppliedOccurredAt),
    }),
  }),
  MANIFEST_FULL: refusal({
    status: 409,
    retryable: false,
    title: 'The job has no room for more exports: stop',
    whatToDo: 'Stop naming exports; the pipeline may still report how it ends.',
    details: z.object({ max_exports: z.int(), max_bytes: z.int() }),
    from: (rejection) => ({ max_exports: rejection.maxExports, max_bytes: rejection.maxBytes }),
  }),
  REPORTS_EXHAUSTED: refusal({
    status: 409,
    retryable: false,
    title: 'This pipeline has reported more than a job keeps: stop',
    whatToDo: 'Stop reporting, but for how the pipeline ends.',
    details: z.object({ max_reports: z.int() }),
    from: (rejection) => ({ max_reports: rejection.maxReports }),
  }),
  DISPATCH_NOT_CURRENT: refusal({
    status: 409,
    retryable: false,
    title: 'This pipeline is no longer the job’s own: stop',
    whatToDo: 'Stop: what this pipeline does is not taken any more.',
    details: z.object({ dispatch_id: z.string(), dispatch_state: z.string() }),
    from: (rejection) => ({ dispatch_id: rejection.dispatchId, dispatch_state: rejection.dispatchState }),
  }),
  LENGTH_REQUIRED: {
    status: 411,
    retryable: false,
    title: 'The length of the body has to be known before it comes',
    whatToDo: 'Send it with a `Content-Length`, and not in chunks.',
    details: none,
  },
  PAYLOAD_TOO_LARGE: {
    status: 413,
    retryable: false,
    title: 'The body is too large',
    whatToDo: 'Send no more than `max_bytes`.',
    details: z.object({ max_bytes: z.int() }),
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    retryable: false,
    title: 'The body is of a type or coding that is not taken here',
    whatToDo: 'Send JSON as `Content-Type: application/json`, and whatever it is without a content coding.',
    details: none,
  },
  RANGE_NOT_SATISFIABLE: {
    status: 416,
    retryable: false,
    title: 'Nothing of this lies in the range that was asked for',
    whatToDo: 'Ask for what is below `size_bytes`.',
    details: z.object({ size_bytes: z.int() }),
  },
  RATE_LIMITED: {
    status: 429,
    retryable: true,
    title: 'More requests than one owner may send',
    whatToDo: 'Wait as long as `Retry-After` says, and send it again.',
    details: none,
  },
  TOO_MANY_VIEWERS: {
    status: 429,
    retryable: true,
    title: 'As many look at this as may',
    whatToDo: 'Read it without a stream, or wait until a viewer has left.',
    details: none,
  },
  // Retryable: nobody knows that what went wrong goes wrong again, and a report is not to be given up for it.
  INTERNAL: {
    status: 500,
    retryable: true,
    title: 'Something went wrong here',
    whatToDo: 'Send it again with growing pauses; tell the operator the `instance` if it stays.',
    details: none,
  },
  ORCHESTRATOR_DISPATCH_FAILED: refusal({
    status: 502,
    retryable: true,
    title: 'The dispatch was not delivered; nothing about the job changed',
    whatToDo: 'Send it again later, with growing pauses: the job is as it was.',
    details: z.object({
      dispatch_id: z.string(),
      delivery_attempts: z.int(),
      last_error: z.string().nullable(),
    }),
    from: (rejection) => ({
      dispatch_id: rejection.dispatchId,
      delivery_attempts: rejection.deliveryAttempts,
      last_error: rejection.lastError,
    }),
  }),
  OVERLOADED: {
    status: 503,
    retryable: true,
    title: 'The service could not answer at this moment; whether it was done is not known',
    whatToDo: 'Wait as long as `Retry-After` says, and send it again under the same key or id.',
    details: none,
  },
  ARTIFACT_STORE_UNAVAILABLE: {
    status: 503,
    retryable: true,
    title: 'The store of artifacts could not answer; nothing was done',
    whatToDo: 'Wait as long as `Retry-After` says, and send it again under the same key.',
    details: none,
  },
  AUTHENTICATION_UNAVAILABLE: {
    status: 503,
    retryable: true,
    title: 'Tokens cannot be verified right now',
    whatToDo: 'Wait as long as `Retry-After` says, and send it again.',
    details: none,
  },
  // Retryable: its operator is at it, and a report that comes meanwhile is not to be lost.
  SERVICE_NOT_CONFIGURED: {
    status: 503,
    retryable: true,
    title: 'The service is not set up',
    whatToDo: 'Wait: the operator has to complete the settings.',
    details: none,
  },
} satisfies { [Code in RejectionCode]: RefusalRow<RejectionOf<Code>> } & Record<string, Row>;

export type ErrorCode = keyof typeof ERRORS;

export type DetailsOf<Code extends ErrorCode> = z.input<(typeof ERRORS)[Code]['details']>;

/** RFC 9457 §3.1.1: a name for this kind of problem; nothing is found there. */
export const problemType = (code: ErrorCode): string =>
  `urn:retake:problem:${code.toLowerCase().replaceAll('_', '-')}`;

/** The details of what the domain refused. */
export function detailsOf(rejection: Rejection): DetailsOf<RejectionCode> {
  const { from } = ERRORS[rejection.code];
  // The row is the rejection's own by its code, which the compiler cannot follow over a union.
  return from(rejection as never);
}

/** A refusal as a plan tells of it: what the same request would be answered with, were it made. */
export function plannedRefusal(rejection: Rejection) {
  const { title, status } = ERRORS[rejection.code];
  return { error_code: rejection.code, title, status, details: { ...detailsOf(rejection) } };
}
