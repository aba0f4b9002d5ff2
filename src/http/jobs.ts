// What an editor is shown of one job. Parse, ask the job's actor, reply.
import { artifactVersionPage, toVersionResource } from '../contract/artifacts.ts';
import { attemptPage, toAttemptResource } from '../contract/attempts.ts';
import { placeCursor, positionCursor, sequenceCursor, toPage } from '../contract/fields.ts';
import {
  dispatchPage,
  job,
  toDispatchResource,
  toTransitionResource,
  transitionPage,
} from '../contract/resources.ts';
import { jobObject } from '../objects.ts';
import { revalidated } from './app-env.ts';
import { matches } from './if-none-match.ts';
import { refuse } from './problem.ts';
import { defineRoute, type Route, route } from './route.ts';
import {
  DEFAULT_LIMIT,
  editorRefusals,
  editorSecurity,
  etagHeader,
  json,
  notFound,
  ofJob,
  pageQuery,
} from './route-parts.ts';
import { showJob } from './shown-job.ts';

/** Each is read with all that it left in the history. */
const MOST_ATTEMPTS = 20;

const base = { method: 'get' as const, tags: ['Jobs'], security: editorSecurity };

const getJob = defineRoute({
  ...base,
  path: '/jobs/{jobId}',
  operationId: 'getJob',
  summary: 'Read a job',
  parameters: [{ name: 'If-None-Match', in: 'header', required: false, schema: { type: 'string' } }],
  request: ofJob,
  responses: {
    200: { ...json(job, 'The job'), ...etagHeader },
    304: { description: 'Not modified since the ETag in If-None-Match' },
    ...editorRefusals,
    ...notFound,
  },
});

const listDispatches = defineRoute({
  ...base,
  path: '/jobs/{jobId}/dispatches',
  operationId: 'listDispatches',
  summary: 'The dispatches of a job, newest first',
  request: { ...ofJob, query: pageQuery(positionCursor.decode) },
  responses: { 200: json(dispatchPage, 'A page of dispatches'), ...editorRefusals, ...notFound },
});

const listAttempts = defineRoute({
  ...base,
  path: '/jobs/{jobId}/attempts',
  operationId: 'listAttempts',
  summary: 'What became of each dispatch, newest first',
  request: { ...ofJob, query: pageQuery(positionCursor.decode, MOST_ATTEMPTS) },
  responses: { 200: json(attemptPage, 'A page of attempts'), ...editorRefusals, ...notFound },
});

const listArtifacts = defineRoute({
  ...base,
  path: '/jobs/{jobId}/artifacts',
  operationId: 'listArtifacts',
  summary: 'Every version of every artifact, oldest first',
  request: { ...ofJob, query: pageQuery(placeCursor.decode) },
  responses: { 200: json(artifactVersionPage, 'A page of versions'), ...editorRefusals, ...notFound },
});

const listTransitions = defineRoute({
  ...base,
  path: '/jobs/{jobId}/transitions',
  operationId: 'listTransitions',
  summary: 'The audit trail of a job, oldest first',
  request: { ...ofJob, query: pageQuery(sequenceCursor.decode) },
  responses: { 200: json(transitionPage, 'A page of transitions'), ...editorRefusals, ...notFound },
});

export const jobRoutes: readonly Route[] = [
  route(getJob, async (c) => {
    const answer = await jobObject(c.env, c.req.valid('param').jobId).show(c.get('owner'));
    if (!answer.ok) return refuse(c, answer.rejection);
    c.header('etag', answer.etag);
    c.header('cache-control', revalidated(c));
    if (matches(c.req.header('if-none-match'), answer.etag)) return c.body(null, 304);
    return showJob(c, answer);
  }),

  route(listDispatches, async (c) => {
    const { cursor = null, limit = DEFAULT_LIMIT } = c.req.valid('query');
    const actor = jobObject(c.env, c.req.valid('param').jobId);
    const answer = await actor.dispatches(c.get('owner'), cursor, limit + 1);
    if (!answer.ok) return refuse(c, answer.rejection);
    return c.json(toPage(answer.items, limit, toDispatchResource, positionCursor.encode), 200);
  }),

  route(listAttempts, async (c) => {
    const { cursor = null, limit = MOST_ATTEMPTS } = c.req.valid('query');
    const actor = jobObject(c.env, c.req.valid('param').jobId);
    const answer = await actor.attempts(c.get('owner'), cursor, limit + 1);
    if (!answer.ok) return refuse(c, answer.rejection);
    const toCursor = ({ dispatch }: (typeof answer.items)[number]) => positionCursor.encode(dispatch);
    return c.json(toPage(answer.items, limit, toAttemptResource, toCursor), 200);
  }),

  route(listArtifacts, async (c) => {
    const { cursor = null, limit = DEFAULT_LIMIT } = c.req.valid('query');
    const actor = jobObject(c.env, c.req.valid('param').jobId);
    const answer = await actor.artifacts(c.get('owner'), cursor, limit + 1);
    if (!answer.ok) return refuse(c, answer.rejection);
    const toItem = ({ made }: (typeof answer.items)[number]) => toVersionResource(made, answer.versions);
    return c.json(toPage(answer.items, limit, toItem, placeCursor.encode), 200);
  }),

  route(listTransitions, async (c) => {
    const { cursor = 0, limit = DEFAULT_LIMIT } = c.req.valid('query');
    const actor = jobObject(c.env, c.req.valid('param').jobId);
    const answer = await actor.transitions(c.get('owner'), cursor, limit + 1);
    if (!answer.ok) return refuse(c, answer.rejection);
    const toItem = (entry: (typeof answer.items)[number]) => toTransitionResource(entry, answer);
    return c.json(toPage(answer.items, limit, toItem, sequenceCursor.encode), 200);
  }),
];
