// The only call to the orchestrator: one signed POST (Standard Webhooks), and what its answer means.
import { readCapped } from '../capped-body.ts';
import type { Config } from '../config.ts';
import { signCallbackToken } from '../contract/callback-token.ts';
import { toLabelFields } from '../contract/labels.ts';
import type { Delivery } from '../contract/messages.ts';
import { toExportTask } from '../contract/plans.ts';
import { signedHeaders } from '../contract/webhook-signature.ts';
import type { DeliveryOutcome } from '../domain/commands.ts';

/** An answer is only looked at for its execution_id. */
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_EXECUTION_ID_LENGTH = 200;
const utf8 = new TextDecoder();

/**
 * Delivers one message and says how that ended. Never throws for anything the orchestrator does:
 * - `delivered`: it answered 2xx
 * - `refused`: another answer that a repeat would not change (3xx, 4xx)
 * - `unreachable`: it said "not now" (408, 425, 429, 5xx)
 * - `unknown`: no answer, so it may have taken it
 */
export async function deliver(delivery: Delivery, config: Config): Promise<DeliveryOutcome> {
  const request = await toRequest(delivery, config);
  const signal = AbortSignal.timeout(delivery.timeoutMs);
  let response: Response;
  try {
    response = await fetch(config.orchestratorUrl, {
      ...request,
      method: 'POST',
      redirect: 'manual',
      signal,
    });
  } catch (error) {
    const timedOut = error instanceof Error && error.name === 'TimeoutError';
    const what = timedOut ? `gave no answer within ${delivery.timeoutMs} ms` : 'could not be reached';
    return { kind: 'unknown', error: `The orchestrator ${what}.`, retryAfterMs: null };
  }
  if (response.ok) return { kind: 'delivered', executionId: await executionIdOf(response) };
  await response.body?.cancel();
  const error = `The orchestrator answered ${response.status}.`;
  // Interim answers are none (RFC 9110 §15.2), though a runtime may hand one on.
  if (response.status < 200) return { kind: 'unknown', error, retryAfterMs: null };
  const isStillWorking = delivery.mayBeTaken && STILL_WORKING.includes(response.status);
  if (!isStillWorking && !isWorthRepeating(response.status)) return { kind: 'refused', error };
  return {
    kind: 'unreachable',
    error,
    retryAfterMs: retryAfterMs(response.headers.get('retry-after'), Date.now()),
  };
}

async function toRequest(delivery: Delivery, config: Config) {
  const isCancel = delivery.type === 'job.cancel';
  // A cancel is a message of its own: under the dispatch's key it would pass for a repeat of it.
  const key = isCancel ? `${delivery.dispatchId}.cancel` : delivery.dispatchId;
  const body = JSON.stringify({
    type: delivery.type,
    dispatch_id: delivery.dispatchId,
    job_id: delivery.jobId,
    project_id: delivery.projectId,
    ...(isCancel ? { execution_id: delivery.executionId } : await workOf(delivery, config)),
  });
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'Retake/1.0',
      'idempotency-key': key,
      traceparent: delivery.traceparent,
      'x-correlation-id': delivery.correlationId,
      ...(await signedHeaders(key, Date.now(), body, config.dispatchSigningSecrets)),
    },
  };
}

/** What a pipeline needs to begin. A cancel has none of it, so that it can be taken for no run. */
async function workOf(delivery: Delivery, config: Config) {
  const { jobId, dispatchId } = delivery;
  return {
    owner: delivery.owner,
    ...toLabelFields(delivery),
    operation_id: delivery.operationId,
    video_uri: delivery.videoUri,
    callback_url: `${config.publicBaseUrl}/internal/jobs/${jobId}/status`,
    callback_token: await signCallbackToken(jobId, dispatchId, config.callbackTokenKeys),
    model_profile: delivery.modelProfile,
    engines: delivery.engines,
    keep: delivery.stages.flatMap((plan) =>
      plan.action === 'keep' && plan.ref !== null
        ? [{ stage: plan.stage, version: plan.version, ref: plan.ref }]
        : [],
    ),
    // A run begins at the beginning.
    ...(delivery.resumeFromStatus === null
      ? {}
      : { resume_from_status: delivery.resumeFromStatus, checkpoint_ref: delivery.checkpointRef }),
    ...toExportTask(delivery.task),
  };
}

const isWorthRepeating = (status: number): boolean =>
  status === 408 || status === 425 || status === 429 || status >= 500;

/**
 * What a key is answered that came before and whose first request is still being handled: conflict, as in the Idempotency-Key
 * draft of the IETF (§2.6), or locked.
 */
const STILL_WORKING: readonly number[] = [409, 423];

/** RFC 9110 §10.2.3: seconds, or a date. Null for neither. */
export function retryAfterMs(header: string | null, now: number): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  // The parser takes "1.5" for a day in January; an HTTP-date begins with the day of the week.
  const at = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(at - now, 0);
}

/** The answer counts as delivered whatever it holds; its execution_id is a courtesy. */
async function executionIdOf(response: Response): Promise<string | null> {
  try {
    const answer = await readCapped(response, MAX_ANSWER_BYTES);
    if (answer === null) {
      await response.body?.cancel();
      return null;
    }
    const id: unknown = JSON.parse(utf8.decode(answer))?.execution_id;
    return typeof id === 'string' && id !== '' && id.length <= MAX_EXECUTION_ID_LENGTH ? id : null;
  } catch {
    return null;
  }
}
