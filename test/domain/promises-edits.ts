// What spec/lineage.md promises of versions and of corrections, after every step and whatever the model says of it: told from
// all that was ever made, as the history has it.
import type { Command } from '../../src/domain/commands.ts';
import type { Decision } from '../../src/domain/decision.ts';
import type { Dispatch } from '../../src/domain/dispatch.ts';
import type { ArtifactVersion } from '../../src/domain/job.ts';
import { holds } from '../rules/holds.ts';
import { isCompleted, nameOf } from '../rules/listed.ts';
import { IN_PROGRESS, OPEN } from '../rules/protocol.ts';
import type { MemoryState } from './memory-job.ts';

const STAGES = ['audio', 'transcript', 'draft'];
const indexOf = ({ stage }: { stage: string }): number => STAGES.indexOf(stage);

export function checkEdits(
  before: MemoryState,
  after: MemoryState,
  command: Command,
  decision: Decision,
): void {
  if (after.job.versions !== before.job.versions) checkVersions(before, after);
  if (command.type === 'edit-artifact') checkEdit(before, after, command.clientRequestId, decision);
  const { opened } = decision.kind === 'accepted' ? decision.changes : {};
  if (opened) for (const edit of standingIn(before)) checkKept(edit, opened, before);
}

/** All that was ever made, in that order. */
function madeIn({ events, edits, job }: MemoryState): ArtifactVersion[] {
  const made = [...events.flatMap(({ versions }) => versions), ...edits.map(({ version }) => version)];
  // What was completed since is so at hand.
  const known = new Map(job.versions.map((version) => [nameOf(version), version]));
  return made.map((version) => known.get(nameOf(version)) ?? version);
}

/** No version disappears, and none changes but for what completes it. */
function checkVersions(before: MemoryState, after: MemoryState): void {
  const made = [...after.events.flatMap(({ versions }) => versions), ...after.edits.map((e) => e.version)];
  const history = new Map(made.map((version) => [nameOf(version), version]));
  holds('no number is given twice', history.size === made.length);
  for (const name of STAGES) {
    const numbers = made.filter(({ stage }) => stage === name).map(({ version }) => version);
    holds(
      'of each stage there are all versions up to the newest',
      Math.max(0, ...numbers) === numbers.length,
    );
  }
  for (const now of after.job.versions) {
    const was = history.get(nameOf(now));
    holds('a version changes by nothing but what completes it', was !== undefined && isCompleted(was, now));
  }
  for (const was of before.job.versions) {
    const now = after.job.versions.find((version) => nameOf(version) === nameOf(was));
    holds('what was complete stays so', !now || isCompleted(was, now));
  }
}

function checkEdit(before: MemoryState, after: MemoryState, request: string, decision: Decision): void {
  const results = after.edits.filter(({ clientRequestId }) => clientRequestId === request);
  holds('a request for an edit has one result at the most', results.length <= 1);
  if (decision.kind === 'rejected') return;
  const [result] = results;
  holds('an edit is answered with what it made', decision.edit === result?.version);
  if (decision.kind === 'replayed') return;
  const { job, dispatches } = before;
  const isAtWork = IN_PROGRESS.includes(job.status) || dispatches.some(({ state }) => OPEN.includes(state));
  holds('nothing is edited while a pipeline is at work, or about to be', !isAtWork);
  holds(
    'only what rests with something to correct is edited',
    job.status !== 'DONE' && job.status !== 'CANCELLED',
  );
  holds('an edit makes one version, and leaves the status', after.job.status === job.status);
  const last = after.transitions.at(-1);
  holds(
    'an edit leaves its entry in the audit trail',
    last?.eventType === 'artifact_edited' && last.actorId !== null && last.prevStatus === last.newStatus,
  );
}

const byEditor = ({ madeBy }: ArtifactVersion): boolean => madeBy.kind === 'editor';

/** Whether this was made after the edit by a pipeline that was told to look past it. */
const looksPast = (link: ArtifactVersion, edit: ArtifactVersion, made: readonly ArtifactVersion[]): boolean =>
  link.madeBy.kind === 'pipeline' &&
  made.indexOf(link) > made.indexOf(edit) &&
  (link.madeBy.discards ?? []).some((stage) => stage === edit.stage);

function standingIn(state: MemoryState): ArtifactVersion[] {
  const made = ordered(state);
  return STAGES.flatMap((name) => {
    const ofStage = made.filter(({ stage }) => stage === name);
    const newest = ofStage.findLast(byEditor);
    const isReplaced = ofStage.some((other) => newest && other.isComplete && looksPast(other, newest, made));
    return newest && !isReplaced ? [newest] : [];
  });
}

/** Events and edits are two lists; in which order their versions were made the time tells, and within a stage the number. */
function ordered(state: MemoryState): ArtifactVersion[] {
  const order = new Map(state.job.versions.map((version, index) => [nameOf(version), index]));
  return madeIn(state).sort(
    (one, other) =>
      one.recordedAt - other.recordedAt ||
      (one.stage === other.stage ? one.version - other.version : 0) ||
      (order.get(nameOf(one)) ?? -1) - (order.get(nameOf(other)) ?? -1),
  );
}

/**
 * Of every edit that stands when a pipeline is asked for: its stage is among those whose edits the request discards; or it is what
 * is resumed from, or what that was made from; or what is resumed from holds what a person has chosen in its place since, an edit of
 * a later stage or what a pipeline made that they told to look past it. So it is of the draft that an export hands on.
 */
function checkKept(edit: ArtifactVersion, opened: Dispatch, before: MemoryState): void {
  const stages = opened.plan?.stages ?? [];
  if (opened.kind === 'export') {
    holds(
      'an export makes nothing again',
      stages.every(({ action }) => action === 'keep'),
    );
  }
  if (opened.plan?.discardEdits.some((stage) => stage === edit.stage)) return;
  const made = ordered(before);
  const planned = stages.find(({ stage }) => stage === edit.stage);
  holds('a stage is never made again whose edit stands and is not discarded', planned?.action === 'keep');
  const kept = stages.flatMap((stage) => (stage.action === 'keep' ? [stage] : []));
  const line = kept.flatMap(({ stage, version }) =>
    made.filter((link) => link.stage === stage && link.version === version),
  );
  const isChosenSince = (link: ArtifactVersion): boolean =>
    indexOf(link) >= indexOf(edit) &&
    ((byEditor(link) && made.indexOf(link) > made.indexOf(edit)) || looksPast(link, edit, made));
  holds(
    'an edit that stands is kept, unless its stage is discarded or it was overtaken by a choice',
    line.some((link) => nameOf(link) === nameOf(edit) || isChosenSince(link)),
  );
}
