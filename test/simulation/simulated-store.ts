// The bucket of artifacts of a simulated world: whatever a pipeline reported is there, unless somebody took it away or wrote
// over it, and the bucket itself may hang or fail.
import type { Chance } from './chance.ts';
import { BUCKET } from './policies.ts';
import type { Timeline } from './timeline.ts';

/** As every simulated pipeline reports it. */
export const SIZE_BYTES = 1_000;

export type State = 'there' | 'gone' | 'other';
/** What a file in this state has. */
export const sizeIn = (state: State): number => (state === 'other' ? SIZE_BYTES - 1 : SIZE_BYTES);
/**
 * How it answers who looks for something, for as long as the world lasts: at once, late, or not at all. What is to be taken away is
 * taken away some day.
 */
export type Pace = 'prompt' | 'slow' | 'silent';
/** Whoever asks has not given up by then. */
export const SLOW_MS = 700;

/** Evidence may be as old as this when a decision is made from it: the bucket's time limit, and a delay. */
const OLD_EVIDENCE_MS = 3_000;

export class SimulatedStore {
  /** When a reference came into which state, oldest first; from the beginning it is there. */
  readonly #uploads = new Map<string, number>();
  readonly #past = new Map<string, { at: number; state: State }[]>();
  readonly #timeline: Timeline;
  readonly #chance: Chance;

  readonly #pace: Pace;

  constructor(timeline: Timeline, chance: Chance, pace: Pace) {
    this.#timeline = timeline;
    this.#chance = chance;
    this.#pace = pace;
  }

  set(ref: string, state: State): void {
    const past = this.#past.get(ref) ?? [];
    this.#past.set(ref, [...past, { at: this.#timeline.now, state }]);
  }

  /** Whatever was ever taken away or written over. */
  get touched(): string[] {
    return [...this.#past].flatMap(([ref, past]) =>
      past.some(({ state }) => state !== 'there') ? [ref] : [],
    );
  }

  /** A correction that was sent as its text lies here. */
  put(key: string): void {
    this.#uploads.set(key, this.#timeline.now);
  }

  /** When what lies here of this job's corrections was put. */
  keptSince(jobId: string): number[] {
    return [...this.#uploads].flatMap(([key, putAt]) => (key.startsWith(`edits/${jobId}/`) ? [putAt] : []));
  }

  async list({ prefix }: { prefix: string }): Promise<unknown> {
    await this.#answer();
    const keys = [...this.#uploads.keys()].filter((key) => key.startsWith(prefix));
    return { objects: keys.slice(0, 1).map((key) => ({ key })), truncated: keys.length > 1, cursor: 'on' };
  }

  async delete(keys: readonly string[]): Promise<void> {
    await this.#answer();
    for (const key of keys) this.#uploads.delete(key);
  }

  /** Every state in which evidence of now may have found it. */
  mayHaveFound(ref: string): State[] {
    const past = [{ at: -Infinity, state: 'there' as State }, ...(this.#past.get(ref) ?? [])];
    const from = this.#timeline.now - OLD_EVIDENCE_MS;
    return past.filter((_, index) => (past[index + 1]?.at ?? Infinity) >= from).map(({ state }) => state);
  }

  /** Whether anything ever failed here. */
  get hasFailed(): boolean {
    if (this.#pace === 'silent') return true;
    return this.#chance.injected.has('store: hangs') || this.#chance.injected.has('store: fails');
  }

  async #answer(isSilent = false): Promise<void> {
    const fault = this.#chance.fault('store');
    if (fault === 'hangs' || isSilent) return new Promise(() => {});
    await this.#timeline.sleep(this.#chance.delayMs() + (this.#pace === 'slow' ? SLOW_MS : 0));
    if (fault === 'fails') throw new Error('The store failed.');
  }

  async head(key: string): Promise<unknown> {
    await this.#answer(this.#pace === 'silent');
    const state = this.#past.get(`r2://${BUCKET}/${key}`)?.at(-1)?.state ?? 'there';
    if (state === 'gone') return null;
    return { size: sizeIn(state), checksums: {} };
  }
}
