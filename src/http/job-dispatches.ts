// What an editor asks a pipeline for: run, retry, redo, export. Parse, ask the job's actor, reply; which of them a job may have
// and what it would do is in domain/acts.ts and plan.ts.
import type { Context } from 'hono';
import type * as z from 'zod';
import * as problems from '../contract/problems.ts';
import * as requests from '../contract/requests.ts';
import { toDispatchPlan } from '../contract/resources.ts';
import { jobObject } from '../objects.ts';
import type { AppEnv } from './app-env.ts';
import {
  correlationHeader,
  dispatchAsked,
  preferHeader,
  requestIdHeaders,
  requestIdIssue,
  requestIdOf,
} from './asker.ts';
import { recognisedByItself } from './idempotency-key.ts';
import { ifMatchPlan } from './if-match.ts';
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

const base = {
  method: 'post' as const,
  tags: ['Jobs'],
  security: editorSecurity,
  parameters: [preferHeader, correlationHeader],
};
const refusals = {
  ...editorRefusals,
  ...bodyRefusals,
  ...notFound,
  502: refusal(problems.upstreamDispatchError, 'The orchestrator did not take it; nothing changed'),
};
const dispatched = {
  200: json(requests.dispatchResponse, 'This request was accepted before; its dispatch'),
  202: json(requests.dispatchResponse, 'Accepted and dispatched'),
  ...refusals,
};
const planned = {
  headers: requestIdHeaders.extend({ 'If-Match': ifMatchPlan }),
  changed: { 412: refusal(problems.planChangedError, 'What it would do now is not what If-Match names') },
};
const known = { ...ofJob, together: requestIdIssue };

const runJob = defineRoute({
  ...base,
  path: '/jobs/{jobId}/run',
  operationId: 'runJob',
  summary: 'Run the pipeline on the uploaded video',
  request: { ...ofJob, headers: recognisedByItself, body: optionalJsonBody(requests.runJobRequest) },
  responses: {
    200: json(requests.runJobResponse, 'The job was run before; its dispatch'),
    202: json(requests.runJobResponse, 'Dispatched'),
    ...refusals,
    409: refusal(problems.runStateConflictError, 'The job or the model policy does not allow it'),
  },
});

const retryJob = defineRoute({
  ...base,
  path: '/jobs/{jobId}/retry',
  operationId: 'retryJob',
  summary: 'Retry a failed job from its latest valid checkpoint',
  request: { ...known, headers: planned.headers, body: jsonBody(requests.retryJobRequest) },
  responses: {
    ...dispatched,
    ...planned.changed,
    409: refusal(problems.retryStateConflictError, 'The job or the model policy does not allow it'),
  },
});

const redoJob = defineRoute({
  ...base,
  path: '/jobs/{jobId}/redo',
  operationId: 'redoJob',
  summary: 'Have a finished draft made again; the one of before stays',
  request: { ...known, headers: planned.headers, body: jsonBody(requests.redoJobRequest) },
  responses: {
    ...dispatched,
    ...planned.changed,
    409: refusal(problems.redoConflictError, 'The job or the model policy does not allow it'),
  },
});

const exportJob = defineRoute({
  ...base,
  path: '/jobs/{jobId}/export',
  operationId: 'exportJob',
  summary: 'Have the draft exported',
  request: { ...known, headers: requestIdHeaders, body: jsonBody(requests.exportJobRequest) },
  responses: {
    ...dispatched,
    409: refusal(problems.exportConflictError, 'The job does not allow it, or there is no draft'),
  },
});

export const jobDispatchRoutes: readonly Route[] = [
  route(runJob, async (c) => {
    const { waitMs, ...asked } = dispatchAsked(c);
    const modelProfile = c.req.valid('json').model_profile ?? null;
    const actor = jobObject(c.env, c.req.valid('param').jobId);
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
    const { waitMs, ...asked } = dispatchAsked(c);
    const resumption = resumptionOf(c.req.valid('header'), c.req.valid('json'));
    const actor = jobObject(c.env, c.req.valid('param').jobId);
    return reply(c, await actor.dispatch({ type: 'retry', ...resumption, ...asked }, waitMs));
  }),

  route(redoJob, async (c) => {
    const { waitMs, ...asked } = dispatchAsked(c);
    const resumption = resumptionOf(c.req.valid('header'), c.req.valid('json'));
    const actor = jobObject(c.env, c.req.valid('param').jobId);
    return reply(c, await actor.dispatch({ type: 'redo', ...resumption, ...asked }, waitMs));
  }),

  route(exportJob, async (c) => {
    const { waitMs, ...asked } = dispatchAsked(c);
    const { formats, params, discard_edits, ...body } = c.req.valid('json');
    const discardEdits = discard_edits ?? [];
    const clientRequestId = requestIdOf(c.req.valid('header'), body);
    const task = { kind: 'export' as const, formats, params: params ? JSON.stringify(params) : null };
    const actor = jobObject(c.env, c.req.valid('param').jobId);
    return reply(
      c,
      await actor.dispatch({ type: 'export', clientRequestId, discardEdits, task, ...asked }, waitMs),
    );
  }),
];

/** What a retry and a redo are asked with. */
const resumptionOf = (
  headers: z.infer<typeof planned.headers>,
  body: z.infer<typeof requests.retryJobRequest>,
) => ({
  modelProfile: body.model_profile,
  clientRequestId: requestIdOf(headers, body),
  resumeFrom: body.resume_from ?? null,
  discardEdits: body.discard_edits ?? [],
  ifMatch: headers['If-Match'] ?? null,
});

type DispatchAnswer = Awaited<ReturnType<ReturnType<typeof jobObject>['dispatch']>>;

/** With the dispatch of whatever resumes. */
function reply(c: Context<AppEnv>, answer: DispatchAnswer) {
  if (!answer.ok) return refuse(c, answer.rejection);
  const { job, dispatch, replayed } = answer;
  const { resumeFromStatus, checkpointRef } = dispatch;
  if (resumeFromStatus === null || checkpointRef === null) throw new Error('what is no run resumes');
  c.set('dispatchId', dispatch.id);
  const body = {
    job_id: job.id,
    status: job.status,
    resume_from_status: resumeFromStatus,
    checkpoint_ref: checkpointRef,
    model_profile: dispatch.modelProfile,
    plan: dispatch.plan && toDispatchPlan(dispatch.plan),
    dispatch_id: dispatch.id,
    dispatch_state: dispatch.state,
    replayed,
  };
  return replayed ? c.json(body, 200) : c.json(body, 202);
}
