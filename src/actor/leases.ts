// Who carries which message right now, as far as this instance knows. Kept in memory: marking it in storage would
// cost as much as the intent, and after a restart the Idempotency-Key covers what a repeat could double.
import type { MessageKind } from '../domain/commands.ts';
import type { Dispatch } from '../domain/dispatch.ts';
import { RESEND_AFTER_MS } from '../domain/resending.ts';

type Lease =
  /** On the queue, which brings it after the pause, if it has one; sent again when nobody claimed it by `until`. */
  | { kind: 'queued'; pausedUntil: number | null; until: number }
  /** A consumer is delivering it, under a claim that is its own. */
  | { kind: 'claimed'; until: number; claim: string }
  /** Nobody carries it: the queue did not take it. */
  | { kind: 'refused'; until: 0 };

/** Clocks and timers are not exact: a message that comes this much early is on time. */
const EARLY_MS = 500;

export class Leases {
  /** Made by this instance, so that nobody can have carried them before. */
  readonly #madeHere = new Set<string>();
  readonly #leases = new Map<string, Lease>();
  readonly #everClaimed = new Set<string>();
  /** The claims of each message under which no outcome was reported. */
  readonly #unreported = new Map<string, Set<string>>();
  /** The claim under which an outcome was reported last. */
  readonly #reported = new Map<string, string>();

  made(dispatchId: string): void {
    this.#madeHere.add(dispatchId);
  }

  /** Expires a little before it is to be sent again, for the alarm to find nobody carrying it, but never at once. */
  queued(message: MessageKind, dispatchId: string, now: number, resendAt: number, pauseMs: number): void {
    const pausedUntil = pauseMs > 0 ? now + pauseMs : null;
    const until = Math.max(resendAt, now + pauseMs + RESEND_AFTER_MS.least) - EARLY_MS;
    this.#leases.set(key(message, dispatchId), { kind: 'queued', pausedUntil, until });
  }

  /**
   * Whether the message is this claim's, which holds until then: not when another copy is being delivered or is to come back
   * later. A claim whose answer was lost is claimed again.
   */
  claim(message: MessageKind, dispatchId: string, claim: string, now: number, until: number): boolean {
    const held = this.#held(message, dispatchId, now);
    if (held?.kind === 'claimed' && held.claim !== claim) return false;
    if (held?.kind === 'queued' && now < (held.pausedUntil ?? 0) - EARLY_MS) return false;
    this.#everClaimed.add(dispatchId);
    const unreported = this.#unreported.get(key(message, dispatchId)) ?? new Set();
    this.#unreported.set(key(message, dispatchId), unreported.add(claim));
    this.#leases.set(key(message, dispatchId), { kind: 'claimed', until, claim });
    return true;
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

  /** Whether the outcome under this claim is known: a report whose answer was lost is repeated. */
  isReported(message: MessageKind, dispatchId: string, claim: string | null): boolean {
    return claim !== null && this.#reported.get(key(message, dispatchId)) === claim;
  }

  /** The delivery under this claim has ended; without one, nobody made an attempt. */
  release(message: MessageKind, dispatchId: string, claim: string | null): void {
    if (claim !== null) {
      this.#reported.set(key(message, dispatchId), claim);
      this.#unreported.get(key(message, dispatchId))?.delete(claim);
    }
    const lease = this.#leases.get(key(message, dispatchId));
    if (lease?.kind === 'claimed' && lease.claim !== claim) return;
    this.#leases.delete(key(message, dispatchId));
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

  /** Whether an attempt may have been made whose outcome nobody reported, by this instance or one before: beside this claim's. */
  mayBeUnreported(message: MessageKind, dispatchId: string, claim: string | null): boolean {
    const claims = [...(this.#unreported.get(key(message, dispatchId)) ?? [])];
    return !this.#madeHere.has(dispatchId) || claims.some((unreported) => unreported !== claim);
  }

  #held(message: MessageKind, dispatchId: string, now: number): Lease | null {
    const lease = this.#leases.get(key(message, dispatchId));
    return lease && now < lease.until ? lease : null;
  }
}

const key = (message: MessageKind, dispatchId: string): string => `${message}:${dispatchId}`;
