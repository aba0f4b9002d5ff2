// The only SQL of the job: rows to records and back, the view that a command needs, and the commit.
import type { Command } from '../domain/commands.ts';
import type { Changes, JobView } from '../domain/decision.ts';
import {
  type CallbackEvent,
  type Dispatch,
  isOpen,
  type Job,
  RUN_REQUEST_KEY,
  requestKeyOf,
  retryRequestKey,
  type Transition,
} from '../domain/job.ts';
import { isResting } from '../domain/lifecycle.ts';
import { appliedSteps, migrate } from './migrate.ts';
import { JOB_MIGRATIONS } from './migrations.ts';

type Row = Record<string, SqlStorageValue>;

export class JobStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  #hasSchema: boolean;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    const steps = appliedSteps(this.#sql);
    this.#hasSchema = steps > 0;
    if (steps > 0 && steps < JOB_MIGRATIONS.length) migrate(storage, JOB_MIGRATIONS);
  }

  /** Null when this object holds no job. Reading stores nothing. */
  job(): Job | null {
    if (!this.#hasSchema) return null;
    const row = this.#first('SELECT * FROM job');
    return row && toJob(row);
  }

  /** Stores a new job; makes the schema first. */
  create(job: Job): void {
    if (!this.#hasSchema) migrate(this.#storage, JOB_MIGRATIONS);
    this.#hasSchema = true;
    this.#sql.exec(
      `INSERT INTO job (one, id, project_id, owner, status, manifest, checkpoints, revision, created_at, updated_at)
       VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
        const subject = view.open?.id === command.dispatchId ? view.open : this.dispatch(command.dispatchId);
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
    const row = this.#first('SELECT * FROM dispatch WHERE id = ?', id);
    return row && toDispatch(row);
  }

  /** The dispatches whose cancel notice is still to be delivered. */
  notices(): Dispatch[] {
    return this.#sql
      .exec<Row>(`SELECT * FROM dispatch WHERE cancel_state = 'PENDING'`)
      .toArray()
      .map(toDispatch);
  }

  /** Newest first; `before` is the last one of the page before. */
  dispatches(before: { createdAt: number; id: string } | null, limit: number): Dispatch[] {
    const { createdAt, id } = before ?? { createdAt: Number.MAX_SAFE_INTEGER, id: '' };
    return this.#sql
      .exec<Row>(
        'SELECT * FROM dispatch WHERE (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ?',
        createdAt,
        id,
        limit,
      )
      .toArray()
      .map(toDispatch);
  }

  /** Oldest first; `after` is the last `seq` of the page before. */
  transitions(after: number, limit: number): (Transition & { seq: number })[] {
    return this.#sql
      .exec<Row>('SELECT * FROM transition WHERE seq > ? ORDER BY seq LIMIT ?', after, limit)
      .toArray()
      .map((row) => ({ ...toTransition(row), seq: row.seq as number }));
  }

  /** Stores what was decided. Runs inside the transaction in which the view was read. */
  commit(changes: Changes): void {
    if (changes.opened) this.#insertDispatch(changes.opened);
    for (const dispatch of changes.updated ?? []) this.#updateDispatch(dispatch);
    if (changes.event) this.#insertEvent(changes.event);
    for (const transition of changes.transitions ?? []) this.#insertTransition(transition);
    if (changes.job) this.#updateJob(changes.job);
  }

  #dispatchByRequest(requestKey: string): Dispatch | null {
    const row = this.#first('SELECT * FROM dispatch WHERE request_key = ?', requestKey);
    return row && toDispatch(row);
  }

  #isSuperseded(dispatch: Dispatch): boolean {
    const newer = this.#first(
      `SELECT 1 FROM dispatch WHERE created_at > ? AND state <> 'UNDELIVERABLE' LIMIT 1`,
      dispatch.createdAt,
    );
    return newer !== null;
  }

  #event(eventId: string): CallbackEvent | null {
    const row = this.#first('SELECT * FROM callback_event WHERE event_id = ?', eventId);
    return row && toEvent(row);
  }

  #updateJob(job: Job): void {
    this.#sql.exec(
      `UPDATE job SET status = ?, manifest = ?, failure = ?, progress_pct = ?, checkpoints = ?,
         open_dispatch_id = ?, latest_dispatch_at = ?, last_progress_at = ?, latest_callback_dispatch_id = ?,
         latest_callback_occurred_at = ?, revision = ?, updated_at = ?`,
      job.status,
      JSON.stringify(job.manifest),
      job.failure && JSON.stringify(job.failure),
      job.progressPct,
      JSON.stringify(job.checkpoints),
      job.openDispatchId,
      job.latestDispatchAt,
      job.lastProgressAt,
      job.latestCallback?.dispatchId ?? null,
      job.latestCallback?.occurredAt ?? null,
      job.revision,
      job.updatedAt,
    );
  }

  #insertDispatch(dispatch: Dispatch): void {
    this.#sql.exec(
      `INSERT INTO dispatch (id, kind, state, request_key, client_request_id, resume_from_status,
         checkpoint_ref, model_profile, policy_version, traceparent, deliver_until, delivery_attempts,
         created_at, updated_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      dispatch.id,
      dispatch.kind,
      dispatch.state,
      requestKeyOf(dispatch),
      dispatch.clientRequestId,
      dispatch.resumeFromStatus,
      dispatch.checkpointRef,
      dispatch.modelProfile,
      dispatch.policyVersion,
      dispatch.traceparent,
      dispatch.deliverUntil,
      dispatch.deliveryAttempts,
      dispatch.createdAt,
      dispatch.updatedAt,
    );
  }

  /** Indexed columns are set by statements of their own, since naming one costs a row even when it stays. */
  #updateDispatch(dispatch: Dispatch): void {
    this.#sql.exec(
      `UPDATE dispatch SET state = ?, delivery_attempts = ?, last_error = ?, execution_id = ?,
         delivered_at = ?, updated_at = ? WHERE id = ?`,
      dispatch.state,
      dispatch.deliveryAttempts,
      dispatch.lastError,
      dispatch.executionId,
      dispatch.deliveredAt,
      dispatch.updatedAt,
      dispatch.id,
    );
    if (dispatch.state === 'UNDELIVERABLE') {
      this.#sql.exec('UPDATE dispatch SET request_key = NULL WHERE id = ?', dispatch.id);
    }
    const notice = dispatch.cancelNotice;
    if (notice) {
      this.#sql.exec(
        'UPDATE dispatch SET cancel_state = ?, cancel_until = ?, cancel_attempts = ? WHERE id = ?',
        notice.state,
        notice.state === 'PENDING' ? notice.until : null,
        notice.state === 'PENDING' ? notice.attempts : null,
        dispatch.id,
      );
    }
  }

  #insertEvent(event: CallbackEvent): void {
    this.#sql.exec(
      `INSERT INTO callback_event
         (event_id, dispatch_id, payload_digest, status, occurred_at, recorded_at, artifacts)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      event.eventId,
      event.dispatchId,
      event.payloadDigest,
      event.status,
      event.occurredAt,
      event.recordedAt,
      event.artifacts,
    );
  }

  #insertTransition(transition: Transition): void {
    this.#sql.exec(
      `INSERT INTO transition (event_type, actor, prev_status, new_status, dispatch_id, occurred_at,
         recorded_at, correlation_id, checkpoint)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      transition.eventType,
      transition.actor,
      transition.prevStatus,
      transition.newStatus,
      transition.dispatchId,
      transition.occurredAt,
      transition.recordedAt,
      transition.correlationId,
      transition.checkpoint && JSON.stringify(transition.checkpoint),
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

