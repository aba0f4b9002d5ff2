// The only SQL of the job: rows to records and back, the view that a command needs, and the commit. The present (the job
// and its newest dispatch) is read once per awakening: this object is its only writer.
import type { Command } from '../domain/commands.ts';
import type { Changes, JobView } from '../domain/decision.ts';
import { type Dispatch, isOpen, RUN_REQUEST_KEY, requestKeyOf, retryRequestKey } from '../domain/dispatch.ts';
import type { CallbackEvent, Transition } from '../domain/history.ts';
import type { Job } from '../domain/job.ts';
import { isResting } from '../domain/lifecycle.ts';
import { bringUpToDate, migrate } from './migrate.ts';
import { JOB_MIGRATIONS } from './migrations.ts';

type Row = Record<string, SqlStorageValue>;

/** What the job's one row holds. */
interface Present {
  job: Job;
  /** The dispatch that was made last, open or not. */
  newest: Dispatch | null;
  /** How many earlier dispatches have a cancel notice to be delivered. */
  earlierNotices: number;
  /** The number of the latest entry of the audit trail. */
  latestSeq: number;
}

export class JobStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  #hasSchema: boolean;
  /** As stored; undefined while it was not read. */
  #present: Present | null | undefined;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#hasSchema = bringUpToDate(storage, JOB_MIGRATIONS);
  }

  /** Null when this object holds no job. Reading stores nothing. */
  job(): Job | null {
    return this.#read()?.job ?? null;
  }

  /** Stores a new job; makes the schema first. */
  create(job: Job): void {
    if (!this.#hasSchema) migrate(this.#storage, JOB_MIGRATIONS);
    this.#hasSchema = true;
    this.#sql.exec(
      `INSERT INTO job (one, id, project_id, owner, status, manifest, checkpoints, earlier_notices, latest_seq, revision,
         created_at, updated_at)
       VALUES (1, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?)`,
      job.id,
      job.projectId,
      job.owner,
      job.status,
      JSON.stringify(job.manifest),
      JSON.stringify(job.checkpoints),
      job.revision,
      job.createdAt,
      job.updatedAt,
    );
    this.#present = { job, newest: null, earlierNotices: 0, latestSeq: 0 };
  }

  /** What `decide` has to see for this command; null when this object holds no job. */
  view(command: Command): JobView | null {
    const job = this.job();
    if (job === null) return null;
    const view: JobView = {
      job,
      open: this.open(job),
      subject: null,
      subjectSuperseded: false,
      seenEvent: null,
      notices: [],
    };
    switch (command.type) {
      case 'confirm-upload':
        return view;
      case 'run':
        return { ...view, subject: this.#dispatchByRequest(RUN_REQUEST_KEY) };
      case 'retry':
        return { ...view, subject: this.#dispatchByRequest(retryRequestKey(command.clientRequestId)) };
      case 'cancel': {
        const mover = isResting(job.status) ? null : job.latestCallback;
        return { ...view, subject: mover && this.dispatch(mover.dispatchId) };
      }
      case 'callback': {
        const subject = this.dispatch(command.dispatchId);
        return {
          ...view,
          subject,
          subjectSuperseded: subject !== null && !isOpen(subject) && this.#isSuperseded(subject),
          seenEvent: this.#event(command.eventId),
        };
      }
      case 'report-delivery':
        return { ...view, subject: this.dispatch(command.dispatchId) };
      case 'deadline':
        return { ...view, notices: this.notices() };
      default:
        return command satisfies never;
    }
  }

  /** The job's open dispatch. */
  open(job: Job): Dispatch | null {
    return job.openDispatchId === null ? null : this.dispatch(job.openDispatchId);
  }

  dispatch(id: string): Dispatch | null {
    const newest = this.#read()?.newest ?? null;
    if (newest === null || newest.id === id) return newest;
    return this.#earlier('id = ?', id)[0] ?? null;
  }

  /** The dispatches whose cancel notice is still to be delivered. */
  notices(): Dispatch[] {
    const present = this.#read();
    if (!present) return [];
    const { newest, earlierNotices } = present;
    return [
      ...(newest?.cancelNotice?.state === 'PENDING' ? [newest] : []),
      ...(earlierNotices > 0 ? this.#earlier(`cancel_state = 'PENDING'`) : []),
    ];
  }

  /** Newest first; `before` is the last one of the page before. */
  dispatches(before: { createdAt: number; id: string } | null, limit: number): Dispatch[] {
    const newest = this.#read()?.newest ?? null;
    if (newest === null) return [];
    // Creation times rise strictly, so they alone tell the order.
    const createdAt = before?.createdAt ?? Number.MAX_SAFE_INTEGER;
    const first = newest.createdAt < createdAt ? [newest] : [];
    const left = limit - first.length;
    return [...first, ...this.#earlier('created_at < ? ORDER BY created_at DESC LIMIT ?', createdAt, left)];
  }

  /** Oldest first; `after` is the last `seq` of the page before. */
  transitions(after: number, limit: number): (Transition & { seq: number })[] {
    return this.#sql
      .exec<Row>('SELECT * FROM history WHERE seq > ? ORDER BY seq LIMIT ?', after, limit)
      .toArray()
      .map(toTransition);
  }

  /** Stores what was decided from the last view, all or nothing. */
  commit(changes: Changes): void {
    const before = this.#read();
    if (!before) throw new Error('only what exists is changed');
    this.#present = this.#storage.transactionSync(() => this.#store(before, changes));
  }

  #store(before: Present, changes: Changes): Present {
    let { newest, earlierNotices } = before;
    if (changes.opened) {
      if (newest) this.#insertEarlier(newest);
      if (newest?.cancelNotice?.state === 'PENDING') earlierNotices += 1;
      newest = changes.opened;
    }
    for (const dispatch of changes.updated ?? []) {
      if (dispatch.id === newest?.id) newest = dispatch;
      else {
        this.#updateEarlier(dispatch);
        earlierNotices = this.#earlier(`cancel_state = 'PENDING'`).length;
      }
    }
    const { event = null, transitions = [] } = changes;
    let { latestSeq } = before;
    for (const transition of transitions) {
      latestSeq += 1;
      this.#insertHistory(transition.eventId === null ? null : event, transition, latestSeq);
    }
    if (event && !transitions.some(({ eventId }) => eventId === event.eventId)) {
      this.#insertHistory(event, null, null);
    }
    const job = changes.job ?? before.job;
    const present = { job, newest, earlierNotices, latestSeq };
    const isSame =
      job === before.job &&
      newest === before.newest &&
      earlierNotices === before.earlierNotices &&
      latestSeq === before.latestSeq;
    if (!isSame) this.#updateJob(present);
    return present;
  }

  #read(): Present | null {
    if (this.#present !== undefined) return this.#present;
    const row = this.#hasSchema ? this.#first('SELECT * FROM job') : null;
    this.#present = row && {
      job: toJob(row),
      newest: row.newest_dispatch === null ? null : JSON.parse(row.newest_dispatch as string),
      earlierNotices: row.earlier_notices as number,
      latestSeq: row.latest_seq as number,
    };
    return this.#present;
  }

  #dispatchByRequest(requestKey: string): Dispatch | null {
    const newest = this.#read()?.newest ?? null;
    if (newest === null) return null;
    if (newest.state !== 'UNDELIVERABLE' && requestKeyOf(newest) === requestKey) return newest;
    return this.#earlier('request_key = ?', requestKey)[0] ?? null;
  }

  /** Whether a newer dispatch was made and not withdrawn. */
  #isSuperseded(subject: Dispatch): boolean {
    const newest = this.#read()?.newest ?? null;
    if (newest === null || newest.id === subject.id) return false;
    if (newest.state !== 'UNDELIVERABLE') return true;
    return this.#earlier('created_at > ?', subject.createdAt).some(({ state }) => state !== 'UNDELIVERABLE');
  }

  /** The dispatches before the newest for which `condition` holds. Only a request's own is looked up by an index. */
  #earlier(condition: string, ...bindings: SqlStorageValue[]): Dispatch[] {
    return this.#sql
      .exec<{ record: string }>(`SELECT record FROM dispatch WHERE ${condition}`, ...bindings)
      .toArray()
      .map(({ record }) => JSON.parse(record));
  }

  #event(eventId: string): CallbackEvent | null {
    const row = this.#first('SELECT * FROM history WHERE key = ?', eventId);
    return row && toEvent(row);
  }

  #updateJob({ job, newest, earlierNotices, latestSeq }: Present): void {
    this.#sql.exec(
      `UPDATE job SET status = ?, manifest = ?, failure = ?, progress_pct = ?, checkpoints = ?, open_dispatch_id = ?,
         newest_dispatch = ?, earlier_notices = ?, latest_dispatch_at = ?, last_progress_at = ?, latest_callback_dispatch_id = ?,
         latest_callback_occurred_at = ?, latest_seq = ?, revision = ?, updated_at = ?`,
      job.status,
      JSON.stringify(job.manifest),
      job.failure && JSON.stringify(job.failure),
      job.progressPct,
      JSON.stringify(job.checkpoints),
      job.openDispatchId,
      newest && JSON.stringify(newest),
      earlierNotices,
      job.latestDispatchAt,
      job.lastProgressAt,
      job.latestCallback?.dispatchId ?? null,
      job.latestCallback?.occurredAt ?? null,
      latestSeq,
      job.revision,
      job.updatedAt,
    );
  }

  #insertEarlier(dispatch: Dispatch): void {
    this.#sql.exec(
      'INSERT INTO dispatch (request_key, id, created_at, cancel_state, record) VALUES (?, ?, ?, ?, ?)',
      dispatch.state === 'UNDELIVERABLE' ? `withdrawn:${dispatch.id}` : requestKeyOf(dispatch),
      dispatch.id,
      dispatch.createdAt,
      dispatch.cancelNotice?.state ?? null,
      JSON.stringify(dispatch),
    );
  }

  /** A dispatch that a newer one has followed is closed: what still comes is news of its delivery or of its cancel. */
  #updateEarlier(dispatch: Dispatch): void {
    this.#sql.exec(
      'UPDATE dispatch SET cancel_state = ?, record = ? WHERE id = ?',
      dispatch.cancelNotice?.state ?? null,
      JSON.stringify(dispatch),
      dispatch.id,
    );
  }

  #insertHistory(event: CallbackEvent | null, transition: Transition | null, seq: number | null): void {
    this.#sql.exec(
      `INSERT INTO history (key, payload_digest, artifacts, seq, event_type, actor, prev_status, correlation_id,
         checkpoint, status, dispatch_id, occurred_at, recorded_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      event?.eventId ?? ` ${seq}`,
      event?.payloadDigest ?? null,
      event?.artifacts ?? null,
      seq,
      transition?.eventType ?? null,
      transition?.actor ?? null,
      transition?.prevStatus ?? null,
      transition?.correlationId ?? null,
      transition?.checkpoint ? JSON.stringify(transition.checkpoint) : null,
      event?.status ?? transition?.newStatus ?? null,
      event?.dispatchId ?? transition?.dispatchId ?? null,
      event?.occurredAt ?? transition?.occurredAt ?? null,
      event?.recordedAt ?? transition?.recordedAt ?? null,
    );
  }

  #first(query: string, ...bindings: SqlStorageValue[]): Row | null {
    const next = this.#sql.exec<Row>(query, ...bindings).next();
    return next.done ? null : next.value;
  }
}

// Rows are only ever written above, under the schema's CHECKs, so their columns are taken at their word.

function toJob(row: Row): Job {
  return {
    id: row.id as string,
    projectId: row.project_id as string,
    owner: row.owner as string,
    status: row.status as Job['status'],
    manifest: JSON.parse(row.manifest as string),
    failure: row.failure === null ? null : JSON.parse(row.failure as string),
    progressPct: row.progress_pct as number | null,
    checkpoints: JSON.parse(row.checkpoints as string),
    openDispatchId: row.open_dispatch_id as string | null,
    latestDispatchAt: row.latest_dispatch_at as number | null,
    lastProgressAt: row.last_progress_at as number | null,
    latestCallback:
      row.latest_callback_dispatch_id === null
        ? null
        : {
            dispatchId: row.latest_callback_dispatch_id as string,
            occurredAt: row.latest_callback_occurred_at as number,
          },
    revision: row.revision as number,
    createdAt: row.created_at as number,
    updatedAt: row.updated_at as number,
  };
}

function toEvent(row: Row): CallbackEvent {
  return {
    eventId: row.key as string,
    dispatchId: row.dispatch_id as string,
    payloadDigest: row.payload_digest as string,
    status: row.status as CallbackEvent['status'],
    occurredAt: row.occurred_at as number,
    recordedAt: row.recorded_at as number,
    artifacts: row.artifacts as string | null,
  };
}

function toTransition(row: Row): Transition & { seq: number } {
  return {
    seq: row.seq as number,
    eventType: row.event_type as Transition['eventType'],
    actor: row.actor as Transition['actor'],
    prevStatus: row.prev_status as Transition['prevStatus'],
    newStatus: row.status as Transition['newStatus'],
    dispatchId: row.dispatch_id as string | null,
    eventId: row.payload_digest === null ? null : (row.key as string),
    occurredAt: row.occurred_at as number,
    recordedAt: row.recorded_at as number,
    correlationId: row.correlation_id as string | null,
    checkpoint: row.checkpoint === null ? null : JSON.parse(row.checkpoint as string),
  };
}
