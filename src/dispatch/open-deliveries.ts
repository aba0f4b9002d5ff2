// How many deliveries this isolate has open, and whose: no more than the limit, and of one owner's never so many that there
// is no room for another's. Known in memory alone, so it bounds what one isolate does, and not what all of them do together.

/** A place that was not given back by then is free again: its invocation was ended, and said no more. */
const LONGEST_MS = 60_000;

export class OpenDeliveries {
  readonly #places = new Map<symbol, { owner: string; until: number }>();

  /**
   * A place for one more delivery of this owner's, to be given back; null when there is none now. An owner may have as many
   * as there are free places besides: half of the limit when alone, and as those who are there give theirs back, a third
   * each of two who have enough to do, and so on. The last free place is for an owner with nothing open alone.
   */
  take(owner: string, limit: number, now: number): Place | null {
    let own = 0;
    for (const [place, taken] of this.#places) {
      if (taken.until <= now) this.#places.delete(place);
      else if (taken.owner === owner) own += 1;
    }
    if (own >= limit - this.#places.size) return null;
    const place = Symbol(owner);
    this.#places.set(place, { owner, until: now + LONGEST_MS });
    return { giveBack: () => this.#places.delete(place) };
  }
}

export interface Place {
  giveBack(): void;
}
