// What an editor wants gone: a job with all that is kept of it, or a project that has none. Parse, ask its object, reply.
import type { Context } from 'hono';
import * as problems from '../contract/problems.ts';
import { jobObject, projectObject } from '../objects.ts';
import type { AppEnv } from './app-env.ts';
import { asker, correlationHeader } from './asker.ts';
import { refuse } from './problem.ts';
import { defineRoute, type Route, route } from './route.ts';
import { editorRefusals, editorSecurity, notFound, ofJob, ofProject, refusal } from './route-parts.ts';

const base = { method: 'delete' as const, security: editorSecurity, parameters: [correlationHeader] };
const done = {
  202: { description: 'It is decided, and nobody finds it any more; what is left of it goes by itself' },
  204: { description: 'Nothing is left of it' },
};

const eraseJob = defineRoute({
  ...base,
  path: '/jobs/{jobId}',
  operationId: 'eraseJob',
  summary: 'Erase a job with all that is kept of it, for good',
  tags: ['Jobs'],
  request: ofJob,
  responses: {
    ...done,
    ...editorRefusals,
    ...notFound,
    409: refusal(
      problems.jobAlreadyRunningError,
      'A pipeline is at work on it: cancel it or give it up first',
    ),
  },
});

const eraseProject = defineRoute({
  ...base,
  path: '/projects/{projectId}',
  operationId: 'eraseProject',
  summary: 'Erase a project that has no jobs',
  tags: ['Projects'],
  request: ofProject,
  responses: {
    ...done,
    ...editorRefusals,
    ...notFound,
    409: refusal(problems.projectNotEmptyError, 'It has jobs'),
  },
});

export const erasureRoutes: readonly Route[] = [
  route(eraseJob, async (c) => {
    const answer = await jobObject(c.env, c.req.valid('param').jobId).erase({ type: 'erase', ...asker(c) });
    return answer.ok ? erased(c, answer.isGone) : refuse(c, answer.rejection);
  }),

  route(eraseProject, async (c) => {
    const project = projectObject(c.env, c.req.valid('param').projectId);
    const answer = await project.erase(asker(c));
    return answer.ok ? erased(c, answer.isGone) : refuse(c, answer.rejection);
  }),
];

const erased = (c: Context<AppEnv>, isGone: boolean) => (isGone ? c.body(null, 204) : c.body(null, 202));
