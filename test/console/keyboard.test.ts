// Without a mouse: everything is reached, seen where it is, and pressed by keys alone; and what a screen reader is told.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
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

const focused = (page: Page): Promise<string> =>
  page.evaluate(`(() => {
    const active = document.activeElement;
    return active.getAttribute('aria-label') ?? active.labels?.[0]?.innerText ?? active.innerText ?? '';
  })()`);

/** Goes on until the focus is on what is wanted; where it can be seen. */
async function tabTo(page: Page, wanted: RegExp, mostSteps = 60): Promise<void> {
  for (let step = 0; step < mostSteps; step += 1) {
    await page.keyboard.press('Tab');
    const isSeen = await page.evaluate(`(() => {
      const active = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(active);
      const { top, bottom } = active.getBoundingClientRect();
      const header = document.querySelector('dialog[open]') ? 0 : document.querySelector('.top').offsetHeight;
      const isBelowHeader = active.closest('.top, .skip') !== null || bottom > header;
      return active === document.body || (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 && isBelowHeader && top < innerHeight);
    })()`);
    expect(isSeen, await focused(page)).toBe(true);
    if (wanted.test(await focused(page))) return;
  }
  throw new Error(`the focus never came to ${wanted}`);
}

test('a failed job is found, its plan read, another profile chosen and the retry sent, by keys alone', async () => {
  const job = await scene.failed(project, { fail_at: 'GENERATING' });
  const context = await scene.signedIn(browser);
  const { page, complaints } = await watchedPage(context, scene.stack.serviceUrl);
  await page.goto(`${scene.url}/`);
  await page.getByRole('link', { name: 'Interviews' }).waitFor();

  await tabTo(page, /^Interviews$/);
  await page.keyboard.press('Enter');
  await page.locator('.list tbody tr').waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.getByText('keeps audio v1 and transcript v1').waitFor();
  await page.keyboard.press('r');
  await page.locator('dialog .plan').waitFor();
  expect(await focused(page)).toBe('Retry interview.mp4');

  await tabTo(page, /^balanced/);
  await page.keyboard.press('ArrowDown');
  await page.locator('.plan').getByText('gpt-5,').waitFor();
  expect(new URL(page.url()).search).toBe('?profile=polished');
  await page.keyboard.press('Control+Enter');
  await page.locator('dialog[open]').waitFor({ state: 'detached' });

  // What is said, and where one is afterwards.
  await page
    .locator('body > div > .unseen[role=status]')
    .filter({ hasText: /sent\.|Audio and Transcript kept/ })
    .waitFor({ state: 'attached' });
  await expect.poll(() => focused(page)).toBe('What to do now');
  expect((await scene.alice.settledJob(job)).status).toBe('DRAFT_READY');
  expect(complaints).toEqual([]);
  await context.close();
});

test('a dialogue keeps the focus inside, Escape closes it, and what opened it has the focus again', async () => {
  const job = await scene.failed(project, { fail_at: 'GENERATING' });
  const context = await scene.signedIn(browser);
  const { page } = await watchedPage(context, scene.stack.serviceUrl);
  await page.goto(`${scene.url}/jobs/${job}`);
  await page.getByRole('link', { name: /^Retry with another profile/ }).focus();
  await page.keyboard.press('Enter');
  await page.locator('dialog .plan').waitFor();

  for (let step = 0; step < 20; step += 1) {
    await page.keyboard.press('Tab');
    const isInside = `document.activeElement === document.body || document.activeElement.closest('dialog') !== null`;
    expect(await page.evaluate(isInside)).toBe(true);
  }
  await page.keyboard.press('Escape');

  await page.locator('dialog[open]').waitFor({ state: 'detached' });
  await expect.poll(() => focused(page)).toBe('Retry with another profile…');
  expect(new URL(page.url()).pathname).toBe(`/console/jobs/${job}`);
  await context.close();
});

test('single keys do nothing while somebody types, with a modifier held, or once they are switched off', async () => {
  const job = await scene.failed(project, { fail_at: 'GENERATING' });
  const context = await scene.signedIn(browser);
  const { page } = await watchedPage(context, scene.stack.serviceUrl);
  const address = () => new URL(page.url()).pathname;
  await page.goto(`${scene.url}/jobs/${job}/edit/transcript`);
  await page.getByLabel('Yours').focus();
  await page.keyboard.type('r');
  expect(address()).toBe(`/console/jobs/${job}/edit/transcript`);

  await page.goto(`${scene.url}/jobs/${job}`);
  await page.getByRole('link', { name: 'Retry draft…' }).waitFor();
  await page.keyboard.press('Alt+r');
  expect(address()).toBe(`/console/jobs/${job}`);
  await page.keyboard.press('?');
  await page.getByLabel('Single-key shortcuts').uncheck();
  await page.keyboard.press('Escape');
  await page.keyboard.press('r');
  await page.keyboard.press('?');
  expect(address()).toBe(`/console/jobs/${job}`);
  expect(await page.locator('dialog[open]').count()).toBe(0);
  expect(await page.locator('.offers .key').count()).toBe(0);

  await page.reload();
  await page.getByRole('link', { name: 'Retry draft…' }).waitFor();
  expect(await page.locator('.offers .key').count()).toBe(0);
  await context.close();
});

test('times are exact by focus and by a press, and one switch makes all of them so', async () => {
  const job = await scene.failed(project, { fail_at: 'GENERATING' });
  const context = await scene.signedIn(browser);
  const { page } = await watchedPage(context, scene.stack.serviceUrl);
  await page.goto(`${scene.url}/jobs/${job}`);
  const time = page.locator('.job-status .time');
  await page.getByText('Live', { exact: true }).waitFor();
  expect(await time.locator('time').innerText()).toBe('just now');
  expect(await time.locator('time').getAttribute('title')).toMatch(/2026|20\d\d.*CES?T/);

  await page.keyboard.press('Tab');
  await time.focus();
  expect(await time.locator('.tip').isVisible()).toBe(true);
  await page.keyboard.press('Enter');
  expect(await time.locator('time').innerText()).toMatch(/^\d\d:\d\d:\d\d$/);

  await page.keyboard.press('?');
  await page.getByLabel('Always show exact times').check();
  await page.keyboard.press('Escape');
  expect(await page.locator('.details .time time').first().innerText()).toMatch(/^\d\d:\d\d:\d\d$/);
  await context.close();
});
