// What the simulated objects have stored, as the domain's records, and in the form that an older version would have left
// it in: the only place of the simulation that knows a table.
import type { SQLInputValue } from 'node:sqlite';
import { DispatchStore } from '../../src/actor/dispatch-store.ts';
import {
  decodeDispatch,
  decodeListedOperation,
  decodeOperation,
  decodePresent,
  decodeVersions,
  recentOf,
} from '../../src/actor/records.ts';
import { JOB_SCHEMA } from '../../src/actor/schema-job.ts';
import { type Dispatch, DRAFT } from '../../src/domain/dispatch.ts';
import type { Present } from '../../src/domain/invariants.ts';
import type { ArtifactVersion, Job } from '../../src/domain/job.ts';
import { labelsOf, NO_LABELS } from '../../src/domain/labels.ts';
import type { Item, ListedOperation, Operation } from '../../src/domain/operation.ts';
import type { Entry, ListedVersion } from '../rules/case.ts';
import type { SimulatedObject } from './simulated-object.ts';

/** What is stored of a job, null while there is none; `size` is the length of its one row. */
export function storedPresent(object: SimulatedObject): (Present & { earlier: number; size: number }) | null {
  const [row] = isStored(object) ? object.rows('SELECT record FROM job') : [];
  if (row === undefined) return null;
  const text = String(row.record);
  return { ...decodePresent(text), size: text.length };
}

/** Oldest first. */
export function storedDispatches(object: SimulatedObject, present = storedPresent(object)): Dispatch[] {
  const earlier = present?.earlier ? object.rows('SELECT record FROM dispatch') : [];
  return [
    ...earlier.map(({ record }) => decodeDispatch(String(record))),
    ...(present ? recentOf(present) : []),
  ].sort((a, b) => a.createdAt - b.createdAt);
}

/** The audit trail, oldest first. */
export function storedTrail(object: SimulatedObject): Entry[] {
  return object.rows('SELECT * FROM history WHERE seq IS NOT NULL ORDER BY seq').map((row) => ({
    seq: Number(row.seq),
    type: String(row.event_type),
    actor: String(row.actor),
    actorId: row.actor_id as string | null,
    from: String(row.prev_status),
    to: String(row.status),
    dispatchId: row.dispatch_id === '' ? null : String(row.dispatch_id),
    occurredAt: Number(row.occurred_at),
    correlationId: row.correlation_id as string | null,
  }));
}

/** Every version, in the order in which they were made, as it is now. Version 1, whose work nobody has looked at since, had none. */
export function storedVersions(object: SimulatedObject, present: { job: Job } | null): ListedVersion[] {
  if (schemaOf(object) === 1) return [];
  const made = object
    .rows('SELECT versions FROM history WHERE versions IS NOT NULL ORDER BY recorded_at, seq')
    .flatMap(({ versions }) => decodeVersions(String(versions)));
  return made.map((version) => {
    const isIt = ({ stage, version: number }: ArtifactVersion) =>
      stage === version.stage && number === version.version;
    return listed(present?.job.versions.find(isIt) ?? version);
  });
}

export const listed = ({ stage, version, ref, madeBy, madeFrom: from, ...stored }: ArtifactVersion) => {
  const { digest, sizeBytes, isComplete } = stored;
  const maker =
    madeBy.kind === 'editor'
      ? { actor: madeBy.actorId, edits: madeBy.edits }
      : { dispatchId: madeBy.dispatchId };
  return { stage, version, ref, digest, sizeBytes, maker, from, isComplete } satisfies ListedVersion;
};

/** The edits in the order of the audit trail. */
export function storedEdits(object: SimulatedObject): ArtifactVersion[] {
  if (schemaOf(object) === 1) return [];
  return object
    .rows(`SELECT versions FROM history WHERE event_type = 'artifact_edited' ORDER BY seq`)
    .flatMap(({ versions }) => (versions === null ? [] : decodeVersions(String(versions))));
}

/** The reports that the job remembers as applied. */
export function storedReports(object: SimulatedObject): { dispatchId: string; eventId: string }[] {
  return object
    .rows(`SELECT dispatch_id, key FROM history WHERE payload_digest IS NOT NULL AND dispatch_id != ''`)
    .map(({ dispatch_id, key }) => ({ dispatchId: String(dispatch_id), eventId: String(key) }));
}

/** The status with which the project lists the job; null when it does not. */
export function listedStatus(project: SimulatedObject, jobId: string): string | null {
  const [listed] = !isMade(project, 'listed_job')
    ? []
    : project.rows('SELECT status FROM listed_job WHERE job_id = ?', jobId);
  return listed === undefined ? null : String(listed.status);
}

