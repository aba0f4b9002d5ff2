// What reports bring: the manifest's newest references and their limits, and the versions that they make.
import type { ArtifactUpdates, Callback } from './commands.ts';
import { type Dispatch, keptBy } from './dispatch.ts';
import { isMadeBy } from './edits.ts';
import { isOtherContent } from './evidence.ts';
import type { ArtifactVersion, Job, Manifest } from './job.ts';
import {
  isAtOrPast,
  isBehind,
  STAGES,
  STATUSES,
  type Stage,
  type StageName,
  type Status,
} from './lifecycle.ts';
import { chainOf, keptAtHand } from './lineage.ts';

/** All that a manifest may hold. It rides in the job's one row, which has to have room for a failure or a cancel at any time. */
export const MANIFEST_LIMITS = { maxExports: 200, maxBytes: 256 * 1024 } as const;

/** The manifest with what a report names in the place of what was there; itself when that is the same. Nothing is taken away. */
export function mergeManifest(manifest: Manifest, artifacts: ArtifactUpdates): Manifest {
  const merged = {
    videoUri: manifest.videoUri,
    audioUri: artifacts.audioUri ?? manifest.audioUri,
    transcriptUri: artifacts.transcriptUri ?? manifest.transcriptUri,
    draftUri: artifacts.draftUri ?? manifest.draftUri,
    exports: { ...manifest.exports, ...artifacts.exports },
  };
  return JSON.stringify(merged) === JSON.stringify(manifest) ? manifest : merged;
}

const utf8 = new TextEncoder();

/** Whether a manifest has outgrown its limits, in bytes of UTF-8: a key of an object may be of any script. */
export function isTooLarge({ exports, ...refs }: Manifest): boolean {
  const entries = Object.entries(exports);
  const bytes = [...Object.values(refs), ...entries.flat()].reduce(
    (sum, text) => sum + (text === null ? 0 : utf8.encode(text).byteLength),
    0,
  );
  return entries.length > MANIFEST_LIMITS.maxExports || bytes > MANIFEST_LIMITS.maxBytes;
}

/**
 * The versions at hand with what this report adds to them, judged from `current`, and the new ones alone. `versions` is the
 * job's own list when the report neither makes nor completes any.
 */
export function recordVersions(
  job: Job,
  dispatch: Dispatch,
  command: Callback,
  current: Status,
  now: number,
): { versions: readonly ArtifactVersion[]; made: ArtifactVersion[] } {
  const made: ArtifactVersion[] = [];
  let versions = job.versions;
  for (const stage of STAGES) {
    const isComplete = isPast(stage, command, current);
    const facts = { ...factsOf(stage, command), isComplete };
    const ref = newRef(versions, dispatch, command, stage);
    if (ref !== null) {
      const version = newVersion(versions, dispatch, stage, { ...facts, ref, recordedAt: now });
      made.push(version);
      versions = [...versions, version];
    }
    versions = completed(versions, dispatch, stage, facts);
  }
  return { versions: versions === job.versions ? versions : keptAtHand(versions), made };
}

/** Whether the report shows its pipeline at the stage's checkpoint or behind it, and not at work on the stage once more. */
function isPast({ checkpoint, working }: Stage, { status, failure }: Callback, current: Status): boolean {
  const reached = status === 'FAILED' ? failedIn(current, failure?.failedStage ?? '') : [status];
  return reached.some((at) => isAtOrPast(at, checkpoint) && !(working as readonly string[]).includes(at));
}

/**
 * A failure leaves the pipeline where it was, or in the stage that it says has failed. One that makes another draft is
 * REGENERATING all the while, so that where it says what has failed that alone counts.
 */
const failedIn = (current: Status, failedStage: string): string[] =>
  current === 'REGENERATING' && (STATUSES as readonly string[]).includes(failedStage)
    ? [failedStage]
    : [current, failedStage];

/**
 * What the report says of the artifact of this stage: its digest is that of the checkpoint that it reaches, else of the only one
 * that it names. One that reaches a checkpoint and names another stage's artifact alone does not say of which it is.
 */
function factsOf(stage: Stage, { status, artifacts }: Callback) {
  const named = STAGES.filter(({ artifact }) => artifacts[artifact] !== null);
  const reached = STAGES.find(({ checkpoint }) => checkpoint === status);
  const [only] = named.length === 1 ? named : [];
  const isAbout = (only === undefined || only === stage) && stage === (reached ?? only);
  return isAbout
    ? { digest: artifacts.digest, sizeBytes: artifacts.sizeBytes }
    : { digest: null, sizeBytes: null };
}

/**
 * The reference of a new version of the stage's artifact; null where this report makes none. The reference of before is a
 * new version where another pipeline has written to it, or its digest is another; not where its own pipeline repeats it, or
 * one that has begun behind it hands on what it was given.
 */
