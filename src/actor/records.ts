// Stored JSON to records and back, in one place. What an older version of the service stored lacks what was added since:
// it is filled in here, so that nobody else meets a field that is missing where its type says null.
import { type Dispatch, type DispatchPlan, DRAFT, type StagePlan } from '../domain/dispatch.ts';
import type { Present } from '../domain/invariants.ts';
import type { ArtifactVersion, Erasure, Failure, Job } from '../domain/job.ts';
import { NO_LABELS } from '../domain/labels.ts';
import { STAGES } from '../domain/lifecycle.ts';
import type { ListedOperation, Operation } from '../domain/operation.ts';
import type { Project } from '../domain/project.ts';

/** What the job's one row holds. */
export interface StoredPresent extends Present {
  /** How many dispatches there are besides those two. Of a job of before all but the newest may be among them. */
  earlier: number;
  /** How many of those have a cancel notice to be delivered. */
  earlierNotices: number;
  /** The number of the latest entry of the audit trail. */
  latestSeq: number;
}

/** The dispatches that ride in the job's row, newest first. */
export const recentOf = ({ newest, previous }: Pick<Present, 'newest' | 'previous'>): Dispatch[] =>
  [newest, previous].filter((dispatch) => dispatch !== null);

/** The form of each kind of record; a form that older code cannot read is a new number. */
const VERSION = 5;
const PROJECT_VERSION = 2;
const OPERATION_VERSION = 1;

const JOB = {
  ownerIdentity: null,
  requestDigest: null,
  failure: null,
  progressPct: null,
  versions: [],
  openDispatchId: null,
  latestDispatchAt: null,
  latestEditAt: null,
  latestProfile: null,
  unfinishedTask: DRAFT,
  retries: 0,
  nextRetryAt: null,
  automatic: null,
  latestOperation: null,
  ...NO_LABELS,
  lastProgressAt: null,
  latestCallback: null,
  latestHeartbeat: null,
  erasure: null,
} satisfies Partial<Job>;
const ERASURE = { correlationId: null } satisfies Partial<Erasure>;
const DISPATCH = {
  isAutomatic: false,
  actorId: null,
  actorName: null,
  operationId: null,
  engines: {},
  plan: null,
  failure: null,
  lastError: null,
  outcomeUnknown: false,
  wasRefused: false,
  retryAfterAt: null,
  executionId: null,
  deliveredAt: null,
  firstReportAt: null,
  cancelNotice: null,
  clientRequestId: null,
  resumeFromStatus: null,
  checkpointRef: null,
} satisfies Partial<Dispatch>;
const PLAN = { discardEdits: [], editsDiscarded: [] } satisfies Partial<DispatchPlan>;
const PROJECT = { requestDigest: null, erasedAt: null } satisfies Partial<Project>;
const OPERATION = { actorName: null } satisfies Partial<Operation>;
const FAILURE = {
  failureMessage: null,
  failedStage: null,
  failureClass: 'unknown',
  retryAt: null,
  modelProfile: null,
  correlationId: null,
} satisfies Partial<Failure>;

export const encodePresent = ({ newest, previous, ...present }: StoredPresent): string =>
  encode({
    ...present,
    newest: newest && toStoredDispatch(newest),
    ...(previous ? { previous: toStoredDispatch(previous) } : {}),
  });
export const encodeDispatch = (dispatch: Dispatch): string => encode(toStoredDispatch(dispatch));
export const encodeVersions = (versions: readonly ArtifactVersion[]): string => encode({ versions });
export const encodeProject = (project: Project): string => encode(project, PROJECT_VERSION);
export const encodeOperation = (operation: Operation): string => encode(operation, OPERATION_VERSION);
export const encodeListedOperation = (listed: ListedOperation): string => encode(listed, OPERATION_VERSION);

export function decodePresent(text: string): StoredPresent {
  const { job, newest, previous, ...counts } = decode<StoredForm>(text);
  return {
    job: {
      ...JOB,
      ...job,
      failure: withDefaults(job.failure),
      erasure: job.erasure ? { ...ERASURE, ...job.erasure } : null,
    },
    newest: newest && dispatchOf(newest),
    previous: previous ? dispatchOf(previous) : null,
    ...counts,
  };
}

