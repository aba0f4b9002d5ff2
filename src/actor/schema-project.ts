// The tables of a project, as plain text (see schema-job.ts).
import type { Schema } from './migrate.ts';

/**
 * What the list of its jobs shows, in the order in which it is asked for: by status, then by time. A push that moves a row costs
 * one, as one that leaves it does; an index would cost another each time. The job itself is the truth; what was true later
 * replaces what was before.
 */
const LISTED_JOBS = `
  CREATE TABLE listed_job (
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    job_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    latest_dispatch_at INTEGER,
    open_kind TEXT,
    model_profile TEXT,
    failure_class TEXT,
    failure_code TEXT,
    failed_stage TEXT,
    external_id TEXT,
    -- Metadata and tags, as JSON; null for none.
    labels TEXT,
    PRIMARY KEY (status, created_at, job_id)
  ) WITHOUT ROWID;
  -- By which of its editor's ids a job is found; none is given to two.
  CREATE TABLE external_id (
    external_id TEXT PRIMARY KEY,
    job_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE tagged_job (
    tag TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    job_id TEXT NOT NULL,
    PRIMARY KEY (tag, created_at, job_id)
  ) WITHOUT ROWID;
  -- Jobs that were erased, whose pushes may still come.
  CREATE TABLE erased (
    id TEXT PRIMARY KEY,
    erased_at INTEGER NOT NULL
  ) WITHOUT ROWID;`;

/** Operations over its jobs. The ids come last: whoever looks for an operation does not read them. */
const OPERATIONS = `
  CREATE TABLE operation (
    created_at INTEGER NOT NULL,
    id TEXT NOT NULL,
    record TEXT NOT NULL,
    -- The frozen list, as JSON.
    job_ids TEXT NOT NULL,
    PRIMARY KEY (created_at, id)
  ) WITHOUT ROWID;`;

/** 1 → 2: the list in its new order, with room for what jobs will push; and operations. */
const LISTED_BY_STATUS = `${LISTED_JOBS}
  INSERT INTO listed_job (status, created_at, job_id, revision, updated_at)
    SELECT status, created_at, job_id, revision, updated_at FROM job_summary;
  DROP TABLE job_summary;${OPERATIONS}`;

export const PROJECT_SCHEMA: Schema = {
  marker: 'project',
  version: 2,
  tables: `
  CREATE TABLE project (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    schema INTEGER NOT NULL,
    record TEXT NOT NULL
  );${LISTED_JOBS}${OPERATIONS}`,
  steps: [LISTED_BY_STATUS],
};
