// Who is signed in: the way in and out, a session that ends in the middle of something, and what belongs to somebody else.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

test('whoever is not signed in is led there and back to the page that they wanted', async () => {
  const job = await scene.failed(project, { fail_at: 'GENERATING' });
  const context = await scene.browser(browser);
  const page = await context.newPage();

  await page.goto(`${scene.url}/jobs/${job}/retry?profile=polished`);
  await page.getByRole('link', { name: 'Sign in' }).click();
  await page.locator('button[value="alice"]').click();

  await page.locator('dialog .plan').waitFor();
  expect(page.url()).toBe(`${scene.url}/jobs/${job}/retry?profile=polished`);
  expect(await page.getByRole('radio', { name: /^polished/ }).isChecked()).toBe(true);
  await context.close();
});

test('whoever turns back at the provider is told so, and can try again', async () => {
  const context = await scene.browser(browser);
  const { page } = await watchedPage(context, scene.stack.serviceUrl, { isRefused: true });
  await page.goto(`${scene.stack.serviceUrl}/session/start?return_to=/console/`);
  await page.getByRole('button', { name: 'Nobody: go back' }).click();

  await page.getByText('The provider did not let you in, or you turned back.').waitFor();
  await page.getByRole('link', { name: 'Sign in' }).click();
  await page.waitForURL(/localhost.*choose/);
  expect(await page.getByRole('heading').innerText()).toBe('Who signs in?');
  await context.close();
});

test('a session that ends in the middle of a form loses nothing: somebody signs in beside it, and goes on', async () => {
  const job = await scene.failed(project, { fail_at: 'GENERATING' });
  const context = await scene.signsIn(browser);
  const { page } = await watchedPage(context, scene.stack.serviceUrl, { isRefused: true });
  await page.goto(`${scene.url}/jobs/${job}/edit/transcript`);
  await page.getByLabel('Yours').fill('Alice, not Alis.');

  await context.clearCookies({ name: '__Host-retake' });
  await page.getByRole('button', { name: /^Save/ }).click();
  await page.getByText('You are signed out. What is on this page stays').waitFor();
  expect(await page.getByLabel('Yours').inputValue()).toBe('Alice, not Alis.');

  const [other] = await Promise.all([
    context.waitForEvent('page'),
    page.getByRole('link', { name: 'Sign in again' }).click(),
  ]);
  // The provider knows who it is; what is left there is the way back.
  await other.waitForURL(/\/console\/signed-in/).catch(() => {});
  await page.locator('.banner').waitFor({ state: 'detached' });
  expect(await page.getByLabel('Yours').inputValue()).toBe('Alice, not Alis.');
  await page.getByRole('button', { name: /^Save/ }).click();
  await page.getByText('Saved as v2.', { exact: true }).waitFor();
  await context.close();
});

