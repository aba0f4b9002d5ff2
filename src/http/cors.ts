// Pages of other origins (the Fetch standard's CORS protocol): those that are listed may call the API with their editor's
// token, and read what its answers' headers say. Never with credentials: there are none that a browser would add.
import type { MiddlewareHandler } from 'hono';
import { createMiddleware } from 'hono/factory';
import { loadConfig } from '../config.ts';
import type { AppEnv } from './app-env.ts';

const REQUEST_HEADERS =
  'Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Prefer, Range, Traceparent, X-Correlation-Id';
const EXPOSED_HEADERS =
  'Accept-Ranges, Content-Disposition, Content-Range, ETag, Location, Preference-Applied, Retry-After, X-Request-Id, X-Retake-Ignored';
/** Browsers ask again after two hours at the latest. */
const MAX_AGE_SECONDS = '7200';

/** Answers preflights, which bear no token, and marks the other answers. `methods` are those of the whole API. */
export const allowOrigins = (methods: readonly string[]): MiddlewareHandler<AppEnv> =>
  createMiddleware<AppEnv>(async (c, next) => {
    const result = loadConfig(c.env);
    const origins = result.ok ? result.config.corsOrigins : [];
    if (origins.length === 0) return next();
    // Of every answer, whether its request names an origin or not: a cache must not give one to another.
    c.header('vary', 'Origin');
    const origin = c.req.header('origin');
    if (origin === undefined || !origins.includes(origin)) return next();
    c.header('access-control-allow-origin', origin);
    if (c.req.method === 'OPTIONS' && c.req.header('access-control-request-method') !== undefined) {
      c.header('access-control-allow-methods', methods.join(', '));
      c.header('access-control-allow-headers', REQUEST_HEADERS);
      c.header('access-control-max-age', MAX_AGE_SECONDS);
      return c.body(null, 204);
    }
    c.header('access-control-expose-headers', EXPOSED_HEADERS);
    return next();
  });
