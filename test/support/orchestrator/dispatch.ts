// The dispatch as this orchestrator understands it: the body of `POST /dispatches`. Written down
// here on its own, since a real orchestrator does not share types with the service that calls it.

import { z } from 'zod';
import { type Artifact, CHECKPOINT_OF, RESUME_STATUSES, type ResumeStatus } from '../pipeline/script.ts';

const id = z.string().min(1);

export const resumeStatusSchema = z.enum(RESUME_STATUSES);

export const artifactSchema = z.enum(['audio', 'transcript', 'draft'] satisfies Artifact[]);

/** Finished artifacts, in pipeline order: each was made from the one before. */
export const keepSchema = z.array(z.object({ stage: artifactSchema, version: z.int().nullable(), ref: id }));

const work = {
  dispatch_id: id,
  job_id: id,
  project_id: id,
  video_uri: id,
  callback_url: z.url(),
  callback_token: id,
  /** The model for each stage that depends on one. */
  engines: z.partialRecord(artifactSchema, id).optional(),
  keep: keepSchema.optional(),
  /** What the job's editor calls it by, and the bulk operation that asks: for whoever groups or routes by them. */
  external_id: id.nullish(),
  metadata: z.record(z.string(), z.string()).optional(),
  tags: z.array(id).optional(),
  operation_id: id.nullish(),
};

const runSchema = z.looseObject({
  type: z.literal('job.run'),
  ...work,
  model_profile: z.string().nullish(),
});

const resumed = { ...work, checkpoint_ref: z.string().nullish(), model_profile: id };

/** What a draft is exported to, and with what: nobody but the orchestrator looks into `params`. */
export const exportingSchema = z.object({
  formats: z.array(id).min(1).max(32),
  params: z.record(z.string(), z.json()).nullable(),
});
const exporting = {
  formats: exportingSchema.shape.formats,
  params: exportingSchema.shape.params.optional(),
};

const retrySchema = z.looseObject({
  type: z.literal('job.retry'),
  ...resumed,
  resume_from_status: resumeStatusSchema,
  /** Where an export failed, those that it was to make. */
  formats: exporting.formats.nullish(),
  params: exporting.params,
});

const redoSchema = z.looseObject({
  type: z.literal('job.redo'),
  ...resumed,
  resume_from_status: resumeStatusSchema.exclude(['DRAFT_READY']),
});

const exportSchema = z.looseObject({
  type: z.literal('job.export'),
  ...resumed,
  resume_from_status: z.literal('DRAFT_READY'),
  ...exporting,
});

const cancelSchema = z.looseObject({
  type: z.literal('job.cancel'),
  dispatch_id: id,
  job_id: id,
  execution_id: z.string().nullish(),
});

/** Loose on purpose: unknown fields stay in the log, where a test can see what was sent. */
export const dispatchSchema = z.discriminatedUnion('type', [
  runSchema,
  retrySchema,
  redoSchema,
  exportSchema,
  cancelSchema,
]);

export const WORK_TYPES = ['job.run', 'job.retry', 'job.redo', 'job.export'] as const;
export const DISPATCH_TYPES = [...WORK_TYPES, 'job.cancel'] as const;

export type Dispatch = z.infer<typeof dispatchSchema>;
export type CancelDispatch = z.infer<typeof cancelSchema>;
export type WorkDispatch = Exclude<Dispatch, CancelDispatch>;

/** What is kept says where to begin; without that, whatever resumes says it in a word. */
export function resumeStatusOf(dispatch: WorkDispatch): ResumeStatus {
  const last = dispatch.keep?.at(-1);
  if (last) return CHECKPOINT_OF[last.stage];
  return dispatch.type === 'job.run' ? 'UPLOADED' : dispatch.resume_from_status;
}

/** What its pipeline begins with: the artifact that it resumes from, or the video. */
export const sourceOf = (dispatch: WorkDispatch): string =>
  dispatch.keep?.at(-1)?.ref ??
  (dispatch.type === 'job.run' ? null : dispatch.checkpoint_ref) ??
  dispatch.video_uri;

/** What is to be exported to, and with what; null where that is not said. */
export const exportOf = (dispatch: WorkDispatch): z.infer<typeof exportingSchema> | null =>
  (dispatch.type === 'job.retry' || dispatch.type === 'job.export') && dispatch.formats
    ? { formats: dispatch.formats, params: dispatch.params ?? null }
    : null;
