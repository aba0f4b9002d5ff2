// The only SQL of an operation: itself as one record, and a row for each of its jobs. What is counted of them is read once per
// awakening, when somebody wants to know, and kept up with from then on.
import {
  type ExternalIds,
  ITEM_STATES,
  type Item,
  type ItemState,
  type ListedItem,
  newItem,
  type Operation,
  WAITING_STATES,
} from '../domain/operation.ts';
import { type Counts, countsOf, move } from '../domain/operation-counts.ts';
import { bringUpToDate, type MarkerRow } from './migrate.ts';
import { decodeOperation, encodeOperation } from './records.ts';
import { OPERATION_SCHEMA } from './schema-operation.ts';

type Row = Record<string, SqlStorageValue>;

export class OperationStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  /** What this instance found when it woke, until it is looked at. */
  #found: MarkerRow | null;
  #operation: Operation | null = null;
  #inFlight: Map<string, Item> | null = null;
  #counts: Counts | null = null;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#found = bringUpToDate(storage, OPERATION_SCHEMA);
  }

  /** Null when this object holds no operation. Reading stores nothing. */
  operation(): Operation | null {
    if (this.#found !== null) {
      this.#operation = decodeOperation(String(this.#found.record));
      this.#found = null;
    }
    return this.#operation;
  }

  /** Stores a new operation with its jobs, in tables made for it. */
  create(operation: Operation, jobIds: readonly string[], externalIds: ExternalIds): void {
    const { changedAt } = newItem('', operation.startedAt);
    this.#storage.transactionSync(() => {
      this.#sql.exec(OPERATION_SCHEMA.tables);
      this.#sql.exec(
        'INSERT INTO operation (one, schema, record) VALUES (1, ?, ?)',
        OPERATION_SCHEMA.version,
        encodeOperation(operation),
      );
      // In pieces: all of their names at once may be longer than a value can be (2 MB).
      for (let at = 0; at < jobIds.length; at += INSERTED_AT_ONCE) {
        const jobs = jobIds.slice(at, at + INSERTED_AT_ONCE).map((id) => [id, externalIds[id] ?? null]);
        this.#sql.exec(
          `INSERT INTO item (state, job_id, external_id, is_accepted, is_delivered, tries, changed_at)
           SELECT 'waiting', value ->> 0, value ->> 1, 0, 0, 0, ? FROM json_each(?)`,
          changedAt,
          JSON.stringify(jobs),
        );
      }
    });
    this.#operation = operation;
  }

  /** Those that wait, the lowest first. */
  waiting(limit: number): Item[] {
    return this.#sql
      .exec<Row>(
        `SELECT * FROM item WHERE state IN (${PLACES_OF_WAITING}) ORDER BY state, job_id LIMIT ?`,
        ...WAITING_STATES,
        limit,
      )
      .toArray()
      .map(toItem);
  }

  /** No more than may be in flight at once. */
  inFlight(): ReadonlyMap<string, Item> {
    this.#inFlight ??= new Map(
      this.operation() ? this.#read('in_flight', '', -1).map((item) => [item.jobId, item]) : [],
    );
    return this.#inFlight;
  }

  /** Null for a job that is not in it, or was forgotten. */
  item(jobId: string): Item | null {
    const known = this.inFlight().get(jobId);
    if (known) return known;
    const [row] = this.#sql
      .exec<Row>(
        `SELECT * FROM item WHERE state IN (${ITEM_STATES.map(() => '?').join()}) AND job_id = ?`,
        ...ITEM_STATES,
        jobId,
      )
      .toArray();
    return row === undefined ? null : toItem(row);
  }

  /** By the ids of the jobs, of these states, behind `after`. */
  items(states: readonly ItemState[], after: string, limit: number): ListedItem[] {
    return states
      .flatMap((state) => this.#read(state, after, limit))
      .sort((a, b) => (a.jobId < b.jobId ? -1 : 1))
      .slice(0, limit);
  }

  counts(): Counts {
    this.#counts ??= countsOf(
      this.#sql
        .exec<Row>(
          `SELECT state, CASE state WHEN 'refused' THEN code END AS code, is_accepted, is_delivered, count(*) AS jobs
           FROM item GROUP BY 1, 2, 3, 4`,
        )
        .toArray()
        .map((row) => ({
          state: row.state as ItemState,
          code: row.code as string | null,
          isAccepted: row.is_accepted === 1,
          isDelivered: row.is_delivered === 1,
          jobs: Number(row.jobs),
        })),
    );
    return this.#counts;
  }

  /** All or nothing. `before` is the item as it was; of one that is erased nothing of the job is kept. */
  commit(operation: Operation | null, moved: { before: Item; after: Item } | null): void {
    this.#storage.transactionSync(() => {
      if (operation) this.#sql.exec('UPDATE operation SET record = ?', encodeOperation(operation));
      if (moved) this.#move(moved.before, moved.after);
    });
    if (operation) this.#operation = operation;
    if (!moved) return;
    const { before, after } = moved;
    const inFlight = this.#inFlight;
    inFlight?.delete(before.jobId);
    if (after.state === 'in_flight') inFlight?.set(after.jobId, after);
    this.#counts &&= move(this.#counts, before, after);
  }

  /** Nothing of it is left. */
  async erase(): Promise<void> {
    await this.#storage.deleteAlarm();
    await this.#storage.deleteAll();
    this.#operation = null;
    this.#inFlight = null;
    this.#counts = null;
  }

  #read(state: ItemState, after: string, limit: number): ListedItem[] {
    return this.#sql
      .exec<Row>(
        'SELECT * FROM item WHERE state = ? AND job_id > ? ORDER BY job_id LIMIT ?',
        state,
        after,
        limit,
      )
      .toArray()
      .map((row) => ({ ...toItem(row), externalId: row.external_id as string | null }));
  }

  #move(before: Item, after: Item): void {
    const jobId = after.state === 'erased' ? `${ERASED}${crypto.randomUUID()}` : after.jobId;
    this.#sql.exec(
      `UPDATE item SET state = ?, job_id = ?, code = ?, dispatch_id = ?, is_accepted = ?, is_delivered = ?, tries = ?,
         changed_at = ?, external_id = CASE WHEN ? THEN NULL ELSE external_id END
       WHERE state = ? AND job_id = ?`,
      after.state,
      jobId,
      after.code,
      after.dispatchId,
      after.isAccepted ? 1 : 0,
      after.isDelivered ? 1 : 0,
      after.tries,
      after.changedAt,
      after.state === 'erased' ? 1 : 0,
      before.state,
      before.jobId,
    );
  }
}

/** Jobs. */
const INSERTED_AT_ONCE = 1_000;
const PLACES_OF_WAITING = WAITING_STATES.map(() => '?').join();
/** In the place of a job's id. */
const ERASED = 'erased:';

const toItem = (row: Row): Item => ({
  state: row.state as ItemState,
  jobId: row.job_id as string,
  code: row.code as string | null,
  dispatchId: row.dispatch_id as string | null,
  isAccepted: row.is_accepted === 1,
  isDelivered: row.is_delivered === 1,
  tries: row.tries as number,
  changedAt: row.changed_at as number,
});
