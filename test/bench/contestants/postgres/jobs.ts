// Jobs in PostgreSQL. Each command is one transaction: it locks the job's row, is judged here, and writes the job, its
// history and, for a dispatch, the outbox. BEGIN travels with the reads and COMMIT with the write, so that a command is
// two round trips.
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { type Answer, type Jobs, refused } from '../peers/front.ts';
import {
  acceptDispatch,
  applyReport,
  confirmUpload,
  createJob,
  type Dispatch,
  type DispatchAnswer,
  type DispatchRequest,
  type DispatchType,
  deliveryOf,
  type Job,
  NOT_FOUND,
  type Report,
} from '../peers/job.ts';

interface Statement {
  name: string;
  text: string;
  values: unknown[];
}

interface Decision {
  answer: Answer;
  write?: Statement;
  /** The outbox has something that is due. */
  notifies?: true;
}

/** A job, with `found`: what the command asks besides. */
interface JobRow extends Omit<Job, 'dispatch'> {
  dispatch_id: string | null;
  open: Dispatch | null;
  found: unknown;
}

const readWith = (found: string): string => `
  SELECT job.*, ${found} AS found,
    CASE WHEN open.id IS NOT NULL THEN json_build_object(
      'dispatch_id', open.id, 'type', open.type, 'resume_from_status', open.resume_from_status,
      'checkpoint_ref', open.checkpoint_ref, 'model_profile', open.model_profile) END AS open
  FROM job LEFT JOIN dispatch open ON open.id = job.dispatch_id
  WHERE job.id = $1`;
const READ = { name: 'read', text: readWith('NULL') };
const READ_WITH_EVENT = {
  name: 'read with event',
  text: readWith('EXISTS (SELECT FROM event WHERE job_id = $1 AND event_id = $2)'),
};
const READ_WITH_REQUEST = {
  name: 'read with request',
  text: readWith('(SELECT answer FROM dispatch WHERE job_id = $1 AND client_request_id = $2)'),
};
/** A statement of its own, so that the one that reads sees what was committed before the lock was had. */
const LOCK = { name: 'lock', text: 'SELECT FROM job WHERE id = $1 FOR UPDATE' };
const CREATE = { name: 'create', text: 'INSERT INTO job (id, status) VALUES ($1, $2)' };
const CONFIRM = {
  name: 'confirm',
  text: `
    WITH audit AS (
      INSERT INTO transition (job_id, version, from_status, to_status, at) VALUES ($1, $4, $5, $2, $6)
    )
    UPDATE job SET status = $2, video_uri = $3, version = $4 WHERE id = $1`,
};
const ACCEPT = {
  name: 'accept',
  text: `
    WITH accepted AS (
      INSERT INTO dispatch (id, job_id, type, resume_from_status, checkpoint_ref, model_profile,
                            client_request_id, answer)
      VALUES ($2, $1, $5, $6, $7, $8, $9, $10)
    ), intent AS (
      INSERT INTO outbox (dispatch_id, delivery, is_awaited) VALUES ($2, $11, $12)
    )
    UPDATE job SET dispatch_id = $2, dispatches = $3, version = $4 WHERE id = $1`,
};
const REPORT = {
  name: 'report',
  text: `
    WITH history AS (
      INSERT INTO event (job_id, event_id, dispatch_id, status, occurred_at) VALUES ($1, $7, $8, $2, $9)
    ), audit AS (
      INSERT INTO transition (job_id, version, from_status, to_status, at)
      SELECT $1, $6, $10, $2, $9 WHERE $10::text IS NOT NULL
    )
    UPDATE job SET status = $2, artifacts = $3, failure_code = $4, dispatch_id = $5, version = $6 WHERE id = $1`,
};
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

export class PostgresJobs implements Jobs {
  readonly #pool: Pool;
  readonly #url: string;
  readonly #delivered: (dispatchId: string) => Promise<void>;

  /** The pool's clients pipeline. `delivered` resolves when that dispatch, still to be stored, has been delivered. */
  constructor(pool: Pool, url: string, delivered: (dispatchId: string) => Promise<void>) {
    this.#pool = pool;
    this.#url = url;
    this.#delivered = delivered;
  }

  async create(): Promise<Answer> {
    const job = createJob(randomUUID());
    await this.#pool.query({ ...CREATE, values: [job.id, job.status] });
    return { status: 201, body: job };
  }

