// Tells the object above what it lists of this one: a job its project, a project its owner's workspace. Nothing is marked as
// told: an instance that does not know whether it was tells again, and telling twice is harmless.
import { EFFECT_LIMIT_MS, pushBackoffMs } from '../domain/resending.ts';
import { describeError, type LogFields, log } from '../log.ts';
import { within } from '../time-limit.ts';

/** No answer waits longer for the list than this: it must not depend on it. */
const LISTING_WAIT_MS = 1_000;

interface Listed<T> {
  /** What is to be listed; null when there is nothing. */
  current(): T | null;
  /** What the list shows of it that has to be right. */
  shown(item: T): string;
  tell(item: T): Promise<unknown>;
  fields(item: T): LogFields;
}

export class Listing<T> {
  readonly #listed: Listed<T>;
  /** What is known to be shown; null while that is not known: a call without an answer may have arrived. */
  #told: string | null = null;
  #telling: Promise<void> | null = null;
  #failures = 0;
  #isOwed = false;

  constructor(listed: Listed<T>) {
    this.#listed = listed;
  }

  /** What is listed has changed, or may have: until the list was told, an alarm that stands for it stays. */
  owe(): void {
    this.#isOwed = true;
  }

  get isOwed(): boolean {
    return this.#isOwed && !this.isTold;
  }

  /** Whether the list is known to show the item as it is; true when there is none. */
  get isTold(): boolean {
    const item = this.#listed.current();
    return item === null || this.#listed.shown(item) === this.#told;
  }

  /** When the list has to be told again should it not have been by then; null when it is up to date. */
  dueAt(now: number): number | null {
    return this.isTold ? null : now + pushBackoffMs(this.#failures);
  }

  /** Tells the newest; calls that overlap become one. Never throws: what failed is due again. */
  tell(): Promise<void> {
    this.#telling ??= this.#tellUntilTold().finally(() => {
      this.#telling = null;
    });
    return this.#telling;
  }

  /** Resolves when it is told, when that has failed, or when it takes longer than an answer may wait. */
  async tellSoon(): Promise<void> {
    await within(LISTING_WAIT_MS, this.tell()).catch(() => {});
  }

  async #tellUntilTold(): Promise<void> {
    const { current, shown, tell, fields } = this.#listed;
    while (!this.isTold) {
      const item = current();
      if (item === null) return;
      this.#told = null;
      this.#isOwed = true;
      try {
        await within(EFFECT_LIMIT_MS, tell(item));
        this.#told = shown(item);
        this.#failures = 0;
        this.#isOwed = false;
      } catch (error) {
        this.#failures += 1;
        log('warn', 'listing_failed', {
          ...fields(item),
          attempts: this.#failures,
          error: describeError(error),
        });
        return;
      }
    }
  }
}
