// In which situations with corrections, redos and exports a history has been.
import type { Command } from '../../src/domain/commands.ts';
import type { Decision } from '../../src/domain/decision.ts';
import type { Dispatch } from '../../src/domain/dispatch.ts';
import type { ArtifactVersion, Job } from '../../src/domain/job.ts';
import type { MemoryState } from './memory-job.ts';

const AT_HAND = 16;
const KINDS = ['redo', 'export'] as const;
const ENDS = ['failed', 'settled', 'was abandoned', 'was cancelled', 'was withdrawn', 'was never heard of'];

export const SITUATIONS_OF_EDITS: readonly string[] = [
  ...KINDS.flatMap((kind) => ENDS.map((end) => `${kind}: it ${end}`)),
  ...['asked', 'missing', 'changed', 'older_than_edit'].map((reason) => `an edit was in the way: ${reason}`),
  'an edit was kept under another model',
  'an edit was discarded',
  'an edit of what another has corrected was refused',
  'an edit of what counts and is not the newest',
  'an edit was repeated',
  'an edit was repeated with something else',
  'an edit while a pipeline was open',
  'an edit of a failed job',
  'an edit brought an older version back',
  'more edits of a stage than are kept at hand',
  'an edit stands that is older than all that are kept for being new',
  'an edit stands no more, since a pipeline was to look past it',
  'a pipeline made something from an edit',
  'a pipeline made again what it was given, corrected',
  'a pipeline from before an edit was heard of no more',
  'a pipeline from before a newer dispatch was heard of no more',
  'a redo made a transcript on the way',
  'a redo that failed was retried',
  'a redo that failed was retried, and the draft of before was got back',
  'an export that failed was retried with its formats',
  'an export that failed was retried from before its draft',
  'an export handed on what a person had corrected',
];

export function* editSituationsOf(
  before: MemoryState,
  after: MemoryState,
  command: Command,
  decision: Decision,
): Generator<string> {
  yield* endings(before, after, command);
  if (command.type === 'edit-artifact') yield* edits(before, after, command, decision);
  if (command.type === 'callback') yield* reports(before, after, command, decision);
  const { opened } = decision.kind === 'accepted' ? decision.changes : {};
  if (opened) yield* asks(before.job, opened);
  if (decision.kind === 'rejected' && decision.rejection.code === 'EDITS_IN_THE_WAY') {
    for (const { reason } of decision.rejection.edits) yield `an edit was in the way: ${reason}`;
  }
}

function* endings(before: MemoryState, after: MemoryState, command: Command): Generator<string> {
  const byCancel = command.type === 'abandon' ? 'was abandoned' : 'was cancelled';
  for (const [index, { kind, state }] of after.dispatches.entries()) {
    const was = before.dispatches[index]?.state;
    if (was === undefined || was === state || (kind !== 'redo' && kind !== 'export')) continue;
    const how: Partial<Record<Dispatch['state'], string>> = {
      ...{ FAILED: 'failed', SETTLED: 'settled', CANCELLED: byCancel, UNDELIVERABLE: 'was withdrawn' },
      ...(was === 'DELIVERED' ? { TIMED_OUT: 'was never heard of' } : {}),
    };
    if (how[state]) yield `${kind}: it ${how[state]}`;
  }
}

const isEdit = ({ madeBy }: ArtifactVersion): boolean => madeBy.kind === 'editor';

