// Sends what the transaction left to send. Nothing is marked as sent: what still has to go out follows from the
// job's stored state, so a crash at any point loses nothing, and sending twice is harmless.
import type { DispatchMessage } from '../contract/messages.ts';
import type { MessageKind } from '../domain/commands.ts';
import type { Dispatch } from '../domain/dispatch.ts';
import type { Job } from '../domain/job.ts';
import { pushBackoffMs, RESEND_AFTER_MS, resendAt } from '../domain/resending.ts';
import { describeError, log } from '../log.ts';
import type { Leases } from './leases.ts';
import type { JobSummary } from './workspace-store.ts';

export interface OutboxTargets {
  send(message: DispatchMessage): Promise<unknown>;
  push(owner: string, summary: JobSummary): Promise<unknown>;
}

export class Outbox {
  readonly #targets: OutboxTargets;
  readonly #leases: Leases;
  /** The status that the workspace is known to list; null while that is not known: a push without an answer may have arrived. */
  #listedStatus: string | null = null;
  #pushing: Promise<void> | null = null;
  #pushFailures = 0;

  constructor(targets: OutboxTargets, leases: Leases) {
    this.#targets = targets;
    this.#leases = leases;
  }

  /** Puts on the queue what these dispatches still need delivered and nobody carries. Whether the queue took it all. */
  async send(jobId: string, dispatches: readonly Dispatch[], now: number): Promise<boolean> {
    const sent = wanted(dispatches)
      .filter(({ kind, id }) => this.#leases.carriedUntil(kind, id, now) === null)
      .map(async ({ kind, id, dispatch, until }) => {
        this.#leases.queued(kind, id, now, resendAt(dispatch, until, now));
        try {
          await this.#targets.send({ job_id: jobId, dispatch_id: id, kind });
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
  sendDueAt(dispatches: readonly Dispatch[], now: number): number | null {
    const isRefused = wanted(dispatches).some(({ kind, id }) => this.#leases.isRefused(kind, id));
    return isRefused ? now + RESEND_AFTER_MS.least : null;
  }

  /** Whether the workspace is known to list the job as it is. */
  isListed({ status }: Job): boolean {
    return status === this.#listedStatus;
  }

  /** When the workspace has to hear of this job again should it not have by then; null when it is up to date. */
  pushDueAt(job: Job, now: number): number | null {
    return this.isListed(job) ? null : now + pushBackoffMs(this.#pushFailures);
  }

  /** Tells the workspace the job's newest summary; pushes that overlap become one. Never throws. */
  push(current: () => Job | null): Promise<void> {
    this.#pushing ??= this.#pushUntilListed(current).finally(() => {
      this.#pushing = null;
    });
    return this.#pushing;
  }

  async #pushUntilListed(current: () => Job | null): Promise<void> {
    for (let job = current(); job && !this.isListed(job); job = current()) {
      const { id, projectId, status, revision, createdAt, updatedAt } = job;
      this.#listedStatus = null;
      try {
        await this.#targets.push(job.owner, { jobId: id, projectId, status, revision, createdAt, updatedAt });
        this.#listedStatus = status;
        this.#pushFailures = 0;
      } catch (error) {
        this.#pushFailures += 1;
        log('warn', 'summary_push_failed', {
          job_id: id,
          attempts: this.#pushFailures,
          error: describeError(error),
        });
        return;
      }
    }
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
