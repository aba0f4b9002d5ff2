// The only SQL of the project: the project itself, and the summaries of its jobs.
import type { Status } from '../domain/lifecycle.ts';
import type { JobSummary, Position, Project } from '../domain/project.ts';
import { bringUpToDate, type MarkerRow } from './migrate.ts';
import { decodeProject, encodeProject } from './records.ts';
import { PROJECT_SCHEMA } from './schema-project.ts';

const START: Position = { createdAt: Number.MAX_SAFE_INTEGER, id: '' };

export class ProjectStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  /** What this instance found when it woke, until it is looked at. */
  #found: MarkerRow | null;
  #project: Project | null = null;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#found = bringUpToDate(storage, PROJECT_SCHEMA);
  }

  /** Null when this object holds no project. Reading stores nothing. */
  project(): Project | null {
    if (this.#found !== null) {
      this.#project = decodeProject(String(this.#found.record));
      this.#found = null;
    }
    return this.#project;
  }

  /** Stores a new project, in tables made for it. */
  create(project: Project): void {
    this.#storage.transactionSync(() => {
      this.#sql.exec(PROJECT_SCHEMA.tables);
      this.#sql.exec(
        'INSERT INTO project (one, schema, record) VALUES (1, ?, ?)',
        PROJECT_SCHEMA.version,
        encodeProject(project),
      );
    });
    this.#project = project;
  }

  /** All or none; a summary of which a newer revision is known changes nothing. */
  putSummaries(summaries: readonly JobSummary[]): void {
    if (!this.project()) throw new Error('only a project has jobs');
    this.#storage.transactionSync(() => {
      for (const summary of summaries) this.#putSummary(summary);
    });
  }

  #putSummary({ createdAt, id, status, revision, updatedAt }: JobSummary): void {
    this.#sql.exec(
      `INSERT INTO job_summary (created_at, job_id, status, revision, updated_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET status = excluded.status, revision = excluded.revision,
         updated_at = excluded.updated_at WHERE excluded.revision > revision`,
      createdAt,
      id,
      status,
      revision,
      updatedAt,
    );
  }

  /** Newest first, of one status or of all. */
  summaries(projectId: string, status: Status | null, before: Position | null, limit: number): JobSummary[] {
    const { createdAt, id } = before ?? START;
    return this.#sql
      .exec<Row>(
        `SELECT * FROM job_summary WHERE (created_at, job_id) < (?, ?) AND (? IS NULL OR status = ?)
         ORDER BY created_at DESC, job_id DESC LIMIT ?`,
        createdAt,
        id,
        status,
        status,
        limit,
      )
      .toArray()
      .map((row) => toSummary(projectId, row));
  }

  /** That of one job; null where there is none at this place of the list. */
  summary(projectId: string, { createdAt, id }: Position): JobSummary | null {
    const query = 'SELECT * FROM job_summary WHERE created_at = ? AND job_id = ?';
    const next = this.#sql.exec<Row>(query, createdAt, id).next();
    return next.done ? null : toSummary(projectId, next.value);
  }

  /** How many jobs are in each status that some are in. */
  counts(): Partial<Record<Status, number>> {
    const query = 'SELECT status, count(*) AS jobs FROM job_summary GROUP BY status ORDER BY status';
    const rows = this.#sql.exec<{ status: string; jobs: number }>(query).toArray();
    return Object.fromEntries(rows.map(({ status, jobs }) => [status, jobs]));
  }
}

type Row = Record<string, SqlStorageValue>;

const toSummary = (projectId: string, row: Row): JobSummary => ({
  id: row.job_id as string,
  projectId,
  status: row.status as Status,
  revision: row.revision as number,
  createdAt: row.created_at as number,
  updatedAt: row.updated_at as number,
});
