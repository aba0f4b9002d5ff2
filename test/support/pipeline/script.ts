// The make-believe pipeline as data, one for all stand-ins of an orchestrator: what an execution reports, in order, with
// which artifacts, and how it ends. Pure, and written from spec/ alone, as a real orchestrator is. What an answer means
// is answers.ts's, the order of sending perform.ts's; time, transport and the log are each player's own.

/** What is reported when all goes well. */
export const STAGES = [
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
] as const;
export type Stage = (typeof STAGES)[number];
export type ReportStatus = Stage | 'FAILED';

/** Where a pipeline can be told to begin. */
export const RESUME_STATUSES = ['UPLOADED', 'AUDIO_READY', 'TRANSCRIPT_READY', 'DRAFT_READY'] as const;
export type ResumeStatus = (typeof RESUME_STATUSES)[number];

/** What each checkpoint leaves. */
export const CHECKPOINT_OF = {
  audio: 'AUDIO_READY',
  transcript: 'TRANSCRIPT_READY',
  draft: 'DRAFT_READY',
} as const satisfies Record<string, Stage>;
export type Artifact = keyof typeof CHECKPOINT_OF;

/** From the upload to the draft. */
const DRAFTING = STAGES.slice(0, STAGES.indexOf('DRAFT_READY') + 1);

/** What a pipeline may do once there is a draft. */
const BEYOND = {
  editing: ['EDITING'],
  regeneration: ['REGENERATING', 'DRAFT_READY'],
  export: ['EXPORTING', 'DONE'],
} satisfies Record<string, Stage[]>;
export const ACTS = ['editing', 'regeneration', 'export'] as const satisfies (keyof typeof BEYOND)[];

/** What a dispatch asks a pipeline for. */
export type Task =
  /** A draft, from wherever it resumes; from a draft nothing is left to make. */
  | { kind: 'draft' }
  /** Another draft, of a job that has one. */
  | { kind: 'redraft' }
  /** The draft in other forms, which is made first where it resumes from before it. */
  | { kind: 'export'; formats: readonly string[] };

/** By the type of a message, and by the formats that it names: a retry that names some is one of a failed export. */
export function taskOf({ type, formats }: { type: string; formats?: unknown }): Task {
  if (type === 'job.redo') return { kind: 'redraft' };
  const exports = type !== 'job.run' && Array.isArray(formats);
  return exports ? { kind: 'export', formats: formats.map(String) } : { kind: 'draft' };
}

/** Checkpoints bring their artifacts at once, the report after them does, or a failure brings all that were made. */
export const ARTIFACTS_COME = ['at-once', 'late', 'with-failure', 'early'] as const;

export interface Failure {
  /**
   * Whether FAILED comes in place of the first report of `at`, or follows the last one. A pipeline that makes another draft
   * is at the stage that it works on, and at REGENERATING all the while.
   */
  comes: 'before' | 'after';
  at: Stage | 'UPLOADED';
  /** Default: what the stage says. */
  code?: string | undefined;
  message?: string | undefined;
}

/** How a pipeline behaves. */
export interface Script {
  /** How long each report takes to come about, in milliseconds. */
  stepMs: number;
  /** A pipeline that resumes from where a job failed begins by reporting the checkpoint that it resumes from. */
  restatesCheckpoint: boolean;
  /** How often a stage repeats its status. One that is named here tells its progress, be it repeated or not. */
  heartbeats: Readonly<Partial<Record<Stage, number>>>;
  /** Behind the draft, in this order; an export is that alone. A pipeline that begins with the draft and goes on to nothing leaves it to its editor. */
  goesOnTo: readonly (keyof typeof BEYOND)[];
  fails: Failure | null;
  /** Ends another draft or an export at EDITING, with what it has made. */
  endsEditing: boolean;
  /** Silently ends before the first report of this; what it holds back for a swap is never sent. */
  diesBefore: ReportStatus | null;
  /** Ends in good order after this, heartbeats included. */
  endsAfter: Stage | null;
  /** Each report is sent once more, under the same id, so long after the answer to it. */
  repeatsAfterMs: number | null;
  /** Reports are sent in swapped pairs; each keeps the time at which it came about. */
  swapsPairs: boolean;
  artifactsCome: (typeof ARTIFACTS_COME)[number];
  /** Writes its artifacts to where every other execution that does so writes them. */
  overwrites: boolean;
  /** So many exports, each as long as one may be, come with every report of an export. */
  stuffs: number;
}

