// The orchestrator's only outbound request: one callback, repeated with the same event_id while the
// receiver is out of reach. What a refusal means for the pipeline is not judged here.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, afterAnswer } from '../pipeline/answers.ts';
import type { CallbackBody, CallbackRecord } from './log.ts';
import { type Misbehaviours, TAKEN } from './misbehaviour.ts';

export type Attempt = Pick<CallbackRecord, 'attempt' | 'answer' | 'error_code' | 'answer_body'>;

export type CallbackDelivery = {
  url: string;
  token: string;
  body: CallbackBody;
  /** Wait after the first failed attempt; it doubles up to 5 s. */
  backoffMs: number;
  misbehave: Misbehaviours;
  /** Ends the waiting between attempts; an attempt under way is still finished, so that its answer is known. */
  stop: AbortSignal;
  /** Ends everything. */
  shutdown: AbortSignal;
  onAttempt: (attempt: Attempt) => void;
};

// With the default backoff, half a minute: long enough to outlive a restart of the receiver.
const maxAttempts = 10;
const maxBackoffMs = 5_000;
const answerTimeoutMs = 10_000;

/** Null when the receiver stayed out of reach. Rejects only when one of the signals aborts. */
export async function sendCallback(delivery: CallbackDelivery): Promise<Answer | null> {
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const renamed = attempt > 1 && delivery.misbehave.has('new-event-id-on-repeat');
    if (renamed) delivery.body = { ...delivery.body, event_id: randomUUID() };
    const posted = await post(delivery);
    delivery.onAttempt({ attempt, ...posted });
    const { answer: status, error_code: errorCode } = posted;
    const answer = status === 'unreachable' ? null : { status, errorCode };
    const verdict = afterAnswer(answer);
    const isRepeated = verdict === 'again' || delivery.misbehave.has('repeats-refused-reports');
    if (verdict === 'go-on' || !isRepeated) return answer;
    if (delivery.misbehave.has('gives-up-callbacks')) return TAKEN;
    if (status === 429 && delivery.misbehave.has('gives-up-on-429')) return TAKEN;
    delivery.stop.throwIfAborted();
    if (attempt === maxAttempts) break;
    const backoffMs = Math.min(delivery.backoffMs * 2 ** (attempt - 1), maxBackoffMs);
    await sleep(backoffMs, undefined, { signal: delivery.stop });
  }
  return null;
}

async function post({ url, token, body, shutdown }: CallbackDelivery): Promise<Omit<Attempt, 'attempt'>> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      redirect: 'manual',
      signal: AbortSignal.any([shutdown, AbortSignal.timeout(answerTimeoutMs)]),
    });
    const answerBody = parseJson(await response.text());
    return { answer: response.status, error_code: errorCodeOf(answerBody), answer_body: answerBody };
  } catch (error) {
    shutdown.throwIfAborted();
    if (error instanceof Error) return { answer: 'unreachable', error_code: null, answer_body: null };
    throw error;
  }
}

type Json = CallbackRecord['answer_body'];

function parseJson(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function errorCodeOf(body: Json): string | null {
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  return isObject && typeof body.error_code === 'string' ? body.error_code : null;
}