function newRef(
  versions: readonly ArtifactVersion[],
  dispatch: Dispatch,
  command: Callback,
  stage: Stage,
): string | null {
  const ref = command.artifacts[stage.artifact];
  if (ref === null) return null;
  const newest = newestOf(stage, versions);
  const known = newest?.ref === ref ? newest : handedOn(ref, versions, dispatch, stage);
  if (known === null) return ref;
  const { digest } = factsOf(stage, command);
  const isOther = digest !== null && known.digest !== null && isOtherContent(digest, known.digest);
  const isOthers =
    !isMadeBy(known.madeBy, dispatch.id) && !isBehind(dispatch.resumeFromStatus ?? 'UPLOADED', stage);
  return isOther || isOthers ? ref : null;
}

/** What the pipeline was given to begin with, if this is its reference: that may be of an older version than the newest. */
function handedOn(
  ref: string,
  versions: readonly ArtifactVersion[],
  dispatch: Dispatch,
  { name }: Stage,
): ArtifactVersion | null {
  const ofStage = versions.filter(({ stage }) => stage === name);
  if (ofStage.some(({ madeBy }) => isMadeBy(madeBy, dispatch.id))) return null;
  const number = givenVersion(versions, dispatch, name);
  const given = ofStage.find(({ version }) => version === number);
  return given?.ref === ref ? given : null;
}

function newVersion(
  versions: readonly ArtifactVersion[],
  dispatch: Dispatch,
  stage: Stage,
  said: Pick<ArtifactVersion, 'ref' | 'digest' | 'sizeBytes' | 'isComplete' | 'recordedAt'>,
): ArtifactVersion {
  const { id, modelProfile, policyVersion, engines, plan } = dispatch;
  const discards = plan?.editsDiscarded.map((edit) => edit.stage) ?? [];
  const engine = engines[stage.name] ?? null;
  return {
    stage: stage.name,
    version: (newestOf(stage, versions)?.version ?? 0) + 1,
    ...said,
    madeBy: {
      kind: 'pipeline',
      dispatchId: id,
      modelProfile,
      policyVersion,
      engine,
      ...(plan === null ? { isOfBefore: true } : {}),
      ...(discards.length > 0 ? { discards } : {}),
    },
    madeFrom: sourceOf(stage, versions, dispatch),
  };
}

/** Of the stage before: what this pipeline has made itself, else what it was given to begin with. */
function sourceOf(stage: Stage, versions: readonly ArtifactVersion[], dispatch: Dispatch): number | null {
  const before = STAGES[STAGES.indexOf(stage) - 1];
  if (before === undefined) return null;
  const own = versions.findLast(
    ({ stage: name, madeBy }) => name === before.name && isMadeBy(madeBy, dispatch.id),
  );
  return own?.version ?? givenVersion(versions, dispatch, before.name);
}

/** Which version of the stage the pipeline was given to begin with. Of a dispatch of before its checkpoint tells, and what that was made from. */
function givenVersion(
  versions: readonly ArtifactVersion[],
  dispatch: Dispatch,
  name: StageName,
): number | null {
  if (dispatch.plan !== null) return keptBy(dispatch, name);
  const checkpoint = versions.findLast(({ ref }) => ref === dispatch.checkpointRef);
  const chain = checkpoint ? chainOf(checkpoint, versions) : [];
  return chain.find(({ stage }) => stage === name)?.version ?? null;
}

/**
 * Completes what this pipeline has made of the stage last, once it is past it, with what nobody said of that before. What it
 * named earlier and did not come back to may be half a file for good.
 */
function completed(
  versions: readonly ArtifactVersion[],
  dispatch: Dispatch,
  stage: Stage,
  { digest, sizeBytes, isComplete }: Pick<ArtifactVersion, 'digest' | 'sizeBytes' | 'isComplete'>,
): readonly ArtifactVersion[] {
  const own = newestOf(stage, versions);
  if (own === null || !isMadeBy(own.madeBy, dispatch.id)) return versions;
  const learnt = {
    digest: own.digest ?? digest,
    sizeBytes: own.sizeBytes ?? sizeBytes,
    isComplete: own.isComplete || isComplete,
  };
  const isSame =
    learnt.digest === own.digest &&
    learnt.sizeBytes === own.sizeBytes &&
    learnt.isComplete === own.isComplete;
  return isSame ? versions : versions.map((version) => (version === own ? { ...own, ...learnt } : version));
}

const newestOf = ({ name }: Stage, versions: readonly ArtifactVersion[]): ArtifactVersion | null =>
  versions.findLast(({ stage }) => stage === name) ?? null;
