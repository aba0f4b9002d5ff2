// Projects, and the jobs in them: create and list. Parse, ask the project or the workspace, reply.
import type { Context } from 'hono';
import { positionCursor, toPage } from '../contract/fields.ts';
import { type IdPrefix, idFor, newId } from '../contract/ids.ts';
import { jobFilterQuery, toJobFilter } from '../contract/job-filter.ts';
import { toLabels } from '../contract/labels.ts';
import { payloadDigest } from '../contract/payload-digest.ts';
import {
  createJobConflictError,
  idempotencyKeyMismatchError,
  resourceErasedError,
} from '../contract/problems.ts';
import {
  jobCounts,
  jobSummaryPage,
  project,
  projectPage,
  toCountsResource,
  toProjectResource,
  toSummaryResource,
} from '../contract/projects.ts';
import { createJobRequest, createProjectRequest } from '../contract/requests.ts';
import { job, toJobResource } from '../contract/resources.ts';
import { jobObject, projectObject, workspaceObject } from '../objects.ts';
import type { AppEnv } from './app-env.ts';
import { withIdempotencyKey } from './idempotency-key.ts';
import { problem, refuse } from './problem.ts';
import { defineRoute, type Route, route } from './route.ts';
import {
  bodyRefusals,
  DEFAULT_LIMIT,
  editorRefusals,
  editorSecurity,
  json,
  jsonBody,
  notFound,
  ofProject,
  optionalJsonBody,
  pageQuery,
  refusal,
} from './route-parts.ts';

const repeatable = {
  headers: withIdempotencyKey('A repeat with the same key and body is answered with what the first created.'),
  conflict: refusal(idempotencyKeyMismatchError, 'The key was used with another body'),
  erased: refusal(resourceErasedError, 'What the key created has been erased'),
};

const createProject = defineRoute({
  method: 'post',
  path: '/projects',
  operationId: 'createProject',
  summary: 'Create a project',
  tags: ['Projects'],
  security: editorSecurity,
  request: { headers: repeatable.headers, body: jsonBody(createProjectRequest) },
  responses: {
    200: json(project, 'The project, which this request created before'),
    201: json(project, 'The project'),
    ...editorRefusals,
    ...bodyRefusals,
    409: repeatable.conflict,
    410: repeatable.erased,
  },
});

const listProjects = defineRoute({
  method: 'get',
  path: '/projects',
  operationId: 'listProjects',
  summary: 'List your projects, newest first',
  tags: ['Projects'],
  security: editorSecurity,
  request: { query: pageQuery(positionCursor.decode) },
  responses: { 200: json(projectPage, 'A page of projects'), ...editorRefusals },
});

const getProject = defineRoute({
  method: 'get',
  path: '/projects/{projectId}',
  operationId: 'getProject',
  summary: 'Read a project',
  tags: ['Projects'],
  security: editorSecurity,
  request: ofProject,
  responses: { 200: json(project, 'The project'), ...editorRefusals, ...notFound },
});

const createJob = defineRoute({
  method: 'post',
  path: '/projects/{projectId}/jobs',
  operationId: 'createJob',
  summary: 'Create a job',
  tags: ['Projects'],
  security: editorSecurity,
  request: { ...ofProject, headers: repeatable.headers, body: optionalJsonBody(createJobRequest) },
  responses: {
    200: json(job, 'The job as it is now, which this request created before'),
    201: json(job, 'The job'),
    ...editorRefusals,
    ...bodyRefusals,
    ...notFound,
    409: refusal(
      createJobConflictError,
      'The key was used with another body, or the external_id is another job’s',
    ),
    410: repeatable.erased,
  },
});

const listJobs = defineRoute({
  method: 'get',
  path: '/projects/{projectId}/jobs',
  operationId: 'listJobs',
  summary: 'List the jobs of a project, newest first',
  tags: ['Projects'],
  security: editorSecurity,
  request: {
    ...ofProject,
    query: pageQuery(positionCursor.decode).extend(jobFilterQuery.shape),
  },
  responses: {
    200: json(
      jobSummaryPage,
      'A page of jobs. Where few of very many match, it may be short, or empty, and have a `next_cursor` all the same.',
    ),
    ...editorRefusals,
    ...notFound,
  },
});

