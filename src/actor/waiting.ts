// Who waits for the outcome of a delivery. In memory: whoever waits is gone with the memory.

export class Waiting {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Resolves when the dispatch is no longer pending, with true, or when the wait is over, with false. */
  outcomeOf(dispatchId: string, waitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(dispatchId) ?? new Set();
      this.#waiting.set(dispatchId, waiting);
      const wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        waiting.delete(wake);
        if (waiting.size === 0) this.#waiting.delete(dispatchId);
        resolve(false);
      }, waitMs);
      waiting.add(wake);
    });
  }

  /** The outcome is known: all who wait for it go on. */
  wake(dispatchId: string): void {
    for (const wake of this.#waiting.get(dispatchId) ?? []) wake();
    this.#waiting.delete(dispatchId);
  }
}
