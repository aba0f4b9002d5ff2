// What viewers of a bulk operation are told: the operation as it is, some times a second while its jobs move. It follows from what
// is stored, so that what went by while the object slept is told next.
import { toOperationRecord } from '../contract/events.ts';
import type { OperationStore } from './operation-store.ts';
import type { Owed, Sight } from './viewers.ts';

/** A thousand jobs end quickly; nobody reads faster. */
const PAUSE_MS = 250;

export interface OperationTold {
  /** Where it stood when the viewer was told last, and when that was. */
  stands: string;
  at: number;
}

/** For who knows nothing. */
export const NOTHING_TOLD: OperationTold = { stands: '', at: 0 };

export class OperationEvents implements Sight<OperationTold> {
  readonly #store: OperationStore;

  constructor(store: OperationStore) {
    this.#store = store;
  }

  owed(told: OperationTold, now: number): Owed<OperationTold> {
    const operation = this.#store.operation();
    if (operation === null) return { records: [], told, moreAt: null };
    const counts = this.#store.counts();
    const { state, resumeAt, endedAt } = operation;
    const stands = JSON.stringify([state, resumeAt, endedAt, counts]);
    if (stands === told.stands) return { records: [], told, moreAt: null };
    const dueAt = told.at + PAUSE_MS;
    if (now < dueAt && now >= told.at) return { records: [], told, moreAt: dueAt };
    return { records: [toOperationRecord(operation, counts)], told: { stands, at: now }, moreAt: null };
  }
}
