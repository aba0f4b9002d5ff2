// A message on its way, as the queue's consumers see it: the claim before an attempt, and what follows from its outcome.
import type { Claim } from '../contract/messages.ts';
import type { DeliveryOutcome, MessageKind } from '../domain/commands.ts';
import type { Dispatch } from '../domain/dispatch.ts';
import type { Job } from '../domain/job.ts';
import { labelsOf } from '../domain/labels.ts';
import { backoffMs, fitsWindow } from '../domain/resending.ts';
import type { Leases } from './leases.ts';

/** A cancel waits for the delivery that it would otherwise overtake. */
const CANCEL_AFTER_DELIVERY_MS = 1_000;
/** How long a consumer may take beyond its attempt to report the outcome. */
const REPORT_MARGIN_MS = 2_000;

/**
 * Whether a message that the queue brought is still wanted, and if so what to deliver: by whoever made up the id of this
 * claim, in an attempt of at most `attemptMs`.
 */
export function claim(
  job: Job,
  dispatch: Dispatch,
  message: MessageKind,
  id: string,
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
  const heldMs = timeoutMs + REPORT_MARGIN_MS;
  if (!leases.claim(message, dispatch.id, id, now, now + heldMs)) return { verdict: 'drop' };
  return {
    verdict: 'deliver',
    heldMs,
    delivery: {
      type: message === 'cancel' ? 'job.cancel' : `job.${dispatch.kind}`,
      task: dispatch.task,
      dispatchId: dispatch.id,
      operationId: dispatch.operationId,
      jobId: job.id,
      projectId: job.projectId,
      owner: job.ownerIdentity,
      ...labelsOf(job),
      videoUri,
      modelProfile: dispatch.modelProfile,
      resumeFromStatus: dispatch.resumeFromStatus,
      checkpointRef: dispatch.checkpointRef,
      engines: dispatch.engines,
      stages: dispatch.plan?.stages ?? [],
      executionId: dispatch.executionId,
      traceparent: dispatch.traceparent,
      correlationId: dispatch.correlationId,
      mayBeTaken:
        leases.mayBeUnreported(message, dispatch.id, id) ||
        (message === 'cancel' ? (failedAttempts(dispatch, message) ?? 0) > 0 : dispatch.outcomeUnknown),
      timeoutMs,
      claim: id,
    },
  };
}

/** The pause before the next attempt, in whole seconds as the queue counts; null when there is to be none. */
export function pauseAfter(
  dispatch: Dispatch,
  message: MessageKind,
  outcome: DeliveryOutcome,
): number | null {
  const attempts = failedAttempts(dispatch, message);
  if (attempts === null || (outcome.kind !== 'unreachable' && outcome.kind !== 'unknown')) return null;
  return Math.ceil(backoffMs(attempts, outcome.retryAfterMs) / 1000) * 1000;
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
