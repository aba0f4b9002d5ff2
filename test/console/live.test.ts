// What is on the page is what is: for two at once, without a reload, and where it is not known it is said since when.
import type { Browser, Page, WebSocketRoute } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fetchAlone } from '../support/own-connection.ts';
import { closeContexts, sharedBrowser } from './browser.ts';
import { Scene } from './scene.ts';
import { watchedPage } from './watched.ts';

let scene: Scene;
let browser: Browser;
let project: string;
beforeAll(async () => {
  [scene, browser] = await Promise.all([Scene.start(), sharedBrowser()]);
  project = await scene.project('Interviews');
});
afterAll(() => Promise.all([closeContexts(browser), scene.stop()]));

const shows = (page: Page, words: string) =>
  page.locator('.job-status .status').filter({ hasText: words }).waitFor();
const isLive = (page: Page) => page.locator('.freshness.is-live').waitFor();

/** Where no socket gets through, and time passes when the test says so. */
async function withoutSockets() {
  const context = await scene.signedIn(browser);
  const { page } = await watchedPage(context, scene.stack.serviceUrl, { isRefused: true });
  await page.clock.install();
  await page.routeWebSocket(/events/, (socket) => socket.close({ code: 1006 }));
  return { context, page };
}

test('two who look at a job see the same, and one what the other has pressed', async () => {
  const job = await scene.failed(project, { fail_at: 'GENERATING' });
  const contexts = await Promise.all([scene.signedIn(browser), scene.signedIn(browser)]);
  const [one, other] = await Promise.all(
    contexts.map((context) => watchedPage(context, scene.stack.serviceUrl)),
  );
  if (!one || !other) throw new Error('two pages');
  await Promise.all([one, other].map(({ page }) => page.goto(`${scene.url}/jobs/${job}`)));
  await Promise.all([one, other].map(({ page }) => isLive(page)));
  await scene.stack.orchestrator.client.plan(job, { answers: [{ kind: 'hold' }] });

  await one.page.getByRole('link', { name: 'Retry draft…' }).click();
  await one.page.getByRole('button', { name: /^Retry draft/ }).click();

  // The job is still FAILED: nobody presses a second time.
  await shows(other.page, 'Retry sent');
  expect((await scene.alice.get(`/jobs/${job}`)).status).toBe('FAILED');
  expect(await other.page.getByRole('link', { name: 'Retry draft…' }).count()).toBe(0);
  await scene.stack.orchestrator.client.release(job);
  await Promise.all([one, other].map(({ page }) => shows(page, 'Draft ready')));
  expect([...one.complaints, ...other.complaints]).toEqual([]);
  await Promise.all(contexts.map((context) => context.close()));
});

