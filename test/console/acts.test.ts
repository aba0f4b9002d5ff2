// The other things that an editor does to a job: a correction that meets another, the video, giving up, cancelling.
import type { Page } from 'playwright-core';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Scene } from './scene.ts';
import { onStage } from './stage.ts';

const stage = onStage();
let scene: Scene;
let page: Page;
let project: string;
beforeAll(async () => {
  ({ scene } = stage);
  project = await scene.project('Interviews');
});
beforeEach(() => {
  ({ page } = stage);
});
const shows = (words: string) => page.locator('.job-status .status').filter({ hasText: words }).waitFor();

describe('a correction that somebody else was faster with', () => {
  let job: string;
  beforeEach(async () => {
    job = await scene.failed(project, { fail_at: 'GENERATING' });
    await page.goto(`${scene.url}/jobs/${job}/edit/transcript`);
    await page.getByLabel('Yours').fill('Mine');
    await scene.correct(job, 'transcript', 1, 'Theirs');
    await page.getByRole('button', { name: /^Save/ }).click();
    await page.getByRole('heading', { name: /saved transcript v2 while you were correcting v1/ }).waitFor();
  });

  test('shows both texts beside each other, and saves neither by itself', async () => {
    expect(await page.getByLabel('Yours').inputValue()).toBe('Mine');
    expect(await page.getByLabel('Transcript v2').inputValue()).toBe('Theirs');
    expect((await scene.alice.get(`/jobs/${job}/artifacts`)).items).toHaveLength(3);
  });

  test('is saved after it, as a correction of that one, where somebody wants it so', async () => {
    await page.getByRole('button', { name: 'Save mine as v3' }).click();
    await page.getByText('Saved as v3.', { exact: true }).waitFor();
    const { items } = await scene.alice.get(`/jobs/${job}/artifacts`);
    expect(items.at(-1)).toMatchObject({ version: 3, made_by: { kind: 'editor', edits: 2 } });
  });

  test('gives way to it where somebody wants it so', async () => {
    await page.getByRole('button', { name: 'Take v2' }).click();
    await page.getByText('Transcript v2, unchanged.').waitFor();
    expect(await page.getByLabel('Yours').inputValue()).toBe('Theirs');
  });
});

test('what is typed while a correction is being saved is not called saved, and is kept', async () => {
  const job = await scene.failed(project, { fail_at: 'GENERATING' });
  await page.goto(`${scene.url}/jobs/${job}/edit/transcript`);
  await page.getByLabel('Yours').fill('Mine');
  await page.route('**/transcript/content', async (route) => {
    if (route.request().method() === 'PUT') await page.getByLabel('Yours').fill('Mine, and more');
    return route.continue();
  });

  await page.getByRole('button', { name: /^Save/ }).click();

  await page.getByText('Not saved yet; kept in this browser. Corrects v2.').waitFor();
  await page.reload();
  await page.getByText('Not saved yet; kept in this browser. Corrects v2.').waitFor();
  expect(await page.getByLabel('Yours').inputValue()).toBe('Mine, and more');
  await page.goto(`${scene.url}/jobs/${job}/read/transcript/2`);
  await page.getByText('Mine', { exact: true }).waitFor();
});

test('a job whose making was lost, and that was erased since, is not in the way of another', async () => {
  await page.goto(`${scene.url}/projects/${project}/new`);
  await page.getByLabel('External id (optional)').fill('interview-7');
  const keys: string[] = [];
  await page.route('**/projects/*/jobs', async (route) => {
    keys.push(route.request().headers()['idempotency-key'] ?? '');
    if (keys.length > 1) return route.continue();
    const { id } = await (await route.fetch()).json();
    await scene.alice.call('DELETE', `/jobs/${id}`);
    await route.abort('connectionreset');
  });

  await page.getByRole('button', { name: 'Create job' }).click();
  await page.locator('dialog .note.refused').waitFor();
  expect(new Set(keys).size).toBe(1);
  await page.getByRole('button', { name: 'Create job' }).click();

  await page.getByRole('heading', { name: 'interview-7' }).waitFor();
  expect(new Set(keys).size).toBe(2);
});

test('what lies in another store is corrected there, and named here', async () => {
  const job = await scene.failed(project, { fail_at: 'GENERATING' });
  await scene.alice.put(`/jobs/${job}/artifacts/transcript`, {
    uri: 's3://elsewhere/transcript.txt',
    edits: 1,
    client_request_id: 'elsewhere',
  });
  await page.goto(`${scene.url}/jobs/${job}/edit/transcript`);
  await page.getByText('The file lies in a store that Retake cannot read.').waitFor();

  await page.getByLabel('Where the corrected transcript is').fill('s3://elsewhere/better.txt');
  await page.getByRole('button', { name: 'Save' }).click();

  await page.locator('.versions li').filter({ hasText: 'Transcript v3' }).waitFor();
  expect((await scene.alice.get(`/jobs/${job}`)).manifest.transcript_uri).toBe('s3://elsewhere/better.txt');
});