  confirm(jobId: string, videoUri: string): Promise<Answer> {
    return this.#change({ ...READ, values: [jobId] }, (job) => {
      const change = confirmUpload(job, videoUri, new Date().toISOString());
      if ('refused' in change) return { answer: refused(change) };
      const { job: next, transition } = change;
      return {
        answer: { status: 200, body: next },
        write: {
          ...CONFIRM,
          values: [jobId, next.status, next.video_uri, next.version, transition?.from, transition?.at],
        },
      };
    });
  }

  async dispatch(
    jobId: string,
    type: DispatchType,
    request: DispatchRequest,
    waits: boolean,
  ): Promise<Answer> {
    const { client_request_id: requestId } = request;
    const read: Statement =
      requestId === undefined
        ? { ...READ, values: [jobId] }
        : { ...READ_WITH_REQUEST, values: [jobId, requestId] };
    let delivered: Promise<void> | undefined;
    const answer = await this.#change(read, (job, earlier) => {
      if (earlier !== null) {
        return { answer: { status: 200, body: { ...(earlier as DispatchAnswer), replayed: true } } };
      }
      const acceptance = acceptDispatch(job, type, request, randomUUID());
      if ('refused' in acceptance) return { answer: refused(acceptance) };
      const { job: next, dispatch, answer: body } = acceptance;
      if (waits) delivered = this.#delivered(dispatch.dispatch_id);
      return {
        answer: { status: 202, body },
        notifies: true,
        write: {
          ...ACCEPT,
          values: [
            ...[jobId, dispatch.dispatch_id, next.dispatches, next.version, type],
            ...[dispatch.resume_from_status, dispatch.checkpoint_ref, dispatch.model_profile],
            ...[requestId ?? null, body],
            ...[deliveryOf(next, dispatch, `${this.#url}/jobs/${jobId}/status`), waits],
          ],
        },
      };
    });
    await delivered;
    return answer;
  }

  report(jobId: string, report: Report): Promise<Answer> {
    return this.#change({ ...READ_WITH_EVENT, values: [jobId, report.event_id] }, (job, isKnown) => {
      if (isKnown === true) return { answer: { status: 200, body: { replayed: true } } };
      const change = applyReport(job, report);
      if ('refused' in change) return { answer: refused(change) };
      const { job: next, transition } = change;
      return {
        answer: { status: 204 },
        write: {
          ...REPORT,
          values: [
            ...[jobId, next.status, next.artifacts, next.failure_code, next.dispatch?.dispatch_id ?? null],
            ...[next.version, report.event_id, report.dispatch_id, report.occurred_at],
            transition?.from ?? null,
          ],
        },
      };
    });
  }

  async read(jobId: string): Promise<Answer> {
    if (!UUID.test(jobId)) return refused(NOT_FOUND);
    const { rows } = await this.#pool.query<JobRow>({ ...READ, values: [jobId] });
    return rows[0] ? { status: 200, body: jobOf(rows[0]) } : refused(NOT_FOUND);
  }

  async #change(read: Statement, decide: (job: Job, found: unknown) => Decision): Promise<Answer> {
    const [jobId] = read.values;
    if (!UUID.test(String(jobId))) return refused(NOT_FOUND);
    const client = await this.#pool.connect();
    try {
      const [, , { rows }] = await Promise.all([
        client.query('BEGIN'),
        client.query({ ...LOCK, values: [jobId] }),
        client.query<JobRow>(read),
      ]);
      const { answer, write, notifies }: Decision = rows[0]
        ? decide(jobOf(rows[0]), rows[0].found)
        : { answer: refused(NOT_FOUND) };
      await Promise.all([
        write && client.query(write),
        client.query(write ? 'COMMIT' : 'ROLLBACK'),
        // Behind the transaction and not in it: one that notifies holds a lock of the whole database until it has been
        // synced to disk, so that they would be synced one by one. The relay's poll covers a crash between the two.
        notifies && client.query('NOTIFY outbox'),
      ]);
      client.release();
      return answer;
    } catch (error) {
      // It may be amid a transaction, with more under way.
      client.release(true);
      throw error;
    }
  }
}

function jobOf({ dispatch_id: _id, open, found: _found, ...job }: JobRow): Job {
  return { ...job, dispatch: open };
}
