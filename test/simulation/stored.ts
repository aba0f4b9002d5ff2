// What the simulated objects have stored, as the domain's records: the only place of the simulation that knows a table.
import type { Dispatch } from '../../src/domain/dispatch.ts';
import type { Job } from '../../src/domain/job.ts';
import type { Entry } from '../rules/case.ts';
import type { SimulatedObject } from './simulated-object.ts';

/** What the checks look at of a job's own record. */
export type StoredJob = Pick<
  Job,
  'id' | 'status' | 'manifest' | 'checkpoints' | 'openDispatchId' | 'revision'
>;

/** Null while there is none. */
export function storedJob(object: SimulatedObject): StoredJob | null {
  return presentOf(object)?.job ?? null;
}

/** Oldest first. */
export function storedDispatches(object: SimulatedObject): Dispatch[] {
  const present = presentOf(object);
  const earlier = present?.earlier ? object.rows('SELECT record FROM dispatch') : [];
  return [
    ...earlier.map(({ record }): Dispatch => JSON.parse(String(record))),
    ...(present?.newest ? [present.newest] : []),
  ].sort((a, b) => a.createdAt - b.createdAt);
}

function presentOf(object: SimulatedObject): { job: Job; newest: Dispatch | null; earlier: number } | null {
  const tables = object.rows(`SELECT 1 FROM sqlite_master WHERE name = 'job'`);
  return tables.length === 0 ? null : JSON.parse(String(object.rows('SELECT record FROM job')[0]?.record));
}

/** The audit trail, oldest first. */
export function storedTrail(object: SimulatedObject): Entry[] {
  return object.rows('SELECT * FROM history WHERE seq IS NOT NULL ORDER BY seq').map((row) => ({
    seq: Number(row.seq),
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

/** The status with which the project lists its only job; null when it lists none. */
export function listedStatus(project: SimulatedObject): string | null {
  const [listed] = project.rows('SELECT status FROM job_summary');
  return listed === undefined ? null : String(listed.status);
}

/** Whether the workspace lists the project. */
export const namesProject = (workspace: SimulatedObject): boolean =>
  workspace.rows('SELECT 1 FROM project').length === 1;
