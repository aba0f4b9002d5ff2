// What an editor does with one job. Parse, ask the job's actor, reply; no rule about a job's state lives here.
import type { Context } from 'hono';
import type * as z from 'zod';
import { newDispatchId } from '../contract/ids.ts';
import * as problems from '../contract/problems.ts';
import * as requests from '../contract/requests.ts';
import { job, toDispatchPlan, toJobResource } from '../contract/resources.ts';
import { jobObject } from '../objects.ts';
import type { AppEnv } from './app-env.ts';
import { refuseVideo } from './editors-media.ts';
import { withIdempotencyKey } from './idempotency-key.ts';
import { ifMatch } from './if-match.ts';
import { planWait } from './prefer.ts';
import { refuse } from './problem.ts';
import { defineRoute, type Route, route } from './route.ts';
import {
  bodyRefusals,
  editorRefusals,
  editorSecurity,
  json,
  jsonBody,
  notFound,
  ofJob,
  optionalJsonBody,
  refusal,
} from './route-parts.ts';
import { traceparentOf } from './trace.ts';

const correlationHeader = {
  name: 'X-Correlation-Id',
  in: 'header' as const,
  required: false,
  description:
    'By which the act is known in the audit trail and to the orchestrator: 1 to 128 visible ASCII characters. Without one it is the `X-Request-Id` of the answer.',
  schema: { type: 'string' as const },
};
const base = {
  method: 'post' as const,
  tags: ['Jobs'],
  security: editorSecurity,
  parameters: [correlationHeader],
};
const preferHeader = {
  name: 'Prefer',
  in: 'header' as const,
  required: false,
  description:
    'RFC 7240. `respond-async`: answer as soon as the dispatch is durable. `wait=N`: wait up to N seconds, at most 30.',
  schema: { type: 'string' as const },
};

const confirmUpload = defineRoute({
  ...base,
  path: '/jobs/{jobId}/confirm-upload',
  operationId: 'confirmUpload',
  summary: 'Say where the uploaded video is',
  request: { ...ofJob, body: jsonBody(requests.confirmUploadRequest) },
  responses: {
    200: json(requests.confirmUploadResponse, 'Confirmed, now or before'),
    ...editorRefusals,
    ...bodyRefusals,
    ...notFound,
    409: refusal(problems.confirmUploadConflictError, 'Another video, or not a status to upload in'),
  },
});

const renewVideo = defineRoute({
  ...base,
  method: 'put',
  path: '/jobs/{jobId}/video',
  operationId: 'renewVideo',
  summary: 'Say where else the same video is, when its URI has gone stale',
  request: { ...ofJob, body: jsonBody(requests.renewVideoRequest) },
  responses: {
    200: json(requests.confirmUploadResponse, 'Renewed, now or before; checkpoints stay'),
    ...editorRefusals,
    ...bodyRefusals,
    ...notFound,
    409: refusal(problems.renewVideoConflictError, 'Not the confirmed video, or a pipeline is at work on it'),
  },
});

const runJob = defineRoute({
  ...base,
  path: '/jobs/{jobId}/run',
  operationId: 'runJob',
  summary: 'Run the pipeline on the uploaded video',
  parameters: [preferHeader, correlationHeader],
  request: { ...ofJob, body: optionalJsonBody(requests.runJobRequest) },
  responses: {
    200: json(requests.runJobResponse, 'The job was run before; its dispatch'),
    202: json(requests.runJobResponse, 'Dispatched'),
    ...editorRefusals,
    ...bodyRefusals,
    ...notFound,
    409: refusal(problems.runStateConflictError, 'The job or the model policy does not allow it'),
    502: refusal(problems.upstreamDispatchError, 'The orchestrator did not take it; nothing changed'),
  },
});

const retryHeaders = withIdempotencyKey('Another way to say `client_request_id`.').extend({
  'If-Match': ifMatch,
});

const retryJob = defineRoute({
  ...base,
  path: '/jobs/{jobId}/retry',
  operationId: 'retryJob',
  summary: 'Retry a failed job from its latest valid checkpoint',
  parameters: [preferHeader, correlationHeader],
  request: {
    ...ofJob,
    headers: retryHeaders,
    body: jsonBody(requests.retryJobRequest),
    together: requestIdIssue,
  },
  responses: {
    200: json(requests.retryJobResponse, 'This request was accepted before; its dispatch'),
    202: json(requests.retryJobResponse, 'Accepted and dispatched'),
    ...editorRefusals,
    ...bodyRefusals,
    ...notFound,
    409: refusal(problems.retryStateConflictError, 'The job or the model policy does not allow it'),
    412: refusal(problems.planChangedError, 'What it would do now is not what If-Match names'),
    502: refusal(problems.upstreamDispatchError, 'The orchestrator did not take it; nothing changed'),
  },
});

const abandonJob = defineRoute({
  ...base,
  path: '/jobs/{jobId}/abandon',
  operationId: 'abandonJob',
  summary: 'Give up the pipeline at work, so that the job can be retried at once',
  request: { ...ofJob, body: optionalJsonBody(requests.emptyBody) },
  responses: {
    200: json(job, 'The failed job, with the failure code ABANDONED'),
    ...editorRefusals,
    ...bodyRefusals,
    ...notFound,
    409: refusal(problems.jobNotRunningError, 'There is nothing to give up'),
  },
});

const cancelJob = defineRoute({
  ...base,
  path: '/jobs/{jobId}/cancel',
  operationId: 'cancelJob',
  summary: 'Cancel a job for good',
  request: { ...ofJob, body: optionalJsonBody(requests.emptyBody) },
  responses: {
    200: json(job, 'The cancelled job, cancelled now or before'),
    ...editorRefusals,
    ...bodyRefusals,
    ...notFound,
    409: refusal(problems.transitionConflictError, 'The job has ended'),
  },
});