/** Whether the project remembers that it was erased. */
export const isTombstoned = (project: SimulatedObject, jobId: string): boolean =>
  isMade(project, 'erased') && project.rows('SELECT 1 FROM erased WHERE id = ?', jobId).length === 1;

/** Whether the project is there no more, but for what is left of it. */
export const isErasedProject = (project: SimulatedObject): boolean =>
  isMade(project, 'project') &&
  project.rows(`SELECT 1 FROM project WHERE record ->> '$.erasedAt' IS NOT NULL`).length === 1;

export const tablesOf = (object: SimulatedObject): unknown[] => object.rows('SELECT name FROM sqlite_master');
/** The names of the metadata with which the project lists the job. */
export function listedMetadata(project: SimulatedObject, jobId: string): string[] {
  const [listed] = project.rows('SELECT labels FROM listed_job WHERE job_id = ?', jobId);
  return listed?.labels ? Object.keys(JSON.parse(String(listed.labels)).metadata) : [];
}

export const isListedAs = (
  project: SimulatedObject,
  { id, status, metadata }: Pick<Job, 'id' | 'status' | 'metadata'>,
): boolean =>
  listedStatus(project, id) === status && listedMetadata(project, id).join() === Object.keys(metadata).join();

/** The jobs that the project finds by this external id. */
export const foundBy = (project: SimulatedObject, externalId: string): string[] =>
  project
    .rows(
      `SELECT l.job_id AS id FROM external_id e JOIN listed_job l ON l.job_id = e.job_id AND l.created_at = e.created_at
       WHERE e.external_id = ?`,
      externalId,
    )
    .map(({ id }) => String(id));

/** Whether the workspace lists the project. */
export const namesProject = (workspace: SimulatedObject): boolean =>
  isMade(workspace, 'project') && workspace.rows('SELECT 1 FROM project').length === 1;

/** What a record may lack, and what is then read in its place. */
export const MAY_BE_MISSING = {
  job: {
    ...{ failure: null, progressPct: null, versions: [], openDispatchId: null, latestDispatchAt: null },
    ...{
      ownerIdentity: null,
      requestDigest: null,
      lastProgressAt: null,
      latestCallback: null,
      latestHeartbeat: null,
      erasure: null,
    },
    ...{ latestEditAt: null, latestProfile: null, unfinishedTask: DRAFT, latestOperation: null },
    ...{ retries: 0, nextRetryAt: null, automatic: null },
    ...NO_LABELS,
  },
  dispatch: {
    ...{
      ...{ operationId: null, isAutomatic: false, actorId: null, actorName: null },
      engines: {},
      lastError: null,
      outcomeUnknown: false,
      wasRefused: false,
      retryAfterAt: null,
      executionId: null,
      deliveredAt: null,
    },
    ...{ plan: null, failure: null, firstReportAt: null, cancelNotice: null, task: DRAFT },
    ...{ clientRequestId: null, resumeFromStatus: null, checkpointRef: null },
  },
  failure: {
    ...{ failureMessage: null, failedStage: null, failureClass: 'unknown', retryAt: null },
    ...{ modelProfile: null, correlationId: null },
  },
};

/** Rewrites what is stored so that every record lacks whatever it may. Nobody may be at work in the object. */
export function leaveOutDefaults(object: SimulatedObject): void {
  if (!isStored(object)) return;
  for (const { record } of object.rows('SELECT record FROM job')) {
    object.rewrite('UPDATE job SET record = ?', JSON.stringify(barePresent(JSON.parse(String(record)))));
  }
  if (!storedPresent(object)?.earlier) return;
  for (const { id, record } of object.rows('SELECT id, record FROM dispatch')) {
    const bare = bareDispatch(JSON.parse(String(record)));
    object.rewrite('UPDATE dispatch SET record = ? WHERE id = ?', JSON.stringify(bare), String(id));
  }
}

type Fields = Record<string, unknown>;

function barePresent({ job, newest, previous, ...rest }: Fields): Fields {
  return {
    ...rest,
    job: without(bareFailure(job as Fields), MAY_BE_MISSING.job),
    newest: newest && bareDispatch(newest as Fields),
    ...(previous ? { previous: bareDispatch(previous as Fields) } : {}),
  };
}

const bareDispatch = (dispatch: Fields): Fields => without(bareFailure(dispatch), MAY_BE_MISSING.dispatch);

const bareFailure = (record: Fields): Fields =>
  record.failure ? { ...record, failure: without(record.failure as Fields, MAY_BE_MISSING.failure) } : record;

const CHECKPOINTS: Readonly<Record<string, string>> = {
  audio: 'AUDIO_READY',
  transcript: 'TRANSCRIPT_READY',
  draft: 'DRAFT_READY',
};

