// What an editor is shown before they ask for it: what a retry would do. Parse, ask the job's actor, reply.
import * as z from 'zod';
import { plannedRefusal } from '../contract/errors.ts';
import { token } from '../contract/fields.ts';
import { retryPlan, toPlanETag, toRetryPlanResource } from '../contract/plans.ts';
import { resumeStatus } from '../contract/statuses.ts';
import { jobObject } from '../objects.ts';
import { refuse } from './problem.ts';
import { defineRoute, type Route, route } from './route.ts';
import { editorRefusals, editorSecurity, json, notFound, ofJob } from './route-parts.ts';

const getRetryPlan = defineRoute({
  method: 'get',
  tags: ['Jobs'],
  security: editorSecurity,
  path: '/jobs/{jobId}/retry-plan',
  operationId: 'getRetryPlan',
  summary: 'What a retry would do now, or why it would be refused',
  request: {
    ...ofJob,
    query: z.strictObject({
      model_profile: token(64).optional().meta({
        description: 'Default: the profile under which the job failed, else the policy’s.',
      }),
      resume_from: resumeStatus.optional().meta({
        description: 'Where to begin, at the furthest; default: wherever a retry would.',
      }),
    }),
  },
  responses: {
    200: {
      ...json(retryPlan, 'The plan'),
      headers: {
        ETag: {
          schema: { type: 'string' },
          description: 'Of what would be done; for `If-Match` of the retry (RFC 9110 §8.8.3)',
        },
      },
    },
    ...editorRefusals,
    ...notFound,
  },
});

export const jobPlanRoutes: readonly Route[] = [
  route(getRetryPlan, async (c) => {
    const { model_profile = null, resume_from = null } = c.req.valid('query');
    const actor = jobObject(c.env, c.req.valid('param').jobId);
    const asked = { modelProfile: model_profile, resumeFrom: resume_from };
    const answer = await actor.plan(c.get('owner'), asked);
    if (!answer.ok) return refuse(c, answer.rejection);
    c.header('etag', toPlanETag(answer.plan));
    return c.json(toRetryPlanResource(answer, plannedRefusal), 200);
  }),
];