export const jobCommandRoutes: readonly Route[] = [
  route(confirmUpload, async (c) => {
    const { jobId } = c.req.valid('param');
    const videoUri = c.req.valid('json').video_uri;
    const refused = await refuseVideo(c, jobId, videoUri);
    if (refused) return refused;
    const actor = jobObject(c.env, jobId);
    const answer = await actor.confirmUpload({ type: 'confirm-upload', ...asker(c), videoUri });
    if (!answer.ok) return refuse(c, answer.rejection);
    return c.json(
      { job: toJobResource(answer.job, answer.open, c.get('config').rules), replayed: answer.replayed },
      200,
    );
  }),

  route(renewVideo, async (c) => {
    const { jobId } = c.req.valid('param');
    const { video_uri: videoUri, replaces } = c.req.valid('json');
    const refused = await refuseVideo(c, jobId, videoUri);
    if (refused) return refused;
    const actor = jobObject(c.env, jobId);
    const answer = await actor.renewVideo({ type: 'renew-video', ...asker(c), videoUri, replaces });
    if (!answer.ok) return refuse(c, answer.rejection);
    return c.json(
      { job: toJobResource(answer.job, answer.open, c.get('config').rules), replayed: answer.replayed },
      200,
    );
  }),

  route(runJob, async (c) => {
    const actor = jobObject(c.env, c.req.valid('param').jobId);
    const { waitMs, ...asked } = dispatchAsked(c);
    const modelProfile = c.req.valid('json').model_profile ?? null;
    const answer = await actor.dispatch({ type: 'run', modelProfile, ...asked }, waitMs);
    if (!answer.ok) return refuse(c, answer.rejection);
    c.set('dispatchId', answer.dispatch.id);
    const body = {
      job_id: answer.job.id,
      status: answer.job.status,
      dispatch_id: answer.dispatch.id,
      dispatch_state: answer.dispatch.state,
      replayed: answer.replayed,
      next_actions: answer.nextActions,
    };
    return answer.replayed ? c.json(body, 200) : c.json(body, 202);
  }),

  route(retryJob, async (c) => {
    const actor = jobObject(c.env, c.req.valid('param').jobId);
    const { model_profile, client_request_id, resume_from = null } = c.req.valid('json');
    const { waitMs, ...asked } = dispatchAsked(c);
    const headers = c.req.valid('header');
    const clientRequestId = client_request_id ?? headers['Idempotency-Key'];
    if (clientRequestId === undefined) throw new Error('a retry without its id is refused before');
    const payload = {
      modelProfile: model_profile,
      clientRequestId,
      resumeFrom: resume_from,
      ifMatch: headers['If-Match'] ?? null,
    };
    const answer = await actor.dispatch({ type: 'retry', ...payload, ...asked }, waitMs);
    if (!answer.ok) return refuse(c, answer.rejection);
    const { dispatch } = answer;
    if (dispatch.kind !== 'retry') throw new Error('a retry answers with the dispatch of a retry');
    c.set('dispatchId', dispatch.id);
    const body = {
      job_id: answer.job.id,
      status: answer.job.status,
      resume_from_status: dispatch.resumeFromStatus,
      checkpoint_ref: dispatch.checkpointRef,
      model_profile: dispatch.modelProfile,
      plan: dispatch.plan && toDispatchPlan(dispatch.plan),
      dispatch_id: dispatch.id,
      dispatch_state: dispatch.state,
      replayed: answer.replayed,
    };
    return answer.replayed ? c.json(body, 200) : c.json(body, 202);
  }),

  route(abandonJob, async (c) => {
    const actor = jobObject(c.env, c.req.valid('param').jobId);
    const answer = await actor.abandon({ type: 'abandon', ...asker(c) });
    if (!answer.ok) return refuse(c, answer.rejection);
    return c.json(toJobResource(answer.job, answer.open, c.get('config').rules), 200);
  }),

  route(cancelJob, async (c) => {
    const actor = jobObject(c.env, c.req.valid('param').jobId);
    const answer = await actor.cancel({ type: 'cancel', ...asker(c) });
    if (!answer.ok) return refuse(c, answer.rejection);
    return c.json(toJobResource(answer.job, answer.open, c.get('config').rules), 200);
  }),
];

/** Who asks, and by which id the request is known: the caller's own, where it gave a usable one. */
function asker(c: Context<AppEnv>) {
  const given = c.req.header('x-correlation-id') ?? '';
  const correlationId = CORRELATION_ID.test(given) ? given : c.get('requestId');
  return { owner: c.get('owner'), actorId: c.get('actorId'), correlationId };
}
const CORRELATION_ID = /^[!-~]{1,128}$/;

/** The header and the body are two ways to say by which id a retry is known. */
function requestIdIssue(headers: object, body: object) {
  const { 'Idempotency-Key': key } = headers as z.infer<typeof retryHeaders>;
  const { client_request_id: id } = body as { client_request_id?: unknown };
  const issue = (message: string) => ({ path: 'client_request_id', message });
  if (id === undefined && key === undefined) return issue('is required, here or as Idempotency-Key');
  return id === undefined || key === undefined || id === key
    ? null
    : issue('is not what Idempotency-Key says');
}

/** What a run and a retry have in common: who asks for a dispatch, and how long its outcome is waited for. */
function dispatchAsked(c: Context<AppEnv>) {
  const { waitMs, windowMs, applied } = planWait(c.req.header('prefer'), c.get('config').dispatchWaitMs);
  if (applied !== null) c.header('preference-applied', applied);
  return {
    ...asker(c),
    newDispatchId: newDispatchId(),
    traceparent: traceparentOf(c.req.header('traceparent')),
    windowMs,
    waitMs,
  };
}
