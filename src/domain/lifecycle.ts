// The statuses of a job and the one transition table. The diagram in spec/, the OpenAPI enum and the tests derive from
// what stands here.

export const STATUSES = [
  'CREATED',
  'UPLOADING',
  'UPLOADED',
  'AUDIO_EXTRACTING',
  'AUDIO_READY',
  'TRANSCRIBING',
  'TRANSCRIPT_READY',
  'GENERATING',
  'DRAFT_READY',
  'EDITING',
  'REGENERATING',
  'EXPORTING',
  'DONE',
  'FAILED',
  'CANCELLED',
] as const;
export type Status = (typeof STATUSES)[number];

/** Who may cause a transition. */
export const ACTORS = ['editor', 'orchestrator', 'system'] as const;
export type Actor = (typeof ACTORS)[number];

/** Nothing leads out of these; an accepted retry is the one exception, see `effectiveStatus`. */
export const TERMINAL_STATUSES = ['DONE', 'FAILED', 'CANCELLED'] as const satisfies Status[];

/** A pipeline is at work. */
export const IN_PROGRESS_STATUSES = [
  'AUDIO_EXTRACTING',
  'TRANSCRIBING',
  'GENERATING',
  'REGENERATING',
  'EXPORTING',
] as const satisfies Status[];

/** A status that leaves an artifact from which a later pipeline can resume; in pipeline order. */
export const CHECKPOINT_STATUSES = [
  'AUDIO_READY',
  'TRANSCRIPT_READY',
  'DRAFT_READY',
] as const satisfies Status[];
export type CheckpointStatus = (typeof CHECKPOINT_STATUSES)[number];

/** What leads to each checkpoint, and the artifact that it leaves; in pipeline order, each made from the one before. */
export const STAGES = [
  { name: 'audio', checkpoint: 'AUDIO_READY', artifact: 'audioUri', working: ['AUDIO_EXTRACTING'] },
  {
    name: 'transcript',
    checkpoint: 'TRANSCRIPT_READY',
    artifact: 'transcriptUri',
    working: ['TRANSCRIBING'],
  },
  { name: 'draft', checkpoint: 'DRAFT_READY', artifact: 'draftUri', working: ['GENERATING', 'REGENERATING'] },
] as const satisfies {
  name: string;
  checkpoint: CheckpointStatus;
  artifact: string;
  working: readonly Status[];
}[];
export type Stage = (typeof STAGES)[number];
export type StageName = Stage['name'];
export const STAGE_NAMES = STAGES.map(({ name }) => name);
/** Whose artifact a person can correct. */
export const EDITABLE_STAGES = ['transcript', 'draft'] as const satisfies StageName[];
export type EditableStage = (typeof EDITABLE_STAGES)[number];
/** In which a person can: nothing is at work, and there is something to correct. */
export const EDITABLE_STATUSES = ['DRAFT_READY', 'EDITING', 'FAILED'] as const satisfies Status[];
/** Stage → the name of the model behind it. A stage that is not named takes any. */
export type Engines = Readonly<Partial<Record<StageName, string | undefined>>>;

/** No pipeline is expected to be at work, so no deadline runs. */
export const RESTING_STATUSES = [
  'CREATED',
  'UPLOADING',
  'UPLOADED',
  'DRAFT_READY',
  'EDITING',
  ...TERMINAL_STATUSES,
] as const satisfies Status[];

/** Where a pipeline can start: the upload itself, or a checkpoint. */
export const RESUME_STATUSES = ['UPLOADED', ...CHECKPOINT_STATUSES] as const satisfies Status[];
export type ResumeStatus = (typeof RESUME_STATUSES)[number];

/** What an orchestrator may report: its own stages and failure, never an editor's step. */
export const REPORTABLE_STATUSES = [
  'AUDIO_EXTRACTING',
  'AUDIO_READY',
  'TRANSCRIBING',
  'TRANSCRIPT_READY',
  'GENERATING',
  'DRAFT_READY',
  'EDITING',
  'REGENERATING',
  'EXPORTING',
  'DONE',
  'FAILED',
] as const satisfies Status[];
export type ReportableStatus = (typeof REPORTABLE_STATUSES)[number];

const PIPELINE: readonly Actor[] = ['orchestrator', 'system'];
const EDITOR: readonly Actor[] = ['editor'];
type Row = Partial<Record<Status, readonly Actor[]>>;

