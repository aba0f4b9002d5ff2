// An editor corrects an artifact: where the corrected one is. Parse, ask the job's actor, reply.
import { editDigest } from '../contract/payload-digest.ts';
import * as problems from '../contract/problems.ts';
import * as requests from '../contract/requests.ts';
import { editableStage } from '../contract/statuses.ts';
import { jobObject } from '../objects.ts';
import { asker, correlationHeader, requestIdHeaders, requestIdIssue, requestIdOf } from './asker.ts';
import { refuseArtifact } from './editors-media.ts';
import { refuse } from './problem.ts';
import { defineRoute, type Route, route } from './route.ts';
import {
  bodyRefusals,
  editorRefusals,
  editorSecurity,
  json,
  jsonBody,
  notFound,
  ofStage,
  refusal,
} from './route-parts.ts';

const editArtifact = defineRoute({
  method: 'put',
  tags: ['Artifacts'],
  security: editorSecurity,
  parameters: [correlationHeader],
  path: '/jobs/{jobId}/artifacts/{stage}',
  operationId: 'editArtifact',
  summary: 'Say where a corrected transcript or draft is',
  request: {
    ...ofStage(editableStage),
    headers: requestIdHeaders,
    body: jsonBody(requests.editArtifactRequest),
    together: requestIdIssue,
  },
  responses: {
    200: json(requests.editArtifactResponse, 'Corrected, now or before'),
    ...editorRefusals,
    ...bodyRefusals,
    ...notFound,
    409: refusal(problems.editConflictError, 'Not now, not that version, or not there'),
  },
});

export const jobEditRoutes: readonly Route[] = [
  route(editArtifact, async (c) => {
    const { jobId, stage: named } = c.req.valid('param');
    const stage = editableStage.safeParse(named).data;
    if (stage === undefined) return refuse(c, { code: 'RESOURCE_NOT_FOUND' });
    const body = c.req.valid('json');
    const refused = await refuseArtifact(c, jobId, body.uri);
    if (refused) return refused;
    const answer = await jobObject(c.env, jobId).edit({
      type: 'edit-artifact',
      ...asker(c),
      clientRequestId: requestIdOf(c.req.valid('header'), body),
      payloadDigest: await editDigest(stage, body),
      stage,
      uri: body.uri,
      digest: body.digest ?? null,
      sizeBytes: body.size_bytes ?? null,
      edits: body.edits,
    });
    if (!answer.ok) return refuse(c, answer.rejection);
    return c.json(requests.toEditResponse(answer, c.get('config').rules), 200);
  }),
];
