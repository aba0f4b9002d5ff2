// What the acts of an editor have in common: who asks, by which id the request is known, and how its outcome is waited for.
import type { Context } from 'hono';
import type * as z from 'zod';
import { newDispatchId } from '../contract/ids.ts';
import { traceparentOf } from '../contract/trace.ts';
import type { AppEnv } from './app-env.ts';
import { withIdempotencyKey } from './idempotency-key.ts';
import { planWait } from './prefer.ts';

export const correlationHeader = {
  name: 'X-Correlation-Id',
  in: 'header' as const,
  required: false,
  description:
    'By which the act is known in the audit trail and to the orchestrator, or in the log where no trail tells of it: 1 to 128 visible ASCII characters. Without one it is the `X-Request-Id` of the answer.',
  schema: { type: 'string' as const },
};
export const preferHeader = {
  name: 'Prefer',
  in: 'header' as const,
  required: false,
  description:
    'RFC 7240. `respond-async`: answer as soon as the dispatch is durable. `wait=N`: wait up to N seconds, at most 30.',
  schema: { type: 'string' as const },
};

/** Who asks, and by which id the request is known: the caller's own, where it gave a usable one. */
export function asker(c: Context<AppEnv>) {
  const given = c.req.header('x-correlation-id') ?? '';
  const correlationId = CORRELATION_ID.test(given) ? given : c.get('requestId');
  const { owner, actorId, actorName } = c.var;
  return { owner, actorId, actorName, correlationId };
}
const CORRELATION_ID = /^[!-~]{1,128}$/;

export const requestIdHeaders = withIdempotencyKey('Another way to say `client_request_id`.');

/** The header and the body are two ways to say by which id a request is known. */
export function requestIdIssue(headers: object, body: object, isRequired = true) {
  const { 'Idempotency-Key': key } = headers as z.infer<typeof requestIdHeaders>;
  const { client_request_id: id } = body as { client_request_id?: unknown };
  const issue = (message: string) => ({ path: 'client_request_id', message });
  if (id === undefined && key === undefined) {
    return isRequired ? issue('is required, here or as Idempotency-Key') : null;
  }
  return id === undefined || key === undefined || id === key
    ? null
    : issue('is not what Idempotency-Key says');
}

/** The one that either says; that one does has been looked at by `requestIdIssue`. */
export function requestIdOf(
  { 'Idempotency-Key': key }: z.infer<typeof requestIdHeaders>,
  { client_request_id: id }: { client_request_id?: string | undefined },
): string {
  const clientRequestId = id ?? key;
  if (clientRequestId === undefined) throw new Error('a request without its id is refused before');
  return clientRequestId;
}

/** Who asks for a dispatch, and how long its outcome is waited for. */
export function dispatchAsked(c: Context<AppEnv>) {
  const { waitMs, windowMs, applied } = planWait(c.req.header('prefer'), c.get('config').dispatchWaitMs);
  if (applied !== null) c.header('preference-applied', applied);
  return {
    ...asker(c),
    newDispatchId: newDispatchId(),
    traceparent: traceparentOf(c.req.header('traceparent')),
    windowMs,
    waitMs,
  };
}
