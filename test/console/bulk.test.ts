// Many jobs at once: found by a filter, selected, looked at in a dry run, retried as one operation, and that followed to its end.
import type { Page } from 'playwright-core';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Scene } from './scene.ts';
import { onStage } from './stage.ts';

const stage = onStage();
let scene: Scene;
let page: Page;
let project: string;
beforeEach(async () => {
  ({ scene, page } = stage);
  project = await scene.project('Interviews');
});

const failed = (external_id: string, tags: string[] = []) =>
  scene.failed(project, { fail_at: 'GENERATING' }, undefined, { external_id, tags });
const list = (query = '') => page.goto(`${scene.url}/projects/${project}${query}`);
const bulk = (query: string) => page.goto(`${scene.url}/projects/${project}/retries/new${query}`);
const names = () => page.locator('.jobs a.row-link').allInnerTexts();
const operations = async () => (await scene.alice.get(`/projects/${project}/operations`)).items;
const heading = (words: string | RegExp) => page.getByRole('heading', { name: words, level: 1 }).waitFor();
const stands = (words: string) => page.locator('.page-head .status').filter({ hasText: words }).waitFor();
/** As the page has them, once the pipelines have come so far. */
const ended = (...counts: string[]) =>
  expect
    .poll(async () => (await page.locator('.operation .chip').allTextContents()).join(', '), {
      timeout: 10_000,
    })
    .toBe(counts.join(', '));

test('two selected jobs are retried with another profile after a look at what would happen, by clicking', async () => {
  const [one, two, three] = [await failed('a-1'), await failed('a-2'), await failed('a-3')];
  await list();
  await page.getByLabel('Select a-1').check();
  await page.getByLabel('Select a-2').check();
  await page.getByRole('link', { name: 'Retry 2 selected…' }).click();

  await heading('Retry 2 jobs');
  await page.getByText('2 jobs would be retried').waitFor();
  expect(await page.locator('.sums').innerText()).toContain('2 keeping audio and transcript');
  await page.getByLabel('Profile').selectOption('polished');
  await page.waitForURL(/profile=polished/);
  expect(await operations()).toEqual([]);
  await page.getByRole('button', { name: 'Retry 2 jobs' }).click();

  await heading('Retry of 2 jobs with polished');
  await stands('Done');
  await ended('All2', 'Succeeded2');
  expect(await page.locator('.done-so-far').innerText()).toContain('2 of 2 jobs ended');
  for (const id of [one, two]) expect((await scene.alice.get(`/jobs/${id}`)).status).toBe('DRAFT_READY');
  expect((await scene.alice.get(`/jobs/${three}`)).status).toBe('FAILED');

  // The project lists it, told by its stream.
  await page.locator('.top').getByRole('link', { name: 'Interviews' }).click();
  await page.getByText('Bulk retries', { exact: true }).click();
  await page.locator('.operations tr').filter({ hasText: 'Retry of 2 jobs with polished' }).waitFor();
});

test('jobs are selected, looked at and retried by keys alone', async () => {
  const ids = [await failed('k-1'), await failed('k-2')];
  await list();
  await page.locator('.jobs tbody tr').nth(1).waitFor();
  for (const key of ['j', 'x', 'j', 'x']) await page.keyboard.press(key);
  await page.getByRole('link', { name: 'Retry 2 selected…' }).waitFor();
  await page.keyboard.press('r');
  await page.getByText('2 jobs would be retried').waitFor();
  await page.keyboard.press('Control+Enter');

  await heading('Retry of 2 jobs with balanced');
  await stands('Done');
  for (const id of ids) expect((await scene.alice.get(`/jobs/${id}`)).status).toBe('DRAFT_READY');
});

