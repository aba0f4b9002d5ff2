// The dispatch as this orchestrator understands it: the body of `POST /dispatches`. Written down
// here on its own, since a real orchestrator does not share types with the service that calls it.

import { z } from 'zod';
import { type Artifact, CHECKPOINT_OF, RESUME_STATUSES, type ResumeStatus } from '../pipeline/script.ts';

const id = z.string().min(1);

export const resumeStatusSchema = z.enum(RESUME_STATUSES);

const artifact = z.enum(['audio', 'transcript', 'draft'] satisfies Artifact[]);

/** Finished artifacts, in pipeline order: each was made from the one before. */
const keepSchema = z.array(z.object({ stage: artifact, version: z.int().nullable(), ref: id }));

const work = {
  dispatch_id: id,
  job_id: id,
  project_id: id,
  video_uri: id,
  callback_url: z.url(),
  callback_token: id,
  /** The model for each stage that depends on one. */
  engines: z.partialRecord(artifact, id).optional(),
  keep: keepSchema.optional(),
};

const runSchema = z.looseObject({
  type: z.literal('job.run'),
  ...work,
  model_profile: z.string().nullish(),
});

const retrySchema = z.looseObject({
  type: z.literal('job.retry'),
  ...work,
  resume_from_status: resumeStatusSchema,
  checkpoint_ref: z.string().nullish(),
  model_profile: id,
});

const cancelSchema = z.looseObject({
  type: z.literal('job.cancel'),
  dispatch_id: id,
  job_id: id,
  execution_id: z.string().nullish(),
});

/** Loose on purpose: unknown fields stay in the log, where a test can see what was sent. */
export const dispatchSchema = z.discriminatedUnion('type', [runSchema, retrySchema, cancelSchema]);

export type Dispatch = z.infer<typeof dispatchSchema>;
export type CancelDispatch = z.infer<typeof cancelSchema>;
export type WorkDispatch = z.infer<typeof runSchema> | z.infer<typeof retrySchema>;

/** What is kept says where to begin; without that, a retry says it in a word. */
export function resumeStatusOf(dispatch: WorkDispatch): ResumeStatus {
  const last = dispatch.keep?.at(-1);
  if (last) return CHECKPOINT_OF[last.stage];
  return dispatch.type === 'job.retry' ? dispatch.resume_from_status : 'UPLOADED';
}

/** What its pipeline begins with: the artifact that it resumes from, or the video. */
export const sourceOf = (dispatch: WorkDispatch): string =>
  dispatch.keep?.at(-1)?.ref ??
  (dispatch.type === 'job.retry' ? dispatch.checkpoint_ref : null) ??
  dispatch.video_uri;
