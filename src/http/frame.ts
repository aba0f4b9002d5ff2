// What every request gets: an id, headers that fit an API, and, where nothing else says what was done, a line in the log.
import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { loadConfig } from '../config.ts';
import type { ErrorCode } from '../contract/errors.ts';
import { log } from '../log.ts';
import { type AppEnv, isRead } from './app-env.ts';
import { Tally } from './tally.ts';

/** Nothing is loaded, and nobody frames it. */
export const CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'";

/** For an API whose answers are data: nothing in them is to be run, framed, guessed, or embedded by another site. */
const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
};
const HSTS = 'max-age=31536000';

/** What anybody can have answered as often as they like, without a token that is good. */
const FREE_REFUSALS = new Set<ErrorCode>([
  'UNAUTHENTICATED',
  'RESOURCE_NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'RATE_LIMITED',
  'AUTHENTICATION_UNAVAILABLE',
]);

/** Whoever signs in or out needs nothing that is good either, whatever they are answered. */
const isFree = (c: Context<AppEnv>, errorCode: ErrorCode | undefined): boolean =>
  (errorCode !== undefined && FREE_REFUSALS.has(errorCode)) ||
  (c.res.status < 500 && /^\/session(\/|$)/.test(c.req.path));

/** The headers are set before there is an answer, since setting them on one would copy it. */
export function frame() {
  const tally = new Tally();
  return createMiddleware<AppEnv>(async (c, next) => {
    const startedAt = Date.now();
    const requestId = `req_${crypto.randomUUID().replaceAll('-', '')}`;
    c.set('requestId', requestId);
    c.header('x-request-id', requestId);
    for (const [name, value] of Object.entries(HEADERS)) c.header(name, value);
    if (isReachedByHttps(c.env)) c.header('strict-transport-security', HSTS);
    await next();
    tell(c, startedAt, tally);
  });
}

function isReachedByHttps(env: Env): boolean {
  const result = loadConfig(env);
  return result.ok && result.config.publicBaseUrl.startsWith('https:');
}

/**
 * A read that succeeded and a callback that was applied have no line: the platform's metrics count them, and a job's
 * history holds what a callback did.
 */
function tell(c: Context<AppEnv>, startedAt: number, tally: Tally): void {
  const { status } = c.res;
  if (status < 400 && (isRead(c) || c.get('isInHistory'))) return;
  const errorCode = c.get('errorCode');
  const reason = c.get('refusedFor');
  const isCounted = isFree(c, errorCode);
  const count = isCounted ? tally.add(`${errorCode ?? status} ${reason}`, Date.now()) : 1;
  if (count === null) return;
  const dispatchId: string | undefined = c.get('dispatchId');
  log(status >= 500 ? 'error' : 'info', 'request', {
    request_id: c.get('requestId'),
    method: c.req.method,
    route: c.req.routePath,
    http_status: status,
    duration_ms: Date.now() - startedAt,
    ...(dispatchId ? { dispatch_id: dispatchId } : {}),
    ...(errorCode ? { error_code: errorCode } : {}),
    ...(reason ? { reason } : {}),
    ...(isCounted ? { count } : {}),
  });
}
