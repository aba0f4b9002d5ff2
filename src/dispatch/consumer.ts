// The dispatch queue's consumer. A message is acknowledged once it is claimed, and delivered while the queue goes on: a slow
// orchestrator keeps nobody else waiting. What becomes of it then is the Job's to see to, and that of its alarm.
import { requireConfig } from '../config.ts';
import {
  type AfterDelivery,
  type Claim,
  type Delivery,
  type DispatchMessage,
  dispatchMessage,
} from '../contract/messages.ts';
import type { DeliveryOutcome } from '../domain/commands.ts';
import { describeError, log } from '../log.ts';
import { measure } from '../metrics.ts';
import { jobObject } from '../objects.ts';
import { attempted } from './attempted.ts';
import { OpenDeliveries, type Place } from './open-deliveries.ts';
import { deliver } from './orchestrator.ts';
import { persistently } from './persistently.ts';

/** How long a message rests when the job itself could not be reached, or said what is not understood here. */
const AFTER_FAILURE_SECONDS = 2;
/** A message for which there is no place comes back every second, from the sixth time on every other, and so forth. */
const TIMES_WITH_ONE_PAUSE = 5;

type Granted = Extract<Claim, { verdict: 'deliver' }>;
type Consume = (batch: MessageBatch, env: Env, ctx: Pick<ExecutionContext, 'waitUntil'>) => Promise<void>;

/** One for the whole isolate, which knows what it has open. */
export function createConsumer(): Consume {
  const open = new OpenDeliveries();
  return async (batch, env, ctx) => {
    await Promise.all(batch.messages.map((message) => consume(message, env, ctx, open)));
  };
}

async function consume(
  message: Message,
  env: Env,
  ctx: Pick<ExecutionContext, 'waitUntil'>,
  open: OpenDeliveries,
): Promise<void> {
  const parsed = dispatchMessage.safeParse(message.body);
  if (!parsed.success) {
    log('error', 'dispatch_message_invalid', { attempts: message.attempts });
    message.ack();
    return;
  }
  let place: Place | null = null;
  try {
    place = open.take(parsed.data.owner, requireConfig(env).maxOpenDeliveries, Date.now());
    if (place === null) {
      message.retry({ delaySeconds: Math.ceil(message.attempts / TIMES_WITH_ONE_PAUSE) });
      return;
    }
    const claim = await claimed(parsed.data, env);
    switch (claim.verdict) {
      case 'drop':
        message.ack();
        break;
      case 'later':
        message.retry({ delaySeconds: Math.ceil(claim.delayMs / 1000) });
        break;
      case 'deliver': {
        message.ack();
        const taken = place;
        place = null;
        ctx.waitUntil(carry(parsed.data, claim, env).finally(() => taken.giveBack()));
        break;
      }
      default:
        // A newer Job's: this version is about to be replaced.
        claim satisfies never;
        message.retry({ delaySeconds: AFTER_FAILURE_SECONDS });
    }
  } catch (error) {
    log('error', 'dispatch_message_failed', { ...fields(parsed.data), error: describeError(error) });
    message.retry({ delaySeconds: AFTER_FAILURE_SECONDS });
  } finally {
    place?.giveBack();
  }
}

/** Whether the message is wanted; repeated under one id, so that a claim whose answer was lost is not lost with it. */
function claimed({ job_id, dispatch_id, kind }: DispatchMessage, env: Env): Promise<Claim> {
  const id = crypto.randomUUID();
  return persistently<Claim>(async () => await jobObject(env, job_id).claim(dispatch_id, kind, id));
}

/** One attempt, and the report of how it ended. Never rejects: what is lost here the Job's alarm finds. */
async function carry(message: DispatchMessage, { delivery, heldMs }: Granted, env: Env): Promise<void> {
  const heldUntil = Date.now() + heldMs;
  try {
    await report(message, delivery, await deliver(delivery, requireConfig(env)), env);
  } catch (error) {
    log('error', 'dispatch_message_failed', { ...fields(message), error: describeError(error) });
    await bringAgain(message, heldUntil, env);
  }
}

async function report(
  message: DispatchMessage,
  delivery: Delivery,
  outcome: DeliveryOutcome,
  env: Env,
): Promise<void> {
  const { job_id, dispatch_id, kind } = message;
  measure(env, attempted(delivery, outcome.kind));
  // A stub of its own each time: one whose object was restarted during the delivery stays broken.
  const after = await persistently<AfterDelivery>(
    async () => await jobObject(env, job_id).reportDelivery(dispatch_id, kind, outcome, delivery.claim),
  );
  log(outcome.kind === 'delivered' ? 'info' : 'warn', 'delivery_attempted', {
    ...fields(message),
    outcome: outcome.kind,
    ...('error' in outcome ? { reason: outcome.error } : {}),
    ...(after.verdict === 'retry' ? { delay_ms: after.delayMs } : {}),
  });
}

/** Nobody knows how the attempt ended: it is repeated under the same key, once the claim that is in the way is over. */
async function bringAgain(message: DispatchMessage, heldUntil: number, env: Env): Promise<void> {
  try {
    const delaySeconds = Math.max(Math.ceil((heldUntil - Date.now()) / 1000), 0);
    await env.DISPATCHES.send(message, { delaySeconds });
  } catch (error) {
    log('warn', 'queue_send_failed', { ...fields(message), error: describeError(error) });
  }
}

const fields = ({ job_id, dispatch_id, kind }: DispatchMessage) => ({
  job_id,
  dispatch_id,
  message_kind: kind,
});
