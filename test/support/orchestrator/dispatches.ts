// `POST /dispatches`: who may send, what was sent, whether it is executed, and the answer or fault
// that the plan asks for. Running what was accepted is executor.ts's.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Webhook } from 'standardwebhooks';
import { z } from 'zod';
import { type CancelDispatch, type Dispatch, dispatchSchema, type WorkDispatch } from './dispatch.ts';
import type { Executor } from './executor.ts';
import { type Reply, readBody, reply } from './http.ts';
import type { Journal } from './journal.ts';
import type { RequestAnswer } from './log.ts';
import { executesAgain, lateAnswerMs, type Misbehaviours, spoilBody } from './misbehaviour.ts';
import type { Answer } from './plan.ts';
import type { PlanBook } from './plan-book.ts';
import type { Gate, Pulse } from './pulse.ts';

const maxBodyBytes = 1024 * 1024;

export type DispatchesDeps = {
  /** One per secret; a signature by any of them is good. */
  webhooks: readonly Webhook[];
  journal: Journal;
  plans: PlanBook;
  executor: Executor;
  gate: Gate;
  pulse: Pulse;
  shutdown: AbortSignal;
  misbehave: Misbehaviours;
  say: (line: string) => void;
};

type Taken = { reply: Reply; firstCallback: Promise<void> };
type Received = { requestId: string; key: string; dispatch: Dispatch; response: ServerResponse };

export class Dispatches {
  readonly #deps: DispatchesDeps;
  readonly #inProgress = new Map<ServerResponse, string>();
  /** Keys of what was refused, for the misbehaviour that takes them for known. */
  readonly #forged = new Set<string>();

  constructor(deps: DispatchesDeps) {
    this.#deps = deps;
  }

