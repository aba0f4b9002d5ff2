// The tables of an operation, as plain text (see schema-job.ts).
import type { Schema } from './migrate.ts';

export const OPERATION_SCHEMA: Schema = {
  marker: 'operation',
  version: 2,
  tables: `
  CREATE TABLE operation (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    schema INTEGER NOT NULL,
    record TEXT NOT NULL
  );
  -- A job in it, in the order in which they are asked for: those that wait, and those in flight, are found without going through
  -- the rest. One that moves on is moved, which costs one row.
  CREATE TABLE item (
    state TEXT NOT NULL,
    job_id TEXT NOT NULL,
    code TEXT,
    dispatch_id TEXT,
    is_accepted INTEGER NOT NULL,
    is_delivered INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    -- As its editor calls it, which is for good; null for one that was erased.
    external_id TEXT,
    PRIMARY KEY (state, job_id)
  ) WITHOUT ROWID;`,
  steps: ['ALTER TABLE item ADD COLUMN external_id TEXT;'],
};
