// Situations of jobs whose editors correct artifacts, have drafts made again and have them exported.

import type { Call, CaseDispatch, JobCase } from './case.ts';
import { isAbandoned } from './dispatches.ts';
import { isEdit, lineOf } from './flaws.ts';
import { OPEN, WITHDRAWN } from './protocol.ts';
import { mayHaveApplied } from './reports.ts';
import { taskOf } from './tasks.ts';
import { givenTo, histories } from './versions.ts';

const an = (kind: string): string => `${kind === 'export' ? 'an' : 'a'} ${kind}`;

/** Situations that a fair number of jobs have to be in. */
export const EDIT_SITUATIONS: readonly string[] = [
  ...['transcript', 'draft'].map((stage) => `a ${stage} was corrected`),
  'a failed job was corrected',
  'a correction was corrected',
  'an older version was brought back by a correction',
  'a correction was made of what had been overtaken, and refused',
  'a correction was refused beside a pipeline',
  'two corrections were under way at once',
  'a correction was repeated',
  'a correction was kept by a retry',
  'a correction was looked past by a retry',
  'a correction was in the way of a retry',
  'a stage was made again: edit_discarded',
  'a redo settled',
  'an export settled',
  'a redo was abandoned',
  'a redo was withdrawn',
  'a redo was repeated',
  'a redo began before the transcript',
];

/** Situations of suites that live through thousands of jobs. */
export const FURTHER_EDIT_SITUATIONS: readonly string[] = [
  'a correction was repeated because there was no answer',
  'a pipeline of before a correction was refused',
  ...['a redo', 'an export'].map((what) => `a correction was kept by ${what}`),
  'a correction was looked past by a redo',
  'a correction was in the way of a redo',
  'a stage was made again: older_than_edit',
  'a redo failed',
  'a redo was cancelled',
  'a redo was late after a newer dispatch',
  'a failed redo was retried',
  'an export failed',
  'a failed export was retried',
  'an export was closed, and the job with it',
  'an export ended without closing the job',
];

/** Of which one is enough. */
export const RARE_EDIT_SITUATIONS: readonly string[] = [
  'a failed redo was given up for the draft of before',
  ...['was cancelled', 'was abandoned', 'was withdrawn'].map((how) => `an export ${how}`),
];

export function* editSituations(jobCase: JobCase): Generator<string> {
  yield* corrections(jobCase);
  yield* answers(jobCase);
  yield* acts(jobCase);
  yield* plans(jobCase);
}

function* corrections({ edits, trail, versions }: JobCase): Generator<string> {
  for (const { stage, version, ref, edits: corrected } of edits) {
    yield `a ${stage} was corrected`;
    const isPerson = edits.some((other) => other.stage === stage && other.version === corrected);
    if (isPerson) yield 'a correction was corrected';
    const isOlder = versions.some(
      (other) => other.stage === stage && other.version < version && other.ref === ref,
    );
    if (isOlder) yield 'an older version was brought back by a correction';
  }
  const isEdited = ({ type, from }: JobCase['trail'][number]) =>
    type === 'artifact_edited' && from === 'FAILED';
  if (trail.some(isEdited)) yield 'a failed job was corrected';
}

