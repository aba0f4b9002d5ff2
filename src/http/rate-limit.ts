// How much one owner may ask for, where the deployment has Cloudflare's rate limiting bound; without it there is no limit.
import { createMiddleware } from 'hono/factory';
import type { AppEnv } from './app-env.ts';
import { problem } from './problem.ts';

/** The shortest period that the binding knows. */
const RETRY_AFTER_SECONDS = '10';

interface Bound {
  EDITOR_RATE_LIMIT?: RateLimit;
}

/** For routes behind authentication: the limit is the owner's, whatever the token. */
export const limitRate = createMiddleware<AppEnv>(async (c, next) => {
  const limiter = (c.env as Bound).EDITOR_RATE_LIMIT;
  if (limiter === undefined) return next();
  const { success } = await limiter.limit({ key: c.get('owner') });
  if (success) return next();
  return problem(c, 'RATE_LIMITED', {}, { headers: { 'retry-after': RETRY_AFTER_SECONDS } });
});