/** Every status that is not terminal can end this way, so it is said once. An editor fails a job by abandoning its pipeline. */
const ENDINGS: Row = { FAILED: ACTORS, CANCELLED: EDITOR };

/** from → to → who may cause it. */
export const TRANSITIONS: Readonly<Record<Status, Row>> = {
  CREATED: { UPLOADING: EDITOR, UPLOADED: EDITOR, ...ENDINGS },
  UPLOADING: { UPLOADED: EDITOR, ...ENDINGS },
  UPLOADED: { AUDIO_EXTRACTING: PIPELINE, ...ENDINGS },
  AUDIO_EXTRACTING: { AUDIO_EXTRACTING: PIPELINE, AUDIO_READY: PIPELINE, ...ENDINGS },
  AUDIO_READY: { AUDIO_READY: PIPELINE, TRANSCRIBING: PIPELINE, ...ENDINGS },
  TRANSCRIBING: { TRANSCRIBING: PIPELINE, TRANSCRIPT_READY: PIPELINE, ...ENDINGS },
  TRANSCRIPT_READY: { TRANSCRIPT_READY: PIPELINE, GENERATING: PIPELINE, ...ENDINGS },
  GENERATING: { GENERATING: PIPELINE, DRAFT_READY: PIPELINE, ...ENDINGS },
  DRAFT_READY: { EDITING: PIPELINE, REGENERATING: PIPELINE, EXPORTING: PIPELINE, ...ENDINGS },
  EDITING: { REGENERATING: PIPELINE, EXPORTING: PIPELINE, ...ENDINGS },
  REGENERATING: { REGENERATING: PIPELINE, EDITING: PIPELINE, DRAFT_READY: PIPELINE, ...ENDINGS },
  EXPORTING: { EXPORTING: PIPELINE, DONE: PIPELINE, EDITING: PIPELINE, ...ENDINGS },
  DONE: {},
  FAILED: {},
  CANCELLED: {},
};

export const isTerminal = (status: Status): boolean => includes(TERMINAL_STATUSES, status);
export const isInProgress = (status: Status): boolean => includes(IN_PROGRESS_STATUSES, status);
export const isResting = (status: Status): boolean => includes(RESTING_STATUSES, status);
export const isEditable = (status: Status): boolean => includes(EDITABLE_STATUSES, status);
export const isCheckpoint = (status: Status): status is CheckpointStatus =>
  includes(CHECKPOINT_STATUSES, status);

/** Where a pipeline starts that resumes from this stage's artifact. */
export const checkpointOf = (name: StageName): CheckpointStatus => stageOf(name).checkpoint;

export function stageOf(name: StageName): Stage {
  const stage = STAGES.find((candidate) => candidate.name === name);
  if (stage === undefined) throw new Error(`there is no stage ${name}`);
  return stage;
}

/** Whether a pipeline that starts at `start` has the stage behind it. */
export const isBehind = (start: ResumeStatus, { checkpoint }: Stage): boolean =>
  RESUME_STATUSES.indexOf(start) >= RESUME_STATUSES.indexOf(checkpoint);

/** The one of two points to resume from that is nearer to the upload. */
export const nearer = (a: ResumeStatus, b: ResumeStatus): ResumeStatus =>
  RESUME_STATUSES.indexOf(a) < RESUME_STATUSES.indexOf(b) ? a : b;

/** Whether `to` lies before `from` in the order of the pipeline. */
export const isBefore = (to: Status, from: Status): boolean => STATUSES.indexOf(to) < STATUSES.indexOf(from);

/** Whether `at`, if it names a status of the pipeline at all, is this checkpoint or lies behind it. */
export function isAtOrPast(at: string, checkpoint: CheckpointStatus): boolean {
  const index = (STATUSES as readonly string[]).indexOf(at);
  return index >= STATUSES.indexOf(checkpoint) && index <= STATUSES.indexOf('DONE');
}

/** The statuses that may follow `from`, whoever causes them, in pipeline order. */
export function allowedNextStatuses(from: Status): Status[] {
  return STATUSES.filter((to) => TRANSITIONS[from][to] !== undefined);
}

export function isTransitionAllowed(from: Status, to: Status, actor: Actor): boolean {
  return TRANSITIONS[from][to]?.includes(actor) ?? false;
}

function includes<T extends Status>(list: readonly T[], status: Status): status is T {
  return (list as readonly Status[]).includes(status);
}