function toDispatch(row: Row): Dispatch {
  const cancelState = row.cancel_state as 'PENDING' | 'DELIVERED' | 'GIVEN_UP' | null;
  return {
    id: row.id,
    kind: row.kind,
    state: row.state,
    clientRequestId: row.client_request_id,
    resumeFromStatus: row.resume_from_status,
    checkpointRef: row.checkpoint_ref,
    modelProfile: row.model_profile,
    policyVersion: row.policy_version,
    traceparent: row.traceparent,
    deliverUntil: row.deliver_until,
    deliveryAttempts: row.delivery_attempts,
    lastError: row.last_error,
    executionId: row.execution_id,
    deliveredAt: row.delivered_at,
    cancelNotice:
      cancelState === 'PENDING'
        ? { state: cancelState, until: row.cancel_until as number, attempts: row.cancel_attempts as number }
        : cancelState && { state: cancelState },
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  } as Dispatch;
}

function toEvent(row: Row): CallbackEvent {
  return {
    eventId: row.event_id as string,
    dispatchId: row.dispatch_id as string,
    payloadDigest: row.payload_digest as string,
    status: row.status as CallbackEvent['status'],
    occurredAt: row.occurred_at as number,
    recordedAt: row.recorded_at as number,
    artifacts: row.artifacts as string | null,
  };
}

function toTransition(row: Row): Transition {
  return {
    eventType: row.event_type as Transition['eventType'],
    actor: row.actor as Transition['actor'],
    prevStatus: row.prev_status as Transition['prevStatus'],
    newStatus: row.new_status as Transition['newStatus'],
    dispatchId: row.dispatch_id as string | null,
    occurredAt: row.occurred_at as number,
    recordedAt: row.recorded_at as number,
    correlationId: row.correlation_id as string | null,
    checkpoint: row.checkpoint === null ? null : JSON.parse(row.checkpoint as string),
  };
}
