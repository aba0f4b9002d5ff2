// Corrections by people, and what they mean for what was made before and after: a correction is not passed over unless
// somebody says so. lineage.ts asks here; the command itself is in edit-artifact.ts.
import type { ArtifactVersion, Editor, Maker, Pipeline } from './job.ts';
import { STAGE_NAMES, type StageName } from './lifecycle.ts';

export type Edit = ArtifactVersion & { madeBy: Editor };

export const isEdit = (version: ArtifactVersion): version is Edit => version.madeBy.kind === 'editor';

/** Whether this dispatch's pipeline made it. */
export const isMadeBy = (maker: Maker, dispatchId: string): maker is Pipeline =>
  maker.kind === 'pipeline' && maker.dispatchId === dispatchId;

/** A version and its source, that one's source, and so on, as far as that is known; in pipeline order. */
export type Chain = readonly ArtifactVersion[];

/** Of each stage its newest edit, unless something was made since by a pipeline that was to look past it. */
export const standingEdits = (versions: readonly ArtifactVersion[]): Edit[] =>
  STAGE_NAMES.flatMap((name) => {
    const newest = versions.findLast((version): version is Edit => version.stage === name && isEdit(version));
    return newest && discarding(newest, versions) === null ? [newest] : [];
  });

/** The newest version in the place of this edit that is of a pipeline that was to look past it; null for none. */
export const discarding = (edit: Edit, versions: readonly ArtifactVersion[]): ArtifactVersion | null =>
  versions
    .slice(versions.indexOf(edit) + 1)
    .findLast((later) => later.stage === edit.stage && later.isComplete && looksPast(later, edit.stage)) ??
  null;

/**
 * Whether a version rests on this edit of its own stage or an earlier one, or on what somebody has chosen in its place since:
 * what a pipeline made that was to look past it, or an edit of what follows.
 */
export function restsOn(chain: Chain, edit: Edit, versions: readonly ArtifactVersion[]): boolean {
  const [from, made] = [STAGE_NAMES.indexOf(edit.stage), versions.indexOf(edit)];
  return chain
    .filter(({ stage }) => STAGE_NAMES.indexOf(stage) >= from)
    .some(
      (link) =>
        link === edit || (versions.indexOf(link) > made && (isEdit(link) || looksPast(link, edit.stage))),
    );
}

const looksPast = ({ madeBy }: ArtifactVersion, stage: StageName): boolean =>
  madeBy.kind === 'pipeline' && (madeBy.discards?.includes(stage) ?? false);