function* answers({ calls, reports, edits, dispatches }: JobCase): Generator<string> {
  const asked = calls.filter(({ operation }) => operation === 'edit');
  for (const { ending, request, sentAt, endedAt } of asked) {
    if (ending.kind === 'refused' && ending.code === 'ARTIFACT_VERSION_CONFLICT')
      yield 'a correction was made of what had been overtaken, and refused';
    if (ending.kind === 'refused' && ending.code === 'JOB_ALREADY_RUNNING')
      yield 'a correction was refused beside a pipeline';
    const overlaps = asked.some(
      (other) => other.request !== request && other.sentAt < endedAt && sentAt < other.endedAt,
    );
    if (overlaps) yield 'two corrections were under way at once';
    if (ending.kind !== 'done' || !ending.edit?.replayed) continue;
    yield 'a correction was repeated';
    const isUnanswered = asked.some((other) => other.request === request && isNoAnswer(other));
    if (isUnanswered) yield 'a correction was repeated because there was no answer';
  }
  for (const { operation, ending } of calls) {
    if (ending.kind === 'refused' && ending.code === 'EDITS_IN_THE_WAY')
      yield `a correction was in the way of a ${operation}`;
    if (operation === 'redo' && ending.kind === 'done' && ending.dispatch?.replayed)
      yield 'a redo was repeated';
  }
  const indexOf = (id: string | null) => dispatches.findIndex((dispatch) => dispatch.id === id);
  const madeAt = asked.flatMap(({ ending, endedAt }) =>
    ending.kind === 'done' && ending.edit
      ? edits.flatMap(({ stage, version, after }) =>
          stage === ending.edit?.version.stage && version === ending.edit.version.version
            ? [{ after: indexOf(after), endedAt }]
            : [],
        )
      : [],
  );
  for (const { dispatchId, answer, sentAfter } of reports) {
    if (mayHaveApplied(answer)) continue;
    const isFenced = madeAt.some(({ after, endedAt }) => indexOf(dispatchId) <= after && sentAfter > endedAt);
    if (isFenced) yield 'a pipeline of before a correction was refused';
  }
}

/** Nobody has answered, or only that nobody could. */
const isNoAnswer = ({ ending }: Call): boolean =>
  ending.kind === 'unanswered' || (ending.kind === 'refused' && ending.status === 503);

function* acts(jobCase: JobCase): Generator<string> {
  const { dispatches, trail, reports } = jobCase;
  const ends: Readonly<Record<string, string>> = {
    ...{ SETTLED: 'settled', FAILED: 'failed', [WITHDRAWN]: 'was withdrawn' },
  };
  for (const [index, dispatch] of dispatches.entries()) {
    const { id, kind, state, resumeFrom } = dispatch;
    const own = trail.filter(({ dispatchId }) => dispatchId === id);
    if (kind === 'redo' || kind === 'export') {
      if (ends[state]) yield `${an(kind)} ${ends[state]}`;
      if (state === 'CANCELLED')
        yield `${an(kind)} was ${isAbandoned(dispatch, trail) ? 'abandoned' : 'cancelled'}`;
    }
    if (kind === 'redo') {
      if (resumeFrom !== 'TRANSCRIPT_READY') yield 'a redo began before the transcript';
      const newer = dispatches.slice(index + 1).some((next) => ![WITHDRAWN, ...OPEN].includes(next.state));
      if (newer && reports.some(({ dispatchId, answer }) => dispatchId === id && !mayHaveApplied(answer)))
        yield 'a redo was late after a newer dispatch';
    }
    if (kind === 'export' && own.some(({ to }) => to === 'DONE'))
      yield 'an export was closed, and the job with it';
    if (kind === 'export' && own.some(({ from, to }) => from === 'EXPORTING' && to === 'EDITING'))
      yield 'an export ended without closing the job';
    yield* retried(dispatch, jobCase);
  }
}

function* retried(dispatch: CaseDispatch, jobCase: JobCase): Generator<string> {
  if (dispatch.kind !== 'retry' || dispatch.state === WITHDRAWN) return;
  const task = taskOf(dispatch, jobCase);
  if (task.kind === 'export') yield 'a failed export was retried';
  if (task.kind !== 'redraft') return;
  yield dispatch.resumeFrom === 'DRAFT_READY'
    ? 'a failed redo was given up for the draft of before'
    : 'a failed redo was retried';
}

function* plans(jobCase: JobCase): Generator<string> {
  const [history] = histories(jobCase);
  for (const dispatch of jobCase.dispatches) {
    const { id, kind, plan, state } = dispatch;
    if (kind === 'run' || state === WITHDRAWN) continue;
    const line = lineOf(givenTo(dispatch, history?.get(id) ?? []));
    if (line.some(isEdit)) yield `a correction was kept by ${an(kind)}`;
    if (plan?.discarded.length) yield `a correction was looked past by a ${kind}`;
    for (const { action, reason } of plan?.stages ?? []) {
      if (action === 'redo') yield `a stage was made again: ${reason}`;
    }
  }
}
