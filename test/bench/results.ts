// What a run has measured: samples by contestant, workload and concurrency, and their medians.
import type { Name } from './contestants.ts';
import type { Sample, Workload } from './samples.ts';
import { type Spread, spread } from './statistics.ts';

/** Over all rounds. */
export interface Figure {
  workload: Workload;
  concurrency: number;
  rounds: number;
  perSecond: Spread;
  p50Ms: Spread;
  /** Null where a round has too few requests for it. */
  p99Ms: Spread | null;
  /** p99 / p50, round by round. */
  tail: Spread | null;
}

export class Results {
  readonly #samples = new Map<Name, Sample[]>();

  add(name: Name, samples: readonly Sample[]): void {
    this.#samples.set(name, [...(this.#samples.get(name) ?? []), ...samples]);
  }

  figure(name: Name, workload: Workload, concurrency: number): Figure | null {
    const samples = (this.#samples.get(name) ?? []).filter(
      (sample) => sample.workload === workload && sample.concurrency === concurrency,
    );
    if (samples.length === 0) return null;
    const tails = samples.flatMap(({ p50Ms, p99Ms }) => (p99Ms === null ? [] : [{ p50Ms, p99Ms }]));
    return {
      workload,
      concurrency,
      rounds: samples.length,
      perSecond: spread(samples.map(({ perSecond }) => perSecond)),
      p50Ms: spread(samples.map(({ p50Ms }) => p50Ms)),
      p99Ms: tails.length === 0 ? null : spread(tails.map(({ p99Ms }) => p99Ms)),
      tail: tails.length === 0 ? null : spread(tails.map(({ p50Ms, p99Ms }) => p99Ms / p50Ms)),
    };
  }

  /** Every sample, for whoever wants to judge for themselves. */
  toJSON(): Record<string, Sample[]> {
    return Object.fromEntries(this.#samples);
  }
}
