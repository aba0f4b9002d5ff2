// What editors are shown of a job, its dispatches and its audit trail: the schemas of the resources, and the domain's records in
// their form.
import * as z from 'zod';
import { nextRetryAt } from '../domain/automatic-retry.ts';
import { DISPATCH_KINDS, type Dispatch, type DispatchPlan } from '../domain/dispatch.ts';
import { keptUntil } from '../domain/erasure.ts';
import { FAILURE_CLASSES } from '../domain/failures.ts';
import { AUDIT_EVENTS, type Transition } from '../domain/history.ts';
import type { Failure, Job } from '../domain/job.ts';
import { ACTORS } from '../domain/lifecycle.ts';
import { currentVersions } from '../domain/plan.ts';
import type { Rules } from '../domain/rules.ts';
import { versionName } from './artifacts.ts';
import { actorName, orNull, page, timestamp, toTimestamp } from './fields.ts';
import { labels, toLabelFields } from './labels.ts';
import { nextAction, toNextActions } from './next-actions.ts';
import { exportTask, proof, stagePlan, toEngines, toExportTask, toProof, toStagePlan } from './plans.ts';
import { dispatchState, jobStatus, resumeStatus, stageName } from './statuses.ts';

export const dispatchPlan = z
  .object({
    resume_from: resumeStatus
      .nullable()
      .meta({ description: 'Where it was asked to begin, at the furthest; null for wherever it could.' }),
    discard_edits: z
      .array(stageName)
      .meta({ description: 'The stages whose corrections it was to look past.' }),
    edits_discarded: z.array(versionName).meta({ description: 'The corrections that it looked past.' }),
    stages: z.array(stagePlan),
    proof: orNull(proof),
  })
  .meta({ id: 'DispatchPlan', description: 'What was planned when it was accepted.' });