/** What nobody could ask for before edits there were, no job of before has. */
function isOfBeforeEdits(object: SimulatedObject): boolean {
  const present = isOfBeforeErasure(object) ? storedPresent(object) : null;
  return (
    present?.job.latestEditAt === null &&
    storedDispatches(object, present).every(
      ({ kind, task, plan }) =>
        (kind === 'run' || kind === 'retry') && task.kind === 'draft' && !plan?.discardEdits.length,
    )
  );
}

/** Rewrites what is stored as version 5 of the storage would have left it. Nobody may be at work in the object. */
function storeAsVersion5(object: SimulatedObject): void {
  const stored = storedPresent(object);
  if (!stored || schemaOf(object) !== JOB_SCHEMA.version) return;
  const { previous, ...present } = JSON.parse(String(object.rows('SELECT record FROM job')[0]?.record));
  if (stored.previous) {
    present.earlier = new DispatchStore(sqlOf(object)).add(stored.previous, stored.earlier);
    if (stored.previous.cancelNotice?.state === 'PENDING') present.earlierNotices += 1;
  }
  object.rewrite('UPDATE job SET schema = 5, record = ?', JSON.stringify({ ...present, v: 4 }));
}

/** As far as a store of the service needs it. */
const sqlOf = (object: SimulatedObject) =>
  ({
    exec: (query: string, ...bindings: SQLInputValue[]) => {
      const rows = object.rows(query, ...bindings);
      return { toArray: () => rows };
    },
  }) as unknown as SqlStorage;

/** Before version 5 nobody had a name. */
function dropNames(object: SimulatedObject): void {
  object.rewrite('ALTER TABLE history DROP COLUMN actor_name');
}

/** Rewrites what is stored as version 4 of the storage would have left it. Nobody may be at work in the object. */
function storeAsVersion4(object: SimulatedObject): void {
  if (!storedPresent(object) || schemaOf(object) !== JOB_SCHEMA.version) return;
  storeAsVersion5(object);
  leaveOutDefaults(object);
  dropNames(object);
  object.rewrite('UPDATE job SET schema = 4');
}

/** Rewrites what is stored as version 3 of the storage would have left it. Nobody may be at work in the object. */
function storeAsVersion3(object: SimulatedObject): void {
  if (!isOfBeforeErasure(object)) return;
  storeAsVersion5(object);
  const { job, ...rest } = JSON.parse(String(object.rows('SELECT record FROM job')[0]?.record));
  dropNames(object);
  object.rewrite(
    'UPDATE job SET schema = 3, record = ?',
    JSON.stringify({ ...rest, v: 3, job: ofVersion3(job) }),
  );
}

/** What nobody could ask for before jobs were erased, labelled or retried with others or by themselves, no job of before has. */
function isOfBeforeErasure(object: SimulatedObject): boolean {
  const present = storedPresent(object);
  if (!present || schemaOf(object) !== JOB_SCHEMA.version) return false;
  const { erasure, automatic } = present.job;
  const isLabelled = JSON.stringify(labelsOf(present.job)) !== JSON.stringify(NO_LABELS);
  const dispatches = storedDispatches(object, present);
  const isNew = dispatches.some(({ isAutomatic, operationId }) => isAutomatic || operationId !== null);
  return erasure === null && automatic === null && !isLabelled && !isNew;
}

/** Rewrites what is stored as version 2 of the storage would have left it. Nobody may be at work in the object. */
function storeAsVersion2(object: SimulatedObject): void {
  if (!isOfBeforeEdits(object)) return;
  storeAsVersion5(object);
  const { job, ...rest } = JSON.parse(String(object.rows('SELECT record FROM job')[0]?.record));
  dropNames(object);
  object.rewrite(
    'UPDATE job SET schema = 2, record = ?',
    JSON.stringify({ ...rest, v: 2, job: ofVersion2(job) }),
  );
}

const ofVersion2 = ({ latestEditAt: _at, latestProfile: _profile, unfinishedTask: _task, ...job }: Fields) =>
  ofVersion3(job);
const ofVersion3 = (job: Fields) =>
  Object.fromEntries(Object.entries(job).filter(([name]) => !OF_VERSION_4.includes(name)));
const OF_VERSION_4 = ['retries', 'nextRetryAt', 'automatic', 'erasure'];

