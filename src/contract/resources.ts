// What editors are shown: the schemas of the resources, and the domain's records in their form.
import * as z from 'zod';
import { DISPATCH_STATES, type Dispatch } from '../domain/dispatch.ts';
import { AUDIT_EVENTS, type Transition } from '../domain/history.ts';
import type { Job } from '../domain/job.ts';
import { ACTORS, RESUME_STATUSES, STATUSES } from '../domain/lifecycle.ts';
import type { JobSummary, Project } from '../domain/project.ts';
import { page, timestamp, toTimestamp } from './fields.ts';

/** Not `.nullable()`, by which the document makes the component itself nullable, wherever it is used. */
const orNull = <T extends z.ZodType>(component: T) => z.union([component, z.null()]);

export const jobStatus = z.enum(STATUSES).meta({ id: 'JobStatus' });
export const dispatchState = z.enum(DISPATCH_STATES).meta({ id: 'DispatchState' });
export const resumeStatus = z.enum(RESUME_STATUSES).meta({ id: 'ResumeStatus' });

export const project = z
  .object({ id: z.string(), name: z.string(), created_at: timestamp })
  .meta({ id: 'Project' });
export const projectPage = page(project).meta({ id: 'ProjectPage' });

export const dispatch = z
  .object({
    dispatch_id: z.string(),
    kind: z.enum(['run', 'retry']),
    dispatch_state: dispatchState,
    resume_from_status: orNull(resumeStatus),
    checkpoint_ref: z.string().nullable(),
    model_profile: z.string(),
    policy_version: z.string().meta({ description: 'The model policy under which the profile was allowed.' }),
    client_request_id: z.string().nullable(),
    actor_id: z.string().meta({ description: 'Who asked for it: the `sub` of their token.' }),
    correlation_id: z.string().meta({ description: 'Of the request that asked for it.' }),
    delivery_attempts: z.int(),
    last_error: z.string().nullable(),
    execution_id: z.string().nullable(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'Dispatch' });
export const dispatchPage = page(dispatch).meta({ id: 'DispatchPage' });

export const job = z
  .object({
    id: z.string(),
    project_id: z.string(),
    status: jobStatus,
    manifest: z.object({
      video_uri: z.string().nullable(),
      audio_uri: z.string().nullable(),
      transcript_uri: z.string().nullable(),
      draft_uri: z.string().nullable(),
      exports: z.record(z.string(), z.string()),
    }),
    failure: z
      .object({
        failure_code: z.string(),
        failure_message: z.string().nullable(),
        failed_stage: z.string().nullable(),
        correlation_id: z.string().nullable(),
        occurred_at: timestamp,
      })
      .nullable(),
    open_dispatch: orNull(dispatch),
    progress_pct: z.number().nullable(),
    revision: z.int(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'Job' });

export const jobSummary = z
  .object({
    id: z.string(),
    project_id: z.string(),
    status: jobStatus,
    created_at: timestamp,
    updated_at: timestamp.meta({ description: 'As of the last change of status.' }),
  })
  .meta({
    id: 'JobSummary',
    description: 'A job as a list shows it; follows the job itself within moments.',
  });
export const jobSummaryPage = page(jobSummary).meta({ id: 'JobSummaryPage' });

export const transition = z
  .object({
    seq: z.int(),
    event_type: z.enum(AUDIT_EVENTS),
    job_id: z.string(),
    project_id: z.string(),
    actor_type: z.enum(ACTORS),
    actor_id: z.string().nullable().meta({ description: 'The editor, where one did it.' }),
    prev_status: jobStatus,
    new_status: jobStatus,
    dispatch_id: z.string().nullable(),
    occurred_at: timestamp,
    recorded_at: timestamp,
    correlation_id: z.string().nullable(),
  })
  .meta({ id: 'Transition' });
export const transitionPage = page(transition).meta({ id: 'TransitionPage' });

export function toDispatchResource(record: Dispatch): z.infer<typeof dispatch> {
  return {
    dispatch_id: record.id,
    kind: record.kind,
    dispatch_state: record.state,
    resume_from_status: record.resumeFromStatus,
    checkpoint_ref: record.checkpointRef,
    model_profile: record.modelProfile,
    policy_version: record.policyVersion,
    client_request_id: record.clientRequestId,
    actor_id: record.actorId,
    correlation_id: record.correlationId,
    delivery_attempts: record.deliveryAttempts,
    last_error: record.lastError,
    execution_id: record.executionId,
    created_at: toTimestamp(record.createdAt),
    updated_at: toTimestamp(record.updatedAt),
  };
}

export function toJobResource(record: Job, open: Dispatch | null): z.infer<typeof job> {
  const { manifest, failure } = record;
  return {
    id: record.id,
    project_id: record.projectId,
    status: record.status,
    manifest: {
      video_uri: manifest.videoUri,
      audio_uri: manifest.audioUri,
      transcript_uri: manifest.transcriptUri,
      draft_uri: manifest.draftUri,
      exports: { ...manifest.exports },
    },
    failure: failure && {
      failure_code: failure.failureCode,
      failure_message: failure.failureMessage,
      failed_stage: failure.failedStage,
      correlation_id: failure.correlationId,
      occurred_at: toTimestamp(failure.occurredAt),
    },
    open_dispatch: open && toDispatchResource(open),
    progress_pct: record.progressPct,
    revision: record.revision,
    created_at: toTimestamp(record.createdAt),
    updated_at: toTimestamp(record.updatedAt),
  };
}

/**
 * A strong validator (RFC 9110 §8.8.3): changes with every change of the representation. A dispatch that was
 * withdrawn leaves the job as it was, so the tag of before holds again.
 */
export function toETag(record: Job, open: Dispatch | null): string {
  const parts = [
    record.revision,
    // Two changes may fall into one millisecond, so the time alone does not tell them apart.
    ...(open
      ? [open.id, open.state, open.deliveryAttempts, open.executionId === null ? 0 : 1, open.updatedAt]
      : []),
  ];
  return `"${parts.join('.')}"`;
}

export const toSummaryResource = (record: JobSummary): z.infer<typeof jobSummary> => ({
  id: record.id,
  project_id: record.projectId,
  status: record.status,
  created_at: toTimestamp(record.createdAt),
  updated_at: toTimestamp(record.updatedAt),
});

export const toProjectResource = (
  record: Pick<Project, 'id' | 'name' | 'createdAt'>,
): z.infer<typeof project> => ({
  id: record.id,
  name: record.name,
  created_at: toTimestamp(record.createdAt),
});

export function toTransitionResource(
  record: Transition & { seq: number },
  { id, projectId }: Job,
): z.infer<typeof transition> {
  return {
    seq: record.seq,
    event_type: record.eventType,
    job_id: id,
    project_id: projectId,
    actor_type: record.actor,
    actor_id: record.actorId,
    prev_status: record.prevStatus,
    new_status: record.newStatus,
    dispatch_id: record.dispatchId,
    occurred_at: toTimestamp(record.occurredAt),
    recorded_at: toTimestamp(record.recordedAt),
    correlation_id: record.correlationId,
  };
}
