// The schemas of both actors as append-only steps. A step that has shipped is never edited: a change is a new step.

import { DISPATCH_STATES } from '../domain/job.ts';
import { CHECKPOINT_STATUSES, STATUSES } from '../domain/lifecycle.ts';

const oneOf = (values: readonly string[]): string => values.map((value) => `'${value}'`).join(', ');

/** Each step runs once per object, in order. */
export const JOB_MIGRATIONS: readonly string[] = [
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
];

export const WORKSPACE_MIGRATIONS: readonly string[] = [
  `
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
  `,
];
