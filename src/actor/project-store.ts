// What a project stores: itself, the list of its jobs (job-list-store.ts), which of them were erased, and the operations over them
// (operation-list-store.ts).
import type { Holder } from '../domain/creation.ts';
import { type JobCounts, noJobs } from '../domain/job-counts.ts';
import { type JobFilter, matches } from '../domain/job-filter.ts';
import type { ExternalIds } from '../domain/operation.ts';
import type { JobSummary, Position, Project } from '../domain/project.ts';
import { JobList } from './job-list-store.ts';
import { bringUpToDate, type MarkerRow } from './migrate.ts';
import { OperationList } from './operation-list-store.ts';
import { decodeProject, encodeProject } from './records.ts';
import { PROJECT_SCHEMA } from './schema-project.ts';
import { TombstoneStore } from './tombstone-store.ts';

/** A page is answered after a look at so many, however few of them match. */
export const MOST_LOOKED_AT = 10_000;

export interface JobPage {
  items: JobSummary[];
  next: Position | null;
}

/** What of a job an operation over it begins with. */
export type NamedJob = Pick<JobSummary, 'id' | 'createdAt' | 'externalId'>;

export class ProjectStore {
  readonly operations: OperationList;
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #jobs: JobList;
  readonly #erased: TombstoneStore;
  /** What this instance found when it woke, until it is looked at. */
  #found: MarkerRow | null;
  #project: Project | null = null;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#jobs = new JobList(storage.sql);
    this.#erased = new TombstoneStore(storage.sql);
    this.operations = new OperationList(storage.sql);
    this.#found = bringUpToDate(storage, PROJECT_SCHEMA);
  }

  /** Null when this object holds no project, or what is left of one. Reading stores nothing. */
  project(): Project | null {
    const stored = this.stored();
    return stored?.erasedAt === null ? stored : null;
  }

  /** The project, or what is left of it. */
  stored(): Project | null {
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

  /** Leaves of the project that it was there: what its workspace has to be told, and what no key may create again. */
  bury(project: Project, erasedAt: number): void {
    const buried = { ...project, name: '', requestDigest: null, erasedAt };
    this.#storage.transactionSync(() => {
      this.#sql.exec('UPDATE project SET record = ?', encodeProject(buried));
      this.operations.clear();
    });
    this.#project = buried;
  }

  /** Nothing is left here, nor an alarm. */
  async clear(): Promise<void> {
    await this.#storage.deleteAll();
    this.#project = null;
  }

  /**
   * All or none; what is known of a job that was true later stays, and what was erased is not listed again: answers which those
   * are.
   */
  putSummaries(summaries: readonly JobSummary[]): ReadonlySet<string> {
    if (!this.stored()) throw new Error('only a project has jobs');
    const gone = new Set<string>();
    this.#change(() => {
      for (const summary of summaries) {
        if (this.isGone(summary.id)) gone.add(summary.id);
        else this.#jobs.put(summary);
      }
    });
    return gone;
  }

  /** Whether there is no place for this job any more: it was erased, or the project was. */
  isGone(jobId: string): boolean {
    return this.stored() !== null && (this.project() === null || this.#erased.has(jobId));
  }

  /** Nothing is known of the job any more but that it was erased. */
  eraseJob(job: Pick<JobSummary, 'createdAt' | 'id' | 'projectId' | 'externalId'>, now: number): void {
    this.#change(() => {
      this.#jobs.remove(job);
      this.#erased.add(job.id, now);
    });
  }

  /** Forgets which jobs were erased long ago. Answers when to do so again; null for never. */
  prune(now: number): number | null {
    this.#erased.prune(now);
    return this.#erased.pruneAt();
  }

  #change(change: () => void): void {
    try {
      this.#storage.transactionSync(change);
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
  matching(filter: JobFilter): NamedJob[] {
    const found: NamedJob[] = [];
    for (const job of this.#candidates(filter, null)) {
      if (!matches(job, filter)) continue;
      const { id, createdAt, externalId } = job;
      found.push({ id, createdAt, externalId });
    }
    return found;
  }

  /** What their editor calls these. */
  externalIds(jobIds: readonly string[]): ExternalIds {
    return this.#jobs.externalIds(jobIds);
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
