// Brings an object's schema up to date, at the first write: reading a job that does not exist stores nothing.

/**
 * The number of steps that were applied; 0 for an object that never stored anything.
 */
export function appliedSteps(sql: SqlStorage): number {
  const known = sql.exec(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migration'`);
  if (known.next().done) return 0;
  return sql.exec<{ step: number }>('SELECT step FROM migration').one().step;
}

/** Runs the steps that are missing; each step and its marker are stored together or not at all. */
export function migrate(storage: DurableObjectStorage, steps: readonly string[]): void {
  const applied = appliedSteps(storage.sql);
  for (const [index, step] of steps.entries()) {
    if (index < applied) continue;
    storage.transactionSync(() => {
      if (index === 0) storage.sql.exec('CREATE TABLE migration (step INTEGER NOT NULL)');
      storage.sql.exec(step);
      storage.sql.exec(
        index === 0 ? 'INSERT INTO migration (step) VALUES (?)' : 'UPDATE migration SET step = ?',
        index + 1,
      );
    });
  }
}
