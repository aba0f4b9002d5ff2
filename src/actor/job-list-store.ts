// The list of a project's jobs in SQL: what was pushed, and pages of it. Whether a job is of a list is for domain/job-filter.ts.
import type { Holder } from '../domain/creation.ts';
import type { DispatchKind } from '../domain/dispatch.ts';
import type { FailureClass } from '../domain/failures.ts';
import { count, type JobCounts, noJobs } from '../domain/job-counts.ts';
import { type JobFilter, statusesOf } from '../domain/job-filter.ts';
import { STATUSES, type Status } from '../domain/lifecycle.ts';
import type { ExternalIds } from '../domain/operation.ts';
import { isLater, type JobSummary, type Position } from '../domain/project.ts';
import { inPieces, isAhead, newestOf } from './newest-first.ts';

type Row = Record<string, SqlStorageValue>;

const START: Position = { createdAt: Number.MAX_SAFE_INTEGER, id: '' };

const OF_STATUS = `SELECT * FROM listed_job WHERE status = ? AND (created_at, job_id) < (?, ?)
  ORDER BY created_at DESC, job_id DESC LIMIT ?`;
/** So that a row is found whatever its status is: the key begins with it. */
const IN_ANY_STATUS = `status IN (${STATUSES.map((status) => `'${status}'`).join()})`;
const OF_TAG = `SELECT l.* FROM tagged_job t CROSS JOIN listed_job l
    ON l.${IN_ANY_STATUS} AND l.created_at = t.created_at AND l.job_id = t.job_id
  WHERE t.tag = ? AND (t.created_at, t.job_id) < (?, ?)
  ORDER BY t.created_at DESC, t.job_id DESC LIMIT ?`;

