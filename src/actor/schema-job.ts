// The tables of a job, as plain text: what an object made once never changes with the code, so this names no word of it.
// A version that has shipped is never edited: a change is a step, and what new objects get besides.
import type { Schema } from './migrate.ts';

export const JOB_SCHEMA: Schema = {
  marker: 'job',
  version: 1,
  tables: `
  -- The present, one row: the job, its newest dispatch and what is counted of the rest (actor/records.ts).
  CREATE TABLE job (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    schema INTEGER NOT NULL,
    record TEXT NOT NULL
  );
  -- The past, one row per applied report or other entry of the audit trail: what makes a repeat recognisable, every
  -- version of every artifact and checkpoint, and the trail.
  CREATE TABLE history (
    -- The pipeline's, whose reports lie together; empty for what no pipeline did.
    dispatch_id TEXT NOT NULL,
    -- The report's id; of any other entry its number, behind a blank that no report's id has.
    key TEXT NOT NULL,
    -- Of a report.
    payload_digest TEXT,
    artifacts TEXT,
    checkpoints TEXT,
    -- Of an entry of the audit trail.
    seq INTEGER,
    event_type TEXT,
    actor TEXT,
    actor_id TEXT,
    prev_status TEXT,
    correlation_id TEXT,
    -- Of both.
    status TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (dispatch_id, key)
  ) WITHOUT ROWID;`,
  steps: [],
};

/** Every dispatch but the newest. Most jobs have one dispatch alone, so this is made with the second. */
export const EARLIER_DISPATCHES = `
  CREATE TABLE dispatch (
    -- The request that made the dispatch, by which a repeat is recognised; a withdrawn one has freed it, and is kept under a
    -- name that no request has.
    request_key TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    cancel_state TEXT,
    record TEXT NOT NULL
  ) WITHOUT ROWID;`;

/** For a job with more of them than a look-up may go through. */
export const MANY_EARLIER_DISPATCHES = `
  CREATE INDEX IF NOT EXISTS dispatch_by_id ON dispatch (id);
  CREATE INDEX IF NOT EXISTS dispatch_by_creation ON dispatch (created_at);
  CREATE INDEX IF NOT EXISTS dispatch_by_notice ON dispatch (cancel_state) WHERE cancel_state = 'PENDING';`;
