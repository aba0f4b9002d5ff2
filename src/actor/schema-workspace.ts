// The tables of a workspace, as plain text (see schema-job.ts).
import type { Schema } from './migrate.ts';

/** Sessions that were ended, by signing out, before they would have; each until then. */
const ENDED_SESSIONS = `
  CREATE TABLE ended_session (
    id TEXT PRIMARY KEY,
    until INTEGER NOT NULL
  ) WITHOUT ROWID;`;

/** Projects that were erased, whose pushes may still come. */
const ERASED = `
  CREATE TABLE erased (
    id TEXT PRIMARY KEY,
    erased_at INTEGER NOT NULL
  ) WITHOUT ROWID;`;

export const WORKSPACE_SCHEMA: Schema = {
  marker: 'workspace',
  version: 2,
  tables: `
  CREATE TABLE workspace (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    schema INTEGER NOT NULL
  );
  -- What the list of an owner's projects shows, in its order. The project itself is the truth.
  CREATE TABLE project (
    created_at INTEGER NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (created_at, id)
  ) WITHOUT ROWID;${ENDED_SESSIONS}${ERASED}`,
  steps: [ENDED_SESSIONS + ERASED],
};
