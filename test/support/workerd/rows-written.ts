// Counts the rows that actors write, as SQL cursors report them; setting an alarm is one. The schema is left out: it
// is written once per object, by statements whose cursors do not count it all.
import { env, runInDurableObject } from 'cloudflare:test';
import { newId } from '../../../src/contract/fields.ts';

export interface RowCounts {
  job: number;
  alarm: number;
  workspace: number;
}

const IS_SCHEMA = /^\s*(--|CREATE)|\bmigration\b/;

export class RowsWritten {
  /** Alarms are set this much later than asked for: they fire when the test says so and at no other time. */
  static readonly ALARM_SHIFT_MS = 86_400_000;
  #rows = new WeakMap<object, number>();
  readonly #restore: () => void;

  private constructor(storage: DurableObjectStorage) {
    // Every actor of this isolate shares these prototypes.
    const sqlPrototype: SqlStorage = Object.getPrototypeOf(storage.sql);
    const storagePrototype: DurableObjectStorage = Object.getPrototypeOf(storage);
    const { exec } = sqlPrototype;
    const { setAlarm } = storagePrototype;
    const count = (object: object, rows: number) =>
      this.#rows.set(object, (this.#rows.get(object) ?? 0) + rows);
    sqlPrototype.exec = function <T extends Record<string, SqlStorageValue>>(
      this: SqlStorage,
      query: string,
      ...bindings: SqlStorageValue[]
    ) {
      const cursor = exec.call<SqlStorage, [string, ...SqlStorageValue[]], SqlStorageCursor<T>>(
        this,
        query,
        ...bindings,
      );
      if (!IS_SCHEMA.test(query)) count(this, cursor.rowsWritten);
      return cursor;
    };
    storagePrototype.setAlarm = function (at) {
      count(this, 1);
      return setAlarm.call(this, Number(at) + RowsWritten.ALARM_SHIFT_MS);
    };
    this.#restore = () => {
      sqlPrototype.exec = exec;
      storagePrototype.setAlarm = setAlarm;
    };
  }

  /** Counts from here on, until `stop()`. */
  static count(): Promise<RowsWritten> {
    return runInDurableObject(
      env.JOB.getByName(newId('job')),
      (_actor, { storage }) => new RowsWritten(storage),
    );
  }

  stop(): void {
    this.#restore();
  }

  reset(): void {
    this.#rows = new WeakMap();
  }

  /** What this job and its owner's workspace have written since the last reset. */
  async of(job: { id: string; owner(): Promise<string> }): Promise<RowCounts> {
    const workspace = env.WORKSPACE.getByName(await job.owner());
    const rowsOf = (object: object) => this.#rows.get(object) ?? 0;
    const inJob = await runInDurableObject(env.JOB.getByName(job.id), (_actor, { storage }) => ({
      job: rowsOf(storage.sql),
      alarm: rowsOf(storage),
    }));
    const inWorkspace = await runInDurableObject(workspace, (_actor, { storage }) => rowsOf(storage.sql));
    return { ...inJob, workspace: inWorkspace };
  }
}
