// The rule of spec/lineage.md written down once more: what speaks against resuming from a version, whoever has put together which
// versions there were.
import { isAtOrPast } from './protocol.ts';

/** The stages by name, and the checkpoint of each, in pipeline order. */
export const CHECKPOINT_OF: Readonly<Record<string, string>> = {
  audio: 'AUDIO_READY',
  transcript: 'TRANSCRIPT_READY',
  draft: 'DRAFT_READY',
};
export const STAGES = Object.keys(CHECKPOINT_OF);

export interface Version {
  stage: string;
  checkpoint: string;
  ref: string;
  /** The dispatch of the pipeline that made it; null of what a person made. */
  maker: string | null;
  /** The model that the policy named for it then; null where it named none. */
  engine: string | null;
  /** The stages whose edits its pipeline was to look past. */
  looksPast: readonly string[];
  /** The version of the stage before. */
  from: Version | null;
  isComplete: boolean;
}

/** What a pipeline is wanted for. */
export interface Wish {
  /** Stage → the model that the profile names. */
  engines: Readonly<Record<string, string | undefined>>;
  /** The stages whose edits are to be looked past. */
  discards: readonly string[];
}

export type Flaw = 'incomplete' | 'changed' | 'edit_discarded' | 'engine_differs' | 'older_than_edit';

export const isEdit = ({ maker }: Version): boolean => maker === null;

/** A version, what it was made from, and so on. */
export function lineOf(version: Version | null): Version[] {
  return version ? [version, ...lineOf(version.from)] : [];
}

/** The same up to the first edit, in pipeline order: a person answers for what they have corrected. */
function chainOf(version: Version): Version[] {
  return isEdit(version) || version.from === null ? [version] : [...chainOf(version.from), version];
}

/** Of each stage the newest edit, unless a pipeline that was to look past it has made something since. */
export const standingEdits = (versions: readonly Version[]): Version[] =>
  STAGES.flatMap((stage) => {
    const ofStage = versions.filter((version) => version.stage === stage);
    const newest = ofStage.findLastIndex(isEdit);
    const since = ofStage.slice(newest + 1);
    const isOver = since.some(({ isComplete, looksPast }) => isComplete && looksPast.includes(stage));
    return newest < 0 || isOver ? [] : ofStage.slice(newest, newest + 1);
  });

/** Whether a version has this edit in its chain, or what somebody has chosen in its place since. */
export function restsOn(version: Version, edit: Version, versions: readonly Version[]): boolean {
  const isLater = (link: Version) => versions.indexOf(link) > versions.indexOf(edit);
  return chainOf(version)
    .filter(({ checkpoint }) => isAtOrPast(checkpoint, edit.checkpoint))
    .some(
      (link) => link === edit || (isLater(link) && (isEdit(link) || link.looksPast.includes(edit.stage))),
    );
}

/** Everything that speaks against this one, whatever the store says, what weighs most first. */
export function flawsOf(version: Version, versions: readonly Version[], wish: Wish): Flaw[] {
  const flaws: Flaw[] = [];
  const chain = chainOf(version);
  const later = versions.slice(versions.indexOf(version) + 1);
  if (!version.isComplete) flaws.push('incomplete');
  if (later.some(({ ref }) => ref === version.ref)) flaws.push('changed');
  if (chain.some((link) => isEdit(link) && wish.discards.includes(link.stage))) flaws.push('edit_discarded');
  if (isOfOtherEngine(version, chain, wish)) flaws.push('engine_differs');
  if (isOlderThanEdit(version, versions, wish)) flaws.push('older_than_edit');
  return flaws;
}

/** The one that a retry would keep, whatever the store says, else the newest. */
export function draftThatCounts(versions: readonly Version[], engines: Wish['engines']): Version | undefined {
  const drafts = versions.filter(({ stage }) => stage === 'draft').toReversed();
  return (
    drafts.find((draft) => flawsOf(draft, versions, { engines, discards: [] }).length === 0) ?? drafts[0]
  );
}

/** Whether a pipeline that goes on from there has the edit, or what was chosen in its place. */
export const isKeptBy = (taken: Version, edit: Version, versions: readonly Version[]): boolean =>
  isAtOrPast(taken.checkpoint, edit.checkpoint) && restsOn(taken, edit, versions);

/** Of what people made no engine is asked, nor of what that was made from. */
function isOfOtherEngine(version: Version, chain: readonly Version[], { engines }: Wish): boolean {
  const edit = chain.find(isEdit);
  return STAGES.some((stage) => {
    const checkpoint = CHECKPOINT_OF[stage] ?? '';
    const named = engines[stage];
    const isAsked = isAtOrPast(version.checkpoint, checkpoint) && named !== undefined;
    if (!isAsked || (edit && isAtOrPast(edit.checkpoint, checkpoint))) return false;
    return chain.find((link) => link.stage === stage)?.engine !== named;
  });
}

function isOlderThanEdit(version: Version, versions: readonly Version[], { discards }: Wish): boolean {
  return standingEdits(versions).some(
    (edit) =>
      isAtOrPast(version.checkpoint, edit.checkpoint) &&
      !discards.includes(edit.stage) &&
      !restsOn(version, edit, versions),
  );
}
