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

export interface CaseDispatch {
  id: string;
  kind: 'run' | 'retry' | 'redo' | 'export';
  state: string;
  /** Of the request that made it: `run`, or the client_request_id. */
  request: string;
  /** Null of a run. */
  resumeFrom: string | null;
  ref: string | null;
  profile: string;
  /** Stage → the engine that the policy named when it was made. */
  engines: Readonly<Record<string, string>>;
  /** Null of one that was made before plans were kept. */
  plan: { asked: string | null; stages: readonly PlannedStage[] } | null;
  attempts: number;
}

export type PlannedStage =
  | { stage: string; action: 'keep'; ref: string | null; reason: string }
  | { stage: string; action: 'redo'; engine: string | null; reason: string };

export interface Entry {
  seq: number;
  /** What kind of entry it is, as the trail says. */
  type: string;
  actor: string;
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

/** Of `failed` (an internal error) and `none` nobody knows whether the report was applied. */
export type ReportAnswer = 'applied' | 'replayed' | 'refused' | 'failed' | 'none';

export interface Call {
  operation: 'project' | 'create' | 'confirm' | 'renew' | 'run' | 'retry' | 'cancel' | 'abandon' | 'read';
  /** As of a dispatch; null of what asks for none. */
  request: string | null;
  /** The Prefer header. */
  prefer: string | null;
  sentAt: number;
  /** Infinity of a call that is still waiting. */
  endedAt: number;
  ending: Ending;
}

export type Ending =
  | { kind: 'done'; status: number; dispatch: ToldDispatch | null; revision: number | null }
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
