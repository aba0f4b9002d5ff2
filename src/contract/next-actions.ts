// What can be done about a job now, as requests that an editor can make.
import * as z from 'zod';
import type { Dispatch } from '../domain/dispatch.ts';
import type { Job } from '../domain/job.ts';
import { ACTIONS, type Action, type NextAction, nextActions } from '../domain/next-actions.ts';
import type { Rules } from '../domain/rules.ts';
import { timestamp, toTimestamp } from './fields.ts';

export const nextAction = z
  .object({
    action: z.enum(ACTIONS),
    allowed: z.boolean(),
    error_code: z
      .string()
      .nullable()
      .meta({ description: 'Where it is not allowed: what it would be answered.' }),
    reason: z
      .string()
      .nullable()
      .meta({ description: 'And the reason in the details of that answer, where it has one.' }),
    method: z.enum(['GET', 'POST', 'PUT', 'DELETE']),
    path: z.string(),
    body: z.record(z.string(), z.union([z.string(), z.number()])).nullable(),
    needs: z.array(z.string()).meta({ description: 'What the caller adds to the body.' }),
    until: timestamp.nullable().meta({ description: 'Of waiting: until when, at the most.' }),
  })
  .meta({ id: 'NextAction' });
export type ShownAction = z.infer<typeof nextAction>;

interface Request {
  method: ShownAction['method'];
  path: (job: Job, action: NextAction) => string;
  body?: (job: Job, action: NextAction) => Record<string, string | number>;
  needs?: string[];
}

const withProfile = (_: Job, { modelProfile }: NextAction): Record<string, string> =>
  modelProfile === null ? {} : { model_profile: modelProfile };
const ofJob = (act: string) => (job: Job) => `/jobs/${job.id}${act}`;

const REQUESTS: Readonly<Record<Action, Request>> = {
  confirm_upload: { method: 'POST', path: ofJob('/confirm-upload'), body: () => ({}), needs: ['video_uri'] },
  run: { method: 'POST', path: ofJob('/run'), body: withProfile },
  retry: { method: 'POST', path: ofJob('/retry'), body: withProfile, needs: ['client_request_id'] },
  retry_with_profile: {
    method: 'POST',
    path: ofJob('/retry'),
    body: withProfile,
    needs: ['client_request_id'],
  },
  redo: { method: 'POST', path: ofJob('/redo'), body: withProfile, needs: ['client_request_id'] },
  export: {
    method: 'POST',
    path: ofJob('/export'),
    body: () => ({}),
    needs: ['formats', 'client_request_id'],
  },
  edit: {
    method: 'PUT',
    path: ({ id }, { edits }) => `/jobs/${id}/artifacts/${edits?.stage}`,
    body: (_, { edits }) => (edits === null ? {} : { edits: edits.version }),
    needs: ['uri', 'client_request_id'],
  },
  wait: { method: 'GET', path: ofJob('') },
  renew_video: {
    method: 'PUT',
    path: ofJob('/video'),
    body: ({ manifest: { videoUri } }) => (videoUri === null ? {} : { replaces: videoUri }),
    needs: ['video_uri'],
  },
  new_job: { method: 'POST', path: ({ projectId }) => `/projects/${projectId}/jobs` },
  abandon: { method: 'POST', path: ofJob('/abandon') },
  cancel: { method: 'POST', path: ofJob('/cancel') },
  erase: { method: 'DELETE', path: ofJob('') },
};

export const toNextActions = (job: Job, open: Dispatch | null, rules: Rules): ShownAction[] =>
  nextActions(job, open, rules).map((next) => {
    const { method, path, body, needs } = REQUESTS[next.action];
    const { refusal } = next;
    return {
      action: next.action,
      allowed: refusal === null,
      error_code: refusal?.code ?? null,
      reason: refusal && 'reason' in refusal ? refusal.reason : null,
      method,
      path: path(job, next),
      body: body ? body(job, next) : null,
      needs: needs ?? [],
      until: next.until === null ? null : toTimestamp(next.until),
    };
  });
