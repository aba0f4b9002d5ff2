// The console's page and files as the Worker hands them out: what a browser is told about them, and what is not there.
import { SELF } from 'cloudflare:test';
import { describe, expect, test } from 'vitest';

const ORIGIN = 'http://127.0.0.1:8787';
const ask = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  SELF.fetch(`${ORIGIN}${path}`, { headers, redirect: 'manual' });
const directives = (response: Response): string[] =>
  (response.headers.get('content-security-policy') ?? '').split('; ').sort();

describe('the page', () => {
  test.each(['/console', '/console/', '/console/projects/prj_1', '/console/jobs/job_1/retry?profile=fast'])(
    'is the answer to %s, whoever asks',
    async (path) => {
      const page = await ask(path);
      expect(page.status).toBe(200);
      expect(page.headers.get('content-type')).toContain('text/html');
      expect(await page.text()).toContain('<div id="console">');
    },
  );

  test('lets nothing in that is inline or from elsewhere, is framed by nobody, and says to whom nothing', async () => {
    const page = await ask('/console/');
    expect(directives(page)).toEqual([
      "base-uri 'none'",
      "connect-src 'self'",
      "default-src 'none'",
      "form-action 'self'",
      "frame-ancestors 'none'",
      "img-src 'self'",
      "require-trusted-types-for 'script'",
      "script-src 'self'",
      "style-src 'self'",
      "trusted-types 'none'",
    ]);
    expect(Object.fromEntries(page.headers)).toMatchObject({
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'permissions-policy': expect.stringContaining('camera=()'),
    });
    const html = await page.text();
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|javascript:|data:/i);
  });

  test('is asked for anew each time, and is not sent again while it is the same', async () => {
    const page = await ask('/console/');
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const again = await ask('/console/jobs/job_1', { 'if-none-match': page.headers.get('etag') ?? '' });
    expect(again.status).toBe(304);
  });

  test('is where a browser is led that asks for nothing else; anybody else finds nothing there', async () => {
    const led = await ask('/', { accept: 'text/html,application/xhtml+xml' });
    expect([led.status, led.headers.get('location')]).toEqual([302, '/console/']);
    expect((await ask('/', { accept: 'application/json' })).status).toBe(404);
    expect((await ask('/')).status).toBe(404);
  });
});

describe('its files', () => {
  test('may be kept for good, since another content has another name', async () => {
    const html = await (await ask('/console/')).text();
    const files = [...html.matchAll(/(?:src|href)="(\/console\/assets\/[^"]+)"/g)].map(
      ([, file = '']) => file,
    );
    expect(files).toHaveLength(3);
    for (const file of files) {
      const response = await ask(file);
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      await response.body?.cancel();
    }
  });

  test.each(['/console/assets/index-gone.js', '/console/assets/style-gone.css'])(
    '%s, which is not there, is not there for now alone',
    async (path) => {
      const missing = await ask(path);
      expect(missing.status).toBe(404);
      expect(missing.headers.get('cache-control')).toBe('no-store');
      expect(await missing.json()).toMatchObject({ error_code: 'RESOURCE_NOT_FOUND' });
    },
  );

  test.each(['/index.html', '/assets/index.html', '/console/assets/..%2findex.html'])(
    'are found at their own addresses alone: not at %s',
    async (path) => {
      const response = await ask(path);
      expect(response.headers.get('cache-control')).not.toContain('immutable');
      await response.body?.cancel();
    },
  );
});
