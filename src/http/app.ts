// createApp(): the HTTP side put together: what every request passes, the routes, the errors, the contract.
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { createMiddleware } from 'hono/factory';
import { HTTPException } from 'hono/http-exception';
import type { ZodError } from 'zod';
import { loadConfig } from '../config.ts';
import { describeError, log } from '../log.ts';
import type { AppEnv } from './app-env.ts';
import { authenticateCallback, authenticateEditor } from './auth.ts';
import { registerCallbacks } from './callbacks.ts';
import { openapiDocument } from './document.ts';
import { registerJobs } from './jobs.ts';
import { problem, refuse } from './problem.ts';
import { registerProjects } from './projects.ts';
import { commonRefusals, json } from './route-parts.ts';

const MAX_BODY_BYTES = 64 * 1024;
const MAX_ISSUES = 20;

export function createApp(): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>({
    defaultHook: (result, c) => (result.success ? undefined : invalid(c, result.error)),
  });

  app.use(frame);
  app.openapi(getHealth, (c) => c.json({ status: 'ok' as const }, 200));
  app.openAPIRegistry.registerPath(getDocument);
  app.get(getDocument.path, (c) => c.json(openapiDocument(app)));

  for (const path of ['/projects', '/projects/*', '/jobs/*', '/internal/*']) app.use(path, configured);
  for (const path of ['/projects', '/projects/*', '/jobs/*']) app.use(path, authenticateEditor);
  app.use('/internal/jobs/:jobId/status', authenticateCallback);
  app.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (c) => problem(c, 'PAYLOAD_TOO_LARGE', { details: { max_bytes: MAX_BODY_BYTES } }),
    }),
    bodyIsUtf8OrNone,
  );

  registerProjects(app);
  registerJobs(app);
  registerCallbacks(app);
  refuseOtherMethods(app);

  app.notFound((c) => refuse(c, { code: 'RESOURCE_NOT_FOUND' }));
  app.onError(failed);
  return app;
}

const open = { method: 'get' as const, tags: ['Service'], security: [] };
const { 500: internal } = commonRefusals;

const getHealth = createRoute({
  ...open,
  path: '/healthz',
  operationId: 'getHealth',
  summary: 'Whether the service answers',
  responses: { 200: json(z.object({ status: z.literal('ok') }), 'It does'), 500: internal },
});

const getDocument = createRoute({
  ...open,
  path: '/openapi.json',
  operationId: 'getDocument',
  summary: 'This document',
  responses: { 200: json(z.looseObject({ openapi: z.string() }), 'OpenAPI 3.1'), 500: internal },
});

/** What every request gets: an id, headers that fit an API, and one line in the log. */
const frame = createMiddleware<AppEnv>(async (c, next) => {
  const startedAt = Date.now();
  const requestId = `req_${crypto.randomUUID().replaceAll('-', '')}`;
  c.set('requestId', requestId);
  await next();
  c.header('x-request-id', requestId);
  c.header('cache-control', 'no-store');
  c.header('x-content-type-options', 'nosniff');
  const errorCode = c.get('errorCode');
  log(c.res.status >= 500 ? 'error' : 'info', 'request', {
    request_id: requestId,
    method: c.req.method,
    route: c.req.routePath,
    http_status: c.res.status,
    duration_ms: Date.now() - startedAt,
    ...(errorCode ? { error_code: errorCode } : {}),
  });
});

/** A service that is not set up serves nobody: there is no fallback that could let the wrong ones in. */
const configured = createMiddleware<AppEnv>(async (c, next) => {
  const result = loadConfig(c.env);
  if (!result.ok) {
    log('error', 'service_not_configured', { request_id: c.get('requestId'), names: result.problems });
    return problem(c, 'SERVICE_NOT_CONFIGURED', { headers: { 'retry-after': '60' } });
  }
  c.set('config', result.config);
  return next();
});

/**
 * Many clients name a content type even when they send nothing. And what is sent is UTF-8 (RFC 8259 §8.1): decoding
 * leniently would put another character in the place of what was sent.
 */
const bodyIsUtf8OrNone = createMiddleware<AppEnv>(async (c, next) => {
  if (c.req.method !== 'POST') return next();
  const body = await c.req.arrayBuffer();
  if (body.byteLength === 0 && c.req.header('content-type')) {
    const headers = new Headers(c.req.raw.headers);
    headers.delete('content-type');
    c.req.raw = new Request(c.req.raw.url, { method: 'POST', headers });
  }
  try {
    new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(body);
  } catch {
    return notJson(c);
  }
  return next();
});

const notJson = (c: Context) =>
  problem(c, 'VALIDATION_ERROR', {
    details: { issues: [{ path: '', message: 'The body is not valid JSON' }] },
  });

function invalid(c: Context, error: ZodError) {
  const issues = error.issues.slice(0, MAX_ISSUES).map((issue) => ({
    path: issue.path.map(String).join('.').slice(0, 200),
    message: issue.message.slice(0, 300),
  }));
  return problem(c, 'VALIDATION_ERROR', { details: { issues } });
}

/** A path that exists answers any other method with 405 and the methods it has (RFC 9110 §15.5.6). */
function refuseOtherMethods(app: OpenAPIHono<AppEnv>): void {
  const methods = new Map<string, Set<string>>();
  for (const { path, method } of app.routes) {
    if (method === 'ALL') continue;
    methods.set(path, (methods.get(path) ?? new Set()).add(method));
    if (method === 'GET') methods.get(path)?.add('HEAD');
  }
  for (const [path, allowed] of methods) {
    const allow = [...allowed].sort().join(', ');
    app.all(path, (c) => problem(c, 'METHOD_NOT_ALLOWED', { headers: { allow } }));
  }
}

interface PlatformError extends Error {
  overloaded?: boolean;
  retryable?: boolean;
  durableObjectReset?: boolean;
}

function failed(error: Error, c: Context<AppEnv>) {
  if (error instanceof HTTPException) {
    if (error.status === 415) return problem(c, 'UNSUPPORTED_MEDIA_TYPE');
    if (error.status === 400) return notJson(c);
  }
  // Cloudflare marks the errors of an actor that cannot take more, or lost its memory under the call.
  const { overloaded, retryable, durableObjectReset } = error as PlatformError;
  log('error', 'request_failed', { request_id: c.get('requestId'), error: describeError(error) });
  if (overloaded || retryable || durableObjectReset)
    return problem(c, 'OVERLOADED', { headers: { 'retry-after': '1' } });
  return problem(c, 'INTERNAL');
}
