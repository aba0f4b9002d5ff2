// The orchestrator's reports about the pipeline of one dispatch.
import { createMiddleware } from 'hono/factory';
import { callbackReplayResponse, statusCallback, toCallbackCommand } from '../contract/callback.ts';
import { toTimestamp } from '../contract/fields.ts';
import * as problems from '../contract/problems.ts';
import { log } from '../log.ts';
import { measure } from '../metrics.ts';
import { jobObject } from '../objects.ts';
import type { AppEnv } from './app-env.ts';
import { refuse } from './problem.ts';
import { defineRoute, type Route, route } from './route.ts';
import { bodyRefusals, commonRefusals, json, jsonBody, notFound, ofJob, refusal } from './route-parts.ts';

const IGNORED_HEADER = 'X-Retake-Ignored';
const ignoredHeader = {
  [IGNORED_HEADER]: {
    required: false,
    schema: { type: 'string' as const },
    description:
      'Names of fields that could not be used and were left out, at most 20, separated by commas; `*` for one that is no name.',
  },
};

const reportStatus = defineRoute({
  method: 'post',
  path: '/internal/jobs/{jobId}/status',
  operationId: 'reportStatus',
  summary: 'Report what the pipeline of a dispatch has reached',
  tags: ['Callbacks'],
  security: [{ callbackToken: [] }],
  // The token has proven the id.
  request: { ...ofJob, ids: {}, body: jsonBody(statusCallback) },
  responses: {
    200: { ...json(callbackReplayResponse, 'This report was applied before'), headers: ignoredHeader },
    204: { description: 'Applied', headers: ignoredHeader },
    ...commonRefusals,
    ...bodyRefusals,
    ...notFound,
    409: refusal(problems.callbackConflictError, 'Not applied, and a repeat would not be either'),
  },
});

/** Every report that its dispatch's own pipeline made and that was not applied, whatever was wrong with it. */
export const measureRefusal = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const outcome = c.get('errorCode');
  const jobId = c.req.param('jobId') ?? '';
  if (outcome) measure(c.env, { event: 'report_refused', job_id: jobId, outcome });
});

export const callbackRoutes: readonly Route[] = [
  route(reportStatus, async (c) => {
    const { jobId } = c.req.valid('param');
    const body = c.req.valid('json');
    const { command, ignored } = await toCallbackCommand(body, {
      dispatchId: c.get('dispatchId'),
      sent: c.get('sent'),
      at: Date.now(),
      mediaSchemes: c.get('config').media.schemes,
    });
    const answer = await jobObject(c.env, jobId).applyCallback(command);
    if (!answer.ok) return refuse(c, answer.rejection);
    if (ignored.length > 0) {
      c.header(IGNORED_HEADER, ignored.join(', '));
      log('warn', 'callback_fields_ignored', {
        request_id: c.get('requestId'),
        dispatch_id: c.get('dispatchId'),
        names: ignored,
      });
    }
    if (!answer.replayed) {
      c.set('isInHistory', true);
      return c.body(null, 204);
    }
    const { latestCallback, id, status } = answer.job;
    return c.json(
      {
        job_id: id,
        event_id: body.event_id,
        replayed: true as const,
        current_status: status,
        latest_applied_occurred_at: latestCallback && toTimestamp(latestCallback.occurredAt),
      },
      200,
    );
  }),
];
