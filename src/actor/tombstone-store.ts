// What a list remembers of what was erased: its id, for as long as something of before may still be pushed, or made again under it.
import { TOMBSTONE_KEPT_MS } from '../domain/erasure.ts';

export class TombstoneStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** The first time counts. */
  add(id: string, now: number): void {
    this.#sql.exec('INSERT INTO erased (id, erased_at) VALUES (?, ?) ON CONFLICT DO NOTHING', id, now);
  }

  has(id: string): boolean {
    return !this.#sql.exec('SELECT 1 FROM erased WHERE id = ?', id).next().done;
  }

  /** Forgets what was erased so long ago that nothing of it comes any more. */
  prune(now: number): void {
    this.#sql.exec('DELETE FROM erased WHERE erased_at <= ?', now - TOMBSTONE_KEPT_MS);
  }

  /** When the oldest is to be forgotten; null for none. Looks at all of them. */
  pruneAt(): number | null {
    const { at } = this.#sql.exec<{ at: number | null }>('SELECT MIN(erased_at) AS at FROM erased').one();
    return at === null ? null : at + TOMBSTONE_KEPT_MS;
  }
}
