// What a pipeline may resume from: the versions of the stages' artifacts, what each was made from, and the one rule by which
// they are looked at. A retry, its plan and what an editor is offered are readings of it.
import { type Chain, discarding, type Edit, isEdit, restsOn, standingEdits } from './edits.ts';
import { disproof, type Evidence, isSameContent, NO_EVIDENCE } from './evidence.ts';
import type { ArtifactVersion } from './job.ts';
import {
  type Engines,
  isBehind,
  type ResumeStatus,
  STAGE_NAMES,
  STAGES,
  type StageName,
  stageOf,
} from './lifecycle.ts';

/** Of each stage so many complete versions are kept at hand, and those that they were made from. The history has all. */
export const KEPT_PER_STAGE = 16;

/**
 * No job has more at hand: they ride in its one row, with up to two kilobytes of reference each. So many need one another only
 * where each stage's artifacts are written over those of others, again and again.
 */
export const MOST_AT_HAND = 256;

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
  /** Somebody has edited this stage or an earlier one, and it does not rest on that. */
  'older_than_edit',
  /** It is an edit that the caller wants looked past, or was made from one. */
  'edit_discarded',
] as const;
export type PassedOverReason = (typeof PASSED_OVER_REASONS)[number];

/** A version, among those of its job. */
export interface VersionName {
  stage: StageName;
  version: number;
}

export interface PassedOver extends VersionName {
  reason: PassedOverReason;
}

export const nameOf = ({ stage, version }: VersionName): VersionName => ({ stage, version });
export const isSameVersion = (one: VersionName, other: VersionName): boolean =>
  one.stage === other.stage && one.version === other.version;

/** What a caller is after, whatever there is. */
export interface Wish {
  engines: Engines;
  /** No further than this. */
  upTo: ResumeStatus;
  /** The stages whose edits are looked past. */
  discardEdits: readonly StageName[];
}

/** All versions, the furthest stage first, newest first. */
const furthestFirst = (versions: readonly ArtifactVersion[], upTo: ResumeStatus): ArtifactVersion[] =>
  STAGES.filter((stage) => isBehind(upTo, stage))
    .toReversed()
    .flatMap(({ name }) => versions.filter(({ stage }) => stage === name).toReversed());

/** The first version that is valid, or null for the upload; and those that were passed over on the way to it. */
export function resumeFrom(
  versions: readonly ArtifactVersion[],
  { evidence, ...wish }: Wish & { evidence: Evidence },
): { version: ArtifactVersion | null; passedOver: PassedOver[] } {
  const passedOver: PassedOver[] = [];
  const reasonAgainst = judge(versions, wish);
  for (const version of furthestFirst(versions, wish.upTo)) {
    const reason = reasonAgainst(version) ?? disproof(version, evidence);
    if (reason === null) return { version, passedOver };
    passedOver.push({ ...nameOf(version), reason });
  }
  return { version: null, passedOver };
}

/** The versions that the rule would look at for this wish and that evidence could speak against, in its order. */
export function candidates(versions: readonly ArtifactVersion[], wish: Wish): ArtifactVersion[] {
  const reasonAgainst = judge(versions, wish);
  return furthestFirst(versions, wish.upTo).filter((version) => reasonAgainst(version) === null);
}

/**
 * Of each stage the version that counts: the one that a pipeline under these engines would keep, else the newest. The store
 * is not asked.
 */
export function current(
  versions: readonly ArtifactVersion[],
  engines: Engines,
): Partial<Record<StageName, ArtifactVersion>> {
  const wherever = { upTo: 'DRAFT_READY' as const, discardEdits: [], evidence: NO_EVIDENCE };
  const { version } = resumeFrom(versions, { engines, ...wherever });
  const kept = version ? provenanceOf(version, versions) : [];
  const newest = STAGE_NAMES.flatMap((name) => versions.findLast(({ stage }) => stage === name) ?? []);
  return Object.fromEntries([...newest, ...kept].map((counts) => [counts.stage, counts]));
}

/** Why the job's own knowledge speaks against any of its versions, whatever is in the store. */
function judge(versions: readonly ArtifactVersion[], { engines, discardEdits }: Wish) {
  const isDiscarded = ({ stage }: ArtifactVersion) => discardEdits.includes(stage);
  const standing = standingEdits(versions).filter((edit) => !isDiscarded(edit));
  return (version: ArtifactVersion): Exclude<PassedOverReason, 'missing'> | null => {
    if (!version.isComplete) return 'incomplete';
    if (isOverwritten(version, versions)) return 'changed';
    const chain = chainOf(version, versions);
    if (chain.some((link) => isEdit(link) && isDiscarded(link))) return 'edit_discarded';
    if (isOfOtherEngine(chain, engines)) return 'engine_differs';
    return overtakenBy(chain, versions, standing).length > 0 ? 'older_than_edit' : null;
  };
}