export const decodeDispatch = (text: string): Dispatch => dispatchOf(decode<StoredDispatch>(text));
export const decodeVersions = (text: string): ArtifactVersion[] =>
  decode<{ versions: ArtifactVersion[] }>(text).versions;
export const decodeProject = (text: string): Project => ({
  ...PROJECT,
  ...decode<Project>(text, PROJECT_VERSION),
});

export const decodeOperation = (text: string): Operation => ({
  ...OPERATION,
  ...decode<Operation>(text, OPERATION_VERSION),
});
export const decodeListedOperation = (text: string): ListedOperation => ({
  ...OPERATION,
  ...decode<ListedOperation>(text, OPERATION_VERSION),
});

type StoredForm = Omit<StoredPresent, 'newest' | 'previous'> & {
  newest: StoredDispatch | null;
  previous?: StoredDispatch;
};

/**
 * A dispatch as it is stored: without what is as by default, and of its plan without what follows from the rest. In a table
 * without row ids a row of more than some 1,000 bytes takes a page of its own.
 */
type StoredDispatch = Omit<Dispatch, 'plan' | 'task'> &
  Partial<Pick<Dispatch, 'task'>> & { plan?: StoredPlan | null };
type StoredPlan = Omit<DispatchPlan, 'stages' | keyof typeof PLAN> &
  Partial<Pick<DispatchPlan, keyof typeof PLAN>> & {
    /** In pipeline order: why it is made again, by the engine that the dispatch names; or what is kept. */
    stages: readonly (RedoReason | Omit<Keep, 'stage' | 'action'>)[];
  };
type Keep = Extract<StagePlan, { action: 'keep' }>;
type RedoReason = Extract<StagePlan, { action: 'redo' }>['reason'];

const toStoredDispatch = ({ plan, failure, task, ...dispatch }: Dispatch): object => ({
  ...unless(DISPATCH, dispatch),
  ...(task.kind === DRAFT.kind ? {} : { task }),
  ...(failure ? { failure: unless(FAILURE, failure) } : {}),
  ...(plan ? { plan: toStoredPlan(plan) } : {}),
});

/** The record without what is as it is by default. */
const unless = (defaults: Readonly<Record<string, unknown>>, record: object): object =>
  Object.fromEntries(Object.entries(record).filter(([name, value]) => value !== defaults[name]));

const toStoredPlan = ({ stages, discardEdits, editsDiscarded, ...plan }: DispatchPlan): StoredPlan => ({
  ...plan,
  ...(discardEdits.length > 0 ? { discardEdits } : {}),
  ...(editsDiscarded.length > 0 ? { editsDiscarded } : {}),
  stages: stages.map((planned) => {
    if (planned.action === 'redo') return planned.reason;
    const { version, ref, reason } = planned;
    return { version, ref, reason };
  }),
});

function dispatchOf({ plan, ...stored }: StoredDispatch): Dispatch {
  const dispatch = { ...DISPATCH, task: DRAFT, ...stored, failure: withDefaults(stored.failure) };
  return { ...dispatch, plan: plan ? planOf(plan, dispatch) : null };
}

const planOf = ({ stages, ...plan }: StoredPlan, { engines }: Pick<Dispatch, 'engines'>): DispatchPlan => ({
  ...PLAN,
  ...plan,
  stages: STAGES.map(({ name: stage }, index): StagePlan => {
    const planned = stages[index];
    if (planned === undefined) throw new Error('a plan says of each stage what is done');
    return typeof planned === 'string'
      ? { stage, action: 'redo', engine: engines[stage] ?? null, reason: planned }
      : { stage, action: 'keep', ...planned };
  }),
});

const withDefaults = (failure: Failure | null | undefined): Failure | null =>
  failure ? { ...FAILURE, ...failure } : null;

const encode = (record: object, v = VERSION): string => JSON.stringify({ v, ...record });

/** Written by this service alone, so its form is believed, but for a version that is not known here. */
function decode<T>(text: string, known = VERSION): T {
  const { v, ...record } = JSON.parse(text);
  if (v > known) throw new Error(`a record of version ${v}, known is ${known}`);
  return record;
}
