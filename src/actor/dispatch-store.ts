// Every dispatch of a job but the two newest, in SQL. Most jobs have no more, so the table is made with the third. Those
// that the orchestrator did not take are kept in a number that an editor cannot raise; no look-up goes through all of them.
import { type Dispatch, isWithdrawn, requestKeyOf } from '../domain/dispatch.ts';
import { decodeDispatch, encodeDispatch } from './records.ts';
import { EARLIER_DISPATCHES, MANY_EARLIER_DISPATCHES } from './schema-job.ts';

/** How many withdrawn ones are kept, the newest; those besides whose cancel notice is still to be delivered. */
const KEPT_WITHDRAWN = 20;
/** An index costs a row with every dispatch, and going through so few rows costs next to nothing. */
const INDEXED_FROM = 64;

export class DispatchStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  byId(id: string): Dispatch | null {
    return this.#where('id = ?', id)[0] ?? null;
  }

  /** The one that holds the request; a withdrawn one has freed it. */
  byRequest(requestKey: string): Dispatch | null {
    return this.#where('request_key = ?', requestKey)[0] ?? null;
  }

  /** Those whose cancel notice is still to be delivered. */
  notified(): Dispatch[] {
    return this.#where(`cancel_state = 'PENDING'`);
  }

  /** Whether one was made after `createdAt` and not withdrawn. */
  isStandingAfter(createdAt: number): boolean {
    return this.#where(`created_at > ? AND NOT ${WITHDRAWN} LIMIT 1`, createdAt).length > 0;
  }

  /** Newest first, made before `createdAt`. */
  before(createdAt: number, limit: number): Dispatch[] {
    return this.#where('created_at < ? ORDER BY created_at DESC LIMIT ?', createdAt, limit);
  }

  /** Adds the one that two newer have followed to `count` others. Answers how many there are now. */
  add(dispatch: Dispatch, count: number): number {
    if (count === 0) this.#sql.exec(EARLIER_DISPATCHES);
    const [reused, ...forgotten] = isWithdrawn(dispatch) ? this.#surplus() : [];
    // A row is what costs: one that is written over costs as much as a new one, and its deletion would cost another.
    if (reused !== undefined) this.#overwrite(reused, dispatch);
    else this.#insert(dispatch);
    for (const key of forgotten) this.#sql.exec('DELETE FROM dispatch WHERE request_key = ?', key);
    const left = count + (reused === undefined ? 1 : 0) - forgotten.length;
    if (left >= INDEXED_FROM) this.#sql.exec(MANY_EARLIER_DISPATCHES);
    return left;
  }

  /** One that others have followed is closed: what still comes is news of its delivery or of its cancel. */
  update(dispatch: Dispatch): void {
    this.#sql.exec(
      'UPDATE dispatch SET cancel_state = ?, record = ? WHERE id = ?',
      dispatch.cancelNotice?.state ?? null,
      encodeDispatch(dispatch),
      dispatch.id,
    );
  }

  /** What the oldest withdrawn ones are kept under that make room for one more. */
  #surplus(): string[] {
    const kept = this.#sql
      .exec<{ request_key: string; cancel_state: string | null }>(
        `SELECT request_key, cancel_state FROM dispatch WHERE ${WITHDRAWN} ORDER BY created_at`,
      )
      .toArray();
    return kept
      .slice(0, Math.max(kept.length + 1 - KEPT_WITHDRAWN, 0))
      .filter(({ cancel_state }) => cancel_state !== 'PENDING')
      .map(({ request_key }) => request_key);
  }

  #where(condition: string, ...bindings: SqlStorageValue[]): Dispatch[] {
    return this.#sql
      .exec<{ record: string }>(`SELECT record FROM dispatch WHERE ${condition}`, ...bindings)
      .toArray()
      .map(({ record }) => decodeDispatch(record));
  }

  #insert(dispatch: Dispatch): void {
    this.#sql.exec(
      'INSERT INTO dispatch (request_key, id, created_at, cancel_state, record) VALUES (?, ?, ?, ?, ?)',
      isWithdrawn(dispatch) ? `withdrawn:${dispatch.id}` : requestKeyOf(dispatch),
      dispatch.id,
      dispatch.createdAt,
      dispatch.cancelNotice?.state ?? null,
      encodeDispatch(dispatch),
    );
  }

  /** The row stays under the name of the withdrawn one that was first in it, which says nothing of what it holds. */
  #overwrite(key: string, dispatch: Dispatch): void {
    this.#sql.exec(
      'UPDATE dispatch SET id = ?, created_at = ?, cancel_state = ?, record = ? WHERE request_key = ?',
      dispatch.id,
      dispatch.createdAt,
      dispatch.cancelNotice?.state ?? null,
      encodeDispatch(dispatch),
      key,
    );
  }
}

/** By the primary key: no request is known by such a text. */
const WITHDRAWN = `(request_key >= 'withdrawn:' AND request_key < 'withdrawn;')`;
