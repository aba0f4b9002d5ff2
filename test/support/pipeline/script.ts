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

/** Checkpoints bring their artifacts at once, the report after them does, or a failure brings all that were made. */
export const ARTIFACTS_COME = ['at-once', 'late', 'with-failure', 'early'] as const;

export interface Failure {
  /** Whether FAILED comes in place of the first report of `at`, or follows the last one. */
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
  /** A pipeline that resumes begins by reporting the checkpoint that it resumes from. */
  restatesCheckpoint: boolean;
  /** How often a stage repeats its status. One that is named here tells its progress, be it repeated or not. */
  heartbeats: Readonly<Partial<Record<Stage, number>>>;
  /** In this order. */
  goesOnTo: readonly (keyof typeof BEYOND)[];
  fails: Failure | null;
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
  resumeFrom: ResumeStatus;
  /** What its artifacts are kept under. */
  key: string;
}

export function course(script: Script, { resumeFrom, key: ownKey }: Execution): Course {
  const { diesBefore, endsAfter, fails, artifactsCome } = script;
  const key = script.overwrites ? 'overwritten' : ownKey;
  const reports: Report[] = [];
  let untold: ArtifactUpdates = {};
  const failsHere = (comes: Failure['comes'], at: Failure['at']) => fails?.comes === comes && fails.at === at;
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
  const path = [resumeFrom, ...pathFrom(resumeFrom, script.goesOnTo)];
  for (const [index, status] of path.entries()) {
    if (status !== 'UPLOADED' && (index > 0 || script.restatesCheckpoint)) {
      if (status === diesBefore) return { reports, end: 'died' };
      if (failsHere('before', status)) return failed(reached);
      const made = artifactsOf(status, key);
      const told = artifactsCome === 'at-once' || status === 'DONE' ? made : {};
      const next = artifactsCome === 'early' ? path[index + 1] : undefined;
      const ahead =
        next === undefined || next === 'UPLOADED' || next === 'DONE' ? {} : artifactsOf(next, key);
      const before = artifactsCome === 'late' ? untold : {};
      reports.push(
        ...reportsOf(status, { ...before, ...ahead, ...told }, script.heartbeats[status]).map(stuffed),
      );
      if (artifactsCome === 'late') untold = made;
      else if (artifactsCome === 'with-failure') untold = { ...untold, ...made };
    }
    reached = status;
    if (failsHere('after', status)) return failed(status);
    if (status === endsAfter) break;
  }
  return { reports, end: 'finished' };
}

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
export const artifactUri = (key: string, name: 'audio' | 'transcript' | 'draft' | 'srt'): string =>
  `s3://artifacts/${key}/${name}`;

const pathFrom = (resumeFrom: ResumeStatus, goesOnTo: Script['goesOnTo']): Stage[] => [
  ...DRAFTING.slice(resumeFrom === 'UPLOADED' ? 0 : DRAFTING.indexOf(resumeFrom) + 1),
  ...goesOnTo.flatMap((act) => BEYOND[act]),
];

function reportsOf(status: Stage, artifacts: ArtifactUpdates, heartbeats: number | undefined): Report[] {
  const report = { status, ...updates(artifacts) };
  if (heartbeats === undefined) return [report];
  return Array.from({ length: heartbeats + 1 }, (_, n) => ({
    ...report,
    progress_pct: Math.round((100 * n) / (heartbeats + 1)),
  }));
}

function artifactsOf(status: Stage, key: string): ArtifactUpdates {
  switch (status) {
    case 'AUDIO_READY':
      return { audio_uri: artifactUri(key, 'audio') };
    case 'TRANSCRIPT_READY':
      return { transcript_uri: artifactUri(key, 'transcript') };
    case 'DRAFT_READY':
      return { draft_uri: artifactUri(key, 'draft') };
    case 'DONE':
      return { exports: { srt: artifactUri(key, 'srt') } };
    default:
      return {};
  }
}

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
  EXPORTING: 'EXPORT_FAILED',
};

const failureAt = (stage: Failure['at'], failure: Failure | null = null): Report => ({
  status: 'FAILED',
  failure_code: failure?.code ?? FAILURE_CODES[stage] ?? 'PIPELINE_FAILED',
  failure_message: failure?.message ?? `The pipeline failed at ${stage}.`,
  failed_stage: stage,
});