  isReceiving(jobId: string): boolean {
    return [...this.#inProgress.values()].includes(jobId);
  }

  async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { journal, plans, pulse, misbehave, say } = this.#deps;
    const headers = flatten(request.headersDistinct);
    const raw = await readBody(request, maxBodyBytes);
    if (raw === null) return this.#reject(response, 413, 'the body is longer than 1 MiB');
    if (!this.#isSigned(raw, headers)) {
      this.#forged.add(headers['idempotency-key'] ?? '');
      return this.#reject(response, 401, 'the signature is missing or bad');
    }
    const body = parseDispatch(raw, misbehave);
    if (!body.success) return this.#reject(response, 400, body.reason);
    const key = headers['idempotency-key'];
    // The signature covers webhook-id alone: only equality makes the key trustworthy.
    if (!key || key !== (headers['webhook-id'] ?? key)) {
      return this.#reject(response, 400, 'Idempotency-Key is missing or differs from webhook-id');
    }

    const { dispatch } = body;
    const { type, dispatch_id, job_id } = dispatch;
    this.#inProgress.set(response, job_id);
    response.once('close', () => {
      this.#inProgress.delete(response);
      pulse.beat();
    });
    const requestId = randomUUID();
    journal.append({
      kind: 'request',
      request_id: requestId,
      at: new Date().toISOString(),
      type,
      dispatch_id,
      job_id,
      idempotency_key: key,
      headers,
      body: dispatch,
      answer: 'pending',
    });
    if (!plans.knows(job_id, type)) {
      journal.answer(requestId, 400);
      say(`dispatch ${job_id} ${type} ${dispatch_id} → 400`);
      return reply(response, { status: 400, body: { error: `there is no message ${type}` } });
    }
    const planned = type === 'job.cancel' ? plans.takeCancelAnswer(job_id) : plans.takeAnswer(job_id);
    const late: Answer = { kind: 'accept_late', delay_ms: lateAnswerMs };
    await this.#act(misbehave.has('answers-too-late') ? late : planned, {
      requestId,
      key,
      dispatch,
      response,
    });
  }

  async #act(answer: Answer, received: Received): Promise<void> {
    const { gate, shutdown } = this.#deps;
    const { dispatch, response } = received;
    switch (answer.kind) {
      case 'accept':
        return this.#answer(received, this.#take(received).reply);
      case 'accept_late': {
        const taken = this.#take(received);
        await sleep(answer.delay_ms, undefined, { signal: shutdown });
        return this.#answer(received, taken.reply);
      }
      case 'accept_then_drop':
        this.#take(received);
        this.#settle(received, 'dropped');
        response.destroy();
        return;
      case 'interim':
        response.writeEarlyHints({ link: '</dispatches>; rel=preconnect' });
        return this.#answer(received, this.#take(received).reply);
      case 'hold':
        await gate.wait(dispatch.job_id, shutdown);
        return this.#answer(received, this.#take(received).reply);
      case 'callback_first': {
        const taken = this.#take(received);
        await taken.firstCallback;
        return this.#answer(received, taken.reply);
      }
      case 'garbage':
        this.#take(received);
        return this.#answer(received, { status: 200, body: '<'.repeat(answer.bytes ?? 1024 * 1024) });
      case 'refuse':
        return this.#answer(received, { status: answer.status, body: answer.body ?? { error: 'refused' } });
      case 'error': {
        const headers = answer.retry_after === undefined ? {} : { 'retry-after': String(answer.retry_after) };
        return this.#answer(received, { status: answer.status, headers, body: { error: 'error' } });
      }
      case 'redirect':
        return this.#answer(received, { status: 307, headers: { location: answer.location } });
      case 'hang':
        return this.#settle(received, 'hung');
    }
  }

  #take({ dispatch, key }: Received): Taken {
    return dispatch.type === 'job.cancel' ? this.#cancel(dispatch, key) : this.#execute(dispatch, key);
  }

  /** Executes once per key; a repeat gets the same execution, a dispatch cancelled before it came gets none. */
  #execute(dispatch: WorkDispatch, key: string): Taken {
    const { journal, executor, misbehave } = this.#deps;
    const earlier = journal.executionOfKey(key);
    if (earlier && misbehave.has('locks-known-keys'))
      return done({ status: 409, body: { error: 'in progress' } });
    if (earlier && !executesAgain(dispatch, misbehave))
      return done({ status: 200, body: { execution_id: earlier.execution_id } });
    if (this.#forged.has(key) && misbehave.has('claims-forgeries')) {
      return done({ status: 200, body: { execution_id: null } });
    }
    if (journal.isCancelled(dispatch.dispatch_id) && !misbehave.has('forgets-early-cancel')) {
      return done({ status: 200, body: { execution_id: null, cancelled: true } });
    }
    const { execution, firstCallback } = executor.start(dispatch, key);
    return { reply: { status: 202, body: { execution_id: execution.execution_id } }, firstCallback };
  }

  /** A cancel of an unknown dispatch is remembered, since the two may arrive in either order. */
  #cancel({ dispatch_id, job_id, ...others }: CancelDispatch, key: string): Taken {
    const { journal, executor, misbehave } = this.#deps;
    if (misbehave.has('wants-work-of-cancel') && !('callback_url' in others))
      return done({ status: 400, body: { error: 'callback_url is missing' } });
    const execution_id = journal.executionOfDispatch(dispatch_id)?.execution_id ?? null;
    const body = { execution_id, cancelled: true };
    if (journal.isCancelled(dispatch_id)) {
      return done({ status: misbehave.has('refuses-repeated-cancel') ? 409 : 200, body });
    }
    const stopped = misbehave.has('ignores-cancel') ? false : executor.cancel(dispatch_id);
    const at = new Date().toISOString();
    journal.append({ kind: 'cancel', at, dispatch_id, job_id, idempotency_key: key, execution_id, stopped });
    return done({ status: 202, body });
  }

  #answer(received: Received, answer: Reply): void {
    this.#settle(received, answer.status);
    reply(received.response, answer);
  }

  /** The log knows the answer before the caller does, so that a test that saw the answer can rely on the log. */
  #settle({ requestId, dispatch }: Received, answer: RequestAnswer): void {
    this.#deps.journal.answer(requestId, answer);
    this.#deps.say(`dispatch ${dispatch.job_id} ${dispatch.type} ${dispatch.dispatch_id} → ${answer}`);
  }

  #reject(response: ServerResponse, status: number, reason: string): void {
    this.#deps.journal.append({ kind: 'rejection', at: new Date().toISOString(), status, reason });
    this.#deps.say(`dispatch rejected → ${status}: ${reason}`);
    reply(response, { status, body: { error: reason } });
  }

  #isSigned(raw: string, headers: Record<string, string>): boolean {
    const { webhooks, misbehave } = this.#deps;
    const { 'webhook-id': id = '', 'webhook-signature': list } = headers;
    const signature = misbehave.has('reads-one-signature') ? list?.split(' ')[0] : list;
    if (signature === undefined && misbehave.has('accepts-unsigned')) return true;
    if (signature !== undefined && misbehave.has('accepts-wrong-signature')) return true;
    return webhooks.some((webhook) => {
      try {
        const at = new Date(Number(headers['webhook-timestamp']) * 1000);
        if (misbehave.has('accepts-stale') && signature === webhook.sign(id, at, raw)) return true;
        webhook.verify(raw, { ...headers, 'webhook-signature': signature ?? '' }, { jsonParse: false });
        return true;
      } catch {
        return false;
      }
    });
  }
}

function done(reply: Reply): Taken {
  return { reply, firstCallback: Promise.resolve() };
}

function flatten(headers: NodeJS.Dict<string[]>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, values]) => [name, values?.join(', ') ?? '']),
  );
}

function parseDispatch(
  raw: string,
  misbehave: Misbehaviours,
): { success: true; dispatch: Dispatch } | { success: false; reason: string } {
  try {
    const parsed = dispatchSchema.safeParse(spoilBody(JSON.parse(raw), misbehave));
    return parsed.success
      ? { success: true, dispatch: parsed.data }
      : { success: false, reason: z.prettifyError(parsed.error) };
  } catch {
    return { success: false, reason: 'the body is not JSON' };
  }
}
