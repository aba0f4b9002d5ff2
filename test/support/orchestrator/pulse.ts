// Wakes long polls when anything changed, and holds what waits for a release by the test.

/** Everything that changes observable state calls `beat`; a long poll then looks again. */
export class Pulse {
  readonly #watchers = new Set<() => void>();

  beat(): void {
    for (const look of [...this.#watchers]) look();
  }

  /** True as soon as the condition holds; false at the timeout or when the signal aborts. */
  until(holds: () => boolean, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (result: boolean) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        signal.removeEventListener('abort', giveUp);
        resolve(result);
      };
      const look = () => {
        if (holds()) settle(true);
      };
      const giveUp = () => settle(false);
      const timer = setTimeout(giveUp, timeoutMs);
      this.#watchers.add(look);
      signal.addEventListener('abort', giveUp);
      if (signal.aborted) giveUp();
      else look();
    });
  }
}

/** Requests on hold and paused pipelines, by job. */
export class Gate {
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #pulse: Pulse;

  constructor(pulse: Pulse) {
    this.#pulse = pulse;
  }

  /** Resolves at the next release of the job; rejects with the signal's reason when it aborts. */
  async wait(jobId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = () => reject(signal.reason);
    const waiting = this.#waiting.get(jobId) ?? new Set();
    this.#waiting.set(jobId, waiting.add(resolve));
    signal.addEventListener('abort', giveUp);
    this.#pulse.beat();
    try {
      await promise;
    } finally {
      waiting.delete(resolve);
      signal.removeEventListener('abort', giveUp);
      this.#pulse.beat();
    }
  }

  held(jobId: string): number {
    return this.#waiting.get(jobId)?.size ?? 0;
  }

  /** Lets go of all that waits now, and says how many that were. */
  release(jobId: string): number {
    const waiting = [...(this.#waiting.get(jobId) ?? [])];
    this.#waiting.delete(jobId);
    for (const resolve of waiting) resolve();
    return waiting.length;
  }
}
