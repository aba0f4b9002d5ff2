// Brings an object's schema up to date, at the first write: reading a job that does not exist stores nothing.
import type { Migrations } from './migrations.ts';

/**
 * The number of steps that were applied; 0 for an object that never stored anything.
 */
export function appliedSteps(sql: SqlStorage): number {
  const known = sql.exec(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migration'`);
  if (known.next().done) return 0;
  return sql.exec<{ step: number }>('SELECT step FROM migration').one().step;
}

/** Runs the steps that an object with a schema is missing; false for one that has none yet. */
export function bringUpToDate(storage: DurableObjectStorage, migrations: Migrations): boolean {
  const applied = appliedSteps(storage.sql);
  if (applied > 0 && applied < migrations.steps.length) migrate(storage, migrations);
  return applied > 0;
}

/**
 * Makes the schema of a new object, or runs the steps that an older one is missing. Each step and its marker are stored
 * together or not at all.
 */
export function migrate(storage: DurableObjectStorage, { schema, steps }: Migrations): void {
  const applied = appliedSteps(storage.sql);
  if (applied === 0) {
    storage.transactionSync(() => {
      storage.sql.exec('CREATE TABLE migration (step INTEGER NOT NULL)');
      storage.sql.exec(schema);
      storage.sql.exec('INSERT INTO migration (step) VALUES (?)', steps.length);
    });
    return;
  }
  for (const [index, step] of steps.entries()) {
    if (index < applied) continue;
    storage.transactionSync(() => {
      storage.sql.exec(step);
      storage.sql.exec('UPDATE migration SET step = ?', index + 1);
    });
  }
}
