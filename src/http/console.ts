// The console as a browser gets it: the page for every address below /console/, and the files that it is made of. The page itself
// asks the API for everything else.
import type { Context } from 'hono';
import { Hono } from 'hono';
import type { AppEnv } from './app-env.ts';
import { refuse } from './problem.ts';

/** Nothing inline, nothing from elsewhere, and nowhere to send what is typed but here. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const PAGE_HEADERS = {
  'content-security-policy': PAGE_POLICY,
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()',
  // A later build has other files.
  'cache-control': 'no-cache',
};
/** Their names change with their content. */
const FILE_HEADERS = { 'cache-control': 'public, max-age=31536000, immutable' };

export function consoleRoutes(): Hono<AppEnv> {
  return new Hono<AppEnv>()
    .get('/', (c) => (wantsPage(c) ? c.redirect('/console/') : refuse(c, { code: 'RESOURCE_NOT_FOUND' })))
    .get('/console/assets/:file{[\\w-]+\\.\\w+}', (c) =>
      asset(c, `/assets/${c.req.param('file')}`, FILE_HEADERS),
    )
    .get('/console/*', (c) => asset(c, '/index.html', PAGE_HEADERS));
}

const wantsPage = (c: Context<AppEnv>): boolean => c.req.header('accept')?.includes('text/html') ?? false;

/** What is not there is answered here, so that nobody keeps its absence. */
async function asset(c: Context<AppEnv>, path: string, headers: Record<string, string>): Promise<Response> {
  const { method, raw } = c.req;
  const found = await c.env.ASSETS.fetch(
    new Request(new URL(path, c.req.url), { method, headers: raw.headers }),
  );
  if (!found.ok && found.status !== 304) return refuse(c, { code: 'RESOURCE_NOT_FOUND' });
  for (const name of ['content-type', 'etag']) {
    const value = found.headers.get(name);
    if (value !== null) c.header(name, value);
  }
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
  return c.newResponse(found.body, found.status as 200);
}
