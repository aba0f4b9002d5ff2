// The one alarm that an object has: when it stands, and when it is moved. Moving it costs a row and a commit, so it is left
// where it is as long as it comes early enough.
import { RESEND_AFTER_MS } from '../domain/resending.ts';

/** Whatever goes wrong in an alarm, it does not come back in a tight loop. */
const SHORTEST_ALARM_MS = 1_000;
/** An alarm may be a minute late. One that is overdue by more is not relied on to come at all. */
const LATEST_MS = 60_000;

/**
 * To when an alarm that is known to stand at `known` has to be set for what is due at `due`; null to leave it. It is moved to
 * a later time only where it `mayBePostponed` and is about to come for nothing: then moving it costs no more than the alarm
 * would. In the place of one that never came whatever was due is due at once.
 */
export function nextAlarm(
  known: number | null,
  due: number,
  now: number,
  mayBePostponed: boolean,
): number | null {
  if (due === Infinity) return null;
  const soonest = now + SHORTEST_ALARM_MS;
  if (isLost(known, now)) return soonest;
  const at = Math.max(due, soonest);
  if (known === null || at < known) return at;
  const soon = now + RESEND_AFTER_MS.most;
  return mayBePostponed && known <= soon && at > soon ? at : null;
}

const isLost = (known: number | null, now: number): boolean => known !== null && known < now - LATEST_MS;

export class AlarmClock {
  readonly #storage: DurableObjectStorage;
  #at: number | null = null;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** Finds out when it stands. */
  async load(): Promise<void> {
    this.#at = await this.#storage.getAlarm();
  }

  /** Whether it should have come long ago. */
  get isLost(): boolean {
    return isLost(this.#at, Date.now());
  }

  /** Whether none stands that can be relied on to come. */
  get isAbsent(): boolean {
    return this.#at === null || this.isLost;
  }

  standsWithin(ms: number): boolean {
    return this.#at !== null && this.#at <= Date.now() + ms;
  }

  /** It has come, or went with all that was stored. */
  rang(): void {
    this.#at = null;
  }

  /** Sets it for what is due at `due` (Infinity for nothing), unless it stands well for that. */
  arm(due: number, mayBePostponed: boolean): void {
    const at = nextAlarm(this.#at, due, Date.now(), mayBePostponed);
    if (at !== null) this.set(at);
  }

  set(at: number): void {
    this.#at = at;
    this.#storage.setAlarm(at);
  }
}