test('every filter is an address: several statuses, a tag, a cause, an external id', async () => {
  await failed('f-1', ['urgent']);
  await failed('f-2');
  await scene.job(project, 'talk.mp4', { external_id: 'f-3', tags: ['urgent'] });
  await list();
  await page.locator('.chip').filter({ hasText: 'Failed' }).click();
  await expect.poll(names).toEqual(['f-2', 'f-1']);
  await page.locator('.chip').filter({ hasText: 'Ready to run' }).click();
  await expect.poll(names).toEqual(['f-3', 'f-2', 'f-1']);
  expect(new URL(page.url()).searchParams.get('status')).toBe('FAILED,UPLOADED');

  await page.locator('.jobs .tag').filter({ hasText: 'urgent' }).first().click();
  await expect.poll(names).toEqual(['f-3', 'f-1']);
  await page.reload();
  await expect.poll(names).toEqual(['f-3', 'f-1']);
  await page.locator('.chip').filter({ hasText: 'tag urgent' }).click();
  await expect.poll(names).toEqual(['f-3', 'f-2', 'f-1']);

  await page.locator('.chip').filter({ hasText: 'cause: ' }).first().click();
  await expect.poll(names).toEqual(['f-2', 'f-1']);
  await page.locator('.jobs tbody tr').first().waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('f-2');
  await page.keyboard.press('Enter');
  await expect.poll(names).toEqual(['f-2']);
});

test('what would be refused is said with its reason, and nothing can be sent where all would be', async () => {
  const [one, idle] = [await failed('r-1'), await scene.job(project)];
  await bulk(`?jobs=${one},${idle}`);
  await page.getByText('1 job would be refused').waitFor();
  expect(await page.locator('.sums').innerText()).toContain('1 not failed, so there is nothing to retry');
  const row = page.locator('.planned tbody tr').first();
  expect(await row.innerText()).toContain('This job is “Ready to run” now, so there is nothing to retry.');
  expect(await page.locator('.planned a.row-link').allInnerTexts()).toEqual([
    `job_…${idle.slice(-6)}`,
    'r-1',
  ]);
  await page.getByRole('button', { name: 'Retry 1 job' }).waitFor();

  await bulk(`?jobs=${idle}`);
  await page.getByText('1 job would be refused').waitFor();
  const button = page.getByRole('button', { name: /^Retry 0 jobs/ });
  expect(await button.getAttribute('aria-disabled')).toBe('true');
});

test('where there are more jobs by then nothing is sent: it says what changed, and asks again', async () => {
  await failed('c-1');
  await bulk('?status=FAILED');
  await page.getByText('1 job would be retried').waitFor();
  await failed('c-2');
  await page.getByRole('button', { name: 'Retry 1 job' }).click();

  await page.getByRole('heading', { name: 'The jobs have changed' }).waitFor();
  expect(await page.locator('.changed').innerText()).toMatch(
    /there were 1 job; now there are 2\. Nothing was sent/,
  );
  await expect.poll(() => page.evaluate('document.activeElement.innerText')).toBe('The jobs have changed');
  expect(await operations()).toEqual([]);
  await page.getByRole('button', { name: 'Retry 2 jobs after all' }).click();

  await heading('Retry of 2 jobs with balanced');
  expect(await operations()).toHaveLength(1);
});

test('an answer that was lost, with the page loaded anew after it, begins nothing twice', async () => {
  const [one, other] = [await failed('l-1'), await failed('l-2')];
  await bulk(`?jobs=${one}`);
  await page.getByText('1 job would be retried').waitFor();
  await page.route('**/retries', async (route) => {
    if (route.request().postDataJSON().dry_run) return route.continue();
    await route.fetch();
    await route.abort();
  });
  await page.getByRole('button', { name: 'Retry 1 job' }).click();
  await page.getByText('We don’t know whether it was accepted.').waitFor();
  await bulk(`?jobs=${other}`);
  await page.unroute('**/retries');
  await page.getByText('its answer was lost').waitFor();
  await page.getByRole('button', { name: 'Ask what became of it' }).click();

  await heading('Retry of 1 job with balanced');
  expect(await operations()).toHaveLength(1);
  expect((await scene.alice.get(`/jobs/${other}`)).status).toBe('FAILED');
});