const countJobs = defineRoute({
  method: 'get',
  path: '/projects/{projectId}/counts',
  operationId: 'countJobs',
  summary: 'How many jobs of a project are where',
  tags: ['Projects'],
  security: editorSecurity,
  request: ofProject,
  responses: { 200: json(jobCounts, 'The counts'), ...editorRefusals, ...notFound },
});

export const projectRoutes: readonly Route[] = [
  route(createProject, async (c) => {
    const { name } = c.req.valid('json');
    const owner = c.get('owner');
    const ids = await idsOfNew(c, 'prj', '', c.req.valid('header')['Idempotency-Key']);
    const answer = await projectObject(c.env, ids.id).create({ ...ids, owner, name });
    if (!answer.ok) return refuse(c, answer.rejection);
    return c.json(toProjectResource(answer.project), answer.replayed ? 200 : 201);
  }),

  route(listProjects, async (c) => {
    const { cursor = null, limit = DEFAULT_LIMIT } = c.req.valid('query');
    const found = await workspaceObject(c.env, c.get('owner')).projects(cursor, limit + 1);
    return c.json(toPage(found, limit, toProjectResource, positionCursor.encode), 200);
  }),

  route(getProject, async (c) => {
    const found = await projectObject(c.env, c.req.valid('param').projectId).show(c.get('owner'));
    return found ? c.json(toProjectResource(found), 200) : problem(c, 'RESOURCE_NOT_FOUND', {});
  }),

  route(createJob, async (c) => {
    const { projectId } = c.req.valid('param');
    const owner = c.get('owner');
    const ids = await idsOfNew(c, 'job', projectId, c.req.valid('header')['Idempotency-Key']);
    const labels = toLabels(c.req.valid('json'));
    const { externalId } = labels;
    const admission = await projectObject(c.env, projectId).admit(owner, { jobId: ids.id, externalId });
    if (!admission.ok) return refuse(c, admission.rejection);
    const origin = { ...ids, ...labels, projectId, owner, ownerIdentity: c.get('ownerIdentity') };
    const answer = await jobObject(c.env, ids.id).create(origin, admission.at);
    if (!answer.ok) return refuse(c, answer.rejection);
    const created = toJobResource(answer.job, answer.open, c.get('config').rules);
    return answer.replayed ? c.json(created, 200) : c.json(created, 201, { location: `/jobs/${ids.id}` });
  }),

  route(listJobs, async (c) => {
    const { cursor = null, limit = DEFAULT_LIMIT, ...query } = c.req.valid('query');
    const project = projectObject(c.env, c.req.valid('param').projectId);
    const found = await project.jobs(c.get('owner'), toJobFilter(query), cursor, limit);
    if (!found) return problem(c, 'RESOURCE_NOT_FOUND', {});
    const { items, next } = found;
    const end = next ?? items.at(-1) ?? null;
    return c.json(
      {
        items: items.map(toSummaryResource),
        next_cursor: next && positionCursor.encode(next),
        end_cursor: end && positionCursor.encode(end),
      },
      200,
    );
  }),

  route(countJobs, async (c) => {
    const counts = await projectObject(c.env, c.req.valid('param').projectId).counts(c.get('owner'));
    return counts ? c.json(toCountsResource(counts), 200) : problem(c, 'RESOURCE_NOT_FOUND', {});
  }),
];

/** The id of what is created, and by what its repeat is told from another request under the same key. */
async function idsOfNew(c: Context<AppEnv>, prefix: IdPrefix, place: string, key: string | undefined) {
  const { idKeys } = c.get('config');
  if (key === undefined) return { id: await newId(prefix, idKeys), requestDigest: null };
  return {
    id: await idFor(prefix, { owner: c.get('owner'), place, key }, idKeys),
    // No body says as much as an empty one.
    requestDigest: await payloadDigest(c.get('sent') ?? {}),
  };
}
