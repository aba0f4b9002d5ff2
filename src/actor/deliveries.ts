// A message on its way, as the queue's consumers see it: the claim before an attempt, and what follows from its outcome.
import type { AfterDelivery, Claim } from '../contract/messages.ts';
import type { DeliveryOutcome, MessageKind } from '../domain/commands.ts';
import type { Dispatch } from '../domain/dispatch.ts';
import type { Job } from '../domain/job.ts';
import { backoffMs, fitsWindow } from '../domain/resending.ts';
import type { Leases } from './leases.ts';

/** A cancel waits for the delivery that it would otherwise overtake. */
const CANCEL_AFTER_DELIVERY_MS = 1_000;

/** Whether a message that the queue brought is still wanted, and if so what to deliver; `attemptMs` at the most. */
export function claim(
  job: Job,
  dispatch: Dispatch,
  message: MessageKind,
  leases: Leases,
  attemptMs: number,
): Claim {
  const until = wantedUntil(dispatch, message);
  const now = Date.now();
  const { videoUri } = job.manifest;
  if (until === null || !fitsWindow(now, until) || videoUri === null) return { verdict: 'drop' };
  if (message === 'cancel' && leases.isBeingDelivered('dispatch', dispatch.id, now)) {
    return { verdict: 'later', delayMs: CANCEL_AFTER_DELIVERY_MS };
  }
  const timeoutMs = Math.min(attemptMs, until - now);
  const id = leases.claim(message, dispatch.id, now, timeoutMs);
  if (id === null) return { verdict: 'drop' };
  return {
    verdict: 'deliver',
    delivery: {
      type: message === 'cancel' ? 'job.cancel' : `job.${dispatch.kind}`,
      dispatchId: dispatch.id,
      jobId: job.id,
      projectId: job.projectId,
      owner: job.ownerIdentity,
      videoUri,
      modelProfile: dispatch.modelProfile,
      resumeFromStatus: dispatch.resumeFromStatus,
      checkpointRef: dispatch.checkpointRef,
      executionId: dispatch.executionId,
      traceparent: dispatch.traceparent,
      correlationId: dispatch.correlationId,
      mayBeTaken:
        message === 'cancel' ? (failedAttempts(dispatch, message) ?? 0) > 0 : dispatch.outcomeUnknown,
      timeoutMs,
      claim: id,
    },
  };
}

/**
 * Whether the queue is to bring the message again after this outcome, and when; null when nothing is left to be delivered.
 * `isCarrier` says whether it was reported under the claim that counts: else another copy is on its way by now.
 */
export function afterAttempt(
  dispatch: Dispatch,
  message: MessageKind,
  outcome: DeliveryOutcome,
  isCarrier: boolean,
  leases: Leases,
): AfterDelivery | null {
  const attempts = failedAttempts(dispatch, message);
  if (attempts === null || (outcome.kind !== 'unreachable' && outcome.kind !== 'unknown')) return null;
  if (!isCarrier) return { verdict: 'done' };
  const delayMs = Math.ceil(backoffMs(attempts, outcome.retryAfterMs) / 1000) * 1000;
  leases.paused(message, dispatch.id, Date.now() + delayMs);
  return { verdict: 'retry', delayMs };
}

/** Until when the message still has to be delivered; null once it has not. */
function wantedUntil({ state, deliverUntil, cancelNotice }: Dispatch, message: MessageKind): number | null {
  if (message === 'dispatch') return state === 'PENDING' ? deliverUntil : null;
  return cancelNotice?.state === 'PENDING' ? cancelNotice.until : null;
}

/** The failed attempts so far of a message that still has to be delivered; null once it has not. */
function failedAttempts(dispatch: Dispatch, message: MessageKind): number | null {
  if (message === 'dispatch') return dispatch.state === 'PENDING' ? dispatch.deliveryAttempts : null;
  return dispatch.cancelNotice?.state === 'PENDING' ? dispatch.cancelNotice.attempts : null;
}
