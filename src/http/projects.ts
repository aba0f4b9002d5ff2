// Projects, and the jobs in them: create and list. Parse, ask the project or the workspace, reply.
import type { Context } from 'hono';
import { positionCursor, toPage } from '../contract/fields.ts';
import { type IdPrefix, idFor, newId } from '../contract/ids.ts';
import { payloadDigest } from '../contract/payload-digest.ts';
import { idempotencyKeyMismatchError, resourceErasedError } from '../contract/problems.ts';
import { createProjectRequest, emptyBody } from '../contract/requests.ts';
import {
  job,
  jobSummaryPage,
  project,
  projectPage,
  toJobResource,
  toProjectResource,
  toSummaryResource,
} from '../contract/resources.ts';
import { jobStatus } from '../contract/statuses.ts';
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
  request: { ...ofProject, headers: repeatable.headers, body: optionalJsonBody(emptyBody) },
  responses: {
    200: json(job, 'The job as it is now, which this request created before'),
    201: json(job, 'The job'),
    ...editorRefusals,
    ...bodyRefusals,
    ...notFound,
    409: repeatable.conflict,
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
    query: pageQuery(positionCursor.decode).extend({ status: jobStatus.optional() }),
  },
  responses: { 200: json(jobSummaryPage, 'A page of jobs'), ...editorRefusals, ...notFound },
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
    const admitted = await projectObject(c.env, projectId).admit(owner, ids);
    if (!admitted.ok) return refuse(c, admitted.rejection);
    const answer = await jobObject(c.env, ids.id).create({
      ...ids,
      projectId,
      owner,
      ownerIdentity: c.get('ownerIdentity'),
    });
    if (!answer.ok) return refuse(c, answer.rejection);
    const created = toJobResource(answer.job, answer.open, c.get('config').rules);
    return answer.replayed ? c.json(created, 200) : c.json(created, 201, { location: `/jobs/${ids.id}` });
  }),

  route(listJobs, async (c) => {
    const { cursor = null, limit = DEFAULT_LIMIT, status = null } = c.req.valid('query');
    const project = projectObject(c.env, c.req.valid('param').projectId);
    const found = await project.jobs(c.get('owner'), status, cursor, limit + 1);
    if (!found) return problem(c, 'RESOURCE_NOT_FOUND', {});
    return c.json(toPage(found, limit, toSummaryResource, positionCursor.encode), 200);
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
