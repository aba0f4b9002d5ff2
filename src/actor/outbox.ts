// Puts on the queue what a transaction left to be delivered. Nothing is marked as sent: what still has to go out follows
// from the job's stored state, so a crash at any point loses nothing, and sending twice is harmless.
import type { DispatchMessage } from '../contract/messages.ts';
import type { MessageKind } from '../domain/commands.ts';
import type { Dispatch } from '../domain/dispatch.ts';
import type { Job } from '../domain/job.ts';
import { EFFECT_LIMIT_MS, RESEND_AFTER_MS, resendAt } from '../domain/resending.ts';
import { describeError, log } from '../log.ts';
import { within } from '../time-limit.ts';
import type { Leases } from './leases.ts';

/** Takes a message, and brings it after the pause. */
export type Enqueue = (message: DispatchMessage, pause: { delaySeconds: number }) => Promise<unknown>;

export class Outbox {
  readonly #enqueue: Enqueue;
  readonly #leases: Leases;

  constructor(enqueue: Enqueue, leases: Leases) {
    this.#enqueue = enqueue;
    this.#leases = leases;
  }

  /**
   * Puts on the queue what these dispatches still need delivered and nobody carries, to be brought after a pause of whole
   * seconds. Whether the queue took it all.
   */
  async send(
    { id: jobId, owner }: Pick<Job, 'id' | 'owner'>,
    dispatches: readonly Dispatch[],
    now: number,
    pauseMs: number,
  ): Promise<boolean> {
    const pause = { delaySeconds: pauseMs / 1_000 };
    const sent = wanted(dispatches)
      .filter(({ kind, id }) => this.#leases.carriedUntil(kind, id, now) === null)
      .map(async ({ kind, id, dispatch, until }) => {
        this.#leases.queued(kind, id, now, resendAt(dispatch, until, now), pauseMs);
        try {
          await within(
            EFFECT_LIMIT_MS,
            this.#enqueue({ job_id: jobId, dispatch_id: id, kind, owner }, pause),
          );
          return true;
        } catch (error) {
          this.#leases.refused(kind, id);
          log('warn', 'queue_send_failed', {
            job_id: jobId,
            dispatch_id: id,
            message_kind: kind,
            error: describeError(error),
          });
          return false;
        }
      });
    return (await Promise.all(sent)).every(Boolean);
  }

  /** By when the first message of these is carried by nobody any more unless something became of it; Infinity for none. */
  carriedUntil(dispatches: readonly Dispatch[], now: number): number {
    const times = wanted(dispatches).map(({ kind, id }) => this.#leases.carriedUntil(kind, id, now));
    return Math.min(...times.map((time) => time ?? Infinity));
  }

  /** When what the queue did not take of these has to be sent again; null when it took all. */
  dueAt(dispatches: readonly Dispatch[], now: number): number | null {
    const isRefused = wanted(dispatches).some(({ kind, id }) => this.#leases.isRefused(kind, id));
    return isRefused ? now + RESEND_AFTER_MS.least : null;
  }
}

/** The messages that are still to be delivered, and until when. */
function wanted(dispatches: readonly Dispatch[]) {
  const messages: { kind: MessageKind; id: string; dispatch: Dispatch; until: number }[] = [];
  for (const dispatch of dispatches) {
    const { id, state, deliverUntil, cancelNotice } = dispatch;
    if (state === 'PENDING') messages.push({ kind: 'dispatch', id, dispatch, until: deliverUntil });
    if (cancelNotice?.state === 'PENDING') {
      messages.push({ kind: 'cancel', id, dispatch, until: cancelNotice.until });
    }
  }
  return messages;
}
