// What editors send, and what they are answered where it is not a resource. Unknown fields are refused.
import * as z from 'zod';
import type { Dispatch } from '../domain/dispatch.ts';
import type { ArtifactVersion, Job } from '../domain/job.ts';
import { EDITABLE_STAGES } from '../domain/lifecycle.ts';
import type { Rules } from '../domain/rules.ts';
import { artifactVersion, toVersionResource } from './artifacts.ts';
import { entryName, orNull, token, visibleText } from './fields.ts';
import { externalId, metadata, metadataChanges, tags } from './labels.ts';
import { mediaUri } from './media.ts';
import { nextAction } from './next-actions.ts';
import { dispatchPlan, job, toJobResource } from './resources.ts';
import { dispatchState, editableStage, jobStatus, resumeStatus } from './statuses.ts';

const modelProfile = token(64).meta({ example: 'balanced' });

export const emptyBody = z.strictObject({}).meta({ id: 'EmptyBody' });

const name = visibleText(200).meta({
  description:
    'Blanks around it are taken away. It holds something that can be seen, and no control characters, line separators or characters that change the direction of text.',
  example: 'Interviews',
});

export const createProjectRequest = z.strictObject({ name }).meta({ id: 'CreateProjectRequest' });

export const createJobRequest = z
  .strictObject({
    external_id: externalId.nullish(),
    metadata,
    tags: tags.nullish(),
  })
  .meta({ id: 'CreateJobRequest' });

export const patchJobRequest = z.strictObject({ metadata: metadataChanges, tags: tags.nullish() }).meta({
  id: 'PatchJobRequest',
  description: 'A JSON Merge Patch (RFC 7396): what is not named stays, and null takes away.',
});

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

export const clientRequestId = token(128)
  .optional()
  .meta({
    description:
      'Chosen by the caller; a repeat with the same id and payload is answered as the first. ' +
      'Required, unless the header `Idempotency-Key` says it.',
    example: 'a3f1c2',
  });

/** In the order of the pipeline, each once, however they are named. */
export const discardEdits = z
  .array(editableStage)
  .max(EDITABLE_STAGES.length)
  .transform((named) => EDITABLE_STAGES.filter((stage) => named.includes(stage)));

const discarded = discardEdits.nullish().meta({
  description:
    'The stages whose corrections may be looked past. Without it nothing passes over what a person has corrected.',
});

export const retryJobRequest = z
  .strictObject({
    model_profile: modelProfile,
    client_request_id: clientRequestId,
    discard_edits: discarded,
    resume_from: resumeStatus.nullish().meta({
      description:
        'Where to begin, at the furthest, to have a result made again that is bad; without it, wherever the job can be resumed.',
    }),
  })
  .meta({ id: 'RetryJobRequest' });

export const redoJobRequest = z
  .strictObject({
    ...retryJobRequest.shape,
    resume_from: resumeStatus.nullish().meta({
      description: 'Where to begin, at the furthest; without it, wherever the draft can be made from.',
    }),
  })
  .meta({ id: 'RedoJobRequest' });

const MAX_PARAMS_BYTES = 4096;
const utf8 = new TextEncoder();
/** Of any names: a record would leave out `__proto__`. */
const isObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const exportJobRequest = z
  .strictObject({
    formats: z
      .array(entryName)
      .min(1)
      .max(32)
      .refine((formats) => new Set(formats).size === formats.length, 'must not name one twice')
      .meta({ uniqueItems: true, example: ['docx', 'srt'] }),
    params: z
      .custom<Readonly<Record<string, unknown>>>(isObject, 'must be an object')
      .refine(
        (params) => utf8.encode(JSON.stringify(params)).byteLength <= MAX_PARAMS_BYTES,
        `must be at most ${MAX_PARAMS_BYTES} bytes of JSON`,
      )
      .nullish()
      .meta({
        type: ['object', 'null'],
        additionalProperties: {},
        description:
          'For the orchestrator alone: an object of at most 4 KiB of JSON, written without blanks, handed on as it is.',
      }),
    client_request_id: clientRequestId,
    discard_edits: discardEdits.nullish().meta({
      description:
        'The stages whose corrections the draft need not rest on. Without it a draft that a correction has overtaken is not exported.',
    }),
  })
  .meta({ id: 'ExportJobRequest' });

/** What a retry, a redo and an export are answered. */
export const dispatchResponse = z
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

export const editArtifactRequest = z
  .strictObject({
    uri: mediaUri.meta({ description: 'Where the corrected artifact is.' }),
    digest: token(200).nullish().meta({ description: 'Of what is there, e.g. sha-256:…' }),
    size_bytes: z.int().min(0).max(Number.MAX_SAFE_INTEGER).nullish(),
    edits: z.int().min(1).max(Number.MAX_SAFE_INTEGER).meta({
      description:
        'The version that it is a correction of: the newest of its stage, or the one that the manifest shows.',
    }),
    client_request_id: clientRequestId,
  })
  .meta({ id: 'EditArtifactRequest' });
export const editArtifactResponse = z
  .object({ job, version: artifactVersion, replayed: z.boolean() })
  .meta({ id: 'EditArtifactResponse' });

/** What was edited, and the version that it made. */
interface Edited {
  job: Job;
  open: Dispatch | null;
  version: ArtifactVersion;
  replayed: boolean;
}

export const toEditResponse = (
  { job, open, version, replayed }: Edited,
  rules: Rules,
): z.infer<typeof editArtifactResponse> => ({
  job: toJobResource(job, open, rules),
  version: toVersionResource(version, job.versions),
  replayed,
});
