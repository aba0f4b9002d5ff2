// Model profiles: which may be used, and from which resume point. The policy itself is configuration.
import type { FailureClass } from './failures.ts';
import type { ArtifactVersion, Job } from './job.ts';
import type { Engines, ResumeStatus } from './lifecycle.ts';
import type { Rejection } from './rejection.ts';

export interface ModelProfile {
  id: string;
  title: string;
  enabled: boolean;
  /** The stages from which a pipeline may start under this profile; a run starts from UPLOADED. */
  resumeFrom: readonly ResumeStatus[];
  /** The models behind the stages that depend on one. A stage that it does not name takes any. */
  engines: Engines;
}

export interface ModelPolicy {
  /** Another for every change: what is shown of a job is known by it. */
  version: string;
  defaultProfile: string;
  profiles: readonly ModelProfile[];
  /** Failure code → class, where the report does not say. */
  failureClasses: Readonly<Record<string, FailureClass>>;
}

/** Under which profile a job is worked on again where nobody says: as it failed, else as it was worked on last, else by default. */
export const profileOfBefore = (
  { status, failure, latestProfile }: Pick<Job, 'status' | 'failure' | 'latestProfile'>,
  { defaultProfile }: ModelPolicy,
): string => (status === 'FAILED' ? failure?.modelProfile : latestProfile) ?? defaultProfile;

/** What the policy names for a profile; nothing for one that it does not know. */
export const enginesOf = ({ profiles }: ModelPolicy, profileId: string): Engines =>
  profiles.find(({ id }) => id === profileId)?.engines ?? {};

/** The versions with the models of those that were made before policies named any. */
export const withEngines = (
  versions: readonly ArtifactVersion[],
  policy: ModelPolicy,
): readonly ArtifactVersion[] =>
  versions.map((version) => {
    const { madeBy, stage } = version;
    if (madeBy.kind === 'editor' || madeBy.engine !== null || !madeBy.isOfBefore) return version;
    return {
      ...version,
      madeBy: { ...madeBy, engine: enginesOf(policy, madeBy.modelProfile)[stage] ?? null },
    };
  });

/**
 * Null when `profileId` may be used from `resumeFrom`, else why not and which profiles may.
 * Without a resume point only the profile itself is judged.
 */
export function refuseProfile(
  policy: ModelPolicy,
  profileId: string,
  resumeFrom: ResumeStatus | null,
): Rejection | null {
  const fits = (profile: ModelProfile) => resumeFrom === null || profile.resumeFrom.includes(resumeFrom);
  const profile = policy.profiles.find(({ id }) => id === profileId);
  const reason = !profile
    ? 'unknown'
    : !profile.enabled
      ? 'disabled'
      : !fits(profile)
        ? 'resume_point_not_allowed'
        : null;
  if (reason === null) return null;
  return {
    code: 'MODEL_PROFILE_NOT_ALLOWED',
    reason,
    modelProfile: profileId,
    allowedModelProfiles: policy.profiles.filter((p) => p.enabled && fits(p)).map((p) => p.id),
  };
}
