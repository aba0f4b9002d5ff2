// The words for what the contract names: one for each thing, everywhere. Nothing here decides anything.
import type { Job, JobStatus, JobSummary, Schemas, StagePlan, Version } from './api.ts';

export type Stage = Version['stage'];
export type Shape =
  | 'waiting'
  | 'uploading'
  | 'ready'
  | 'running'
  | 'sent'
  | 'done'
  | 'finished'
  | 'failed'
  | 'retrying'
  | 'cancelled';

interface StatusWords {
  words: string;
  shape: Shape;
}

export const STATUSES: Readonly<Record<JobStatus, StatusWords>> = {
  CREATED: { words: 'Waiting for a video', shape: 'waiting' },
  UPLOADING: { words: 'Uploading', shape: 'uploading' },
  UPLOADED: { words: 'Ready to run', shape: 'ready' },
  AUDIO_EXTRACTING: { words: 'Extracting audio', shape: 'running' },
  AUDIO_READY: { words: 'Audio ready, transcript next', shape: 'running' },
  TRANSCRIBING: { words: 'Transcribing', shape: 'running' },
  TRANSCRIPT_READY: { words: 'Transcript ready, draft next', shape: 'running' },
  GENERATING: { words: 'Writing draft', shape: 'running' },
  DRAFT_READY: { words: 'Draft ready', shape: 'done' },
  EDITING: { words: 'In editing', shape: 'done' },
  REGENERATING: { words: 'Rewriting draft', shape: 'running' },
  EXPORTING: { words: 'Exporting', shape: 'running' },
  DONE: { words: 'Done', shape: 'finished' },
  FAILED: { words: 'Failed', shape: 'failed' },
  CANCELLED: { words: 'Cancelled', shape: 'cancelled' },
};

export const statusWords = (status: JobStatus): string => STATUSES[status]?.words ?? status;

const SENT: Readonly<Record<Schemas['Dispatch']['kind'], string>> = {
  run: 'Run sent',
  retry: 'Retry sent',
  redo: 'Redo sent',
  export: 'Export sent',
};
/** Where a dispatch leaves the status as it was until its pipeline reports. */
const UNMOVED: readonly JobStatus[] = ['UPLOADED', 'FAILED', 'DRAFT_READY', 'EDITING'];

/** The status, or what it does not say alone: that something is on its way already, or that it goes on by itself. */
export function shownStatus(job: Job | JobSummary): StatusWords {
  const open = job.open_dispatch;
  if (open && UNMOVED.includes(job.status)) return { words: SENT[open.kind], shape: 'sent' };
  const known = STATUSES[job.status] ?? { words: job.status, shape: 'waiting' };
  const isRetried = 'next_retry_at' in job && job.next_retry_at !== null;
  return isRetried ? { words: `${known.words}, retries by itself`, shape: 'retrying' } : known;
}

export const STAGES: Readonly<Record<Stage, string>> = {
  audio: 'Audio',
  transcript: 'Transcript',
  draft: 'Draft',
};

export const STAGE_ORDER: readonly Stage[] = ['audio', 'transcript', 'draft'];

export const versionName = (stage: Stage, version: number | null): string =>
  version === null ? STAGES[stage] : `${STAGES[stage]} v${version}`;

/** "transcript and draft" */
export function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

type Reason = StagePlan['reason'] | Schemas['PassedOver']['reason'];

/** Why a stage is made again, or a version passed over. */
export const REASONS: Readonly<Record<Reason, string>> = {
  resume_point: 'the pipeline starts behind it',
  before_resume_point: 'what follows was made from it',
  never_made: 'never made',
  asked: 'as asked',
  incomplete: 'was never finished',
  missing: 'its file is gone',
  changed: 'its file is not the one that was recorded',
  engine_differs: 'made by another engine than this profile’s',
  older_than_edit: 'a correction has overtaken it',
  edit_discarded: 'rests on a correction that is not to be used',
};

export const RESUME_POINTS: Readonly<Record<Schemas['ResumeStatus'], string>> = {
  UPLOADED: 'the upload',
  AUDIO_READY: 'the audio',
  TRANSCRIPT_READY: 'the transcript',
  DRAFT_READY: 'the draft',
};

