// An editor changes what a job is called by. Parse, ask the job's actor, reply.
import * as z from 'zod';
import * as problems from '../contract/problems.ts';
import { patchJobRequest } from '../contract/requests.ts';
import { job } from '../contract/resources.ts';
import { jobObject } from '../objects.ts';
import { asker, correlationHeader } from './asker.ts';
import { ifMatchJob } from './if-match.ts';
import { refuse } from './problem.ts';
import { defineRoute, type Route, route } from './route.ts';
import {
  bodyRefusals,
  editorRefusals,
  editorSecurity,
  etagHeader,
  json,
  mergePatchBody,
  notFound,
  ofJob,
  refusal,
} from './route-parts.ts';
import { showJob } from './shown-job.ts';

const patchJob = defineRoute({
  method: 'patch',
  tags: ['Jobs'],
  security: editorSecurity,
  parameters: [correlationHeader],
  path: '/jobs/{jobId}',
  operationId: 'patchJob',
  summary: 'Change the metadata and tags of a job, in any status',
  request: {
    ...ofJob,
    headers: z.object({ 'If-Match': ifMatchJob }),
    body: mergePatchBody(patchJobRequest),
  },
  responses: {
    200: { ...json(job, 'The job, changed now or before'), ...etagHeader },
    ...editorRefusals,
    ...bodyRefusals,
    ...notFound,
    409: refusal(problems.metadataFullError, 'The job has no room for so much metadata'),
    412: refusal(problems.jobChangedError, 'The job is not what If-Match names'),
  },
});

export const jobLabelRoutes: readonly Route[] = [
  route(patchJob, async (c) => {
    const answer = await jobObject(c.env, c.req.valid('param').jobId).changeLabels({
      type: 'change-labels',
      ...asker(c),
      changes: c.req.valid('json'),
      ifMatch: c.req.valid('header')['If-Match'] ?? null,
    });
    return answer.ok ? showJob(c, answer) : refuse(c, answer.rejection);
  }),
];
