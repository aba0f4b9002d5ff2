// Versions of artifacts in a few words, for tests of the rule.
import type { ArtifactVersion } from '../../src/domain/job.ts';
import type { StageName } from '../../src/domain/lifecycle.ts';

type Patch = Partial<Omit<ArtifactVersion, 'stage' | 'version' | 'madeBy'>> & {
  engine?: string | null;
  /** The stages whose edits its pipeline was to look past. */
  discards?: readonly StageName[];
};

/** Complete, in a place of its own, made by a pipeline that nobody knows more of. */
const versionOf = (
  stage: StageName,
  version: number,
  { engine = null, discards, ...patch }: Patch,
): ArtifactVersion => ({
  ...{ stage, version, ref: `s3://${stage}-${version}`, digest: null, sizeBytes: null, madeFrom: null },
  isComplete: true,
  recordedAt: 1,
  madeBy: {
    ...{ kind: 'pipeline', dispatchId: 'dsp_1', modelProfile: 'balanced', policyVersion: 'v1', engine },
    ...(discards ? { discards } : {}),
  },
  ...patch,
});

export const audio = (version: number, patch: Patch = {}) => versionOf('audio', version, patch);
/** Made from the first version of the stage before, by the engine that the profile `balanced` names. */
export const transcript = (version: number, patch: Patch = {}) =>
  versionOf('transcript', version, { engine: 'ears-1', madeFrom: 1, ...patch });
export const draft = (version: number, patch: Patch = {}) =>
  versionOf('draft', version, { engine: 'pen-1', madeFrom: 1, ...patch });

/** A correction of another version by a person. */
export const edited = (corrected: ArtifactVersion, version: number, patch: Patch = {}): ArtifactVersion => ({
  ...versionOf(corrected.stage, version, { madeFrom: corrected.madeFrom, ...patch }),
  madeBy: { kind: 'editor', actorId: 'alice', edits: corrected.version },
});
