// What a pipeline may resume from: the versions of the stages' artifacts, what each was made from, and the one rule by which
// they are looked at. A retry, its plan and what an editor is offered are readings of it.
import { type Evidence, proofOf } from './evidence.ts';
import type { ArtifactVersion } from './job.ts';
import { type Engines, isBehind, type ResumeStatus, STAGES, type StageName } from './lifecycle.ts';

/** Of each stage so many complete versions are kept at hand, and those that they were made from. The history has all. */
export const KEPT_PER_STAGE = 16;

/** Why a version is not resumed from. */
export const PASSED_OVER_REASONS = [
  /** Its pipeline never got past the stage. */
  'incomplete',
  /** The store has no such file. */
  'missing',
  /** The store has another file, or a later version was written to the same reference. */
  'changed',
  /** It, or something that it was made from, is of another engine than the profile names, or of one that is not known. */
  'engine_differs',
] as const;
export type PassedOverReason = (typeof PASSED_OVER_REASONS)[number];

export interface PassedOver {
  stage: StageName;
  version: number;
  reason: PassedOverReason;
}

interface Look {
  engines: Engines;
  evidence: Evidence;
  /** No further than this. */
  upTo: ResumeStatus;
}

/** All versions, the furthest stage first, newest first. */
const furthestFirst = (versions: readonly ArtifactVersion[], upTo: ResumeStatus): ArtifactVersion[] =>
  STAGES.filter((stage) => isBehind(upTo, stage))
    .toReversed()
    .flatMap(({ name }) => versions.filter(({ stage }) => stage === name).toReversed());

/** The first version that is valid, or null for the upload; and those that were passed over on the way to it. */
export function resumeFrom(
  versions: readonly ArtifactVersion[],
  { engines, evidence, upTo }: Look,
): { version: ArtifactVersion | null; passedOver: PassedOver[] } {
  const passedOver: PassedOver[] = [];
  for (const version of furthestFirst(versions, upTo)) {
    const reason = reasonToPassOver(version, versions, engines) ?? disproof(version, evidence);
    if (reason === null) return { version, passedOver };
    passedOver.push({ stage: version.stage, version: version.version, reason });
  }
  return { version: null, passedOver };
}

/** The versions that the rule would look at for this profile and that evidence could speak against, in its order. */
export const candidates = (
  versions: readonly ArtifactVersion[],
  { engines, upTo }: Omit<Look, 'evidence'>,
): ArtifactVersion[] =>
  furthestFirst(versions, upTo).filter((version) => reasonToPassOver(version, versions, engines) === null);

/** Why the job's own knowledge speaks against a version, whatever is in the store. */
function reasonToPassOver(
  version: ArtifactVersion,
  versions: readonly ArtifactVersion[],
  engines: Engines,
): Exclude<PassedOverReason, 'missing'> | null {
  if (!version.isComplete) return 'incomplete';
  if (isOverwritten(version, versions)) return 'changed';
  return isOfOtherEngine(version, versions, engines) ? 'engine_differs' : null;
}

function disproof(version: ArtifactVersion, evidence: Evidence): 'missing' | 'changed' | null {
  const { state } = proofOf(version, evidence);
  return state === 'missing' || state === 'changed' ? state : null;
}

/** Many orchestrators write to a fixed key: what was there before is gone, whatever the store says. */
export const isOverwritten = (version: ArtifactVersion, versions: readonly ArtifactVersion[]): boolean =>
  versions.slice(versions.indexOf(version) + 1).some(({ ref }) => ref === version.ref);

/** What is not known of a stage differs from any engine that the profile names for it. */
function isOfOtherEngine(
  version: ArtifactVersion,
  versions: readonly ArtifactVersion[],
  engines: Engines,
): boolean {
  const chain = chainOf(version, versions);
  const last = STAGES.findIndex(({ name }) => name === version.stage);
  return STAGES.slice(0, last + 1).some(({ name }) => {
    const named = engines[name];
    return named !== undefined && chain.find(({ stage }) => stage === name)?.madeBy.engine !== named;
  });
}

/** The version, what it was made from, and so on, as far as that is known; in pipeline order. */
export function chainOf(version: ArtifactVersion, versions: readonly ArtifactVersion[]): ArtifactVersion[] {
  const before = STAGES[STAGES.findIndex(({ name }) => name === version.stage) - 1];
  const source = before && versions.find((v) => v.stage === before.name && v.version === version.madeFrom);
  return source ? [...chainOf(source, versions), version] : [version];
}

/** Those that are kept at hand: of each stage the newest complete ones and the newest, whatever those were made from, and what overwrote any of them. */
export function keptAtHand(versions: readonly ArtifactVersion[]): readonly ArtifactVersion[] {
  const isFew = STAGES.every(
    ({ name }) => versions.filter(({ stage }) => stage === name).length <= KEPT_PER_STAGE,
  );
  if (isFew) return versions;
  const newest = STAGES.flatMap(({ name }) => {
    const ofStage = versions.filter(({ stage }) => stage === name);
    // Of those that are not complete the newest alone can ever be: the others take nobody's place.
    const complete = ofStage.filter(({ isComplete }) => isComplete).slice(-KEPT_PER_STAGE);
    return [...new Set([...complete, ...ofStage.slice(-1)])];
  });
  const kept = new Set(newest.flatMap((version) => chainOf(version, versions)));
  // Without what was written to its place since, a version that has been overwritten would look as good as new.
  for (const { ref } of [...kept]) {
    const last = versions.findLast((version) => version.ref === ref);
    if (last) kept.add(last);
  }
  return versions.filter((version) => kept.has(version));
}

/** How a version stands among those at hand, of which it is one. */
export type Standing = 'complete' | 'incomplete' | 'overwritten';

export function standingOf(version: ArtifactVersion, versions: readonly ArtifactVersion[]): Standing {
  if (!version.isComplete) return 'incomplete';
  return isOverwritten(version, versions) ? 'overwritten' : 'complete';
}