describe('an operation under way', () => {
  let ids: string[];
  beforeEach(async () => {
    ids = [await failed('p-1'), await failed('p-2'), await failed('p-3')];
    for (const id of ids)
      await scene.stack.orchestrator.client.plan(id, { pipeline: { pause_before: 'DRAFT_READY' } });
    await bulk('?status=FAILED&in_flight=1');
    await page.getByRole('button', { name: 'Retry 3 jobs' }).click();
    await stands('Running');
    await ended('All3', 'In flight1', 'Not started2');
  });
  const release = async () => {
    const { items } = await scene.alice.get(
      `/operations/${(await operations())[0].id}/items?outcome=in_flight`,
    );
    await scene.stack.orchestrator.client.waitFor(items[0].job_id, 'held');
    await scene.stack.orchestrator.client.release(items[0].job_id);
  };

  test('is paused and goes on when somebody says so', async () => {
    await page.getByRole('button', { name: 'Pause' }).click();
    await stands('Paused');
    await release();
    await ended('All3', 'Succeeded1', 'Not started2');
    await page.getByRole('button', { name: 'Resume' }).click();
    await stands('Running');
    await ended('All3', 'Succeeded1', 'In flight1', 'Not started1');
  });

  test('is followed to its end by its stream, with what became of each job, and is asked for no more', async () => {
    const [{ id }] = await operations();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    for (const [done, left] of [
      [1, 1],
      [2, 0],
    ]) {
      await release();
      const rest = left ? [`Not started${left}`] : [];
      await ended('All3', `Succeeded${done}`, 'In flight1', ...rest);
    }
    await release();
    await stands('Done');
    await ended('All3', 'Succeeded3');
    expect(await page.locator('.done-so-far').innerText()).toContain('3 of 3 jobs ended');
    const named = page.locator('.operation a.row-link');
    await expect.poll(async () => (await named.allInnerTexts()).sort()).toEqual(['p-1', 'p-2', 'p-3']);
    const rows = page.locator('.operation tbody .status-cell');
    await expect
      .poll(() => rows.allInnerTexts(), { timeout: 5_000 })
      .toEqual(['Succeeded', 'Succeeded', 'Succeeded']);
    expect(asked.filter((path) => path === `/operations/${id}`)).toEqual([]);
    expect(asked).toContain(`/operations/${id}/items`);
  });

  test('is stopped after being asked once more, and what was left out can be retried by another', async () => {
    await page.getByRole('link', { name: 'Stop…' }).click();
    await page.getByText('1 job in flight goes on; 2 jobs are not begun.').waitFor();
    await page.getByRole('button', { name: 'Don’t stop it' }).click();
    await stands('Running');
    await page.getByRole('link', { name: 'Stop…' }).click();
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    await stands('Stopping');
    await release();
    await stands('Stopped');
    await page.getByRole('link', { name: 'Retry 2 that were left out…' }).click();
    await page.getByText('2 jobs would be retried').waitFor();
  });

  test('is found from what happened to each of its jobs', async () => {
    const [{ id }] = await operations();
    const { items } = await scene.alice.get(`/operations/${id}/items?outcome=in_flight`);
    await page.goto(`${scene.url}/jobs/${items[0].job_id}`);
    await page.locator('.history').getByRole('link', { name: 'of a bulk retry' }).click();
    await heading('Retry of 3 jobs with balanced');
  });
});

test('the list of projects says how many jobs are in each, and leads to those that failed', async () => {
  await failed('n-1');
  await scene.job(project, 'talk.mp4');
  const empty = await scene.project('Nothing yet');
  await page.goto(`${scene.url}/`);
  const row = (id: string) => page.locator('tbody tr').filter({ has: page.locator(`a[href$="/${id}"]`) });
  await row(project).getByText('2 jobs').waitFor();
  await row(empty).getByText('none yet').waitFor();
  await row(project).getByRole('link', { name: '1 failed' }).click();
  await expect.poll(names).toEqual(['n-1']);
});
