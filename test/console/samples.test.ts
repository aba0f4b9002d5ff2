// Sample jobs are a matter of the local provider: whoever signs in there has them by one more press, and neither the service nor its
// console knows of them.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fetchAlone } from '../support/own-connection.ts';
import { closeContexts, sharedBrowser } from './browser.ts';
import { Scene } from './scene.ts';
import { watchedPage } from './watched.ts';

let scene: Scene;
let browser: Browser;
beforeAll(async () => {
  [scene, browser] = await Promise.all([Scene.start(), sharedBrowser()]);
});
afterAll(() => Promise.all([closeContexts(browser), scene.stop()]));

/** Of jobs of the only project there is, once nothing but what waits goes on. */
async function statuses(sub: string): Promise<Record<string, string>> {
  const editor = await scene.stack.editor(sub);
  const { items: projects } = await editor.get('/projects');
  expect(projects).toMatchObject([{ name: 'Sample jobs' }]);
  const { items } = await editor.when(`/projects/${projects[0].id}/jobs`, 'at rest', ({ items }) =>
    items.every(
      // biome-ignore lint/suspicious/noExplicitAny: a row of the list
      (job: any) => job.open_dispatch === null || job.external_id === 'panel-003',
    ),
  );
  // biome-ignore lint/suspicious/noExplicitAny: a row of the list
  return Object.fromEntries(items.map((job: any) => [job.external_id, statusOf(job)]));
}
// biome-ignore lint/suspicious/noExplicitAny: a row of the list
const statusOf = ({ status, failure }: any): string =>
  status === 'FAILED' ? `${status} ${failure.failure_class}` : status;

const EXPECTED = {
  'workshop-002': 'CANCELLED',
  'town-hall-011': 'CREATED',
  'talk-007': 'UPLOADED',
  'keynote-001': 'DRAFT_READY',
  'street-interview-004': 'FAILED input',
  'panel-003': 'TRANSCRIBING',
  'episode-012': 'FAILED transient',
  'episode-013': 'FAILED transient',
  'interview-042': 'FAILED transient',
};

test('whoever opens the console for the first time signs in with one press, and sees jobs in many states', async () => {
  const context = await scene.browser(browser);
  const page = await context.newPage();
  await page.goto(`${scene.url}/`);
  await page.getByRole('link', { name: 'Sign in' }).click();
  await page.getByLabel('Make sample jobs, in a project of their own').check();
  await page.locator('button[value="carol"]').click();

  await page.getByRole('link', { name: 'Sample jobs' }).click();
  await page.locator('.jobs tbody tr').first().waitFor();
  expect(await page.locator('.jobs tbody tr').count()).toBe(9);
  await expect.poll(() => statuses('carol'), { timeout: 20_000 }).toEqual(EXPECTED);
  // What they show can be acted on: the outage is over.
  await page.locator('.chip').filter({ hasText: 'Failed4' }).waitFor();
  await page.getByRole('link', { name: 'interview-042' }).click();
  await page.getByRole('link', { name: 'Retry draft…' }).click();
  await page.getByRole('button', { name: /^Retry draft/ }).click();
  await page.locator('.job-status .status').filter({ hasText: 'Draft ready' }).waitFor();
  await context.close();
});

test('whoever is signed in already has them by a page of the provider’s, which leads to them', async () => {
  const context = await scene.signedIn(browser, 'ben');
  const { page, complaints } = await watchedPage(context, scene.stack.serviceUrl);
  await page.goto(`${scene.url}/`);
  await page.getByRole('heading', { name: 'No projects yet' }).waitFor();
  expect(complaints).toEqual([]);
  await page.goto(`${scene.stack.issuer}/samples`);
  await page.locator('button[value="ben"]').click();

  await page.getByRole('heading', { name: 'Sample jobs' }).waitFor();
  expect(page.url()).toMatch(`${scene.url}/projects/`);
  await expect.poll(() => statuses('ben'), { timeout: 20_000 }).toEqual(EXPECTED);
  await context.close();
});

test('no page of another site has them made', async () => {
  const body = new URLSearchParams({ sub: 'dave', samples: 'on' });
  for (const origin of ['https://evil.example', 'null', scene.stack.serviceUrl]) {
    const answer = await fetchAlone(`${scene.stack.issuer}/samples`, {
      ...{ method: 'POST', body, headers: { origin }, redirect: 'manual' },
    });
    expect(answer.status).toBe(403);
    await fetchAlone(`${scene.stack.issuer}/choose/any`, { method: 'POST', body, headers: { origin } });
  }
  const dave = await scene.stack.editor('dave');
  expect((await dave.get('/projects')).items).toEqual([]);
});

test('neither the service nor its console knows of them, or of this machine', () => {
  const root = join(import.meta.dirname, '../..');
  const record = JSON.parse(readFileSync(join(root, 'dist/console-build.json'), 'utf8'));
  const built: string[] = record[0].assets.map((file: string) => join(root, 'dist/console/assets', file));
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file))
    .map((file) => join(root, 'src', file));
  expect(built.length).toBeGreaterThan(2);
  expect(sources.length).toBeGreaterThan(100);
  const knowing = (pattern: RegExp) => (file: string) => pattern.test(readFileSync(file, 'utf8'));
  expect(built.filter(knowing(/sample jobs|localhost|127\.0\.0\.1/i))).toEqual([]);
  expect(sources.filter(knowing(/sample.?job/i))).toEqual([]);
});