/** By how far along the pipeline. */
export const RESUME_ORDER = Object.keys(RESUME_POINTS) as Schemas['ResumeStatus'][];

export const FAILURE_CLASSES: Readonly<Record<Schemas['Failure']['failure_class'], string>> = {
  transient: 'This often passes by itself.',
  timeout: 'It took too long; another try often goes through.',
  quota: 'The account’s limit is reached; it has to wait or be raised.',
  input: 'The video itself is the cause; the same one would fail again.',
  policy: 'The model’s rules refuse this; another profile may take it.',
  permanent: 'The same again would fail again; another profile may help.',
  unknown: '',
};

/** The same as what jobs are narrowed by. */
export const FAILURE_CAUSES: Readonly<Record<Schemas['Failure']['failure_class'], string>> = {
  transient: 'passing trouble',
  timeout: 'took too long',
  quota: 'limit reached',
  input: 'the video itself',
  policy: 'the model’s rules',
  permanent: 'lasting trouble',
  unknown: 'unknown',
};

/** What a pipeline was doing when it failed. */
export const DOING: Readonly<Record<string, string>> = {
  UPLOADED: 'starting',
  AUDIO_EXTRACTING: 'extracting audio',
  AUDIO_READY: 'extracting audio',
  TRANSCRIBING: 'transcribing',
  TRANSCRIPT_READY: 'transcribing',
  GENERATING: 'writing the draft',
  DRAFT_READY: 'writing the draft',
  REGENERATING: 'rewriting the draft',
  EDITING: 'working on the draft',
  EXPORTING: 'exporting',
};

export const KINDS: Readonly<Record<Schemas['Dispatch']['kind'], string>> = {
  run: 'Run',
  retry: 'Retry',
  redo: 'Redo',
  export: 'Export',
};

export const DISPATCH_STATES: Readonly<Record<Schemas['DispatchState'], string>> = {
  PENDING: 'on its way',
  DELIVERED: 'taken',
  RUNNING: 'running',
  SETTLED: 'succeeded',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TIMED_OUT: 'never heard of',
  UNDELIVERABLE: 'not delivered',
};

const OPEN: readonly Schemas['DispatchState'][] = ['PENDING', 'DELIVERED', 'RUNNING'];

interface Accepted {
  replayed: boolean;
  dispatch_state: Schemas['DispatchState'];
}

/** Of a request whose answer was lost and that is repeated when its attempt is over already; null of any other. */
export function overBefore({ replayed, dispatch_state: state }: Accepted): string | null {
  if (!replayed || OPEN.includes(state)) return null;
  return `This had been accepted already, and its attempt is over: ${DISPATCH_STATES[state]}. Nothing was sent again.`;
}

type OperationState = Schemas['Operation']['state'];

export const OPERATION_STATES: Readonly<Record<OperationState, StatusWords>> = {
  running: { words: 'Running', shape: 'running' },
  waiting: { words: 'Waiting for the pipeline', shape: 'retrying' },
  paused: { words: 'Paused', shape: 'ready' },
  cancelling: { words: 'Stopping', shape: 'running' },
  done: { words: 'Done', shape: 'finished' },
  cancelled: { words: 'Stopped', shape: 'cancelled' },
};

/** What became of a job in an operation, in the order in which people look. */
export const OUTCOMES: Readonly<Record<Schemas['OperationItem']['outcome'], string>> = {
  succeeded: 'Succeeded',
  failed: 'Failed again',
  refused: 'Refused',
  withdrawn: 'Not taken',
  cancelled: 'Cancelled',
  erased: 'Erased',
  in_flight: 'In flight',
  waiting: 'Not started',
  skipped: 'Left out',
};

export const OUTCOME_SHAPES: Readonly<Record<Schemas['OperationItem']['outcome'], Shape>> = {
  succeeded: 'done',
  failed: 'failed',
  refused: 'cancelled',
  withdrawn: 'cancelled',
  cancelled: 'cancelled',
  erased: 'cancelled',
  in_flight: 'running',
  waiting: 'waiting',
  skipped: 'cancelled',
};

/** "1 job", "1,204 jobs" */
export const jobsInWords = (count: number): string =>
  `${count.toLocaleString('en')} ${count === 1 ? 'job' : 'jobs'}`;
