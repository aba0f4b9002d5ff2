// What a project stores: itself, the list of its jobs (job-list-store.ts), and which of them were erased.
import { STATUSES, type Status } from '../domain/lifecycle.ts';
import type { JobSummary, Position, Project } from '../domain/project.ts';
import { JobList } from './job-list-store.ts';
import { bringUpToDate, type MarkerRow } from './migrate.ts';
import { decodeProject, encodeProject } from './records.ts';
import { PROJECT_SCHEMA } from './schema-project.ts';
import { TombstoneStore } from './tombstone-store.ts';

export class ProjectStore {
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
    this.#sql.exec('UPDATE project SET record = ?', encodeProject(buried));
    this.#project = buried;
  }

  /** Nothing is left here, nor an alarm. */
  async clear(): Promise<void> {
    await this.#storage.deleteAll();
    this.#project = null;
  }

  /** All or none; what is known of a job that was true later stays, and what was erased is not listed again. */
  putSummaries(summaries: readonly JobSummary[]): void {
    if (!this.stored()) throw new Error('only a project has jobs');
    this.#storage.transactionSync(() => {
      for (const summary of summaries) if (!this.isGone(summary.id)) this.#jobs.put(summary);
    });
  }

  /** Whether there is no place for this job any more: it was erased, or the project was. */
  isGone(jobId: string): boolean {
    return this.stored() !== null && (this.project() === null || this.#erased.has(jobId));
  }

  /** Nothing is known of the job any more but that it was erased. */
  eraseJob(job: Pick<JobSummary, 'createdAt' | 'id' | 'projectId' | 'externalId'>, now: number): void {
    this.#storage.transactionSync(() => {
      this.#jobs.remove(job);
      this.#erased.add(job.id, now);
    });
  }

  /** Forgets which jobs were erased long ago. Answers when to do so again; null for never. */
  prune(now: number): number | null {
    this.#erased.prune(now);
    return this.#erased.pruneAt();
  }

  countJobs(): number {
    return this.#jobs.count();
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
