// Sends dispatches to the orchestrator under test as src/dispatch/orchestrator.ts does, and also as an impostor would,
// which that one can't. A test holds the two to each other.
import { Webhook } from 'standardwebhooks';
import type { Message } from './job-under-test.ts';

export interface Taken {
  /** Null when there was no answer. */
  status: number | null;
  executionId: string | null;
  elapsedMs: number;
}

/** What stands in for the ordinary signature. */
export interface Forgery {
  /** Default: the shared ones. None at all leaves the three webhook headers out. */
  secrets?: readonly string[];
  signedAt?: Date;
  /** Sent in place of what was signed. */
  body?: Message;
}

export interface Sender {
  url: string;
  secrets: readonly string[];
  /** How long to wait for an answer; whether it came in time is for a check to say. */
  timeoutMs: number;
}

export async function send(message: Message, sender: Sender, forgery: Forgery = {}): Promise<Taken> {
  const { secrets = sender.secrets, signedAt = new Date(), body = message } = forgery;
  const { headers, text } = toRequest(message, secrets, signedAt);
  const startedAt = performance.now();
  try {
    const response = await fetch(sender.url, {
      method: 'POST',
      headers,
      body: body === message ? text : toText(body),
      redirect: 'manual',
      signal: AbortSignal.timeout(sender.timeoutMs),
    });
    const elapsedMs = performance.now() - startedAt;
    return { status: response.status, executionId: executionIdIn(await response.text()), elapsedMs };
  } catch {
    return { status: null, executionId: null, elapsedMs: performance.now() - startedAt };
  }
}

/** The request in which Retake would send this message now. */
export function toRequest(message: Message, secrets: readonly string[], at = new Date()) {
  const isCancel = message.type === 'job.cancel';
  const key = isCancel ? `${message.dispatch_id}.cancel` : message.dispatch_id;
  const text = toText(message);
  const signature = {
    'webhook-id': key,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(key, at, text)).join(' '),
  };
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Retake/1.0',
    'idempotency-key': key,
    traceparent: message.traceparent,
    'x-correlation-id': message.correlationId,
    ...(secrets.length === 0 ? {} : signature),
  };
  return { headers, text };
}

function toText({ traceparent: _, correlationId: __, ...body }: Message): string {
  return JSON.stringify(body);
}

function executionIdIn(text: string): string | null {
  try {
    const id: unknown = JSON.parse(text)?.execution_id;
    return typeof id === 'string' && id !== '' ? id : null;
  } catch {
    return null;
  }
}
