// The dead-letter queue's consumer: a message that could not be claimed is told to its job, which notes it and sends it again.
import { dispatchMessage } from '../contract/messages.ts';
import { describeError, log } from '../log.ts';
import { jobObject } from '../objects.ts';

const AFTER_FAILURE_SECONDS = 10;

export async function consumeDeadLetters(batch: MessageBatch, env: Env): Promise<void> {
  await Promise.all(batch.messages.map((message) => bury(message, env)));
}

async function bury(message: Message, env: Env): Promise<void> {
  const parsed = dispatchMessage.safeParse(message.body);
  if (!parsed.success) {
    log('error', 'dead_letter_invalid');
    message.ack();
    return;
  }
  const { job_id, dispatch_id, kind } = parsed.data;
  const fields = { job_id, dispatch_id, message_kind: kind };
  try {
    await jobObject(env, job_id).reportDelivery(dispatch_id, kind, { kind: 'dead-lettered' });
    log('error', 'dead_letter', fields);
    message.ack();
  } catch (error) {
    // The job's own alarm ends the delivery should this never succeed.
    log('error', 'dead_letter_failed', { ...fields, error: describeError(error) });
    message.retry({ delaySeconds: AFTER_FAILURE_SECONDS });
  }
}
