// A route as data: what it takes, what it may answer, and its handler. The app serves it, and the OpenAPI document
// is made of the same definition. The compiler holds the handler to the answers that the definition names.
import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import type { RouteHandler } from '@hono/zod-openapi';
import type { Handler, Hono } from 'hono';
import type { AppEnv } from './app-env.ts';
import { type Input, takeInput } from './input.ts';

/** What the app and the OpenAPI document know of a route. */
export interface RouteDefinition extends RouteConfig {
  request?: Input;
}

export interface Route {
  definition: RouteDefinition;
  handler: Handler<AppEnv>;
}

/** A path with parameters has to say which of them are ids that this service has to have given out. */
type SaysItsIds<Path> = Path extends `${string}{${string}`
  ? { request: Required<Pick<Input, 'ids'>> }
  : unknown;

/** Keeps what the compiler needs to hold a handler to it: the path's parameters, the schemas, the statuses. */
export const defineRoute = <P extends string, R extends RouteDefinition & { path: P }>(
  definition: R & SaysItsIds<R['path']>,
): R => definition;

/** `handler` finds in `c.req.valid` what the definition's schemas made of the request. */
export const route = <R extends RouteDefinition>(definition: R, handler: RouteHandler<R, AppEnv>): Route => ({
  definition,
  // The app calls it after `takeInput`, which is what the handler's own type asks for.
  handler: handler as unknown as Handler<AppEnv>,
});

/** The path as the router writes it: `/jobs/:jobId`. */
export const routingPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1');

/** A request that does not fit the definition is refused before the handler sees it. */
export function serve(app: Hono<AppEnv>, { definition, handler }: Route): void {
  const { method, path, request = {} } = definition;
  app.on(method, routingPath(path), async (c, next) => (await takeInput(c, request)) ?? handler(c, next));
}
