// The schemas of both actors. A new object gets the newest schema at once; one that an older version of the service
// made goes there by append-only steps. A step that has shipped is never edited: a change is a new step.

import { DISPATCH_STATES } from '../domain/dispatch.ts';
import { CHECKPOINT_STATUSES, STATUSES } from '../domain/lifecycle.ts';

const oneOf = (values: readonly string[]): string => values.map((value) => `'${value}'`).join(', ');

export interface Migrations {
  /** What all steps together lead to. */
  schema: string;
  /** Each runs once per older object, in order. */
  steps: readonly string[];
}

/** What any record of a dispatch has to be, wherever it is kept. */
const dispatchChecks = (record: string): string => `
    CHECK (${record} ->> 'kind' IN ('run', 'retry')),
    CHECK (${record} ->> 'state' IN (${oneOf(DISPATCH_STATES)})),
    CHECK ((${record} ->> 'kind' = 'retry') = (${record} ->> 'clientRequestId' IS NOT NULL)),
    CHECK ((${record} ->> 'kind' = 'retry') = (${record} ->> 'resumeFromStatus' IS NOT NULL)),
    CHECK ((${record} ->> 'kind' = 'retry') = (${record} ->> 'checkpointRef' IS NOT NULL)),
    CHECK (${record} ->> '$.cancelNotice.state' IN ('PENDING', 'DELIVERED', 'GIVEN_UP'))`;

const JOB_TABLE = `
  -- The present: one row, rewritten by every change. JSON columns are never searched.
  CREATE TABLE job (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN (${oneOf(STATUSES)})),
    manifest TEXT NOT NULL,
    failure TEXT,
    progress_pct REAL,
    checkpoints TEXT NOT NULL,
    open_dispatch_id TEXT,
    -- The newest dispatch, open or not: nearly every change of a dispatch comes with one of the job.
    newest_dispatch TEXT,
    -- How many earlier dispatches have a cancel notice to be delivered.
    earlier_notices INTEGER NOT NULL,
    latest_dispatch_at INTEGER,
    last_progress_at INTEGER,
    latest_callback_dispatch_id TEXT,
    latest_callback_occurred_at INTEGER,
    latest_seq INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- Only the newest dispatch can be open.
    CHECK (open_dispatch_id IS NULL OR open_dispatch_id = newest_dispatch ->> 'id'),${dispatchChecks('newest_dispatch')}
  );
  -- A job has at most one open dispatch: one place for its id, which must be cleared before another takes it.
  CREATE TRIGGER job_one_open_dispatch BEFORE UPDATE OF open_dispatch_id ON job
  WHEN OLD.open_dispatch_id <> NEW.open_dispatch_id
  BEGIN SELECT RAISE(ABORT, 'a job has at most one open dispatch'); END;`;

const DISPATCH_TABLE = `
  -- Every dispatch but the newest.
  CREATE TABLE dispatch (
    -- The request that made the dispatch, by which a repeat is recognised; a withdrawn one has freed it.
    request_key TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    cancel_state TEXT,
    record TEXT NOT NULL,${dispatchChecks('record')}
  ) WITHOUT ROWID;`;

const HISTORY_TABLE = `
  -- One row per applied callback or other change of status: what makes a repeat recognisable, every version of every
  -- artifact and checkpoint, and the audit trail.
  CREATE TABLE history (
    -- The callback's event id; without a callback the number in the audit trail, behind a blank that no event id has.
    key TEXT PRIMARY KEY,
    -- Of a callback.
    payload_digest TEXT,
    artifacts TEXT,
    -- Of an entry of the audit trail; a heartbeat is none.
    seq INTEGER CHECK ((seq IS NULL) = (event_type IS NULL)),
    event_type TEXT,
    actor TEXT CHECK (actor IN ('editor', 'orchestrator', 'system')),
    prev_status TEXT CHECK (prev_status IN (${oneOf(STATUSES)})),
    correlation_id TEXT,
    checkpoint TEXT CHECK (checkpoint IS NULL OR status IN (${oneOf(CHECKPOINT_STATUSES)})),
    -- Of both.
    status TEXT NOT NULL CHECK (status IN (${oneOf(STATUSES)})),
    dispatch_id TEXT,
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TRIGGER history_append_only BEFORE UPDATE ON history
  BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END;
  CREATE TRIGGER history_kept BEFORE DELETE ON history
  BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END;`;

