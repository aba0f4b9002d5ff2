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

/** The version that an object was stored with; 0 for one that stored nothing. */
export function storedVersion(sql: SqlStorage, { marker }: Schema): number {
  const known = sql.exec(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?`, marker);
  if (known.next().done) return 0;
  return sql.exec<{ schema: number }>(`SELECT schema FROM ${marker}`).one().schema;
}

/**
 * Takes the steps that an object is missing, each stored together with its version or not at all. False for an object that
 * stored nothing yet. Throws `NewerSchema`.
 */
export function bringUpToDate(storage: DurableObjectStorage, schema: Schema): boolean {
  const stored = storedVersion(storage.sql, schema);
  if (stored > schema.version) throw new NewerSchema(`version ${stored}, known is ${schema.version}`);
  if (stored === 0) return false;
  for (const [index, step] of schema.steps.entries()) {
    const leadsTo = index + 2;
    if (leadsTo <= stored) continue;
    storage.transactionSync(() => {
      storage.sql.exec(step);
      storage.sql.exec(`UPDATE ${schema.marker} SET schema = ?`, leadsTo);
    });
  }
  return true;
}
