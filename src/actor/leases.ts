// Who carries which message right now, as far as this instance knows. Kept in memory: marking it in storage would
// cost as much as the intent, and after a restart the Idempotency-Key covers what a repeat could double.
import type { MessageKind } from '../domain/commands.ts';
import type { Dispatch } from '../domain/dispatch.ts';
import { RESEND_AFTER_MS } from '../domain/resending.ts';

type Lease =
  /** On the queue; sent again when nobody claimed it by then. */
  | { kind: 'queued'; until: number }
  /** A consumer is delivering it, under a claim that is its own. */
  | { kind: 'claimed'; until: number; claim: string }
  /** The queue brings it back at `dueAt`. */
  | { kind: 'paused'; dueAt: number; until: number }
  /** Nobody carries it: the queue did not take it. */
  | { kind: 'refused'; until: 0 };

/** How long a consumer may take beyond its attempt to report the outcome. */
const REPORT_MARGIN_MS = 2_000;
/** Clocks and timers are not exact: a message that comes this much early is on time. */
const EARLY_MS = 500;

export class Leases {
  /** Made by this instance, so that nobody can have carried them before. */
  readonly #madeHere = new Set<string>();
  readonly #leases = new Map<string, Lease>();
  readonly #everClaimed = new Set<string>();
  /** Claimed, and the outcome was never reported. */
  readonly #unreported = new Set<string>();

  made(dispatchId: string): void {
    this.#madeHere.add(dispatchId);
  }

  /** Expires a little before it is to be sent again, for the alarm to find nobody carrying it, but never at once. */
  queued(message: MessageKind, dispatchId: string, now: number, resendAt: number): void {
    const until = Math.max(resendAt, now + RESEND_AFTER_MS.least) - EARLY_MS;
    this.#leases.set(key(message, dispatchId), { kind: 'queued', until });
  }

  /** The claim's id; null when another copy of the message is being delivered or is to come back later. */
  claim(message: MessageKind, dispatchId: string, now: number, attemptMs: number): string | null {
    const held = this.#held(message, dispatchId, now);
    if (held?.kind === 'claimed') return null;
    if (held?.kind === 'paused' && now < held.dueAt - EARLY_MS) return null;
    const claim = crypto.randomUUID();
    this.#everClaimed.add(dispatchId);
    this.#unreported.add(key(message, dispatchId));
    this.#leases.set(key(message, dispatchId), {
      kind: 'claimed',
      until: now + attemptMs + REPORT_MARGIN_MS,
      claim,
    });
    return claim;
  }

  paused(message: MessageKind, dispatchId: string, dueAt: number): void {
    this.#leases.set(key(message, dispatchId), {
      kind: 'paused',
      dueAt,
      until: dueAt + RESEND_AFTER_MS.least,
    });
  }

  /** Whoever claimed it all the same keeps the claim. */
  refused(message: MessageKind, dispatchId: string): void {
    if (this.#leases.get(key(message, dispatchId))?.kind === 'queued') {
      this.#leases.set(key(message, dispatchId), { kind: 'refused', until: 0 });
    }
  }

  isRefused(message: MessageKind, dispatchId: string): boolean {
    return this.#leases.get(key(message, dispatchId))?.kind === 'refused';
  }

  /** The delivery under this claim has ended. Whether the claim was still the one that counts. */
  release(message: MessageKind, dispatchId: string, claim: string | null): boolean {
    const lease = this.#leases.get(key(message, dispatchId));
    if (lease?.kind === 'claimed' && lease.claim !== claim) return false;
    if (claim !== null) this.#unreported.delete(key(message, dispatchId));
    this.#leases.delete(key(message, dispatchId));
    return true;
  }

  /** By when nobody carries it any more unless something became of it; null when nobody does now. */
  carriedUntil(message: MessageKind, dispatchId: string, now: number): number | null {
    const held = this.#held(message, dispatchId, now);
    return held && held.until + EARLY_MS;
  }

  isBeingDelivered(message: MessageKind, dispatchId: string, now: number): boolean {
    return this.#held(message, dispatchId, now)?.kind === 'claimed';
  }

  /** Whether the orchestrator may have seen this dispatch: unless this instance made it and nobody claimed it since. */
  mayHaveStarted({ id, deliveryAttempts }: Dispatch): boolean {
    return !this.#madeHere.has(id) || this.#everClaimed.has(id) || deliveryAttempts > 0;
  }

  /** Whether an attempt may have been made whose outcome nobody reported, by this instance or one before. */
  mayBeUnreported({ id }: Dispatch): boolean {
    return !this.#madeHere.has(id) || this.#unreported.has(key('dispatch', id));
  }

  #held(message: MessageKind, dispatchId: string, now: number): Lease | null {
    const lease = this.#leases.get(key(message, dispatchId));
    return lease && now < lease.until ? lease : null;
  }
}

const key = (message: MessageKind, dispatchId: string): string => `${message}:${dispatchId}`;