export class JobList {
  readonly #sql: SqlStorage;
  /** Null until somebody asks. */
  #counts: JobCounts | null = null;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Stores what a job pushed, unless something later is known of it. */
  put(summary: JobSummary): void {
    const known = this.known(summary);
    if (known !== null && !isLater(summary, known)) return;
    if (known === null) {
      this.#insert(summary);
      this.#name(summary);
    } else {
      this.#move(known, summary);
    }
    this.#tag(summary, known?.tags ?? []);
    if (this.#counts === null) return;
    if (known !== null) count(this.#counts, known, -1);
    count(this.#counts, summary, 1);
  }

  /** Nothing of it is listed any more, and its external id is free. */
  remove(job: Pick<JobSummary, 'createdAt' | 'id' | 'projectId' | 'externalId'>): void {
    const known = this.known(job);
    if (known !== null) {
      this.#sql.exec(
        'DELETE FROM listed_job WHERE status = ? AND created_at = ? AND job_id = ?',
        known.status,
        known.createdAt,
        known.id,
      );
      this.#tag({ ...known, tags: [] }, known.tags);
      if (this.#counts !== null) count(this.#counts, known, -1);
    }
    if (job.externalId !== null) {
      this.#sql.exec('DELETE FROM external_id WHERE external_id = ? AND job_id = ?', job.externalId, job.id);
    }
  }

  /**
   * Newest first, those of which some may match: of each way to find them the one that leads to the fewest is taken, and no more
   * is read than is wanted. Whether one does match is left to `matches`.
   */
  *candidates(projectId: string, filter: JobFilter, before: Position | null): Generator<JobSummary, void> {
    const { externalId, tag } = filter;
    const start = before ?? START;
    if (externalId !== null) {
      const named = this.#named(externalId, projectId)?.listed;
      if (named && isAhead(start, named)) yield named;
      return;
    }
    const read = (query: string, ...bindings: SqlStorageValue[]) =>
      this.#sql
        .exec<Row>(query, ...bindings)
        .toArray()
        .map((row) => toSummary(row, projectId));
    if (tag !== null) {
      yield* inPieces(start, ({ createdAt, id }, most) => read(OF_TAG, tag, createdAt, id, most));
      return;
    }
    const ofEach = statusesOf(filter).map((status) =>
      inPieces(start, ({ createdAt, id }, most) => read(OF_STATUS, status, createdAt, id, most)),
    );
    yield* newestOf(ofEach);
  }

  /** Of all that are listed: read once per awakening, and kept by what is put. */
  counts(): JobCounts {
    this.#counts ??= this.#countAll();
    return this.#counts;
  }

  /** What was put has not been stored. */
  forgetCounts(): void {
    this.#counts = null;
  }

  #countAll(): JobCounts {
    const counts = noJobs();
    const rows = this.#sql.exec<{ status: Status; failure_class: FailureClass | null; jobs: number }>(
      'SELECT status, failure_class, COUNT(*) AS jobs FROM listed_job GROUP BY status, failure_class',
    );
    for (const { status, failure_class: failureClass, jobs } of rows.toArray()) {
      count(counts, { status, failure: failureClass && { failureClass } }, jobs);
    }
    return counts;
  }

  /** Who has this external id; null where nobody was admitted with it. */
  holder(externalId: string, projectId: string): Holder | null {
    const named = this.#named(externalId, projectId);
    if (named === null) return null;
    const { jobId, at, listed } = named;
    return { jobId, at, isListed: listed?.externalId === externalId };
  }

  /** Goes through the whole list: for whoever asks about many jobs, and seldom. */
  externalIds(jobIds: readonly string[]): ExternalIds {
    const found = this.#sql.exec<{ jobId: string; externalId: string }>(
      `SELECT job_id AS jobId, external_id AS externalId FROM listed_job
       WHERE external_id IS NOT NULL AND job_id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(jobIds),
    );
    return Object.fromEntries(found.toArray().map(({ jobId, externalId }) => [jobId, externalId]));
  }

  /** Keeps an external id for a job that is created next, whoever had it. */
  reserve(externalId: string, jobId: string, at: number): void {
    this.#sql.exec(
      `INSERT INTO external_id (external_id, job_id, created_at) VALUES (?, ?, ?)
       ON CONFLICT (external_id) DO UPDATE SET job_id = excluded.job_id, created_at = excluded.created_at`,
      externalId,
      jobId,
      at,
    );
  }

  #named(externalId: string, projectId: string) {
    const [found] = this.#sql
      .exec<{ jobId: string; at: number }>(
        'SELECT job_id AS jobId, created_at AS at FROM external_id WHERE external_id = ?',
        externalId,
      )
      .toArray();
    if (found === undefined) return null;
    return { ...found, listed: this.known({ id: found.jobId, createdAt: found.at, projectId }) };
  }

  /** What is listed of a job that was created then; null where it is not. */
  known({ createdAt, id, projectId }: Pick<JobSummary, 'createdAt' | 'id' | 'projectId'>): JobSummary | null {
    const found = this.#sql
      .exec<Row>(
        `SELECT * FROM listed_job WHERE ${IN_ANY_STATUS} AND created_at = ? AND job_id = ?`,
        createdAt,
        id,
      )
      .toArray()[0];
    return found === undefined ? null : toSummary(found, projectId);
  }

  #insert(summary: JobSummary): void {
    const values = valuesOf(summary);
    this.#sql.exec(
      `INSERT INTO listed_job (${Object.keys(values).join()}) VALUES (${Object.keys(values).map(() => '?')})`,
      ...Object.values(values),
    );
  }

  #move({ status, createdAt, id }: JobSummary, to: JobSummary): void {
    const values = valuesOf(to);
    this.#sql.exec(
      `UPDATE listed_job SET ${Object.keys(values)
        .map((column) => `${column} = ?`)
        .join()} WHERE status = ? AND created_at = ? AND job_id = ?`,
      ...Object.values(values),
      status,
      createdAt,
      id,
    );
  }

  /** From now on its external id leads to it: as a rule it was created as of its admission, and nothing is written. */
  #name({ externalId, createdAt, id }: JobSummary): void {
    if (externalId === null) return;
    this.#sql.exec(
      'UPDATE external_id SET created_at = ? WHERE external_id = ? AND job_id = ? AND created_at != ?',
      createdAt,
      externalId,
      id,
      createdAt,
    );
  }

  #tag({ tags, createdAt, id }: JobSummary, before: readonly string[]): void {
    for (const tag of before.filter((known) => !tags.includes(known))) {
      this.#sql.exec(
        'DELETE FROM tagged_job WHERE tag = ? AND created_at = ? AND job_id = ?',
        tag,
        createdAt,
        id,
      );
    }
    for (const tag of tags.filter((given) => !before.includes(given))) {
      this.#sql.exec('INSERT INTO tagged_job (tag, created_at, job_id) VALUES (?, ?, ?)', tag, createdAt, id);
    }
  }
}

const valuesOf = (summary: JobSummary): Record<string, SqlStorageValue> => ({
  status: summary.status,
  created_at: summary.createdAt,
  job_id: summary.id,
  revision: summary.revision,
  updated_at: summary.updatedAt,
  latest_dispatch_at: summary.latestDispatchAt,
  open_kind: summary.openKind,
  model_profile: summary.latestProfile,
  failure_class: summary.failure?.failureClass ?? null,
  failure_code: summary.failure?.failureCode ?? null,
  failed_stage: summary.failure?.failedStage ?? null,
  external_id: summary.externalId,
  labels: labelled(summary),
});

const labelled = ({ metadata, tags }: JobSummary): string | null =>
  Object.keys(metadata).length + tags.length === 0 ? null : JSON.stringify({ metadata, tags });

function toSummary(row: Row, projectId: string): JobSummary {
  const { metadata, tags } = row.labels === null ? NO_MORE : JSON.parse(String(row.labels));
  return {
    id: row.job_id as string,
    projectId,
    status: row.status as Status,
    revision: row.revision as number,
    createdAt: row.created_at as number,
    updatedAt: row.updated_at as number,
    latestDispatchAt: row.latest_dispatch_at as number | null,
    latestProfile: row.model_profile as string | null,
    openKind: row.open_kind as DispatchKind | null,
    failure:
      row.failure_code === null
        ? null
        : {
            failureCode: row.failure_code as string,
            failureClass: row.failure_class as FailureClass,
            failedStage: row.failed_stage as string | null,
          },
    externalId: row.external_id as string | null,
    metadata,
    tags,
  };
}
const NO_MORE = { metadata: {}, tags: [] };