export const dispatch = z
  .object({
    dispatch_id: z.string(),
    kind: z.enum(DISPATCH_KINDS),
    export: orNull(exportTask).meta({ description: 'What an export is asked for, and a retry of one.' }),
    dispatch_state: dispatchState,
    resume_from_status: orNull(resumeStatus),
    checkpoint_ref: z.string().nullable(),
    model_profile: z.string(),
    policy_version: z.string().meta({ description: 'The model policy under which the profile was allowed.' }),
    engines: z.record(z.string(), z.string()).meta({
      description: 'The models that the policy named for the profile: stage → model.',
    }),
    plan: orNull(dispatchPlan),
    client_request_id: z.string().nullable(),
    actor_id: z.string().nullable().meta({
      description: 'Who asked for it: the `sub` of their token; null where the job was retried by itself.',
    }),
    actor_name: actorName,
    operation_id: z
      .string()
      .nullable()
      .meta({ description: 'The operation by which it was asked for with others; null where it was alone.' }),
    correlation_id: z.string().meta({ description: 'Of the request that asked for it.' }),
    delivery_attempts: z.int(),
    last_error: z.string().nullable(),
    execution_id: z.string().nullable(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'Dispatch' });
export const dispatchPage = page(dispatch).meta({ id: 'DispatchPage' });

export const failure = z
  .object({
    failure_code: z.string(),
    failure_message: z.string().nullable(),
    failed_stage: z.string().nullable(),
    failure_class: z.enum(FAILURE_CLASSES),
    retry_at: timestamp
      .nullable()
      .meta({ description: 'Before this a retry is expected to fail again; null where nobody said.' }),
    model_profile: z.string().nullable().meta({ description: 'Under which it failed.' }),
    correlation_id: z.string().nullable(),
    occurred_at: timestamp,
  })
  .meta({ id: 'Failure' });

export const job = z
  .object({
    id: z.string(),
    project_id: z.string(),
    ...labels,
    status: jobStatus,
    manifest: z
      .object({
        video_uri: z.string().nullable(),
        audio_uri: z.string().nullable(),
        transcript_uri: z.string().nullable(),
        draft_uri: z.string().nullable(),
        exports: z.record(z.string(), z.string()),
      })
      .meta({
        description:
          'Of each artifact the version that counts: the one that a pipeline would keep under the profile of the last, else the newest.',
      }),
    failure: orNull(failure),
    open_dispatch: orNull(dispatch),
    next_retry_at: timestamp.nullable().meta({
      description: 'When it is retried by itself, unless an editor comes first; null for not at all.',
    }),
    progress_pct: z.number().nullable(),
    next_actions: z.array(nextAction).meta({
      description: 'What can be done now, and what not and why; what helps most comes first.',
    }),
    kept_until: timestamp.nullable().meta({
      description: 'When it is erased by itself, unless more becomes of it; null for never.',
    }),
    revision: z.int(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'Job' });

export const transition = z
  .object({
    seq: z.int(),
    event_type: z.enum(AUDIT_EVENTS),
    job_id: z.string(),
    project_id: z.string(),
    actor_type: z.enum(ACTORS),
    actor_id: z.string().nullable().meta({ description: 'The editor, where one did it.' }),
    actor_name: actorName,
    prev_status: jobStatus,
    new_status: jobStatus,
    dispatch_id: z.string().nullable(),
    occurred_at: timestamp,
    recorded_at: timestamp,
    correlation_id: z.string().nullable(),
    operation_id: z.string().nullable().meta({ description: 'The operation that asked for the dispatch.' }),
  })
  .meta({ id: 'Transition' });
export const transitionPage = page(transition).meta({ id: 'TransitionPage' });

export const toDispatchPlan = (record: DispatchPlan): z.infer<typeof dispatchPlan> => ({
  resume_from: record.asked,
  discard_edits: [...record.discardEdits],
  edits_discarded: [...record.editsDiscarded],
  stages: record.stages.map(toStagePlan),
  proof: record.proof && toProof(record.proof),
});

export function toDispatchResource(record: Dispatch): z.infer<typeof dispatch> {
  return {
    dispatch_id: record.id,
    kind: record.kind,
    export: toExportTask(record.task),
    dispatch_state: record.state,
    resume_from_status: record.resumeFromStatus,
    checkpoint_ref: record.checkpointRef,
    model_profile: record.modelProfile,
    policy_version: record.policyVersion,
    engines: toEngines(record.engines),
    plan: record.plan && toDispatchPlan(record.plan),
    client_request_id: record.clientRequestId,
    actor_id: record.actorId,
    actor_name: record.actorName,
    operation_id: record.operationId,
    correlation_id: record.correlationId,
    delivery_attempts: record.deliveryAttempts,
    last_error: record.lastError,
    execution_id: record.executionId,
    created_at: toTimestamp(record.createdAt),
    updated_at: toTimestamp(record.updatedAt),
  };
}

export const toFailureResource = (record: Failure): z.infer<typeof failure> => ({
  failure_code: record.failureCode,
  failure_message: record.failureMessage,
  failed_stage: record.failedStage,
  failure_class: record.failureClass,
  retry_at: record.retryAt === null ? null : toTimestamp(record.retryAt),
  model_profile: record.modelProfile,
  correlation_id: record.correlationId,
  occurred_at: toTimestamp(record.occurredAt),
});

export function toJobResource(record: Job, open: Dispatch | null, rules: Rules): z.infer<typeof job> {
  const { manifest } = record;
  const { audio, transcript, draft } = currentVersions(record, rules);
  const goesAt = keptUntil(record, open, rules);
  const retryAt = nextRetryAt(record, open);
  return {
    id: record.id,
    project_id: record.projectId,
    ...toLabelFields(record),
    status: record.status,
    manifest: {
      video_uri: manifest.videoUri,
      audio_uri: audio?.ref ?? manifest.audioUri,
      transcript_uri: transcript?.ref ?? manifest.transcriptUri,
      draft_uri: draft?.ref ?? manifest.draftUri,
      exports: { ...manifest.exports },
    },
    failure: record.failure && toFailureResource(record.failure),
    open_dispatch: open && toDispatchResource(open),
    next_retry_at: retryAt === null ? null : toTimestamp(retryAt),
    progress_pct: record.progressPct,
    next_actions: toNextActions(record, open, rules),
    kept_until: goesAt === null ? null : toTimestamp(goesAt),
    revision: record.revision,
    created_at: toTimestamp(record.createdAt),
    updated_at: toTimestamp(record.updatedAt),
  };
}

/** Another for every change of how a job is shown: a validator of before must not hold for it. */
const FORM = 6;

/**
 * A strong validator (RFC 9110 §8.8.3): changes with every change of the representation. A dispatch that was
 * withdrawn leaves the job as it was, so the tag of before holds again.
 */
export function toETag(
  record: Job,
  open: Dispatch | null,
  { policy, ackTimeoutMs, stageTimeoutMs, retriesPerJob, keepEndedMs }: Rules,
): string {
  const parts = [
    record.revision,
    // What can be done, and until when is waited, depends on the settings.
    ...[FORM, encodeURIComponent(policy.version), ackTimeoutMs, stageTimeoutMs, retriesPerJob],
    keepEndedMs ?? 0,
    // What is no revision, and yet changes what can be done.
    ...[record.retries, nextRetryAt(record, open) ?? 0],
    // Two changes may fall into one millisecond, so the time alone does not tell them apart.
    ...(open
      ? [open.id, open.state, open.deliveryAttempts, open.executionId === null ? 0 : 1, open.updatedAt]
      : []),
  ];
  return `"${parts.join('.')}"`;
}

export function toTransitionResource(
  record: Transition & { seq: number; operationId: string | null },
  { id, projectId }: Pick<Job, 'id' | 'projectId'>,
): z.infer<typeof transition> {
  return {
    seq: record.seq,
    event_type: record.eventType,
    job_id: id,
    project_id: projectId,
    actor_type: record.actor,
    actor_id: record.actorId,
    actor_name: record.actorName,
    prev_status: record.prevStatus,
    new_status: record.newStatus,
    dispatch_id: record.dispatchId,
    occurred_at: toTimestamp(record.occurredAt),
    recorded_at: toTimestamp(record.recordedAt),
    correlation_id: record.correlationId,
    operation_id: record.operationId,
  };
}
