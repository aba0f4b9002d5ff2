// Whether a request that bears a cookie comes from a page of this service: a browser adds cookies whoever asks, so that another
// site's form, script or socket would act as whoever is signed in here.
import type { Context } from 'hono';
import { type AppEnv, asksForSocket, isRead } from './app-env.ts';

/**
 * A read changes nothing, and another site's page cannot see what it is answered. A socket can be read by whoever opened it, and
 * browsers send no `Sec-Fetch-Site` with all of them. `none`, somebody's own doing such as an address that was typed, writes
 * nothing. Old browsers, and all over plain http to another machine, send no `Sec-Fetch-Site`: there the `Origin` has to be this one,
 * and where there is neither nobody can tell.
 */
export function isFromOwnPage(c: Context<AppEnv>): boolean {
  if (asksForSocket(c)) return isOwnOrigin(c);
  return isRead(c) || isWriteOfOwnPage(c);
}

export function isWriteOfOwnPage(c: Context<AppEnv>): boolean {
  const site = c.req.header('sec-fetch-site');
  return site === undefined ? isOwnOrigin(c) : site === 'same-origin';
}

const isOwnOrigin = (c: Context<AppEnv>): boolean =>
  c.req.header('origin') === new URL(c.get('config').publicBaseUrl).origin;
