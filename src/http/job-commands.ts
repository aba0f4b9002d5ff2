// What an editor does with one job. Parse, ask the job's actor, reply; no rule about a job's state lives here.
import type { Context } from 'hono';
import { newDispatchId } from '../contract/ids.ts';
import * as problems from '../contract/problems.ts';
import * as requests from '../contract/requests.ts';
import { job, toJobResource } from '../contract/resources.ts';
import { jobObject } from '../objects.ts';
import type { AppEnv } from './app-env.ts';
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

const base = { method: 'post' as const, tags: ['Jobs'], security: editorSecurity };
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

const runJob = defineRoute({
  ...base,
  path: '/jobs/{jobId}/run',
  operationId: 'runJob',
  summary: 'Run the pipeline on the uploaded video',
  parameters: [preferHeader],
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

const retryJob = defineRoute({
  ...base,
  path: '/jobs/{jobId}/retry',
  operationId: 'retryJob',
  summary: 'Retry a failed job from its latest valid checkpoint',
  parameters: [preferHeader],
  request: { ...ofJob, body: jsonBody(requests.retryJobRequest) },
  responses: {
    200: json(requests.retryJobResponse, 'This request was accepted before; its dispatch'),
    202: json(requests.retryJobResponse, 'Accepted and dispatched'),
    ...editorRefusals,
    ...bodyRefusals,
    ...notFound,
    409: refusal(problems.retryStateConflictError, 'The job or the model policy does not allow it'),
    502: refusal(problems.upstreamDispatchError, 'The orchestrator did not take it; nothing changed'),
  },
});

const cancelJob = defineRoute({
  ...base,
  path: '/jobs/{jobId}/cancel',
  operationId: 'cancelJob',
  summary: 'Cancel a job for good',
  request: { ...ofJob, body: optionalJsonBody(requests.emptyBody) },
  responses: {
    200: json(job, 'The cancelled job'),
    ...editorRefusals,
    ...bodyRefusals,
    ...notFound,
    409: refusal(problems.transitionConflictError, 'The job has ended'),
  },
});

export const jobCommandRoutes: readonly Route[] = [
  route(confirmUpload, async (c) => {
    const actor = jobObject(c.env, c.req.valid('param').jobId);
    const answer = await actor.confirmUpload({
      type: 'confirm-upload',
      owner: c.get('owner'),
      actorId: c.get('actorId'),
      correlationId: c.get('requestId'),
      videoUri: c.req.valid('json').video_uri,
    });
    if (!answer.ok) return refuse(c, answer.rejection);
    return c.json({ job: toJobResource(answer.job, answer.open), replayed: answer.replayed }, 200);
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
    };
    return answer.replayed ? c.json(body, 200) : c.json(body, 202);
  }),

  route(retryJob, async (c) => {
    const actor = jobObject(c.env, c.req.valid('param').jobId);
    const { model_profile, client_request_id } = c.req.valid('json');
    const { waitMs, ...asked } = dispatchAsked(c);
    const payload = { modelProfile: model_profile, clientRequestId: client_request_id };
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
      dispatch_id: dispatch.id,
      dispatch_state: dispatch.state,
      replayed: answer.replayed,
    };
    return answer.replayed ? c.json(body, 200) : c.json(body, 202);
  }),

  route(cancelJob, async (c) => {
    const actor = jobObject(c.env, c.req.valid('param').jobId);
    const answer = await actor.cancel({
      type: 'cancel',
      owner: c.get('owner'),
      actorId: c.get('actorId'),
      correlationId: c.get('requestId'),
    });
    if (!answer.ok) return refuse(c, answer.rejection);
    return c.json(toJobResource(answer.job, answer.open), 200);
  }),
];

/** What a run and a retry have in common: who asks for a dispatch, and how long its outcome is waited for. */
function dispatchAsked(c: Context<AppEnv>) {
  const { waitMs, windowMs, applied } = planWait(c.req.header('prefer'), c.get('config').dispatchWaitMs);
  if (applied !== null) c.header('preference-applied', applied);
  return {
    owner: c.get('owner'),
    actorId: c.get('actorId'),
    correlationId: c.get('requestId'),
    newDispatchId: newDispatchId(),
    traceparent: traceparentOf(c.req.header('traceparent')),
    windowMs,
    waitMs,
  };
}
