// Refusals that cost their sender nothing would cost the operator a line in the log each. They are counted by kind, and
// a line says how many there were since the last.

const EVERY = 100;
/** Whoever looks for one refusal among few finds it: a kind that was not told of for so long is told of at once. */
const QUIET_MS = 60_000;

interface Kind {
  count: number;
  toldAt: number;
}

export class Tally {
  readonly #kinds = new Map<string, Kind>();

  /** How many of this kind there were since the last line, this one included; null while there is none to be written. */
  add(kind: string, now: number): number | null {
    const { count, toldAt } = this.#kinds.get(kind) ?? { count: 0, toldAt: Number.NEGATIVE_INFINITY };
    const isDue = count + 1 >= EVERY || Math.abs(now - toldAt) >= QUIET_MS;
    this.#kinds.set(kind, isDue ? { count: 0, toldAt: now } : { count: count + 1, toldAt });
    return isDue ? count + 1 : null;
  }
}
