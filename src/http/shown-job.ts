// A job as its actor has made it ready to be shown.
import type { Context, TypedResponse } from 'hono';
import type { JSONParsed } from 'hono/utils/types';
import type * as z from 'zod';
import type { job } from '../contract/resources.ts';
import type { AppEnv } from './app-env.ts';

/** With its validator. */
export function showJob(
  c: Context<AppEnv>,
  { body, etag }: { body: string; etag: string },
): Response & TypedResponse<JSONParsed<z.infer<typeof job>>, 200, 'json'> {
  const response: Response = c.body(body, 200, { 'content-type': 'application/json', etag });
  return response as ReturnType<typeof showJob>;
}