/** Goes straight to the draft, one report a status. */
export const CALM: Script = {
  stepMs: 0,
  restatesCheckpoint: false,
  heartbeats: {},
  goesOnTo: [],
  fails: null,
  endsEditing: false,
  diesBefore: null,
  endsAfter: null,
  repeatsAfterMs: null,
  swapsPairs: false,
  artifactsCome: 'at-once',
  overwrites: false,
  stuffs: 0,
};

/** A report as spec/dispatch.md has it, before it gets its id and time and says whose it is. */
export interface Report {
  status: ReportStatus;
  progress_pct?: number;
  artifact_updates?: ArtifactUpdates;
  failure_code?: string;
  failure_message?: string;
  failed_stage?: string;
}
export interface ArtifactUpdates {
  audio_uri?: string;
  transcript_uri?: string;
  draft_uri?: string;
  exports?: Record<string, string>;
}

export interface Course {
  reports: Report[];
  end: 'finished' | 'failed' | 'died';
}

export interface Execution {
  task: Task;
  resumeFrom: ResumeStatus;
  /** What its artifacts are kept under. */
  key: string;
}

/** A stage and what is told of it; of what leads to another draft that is REGENERATING. */
interface Step {
  stage: Stage | 'UPLOADED';
  status: Stage | 'UPLOADED';
  brings: ArtifactUpdates;
}

export function course(script: Script, { task, resumeFrom, key: ownKey }: Execution): Course {
  const { diesBefore, endsAfter, fails, artifactsCome } = script;
  const key = script.overwrites ? 'overwritten' : ownKey;
  const reports: Report[] = [];
  let untold: ArtifactUpdates = {};
  const failed = (stage: Failure['at']): Course =>
    diesBefore === 'FAILED'
      ? { reports, end: 'died' }
      : { reports: [...reports, { ...failureAt(stage, fails), ...updates(untold) }], end: 'failed' };

  const stuffed = (report: Report, n: number): Report =>
    report.status !== 'EXPORTING' || script.stuffs === 0
      ? report
      : {
          ...report,
          ...updates({ ...report.artifact_updates, exports: manyExports(script.stuffs, n, key) }),
        };

  let reached: Failure['at'] = resumeFrom;
  const path = pathOf(script, task, resumeFrom, key);
  for (const [index, step] of path.entries()) {
    const { stage, status, brings: made } = step;
    const [previous, next] = [path[index - 1], path[index + 1]];
    const begins = (at: string | null | undefined) => isAt(step, at) && !isAt(previous, at);
    const ends = (at: string | null | undefined) => isAt(step, at) && !isAt(next, at);
    const restates = script.restatesCheckpoint && task.kind === 'draft';
    if (status !== 'UPLOADED' && (index > 0 || restates)) {
      if (begins(diesBefore)) return { reports, end: 'died' };
      if (fails?.comes === 'before' && begins(fails.at)) return failed(reached);
      const told = artifactsCome === 'at-once' || made.exports ? made : {};
      const ahead = artifactsCome !== 'early' || next === undefined || next.brings.exports ? {} : next.brings;
      const before = artifactsCome === 'late' ? untold : {};
      const artifacts = { ...before, ...ahead, ...told };
      const heartbeats =
        script.heartbeats[status] ?? (stage === 'UPLOADED' ? undefined : script.heartbeats[stage]);
      reports.push(...reportsOf(status, artifacts, heartbeats).map(stuffed));
      if (artifactsCome === 'late') untold = made;
      else if (artifactsCome === 'with-failure') untold = { ...untold, ...made };
    }
    reached = stage;
    if (fails?.comes === 'after' && ends(fails.at)) return failed(fails.at);
    if (ends(endsAfter)) break;
  }
  return { reports, end: 'finished' };
}

const isAt = (step: Step | undefined, at: string | null | undefined): boolean =>
  step !== undefined && (step.stage === at || step.status === at);

/** From the upload straight to this status, which comes last; none for FAILED, which lies on no way. */
export function statusesUntil(status: ReportStatus): Stage[] {
  if (status === 'FAILED') return [];
  const ways = [DRAFTING, ...Object.values(BEYOND).map((stages): Stage[] => [...DRAFTING, ...stages])];
  const way = ways.find((stages) => stages.includes(status)) ?? [];
  return way.slice(0, way.indexOf(status) + 1);
}

