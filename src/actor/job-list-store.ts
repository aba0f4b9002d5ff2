// The list of a project's jobs in SQL: what was pushed, and pages of it. Whether a job is of a list is for domain/job-filter.ts.
import type { DispatchKind } from '../domain/dispatch.ts';
import type { FailureClass } from '../domain/failures.ts';
import { STATUSES, type Status } from '../domain/lifecycle.ts';
import { isLater, type JobSummary, type Position } from '../domain/project.ts';

type Row = Record<string, SqlStorageValue>;

const START: Position = { createdAt: Number.MAX_SAFE_INTEGER, id: '' };

export class JobList {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Stores what a job pushed, unless something later is known of it. */
  put(summary: JobSummary): void {
    const known = this.#known(summary);
    if (known === null) {
      this.#insert(summary);
    } else if (isLater(summary, known)) {
      this.#move(known, summary);
      this.#tag(summary, known.tags);
    }
  }

  /** Nothing of it is listed any more. */
  remove(job: Pick<JobSummary, 'createdAt' | 'id' | 'projectId' | 'externalId'>): void {
    const known = this.#known(job);
    if (known !== null) {
      this.#sql.exec(
        'DELETE FROM listed_job WHERE status = ? AND created_at = ? AND job_id = ?',
        known.status,
        known.createdAt,
        known.id,
      );
      this.#tag({ ...known, tags: [] }, known.tags);
    }
    if (job.externalId !== null) {
      this.#sql.exec('DELETE FROM external_id WHERE external_id = ? AND job_id = ?', job.externalId, job.id);
    }
  }

  /** How many there are. */
  count(): number {
    return this.#sql.exec<{ jobs: number }>('SELECT COUNT(*) AS jobs FROM listed_job').one().jobs;
  }

  /** Newest first, of these statuses, read as far as they are wanted: of each status `atOnce` of them. */
  *newestFirst(
    projectId: string,
    statuses: readonly Status[],
    before: Position | null,
    atOnce: number,
  ): Generator<JobSummary, void> {
    const read = (status: Status, after: Position): JobSummary[] =>
      this.#sql
        .exec<Row>(
          `SELECT * FROM listed_job WHERE status = ? AND (created_at, job_id) < (?, ?)
           ORDER BY created_at DESC, job_id DESC LIMIT ?`,
          status,
          after.createdAt,
          after.id,
          atOnce,
        )
        .toArray()
        .map((row) => toSummary(row, projectId));
    const heads = statuses.map((status) => ({ status, read: read(status, before ?? START), at: 0 }));
    for (;;) {
      let newest: (typeof heads)[number] | null = null;
      for (const head of heads) {
        if (isAhead(head.read[head.at], newest?.read[newest.at])) newest = head;
      }
      const next = newest?.read[newest.at];
      if (newest === null || next === undefined) return;
      yield next;
      newest.at += 1;
      if (newest.at === atOnce) Object.assign(newest, { read: read(newest.status, next), at: 0 });
    }
  }

  /** What is listed of a job that was created then; null where it is not. */
  #known({
    createdAt,
    id,
    projectId,
  }: Pick<JobSummary, 'createdAt' | 'id' | 'projectId'>): JobSummary | null {
    const found = this.#sql
      .exec<Row>(
        `SELECT * FROM listed_job WHERE status IN (${STATUSES.map(() => '?').join()}) AND created_at = ? AND job_id = ?`,
        ...STATUSES,
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
    this.#tag(summary, []);
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

/** Whether the one comes before the other in a list. */
const isAhead = (one: Position | undefined, other: Position | undefined): boolean => {
  if (one === undefined || other === undefined) return one !== undefined;
  return one.createdAt === other.createdAt ? one.id > other.id : one.createdAt > other.createdAt;
};

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
