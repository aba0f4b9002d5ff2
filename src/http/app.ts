// createApp(): the HTTP side put together: what every request passes, the routes, the errors, the contract.
import { type Context, Hono } from 'hono';
import { createMiddleware } from 'hono/factory';
import * as z from 'zod';
import { loadConfig } from '../config.ts';
import { describeError, log } from '../log.ts';
import type { AppEnv } from './app-env.ts';
import { artifactContentRoutes } from './artifact-content.ts';
import { authenticateCallback, authenticateEditor } from './auth.ts';
import { callbackRoutes, measureRefusal } from './callbacks.ts';
import { consoleRoutes } from './console.ts';
import { allowOrigins } from './cors.ts';
import { type OpenApiDocument, openapiDocument } from './document.ts';
import { erasureRoutes } from './erasure.ts';
import { errorDefinitionRoute } from './error-definitions.ts';
import { eventRoutes } from './events.ts';
import { frame } from './frame.ts';
import { readBody, readUnread } from './input.ts';
import { jobCommandRoutes } from './job-commands.ts';
import { jobDispatchRoutes } from './job-dispatches.ts';
import { jobEditRoutes } from './job-edits.ts';
import { jobLabelRoutes } from './job-labels.ts';
import { jobPlanRoutes } from './job-plans.ts';
import { jobRoutes } from './jobs.ts';
import { operationRoutes } from './operations.ts';
import { problem, refuse } from './problem.ts';
import { projectRoutes } from './projects.ts';
import { limitRate } from './rate-limit.ts';
import { defineRoute, type Route, route, routingPath, serve } from './route.ts';
import { commonRefusals, json } from './route-parts.ts';
import { sessionRoutes } from './sign-in.ts';

export function createApp(): Hono<AppEnv> {
  // A slash at the end of a path names what stands before it.
  const app = new Hono<AppEnv>({ strict: false });

  app.use(frame(), readUnread);
  // The orchestrator's route is not for pages.
  const forPages = allRoutes.filter(({ definition }) => !definition.path.startsWith('/internal/'));
  const methods = [...new Set(forPages.flatMap(({ definition }) => methodsOf(definition.method)))].sort();
  for (const path of [
    '/projects/*',
    '/jobs/*',
    '/operations/*',
    '/healthz',
    '/openapi.json',
    '/error-definitions',
  ]) {
    app.use(path, allowOrigins(methods));
  }
  for (const open of openRoutes) serve(app, open);
  app.route('/', consoleRoutes());

  // A pattern that ends in a wildcard matches what stands before it too.
  for (const path of ['/projects/*', '/jobs/*', '/operations/*', '/session/*', '/internal/*']) {
    app.use(path, configured);
  }
  for (const path of ['/projects/*', '/jobs/*', '/operations/*']) {
    app.use(path, authenticateEditor, limitRate);
  }
  app.use('/internal/jobs/:jobId/status', authenticateCallback, measureRefusal);
  for (const streaming of artifactContentRoutes) serve(app, streaming);
  app.use(readBody);
  for (const guarded of guardedRoutes) serve(app, guarded);
  refuseOtherMethods(app);

  app.notFound((c) => refuse(c, { code: 'RESOURCE_NOT_FOUND' }));
  app.onError(failed);
  return app;
}

const open = { method: 'get' as const, tags: ['Service'], security: [] };
const { 405: otherMethod, 500: internal } = commonRefusals;

const getHealth = defineRoute({
  ...open,
  path: '/healthz',
  operationId: 'getHealth',
  summary: 'Whether the service answers',
  responses: { 200: json(z.object({ status: z.literal('ok') }), 'It does'), 405: otherMethod, 500: internal },
});

const getDocument = defineRoute({
  ...open,
  path: '/openapi.json',
  operationId: 'getDocument',
  summary: 'This document',
  responses: {
    200: json(z.looseObject({ openapi: z.string() }), 'OpenAPI 3.1'),
    405: otherMethod,
    500: internal,
  },
});

const openRoutes: readonly Route[] = [
  route(getHealth, (c) => c.json({ status: 'ok' as const }, 200)),
  route(getDocument, (c) => c.json<{ openapi: string }, 200>(contract(), 200)),
  errorDefinitionRoute,
];
/** All but those of content, which take a body as it comes, or none. */
const guardedRoutes: readonly Route[] = [
  ...projectRoutes,
  ...operationRoutes,
  ...jobRoutes,
  ...jobLabelRoutes,
  ...jobPlanRoutes,
  ...jobCommandRoutes,
  ...jobDispatchRoutes,
  ...jobEditRoutes,
  ...erasureRoutes,
  ...eventRoutes,
  ...callbackRoutes,
  ...sessionRoutes,
];
const allRoutes: readonly Route[] = [...openRoutes, ...guardedRoutes, ...artifactContentRoutes];

let generated: OpenApiDocument | null = null;

/** The OpenAPI document of this service, made at its first use. */
export function contract(): OpenApiDocument {
  generated ??= openapiDocument(allRoutes.map(({ definition }) => definition));
  return generated;
}

/** A service that is not set up serves nobody: there is no fallback that could let the wrong ones in. */
const configured = createMiddleware<AppEnv>(async (c, next) => {
  const result = loadConfig(c.env);
  if (!result.ok) {
    log('error', 'service_not_configured', { request_id: c.get('requestId'), names: result.problems });
    return problem(c, 'SERVICE_NOT_CONFIGURED', {}, { headers: { 'retry-after': '60' } });
  }
  c.set('config', result.config);
  return next();
});

/** A path that exists answers any other method with 405 and the methods it has (RFC 9110 §15.5.6). */
function refuseOtherMethods(app: Hono<AppEnv>): void {
  const byPath = Map.groupBy(allRoutes, ({ definition }) => routingPath(definition.path));
  for (const [path, routes] of byPath) {
    const allow = routes
      .flatMap(({ definition }) => methodsOf(definition.method))
      .sort()
      .join(', ');
    app.all(path, (c) => problem(c, 'METHOD_NOT_ALLOWED', {}, { headers: { allow } }));
  }
}

/** Where there is a GET there is a HEAD. */
const methodsOf = (method: string): string[] => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]);

interface PlatformError extends Error {
  overloaded?: boolean;
  retryable?: boolean;
  durableObjectReset?: boolean;
}

function failed(error: Error, c: Context<AppEnv>) {
  // Cloudflare marks the errors of an actor that cannot take more, or lost its memory under the call.
  const { overloaded, retryable, durableObjectReset } = error as PlatformError;
  log('error', 'request_failed', { request_id: c.get('requestId'), error: describeError(error) });
  if (overloaded || retryable || durableObjectReset)
    return problem(c, 'OVERLOADED', {}, { headers: { 'retry-after': '1' } });
  return problem(c, 'INTERNAL', {});
}