function* edits(
  { job, dispatches }: MemoryState,
  after: MemoryState,
  { stage, uri, edits }: Extract<Command, { type: 'edit-artifact' }>,
  decision: Decision,
): Generator<string> {
  const ofStage = job.versions.filter((version) => version.stage === stage);
  const newest = ofStage.at(-1);
  if (decision.kind === 'replayed') yield 'an edit was repeated';
  if (decision.kind === 'rejected') {
    const { code } = decision.rejection;
    if (code === 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH') yield 'an edit was repeated with something else';
    if (code === 'ARTIFACT_VERSION_CONFLICT' && newest && isEdit(newest) && edits < newest.version)
      yield 'an edit of what another has corrected was refused';
    if (code === 'JOB_ALREADY_RUNNING' && dispatches.some(({ id }) => id === job.openDispatchId))
      yield 'an edit while a pipeline was open';
  }
  if (decision.kind !== 'accepted') return;
  if (edits !== newest?.version) yield 'an edit of what counts and is not the newest';
  if (job.status === 'FAILED') yield 'an edit of a failed job';
  if (ofStage.slice(0, -1).some(({ ref }) => ref === uri)) yield 'an edit brought an older version back';
  if (after.edits.filter(({ version }) => version.stage === stage).length > AT_HAND)
    yield 'more edits of a stage than are kept at hand';
}

function* reports(
  { job, dispatches }: MemoryState,
  after: MemoryState,
  { dispatchId }: Extract<Command, { type: 'callback' }>,
  decision: Decision,
): Generator<string> {
  const dispatch = dispatches.find(({ id }) => id === dispatchId);
  if (!dispatch) return;
  const hasEnded = dispatch.state === 'SETTLED' || dispatch.state === 'FAILED';
  if (decision.kind === 'rejected' && decision.rejection.code === 'DISPATCH_NOT_CURRENT' && hasEnded) {
    const newest = dispatches.filter(({ state }) => state !== 'UNDELIVERABLE').at(-1);
    if (newest !== dispatch) yield 'a pipeline from before a newer dispatch was heard of no more';
    else if (dispatch.createdAt <= (job.latestEditAt ?? 0))
      yield 'a pipeline from before an edit was heard of no more';
  }
  if (decision.kind !== 'accepted') return;
  for (const made of decision.changes.event?.versions ?? []) {
    const kept = job.versions.filter((version) =>
      dispatch.plan?.stages.some(
        (plan) => plan.action === 'keep' && plan.stage === version.stage && plan.version === version.version,
      ),
    );
    const stages = kept.filter(isEdit).map(({ stage }) => stage);
    if (stages.includes(made.stage)) yield 'a pipeline made again what it was given, corrected';
    if (made.stage === 'draft' && stages.includes('transcript') && made.madeFrom !== null)
      yield 'a pipeline made something from an edit';
    if (dispatch.kind === 'redo' && made.stage === 'transcript') yield 'a redo made a transcript on the way';
  }
  yield* standings(after.job);
}

function* standings({ versions }: Job): Generator<string> {
  for (const stage of ['transcript', 'draft'] as const) {
    const ofStage = versions.filter((version) => version.stage === stage && version.isComplete);
    const since = ofStage.slice(ofStage.findLastIndex(isEdit) + 1);
    if (since.length === ofStage.length) continue;
    const isReplaced = since.some(
      ({ madeBy }) => madeBy.kind === 'pipeline' && madeBy.discards?.includes(stage),
    );
    if (isReplaced) yield 'an edit stands no more, since a pipeline was to look past it';
    else if (since.length >= AT_HAND)
      yield 'an edit stands that is older than all that are kept for being new';
  }
}

function* asks(
  { versions }: Job,
  { kind, task, plan, engines, resumeFromStatus }: Dispatch,
): Generator<string> {
  if ((plan?.editsDiscarded.length ?? 0) > 0) yield 'an edit was discarded';
  for (const planned of plan?.stages ?? []) {
    if (planned.action !== 'keep') continue;
    const find = (n: number | null): ArtifactVersion | undefined =>
      versions.find(({ stage, version }) => stage === planned.stage && version === n);
    const kept = find(planned.version);
    if (kept?.madeBy.kind !== 'editor') continue;
    if (kind === 'export' && planned.stage === 'draft')
      yield 'an export handed on what a person had corrected';
    let corrected: ArtifactVersion | undefined = kept;
    while (corrected?.madeBy.kind === 'editor') corrected = find(corrected.madeBy.edits);
    const engine = corrected?.madeBy.kind === 'pipeline' ? corrected.madeBy.engine : null;
    const named = engines[planned.stage];
    if (corrected && named !== undefined && named !== engine) yield 'an edit was kept under another model';
  }
  if (kind !== 'retry') return;
  if (task.kind === 'redraft') {
    yield 'a redo that failed was retried';
    if (resumeFromStatus === 'DRAFT_READY')
      yield 'a redo that failed was retried, and the draft of before was got back';
  }
  if (task.kind === 'export') {
    yield 'an export that failed was retried with its formats';
    if (resumeFromStatus !== 'DRAFT_READY') yield 'an export that failed was retried from before its draft';
  }
}
