// What a workspace stores: the list of an owner's projects, which of them were erased, and which sessions were ended.
import type { Position, Project } from '../domain/project.ts';
import { bringUpToDate } from './migrate.ts';
import { WORKSPACE_SCHEMA } from './schema-workspace.ts';
import { TombstoneStore } from './tombstone-store.ts';

export type ListedProject = Pick<Project, 'id' | 'name' | 'createdAt'>;

const START: Position = { createdAt: Number.MAX_SAFE_INTEGER, id: '' };

export class WorkspaceStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #erased: TombstoneStore;
  #isStored: boolean;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#erased = new TombstoneStore(storage.sql);
    this.#isStored = bringUpToDate(storage, WORKSPACE_SCHEMA) !== null;
  }

  /** Stores the project as it is now, unless it was erased; makes the tables with the first. */
  putProject({ createdAt, id, name }: ListedProject): void {
    this.#write(() => {
      if (this.#erased.has(id)) return;
      this.#sql.exec(
        `INSERT INTO project (created_at, id, name) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET name = excluded.name`,
        createdAt,
        id,
        name,
      );
    });
  }

  /** Takes the project off the list, which no push of before brings back. What was erased long ago is forgotten then. */
  eraseProject({ createdAt, id }: Position, now: number): void {
    this.#write(() => {
      this.#sql.exec('DELETE FROM project WHERE created_at = ? AND id = ?', createdAt, id);
      this.#erased.prune(now);
      this.#erased.add(id, now);
    });
  }

  /** Remembers it until its end. What would have ended by `now` opens nothing anyway, and makes room. */
  endSession(id: string, until: number, now: number): void {
    this.#write(() => {
      this.#sql.exec('DELETE FROM ended_session WHERE until < ?', now);
      this.#sql.exec('INSERT INTO ended_session (id, until) VALUES (?, ?) ON CONFLICT DO NOTHING', id, until);
    });
  }

  hasEnded(id: string): boolean {
    return this.#isStored && !this.#sql.exec('SELECT 1 FROM ended_session WHERE id = ?', id).next().done;
  }

  #write(change: () => void): void {
    this.#storage.transactionSync(() => {
      if (!this.#isStored) {
        this.#sql.exec(WORKSPACE_SCHEMA.tables);
        this.#sql.exec('INSERT INTO workspace (one, schema) VALUES (1, ?)', WORKSPACE_SCHEMA.version);
      }
      change();
    });
    this.#isStored = true;
  }

  /** Newest first. */
  projects(before: Position | null, limit: number): ListedProject[] {
    if (!this.#isStored) return [];
    const { createdAt, id } = before ?? START;
    return this.#sql
      .exec<{ id: string; name: string; created_at: number }>(
        'SELECT * FROM project WHERE (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ?',
        createdAt,
        id,
        limit,
      )
      .toArray()
      .map((row) => ({ id: row.id, name: row.name, createdAt: row.created_at }));
  }
}
