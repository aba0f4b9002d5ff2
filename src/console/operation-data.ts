// What is known of one operation and its jobs. Its stream tells how far it is; its jobs are not streamed, and asked for again when
// their counts have changed.
import { batch, type Signal, signal } from '@preact/signals';
import { mention } from './announce.tsx';
import { ask, askAll, type Operation, type Refusal, type Schemas } from './api.ts';
import { Live } from './live.ts';
import { OPERATION_STATES } from './words.ts';

/** Jobs that end in quick succession are asked about once. */
const ITEMS_PAUSE_MS = 1_000;

export type Item = Schemas['OperationItem'];
export type ItemOutcome = Item['outcome'];

export class OperationData {
  readonly id: string;
  readonly operation: Signal<Operation | null> = signal(null);
  readonly refusal: Signal<Refusal | null> = signal(null);
  /** Those of the outcome that is looked at; null until they are there. */
  readonly items: Signal<readonly Item[] | null> = signal(null);
  readonly live: Live<Schemas['OperationRecord']>;
  readonly #left = new AbortController();
  #outcome: ItemOutcome | null = null;
  #pages = 1;
  /** How often the stream has told how far it is. */
  #told = 0;
  /** The counts as they were when its jobs were asked for. */
  #counted = '';
  #asked = 0;
  #asking: ReturnType<typeof setTimeout> | undefined;

  constructor(id: string) {
    this.id = id;
    this.live = new Live({
      address: () => `/operations/${encodeURIComponent(id)}/events`,
      onRecords: (records) => {
        for (const record of records) {
          if (record.type !== 'operation') continue;
          this.#told += 1;
          this.#take(record.operation);
        }
      },
      refresh: () => this.refresh(),
    });
    void this.refresh();
  }

  dispose(): void {
    this.#left.abort();
    clearTimeout(this.#asking);
    this.live.dispose();
  }

  show(outcome: ItemOutcome | null): void {
    if (outcome === this.#outcome) return;
    this.#outcome = outcome;
    this.#pages = 1;
    this.items.value = null;
    if (this.operation.peek() !== null) void this.#askItems();
  }

  more(): void {
    this.#pages += 1;
    void this.#askItems();
  }

  /** For an answer that is still to come: it is taken, unless the stream has told more by then. */
  awaiting(): (operation: Operation) => void {
    const told = this.#told;
    return (operation) => {
      if (told === this.#told) this.#take(operation);
    };
  }

  async refresh(): Promise<boolean> {
    const { signal } = this.#left;
    const take = this.awaiting();
    const params = { path: { operationId: this.id } };
    const answer = await ask(
      (client, signal) => client.GET('/operations/{operationId}', { params, signal }),
      signal,
    );
    if (signal.aborted) return false;
    batch(() => {
      if (answer.ok) {
        take(answer.data);
        this.live.resume();
        this.live.confirmed();
      } else if (this.live.refuses(answer.refusal, this.operation.peek() !== null))
        this.refusal.value = answer.refusal;
    });
    return answer.ok;
  }

  #take(operation: Operation): void {
    const before = this.operation.peek();
    this.refusal.value = null;
    this.operation.value = operation;
    if (before !== null && before.state !== operation.state) mention(OPERATION_STATES[operation.state].words);
    if (JSON.stringify(operation.counts) !== this.#counted)
      this.#askSoon(before === null ? 0 : ITEMS_PAUSE_MS);
  }

  #askSoon(pauseMs: number): void {
    this.#asking ??= setTimeout(() => {
      this.#asking = undefined;
      void this.#askItems();
    }, pauseMs);
  }

  async #askItems(): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    this.#counted = JSON.stringify(this.operation.peek()?.counts);
    const outcome = this.#outcome;
    const answer = await askAll((cursor) => {
      const query = {
        limit: 50,
        ...(outcome === null ? {} : { outcome }),
        ...(cursor === undefined ? {} : { cursor }),
      };
      const params = { path: { operationId: this.id }, query };
      return ask(
        (client, signal) => client.GET('/operations/{operationId}/items', { params, signal }),
        this.#left.signal,
      );
    }, this.#pages);
    if (this.#left.signal.aborted || asked !== this.#asked) return;
    if (answer.ok) this.items.value = answer.data;
    else {
      this.#counted = '';
      if (answer.refusal.retryable) this.#askSoon(5 * ITEMS_PAUSE_MS);
    }
  }
}
