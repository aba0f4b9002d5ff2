// The story that Retake exists for, by clicking: what somebody sees, presses and reads from the first project to the export.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { closeContexts, sharedBrowser } from './browser.ts';
import { Scene } from './scene.ts';
import { watchedPage } from './watched.ts';

let scene: Scene;
let browser: Browser;
beforeAll(async () => {
  [scene, browser] = await Promise.all([Scene.start(), sharedBrowser()]);
});
afterAll(() => Promise.all([closeContexts(browser), scene.stop()]));

test('a job fails, its plan is read, another profile brings the draft; a correction, a redo and an export follow', async () => {
  const context = await scene.signedIn(browser);
  const { page, complaints } = await watchedPage(context, scene.stack.serviceUrl);
  const orchestrator = scene.stack.orchestrator.client;
  const status = page.locator('.job-status .status');
  const shows = (words: string) => status.filter({ hasText: words }).waitFor();
  const plan = async () =>
    (await page.locator('dialog .plan tbody tr').allInnerTexts()).map((row) =>
      row.trim().split(/\s+/).slice(0, 3).join(' '),
    );

  // A project and a job.
  await page.goto(`${scene.url}/`);
  await page.getByRole('link', { name: 'Create your first project…' }).click();
  await page.getByLabel('Name').fill('Interviews');
  await page.getByRole('button', { name: 'Create project' }).click();
  await page.getByRole('link', { name: 'Create the first job…' }).click();
  await page.getByLabel('Where the video is').fill('s3://videos/interview-042.mp4');
  await page.getByRole('button', { name: 'Create job' }).click();
  await page.getByRole('heading', { name: 'interview-042.mp4', level: 1 }).waitFor();
  await shows('Ready to run');
  const jobId = new URL(page.url()).pathname.split('/').at(-1) ?? '';

  // It runs, and fails while its draft is written.
  await orchestrator.plan(jobId, {
    pipeline: {
      fail_at: 'GENERATING',
      failure_code: 'WRITER_TIMEOUT',
      failure_message: 'No answer for 120 s.',
    },
  });
  await page.getByRole('button', { name: 'Run the pipeline' }).click();
  await shows('Failed');
  const cause = await page.locator('.now .cause').innerText();
  expect(cause).toContain('It failed while writing the draft with balanced: WRITER_TIMEOUT.');
  await page.getByText('No answer for 120 s.').waitFor();
  await page.getByText('keeps audio v1 and transcript v1').waitFor();

  // The plan, before anything is sent; and another.
  await page.getByRole('link', { name: 'Retry draft…' }).click();
  await page.getByRole('button', { name: 'Retry draft', exact: false }).waitFor();
  await page.locator('dialog .plan').waitFor();
  expect(await plan()).toEqual(['Kept Audio v1', 'Kept Transcript v1', 'Made Draft gpt-5-mini,']);
  await page.getByRole('radio', { name: /^accurate/ }).check();
  await page.getByRole('button', { name: /^Retry transcript and draft/ }).waitFor();
  expect(await plan()).toEqual(['Kept Audio v1', 'Redone Transcript scribe-v2,', 'Made Draft gpt-5,']);
  expect(new URL(page.url()).search).toBe('?profile=accurate');
  await orchestrator.plan(jobId, { pipeline: { pause_before: 'DRAFT_READY' } });
  await page.getByRole('button', { name: /^Retry transcript and draft/ }).click();
  await page.locator('dialog[open]').waitFor({ state: 'detached' });

  // It is at work, live, and gets there.
  await shows('Writing draft');
  expect(await page.locator('.freshness').innerText()).toBe('Live');
  await orchestrator.release(jobId);
  await orchestrator.plan(jobId, {});
  await shows('Draft ready');
  const attempts = page.locator('.attempts tbody tr');
  await attempts.filter({ hasText: 'kept audio v1; made transcript v2 and draft v1' }).waitFor();
  expect(await attempts.count()).toBe(2);

  // A correction, on a page of its own, and the draft made again from it.
  await page.getByRole('link', { name: 'Correct transcript v2' }).first().click();
  await page.getByLabel('Yours').fill('Alice, not Alis.');
  await page.getByText('Not saved yet; kept in this browser.').waitFor();
  await page.getByRole('button', { name: /^Save/ }).click();
  await page.getByText('Saved as v3.', { exact: true }).waitFor();
  await page.getByRole('link', { name: 'Redo the draft…' }).click();
  await page.locator('dialog .plan').waitFor();
  expect(await plan()).toEqual(['Kept Audio v1', 'Kept Transcript v3', 'Redone Draft gpt-5,']);
  await page.getByRole('button', { name: /^Redo draft/ }).click();
  await page.locator('dialog[open]').waitFor({ state: 'detached' });
  await page
    .locator('.versions li')
    .filter({ hasText: 'Draft v2' })
    .filter({ hasText: 'from transcript v3' })
    .waitFor();
  await shows('Draft ready');

  // And the export.
  await page.getByRole('link', { name: 'Export…' }).click();
  await page.getByLabel('Formats').fill('srt');
  await page.getByRole('button', { name: /^Export draft/ }).click();
  await shows('Done');
  await page.locator('.details').getByText('Export, srt').waitFor();

  // Who did what is on record, newest first.
  await page.locator('.history .what').filter({ hasText: 'export with' }).waitFor();
  const history = await page.locator('.history .what').allInnerTexts();
  expect(history.filter((what) => what.includes('with') || what.includes('correction'))).toEqual([
    'export with accurate, from the draft',
    'redo with accurate, from the transcript',
    'Transcript v3 saved as a correction',
    'retry with accurate, from the audio',
    'run with balanced',
  ]);
  expect(complaints).toEqual([]);
  await context.close();
});
