// What a project stores: itself, the list of its jobs (job-list-store.ts), and the operations over them (operation-list-store.ts).
import type { Holder } from '../domain/creation.ts';
import { type JobCounts, noJobs } from '../domain/job-counts.ts';
import { type JobFilter, matches } from '../domain/job-filter.ts';
import type { JobSummary, Position, Project } from '../domain/project.ts';
import { JobList } from './job-list-store.ts';
import { bringUpToDate, type MarkerRow } from './migrate.ts';
import { OperationList } from './operation-list-store.ts';
import { decodeProject, encodeProject } from './records.ts';
import { PROJECT_SCHEMA } from './schema-project.ts';

/** A page is answered after a look at so many, however few of them match. */
export const MOST_LOOKED_AT = 10_000;

export interface JobPage {
  items: JobSummary[];
  next: Position | null;
}

export class ProjectStore {
  readonly operations: OperationList;
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
    this.operations = new OperationList(storage.sql);
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
    try {
      this.#storage.transactionSync(() => {
        for (const summary of summaries) this.#jobs.put(summary);
      });
    } catch (error) {
      this.#jobs.forgetCounts();
      throw error;
    }
  }

  /** Who has this external id; null where nobody was admitted with it. */
  holder(externalId: string): Holder | null {
    const project = this.project();
    return project && this.#jobs.holder(externalId, project.id);
  }

  reserve(externalId: string, jobId: string, at: number): void {
    this.#jobs.reserve(externalId, jobId, at);
  }

  /**
   * A page of the jobs that match, newest first. `next` is what the next page begins after, null where there is none: it looks
   * at so many jobs, and then may be short, or empty, with more to come.
   */
  page(filter: JobFilter, before: Position | null, limit: number): JobPage {
    const items: JobSummary[] = [];
    let looked = 0;
    for (const job of this.#candidates(filter, before)) {
      const isOne = matches(job, filter);
      if (isOne && items.length === limit) return { items, next: items.at(-1) ?? null };
      if (isOne) items.push(job);
      looked += 1;
      if (looked === MOST_LOOKED_AT) return { items, next: job };
    }
    return { items, next: null };
  }

  /** All that match, newest first: looks at as many as there are. */
  matching(filter: JobFilter): Position[] {
    const found: Position[] = [];
    for (const job of this.#candidates(filter, null)) {
      if (matches(job, filter)) found.push({ id: job.id, createdAt: job.createdAt });
    }
    return found;
  }

  /** Of the job that was created then; null where it is not listed. */
  summary(place: Position): JobSummary | null {
    const project = this.project();
    return project && this.#jobs.known({ ...place, projectId: project.id });
  }

  counts(): JobCounts {
    return this.project() ? this.#jobs.counts() : noJobs();
  }

  #candidates(filter: JobFilter, before: Position | null): Iterable<JobSummary> {
    const project = this.project();
    return project ? this.#jobs.candidates(project.id, filter, before) : [];
  }
}
