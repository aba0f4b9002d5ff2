// What a query answers, in the form in which a Durable Object's storage hands it out.

export class Cursor {
  readonly #rows: Record<string, unknown>[];
  #next = 0;

  constructor(rows: Record<string, unknown>[]) {
    this.#rows = rows;
  }

  get rowsWritten(): number {
    return 0;
  }

  next(): { done: boolean; value?: Record<string, unknown> | undefined } {
    const value = this.#rows[this.#next++];
    return value === undefined ? { done: true } : { done: false, value };
  }

  [Symbol.iterator](): Iterator<Record<string, unknown>> {
    return this.#rows[Symbol.iterator]();
  }

  toArray(): Record<string, unknown>[] {
    return this.#rows;
  }

  one(): Record<string, unknown> {
    const [row] = this.#rows;
    if (row === undefined || this.#rows.length > 1) throw new Error('not exactly one row');
    return row;
  }
}
