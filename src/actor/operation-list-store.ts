// The operations over a project's jobs in SQL: the frozen list of each, and what a list of operations shows.
import type { ListedOperation, ShownOperation } from '../domain/operation.ts';
import type { Position } from '../domain/project.ts';
import { decodeListedOperation, encodeListedOperation } from './records.ts';

const START: Position = { createdAt: Number.MAX_SAFE_INTEGER, id: '' };

export class OperationList {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** There are few of them: those of the last weeks. */
  byId(id: string): ListedOperation | null {
    return this.#where('id = ?', id)[0] ?? null;
  }

  /** Newest first. */
  page(before: Position | null, limit: number): ListedOperation[] {
    const { createdAt, id } = before ?? START;
    return this.#where(
      '(created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ?',
      createdAt,
      id,
      limit,
    );
  }

  /** Those that were not heard of yet, the oldest first. */
  unheardOf(): ListedOperation[] {
    return this.#where('true ORDER BY created_at').filter(({ shown }) => shown === null);
  }

  jobIds({ id, createdAt }: Position): string[] {
    const [row] = this.#sql
      .exec<{ job_ids: string }>(
        'SELECT job_ids FROM operation WHERE created_at = ? AND id = ?',
        createdAt,
        id,
      )
      .toArray();
    return row === undefined ? [] : JSON.parse(row.job_ids);
  }

  add(listed: ListedOperation, jobIds: readonly string[]): void {
    this.#sql.exec(
      'INSERT INTO operation (created_at, id, record, job_ids) VALUES (?, ?, ?, ?)',
      listed.createdAt,
      listed.id,
      encodeListedOperation(listed),
      JSON.stringify(jobIds),
    );
  }

  /** What the operation says of itself is the truth. */
  show({ id, createdAt }: Position, shown: ShownOperation): void {
    const [listed] = this.#where('created_at = ? AND id = ?', createdAt, id);
    if (!listed) return;
    this.#sql.exec(
      'UPDATE operation SET record = ? WHERE created_at = ? AND id = ?',
      encodeListedOperation({ ...listed, shown }),
      createdAt,
      id,
    );
  }

  drop({ id, createdAt }: Position): void {
    this.#sql.exec('DELETE FROM operation WHERE created_at = ? AND id = ?', createdAt, id);
  }

  /** Those whose frozen list has this job. */
  having(jobId: string): ListedOperation[] {
    return this.#where('instr(job_ids, ?) > 0', JSON.stringify(jobId));
  }

  /** The job is in the frozen list of this operation no more. */
  strike({ id, createdAt }: Position, jobId: string): void {
    this.#sql.exec(
      `UPDATE operation
       SET job_ids = (SELECT json_group_array(value) FROM json_each(job_ids) WHERE value != ?)
       WHERE created_at = ? AND id = ?`,
      jobId,
      createdAt,
      id,
    );
  }

  clear(): void {
    this.#sql.exec('DELETE FROM operation');
  }

  #where(condition: string, ...bindings: SqlStorageValue[]): ListedOperation[] {
    return this.#sql
      .exec<{ record: string }>(`SELECT record FROM operation WHERE ${condition}`, ...bindings)
      .toArray()
      .map(({ record }) => decodeListedOperation(record));
  }
}