/** Rewrites what is stored as version 1 of the storage would have left it, as far as it knew. Nobody may be at work in the object. */
function storeAsVersion1(object: SimulatedObject): void {
  const present = storedPresent(object);
  if (!present || !isOfBeforeEdits(object)) return;
  // Nobody could ask for that, so no job of version 1 has it.
  if (present.newest?.plan?.asked) return;
  // It did not tell a fixed key's contents apart, and knew of the artifacts of a stage that was not passed the newest alone.
  if (present.job.versions.some((version) => isForgottenByVersion1(version, present.job.versions))) return;
  storeAsVersion5(object);
  const atHand = present.job.versions;
  const toCheckpoints = (versions: readonly ArtifactVersion[]) =>
    versions.flatMap((version) => {
      const { stage, ref, digest, sizeBytes, recordedAt, madeBy } = version;
      const known = atHand.find((other) => other.stage === stage && other.version === version.version);
      const { kind: _kind, ...maker } = madeBy;
      const status = CHECKPOINTS[stage] ?? '';
      return known?.isComplete ? [{ status, ref, ...maker, recordedAt, digest, sizeBytes }] : [];
    });
  for (const { dispatch_id, key, versions } of object.rows(
    'SELECT * FROM history WHERE versions IS NOT NULL',
  )) {
    const checkpoints = toCheckpoints(JSON.parse(String(versions)).versions);
    object.rewrite(
      'UPDATE history SET versions = ? WHERE dispatch_id = ? AND key = ?',
      checkpoints.length === 0 ? null : JSON.stringify({ v: 1, checkpoints }),
      String(dispatch_id),
      String(key),
    );
  }
  object.rewrite('ALTER TABLE history RENAME COLUMN versions TO checkpoints');
  const { job, newest, ...rest } = JSON.parse(String(object.rows('SELECT record FROM job')[0]?.record));
  const checkpoints = Object.fromEntries(toCheckpoints(atHand).map((made) => [made.status, made]));
  const { versions: _versions, ...before } = job;
  dropNames(object);
  object.rewrite(
    'UPDATE job SET schema = 1, record = ?',
    JSON.stringify({
      ...{ ...rest, v: 1 },
      job: { ...ofVersion1(ofVersion2(before)), checkpoints },
      newest: newest && ofVersion1(newest),
    }),
  );
}

function isForgottenByVersion1(version: ArtifactVersion, versions: readonly ArtifactVersion[]): boolean {
  if (version.isComplete) return false;
  const ofStage = versions.filter(({ stage }) => stage === version.stage);
  return (
    ofStage.at(-1) !== version || ofStage.some((other) => other !== version && other.ref === version.ref)
  );
}

function ofVersion1({ plan: _plan, failure, ...record }: Fields): Fields {
  const isJob = 'manifest' in record;
  if (!isJob) return record;
  if (!failure) return { ...record, failure };
  const { failureClass: _class, retryAt: _at, modelProfile: _profile, ...known } = failure as Fields;
  return { ...record, failure: known };
}

const without = (record: Fields, defaults: Fields): Fields =>
  Object.fromEntries(
    Object.entries(record).filter(
      ([name, value]) => !(name in defaults && JSON.stringify(value) === JSON.stringify(defaults[name])),
    ),
  );

const schemaOf = (object: SimulatedObject): number =>
  Number(object.rows('SELECT schema FROM job')[0]?.schema);

const isStored = (job: SimulatedObject): boolean => isMade(job, 'job');

const isMade = (object: SimulatedObject, table: string): boolean =>
  object.rows('SELECT 1 FROM sqlite_master WHERE name = ?', table).length > 0;

/** Null where the object holds no operation. */
export function storedOperation(object: SimulatedObject): Operation | null {
  const [row] = isMade(object, 'operation') ? object.rows('SELECT record FROM operation') : [];
  return row === undefined ? null : decodeOperation(String(row.record));
}

export const storedItems = (object: SimulatedObject): Item[] =>
  object.rows('SELECT * FROM item').map((row) => ({
    ...{ jobId: String(row.job_id), state: row.state as Item['state'], code: row.code as string | null },
    ...{ dispatchId: row.dispatch_id as string | null, isAccepted: row.is_accepted === 1 },
    ...{ isDelivered: row.is_delivered === 1, tries: Number(row.tries), changedAt: Number(row.changed_at) },
  }));

/** As the project lists them. */
export const listedOperations = (project: SimulatedObject): ListedOperation[] =>
  isMade(project, 'operation')
    ? project.rows('SELECT record FROM operation').map(({ record }) => decodeListedOperation(String(record)))
    : [];

export const listedOperation = (project: SimulatedObject, id: string): ListedOperation | null =>
  listedOperations(project).find((listed) => listed.id === id) ?? null;

/** Whether the project has this job in the list of an operation. */
export const isFrozen = (project: SimulatedObject, jobId: string): boolean =>
  isMade(project, 'operation') &&
  project.rows('SELECT 1 FROM operation WHERE instr(job_ids, ?) > 0', jobId).length > 0;

/** By which version of the storage it is rewritten. */
export const STORED_AS = {
  'version-1': storeAsVersion1,
  'version-2': storeAsVersion2,
  'version-3': storeAsVersion3,
  'version-4': storeAsVersion4,
  'version-5': storeAsVersion5,
} as const;
export type OlderVersion = keyof typeof STORED_AS;
