// Everything that is known of one job when it is over, from whatever suite it comes: the one form of case that the rules
// judge. What a suite cannot know it says, with the reason, in `evidence`. Times are milliseconds of the suite's own clock.

export interface JobCase {
  id: string;
  /** As it is shown, or stored, in the end. */
  status: string;
  revision: number;
  videoUri: string | null;
  /** Every reference that editors named for the video: what was not answered may have been taken. */
  videoUris: readonly string[];
  /** Every artifact whose file the suite took away from the store, or changed there; none where there is no store. */
  lost?: readonly string[];
  /** Every reference that never had a file behind it as editors said, in a store that always answered. */
  absent?: readonly string[];
  /** Every version of an artifact, as they are listed in the end. */
  versions: readonly ListedVersion[];
  /** Versions as somebody was shown them before. */
  seen: readonly ListedVersion[];
  /** What people have corrected, oldest first. */
  edits: readonly Edit[];
  /** Where a failed job is retried by itself: how often in a row, and when this one still is to be in the end. */
  automatic?: { most: number; dueAt: number | null };
  openDispatchId: string | null;
  /** Oldest first. */
  dispatches: readonly CaseDispatch[];
  /** The audit trail, as it is read. */
  trail: readonly Entry[];
  /** The dispatch of every execution that the orchestrator really began. */
  executions: readonly string[];
  /** What the orchestrator was sent. */
  requests: readonly OrchestratorRequest[];
  /** Every attempt of a pipeline to report, in the order of its own. */
  reports: readonly Report[];
  /** What editors asked of this job. */
  calls: readonly Call[];
  evidence: { readonly [K in keyof Evidence]: Known<Evidence[K]> };
}

export type Known<T> = { known: T } | { unknown: string };

/** What not every suite can know. A rule that needs it says so, and is not applied where it is unknown. */
export interface Evidence {
  /** The status with which the job is listed; null when it is in no list. */
  listed: string | null;
  labels: SeenLabels;
  /** How far the `job.cancel` of each dispatch is that has one. */
  notices: ReadonlyMap<string, string>;
  /** When each dispatch was made and last changed, by a clock of the service's that never stepped back. */
  lifetimes: ReadonlyMap<string, { madeAt: number; changedAt: number }>;
  /** How long deliveries are tried where nothing but a refusal ends them earlier. */
  windows: Windows;
  /** The reports that the job remembers to have applied. */
  remembered: readonly { dispatchId: string; eventId: string }[];
  /** How long the job took to come to rest once nothing stirred it, how long it may take, and the alarm that it kept. */
  rest: { tookMs: number; boundMs: number; alarmAt: number | null };
  patience: Patience;
  /** That editors ask for a dispatch only where the job is shown at rest and in a status that allows it. */
  asksAtRest: true;
}

/** What the job is called by; each change adds an entry of its own to the metadata. */
export interface SeenLabels {
  /** The names of the entries, as the job has them and as its project lists them. */
  stored: readonly string[];
  listed: readonly string[];
  /** Whether it was created with an external id; and the jobs that are found under that. */
  isNamed: boolean;
  found: readonly string[];
}

export interface Patience {
  /** How long an editor waits who says nothing of it. */
  defaultWaitMs: number;
  /** How long an answer may have to wait for something else than an outcome: within a wait, or where nobody waits. */
  holdUpsMs: Readonly<Partial<Record<Call['operation'], number>>>;
  /** What the calls around an answer take. */
  callsMs: number;
}

export interface Windows {
  defaultWaitMs: number;
  deadlineMs: number;
  /** The longest Retry-After that the orchestrator asked for. */
  longestRetryAfterMs: number;
}

export interface ListedVersion {
  stage: string;
  version: number;
  ref: string;
  digest: string | null;
  sizeBytes: number | null;
  maker: { dispatchId: string } | { actor: string; edits: number };
  /** The version of the stage before. */
  from: number | null;
  isComplete: boolean;
}

/** A version that a person made. */
export interface Edit {
  stage: string;
  version: number;
  ref: string;
  actor: string;
  /** The version of the stage that it is a correction of. */
  edits: number;
  /** The newest dispatch that there was when it was made. */
  after: string | null;
}

