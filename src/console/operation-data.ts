// What is known of one operation and its jobs. Its project's stream tells when its state changes; how far it is, is asked for every
// few seconds while it goes on and somebody looks.
import { batch, type Signal, signal } from '@preact/signals';
import { mention } from './announce.tsx';
import { ask, askAll, type Operation, type Refusal, type Schemas } from './api.ts';
import { Live } from './live.ts';
import { isOver } from './operations.tsx';
import { OPERATION_STATES } from './words.ts';

const REFRESH_EVERY_MS = 3_000;

export type Item = Schemas['OperationItem'];
export type ItemOutcome = Item['outcome'];

export class OperationData {
  readonly id: string;
  readonly operation: Signal<Operation | null> = signal(null);
  readonly refusal: Signal<Refusal | null> = signal(null);
  /** Those of the outcome that is looked at; null until they are there. */
  readonly items: Signal<readonly Item[] | null> = signal(null);
  #outcome: ItemOutcome | null = null;
  #pages = 1;
  #live: Live | null = null;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #left = new AbortController();

  constructor(id: string) {
    this.id = id;
    this.#timer = setInterval(() => {
      const operation = this.operation.peek();
      if (operation !== null && !isOver(operation) && !document.hidden) void this.refresh();
    }, REFRESH_EVERY_MS);
    void this.refresh();
  }

  dispose(): void {
    this.#left.abort();
    clearInterval(this.#timer);
    this.#live?.dispose();
  }

  show(outcome: ItemOutcome | null): void {
    if (outcome === this.#outcome) return;
    this.#outcome = outcome;
    this.#pages = 1;
    this.items.value = null;
    void this.refresh();
  }

  more(): void {
    this.#pages += 1;
    void this.refresh();
  }

  /** As an answer has it. */
  take(operation: Operation): void {
    const before = this.operation.peek();
    this.operation.value = operation;
    if (before !== null && before.state !== operation.state) mention(OPERATION_STATES[operation.state].words);
    this.#live ??= this.#follow(operation.project_id);
  }

  async refresh(): Promise<boolean> {
    const { signal } = this.#left;
    const outcome = this.#outcome;
    const path = { operationId: this.id };
    const [operation, items] = await Promise.all([
      ask((client, signal) => client.GET('/operations/{operationId}', { params: { path }, signal }), signal),
      askAll((cursor) => {
        const query = {
          limit: 50,
          ...(outcome === null ? {} : { outcome }),
          ...(cursor === undefined ? {} : { cursor }),
        };
        return ask(
          (client, signal) =>
            client.GET('/operations/{operationId}/items', { params: { path, query }, signal }),
          signal,
        );
      }, this.#pages),
    ]);
    if (signal.aborted) return false;
    batch(() => {
      if (operation.ok) {
        this.refusal.value = null;
        this.take(operation.data);
        this.#live?.confirmed();
      } else if (this.operation.peek() === null) this.refusal.value = operation.refusal;
      if (items.ok && outcome === this.#outcome) this.items.value = items.data;
    });
    return operation.ok;
  }

  #follow(projectId: string): Live {
    return new Live({
      address: () => `/projects/${encodeURIComponent(projectId)}/events`,
      onRecords: (records) => {
        const known = this.operation.peek();
        const news = records.find((record) => record.type === 'operation' && record.operation.id === this.id);
        if (news?.type === 'operation' && news.operation.state !== known?.state) void this.refresh();
      },
      refresh: () => this.refresh(),
    });
  }
}