/** Many orchestrators write to a fixed key: what was there before is gone, whatever the store says, unless it is known to be the same. */
export function isOverwritten(version: ArtifactVersion, versions: readonly ArtifactVersion[]): boolean {
  const last = versions.findLast(({ ref }) => ref === version.ref);
  return last !== undefined && last !== version && !isSameContent(last.digest, version.digest);
}

/** What is not known of a stage differs from any engine that the profile names for it; what a person made is of none. */
function isOfOtherEngine(chain: Chain, engines: Engines): boolean {
  const [first] = chain;
  const last = chain.at(-1);
  if (first === undefined || last === undefined) return false;
  const from = isEdit(first) ? STAGE_NAMES.indexOf(first.stage) : 0;
  return STAGE_NAMES.slice(from, STAGE_NAMES.indexOf(last.stage) + 1).some((name) => {
    const named = engines[name];
    const madeBy = chain.find(({ stage }) => stage === name)?.madeBy;
    return named !== undefined && madeBy?.kind !== 'editor' && madeBy?.engine !== named;
  });
}

/** The edits of what the last of this chain was made from, or would have been, on which it does not rest. */
function overtakenBy(chain: Chain, versions: readonly ArtifactVersion[], standing: readonly Edit[]): Edit[] {
  const last = chain.at(-1)?.stage;
  const upTo = last === undefined ? [] : STAGE_NAMES.slice(0, STAGE_NAMES.indexOf(last) + 1);
  return standing.filter((edit) => upTo.includes(edit.stage) && !restsOn(chain, edit, versions));
}

/** The edits that have overtaken it. */
export const staleBy = (version: ArtifactVersion, versions: readonly ArtifactVersion[]): Edit[] =>
  overtakenBy(chainOf(version, versions), versions, standingEdits(versions));

/** The version, what it was made from, and so on, as far as that is known; in pipeline order. */
export function provenanceOf(version: ArtifactVersion, versions: readonly ArtifactVersion[]): Chain {
  const before = STAGES[STAGES.indexOf(stageOf(version.stage)) - 1];
  const source = before && versions.find((v) => v.stage === before.name && v.version === version.madeFrom);
  return source ? [...provenanceOf(source, versions), version] : [version];
}

/** Of that what the rule looks at: a person answers for what they have corrected, whatever it was made from. */
export function chainOf(version: ArtifactVersion, versions: readonly ArtifactVersion[]): Chain {
  const provenance = provenanceOf(version, versions);
  return provenance.slice(Math.max(provenance.findLastIndex(isEdit), 0));
}

/**
 * Those that are kept at hand: of each stage the newest complete ones and the newest, the edits that stand, whatever those
 * were made from, and what has taken the place of any of them.
 */
export function keptAtHand(versions: readonly ArtifactVersion[]): readonly ArtifactVersion[] {
  const isFew = STAGES.every(
    ({ name }) => versions.filter(({ stage }) => stage === name).length <= KEPT_PER_STAGE,
  );
  if (isFew) return versions;
  const newest = STAGES.flatMap(({ name }) => {
    const ofStage = versions.filter(({ stage }) => stage === name);
    // Of those that are not complete the newest alone can ever be: the others take nobody's place.
    const complete = ofStage.filter(({ isComplete }) => isComplete).slice(-KEPT_PER_STAGE);
    return [...complete, ...ofStage.slice(-1)];
  });
  const kept = new Set([...newest, ...standingEdits(versions)]);
  // Without what took its place since, a version that was written over, or an edit that was looked past, would look as good as new.
  // What is added here has its turn as well.
  for (const one of kept) {
    for (const source of provenanceOf(one, versions)) kept.add(source);
    const last = versions.findLast(({ ref }) => ref === one.ref);
    if (last) kept.add(last);
    const instead = isEdit(one) ? discarding(one, versions) : null;
    if (instead) kept.add(instead);
  }
  return versions.filter((version) => kept.has(version));
}

/** How a version stands among those at hand, of which it is one. */
export type Standing = 'complete' | 'incomplete' | 'overwritten';

export function standingOf(version: ArtifactVersion, versions: readonly ArtifactVersion[]): Standing {
  if (!version.isComplete) return 'incomplete';
  return isOverwritten(version, versions) ? 'overwritten' : 'complete';
}