/** The steps of before this list of tables. */
const JOB_STEPS: readonly string[] = [
  `
  -- The present: one row, rewritten by every change. JSON columns are never searched.
  CREATE TABLE job (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN (${oneOf(STATUSES)})),
    manifest TEXT NOT NULL,
    failure TEXT,
    progress_pct REAL,
    checkpoints TEXT NOT NULL,
    open_dispatch_id TEXT,
    last_progress_at INTEGER,
    latest_callback_dispatch_id TEXT,
    latest_callback_occurred_at INTEGER,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  );
  -- A job has at most one open dispatch: one place for its id, which must be cleared before another takes it.
  CREATE TRIGGER job_one_open_dispatch BEFORE UPDATE OF open_dispatch_id ON job
  WHEN OLD.open_dispatch_id <> NEW.open_dispatch_id
  BEGIN SELECT RAISE(ABORT, 'a job has at most one open dispatch'); END;

  CREATE TABLE dispatch (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('run', 'retry')),
    state TEXT NOT NULL CHECK (state IN (${oneOf(DISPATCH_STATES)})),
    -- Holds the request that made the dispatch until it is withdrawn; a repeat finds it here.
    request_key TEXT,
    client_request_id TEXT CHECK ((kind = 'retry') = (client_request_id IS NOT NULL)),
    resume_from_status TEXT CHECK ((kind = 'retry') = (resume_from_status IS NOT NULL)),
    checkpoint_ref TEXT CHECK ((kind = 'retry') = (checkpoint_ref IS NOT NULL)),
    model_profile TEXT NOT NULL,
    policy_version TEXT NOT NULL,
    traceparent TEXT NOT NULL,
    deliver_until INTEGER NOT NULL,
    delivery_attempts INTEGER NOT NULL,
    last_error TEXT,
    execution_id TEXT,
    delivered_at INTEGER,
    cancel_state TEXT CHECK (cancel_state IN ('PENDING', 'DELIVERED', 'GIVEN_UP')),
    cancel_until INTEGER,
    cancel_attempts INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX dispatch_request ON dispatch (request_key) WHERE request_key IS NOT NULL;
  CREATE INDEX dispatch_cancel ON dispatch (cancel_state) WHERE cancel_state = 'PENDING';

  -- The callbacks that were applied: what makes a repeat recognisable, and every version of every artifact.
  CREATE TABLE callback_event (
    event_id TEXT PRIMARY KEY,
    dispatch_id TEXT NOT NULL,
    payload_digest TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN (${oneOf(STATUSES)})),
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    artifacts TEXT
  ) WITHOUT ROWID;

  -- The audit trail and, with it, every version of every checkpoint.
  CREATE TABLE transition (
    seq INTEGER PRIMARY KEY,
    event_type TEXT NOT NULL,
    actor TEXT NOT NULL CHECK (actor IN ('editor', 'orchestrator', 'system')),
    prev_status TEXT NOT NULL CHECK (prev_status IN (${oneOf(STATUSES)})),
    new_status TEXT NOT NULL CHECK (new_status IN (${oneOf(STATUSES)})),
    dispatch_id TEXT,
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    correlation_id TEXT,
    checkpoint TEXT CHECK (checkpoint IS NULL OR new_status IN (${oneOf(CHECKPOINT_STATUSES)}))
  );
  CREATE TRIGGER transition_append_only BEFORE UPDATE ON transition
  BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
  CREATE TRIGGER transition_kept BEFORE DELETE ON transition
  BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
  `,
  `
  -- Creation times of a job's dispatches rise strictly, whatever the clock does: fencing goes by them.
  ALTER TABLE job ADD COLUMN latest_dispatch_at INTEGER;
  UPDATE job SET latest_dispatch_at = (SELECT MAX(created_at) FROM dispatch);
  `,
  `
  -- Fewer rows per change: the newest dispatch moves into the job's row, callbacks and audit trail into one table.
  DROP TRIGGER job_one_open_dispatch;
  ALTER TABLE job RENAME TO job_before;
  ALTER TABLE dispatch RENAME TO dispatch_before;
  DROP INDEX dispatch_request;
  DROP INDEX dispatch_cancel;
  ${JOB_TABLE}
  ${DISPATCH_TABLE}
  ${HISTORY_TABLE}
  CREATE TABLE dispatch_record AS SELECT
    coalesce(request_key, 'withdrawn:' || id) AS request_key, id, created_at, cancel_state,
    json_object(
      'id', id, 'kind', kind, 'state', state, 'clientRequestId', client_request_id,
      'resumeFromStatus', resume_from_status, 'checkpointRef', checkpoint_ref, 'modelProfile', model_profile,
      'policyVersion', policy_version, 'traceparent', traceparent, 'deliverUntil', deliver_until,
      'deliveryAttempts', delivery_attempts, 'lastError', last_error, 'executionId', execution_id,
      'deliveredAt', delivered_at,
      'cancelNotice', json(CASE
        WHEN cancel_state IS NULL THEN 'null'
        WHEN cancel_state = 'PENDING'
          THEN json_object('state', cancel_state, 'until', cancel_until, 'attempts', cancel_attempts)
        ELSE json_object('state', cancel_state) END),
      'createdAt', created_at, 'updatedAt', updated_at
    ) AS record
    FROM dispatch_before;
  INSERT INTO job (one, id, project_id, owner, status, manifest, failure, progress_pct, checkpoints, open_dispatch_id,
      newest_dispatch, earlier_notices, latest_dispatch_at, last_progress_at, latest_callback_dispatch_id,
      latest_callback_occurred_at, latest_seq, revision, created_at, updated_at)
    SELECT one, id, project_id, owner, status, manifest, failure, progress_pct, checkpoints, open_dispatch_id,
      (SELECT record FROM dispatch_record
        ORDER BY id IS (SELECT open_dispatch_id FROM job_before) DESC, created_at DESC, id DESC LIMIT 1), 0, latest_dispatch_at,
      last_progress_at, latest_callback_dispatch_id, latest_callback_occurred_at,
      (SELECT coalesce(max(seq), 0) FROM transition), revision, created_at, updated_at
    FROM job_before;
  INSERT INTO dispatch (request_key, id, created_at, cancel_state, record)
    SELECT request_key, id, created_at, cancel_state, record FROM dispatch_record
    WHERE id IS NOT (SELECT newest_dispatch ->> 'id' FROM job);
  UPDATE job SET earlier_notices = (SELECT count(*) FROM dispatch WHERE cancel_state = 'PENDING');
  INSERT INTO history (key, payload_digest, artifacts, status, dispatch_id, occurred_at, recorded_at)
    SELECT event_id, payload_digest, artifacts, status, dispatch_id, occurred_at, recorded_at FROM callback_event;
  INSERT INTO history (key, seq, event_type, actor, prev_status, correlation_id, checkpoint, status, dispatch_id,
      occurred_at, recorded_at)
    SELECT ' ' || seq, seq, event_type, actor, prev_status, correlation_id, checkpoint, new_status, dispatch_id,
      occurred_at, recorded_at FROM transition;
  DROP TABLE job_before;
  DROP TABLE dispatch_before;
  DROP TABLE dispatch_record;
  DROP TABLE callback_event;
  DROP TRIGGER transition_append_only;
  DROP TRIGGER transition_kept;
  DROP TABLE transition;
  `,
];

export const JOB_MIGRATIONS: Migrations = {
  schema: `${JOB_TABLE}\n${DISPATCH_TABLE}\n${HISTORY_TABLE}`,
  steps: JOB_STEPS,
};

const WORKSPACE_SCHEMA = `
  CREATE TABLE project (
    created_at INTEGER NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (created_at, id)
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX project_id ON project (id);

  -- What a list of jobs shows, in its order. The job itself is the truth; a newer revision replaces an older.
  CREATE TABLE job_summary (
    project_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    job_id TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN (${oneOf(STATUSES)})),
    revision INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (project_id, created_at, job_id)
  ) WITHOUT ROWID;
`;

export const WORKSPACE_MIGRATIONS: Migrations = { schema: WORKSPACE_SCHEMA, steps: [WORKSPACE_SCHEMA] };
