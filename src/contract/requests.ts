// What editors send, and what they are answered where it is not a resource. Unknown fields are refused.
import * as z from 'zod';
import { orNull, token } from './fields.ts';
import { mediaUri } from './media.ts';
import { nextAction } from './next-actions.ts';
import { dispatchPlan, job } from './resources.ts';
import { dispatchState, jobStatus, resumeStatus } from './statuses.ts';

const modelProfile = token(64).meta({ example: 'balanced' });

export const emptyBody = z.strictObject({}).meta({ id: 'EmptyBody' });

/** A name that people see as it is: it neither hides nor turns what stands beside it around. */
const name = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .refine((value) => value.isWellFormed() && !/\p{Cc}/u.test(value), 'must not hold control characters')
  .refine(
    (value) => !/[\p{Bidi_Control}\u2028\u2029]/u.test(value),
    'must not hold line separators or characters that change the direction of text',
  )
  .refine((value) => VISIBLE.test(value), 'must hold something that can be seen')
  .meta({
    description:
      'Blanks around it are taken away. It holds something that can be seen, and no control characters, line separators or characters that change the direction of text.',
    example: 'Interviews',
  });
/** A letter, number, mark of punctuation or symbol; among those are some that are drawn as nothing, and a blank in Braille. */
const VISIBLE = /[[\p{L}\p{N}\p{P}\p{S}]--[\p{Default_Ignorable_Code_Point}\u2800]]/v;

export const createProjectRequest = z.strictObject({ name }).meta({ id: 'CreateProjectRequest' });

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
  .strictObject({ model_profile: modelProfile.nullish() })
  .meta({ id: 'RunJobRequest' });
export const runJobResponse = z
  .object({
    job_id: z.string(),
    status: jobStatus,
    dispatch_id: z.string(),
    dispatch_state: dispatchState,
    replayed: z.boolean(),
    next_actions: z.array(nextAction).meta({
      description: 'What can be done now, since another run does nothing; empty when this one was new.',
    }),
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
    resume_from: resumeStatus.nullish().meta({
      description:
        'Where to begin, at the furthest, to have a result made again that is bad; without it, wherever the job can be resumed.',
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
    plan: orNull(dispatchPlan),
    dispatch_id: z.string(),
    dispatch_state: dispatchState,
    replayed: z.boolean(),
  })
  .meta({ id: 'RetryJobResponse' });
