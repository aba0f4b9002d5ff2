// The versions that the model's job has of its artifacts, and what is to be known of one of them: written from the page on lineage
// rather than from the code. It shares types with src/, no rule.
import type { Evidence, Finding } from '../../src/domain/evidence.ts';
import type { WordedProfile } from './policies.ts';

export const MODEL_STAGES = ['audio', 'transcript', 'draft'] as const;
export type ModelStage = (typeof MODEL_STAGES)[number];
export const POINT = {
  audio: 'AUDIO_READY',
  transcript: 'TRANSCRIPT_READY',
  draft: 'DRAFT_READY',
} as const;
/** So many complete ones of each stage are looked at. */
const NEWEST = 16;

export interface ModelVersion {
  stage: ModelStage;
  n: number;
  /** Its place among all that were ever made. */
  nth: number;
  ref: string;
  digest: string | null;
  size: number | null;
  /** The dispatch that made it, or the editor. */
  by: string;
  /** Of an edit: the version that it corrects; null for what a pipeline made. */
  edits: number | null;
  profile: string | null;
  engine: string | null;
  /** The stages whose edits its pipeline was told to look past. */
  discards: readonly string[];
  /** The version of the stage before. */
  from: number | null;
  isComplete: boolean;
}

/** What a dispatch means for what its pipeline makes. */
export interface ModelMaker {
  id: string;
  profile: string;
  engines: WordedProfile['engines'];
  /** Null of a run. */
  resumeFrom: string | null;
  /** The versions that its pipeline begins with. */
  given: Readonly<Partial<Record<ModelStage, ModelVersion>>>;
  /** The stages whose edits it was told to look past. */
  discards: readonly string[];
}

export const stageIndex = (stage: ModelStage): number => MODEL_STAGES.indexOf(stage);

export const newestOf = (all: readonly ModelVersion[], name: ModelStage): ModelVersion | undefined =>
  all.findLast(({ stage }) => stage === name);

function sourceOf(version: ModelVersion, all: readonly ModelVersion[]): ModelVersion | undefined {
  const before = MODEL_STAGES[stageIndex(version.stage) - 1];
  return before && all.find(({ stage, n }) => stage === before && n === version.from);
}

/** The version and all that it was made from, itself first. */
export function lineOf(version: ModelVersion, all: readonly ModelVersion[]): ModelVersion[] {
  const source = sourceOf(version, all);
  return source ? [version, ...lineOf(source, all)] : [version];
}

/** That line up to the first edit in it. */
export function chainOf(version: ModelVersion, all: readonly ModelVersion[]): ModelVersion[] {
  const line = lineOf(version, all);
  const edit = line.findIndex(({ edits }) => edits !== null);
  return edit === -1 ? line : line.slice(0, edit + 1);
}

/** Whether a pipeline made it that was told to look past this edit. */
const looksPast = (version: ModelVersion, edit: ModelVersion): boolean =>
  version.nth > edit.nth && version.edits === null && version.discards.includes(edit.stage);

const replacing = (edit: ModelVersion, all: readonly ModelVersion[]): ModelVersion | undefined =>
  all.findLast((other) => other.stage === edit.stage && other.isComplete && looksPast(other, edit));

/** Of each stage the edit that stands. */
export const standing = (all: readonly ModelVersion[]): ModelVersion[] =>
  MODEL_STAGES.flatMap((name) => {
    const newest = all.findLast(({ stage, edits }) => stage === name && edits !== null);
    return newest && !replacing(newest, all) ? [newest] : [];
  });

/** Whether it holds an edit of its own stage or an earlier one, or what a person has chosen in its place since. */
export const restsOn = (version: ModelVersion, edit: ModelVersion, all: readonly ModelVersion[]): boolean =>
  chainOf(version, all).some(
    (link) =>
      link === edit ||
      (stageIndex(link.stage) >= stageIndex(edit.stage) &&
        ((link.edits !== null && link.nth > edit.nth) || looksPast(link, edit))),
  );

/** The last that was written to its reference, unless that is itself. */
const overwriting = (version: ModelVersion, all: readonly ModelVersion[]): ModelVersion | undefined =>
  all.findLast(({ ref, nth }) => ref === version.ref && nth > version.nth);

export function isWrittenOver(version: ModelVersion, all: readonly ModelVersion[]): boolean {
  const last = overwriting(version, all);
  const isSame = last?.digest === version.digest && version.digest?.startsWith('sha-256:');
  return last !== undefined && !isSame;
}

/** Whether another digest says that this is another file: of two kinds of digest neither says anything of the other. */
export function isOtherFile({ digest: known }: ModelVersion, digest: string | null): boolean {
  const [kind] = digest?.split(':') ?? [];
  return digest !== null && known !== digest && known?.split(':')[0] === kind;
}

/**
 * The newest of each stage, the edits that stand, what those were made from; and what has taken the place of any of them, since
 * they are not what they were.
 */
export function atHand(all: ModelVersion[]): ModelVersion[] {
  const isFew = MODEL_STAGES.every((name) => all.filter(({ stage }) => stage === name).length <= NEWEST);
  if (isFew) return all;
  const newest = MODEL_STAGES.flatMap((name) => {
    const ofStage = all.filter(({ stage }) => stage === name);
    return [...ofStage.filter(({ isComplete }) => isComplete).slice(-NEWEST), ...ofStage.slice(-1)];
  });
  const kept = new Set([...newest, ...standing(all)]);
  for (const version of kept) {
    const instead = version.edits === null ? undefined : replacing(version, all);
    const others = [...lineOf(version, all), overwriting(version, all), instead];
    for (const other of others) if (other) kept.add(other);
  }
  return all.filter((version) => kept.has(version));
}

/** In one word, or two where it is not verified. */
export function proofOf(
  { ref, size, digest }: Pick<ModelVersion, 'ref' | 'size' | 'digest'>,
  evidence: Evidence,
): string {
  const finding: Finding | undefined = evidence.get(ref);
  if (!finding) return 'unverified not_in_store';
  if (finding.kind === 'missing') return 'missing';
  if (finding.kind === 'unavailable') return 'unverified store_unavailable';
  if (finding.kind === 'unchecked') return 'unverified not_checked';
  if (size !== null && size !== finding.sizeBytes) return 'changed';
  // Of the digests in these histories one form is a SHA-256.
  const said = digest?.startsWith('sha-256:') ? digest.slice('sha-256:'.length) : null;
  return said !== null && finding.sha256 !== null && said !== finding.sha256 ? 'changed' : 'verified';
}
