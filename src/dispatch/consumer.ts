// The dispatch queue's consumer: claim, deliver, report; then acknowledge, or let the queue bring the message again.
import { requireConfig } from '../config.ts';
import { type DispatchMessage, dispatchMessage } from '../contract/messages.ts';
import { describeError, log } from '../log.ts';
import { measure } from '../metrics.ts';
import { jobObject } from '../objects.ts';
import { attempted } from './attempted.ts';
import { deliver } from './orchestrator.ts';

/** How long a message rests when the job itself could not be reached. */
const AFTER_FAILURE_SECONDS = 2;

export async function consumeDispatches(batch: MessageBatch, env: Env): Promise<void> {
  await Promise.all(batch.messages.map((message) => consume(message, env)));
}

async function consume(message: Message, env: Env): Promise<void> {
  const parsed = dispatchMessage.safeParse(message.body);
  if (!parsed.success) {
    log('error', 'dispatch_message_invalid', { attempts: message.attempts });
    message.ack();
    return;
  }
  try {
    const delayMs = await carry(parsed.data, env);
    if (delayMs === null) message.ack();
    else message.retry({ delaySeconds: Math.ceil(delayMs / 1000) });
  } catch (error) {
    log('error', 'dispatch_message_failed', { ...fields(parsed.data), error: describeError(error) });
    message.retry({ delaySeconds: AFTER_FAILURE_SECONDS });
  }
}

/** Carries one message to its end, or answers after how long it wants to be brought again. */
async function carry(message: DispatchMessage, env: Env): Promise<number | null> {
  const { job_id, dispatch_id, kind } = message;
  const claim = await jobObject(env, job_id).claim(dispatch_id, kind);
  if (claim.verdict === 'drop') return null;
  if (claim.verdict === 'later') return claim.delayMs;
  const outcome = await deliver(claim.delivery, requireConfig(env));
  // A stub of its own: one whose object was restarted during the delivery stays broken.
  const after = await jobObject(env, job_id).reportDelivery(dispatch_id, kind, outcome, claim.delivery.claim);
  const delayMs = after.verdict === 'retry' ? after.delayMs : null;
  measure(env, attempted(claim.delivery, outcome.kind));
  log(outcome.kind === 'delivered' ? 'info' : 'warn', 'delivery_attempted', {
    ...fields(message),
    outcome: outcome.kind,
    ...('error' in outcome ? { reason: outcome.error } : {}),
    ...(delayMs === null ? {} : { delay_ms: delayMs }),
  });
  return delayMs;
}

const fields = ({ job_id, dispatch_id, kind }: DispatchMessage) => ({
  job_id,
  dispatch_id,
  message_kind: kind,
});
