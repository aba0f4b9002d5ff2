// The life of a job and the protocol as spec/job-lifecycle.md and spec/dispatch.md state them, written down once more for
// whatever judges the service: the rules here and the model of test/domain/model.ts. Nothing in it comes from src/.

/** from → to by whom: e the editor, p the pipeline (orchestrator or system). Every live status may also
 * fail, by either, and be cancelled, by the editor. */
export const TABLE: Readonly<Record<string, string>> = {
  CREATED: 'UPLOADING:e UPLOADED:e',
  UPLOADING: 'UPLOADED:e',
  UPLOADED: 'AUDIO_EXTRACTING:p',
  AUDIO_EXTRACTING: 'AUDIO_EXTRACTING:p AUDIO_READY:p',
  AUDIO_READY: 'AUDIO_READY:p TRANSCRIBING:p',
  TRANSCRIBING: 'TRANSCRIBING:p TRANSCRIPT_READY:p',
  TRANSCRIPT_READY: 'TRANSCRIPT_READY:p GENERATING:p',
  GENERATING: 'GENERATING:p DRAFT_READY:p',
  DRAFT_READY: 'EDITING:p REGENERATING:p EXPORTING:p',
  EDITING: 'REGENERATING:p EXPORTING:p',
  REGENERATING: 'REGENERATING:p EDITING:p DRAFT_READY:p',
  EXPORTING: 'EXPORTING:p DONE:p EDITING:p',
};
/** The order in which a pipeline passes its statuses. */
export const ORDER = [
  ...[
    'CREATED',
    'UPLOADING',
    'UPLOADED',
    'AUDIO_EXTRACTING',
    'AUDIO_READY',
    'TRANSCRIBING',
    'TRANSCRIPT_READY',
  ],
  ...['GENERATING', 'DRAFT_READY', 'EDITING', 'REGENERATING', 'EXPORTING', 'DONE'],
];
const TERMINAL = ['DONE', 'FAILED', 'CANCELLED'];
export const RESTING = ['CREATED', 'UPLOADING', 'UPLOADED', 'DRAFT_READY', 'EDITING', ...TERMINAL];
/** A pipeline is at work. */
export const IN_PROGRESS = ['AUDIO_EXTRACTING', 'TRANSCRIBING', 'GENERATING', 'REGENERATING', 'EXPORTING'];

/** The checkpoints, and which artifact each of them is. */
export const FURTHEST_FIRST = ['DRAFT_READY', 'TRANSCRIPT_READY', 'AUDIO_READY'];
export const ARTIFACT_FIELD: Readonly<Record<string, 'audioUri' | 'transcriptUri' | 'draftUri'>> = {
  AUDIO_READY: 'audioUri',
  TRANSCRIPT_READY: 'transcriptUri',
  DRAFT_READY: 'draftUri',
};

/** States of a dispatch: of one that is open, of one that never was, of one that the orchestrator need not have. */
export const OPEN = ['PENDING', 'DELIVERED', 'RUNNING'];
export const WITHDRAWN = 'UNDELIVERABLE';
/** Of those that were withdrawn a job keeps the newest, so many (spec/dispatch.md, "Fencing"). */
export const KEPT_WITHDRAWN = 20;
export const MAY_BE_UNDELIVERED = ['PENDING', 'CANCELLED', WITHDRAWN];

/** The least that any suite sets LATE_REPORT_SECONDS to: how long after the job has moved a pipeline that has ended may still report. */
export const LATE_REPORT_MS = 7_200_000;

/** Whether what is `at` this status lies at this checkpoint or behind it. */
export const isAtOrPast = (at: string, checkpoint: string): boolean =>
  ORDER.indexOf(at) >= ORDER.indexOf(checkpoint);

/** Whether what is `at` this status has left the stage of this checkpoint behind it: a draft that is made again is at work. */
export const hasPassed = (at: string, checkpoint: string): boolean =>
  isAtOrPast(at, checkpoint) && !(checkpoint === 'DRAFT_READY' && at === 'REGENERATING');

/** What ends a pipeline that did not end by itself; only what was withdrawn it may never have begun. */
export const ENDED_BY_OTHERS = ['CANCELLED', 'TIMED_OUT', WITHDRAWN];

/** The pauses between attempts to deliver; the last one stays. */
export const PAUSES = [1_000, 2_000, 4_000, 8_000, 15_000];
export const SHORTEST_ATTEMPT_MS = 250;
/** What the answer to a caller who waits has left once delivery was given up, and who waits too little for that. */
const ANSWER_MARGIN_MS = 2_000;
const SHORTEST_FAIL_FAST_MS = 3_000;

/** spec/dispatch.md, "How long a caller waits". */
export function waitMsOf(prefer: string | null, defaultWaitMs: number): number {
  const [, seconds] = /wait=(\d+)/.exec(prefer ?? '') ?? [];
  if (seconds !== undefined) return Number(seconds) * 1_000;
  return prefer?.includes('respond-async') ? 0 : defaultWaitMs;
}

/** Whether the delivery is given up before the wait is over, so that the answer is final. */
export const waitsToTheEnd = (prefer: string | null, defaultWaitMs: number): boolean =>
  !prefer?.includes('respond-async') && waitMsOf(prefer, defaultWaitMs) >= SHORTEST_FAIL_FAST_MS;

/** For how long the delivery of what was asked so is tried. */
export function windowMsOf(
  prefer: string | null,
  { defaultWaitMs, deadlineMs }: { defaultWaitMs: number; deadlineMs: number },
): number {
  if (!waitsToTheEnd(prefer, defaultWaitMs)) return deadlineMs;
  return Math.min(waitMsOf(prefer, defaultWaitMs) - ANSWER_MARGIN_MS, deadlineMs);
}

/**
 * Whether the table allows this step. Out of FAILED there is one way: a retry, which is judged from its resume point and
 * may restate that.
 */
export function isAllowed(actor: string, from: string, to: string, resumedFrom: string | null): boolean {
  const effective = from === 'FAILED' && resumedFrom !== null ? resumedFrom : from;
  if (from === 'FAILED' && to === effective && FURTHEST_FIRST.includes(to)) return true;
  const row = TABLE[effective];
  if (row === undefined) return false;
  const who = actor === 'editor' ? 'e' : 'p';
  if (to === 'CANCELLED') return who === 'e';
  return to === 'FAILED' || row.split(' ').includes(`${to}:${who}`);
}
