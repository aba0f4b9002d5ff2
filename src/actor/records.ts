// Stored JSON to records and back, in one place. What an older version of the service stored lacks what was added since:
// it is filled in here, so that nobody else meets a field that is missing where its type says null.
import type { Dispatch } from '../domain/dispatch.ts';
import type { Present } from '../domain/invariants.ts';
import type { ArtifactVersion, Failure, Job } from '../domain/job.ts';
import type { Project } from '../domain/project.ts';

/** What the job's one row holds. */
export interface StoredPresent extends Present {
  /** How many dispatches there are besides the newest. */
  earlier: number;
  /** How many of those have a cancel notice to be delivered. */
  earlierNotices: number;
  /** The number of the latest entry of the audit trail. */
  latestSeq: number;
}

/** The form of the records; a form that older code cannot read is a new number. */
const VERSION = 2;

const JOB = {
  ownerIdentity: null,
  requestDigest: null,
  failure: null,
  progressPct: null,
  versions: [],
  openDispatchId: null,
  latestDispatchAt: null,
  lastProgressAt: null,
  latestCallback: null,
  latestHeartbeat: null,
} satisfies Partial<Job>;
const DISPATCH = {
  engines: {},
  plan: null,
  failure: null,
  lastError: null,
  outcomeUnknown: false,
  executionId: null,
  deliveredAt: null,
  firstReportAt: null,
  cancelNotice: null,
} satisfies Partial<Dispatch>;
const PROJECT = { requestDigest: null } satisfies Partial<Project>;
const FAILURE = { failureClass: 'unknown', retryAt: null, modelProfile: null } satisfies Partial<Failure>;

export const encodePresent = (present: StoredPresent): string => encode(present);
export const encodeDispatch = (dispatch: Dispatch): string => encode(dispatch);
export const encodeVersions = (versions: readonly ArtifactVersion[]): string => encode({ versions });
export const encodeProject = (project: Project): string => encode(project);

export function decodePresent(text: string): StoredPresent {
  const { job, newest, ...counts } = decode<StoredPresent>(text);
  return {
    job: { ...JOB, ...job, failure: withDefaults(job.failure) },
    newest: newest && dispatchOf(newest),
    ...counts,
  };
}

export const decodeDispatch = (text: string): Dispatch => dispatchOf(decode<Dispatch>(text));
export const decodeVersions = (text: string): ArtifactVersion[] =>
  decode<{ versions: ArtifactVersion[] }>(text).versions;
export const decodeProject = (text: string): Project => ({ ...PROJECT, ...decode<Project>(text) });

const dispatchOf = (stored: Dispatch): Dispatch => ({
  ...DISPATCH,
  ...stored,
  failure: withDefaults(stored.failure),
});
const withDefaults = (failure: Failure | null | undefined): Failure | null =>
  failure ? { ...FAILURE, ...failure } : null;

const encode = (record: object): string => JSON.stringify({ v: VERSION, ...record });

/** Written by this service alone, so its form is believed, but for a version that is not known here. */
function decode<T>(text: string): T {
  const { v, ...record } = JSON.parse(text);
  if (v > VERSION) throw new Error(`a record of version ${v}, known is ${VERSION}`);
  return record;
}
