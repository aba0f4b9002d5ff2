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
/** How many dispatches are remembered, and those besides that somebody has a claim on. Of any other as little is known as of one that an instance before has made. */
const REMEMBERED = 16;

/** What is known of one message. */
interface Carried {
  lease: Lease | null;
  /** Every claim, and whether an outcome was reported under it. */
  claims: Map<string, 'unreported' | 'reported'>;
}

interface Known {
  /** By this instance, so that nobody can have carried it before. */
  wasMadeHere: boolean;
  messages: Record<MessageKind, Carried>;
}

export class Leases {
  /** The one that something happened to last is the last. */
  readonly #known = new Map<string, Known>();

  made(dispatchId: string): void {
    this.#touch(dispatchId).wasMadeHere = true;
  }

  /** Expires a little before it is to be sent again, for the alarm to find nobody carrying it, but never at once. */
  queued(message: MessageKind, dispatchId: string, now: number, resendAt: number, pauseMs: number): void {
    const pausedUntil = pauseMs > 0 ? now + pauseMs : null;
    const until = Math.max(resendAt, now + pauseMs + RESEND_AFTER_MS.least) - EARLY_MS;
    this.#touch(dispatchId).messages[message].lease = { kind: 'queued', pausedUntil, until };
  }

  /**
   * Whether the message is this claim's, which holds until then: not when another copy is being delivered or is to come back
   * later. A claim whose answer was lost is claimed again.
   */
  claim(message: MessageKind, dispatchId: string, claim: string, now: number, until: number): boolean {
    const held = this.#held(message, dispatchId, now);
    if (held?.kind === 'claimed' && held.claim !== claim) return false;
    if (isPaused(held, now)) return false;
    const carried = this.#touch(dispatchId).messages[message];
    carried.claims.set(claim, 'unreported');
    carried.lease = { kind: 'claimed', until, claim };
    return true;
  }

  /** Whoever claimed it all the same keeps the claim. */
  refused(message: MessageKind, dispatchId: string): void {
    const carried = this.#touch(dispatchId).messages[message];
    if (carried.lease?.kind === 'queued') carried.lease = { kind: 'refused', until: 0 };
  }

  isRefused(message: MessageKind, dispatchId: string): boolean {
    return this.#lease(message, dispatchId)?.kind === 'refused';
  }

  /** Whether the outcome under this claim is known: a report whose answer was lost is repeated. */
  isReported(message: MessageKind, dispatchId: string, claim: string | null): boolean {
    return claim !== null && this.#claims(message, dispatchId)?.get(claim) === 'reported';
  }

  /** The delivery under this claim has ended; without one, the queue gave up on a copy, which is not one that it still holds back. */
  release(message: MessageKind, dispatchId: string, claim: string | null, now: number): void {
    const carried = this.#touch(dispatchId).messages[message];
    if (claim !== null) carried.claims.set(claim, 'reported');
    else if (isPaused(carried.lease, now)) return;
    if (carried.lease?.kind === 'claimed' && carried.lease.claim !== claim) return;
    carried.lease = null;
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
  mayHaveStarted({ id, deliveryAttempts }: Pick<Dispatch, 'id' | 'deliveryAttempts'>): boolean {
    const known = this.#known.get(id);
    return !known?.wasMadeHere || known.messages.dispatch.claims.size > 0 || deliveryAttempts > 0;
  }

  /** Whether an attempt may have been made whose outcome nobody reported, by this instance or one before: beside this claim's. */
  mayBeUnreported(message: MessageKind, dispatchId: string, claim: string | null): boolean {
    const claims = [...(this.#claims(message, dispatchId) ?? [])];
    return (
      !this.#known.get(dispatchId)?.wasMadeHere ||
      claims.some(([other, state]) => state === 'unreported' && other !== claim)
    );
  }

  #lease(message: MessageKind, dispatchId: string): Lease | null {
    return this.#known.get(dispatchId)?.messages[message].lease ?? null;
  }

  #claims(message: MessageKind, dispatchId: string): Carried['claims'] | undefined {
    return this.#known.get(dispatchId)?.messages[message].claims;
  }

  #held(message: MessageKind, dispatchId: string, now: number): Lease | null {
    const lease = this.#lease(message, dispatchId);
    return lease && now < lease.until ? lease : null;
  }

  /** What is known of it, to be written; what nothing has happened to for the longest is forgotten. */
  #touch(dispatchId: string): Known {
    const known = this.#known.get(dispatchId) ?? {
      wasMadeHere: false,
      messages: {
        dispatch: { lease: null, claims: new Map() },
        cancel: { lease: null, claims: new Map() },
      },
    };
    this.#known.delete(dispatchId);
    this.#known.set(dispatchId, known);
    for (const [oldest, { messages }] of this.#known) {
      if (this.#known.size <= REMEMBERED) break;
      const isCarried = Object.values(messages).some(
        ({ lease }) => lease?.kind === 'claimed' && Date.now() < lease.until,
      );
      if (!isCarried) this.#known.delete(oldest);
    }
    return known;
  }
}

/** Whether the queue holds it back, so that a copy that has come is another one. */
const isPaused = (lease: Lease | null, now: number): boolean =>
  lease?.kind === 'queued' && now < (lease.pausedUntil ?? 0) - EARLY_MS;
