// The tables of a project, as plain text (see schema-job.ts).
import type { Schema } from './migrate.ts';

export const PROJECT_SCHEMA: Schema = {
  marker: 'project',
  version: 1,
  tables: `
  CREATE TABLE project (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    schema INTEGER NOT NULL,
    record TEXT NOT NULL
  );
  -- What the list of its jobs shows, in its order. The job itself is the truth; a newer revision replaces an older.
  CREATE TABLE job_summary (
    created_at INTEGER NOT NULL,
    job_id TEXT NOT NULL,
    status TEXT NOT NULL,
    revision INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (created_at, job_id)
  ) WITHOUT ROWID;`,
  steps: [],
};