/** What a draft is wanted in; `params` are JSON. */
export interface Exporting {
  formats: readonly string[];
  params: string | null;
}

export interface CaseDispatch {
  id: string;
  kind: 'run' | 'retry' | 'redo' | 'export';
  state: string;
  /** Whether the job was retried by itself. */
  isAutomatic: boolean;
  /** Of the request that made it: `run`, or its kind and the client_request_id; of what was made by itself its id alone. */
  request: string;
  /** Null of a run. */
  resumeFrom: string | null;
  ref: string | null;
  profile: string;
  /** Stage → the engine that the policy named when it was made. */
  engines: Readonly<Record<string, string>>;
  /** Null of one that was made before plans were kept. */
  plan: Planned | null;
  /** Of what exports. */
  exports: Exporting | null;
  attempts: number;
}

export interface Planned {
  asked: string | null;
  /** The stages whose edits are to be looked past. */
  discards: readonly string[];
  /** The edits that are. */
  discarded: readonly { stage: string; version: number }[];
  stages: readonly PlannedStage[];
}

export type PlannedStage =
  | { stage: string; action: 'keep'; version: number | null; ref: string | null; reason: string }
  | { stage: string; action: 'redo'; engine: string | null; reason: string };

export interface Entry {
  seq: number;
  /** What kind of entry it is, as the trail says. */
  type: string;
  actor: string;
  /** The editor, where one did it. */
  actorId: string | null;
  from: string;
  to: string;
  dispatchId: string | null;
  occurredAt: number;
  correlationId: string | null;
}

export interface OrchestratorRequest {
  dispatchId: string;
  type: 'job.run' | 'job.retry' | 'job.redo' | 'job.export' | 'job.cancel';
  resumeFrom: string | null;
  ref: string | null;
  /** What is not to be made again; null of a cancel. */
  keep: readonly { stage: string; version: number | null; ref: string }[] | null;
  exports: Exporting | null;
  /** It was answered that it will never be taken. */
  wasRefused: boolean;
}

export interface Report {
  dispatchId: string;
  eventId: string;
  status: string;
  occurredAt: number;
  correlationId: string;
  /** What it brings, by the checkpoint that each artifact is. */
  artifacts: Readonly<Record<string, string>>;
  /** Of a failure: where it says that the pipeline was. */
  failedStage: string | null;
  /** The earliest time at which it can have left. */
  sentAfter: number;
  answeredAt: number;
  answer: ReportAnswer;
}

/**
 * `stopped` is refused as well, and told that its pipeline is the job's no more. Of `failed` (an internal error) and `none` nobody
 * knows whether the report was applied.
 */
export type ReportAnswer = 'applied' | 'replayed' | 'refused' | 'stopped' | 'failed' | 'none';

export interface Call {
  operation:
    | (
        | 'project'
        | 'create'
        | 'confirm'
        | 'renew'
        | 'cancel'
        | 'abandon'
        | 'erase'
        | 'read'
        | 'edit'
        | 'label'
      )
    | CaseDispatch['kind'];
  /** As of a dispatch, and of an edit; of a change of labels what it adds; null of what makes none of them. */
  request: string | null;
  /** Of an edit. */
  edit?: AskedEdit;
  /** Of an export. */
  exports?: Exporting;
  /** The Prefer header. */
  prefer: string | null;
  sentAt: number;
  /** Infinity of a call that is still waiting. */
  endedAt: number;
  ending: Ending;
}

export type AskedEdit = Omit<Edit, 'version' | 'after'>;

export type Ending =
  | {
      kind: 'done';
      status: number;
      dispatch: ToldDispatch | null;
      revision: number | null;
      /** Of an edit. */
      edit?: { version: ListedVersion; replayed: boolean };
    }
  | { kind: 'refused'; status: number; code: string | null; dispatchId: string | null }
  /** `metFault`: what carries calls and answers failed meanwhile. */
  | { kind: 'unanswered'; metFault: boolean }
  /** The editor did not wait for it. */
  | { kind: 'forgotten' };

/** A dispatch as an answer tells of it. */
export interface ToldDispatch {
  id: string;
  state: string;
  replayed: boolean;
  /** Null where the answer does not say. */
  resumeFrom: string | null;
  ref: string | null;
}
