// The only SQL of the workspace: an owner's projects, and the summaries of their jobs.
import type { Status } from '../domain/lifecycle.ts';
import { bringUpToDate, migrate } from './migrate.ts';
import { WORKSPACE_MIGRATIONS } from './migrations.ts';

export interface Project {
  id: string;
  name: string;
  createdAt: number;
}

export interface JobSummary {
  jobId: string;
  projectId: string;
  status: Status;
  revision: number;
  createdAt: number;
  updatedAt: number;
}

/** The last item of the page before, by which the next page is found. */
export interface Position {
  createdAt: number;
  id: string;
}

const START: Position = { createdAt: Number.MAX_SAFE_INTEGER, id: '' };

export class WorkspaceStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  #hasSchema: boolean;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#hasSchema = bringUpToDate(storage, WORKSPACE_MIGRATIONS);
  }

  addProject(project: Project): void {
    this.#prepareToWrite();
    this.#sql.exec(
      'INSERT INTO project (created_at, id, name) VALUES (?, ?, ?)',
      project.createdAt,
      project.id,
      project.name,
    );
  }

  project(id: string): Project | null {
    if (!this.#hasSchema) return null;
    const row = this.#sql
      .exec<{ id: string; name: string; created_at: number }>('SELECT * FROM project WHERE id = ?', id)
      .next();
    return row.done ? null : toProject(row.value);
  }

  /** Newest first. */
  projects(before: Position | null, limit: number): Project[] {
    if (!this.#hasSchema) return [];
    const { createdAt, id } = before ?? START;
    return this.#sql
      .exec<{ id: string; name: string; created_at: number }>(
        'SELECT * FROM project WHERE (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ?',
        createdAt,
        id,
        limit,
      )
      .toArray()
      .map(toProject);
  }

  /** All or none; a summary of which a newer revision is known changes nothing. */
  putSummaries(summaries: readonly JobSummary[]): void {
    this.#prepareToWrite();
    this.#storage.transactionSync(() => {
      for (const summary of summaries) this.#putSummary(summary);
    });
  }

  #putSummary(summary: JobSummary): void {
    this.#sql.exec(
      `INSERT INTO job_summary (project_id, created_at, job_id, status, revision, updated_at)
       VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET status = excluded.status, revision = excluded.revision,
         updated_at = excluded.updated_at WHERE excluded.revision > revision`,
      summary.projectId,
      summary.createdAt,
      summary.jobId,
      summary.status,
      summary.revision,
      summary.updatedAt,
    );
  }

  /** Newest first, of one status or of all. */
  summaries(projectId: string, status: Status | null, before: Position | null, limit: number): JobSummary[] {
    if (!this.#hasSchema) return [];
    const { createdAt, id } = before ?? START;
    return this.#sql
      .exec<Record<string, SqlStorageValue>>(
        `SELECT * FROM job_summary
         WHERE project_id = ? AND (created_at, job_id) < (?, ?) AND (? IS NULL OR status = ?)
         ORDER BY created_at DESC, job_id DESC LIMIT ?`,
        projectId,
        createdAt,
        id,
        status,
        status,
        limit,
      )
      .toArray()
      .map((row) => ({
        jobId: row.job_id as string,
        projectId: row.project_id as string,
        status: row.status as Status,
        revision: row.revision as number,
        createdAt: row.created_at as number,
        updatedAt: row.updated_at as number,
      }));
  }

  #prepareToWrite(): void {
    if (this.#hasSchema) return;
    migrate(this.#storage, WORKSPACE_MIGRATIONS);
    this.#hasSchema = true;
  }
}

const toProject = (row: { id: string; name: string; created_at: number }): Project => ({
  id: row.id,
  name: row.name,
  createdAt: row.created_at,
});