/** One report by itself. */
export function reportOf(status: ReportStatus, key: string): Report {
  return status === 'FAILED' ? failureAt('TRANSCRIBING') : { status, ...updates(artifactsOf(status, key)) };
}

/** Executions with keys of their own make artifacts of their own. */
export const artifactUri = (key: string, artifactOrFormat: string): string =>
  `s3://artifacts/${key}/${encodeURIComponent(artifactOrFormat)}`;

/** What it resumes from, and all that it does behind that. */
function pathOf(script: Script, task: Task, resumeFrom: ResumeStatus, key: string): Step[] {
  const step = (stage: Stage | 'UPLOADED', status = stage): Step => ({
    ...{ stage, status },
    brings: artifactsOf(stage, key, task),
  });
  const draft = DRAFTING.slice(resumeFrom === 'UPLOADED' ? 0 : DRAFTING.indexOf(resumeFrom) + 1);
  const isFinished = task.kind === 'draft' && resumeFrom === 'DRAFT_READY';
  const acts = isFinished && script.goesOnTo.length === 0 ? (['editing'] as const) : script.goesOnTo;
  const beyond = acts.flatMap((act) => BEYOND[act]).map((stage) => step(stage));
  const begin = step(resumeFrom);
  switch (task.kind) {
    case 'draft':
      return [begin, ...draft.map((stage) => step(stage)), ...beyond];
    case 'redraft': {
      const last = script.endsEditing ? 'EDITING' : 'DRAFT_READY';
      const told = (stage: Stage) => (stage === 'DRAFT_READY' ? last : 'REGENERATING');
      return [begin, ...draft.map((stage) => step(stage, told(stage))), ...beyond];
    }
    case 'export': {
      const last = step('DONE', script.endsEditing ? 'EDITING' : 'DONE');
      return [begin, ...draft.map((stage) => step(stage)), step('EXPORTING'), last];
    }
  }
}

function reportsOf(status: Stage, artifacts: ArtifactUpdates, heartbeats: number | undefined): Report[] {
  const report = { status, ...updates(artifacts) };
  if (heartbeats === undefined) return [report];
  return Array.from({ length: heartbeats + 1 }, (_, n) => ({
    ...report,
    progress_pct: Math.round((100 * n) / (heartbeats + 1)),
  }));
}

function artifactsOf(
  stage: Stage | 'UPLOADED',
  key: string,
  task: Task = { kind: 'draft' },
): ArtifactUpdates {
  switch (stage) {
    case 'AUDIO_READY':
      return { audio_uri: artifactUri(key, 'audio') };
    case 'TRANSCRIPT_READY':
      return { transcript_uri: artifactUri(key, 'transcript') };
    case 'DRAFT_READY':
      return { draft_uri: artifactUri(key, 'draft') };
    case 'DONE':
      return { exports: exportsOf(task.kind === 'export' ? task.formats : ['srt'], key) };
    default:
      return {};
  }
}

const exportsOf = (formats: readonly string[], key: string): Record<string, string> =>
  Object.fromEntries(formats.map((format) => [format, artifactUri(key, format)]));

const updates = (artifacts: ArtifactUpdates): Pick<Report, 'artifact_updates'> =>
  Object.keys(artifacts).length === 0 ? {} : { artifact_updates: artifacts };

/** As long as spec/openapi.yaml lets one be. */
const LONGEST_URI = 2_048;
const manyExports = (count: number, n: number, key: string): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      `format-${n}-${i}`,
      `s3://artifacts/${key}/${n}/${i}/`.padEnd(LONGEST_URI, 'x'),
    ]),
  );

const FAILURE_CODES: Partial<Record<Failure['at'], string>> = {
  AUDIO_EXTRACTING: 'AUDIO_EXTRACTION_FAILED',
  TRANSCRIBING: 'TRANSCRIPTION_FAILED',
  GENERATING: 'GENERATION_FAILED',
  REGENERATING: 'GENERATION_FAILED',
  EXPORTING: 'EXPORT_FAILED',
};

const failureAt = (stage: Failure['at'], failure: Failure | null = null): Report => ({
  status: 'FAILED',
  failure_code: failure?.code ?? FAILURE_CODES[stage] ?? 'PIPELINE_FAILED',
  failure_message: failure?.message ?? `The pipeline failed at ${stage}.`,
  failed_stage: stage,
});