test('a video is confirmed, and renewed once it has failed; one that does not fit is refused in words', async () => {
  const job = await scene.job(project, null);
  await page.goto(`${scene.url}/jobs/${job}`);
  await page.getByRole('link', { name: 'Add the video…' }).click();
  await page.getByLabel('Where the video is').fill('ftp://videos/talk.mp4');
  await page.getByRole('button', { name: /^Confirm video/ }).click();
  await page.locator('dialog .note.refused').filter({ hasText: 'Video:' }).waitFor();
  await page.getByLabel('Where the video is').fill('s3://videos/talk.mp4');
  await page.getByRole('button', { name: /^Confirm video/ }).click();
  await shows('Ready to run');

  await scene.run(job, { fail_at: 'AUDIO_EXTRACTING', failure_code: 'CORRUPT_INPUT' });
  await page.getByRole('link', { name: 'Change the video’s address…' }).click();
  await page.getByLabel('Where the video is').fill('s3://videos/talk-2.mp4');
  await page.getByRole('button', { name: /^Change the address/ }).click();
  await page.getByRole('heading', { name: 'talk-2.mp4', exact: true }).waitFor();
  expect((await scene.alice.get(`/jobs/${job}`)).manifest.video_uri).toBe('s3://videos/talk-2.mp4');
});

test('an attempt is given up after being asked once more, and the job can be retried at once', async () => {
  const job = await scene.job(project);
  await scene.run(job, { pause_before: 'TRANSCRIPT_READY' });
  await page.goto(`${scene.url}/jobs/${job}`);
  await page.getByRole('link', { name: 'Give up this attempt…' }).click();
  await page.getByText('The job itself stays open: it can be retried at once').waitFor();
  expect((await scene.alice.get(`/jobs/${job}`)).status).toBe('TRANSCRIBING');

  await page.getByRole('button', { name: 'Give up this attempt' }).click();

  await shows('Failed');
  await page.getByRole('link', { name: /^Retry transcript and draft…/ }).waitFor();
});

test('a draft that a correction has overtaken is exported only by somebody who says so, before anything is sent', async () => {
  const job = await scene.job(project);
  await scene.run(job);
  await scene.alice.settledJob(job);
  await scene.correct(job, 'transcript', 1, 'Alice, not Alis.');
  await page.goto(`${scene.url}/jobs/${job}`);
  await page.getByText('The draft was made before a correction.').waitFor();
  await page.getByRole('link', { name: 'Export…' }).click();
  await page.getByText('It was made before the transcript was corrected.').waitFor();
  const send = page.getByRole('button', { name: /^Export draft/ });
  expect(await send.getAttribute('aria-disabled')).toBe('true');

  await page.getByLabel('Export the draft without the correction of the transcript').check();
  await send.click();
  await shows('Done');
});

test('a job is cancelled after being asked once more, and says then that this was for good', async () => {
  const job = await scene.job(project);
  await page.goto(`${scene.url}/jobs/${job}`);
  await page.getByRole('link', { name: 'Cancel this job…' }).click();
  await page.getByRole('button', { name: 'Keep this job' }).click();
  await page.locator('dialog[open]').waitFor({ state: 'detached' });
  expect((await scene.alice.get(`/jobs/${job}`)).status).toBe('UPLOADED');

  await page.getByRole('link', { name: 'Cancel this job…' }).click();
  await page.getByRole('button', { name: 'Cancel the job' }).click();

  await shows('Cancelled');
  expect(await page.locator('.now').innerText()).toContain('This job was cancelled. It can’t be retried.');
});

test('a new job whose video is refused is there all the same, says so, and is made once', async () => {
  const own = await scene.project('Rejected videos');
  await page.goto(`${scene.url}/projects/${own}/new`);
  await page.getByLabel('Where the video is').fill('ftp://videos/talk.mp4');
  await page.getByRole('button', { name: /^Create job/ }).click();
  await page.getByText('The job itself is created.').waitFor();

  await page.getByLabel('Where the video is').fill('s3://videos/talk.mp4');
  await page.getByRole('button', { name: /^Confirm the video/ }).click();

  await shows('Ready to run');
  expect((await scene.alice.get(`/projects/${own}/jobs`)).items).toHaveLength(1);
});
