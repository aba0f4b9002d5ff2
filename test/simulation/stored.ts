// What the simulated objects have stored, as the domain's records, and in the form that an older version would have left
// it in: the only place of the simulation that knows a table.
import { decodeDispatch, decodePresent } from '../../src/actor/records.ts';
import type { Dispatch } from '../../src/domain/dispatch.ts';
import type { Job } from '../../src/domain/job.ts';
import type { Entry } from '../rules/case.ts';
import type { SimulatedObject } from './simulated-object.ts';

/** What is stored of a job, null while there is none; `size` is the length of its one row. */
export function storedPresent(
  object: SimulatedObject,
): { job: Job; newest: Dispatch | null; earlier: number; size: number } | null {
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
    ...(present?.newest ? [present.newest] : []),
  ].sort((a, b) => a.createdAt - b.createdAt);
}

/** The audit trail, oldest first. */
export function storedTrail(object: SimulatedObject): Entry[] {
  return object.rows('SELECT * FROM history WHERE seq IS NOT NULL ORDER BY seq').map((row) => ({
    seq: Number(row.seq),
    type: String(row.event_type),
    actor: String(row.actor),
    from: String(row.prev_status),
    to: String(row.status),
    dispatchId: row.dispatch_id === '' ? null : String(row.dispatch_id),
    occurredAt: Number(row.occurred_at),
    correlationId: row.correlation_id as string | null,
  }));
}

/** The reports that the job remembers as applied. */
export function storedReports(object: SimulatedObject): { dispatchId: string; eventId: string }[] {
  return object
    .rows('SELECT dispatch_id, key FROM history WHERE payload_digest IS NOT NULL')
    .map(({ dispatch_id, key }) => ({ dispatchId: String(dispatch_id), eventId: String(key) }));
}

/** The status with which the project lists the job; null when it does not. */
export function listedStatus(project: SimulatedObject, jobId: string): string | null {
  const [listed] = !isMade(project, 'job_summary')
    ? []
    : project.rows('SELECT status FROM job_summary WHERE job_id = ?', jobId);
  return listed === undefined ? null : String(listed.status);
}

/** Whether the workspace lists the project. */
export const namesProject = (workspace: SimulatedObject): boolean =>
  isMade(workspace, 'project') && workspace.rows('SELECT 1 FROM project').length === 1;

/** What a record of version 1 may lack, and what is then read in its place. */
export const MAY_BE_MISSING = {
  job: {
    ...{ failure: null, progressPct: null, checkpoints: {}, openDispatchId: null, latestDispatchAt: null },
    ...{
      ownerIdentity: null,
      requestDigest: null,
      lastProgressAt: null,
      latestCallback: null,
      latestHeartbeat: null,
    },
  },
  dispatch: {
    ...{ engines: {}, lastError: null, outcomeUnknown: false, executionId: null, deliveredAt: null },
    ...{ firstReportAt: null, cancelNotice: null },
  },
  checkpoint: { engine: null, digest: null, sizeBytes: null },
};

/** Rewrites what is stored so that every record lacks whatever it may. Nobody may be at work in the object. */
export function leaveOutDefaults(object: SimulatedObject): void {
  if (!isStored(object)) return;
  for (const { record } of object.rows('SELECT record FROM job')) {
    object.rewrite('UPDATE job SET record = ?', JSON.stringify(barePresent(JSON.parse(String(record)))));
  }
  if (!storedPresent(object)?.earlier) return;
  for (const { id, record } of object.rows('SELECT id, record FROM dispatch')) {
    const bare = without(JSON.parse(String(record)), MAY_BE_MISSING.dispatch);
    object.rewrite('UPDATE dispatch SET record = ? WHERE id = ?', JSON.stringify(bare), String(id));
  }
}

type Fields = Record<string, unknown>;

function barePresent({ job, newest, ...rest }: Fields): Fields {
  const { checkpoints = {}, ...fields } = job as Fields & { checkpoints?: Record<string, Fields> };
  const bare = Object.fromEntries(
    Object.entries(checkpoints).map(([status, made]) => [status, without(made, MAY_BE_MISSING.checkpoint)]),
  );
  return {
    ...rest,
    job: without({ ...fields, checkpoints: bare }, MAY_BE_MISSING.job),
    newest: newest && without(newest as Fields, MAY_BE_MISSING.dispatch),
  };
}

const without = (record: Fields, defaults: Fields): Fields =>
  Object.fromEntries(
    Object.entries(record).filter(
      ([name, value]) => !(name in defaults && JSON.stringify(value) === JSON.stringify(defaults[name])),
    ),
  );

const isStored = (job: SimulatedObject): boolean => isMade(job, 'job');

const isMade = (object: SimulatedObject, table: string): boolean =>
  object.rows('SELECT 1 FROM sqlite_master WHERE name = ?', table).length > 0;
