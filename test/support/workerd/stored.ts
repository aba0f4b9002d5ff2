// What a job has stored, as the records that it is made of: read, and replaced, past the actor that is its only writer.
import {
  decodeDispatch,
  decodePresent,
  encodeDispatch,
  encodePresent,
  recentOf,
} from '../../../src/actor/records.ts';
import type { Dispatch } from '../../../src/domain/dispatch.ts';

type Present = ReturnType<typeof decodePresent>;

/** Null for an object that stored no job. */
export function presentOf(sql: SqlStorage): Present | null {
  const tables = sql.exec(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'job'`).toArray();
  if (tables.length === 0) return null;
  return decodePresent(sql.exec<{ record: string }>('SELECT record FROM job').one().record);
}

export function replacePresent(sql: SqlStorage, change: (present: Present) => Present): void {
  const present = presentOf(sql);
  if (present) sql.exec('UPDATE job SET record = ?', encodePresent(change(present)));
}

/** Every dispatch, wherever it is kept, oldest first. */
export function dispatchRecords(sql: SqlStorage): Dispatch[] {
  const present = presentOf(sql);
  if (present === null) return [];
  const earlier = present.earlier
    ? sql.exec<{ record: string }>('SELECT record FROM dispatch').toArray()
    : [];
  return [...earlier.map(({ record }) => decodeDispatch(record)), ...recentOf(present)].sort(
    (a, b) => a.createdAt - b.createdAt,
  );
}

/** Replaces each dispatch, wherever it is kept. */
export function replaceDispatches(sql: SqlStorage, change: (dispatch: Dispatch) => Dispatch): void {
  replacePresent(sql, (present) => ({
    ...present,
    newest: present.newest && change(present.newest),
    previous: present.previous && change(present.previous),
  }));
  if (!presentOf(sql)?.earlier) return;
  for (const { record } of sql.exec<{ record: string }>('SELECT record FROM dispatch').toArray()) {
    const changed = change(decodeDispatch(record));
    sql.exec(
      'UPDATE dispatch SET created_at = ?, record = ? WHERE id = ?',
      changed.createdAt,
      encodeDispatch(changed),
      changed.id,
    );
  }
}
