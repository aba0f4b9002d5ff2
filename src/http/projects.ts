// Projects, and the jobs in them: create and list. Parse, ask the project or the workspace, reply.
import { positionCursor, toPage } from '../contract/fields.ts';
import { newId } from '../contract/ids.ts';
import { createProjectRequest, emptyBody } from '../contract/requests.ts';
import {
  job,
  jobStatus,
  jobSummaryPage,
  project,
  projectPage,
  toJobResource,
  toProjectResource,
  toSummaryResource,
} from '../contract/resources.ts';
import { jobObject, projectObject, workspaceObject } from '../objects.ts';
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
} from './route-parts.ts';

const createProject = defineRoute({
  method: 'post',
  path: '/projects',
  operationId: 'createProject',
  summary: 'Create a project',
  tags: ['Projects'],
  security: editorSecurity,
  request: { body: jsonBody(createProjectRequest) },
  responses: { 201: json(project, 'The project'), ...editorRefusals, ...bodyRefusals },
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
  request: { ...ofProject, body: optionalJsonBody(emptyBody) },
  responses: { 201: json(job, 'The job'), ...editorRefusals, ...bodyRefusals, ...notFound },
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
    const id = await newId('prj', c.get('config').idKeys);
    const created = await projectObject(c.env, id).create({ id, owner: c.get('owner'), name });
    return created ? c.json(toProjectResource(created), 201) : problem(c, 'RESOURCE_NOT_FOUND', {});
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
    if (!(await projectObject(c.env, projectId).show(owner))) return problem(c, 'RESOURCE_NOT_FOUND', {});
    const id = await newId('job', c.get('config').idKeys);
    const answer = await jobObject(c.env, id).create({ id, projectId, owner });
    if (!answer.ok) return refuse(c, answer.rejection);
    return c.json(toJobResource(answer.job, answer.open), 201, { location: `/jobs/${id}` });
  }),

  route(listJobs, async (c) => {
    const { cursor = null, limit = DEFAULT_LIMIT, status = null } = c.req.valid('query');
    const project = projectObject(c.env, c.req.valid('param').projectId);
    const found = await project.jobs(c.get('owner'), status, cursor, limit + 1);
    if (!found) return problem(c, 'RESOURCE_NOT_FOUND', {});
    return c.json(toPage(found, limit, toSummaryResource, positionCursor.encode), 200);
  }),
];
