// Simulated time: events in order, each run to its end before the next. Nothing in a simulation waits for the
// real clock, so that a run depends on its inputs alone.

const LONG_MS = 6 * 3_600_000;

export interface Timer {
  at: number;
  order: number;
  run: () => void;
}

export class Timeline {
  now = 1_700_000_000_000;
  /** What the machines' clock shows beyond true time, in milliseconds; it jumps now and then. */
  skewMs = 0;
  events = 0;
  /** For how long nothing happened, of silences of hours: what is kept for so long goes then. */
  silentMs = 0;
  readonly #timers: Timer[] = [];
  #order = 0;

  after(ms: number, run: () => void): Timer {
    const timer = { at: this.now + Math.max(ms, 0), order: this.#order++, run };
    // Nearly always close to the end of the few that wait: insertion keeps them sorted, last first.
    let index = this.#timers.length;
    while (index > 0 && isBefore(this.#timers[index - 1], timer)) index -= 1;
    this.#timers.splice(index, 0, timer);
    return timer;
  }

  cancel(timer: Timer): void {
    const index = this.#timers.indexOf(timer);
    if (index >= 0) this.#timers.splice(index, 1);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Runs until nothing is left to happen, or `stop` says so; `settled` is called after each event has run out. */
  async run(settled: () => void, stop: () => boolean): Promise<void> {
    for (let timer = this.#timers.pop(); timer; timer = this.#timers.pop()) {
      if (timer.at - this.now > LONG_MS) this.silentMs += timer.at - this.now;
      this.now = timer.at;
      this.events += 1;
      timer.run();
      // Everything that waits for promises alone is done before this resolves.
      await new Promise(setImmediateForReal);
      settled();
      if (stop()) return;
    }
  }
}

const setImmediateForReal = setImmediate;

const isBefore = (a: Timer | undefined, b: Timer): boolean =>
  a !== undefined && (a.at < b.at || (a.at === b.at && a.order < b.order));
