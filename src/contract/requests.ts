// What editors send, and what they are answered where it is not a resource. Unknown fields are refused.
import * as z from 'zod';
import { mediaUri, text, token } from './fields.ts';
import { dispatchState, job, jobStatus, resumeStatus } from './resources.ts';

const modelProfile = token(64).meta({ example: 'balanced' });

export const emptyBody = z.strictObject({}).meta({ id: 'EmptyBody' });

export const createProjectRequest = z
  .strictObject({ name: text(200).meta({ example: 'Interviews' }) })
  .meta({ id: 'CreateProjectRequest' });

export const confirmUploadRequest = z
  .strictObject({ video_uri: mediaUri })
  .meta({ id: 'ConfirmUploadRequest' });
export const confirmUploadResponse = z
  .object({ job, replayed: z.boolean() })
  .meta({ id: 'ConfirmUploadResponse' });

export const renewVideoRequest = z
  .strictObject({
    video_uri: mediaUri,
    replaces: z
      .string()
      .max(2048)
      .meta({ description: 'The confirmed `video_uri`, of which this is the same video.' }),
  })
  .meta({ id: 'RenewVideoRequest' });

export const runJobRequest = z
  .strictObject({ model_profile: modelProfile.optional() })
  .meta({ id: 'RunJobRequest' });
/** A request that can be made now. */
const nextAction = z
  .object({ action: z.enum(['retry']), method: z.literal('POST'), path: z.string() })
  .meta({ id: 'NextAction' });

export const runJobResponse = z
  .object({
    job_id: z.string(),
    status: jobStatus,
    dispatch_id: z.string(),
    dispatch_state: dispatchState,
    replayed: z.boolean(),
    next_actions: z.array(nextAction).meta({ description: 'What to do where another run does nothing.' }),
  })
  .meta({ id: 'RunJobResponse' });

export const retryJobRequest = z
  .strictObject({
    model_profile: modelProfile,
    client_request_id: token(128)
      .optional()
      .meta({
        description:
          'Chosen by the caller; a repeat with the same id and payload is answered with the same dispatch. ' +
          'Required, unless the header `Idempotency-Key` says it.',
        example: 'a3f1c2',
      }),
  })
  .meta({ id: 'RetryJobRequest' });
export const retryJobResponse = z
  .object({
    job_id: z.string(),
    status: jobStatus,
    resume_from_status: resumeStatus,
    checkpoint_ref: z.string(),
    model_profile: z.string(),
    dispatch_id: z.string(),
    dispatch_state: dispatchState,
    replayed: z.boolean(),
  })
  .meta({ id: 'RetryJobResponse' });
