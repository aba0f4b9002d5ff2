// Erasing: asked for by the name, done for good, and it leads back to what there still is.
import type { Page } from 'playwright-core';
import { beforeEach, expect, test } from 'vitest';
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

const word = () => page.locator('dialog input');
const erase = (what: string) => page.getByRole('button', { name: `Erase this ${what}` });
const isAt = (path: string) => page.waitForURL(`${scene.url}${path}`);
const statusOf = async (path: string) => (await scene.alice.call('GET', path)).status;

test('a job is erased once its external id is typed, and the page leads to the jobs that are left', async () => {
  const job = await scene.job(project, 'talk.mp4', { external_id: 'talk-007' });
  await scene.job(project, 'panel.mp4', { external_id: 'panel-003' });
  await page.goto(`${scene.url}/jobs/${job}`);
  await page.getByRole('link', { name: 'Erase this job…' }).click();
  await isAt(`/jobs/${job}/erase`);
  expect(await page.locator('dialog[open]').innerText()).toContain('goes for good');

  await word().fill('talk-008');
  await page.keyboard.press('Enter');
  expect(await erase('job').getAttribute('aria-disabled')).toBe('true');
  await erase('job').click({ force: true });
  expect(await statusOf(`/jobs/${job}`)).toBe(200);
  await word().fill(' talk-007');
  await erase('job').click();

  await isAt(`/projects/${project}`);
  await page.getByRole('link', { name: 'panel-003' }).waitFor();
  expect(await page.getByRole('link', { name: 'talk-007' }).count()).toBe(0);
  expect(await statusOf(`/jobs/${job}`)).toBe(404);
  // The way back leads to what was before, not into the dialogue of what is gone.
  await page.goBack();
  await page.getByRole('heading', { name: 'Nothing here' }).waitFor();
});

test('a job without a name of its own is named by the end of its id, and by keys alone it goes too', async () => {
  const job = await scene.job(project);
  await scene.alice.post(`/jobs/${job}/cancel`);
  await page.goto(`${scene.url}/jobs/${job}`);
  // There is nothing else to do, and erasing is not what to do.
  await page.getByText('Nothing: this job has ended.').waitFor();
  await page.getByRole('link', { name: 'Erase this job…' }).focus();
  await page.keyboard.press('Enter');
  await word().waitFor();
  expect(await page.evaluate('document.activeElement.id')).toBe('word');

  await page.keyboard.type(job.slice(-6));
  await page.keyboard.press('Enter');

  await isAt(`/projects/${project}`);
  await page.getByRole('heading', { name: 'No jobs yet' }).waitFor();
  expect(await statusOf(`/jobs/${job}`)).toBe(404);
});

test('where something is left that goes by itself, it says so and stays until that was read', async () => {
  const job = await scene.job(project, 'keynote.mp4', { external_id: 'keynote-001' });
  await scene.run(job);
  // Its pipeline may still be at work on it, and cannot be told to stop now.
  await scene.stack.orchestrator.client.plan(job, { cancel_answers: [{ kind: 'hold' }] });
  await page.goto(`${scene.url}/jobs/${job}/erase`);
  await word().fill('keynote-001');
  await erase('job').click();

  await page.getByRole('heading', { name: 'keynote-001 is erased' }).waitFor();
  await page.getByText('The rest happens by itself.', { exact: false }).first().waitFor();
  expect(await statusOf(`/jobs/${job}`)).toBe(404);
  await page.getByRole('link', { name: 'To its project' }).click();
  await isAt(`/projects/${project}`);
});

test('a job that somebody else has erased meanwhile is gone either way', async () => {
  const job = await scene.job(project, 'talk.mp4', { external_id: 'talk-009' });
  await page.goto(`${scene.url}/jobs/${job}/erase`);
  await word().fill('talk-009');
  expect((await scene.alice.call('DELETE', `/jobs/${job}`)).status).toBe(204);
  await erase('job').click();

  await isAt(`/projects/${project}`);
});

test('a job at work is not offered for it, and one that has begun meanwhile is refused in words and stays', async () => {
  const job = await scene.job(project, 'talk.mp4', { external_id: 'talk-010' });
  await page.goto(`${scene.url}/jobs/${job}/erase`);
  await word().fill('talk-010');
  await scene.run(job, { pause_before: 'TRANSCRIPT_READY' });
  await erase('job').click();

  await page
    .locator('dialog .note.refused')
    .filter({ hasText: 'An attempt is under way already.' })
    .waitFor();
  await page.getByRole('button', { name: 'Keep this job' }).click();
  await page.getByRole('link', { name: 'Cancel this job…' }).waitFor();
  expect(await page.getByRole('link', { name: 'Erase this job…' }).count()).toBe(0);
  expect(await statusOf(`/jobs/${job}`)).toBe(200);
});

test('a project is erased once its name is typed, unless it has jobs: that is said with their number', async () => {
  const job = await scene.job(project);
  await page.goto(`${scene.url}/projects/${project}`);
  await page.getByRole('link', { name: 'Erase this project…' }).click();
  await isAt(`/projects/${project}/erase`);
  await word().fill('Interviews');
  await erase('project').click();
  await page.locator('dialog .note.refused').filter({ hasText: 'It has 1 job: erase that first.' }).waitFor();

  expect((await scene.alice.call('DELETE', `/jobs/${job}`)).status).toBe(204);
  await erase('project').click();

  await isAt('/');
  await page.getByRole('heading', { name: 'Projects' }).waitFor();
  expect(await statusOf(`/projects/${project}`)).toBe(404);
  expect(await page.locator(`a[href$="${project}"]`).count()).toBe(0);
});

test('a job that somebody else erases offers nothing any more, and says so where the next step stood', async () => {
  const job = await scene.failed(project);
  await page.goto(`${scene.url}/jobs/${job}`);
  await page.getByRole('link', { name: 'Retry draft…' }).waitFor();
  await page
    .getByRole('link', { name: /^Correct/ })
    .first()
    .waitFor();

  await scene.alice.call('DELETE', `/jobs/${job}`);

  await page.getByText('This job was erased.').waitFor();
  expect(await page.getByRole('link', { name: /…$|^Correct/ }).allInnerTexts()).toEqual([]);
  await page.getByRole('link', { name: 'Back to its project' }).click();
  await isAt(`/projects/${project}`);
});
