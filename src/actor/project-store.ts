// What a project stores: itself, and the list of its jobs (job-list-store.ts).
import { STATUSES, type Status } from '../domain/lifecycle.ts';
import type { JobSummary, Position, Project } from '../domain/project.ts';
import { JobList } from './job-list-store.ts';
import { bringUpToDate, type MarkerRow } from './migrate.ts';
import { decodeProject, encodeProject } from './records.ts';
import { PROJECT_SCHEMA } from './schema-project.ts';

export class ProjectStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #jobs: JobList;
  /** What this instance found when it woke, until it is looked at. */
  #found: MarkerRow | null;
  #project: Project | null = null;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#jobs = new JobList(storage.sql);
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

  /** All or none; what is known of a job that was true later stays. */
  putSummaries(summaries: readonly JobSummary[]): void {
    if (!this.project()) throw new Error('only a project has jobs');
    this.#storage.transactionSync(() => {
      for (const summary of summaries) this.#jobs.put(summary);
    });
  }

  /** Newest first, of one status or of all. */
  summaries(projectId: string, status: Status | null, before: Position | null, limit: number): JobSummary[] {
    const statuses = status === null ? STATUSES : [status];
    const found: JobSummary[] = [];
    for (const summary of this.#jobs.newestFirst(projectId, statuses, before, limit)) {
      found.push(summary);
      if (found.length === limit) break;
    }
    return found;
  }
}
