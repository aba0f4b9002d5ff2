// The versions of a job's artifacts, as editors are shown them.
import * as z from 'zod';
import type { ArtifactVersion, Maker } from '../domain/job.ts';
import { isSameVersion, type Standing, staleBy, standingOf } from '../domain/lineage.ts';
import { actorName, page, timestamp, toTimestamp } from './fields.ts';
import { stageName } from './statuses.ts';

const STANDINGS = ['complete', 'incomplete', 'overwritten', 'retired'] as const satisfies (
  | Standing
  | 'retired'
)[];

export const versionMaker = z
  .discriminatedUnion('kind', [
    z.object({
      kind: z.literal('pipeline'),
      dispatch_id: z.string(),
      model_profile: z.string(),
      policy_version: z.string(),
      engine: z.string().nullable().meta({ description: 'The model; null where the policy named none.' }),
    }),
    z.object({
      kind: z.literal('editor'),
      actor_id: z.string().meta({ description: 'Who corrected it: the `sub` of their token.' }),
      actor_name: actorName,
      edits: z.int().meta({ description: 'The version that it is a correction of.' }),
    }),
  ])
  .meta({ id: 'VersionMaker' });

/** A version, among those of its job. */
export const versionName = z
  .object({ stage: stageName, version: z.int().min(1) })
  .meta({ id: 'VersionName' });

export const artifactVersion = z
  .object({
    stage: stageName,
    version: z.int().min(1).meta({ description: 'Counts for each stage.' }),
    ref: z.string(),
    digest: z.string().nullable(),
    size_bytes: z.int().nullable(),
    made_by: versionMaker,
    made_from: z.int().nullable().meta({
      description:
        'The version of the stage before, of a correction that of what it corrects; null of audio, and where it is not known.',
    }),
    state: z.enum(STANDINGS).meta({
      description:
        '`incomplete`: its pipeline has not been past the stage. `overwritten`: a later version has the same reference. `retired`: so old that no retry looks at it. Only what is `complete` can be resumed from.',
    }),
    stale: z.boolean().meta({
      description:
        'Whether somebody has corrected its stage or an earlier one since, and it does not rest on that.',
    }),
    recorded_at: timestamp,
  })
  .meta({ id: 'ArtifactVersion' });
export const artifactVersionPage = page(artifactVersion).meta({ id: 'ArtifactVersionPage' });

export const toVersionMaker = (record: Maker): z.infer<typeof versionMaker> =>
  record.kind === 'editor'
    ? {
        kind: record.kind,
        actor_id: record.actorId,
        actor_name: record.actorName ?? null,
        edits: record.edits,
      }
    : {
        kind: record.kind,
        dispatch_id: record.dispatchId,
        model_profile: record.modelProfile,
        policy_version: record.policyVersion,
        engine: record.engine,
      };

/** `atHand` are the versions that a retry may look at: as it is there a version stands, whatever it was when it was made. */
export function toVersionResource(
  made: ArtifactVersion,
  atHand: readonly ArtifactVersion[],
): z.infer<typeof artifactVersion> {
  const known = atHand.find((kept) => isSameVersion(kept, made));
  const record = known ?? made;
  const byAge = known ? atHand : [...atHand, made].sort((a, b) => a.recordedAt - b.recordedAt);
  return {
    stage: record.stage,
    version: record.version,
    ref: record.ref,
    digest: record.digest,
    size_bytes: record.sizeBytes,
    made_by: toVersionMaker(record.madeBy),
    made_from: record.madeFrom,
    state: known ? standingOf(known, atHand) : 'retired',
    stale: staleBy(record, byAge).length > 0,
    recorded_at: toTimestamp(record.recordedAt),
  };
}
