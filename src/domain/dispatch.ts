// What a dispatch is: one request to the orchestrator to run a pipeline, with what became of it.
import type { Proof } from './evidence.ts';
import type { Failure } from './job.ts';
import type { Engines, ResumeStatus, StageName } from './lifecycle.ts';
import type { PassedOverReason, VersionName } from './lineage.ts';

export const DISPATCH_KINDS = ['run', 'retry', 'redo', 'export'] as const;
export type DispatchKind = (typeof DISPATCH_KINDS)[number];

/** What a pipeline is asked for. */
export type Task =
  /** A draft, from wherever it resumes. */
  | { kind: 'draft' }
  /** Another draft, of a job that has one. */
  | { kind: 'redraft' }
  /** The draft in other forms. */
  | Export;
export interface Export {
  kind: 'export';
  formats: readonly string[];
  /** For the orchestrator alone: an object, as JSON; null for none. */
  params: string | null;
}
export const DRAFT: Task = { kind: 'draft' };

export const DISPATCH_STATES = [
  'PENDING',
  'DELIVERED',
  'RUNNING',
  'SETTLED',
  'FAILED',
  'CANCELLED',
  'TIMED_OUT',
  'UNDELIVERABLE',
] as const;
export type DispatchState = (typeof DISPATCH_STATES)[number];

export const NOTICE_STATES = ['PENDING', 'DELIVERED', 'GIVEN_UP'] as const;

/** `job.cancel` for a dispatch: to be delivered until `until`, done, or given up. */
export type CancelNotice =
  | { state: 'PENDING'; until: number; attempts: number }
  | { state: Exclude<(typeof NOTICE_STATES)[number], 'PENDING'> };

export const KEEP_REASONS = ['resume_point', 'before_resume_point'] as const;

/** What a pipeline does about one stage, and why. */
export type StagePlan =
  | {
      stage: StageName;
      action: 'keep';
      /** Null of a stage before the resume point whose artifact is not known: nobody needs it. */
      version: number | null;
      ref: string | null;
      reason: (typeof KEEP_REASONS)[number];
    }
  | {
      stage: StageName;
      action: 'redo';
      /** The model that the profile names; null where it takes any. */
      engine: string | null;
      /** Why its newest version is not kept: there is none, the caller wants it made again, or what the rule has found. */
      reason: 'never_made' | 'asked' | PassedOverReason;
    };

/** What was planned when the dispatch was accepted. */
export interface DispatchPlan {
  /** Where the caller wanted it to begin; null for wherever the rule leads. */
  asked: ResumeStatus | null;
  /** The stages whose edits the caller wanted looked past, in pipeline order. */
  discardEdits: readonly StageName[];
  /** The edits that this looked past. */
  editsDiscarded: readonly VersionName[];
  stages: readonly StagePlan[];
  /** Of what it resumes from; null of the upload. */
  proof: Proof | null;
}

export interface Dispatch {
  id: string;
  kind: DispatchKind;
  task: Task;
  /** By which the request for it is known; null for a run, of which there is one. */
  clientRequestId: string | null;
  /** Null for a run, which starts at the upload. */
  resumeFromStatus: ResumeStatus | null;
  checkpointRef: string | null;
  state: DispatchState;
  modelProfile: string;
  /** The policy under which the profile was allowed; the decision was made at `createdAt`. */
  policyVersion: string;
  /** The models that the policy named for the profile then. */
  engines: Engines;
  /** Null for one that was made before plans were kept. */
  plan: DispatchPlan | null;
  /** How its pipeline failed last; null while it has not. */
  failure: Failure | null;
  /** Whether the job was retried by itself. */
  isAutomatic: boolean;
  /** The editor who asked for it; null where nobody did. */
  actorId: string | null;
  /** What they were called then; null where nobody said. */
  actorName: string | null;
  /** The operation by which they asked for it with many others; null where they asked for it alone. */
  operationId: string | null;
  /** Of the request that asked for it. */
  correlationId: string;
  /** The W3C Trace Context header that goes on to the orchestrator. */
  traceparent: string;
  /** The delivery window: after this the dispatch is withdrawn. */
  deliverUntil: number;
  deliveryAttempts: number;
  lastError: string | null;
  /** Whether an attempt ended without an answer, so that the orchestrator may have it. */
  outcomeUnknown: boolean;
  /** Whether the orchestrator answered that it will not take it, which is final. */
  wasRefused: boolean;
  /** Until when the orchestrator asked not to be asked again, the last time; null where it did not. */
  retryAfterAt: number | null;
  executionId: string | null;
  deliveredAt: number | null;
  /** When its pipeline was first heard of. */
  firstReportAt: number | null;
  cancelNotice: CancelNotice | null;
  createdAt: number;
  updatedAt: number;
}

export const isOpen = (dispatch: Pick<Dispatch, 'state'>): boolean =>
  dispatch.state === 'PENDING' || dispatch.state === 'DELIVERED' || dispatch.state === 'RUNNING';

/** The orchestrator does not have it: its request is free again, and it supersedes nothing. */
export const isWithdrawn = (dispatch: Pick<Dispatch, 'state'>): boolean => dispatch.state === 'UNDELIVERABLE';

/** The version of the stage that its pipeline was given to begin with; null for none. */
export function keptBy({ plan }: Dispatch, stage: StageName): number | null {
  const planned = plan?.stages.find((candidate) => candidate.stage === stage);
  return planned?.action === 'keep' ? planned.version : null;
}

/**
 * A repeat of the request that bears this key is answered with the dispatch that holds it. What was made by itself is known by its
 * id alone, which no editor's key is like.
 */
export const requestKeyOf = ({
  kind,
  clientRequestId,
  isAutomatic = false,
}: {
  kind: DispatchKind;
  clientRequestId: string | null;
  isAutomatic?: boolean;
}): string => {
  if (clientRequestId === null) return kind;
  return isAutomatic ? clientRequestId : `${kind}:${clientRequestId}`;
};
