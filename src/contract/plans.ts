// What a retry or redo would do, as editors are shown it before they ask for it.
import * as z from 'zod';
import { DISPATCH_KINDS, KEEP_REASONS, type StagePlan, type Task } from '../domain/dispatch.ts';
import { type Proof, UNVERIFIED_REASONS } from '../domain/evidence.ts';
import type { StageName } from '../domain/lifecycle.ts';
import { PASSED_OVER_REASONS } from '../domain/lineage.ts';
import { type Plan, planTag } from '../domain/plan.ts';
import type { Rejection } from '../domain/rejection.ts';
import { toVersionMaker, versionMaker, versionName } from './artifacts.ts';
import { orNull } from './fields.ts';
import { resumeStatus, stageName } from './statuses.ts';

export const proof = z
  .object({
    state: z.enum(['verified', 'unverified']),
    reason: z.enum(UNVERIFIED_REASONS).nullable(),
  })
  .meta({
    id: 'Proof',
    description:
      'Whether the store of artifacts has what is resumed from: `verified`, or `unverified` because it is not in the store that this service knows (`not_in_store`), that store did not answer (`store_unavailable`), or it was not asked (`not_checked`).',
  });

export const stagePlan = z
  .discriminatedUnion('action', [
    z.object({
      stage: stageName,
      action: z.literal('keep'),
      version: z.int().nullable(),
      ref: z.string().nullable(),
      reason: z.enum(KEEP_REASONS),
    }),
    z.object({
      stage: stageName,
      action: z.literal('redo'),
      engine: z
        .string()
        .nullable()
        .meta({ description: 'The model; null for whatever the orchestrator takes.' }),
      reason: z.enum(['never_made', 'asked', ...PASSED_OVER_REASONS]),
    }),
  ])
  .meta({ id: 'StagePlan' });

export const passedOver = z
  .object({ stage: stageName, version: z.int(), reason: z.enum(PASSED_OVER_REASONS) })
  .meta({
    id: 'PassedOver',
    description:
      'A version that is not resumed from: its pipeline never got past the stage (`incomplete`); its file is gone (`missing`), or another one, or written over by a later version (`changed`); or it, or what it was made from, is of another engine than the profile names (`engine_differs`); somebody has corrected its stage or an earlier one, and it does not rest on that (`older_than_edit`); or it is, or was made from, a correction that is to be looked past (`edit_discarded`).',
  });

export const exportTask = z
  .object({ formats: z.array(z.string()), params: orNull(z.record(z.string(), z.unknown())) })
  .meta({ id: 'ExportTask' });

const resume = z.object({
  status: resumeStatus,
  checkpoint_ref: z.string(),
  version: z.int().nullable().meta({ description: 'Null for the upload.' }),
  made_by: orNull(versionMaker),
  proof: orNull(proof),
});

/** What would refuse it, in the words of the problem that it would be answered with. */
const refused = z
  .object({
    error_code: z.string(),
    title: z.string(),
    status: z.int(),
    details: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'PlannedRefusal' });

export const plan = z
  .object({
    kind: z.enum(DISPATCH_KINDS),
    verdict: z.enum(['allowed', 'refused']),
    refusal: orNull(refused),
    model_profile: z.string(),
    policy_version: z.string(),
    engines: z.record(z.string(), z.string()),
    resume_from: resumeStatus
      .nullable()
      .meta({ description: 'Where it was asked to begin, at the furthest.' }),
    resume: orNull(resume),
    stages: z.array(stagePlan),
    passed_over: z.array(passedOver),
    export: orNull(exportTask).meta({
      description: 'What it exports in the end, where an export had failed.',
    }),
    edits_kept: z.array(versionName),
    edits_discarded: z.array(versionName),
    etag: z.string().meta({
      description: 'As `If-Match` of the request it has exactly this done, or nothing.',
    }),
  })
  .meta({ id: 'Plan' });

/** A plan, what it is under every other profile, and how long each stage took the last time, in milliseconds. */
interface Planned {
  plan: Plan;
  profiles: readonly { id: string; title: string; plan: Plan }[];
  durations: Partial<Record<StageName, number>>;
}

/** How a rejection is shown; given from outside, since the table of errors shows plans itself. */
export type ShowRefusal = (rejection: Rejection) => z.infer<typeof refused>;

export function toPlanResource(record: Plan, showRefusal: ShowRefusal): z.infer<typeof plan> {
  const { resume: point, refusal } = record;
  return {
    kind: record.kind,
    verdict: refusal ? 'refused' : 'allowed',
    refusal: refusal && showRefusal(refusal),
    model_profile: record.modelProfile,
    policy_version: record.policyVersion,
    engines: toEngines(record.engines),
    resume_from: record.asked,
    resume: point && {
      status: point.status,
      checkpoint_ref: point.ref,
      version: point.version?.version ?? null,
      made_by: point.version && toVersionMaker(point.version.madeBy),
      proof: point.proof && toProof(point.proof),
    },
    stages: record.stages.map(toStagePlan),
    passed_over: [...record.passedOver],
    export: toExportTask(record.task),
    edits_kept: [...record.editsKept],
    edits_discarded: [...record.editsDiscarded],
    etag: toPlanETag(record),
  };
}

const plannedProfile = z
  .object({
    id: z.string(),
    title: z.string(),
    verdict: z.enum(['allowed', 'refused']),
    refusal: orNull(refused),
    resume_from_status: orNull(resumeStatus),
    version: z.int().nullable(),
  })
  .meta({ id: 'PlannedProfile', description: 'The same under another profile.' });

export const offeredPlan = plan
  .extend({
    estimate_seconds: z.partialRecord(stageName, z.number()).meta({
      description: 'How long the stages that are made again took this job the last time, where they have.',
    }),
    profiles: z.array(plannedProfile),
  })
  .meta({ id: 'OfferedPlan' });

export function toOfferedPlanResource(
  { plan: record, profiles, durations }: Planned,
  showRefusal: ShowRefusal,
): z.infer<typeof offeredPlan> {
  const estimates = record.stages.flatMap(({ stage, action }): [StageName, number][] => {
    const ms = durations[stage];
    return action === 'redo' && ms !== undefined ? [[stage, ms / 1000]] : [];
  });
  return {
    ...toPlanResource(record, showRefusal),
    estimate_seconds: Object.fromEntries(estimates),
    profiles: profiles.map(({ id, title, plan: under }) => ({
      id,
      title,
      verdict: under.refusal ? 'refused' : 'allowed',
      refusal: under.refusal && showRefusal(under.refusal),
      resume_from_status: under.resume?.status ?? null,
      version: under.resume?.version?.version ?? null,
    })),
  };
}

/** Null for what is no export. */
export const toExportTask = (task: Task): z.infer<typeof exportTask> | null =>
  task.kind === 'export'
    ? { formats: [...task.formats], params: task.params === null ? null : JSON.parse(task.params) }
    : null;

/** A strong validator (RFC 9110 §8.8.3) of what the plan does. */
export const toPlanETag = (record: Plan): string => `"${planTag(record)}"`;

/** Of what is resumed from: whatever the store speaks against was passed over. */
export const toProof = (record: Proof): z.infer<typeof proof> => ({
  state: record.state === 'verified' ? 'verified' : 'unverified',
  reason: record.state === 'unverified' ? record.reason : null,
});

export const toStagePlan = (record: StagePlan): z.infer<typeof stagePlan> => ({ ...record });

export const toEngines = (engines: Plan['engines']): Record<string, string> =>
  Object.fromEntries(
    Object.entries(engines).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
