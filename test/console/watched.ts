// A page whose every complaint counts: what its console says, what its policy forbids, what it throws, and whom it asks.
import type { BrowserContext, Page } from 'playwright-core';

/** The browser's own line about an answer of 400 and more, or none: the page shows it in words. */
const REFUSED = /^Failed to load resource: (the server responded with a status of|net::ERR_)/;
const NO_SOCKET = /^WebSocket connection to .* failed/;

export interface Watched {
  page: Page;
  /** Everything that should not have been. */
  complaints: string[];
}

export interface Expected {
  /** Requests of it are refused, or find nobody: its console has the browser's own line about each. */
  isRefused?: boolean;
}

export async function watchedPage(
  context: BrowserContext,
  origin: string,
  { isRefused = false }: Expected = {},
): Promise<Watched> {
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    const text = message.text();
    const isExpected = isRefused && (REFUSED.test(text) || NO_SOCKET.test(text));
    if (['error', 'warning'].includes(message.type()) && !isExpected) complaints.push(`console: ${text}`);
  });
  page.on('pageerror', (error) => complaints.push(`thrown: ${error.message}`));
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (`http://${host}` !== origin || protocol !== 'http:') complaints.push(`asked: ${request.url()}`);
  });
  page.on('websocket', (socket) => {
    if (new URL(socket.url()).host !== new URL(origin).host) complaints.push(`asked: ${socket.url()}`);
  });
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.exposeFunction('reportViolation', (what: string) => complaints.push(`policy: ${what}`));
  await page.addInitScript(
    `document.addEventListener('securitypolicyviolation', (event) =>
       reportViolation(event.violatedDirective + ' ' + event.blockedURI))`,
  );
  return { page, complaints };
}
