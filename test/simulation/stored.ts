// What the simulated objects have stored, as the domain's records: the only place of the simulation that knows a table.
import type { Dispatch, Job } from '../../src/domain/job.ts';
import type { Entry } from '../rules/case.ts';
import type { SimulatedObject } from './simulated-object.ts';

/** What the checks look at of a job's own record. */
export type StoredJob = Pick<
  Job,
  'id' | 'status' | 'manifest' | 'checkpoints' | 'openDispatchId' | 'revision'
>;

/** Null while there is none. */
export function storedJob(object: SimulatedObject): StoredJob | null {
  const [row] = object.rows('SELECT * FROM job');
  if (!row) return null;
  return {
    id: String(row.id),
    status: row.status as Job['status'],
    manifest: JSON.parse(String(row.manifest)),
    checkpoints: JSON.parse(String(row.checkpoints)),
    openDispatchId: row.open_dispatch_id as string | null,
    revision: Number(row.revision),
  };
}

/** Oldest first. */
export function storedDispatches(object: SimulatedObject): Dispatch[] {
  return object
    .rows(
      `SELECT record FROM dispatch UNION ALL
       SELECT newest_dispatch FROM job WHERE newest_dispatch IS NOT NULL`,
    )
    .map(({ record }): Dispatch => JSON.parse(String(record)))
    .sort((a, b) => a.createdAt - b.createdAt);
}

/** The audit trail, oldest first. */
export function storedTrail(object: SimulatedObject): Entry[] {
  return object.rows('SELECT * FROM history WHERE seq IS NOT NULL ORDER BY seq').map((row) => ({
    seq: Number(row.seq),
    actor: String(row.actor),
    from: String(row.prev_status),
    to: String(row.status),
    dispatchId: row.dispatch_id as string | null,
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

/** The status with which the workspace lists its only job; null when it lists none. */
export function listedStatus(workspace: SimulatedObject): string | null {
  const [listed] = workspace.rows('SELECT status FROM job_summary');
  return listed === undefined ? null : String(listed.status);
}
