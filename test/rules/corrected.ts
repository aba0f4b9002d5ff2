// What becomes of the kept case when people go on with it: the transcript is corrected, a redo writes the draft from that, and the draft
// is exported, fails and is retried. Every promise is kept, for tests that plant what breaks one.
import type { CaseDispatch, Edit, ListedVersion, PlannedStage } from './case.ts';
import {
  AUDIO,
  call,
  done,
  ENGINES,
  entry,
  type Kept,
  lived,
  type Plant,
  RETRY,
  report,
  requestFor,
  version,
} from './kept.ts';

export const [REDO, EXPORT, AGAIN] = ['dsp_redo', 'dsp_export', 'dsp_again'] as const;
export const CORRECTED = 's3://artifacts/corrected';
export const SECOND_DRAFT = 's3://artifacts/draft-2';
const EXPORTING = { formats: ['srt', 'vtt'], params: '{"lang":"de"}' };

/** With what is planted then. */
export const corrected =
  (plant: Plant = () => {}): Plant =>
  (kept) => {
    goOn(kept);
    plant(kept);
  };

export const edit = (fields: Partial<Edit> = {}): Edit => ({
  ...{ stage: 'transcript', version: 2, ref: CORRECTED, actor: 'bob', edits: 1, after: RETRY },
  ...fields,
});

export function listedEdit({ stage, version: number, ref, actor, edits }: Edit): ListedVersion {
  return { ...version(stage, number, ref, ''), maker: { actor, edits } };
}

/** What is told of an edit. */
export const editCall = (made: Edit, seconds: number, replayed = false, request = 'edit 1') => {
  const { version: _version, after: _after, ...asked } = made;
  const ending = done({ edit: { version: listedEdit(made), replayed }, revision: seconds < 60 ? 11 : 18 });
  return call('edit', seconds, ending, { request, edit: asked });
};

function goOn(kept: Kept): void {
  const { dispatches, trail, reports, requests, executions, calls, versions, seen, edits, known } = kept;
  const made = edit();
  edits.push(made);
  versions.push(listedEdit(made), version('draft', 2, SECOND_DRAFT, REDO));
  seen.push(listedEdit(made));
  const keepsText: PlannedStage[] = [
    { stage: 'audio', action: 'keep', version: 1, ref: AUDIO, reason: 'before_resume_point' },
    { stage: 'transcript', action: 'keep', version: 2, ref: CORRECTED, reason: 'resume_point' },
  ];
  const textKept: PlannedStage[] = [
    ...keepsText.slice(0, 1),
    { stage: 'transcript', action: 'keep', version: 2, ref: CORRECTED, reason: 'before_resume_point' },
  ];
  const keepsAll: PlannedStage[] = [
    ...textKept,
    { stage: 'draft', action: 'keep', version: 2, ref: SECOND_DRAFT, reason: 'resume_point' },
  ];
  const draftAgain: PlannedStage = {
    ...{ stage: 'draft', action: 'redo', engine: ENGINES.draft, reason: 'asked' },
  };
  const asked = [
    going('redo', REDO, 'SETTLED', [...keepsText, draftAgain], 'TRANSCRIPT_READY', CORRECTED),
    { ...going('export', EXPORT, 'FAILED', keepsAll, 'DRAFT_READY', SECOND_DRAFT), exports: EXPORTING },
    { ...going('retry', AGAIN, 'SETTLED', keepsAll, 'DRAFT_READY', SECOND_DRAFT), exports: EXPORTING },
  ];
  dispatches.push(...asked);
  requests.push(...asked.map(requestFor));
  executions.push(REDO, EXPORT, AGAIN);
  const further = [
    report(REDO, 'REGENERATING', 51),
    report(REDO, 'DRAFT_READY', 52, SECOND_DRAFT),
    report(EXPORT, 'EXPORTING', 61),
    report(EXPORT, 'FAILED', 62),
    report(AGAIN, 'EXPORTING', 71),
    report(AGAIN, 'EDITING', 72),
  ];
  reports.push(...further);
  known.remembered.push(...further.map(({ dispatchId, eventId }) => ({ dispatchId, eventId })));
  let from = 'DRAFT_READY';
  trail.push({
    ...entry('editor', from, from, null),
    ...{ seq: trail.length + 1, type: 'artifact_edited', actorId: 'bob' },
  });
  for (const { status, dispatchId, occurredAt, correlationId } of further) {
    const untold = entry('orchestrator', from, status, dispatchId);
    trail.push({ ...untold, seq: trail.length + 1, occurredAt, correlationId });
    from = status;
  }
  calls.push(
    editCall(made, 45),
    editCall(made, 46, true),
    ...asked.map((dispatch, index) => {
      const { id, kind, request, resumeFrom, ref, exports } = dispatch;
      const told = { id, state: 'DELIVERED', replayed: false, resumeFrom, ref };
      return call(kind, 50 + 10 * index, done({ status: 202, dispatch: told }), {
        request,
        ...(kind === 'export' && exports ? { exports } : {}),
      });
    }),
  );
  for (const [index, id] of [REDO, EXPORT, AGAIN].entries()) {
    known.lifetimes.set(id, lived(50 + 10 * index, 55 + 10 * index));
  }
  Object.assign(kept, { status: 'EDITING', revision: 18 });
  known.listed = 'EDITING';
}

function going(
  kind: CaseDispatch['kind'],
  id: string,
  state: string,
  stages: readonly PlannedStage[],
  resumeFrom: string,
  ref: string,
): CaseDispatch {
  return {
    ...{ id, kind, state, isAutomatic: false, request: `${kind} ${id}`, resumeFrom, ref },
    profile: 'balanced',
    ...{ engines: ENGINES, exports: null, attempts: 1 },
    plan: { asked: null, discards: [], discarded: [], stages },
  };
}

export const find = ({ dispatches }: Kept, id: string): CaseDispatch => {
  const found = dispatches.find((dispatch) => dispatch.id === id);
  if (!found) throw new Error(`there is no ${id}`);
  return found;
};
