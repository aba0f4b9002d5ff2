// What an editor is shown before they ask for it: what a retry or a redo would do. Parse, ask the job's actor, reply.
import * as z from 'zod';
import { plannedRefusal } from '../contract/errors.ts';
import { token } from '../contract/fields.ts';
import { offeredPlan, toOfferedPlanResource, toPlanETag } from '../contract/plans.ts';
import { discardEdits } from '../contract/requests.ts';
import { editableStage, resumeStatus } from '../contract/statuses.ts';
import { jobObject } from '../objects.ts';
import { refuse } from './problem.ts';
import { defineRoute, type Route, route } from './route.ts';
import { editorRefusals, editorSecurity, json, notFound, ofJob } from './route-parts.ts';

const stages = editableStage.options;
const oneStage = `\\s*(${stages.join('|')})\\s*`;
const STAGES_LISTED = new RegExp(`^${oneStage}(,${oneStage}){0,${stages.length - 1}}$`);

const base = {
  method: 'get' as const,
  tags: ['Jobs'],
  security: editorSecurity,
  request: {
    ...ofJob,
    query: z.strictObject({
      model_profile: token(64).optional().meta({
        description:
          'Default: the profile under which the job failed or was worked on last, else the policy’s.',
      }),
      resume_from: resumeStatus.optional().meta({
        description: 'Where to begin, at the furthest; default: wherever it would.',
      }),
      discard_edits: z
        .string()
        .regex(STAGES_LISTED, `must be of ${stages.join(' and ')}, separated by commas`)
        .transform((named) => named.split(',').flatMap((stage) => stage.trim() || []))
        .pipe(discardEdits)
        .optional()
        .meta({
          type: 'string',
          pattern: STAGES_LISTED.source,
          description: 'The stages whose corrections may be looked past, separated by commas.',
          example: 'transcript',
        }),
    }),
  },
  responses: {
    200: {
      ...json(offeredPlan, 'The plan'),
      headers: {
        ETag: {
          schema: { type: 'string' as const },
          description: 'Of what would be done; for `If-Match` of the request (RFC 9110 §8.8.3)',
        },
      },
    },
    ...editorRefusals,
    ...notFound,
  },
};

const getRetryPlan = defineRoute({
  ...base,
  path: '/jobs/{jobId}/retry-plan',
  operationId: 'getRetryPlan',
  summary: 'What a retry would do now, or why it would be refused',
});

const getRedoPlan = defineRoute({
  ...base,
  path: '/jobs/{jobId}/redo-plan',
  operationId: 'getRedoPlan',
  summary: 'What a redo would do now, or why it would be refused',
});

const planRoute = (definition: typeof getRetryPlan | typeof getRedoPlan, kind: 'retry' | 'redo'): Route =>
  route(definition, async (c) => {
    const { model_profile = null, resume_from = null, discard_edits = [] } = c.req.valid('query');
    const wanted = {
      kind,
      modelProfile: model_profile,
      resumeFrom: resume_from,
      discardEdits: discard_edits,
    };
    const answer = await jobObject(c.env, c.req.valid('param').jobId).plan(c.get('owner'), wanted);
    if (!answer.ok) return refuse(c, answer.rejection);
    c.header('etag', toPlanETag(answer.plan));
    return c.json(toOfferedPlanResource(answer, plannedRefusal), 200);
  });

export const jobPlanRoutes: readonly Route[] = [
  planRoute(getRetryPlan, 'retry'),
  planRoute(getRedoPlan, 'redo'),
];