test('a text that is not saved is there again after a reload, and gone once it is saved', async () => {
  const job = await scene.failed(project, { fail_at: 'GENERATING' });
  const context = await scene.signsIn(browser);
  const { page, complaints } = await watchedPage(context, scene.stack.serviceUrl);
  await page.goto(`${scene.url}/jobs/${job}/edit/transcript`);
  await page.getByLabel('Yours').fill('Half a sentence');

  await page.reload();
  await expect.poll(() => page.getByLabel('Yours').inputValue()).toBe('Half a sentence');
  await page.getByRole('button', { name: /^Save/ }).click();
  await page.getByText('Saved as v2.', { exact: true }).waitFor();
  await page.reload();
  await page.getByText('Transcript v2, unchanged.').waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

test('a text that was put aside for the version of before can be brought back', async () => {
  const job = await scene.failed(project, { fail_at: 'GENERATING' });
  const context = await scene.signsIn(browser);
  const { page, complaints } = await watchedPage(context, scene.stack.serviceUrl);
  await page.goto(`${scene.url}/jobs/${job}/edit/transcript`);
  await page.getByText('Transcript v1, unchanged.').waitFor();
  const before = await page.getByLabel('Yours').inputValue();
  await page.getByLabel('Yours').fill('Half a sentence');

  await page.getByRole('button', { name: 'Back to v1' }).click();
  expect(await page.getByLabel('Yours').inputValue()).toBe(before);
  await page.getByRole('button', { name: 'Bring your text back' }).click();
  expect(await page.getByLabel('Yours').inputValue()).toBe('Half a sentence');
  expect(complaints).toEqual([]);
  await context.close();
});

test('an address that leads nowhere says so, and leads on', async () => {
  const context = await scene.signsIn(browser);
  const { page, complaints } = await watchedPage(context, scene.stack.serviceUrl);
  for (const path of ['/nowhere', `/jobs/${await scene.job(project)}/nowhere`]) {
    await page.goto(`${scene.url}${path}`);
    await page.getByRole('heading', { name: 'No such page', level: 1 }).waitFor();
    await page.getByRole('link', { name: 'All projects' }).click();
    await page.getByRole('heading', { name: 'Projects' }).waitFor();
  }
  expect(complaints).toEqual([]);
  await context.close();
});

test('a text that is not saved is there for whoever wrote it, and for nobody who signs in next', async () => {
  const job = await scene.failed(project, { fail_at: 'GENERATING' });
  const context = await scene.signsIn(browser);
  const { page, complaints } = await watchedPage(context, scene.stack.serviceUrl);
  await page.goto(`${scene.url}/jobs/${job}/edit/transcript`);
  await page.getByLabel('Yours').fill('Half a sentence');

  // Of the same job, so that nothing but the person is another.
  await page.route('**/session', async (route) => {
    const response = await route.fetch();
    return route.fulfill({ response, json: { ...(await response.json()), actor_id: 'bob' } });
  });
  await page.reload();
  await page.getByText('Transcript v1, unchanged.').waitFor();
  expect(await page.getByLabel('Yours').inputValue()).not.toBe('Half a sentence');

  await page.unroute('**/session');
  await page.reload();
  await expect.poll(() => page.getByLabel('Yours').inputValue()).toBe('Half a sentence');
  expect(complaints).toEqual([]);
  await context.close();
});

test('a sign-out that failed says so, and one whose answer was lost is asked for again', async () => {
  const context = await scene.signsIn(browser);
  const { page } = await watchedPage(context, scene.stack.serviceUrl, { isRefused: true });
  let asked = 0;
  await page.route('**/session/end', (route) => {
    asked += 1;
    if (asked === 1) return route.fulfill({ status: 403, json: { title: 'Not from here' } });
    return asked === 2 ? route.abort('connectionreset') : route.continue();
  });
  await page.goto(`${scene.url}/`);
  await page.getByRole('button', { name: /^Alice Adams/ }).click();

  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await page.locator('dialog .note.refused').filter({ hasText: 'Not from here.' }).waitFor();
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await page.locator('dialog .note').filter({ hasText: 'We don’t know whether it was accepted.' }).waitFor();

  await page.waitForURL(/localhost/);
  const cookies = await context.cookies(scene.stack.serviceUrl);
  expect(cookies.filter(({ name }) => name === '__Host-retake')).toEqual([]);
  await context.close();
});

test('signing out ends it in every tab of the browser', async () => {
  const context = await scene.signsIn(browser);
  const { page } = await watchedPage(context, scene.stack.serviceUrl, { isRefused: true });
  const other = await context.newPage();
  await other.goto(`${scene.url}/projects/${project}`);
  await other.getByRole('heading', { name: 'Interviews' }).waitFor();
  await page.goto(`${scene.url}/`);
  await page.getByRole('button', { name: /^Alice Adams/ }).click();

  await page.getByRole('button', { name: 'Sign out', exact: true }).click();

  await other.getByText('You are signed out.').waitFor();
  await page.waitForURL(/localhost/);
  const cookies = await context.cookies(scene.stack.serviceUrl);
  expect(cookies.filter(({ name }) => name === '__Host-retake')).toEqual([]);
  await context.close();
});

describe('what belongs to somebody else', () => {
  test.each(['', '/retry', '/edit/transcript'])('is not there: their job%s', async (rest) => {
    const job = await scene.job(project);
    const context = await scene.signsIn(browser, 'carol');
    const { page } = await watchedPage(context, scene.stack.serviceUrl, { isRefused: true });

    await page.goto(`${scene.url}/jobs/${job}${rest}`);

    await page.getByRole('heading', { name: 'Nothing here' }).waitFor();
    expect(await page.locator('main').innerText()).toBe(
      'Nothing here\n\nThere is no such project, job or bulk retry, or it is not yours. A bulk retry is kept for 30 days.\n\nAll projects',
    );
    await page.goto(`${scene.url}/jobs/job_000000000000000000000000000000000000${rest}`);
    await page.getByRole('heading', { name: 'Nothing here' }).waitFor();
    await context.close();
  });

  test('is not in their list, and neither is a project of another', async () => {
    const context = await scene.signsIn(browser, 'carol');
    const { page } = await watchedPage(context, scene.stack.serviceUrl, { isRefused: true });
    await page.goto(`${scene.url}/`);
    await page.getByRole('heading', { name: 'No projects yet' }).waitFor();
    await page.goto(`${scene.url}/projects/${project}`);
    await page.getByRole('heading', { name: 'Nothing here' }).waitFor();
    expect(await page.locator('main').innerText()).not.toContain('Interviews');
    await context.close();
  });
});