test('a row changes where it stands, and a new one waits until it is asked for', async () => {
  const listed = await scene.project('Panel talks');
  const first = await scene.job(listed);
  const context = await scene.signedIn(browser);
  const { page, complaints } = await watchedPage(context, scene.stack.serviceUrl);
  await page.goto(`${scene.url}/projects/${listed}`);
  await isLive(page);
  const rows = page.locator('.list tbody tr');
  await rows.first().waitFor();

  await scene.job(listed);
  await scene.alice.post(`/jobs/${first}/cancel`);

  await rows.first().filter({ hasText: 'Cancelled' }).waitFor();
  await page.getByRole('button', { name: 'Show 1 new job' }).waitFor();
  expect(await rows.count()).toBe(1);
  await page.getByRole('button', { name: 'Show 1 new job' }).click();
  expect(await rows.count()).toBe(2);
  await page.locator('.chip').filter({ hasText: 'Cancelled1' }).waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

test('one that leaves the filter stays where it was, and says what it is now', async () => {
  const listed = await scene.project('Keynotes');
  const job = await scene.failed(listed, { fail_at: 'GENERATING' });
  const context = await scene.signedIn(browser);
  const { page } = await watchedPage(context, scene.stack.serviceUrl);
  await page.goto(`${scene.url}/projects/${listed}?status=FAILED`);
  await isLive(page);
  await page.locator('.list tbody tr').waitFor();

  await scene.alice.retry(job, { model_profile: 'balanced', client_request_id: 'again' });

  const row = page.locator('.list tbody tr.is-out');
  await row.filter({ hasText: 'now' }).filter({ hasText: 'Draft ready' }).waitFor();
  expect(await page.locator('.list tbody tr').count()).toBe(1);
  await context.close();
});

test('the row of a job that is erased goes, shown or waiting, and is selected no longer', async () => {
  const listed = await scene.project('Fireside talks');
  const [stays, goes] = [await scene.job(listed), await scene.job(listed)];
  const context = await scene.signedIn(browser);
  const { page, complaints } = await watchedPage(context, scene.stack.serviceUrl);
  let tell = (_: object) => {};
  await page.routeWebSocket(/events/, (socket) => {
    socket.connectToServer();
    tell = (record) => socket.send(JSON.stringify([record]));
  });
  await page.goto(`${scene.url}/projects/${listed}`);
  await isLive(page);
  const rows = page.locator('.list tbody tr');
  await expect.poll(() => rows.count()).toBe(2);
  await rows.locator(`input`).first().check();
  await page.getByRole('link', { name: 'Retry 1 selected…' }).waitFor();
  const waits = await scene.job(listed);
  await page.getByRole('button', { name: 'Show 1 new job' }).waitFor();

  for (const job of [goes, waits]) tell({ type: 'erased', job_id: job });

  await expect.poll(() => rows.count()).toBe(1);
  await rows.locator(`a[href$="${stays}"]`).first().waitFor();
  await page.getByRole('button', { name: 'Show 1 new job' }).waitFor({ state: 'detached' });
  expect(await page.getByText('selected').count()).toBe(0);
  expect(complaints).toEqual([]);
  await context.close();
});

test('with the runtime killed the page says since when it is old, and is right again by itself, with what was typed', async () => {
  const job = await scene.failed(project, { fail_at: 'GENERATING' });
  const context = await scene.signedIn(browser);
  const { page, complaints } = await watchedPage(context, scene.stack.serviceUrl, { isRefused: true });
  await page.goto(`${scene.url}/jobs/${job}/edit/transcript`);
  await isLive(page);
  await page.getByLabel('Yours').fill('Half a sentence');
  let loads = 0;
  page.on('load', () => {
    loads += 1;
  });

  await scene.stack.killService();
  await page
    .locator('.freshness')
    .filter({ hasText: /^Reconnecting….*shown as of \d\d:\d\d:\d\d$/ })
    .waitFor();
  await scene.stack.startService();
  await isLive(page);

  await scene.alice.retry(job, { model_profile: 'balanced', client_request_id: 'again' });
  await scene.alice.settledJob(job);
  await page.getByRole('link', { name: 'Back to the job' }).click();
  await shows(page, 'Draft ready');
  await page.goBack();
  await expect.poll(() => page.getByLabel('Yours').inputValue()).toBe('Half a sentence');
  expect(loads).toBe(0);
  expect(complaints).toEqual([]);
  await context.close();
});

test('a connection that says nothing any more is given up, whatever its socket says of itself', async () => {
  const job = await scene.failed(project, { fail_at: 'GENERATING' });
  const context = await scene.signedIn(browser);
  const { page } = await watchedPage(context, scene.stack.serviceUrl, { isRefused: true });
  await page.clock.install();
  let sockets = 0;
  await page.routeWebSocket(/events/, (socket) => {
    sockets += 1;
    const isSilent = sockets === 1;
    let heard = 0;
    const server = socket.connectToServer();
    server.onMessage((message) => {
      heard += 1;
      // The first brings its first message, and then nothing, not even an answer to a ping.
      if (!isSilent || heard === 1) socket.send(message);
    });
  });
  await page.goto(`${scene.url}/jobs/${job}`);
  await isLive(page);

  await page.clock.runFor(100_000);

  await expect.poll(() => sockets).toBeGreaterThan(1);
  await isLive(page);
  await context.close();
});

test('a page that is hidden for a minute closes its socket, and is right again once somebody looks', async () => {
  const job = await scene.job(project);
  const context = await scene.signedIn(browser);
  const { page, complaints } = await watchedPage(context, scene.stack.serviceUrl);
  await page.clock.install();
  const open = new Set<object>();
  page.on('websocket', (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  await page.goto(`${scene.url}/jobs/${job}`);
  await isLive(page);
  const look = (visibility: 'hidden' | 'visible') =>
    page.evaluate(`(() => {
      Object.defineProperty(document, 'hidden', { value: ${visibility === 'hidden'}, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    })()`);

  await look('hidden');
  await page.clock.runFor(50_000);
  await isLive(page);
  expect(open.size).toBe(1);
  await page.clock.runFor(15_000);
  await expect.poll(() => open.size).toBe(0);
  await scene.alice.post(`/jobs/${job}/cancel`);
  // Nobody looks: nothing is asked for.
  await page.clock.runFor(60_000);
  expect(open.size).toBe(0);
  expect(await page.locator('.job-status .status').innerText()).toContain('Ready to run');

  await look('visible');
  await isLive(page);
  await shows(page, 'Cancelled');
  expect(open.size).toBe(1);
  expect(complaints).toEqual([]);
  await context.close();
});

describe('the service ends a connection', () => {
  test.each([
    [4410, 'Erased'],
    [4429, 'Too many viewers: refreshes every 15 s'],
  ])('with %i, and the page says “%s”', async (code, words) => {
    const job = await scene.job(project);
    const context = await scene.signedIn(browser);
    const { page } = await watchedPage(context, scene.stack.serviceUrl, { isRefused: true });
    await page.routeWebSocket(/events/, (socket) => socket.close({ code, reason: 'for the test' }));
    await page.goto(`${scene.url}/jobs/${job}`);
    await page.locator('h1').waitFor();

    await page.locator('.freshness').filter({ hasText: words }).waitFor();

    // What is shown stays.
    expect(await page.locator('h1').innerText()).toBe('interview.mp4');
    await context.close();
  });

  test('with 4401, and the page comes back by itself as long as its session is good', async () => {
    const job = await scene.job(project);
    const context = await scene.signsIn(browser);
    const { page, complaints } = await watchedPage(context, scene.stack.serviceUrl, { isRefused: true });
    const sockets: WebSocketRoute[] = [];
    await page.routeWebSocket(/events/, (socket) => {
      sockets.push(socket);
      socket.connectToServer();
    });
    const end = () => sockets.at(-1)?.close({ code: 4401, reason: 'for the test' });
    await page.goto(`${scene.url}/jobs/${job}`);
    await isLive(page);
    await end();
    await expect.poll(() => sockets.length).toBe(2);
    await isLive(page);

    // Ended by a copy of it, of which this browser hears nothing.
    const cookies = await context.cookies();
    const copy = cookies.find(({ name }) => name === '__Host-retake');
    await fetchAlone(`${scene.stack.serviceUrl}/session/end`, {
      method: 'POST',
      headers: { cookie: `__Host-retake=${copy?.value}`, 'sec-fetch-site': 'same-origin' },
    });
    await end();
    await page.locator('.freshness').filter({ hasText: 'Signed out' }).waitFor();
    // What is shown stays.
    expect(await page.locator('h1').innerText()).toBe('interview.mp4');
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('for good where no socket gets through: plain requests bring what is new', async () => {
    const job = await scene.job(project);
    const { context, page } = await withoutSockets();
    await page.goto(`${scene.url}/jobs/${job}`);
    await page.locator('.now').waitFor();

    await page.clock.runFor(5_000);
    await page.locator('.freshness').filter({ hasText: 'Refreshes every 15 s' }).waitFor();
    await scene.alice.post(`/jobs/${job}/cancel`);
    await page.clock.runFor(20_000);

    await shows(page, 'Cancelled');
    expect(await page.locator('.freshness').innerText()).toContain('shown as of');
    await context.close();
  });

  test('and the list of a project gets its counts so too, and is gone once the project is', async () => {
    const listed = await scene.project('Lightning talks');
    const job = await scene.job(listed);
    const { context, page } = await withoutSockets();
    await page.goto(`${scene.url}/projects/${listed}`);
    await page.locator('.list tbody tr').waitFor();
    await page.clock.runFor(5_000);
    await page.locator('.freshness').filter({ hasText: 'Refreshes every 15 s' }).waitFor();

    await scene.alice.post(`/jobs/${job}/cancel`);
    const cancelled = async () => (await scene.alice.get(`/projects/${listed}/counts`)).by_status.CANCELLED;
    await expect.poll(cancelled).toBe(1);
    await page.clock.runFor(20_000);
    await page.locator('.chip').filter({ hasText: 'Cancelled1' }).waitFor();

    await scene.alice.call('DELETE', `/jobs/${job}`);
    const erased = async () => (await scene.alice.call('DELETE', `/projects/${listed}`)).status;
    await expect.poll(erased).toBe(204);
    await page.clock.runFor(20_000);
    await page.getByRole('heading', { name: 'Nothing here' }).waitFor();
    await context.close();
  });

  test('and what happened is asked for from the last page that is known', async () => {
    const job = await scene.failed(project, { fail_at: 'GENERATING' });
    const { context, page } = await withoutSockets();
    const asked: (string | null)[] = [];
    // Two pages, of a trail that fits into one.
    await page.route('**/transitions?*', async (route) => {
      const url = new URL(route.request().url());
      const cursor = url.searchParams.get('cursor');
      asked.push(cursor);
      url.searchParams.delete('cursor');
      const { items } = await (await route.fetch({ url: url.href })).json();
      const json =
        cursor === null
          ? { items: items.slice(0, 2), next_cursor: 'second' }
          : { items: items.slice(2), next_cursor: null };
      return route.fulfill({ json });
    });
    await page.goto(`${scene.url}/jobs/${job}`);
    await page.locator('.now').waitFor();
    await page.clock.runFor(5_000);
    await page.locator('.freshness').filter({ hasText: 'Refreshes every 15 s' }).waitFor();
    await scene.alice.retry(job, { model_profile: 'balanced', client_request_id: 'again' });
    await scene.alice.settledJob(job);
    await page.clock.runFor(20_000);

    await shows(page, 'Draft ready');
    expect(asked.slice(0, 2)).toEqual([null, 'second']);
    expect(new Set(asked.slice(2))).toEqual(new Set(['second']));
    await page.unrouteAll({ behavior: 'wait' });
    await context.close();
  });
});

test('a connection that is taken only to be turned away was never live, and is not tried again before the next look', async () => {
  const job = await scene.job(project);
  const context = await scene.signedIn(browser);
  const { page } = await watchedPage(context, scene.stack.serviceUrl, { isRefused: true });
  await page.clock.install();
  let sockets = 0;
  await page.routeWebSocket(/events/, (socket) => {
    sockets += 1;
    // Open by then: the service has answered, and has something to tell.
    socket.connectToServer().onMessage(() => socket.close({ code: 4429, reason: 'for the test' }));
  });
  await page.addInitScript(
    `window.states = new Set();
     new MutationObserver(() => {
       const shown = document.querySelector('.freshness');
       if (shown) window.states.add(shown.className.split(' ')[1]);
     }).observe(document, { subtree: true, childList: true, attributes: true });`,
  );
  await page.goto(`${scene.url}/jobs/${job}`);
  await page.locator('.freshness.is-full').waitFor();
  expect(await page.evaluate('[...window.states]')).toEqual(['is-connecting', 'is-full']);

  await page.clock.runFor(14_000);
  expect(sockets).toBe(1);
  await page.clock.runFor(7_000);
  await expect.poll(() => sockets).toBe(2);
  await context.close();
});
