// What an operation has heard of its jobs beside what is stored, and whom it asks next by both. In memory, as its calls are: whoever
// loses it asks again.
import { type Answer, roomOf, toAsk } from '../domain/operating.ts';
import type { Item, Operation } from '../domain/operation.ts';
import type { Rules } from '../domain/rules.ts';
import type { Asking, Question } from './asking.ts';
import type { OperationStore } from './operation-store.ts';

export class Heard {
  readonly #store: OperationStore;
  readonly #asking: Asking;
  readonly #rules: () => Rules;
  /** Who has said that there is nothing of this operation's. */
  readonly #untouched = new Set<string>();
  /** When one in flight was last asked for news. */
  readonly #heardAt = new Map<string, number>();

  constructor(store: OperationStore, asking: Asking, rules: () => Rules) {
    this.#store = store;
    this.#asking = asking;
    this.#rules = rules;
  }

  /** Who is asked now, and for what. */
  questions(operation: Operation, now: number): [jobId: string, what: Question][] {
    const { asked, resting } = this.#asking;
    const { jobIds, what } = toAsk(operation, this.#room(operation), asked, this.#passed(operation));
    const silent = [...this.#store.inFlight().values()].filter(
      (item) => now >= this.silentUntil(item) && !asked.has(item.jobId) && !resting.has(item.jobId),
    );
    return [
      ...jobIds.map((jobId): [string, Question] => [jobId, what]),
      ...silent.map(({ jobId }): [string, Question] => [jobId, 'news']),
    ];
  }

  /** How many may have been begun and are not known to be, or not to be. */
  toHearOf(operation: Operation): number {
    const { asked, resting } = this.#asking;
    if (operation.state !== 'cancelling') return asked.size + resting.size;
    return this.#room(operation).filter(({ jobId }) => !this.#untouched.has(jobId)).length;
  }

  /** Until when nothing need be heard of one in flight. */
  silentUntil({ jobId, changedAt }: Item): number {
    return Math.max(changedAt, this.#heardAt.get(jobId) ?? 0) + this.#rules().stageTimeoutMs;
  }

  /** What the item was when its job answered; null for no answer. */
  answered({ jobId, state }: Item, answer: Answer | null, now: number): void {
    if (state === 'in_flight') this.#heardAt.set(jobId, now);
    else if (answer === null || answer.kind === 'none') this.#untouched.add(jobId);
  }

  moved({ jobId, state }: Item): void {
    if (state !== 'in_flight') this.#heardAt.delete(jobId);
  }

  forget(): void {
    this.#untouched.clear();
    this.#heardAt.clear();
  }

  /** Those that wait and may have been begun. */
  #room(operation: Operation): Item[] {
    return this.#store.waiting(roomOf(operation, this.#store.inFlight().size));
  }

  #passed({ state }: Operation): ReadonlySet<string> {
    const { resting } = this.#asking;
    return state === 'cancelling' ? new Set([...resting, ...this.#untouched]) : resting;
  }
}
