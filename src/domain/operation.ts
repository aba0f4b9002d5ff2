// What a bulk operation is: a frozen list of jobs, each retried, with what became of each. How it goes on is decided in operating.ts.
import type { Dispatch } from './dispatch.ts';
import type { JobFilter } from './job-filter.ts';
import type { StageName } from './lifecycle.ts';
import type { Counts } from './operation-counts.ts';

export const OPERATION_STATES = ['running', 'waiting', 'paused', 'cancelling', 'done', 'cancelled'] as const;
export type OperationState = (typeof OPERATION_STATES)[number];

/** How a job can end in it. `cancelled`: somebody cancelled the job, or gave its pipeline up. */
const STORED_OUTCOMES = ['succeeded', 'failed', 'cancelled', 'refused', 'withdrawn', 'erased'] as const;
/** In which a job waits, those of the first before those of the second: what did not get through holds up no other. */
export const WAITING_STATES = ['waiting', 'waiting_again'] as const;
/** What is stored of a job: the first three until it has ended. */
export const ITEM_STATES = [...WAITING_STATES, 'in_flight', ...STORED_OUTCOMES] as const;
export type ItemState = (typeof ITEM_STATES)[number];
/** What still waits in an operation that was cancelled was skipped. */
export const OUTCOMES = [...STORED_OUTCOMES, 'skipped'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** As a job in it is shown. */
export const SHOWN_STATES = ['waiting', 'in_flight', ...OUTCOMES] as const;
export type ShownState = (typeof SHOWN_STATES)[number];

export const MOST_JOBS = 10_000;
export const MOST_IN_FLIGHT = 100;
export const DEFAULT_IN_FLIGHT = 10;
/** How long after its end an operation is kept. */
export const KEPT_MS = 30 * 86_400_000;

/** Which jobs somebody means: all that is named has to hold. */
export interface JobChoice {
  filter: JobFilter;
  /** Null for any. */
  jobIds: readonly string[] | null;
  /** Those that ended so in another operation; null for any. */
  endedIn: { operationId: string; outcome: Outcome } | null;
}

/** What is known of an operation before it begins. */
export interface OperationOrigin {
  id: string;
  projectId: string;
  owner: string;
  /** The editor who asked for it; its retries are theirs. */
  actorId: string;
  /** What they were called then; null where nobody said. */
  actorName: string | null;
  correlationId: string;
  traceparent: string;
  /** Of the request that asked for it, by which its repeat is told from another. */
  requestDigest: string;
  modelProfile: string;
  discardEdits: readonly StageName[];
  maxInFlight: number;
  /** As it was asked for, without the ids of jobs: those may have to be forgotten. */
  choice: Omit<JobChoice, 'jobIds'>;
  createdAt: number;
}

export interface Operation extends OperationOrigin {
  state: OperationState;
  /** How often in a row the orchestrator could not be reached. After the first it is tried with one job. */
  pauses: number;
  /** Of one that waits. */
  resumeAt: number | null;
  startedAt: number;
  endedAt: number | null;
}

/** As its project lists it: where it stands was pushed by the operation itself. */
export interface ListedOperation extends OperationOrigin {
  /** How many jobs were in it when its list was frozen. */
  total: number;
  /** Null until it was heard of. */
  shown: ShownOperation | null;
}

export interface ShownOperation extends Pick<Operation, 'state' | 'resumeAt' | 'startedAt' | 'endedAt'> {
  /** Of one that has ended. */
  counts: Counts | null;
}

export interface Item {
  jobId: string;
  state: ItemState;
  /** Why it failed, was refused or was withdrawn. */
  code: string | null;
  dispatchId: string | null;
  /** Whether a dispatch was made for it that got through, or was refused for good. */
  isAccepted: boolean;
  isDelivered: boolean;
  /** How often a dispatch was made that did not get through. */
  tries: number;
  changedAt: number;
}

/** As it is shown: with what its editor calls the job, which decides nothing. */
export interface ListedItem extends Item {
  externalId: string | null;
}

/** What editors call their jobs, by job; those that they call nothing are missing. */
export type ExternalIds = Readonly<Record<string, string>>;

/** What an operation has to know of a dispatch that it asked for. */
export interface DispatchNews extends Pick<Dispatch, 'id' | 'state' | 'wasRefused' | 'retryAfterAt'> {
  isDelivered: boolean;
  failureCode: string | null;
}

export const newsOf = (dispatch: Dispatch): DispatchNews => {
  const { id, state, wasRefused, retryAfterAt, failure, deliveredAt, firstReportAt } = dispatch;
  const isDelivered = deliveredAt !== null || firstReportAt !== null;
  const failureCode = failure?.failureCode ?? null;
  return { id, state, wasRefused, retryAfterAt, isDelivered, failureCode };
};

export const newOperation = (origin: OperationOrigin, now: number): Operation => ({
  ...origin,
  state: 'running',
  pauses: 0,
  resumeAt: null,
  startedAt: now,
  endedAt: null,
});

export const newItem = (jobId: string, now: number): Item => ({
  jobId,
  state: 'waiting',
  code: null,
  dispatchId: null,
  isAccepted: false,
  isDelivered: false,
  tries: 0,
  changedAt: now,
});

export const hasEnded = ({ endedAt }: Pick<Operation, 'endedAt'>): boolean => endedAt !== null;

export function shownState(operation: Pick<Operation, 'state'>, state: ItemState): ShownState {
  if (state !== 'waiting' && state !== 'waiting_again') return state;
  return operation.state === 'cancelled' ? 'skipped' : 'waiting';
}

/** What is stored of those that are shown so; of all of them for null. */
export const storedStates = (operation: Pick<Operation, 'state'>, shown: ShownState | null): ItemState[] =>
  ITEM_STATES.filter((state) => shown === null || shownState(operation, state) === shown);
