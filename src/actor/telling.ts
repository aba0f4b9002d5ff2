// Tells another object what it has to know of this one: a job its project what that lists, and an operation how its dispatch
// ended; a project its owner's workspace. Nothing is marked as told: an instance that does not know whether it was tells again,
// and telling twice is harmless.
import { EFFECT_LIMIT_MS, pushBackoffMs } from '../domain/resending.ts';
import { describeError, type LogFields, log } from '../log.ts';
import { within } from '../time-limit.ts';

/** No answer waits longer for it than this: it must not depend on it. */
export const ANSWER_WAIT_MS = 1_000;

interface Told<T> {
  /** What is to be known; null when there is nothing. */
  current(): T | null;
  /** Whether whoever knows the one knows what has to be known of the other. */
  isAlike(one: T, other: T): boolean;
  tell(item: T): Promise<unknown>;
  fields(item: T): LogFields;
}

export class Telling<T> {
  readonly #what: Told<T>;
  /** What is known there; null while that is not known here: a call without an answer may have arrived. */
  #told: T | null = null;
  #telling: Promise<void> | null = null;
  #failures = 0;
  #isOwed = false;

  constructor(what: Told<T>) {
    this.#what = what;
  }

  /** There is something to tell, or may be: until it was told, an alarm that stands for it stays. */
  owe(): void {
    this.#isOwed = true;
  }

  /** Whoever was told has let go of it: what comes under the same name is told anew. */
  forget(): void {
    this.#told = null;
  }

  get isOwed(): boolean {
    return this.#isOwed && !this.isTold;
  }

  /** Whether it is known to be told as it is; true when there is nothing to tell. */
  get isTold(): boolean {
    const item = this.#what.current();
    return item === null || (this.#told !== null && this.#what.isAlike(item, this.#told));
  }

  /** When it has to be told again should it not have been by then; null when it was. */
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
    await within(ANSWER_WAIT_MS, this.tell()).catch(() => {});
  }

  async #tellUntilTold(): Promise<void> {
    const { current, tell, fields } = this.#what;
    while (!this.isTold) {
      const item = current();
      if (item === null) return;
      this.#told = null;
      this.#isOwed = true;
      try {
        await within(EFFECT_LIMIT_MS, tell(item));
        this.#told = item;
        this.#failures = 0;
        this.#isOwed = false;
      } catch (error) {
        this.#failures += 1;
        log('warn', 'telling_failed', {
          ...fields(item),
          attempts: this.#failures,
          error: describeError(error),
        });
        return;
      }
    }
  }
}

/** Several as one: what is owed to any is owed. */
export class Tellings {
  readonly #all: readonly One[];

  constructor(...all: One[]) {
    this.#all = all;
  }

  owe(): void {
    for (const one of this.#all) one.owe();
  }

  get isOwed(): boolean {
    return this.#all.some(({ isOwed }) => isOwed);
  }

  get isTold(): boolean {
    return this.#all.every(({ isTold }) => isTold);
  }

  dueAt(now: number): number | null {
    const times = this.#all.flatMap((one) => one.dueAt(now) ?? []);
    return times.length === 0 ? null : Math.min(...times);
  }

  async tell(): Promise<void> {
    await Promise.all(this.#all.map((one) => one.tell()));
  }

  async tellSoon(): Promise<void> {
    await Promise.all(this.#all.map((one) => one.tellSoon()));
  }
}
type One = Pick<Telling<unknown>, 'owe' | 'isOwed' | 'isTold' | 'dueAt' | 'tell' | 'tellSoon'>;
