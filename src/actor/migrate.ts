// Makes an object's tables at its first write, since reading what does not exist stores nothing, and brings those of an
// older object up to date. What a newer version of the service has stored is not touched: its rules are not known here.

/** The tables of one kind of object, by version. */
export interface Schema {
  /** The table whose one row bears the version, in `schema`. */
  marker: string;
  /** What a new object is made with. */
  version: number;
  tables: string;
  /** SQL by which older objects follow, in order: the first leads from version 1 to 2. Append-only. */
  steps: readonly string[];
}

/** This object was stored by a newer version of the service. Only that one, or a newer, can go on with it. */
export class NewerSchema extends Error {
  override name = 'NewerSchema';
}

/** The marker's one row. */
export type MarkerRow = { schema: number } & Record<string, SqlStorageValue>;

/** As it stands in the database, of whatever version; null for an object that stored nothing. */
export function markerRow(sql: SqlStorage, { marker }: Schema): MarkerRow | null {
  const known = sql.exec(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?`, marker);
  if (known.next().done) return null;
  return sql.exec<MarkerRow>(`SELECT * FROM ${marker}`).one();
}

/**
 * Takes the steps that an object is missing, each stored together with its version or not at all. Answers the marker's row as
 * it is then, since whoever wakes wants to know what it holds, and each look into a database that was just opened costs; null
 * for an object that stored nothing yet. Throws `NewerSchema`.
 */
export function bringUpToDate(storage: DurableObjectStorage, schema: Schema): MarkerRow | null {
  const stored = markerRow(storage.sql, schema);
  if (stored === null) return null;
  if (stored.schema > schema.version) {
    throw new NewerSchema(`version ${stored.schema}, known is ${schema.version}`);
  }
  if (stored.schema === schema.version) return stored;
  for (const [index, step] of schema.steps.entries()) {
    const leadsTo = index + 2;
    if (leadsTo <= stored.schema) continue;
    storage.transactionSync(() => {
      storage.sql.exec(step);
      storage.sql.exec(`UPDATE ${schema.marker} SET schema = ?`, leadsTo);
    });
  }
  return markerRow(storage.sql, schema);
}
