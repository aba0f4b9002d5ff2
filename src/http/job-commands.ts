// What an editor does with one job without a pipeline: its video, and its end. Parse, ask the job's actor, reply; no rule about a
// job's state lives here.
import * as problems from '../contract/problems.ts';
import * as requests from '../contract/requests.ts';
import { job, toJobResource } from '../contract/resources.ts';
import { jobObject } from '../objects.ts';
import { asker, correlationHeader } from './asker.ts';
import { refuseVideo } from './editors-media.ts';
import { recognisedByItself } from './idempotency-key.ts';
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
  parameters: [correlationHeader],
};
const confirmUpload = defineRoute({
  ...base,
  path: '/jobs/{jobId}/confirm-upload',
  operationId: 'confirmUpload',
  summary: 'Say where the uploaded video is',
  request: { ...ofJob, headers: recognisedByItself, body: jsonBody(requests.confirmUploadRequest) },
  responses: {
    200: json(requests.confirmUploadResponse, 'Confirmed, now or before'),
    ...editorRefusals,
    ...bodyRefusals,
    ...notFound,
    409: refusal(problems.confirmUploadConflictError, 'Another video, or not a status to upload in'),
  },
});

const renewVideo = defineRoute({
  ...base,
  method: 'put',
  path: '/jobs/{jobId}/video',
  operationId: 'renewVideo',
  summary: 'Say where else the same video is, when its URI has gone stale',
  request: { ...ofJob, body: jsonBody(requests.renewVideoRequest) },
  responses: {
    200: json(requests.confirmUploadResponse, 'Renewed, now or before; checkpoints stay'),
    ...editorRefusals,
    ...bodyRefusals,
    ...notFound,
    409: refusal(problems.renewVideoConflictError, 'Not the confirmed video, or a pipeline is at work on it'),
  },
});

const abandonJob = defineRoute({
  ...base,
  path: '/jobs/{jobId}/abandon',
  operationId: 'abandonJob',
  summary: 'Give up the pipeline at work, so that the job can be retried at once',
  request: { ...ofJob, headers: recognisedByItself, body: optionalJsonBody(requests.emptyBody) },
  responses: {
    200: json(job, 'The failed job, with the failure code ABANDONED'),
    ...editorRefusals,
    ...bodyRefusals,
    ...notFound,
    409: refusal(problems.jobNotRunningError, 'There is nothing to give up'),
  },
});

const cancelJob = defineRoute({
  ...base,
  path: '/jobs/{jobId}/cancel',
  operationId: 'cancelJob',
  summary: 'Cancel a job for good',
  request: { ...ofJob, headers: recognisedByItself, body: optionalJsonBody(requests.emptyBody) },
  responses: {
    200: json(job, 'The cancelled job, cancelled now or before'),
    ...editorRefusals,
    ...bodyRefusals,
    ...notFound,
    409: refusal(problems.transitionConflictError, 'The job has ended'),
  },
});

export const jobCommandRoutes: readonly Route[] = [
  route(confirmUpload, async (c) => {
    const { jobId } = c.req.valid('param');
    const videoUri = c.req.valid('json').video_uri;
    const refused = await refuseVideo(c, jobId, videoUri);
    if (refused) return refused;
    const actor = jobObject(c.env, jobId);
    const answer = await actor.confirmUpload({ type: 'confirm-upload', ...asker(c), videoUri });
    if (!answer.ok) return refuse(c, answer.rejection);
    return c.json(
      { job: toJobResource(answer.job, answer.open, c.get('config').rules), replayed: answer.replayed },
      200,
    );
  }),

  route(renewVideo, async (c) => {
    const { jobId } = c.req.valid('param');
    const { video_uri: videoUri, replaces } = c.req.valid('json');
    const refused = await refuseVideo(c, jobId, videoUri);
    if (refused) return refused;
    const actor = jobObject(c.env, jobId);
    const answer = await actor.renewVideo({ type: 'renew-video', ...asker(c), videoUri, replaces });
    if (!answer.ok) return refuse(c, answer.rejection);
    return c.json(
      { job: toJobResource(answer.job, answer.open, c.get('config').rules), replayed: answer.replayed },
      200,
    );
  }),

  route(abandonJob, async (c) => {
    const actor = jobObject(c.env, c.req.valid('param').jobId);
    const answer = await actor.abandon({ type: 'abandon', ...asker(c) });
    if (!answer.ok) return refuse(c, answer.rejection);
    return c.json(toJobResource(answer.job, answer.open, c.get('config').rules), 200);
  }),

  route(cancelJob, async (c) => {
    const actor = jobObject(c.env, c.req.valid('param').jobId);
    const answer = await actor.cancel({ type: 'cancel', ...asker(c) });
    if (!answer.ok) return refuse(c, answer.rejection);
    return c.json(toJobResource(answer.job, answer.open, c.get('config').rules), 200);
  }),
];
