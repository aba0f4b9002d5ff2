// The dialogue that shows what a retry would do: what it says when that is refused, has changed, was lost, or was sent twice.
import type { Page } from 'playwright-core';
import { beforeAll, beforeEach, expect, test } from 'vitest';
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

const failsTwice = { fail_at: 'GENERATING', fail_times: 2 } as const;
const attemptsOf = async (jobId: string) => (await scene.alice.get(`/jobs/${jobId}/attempts`)).items;

test('a profile that may not start from what there is keeps its place, and says why', async () => {
  const job = await scene.failed(project, { fail_at: 'TRANSCRIBING' });

  await page.goto(`${scene.url}/jobs/${job}/retry`);
  await page.locator('dialog .plan').waitFor();

  const off = page.getByRole('radio', { name: /^draft-only/ });
  expect(await off.isDisabled()).toBe(true);
  expect(await page.locator('.choice', { has: off }).innerText()).toContain(
    'This profile may not start from what there is.',
  );
});

test('a plan that has changed meanwhile is not carried out: what changed is marked, and it is asked again', async () => {
  const job = await scene.failed(project, failsTwice);
  await page.goto(`${scene.url}/jobs/${job}/retry`);
  await page.getByRole('button', { name: /^Retry draft/ }).waitFor();

  await scene.stack.artifacts.remove((await scene.alice.get(`/jobs/${job}`)).manifest.transcript_uri);
  await page.getByRole('button', { name: /^Retry draft/ }).click();
  await page.getByRole('heading', { name: 'The plan has changed' }).waitFor();

  const changed = page.locator('.plan tr.is-changed');
  expect(await changed.allInnerTexts()).toEqual([
    expect.stringMatching(/Redone[\s\S]*Transcript[\s\S]*its file is gone[\s\S]*before: kept, Transcript v1/),
  ]);
  await expect.poll(() => page.evaluate('document.activeElement.textContent')).toBe('The plan has changed');
  expect(await attemptsOf(job)).toHaveLength(1);

  await page.getByRole('button', { name: 'Retry transcript and draft with this plan' }).click();
  await page.locator('dialog[open]').waitFor({ state: 'detached' });
  await scene.alice.settledJob(job);
  expect(await attemptsOf(job)).toHaveLength(2);
});

test('one that is refused says why in words, and the dialogue stays', async () => {
  const job = await scene.failed(project, failsTwice);
  await page.goto(`${scene.url}/jobs/${job}/retry`);
  await page.getByRole('button', { name: /^Retry draft/ }).waitFor();

  // Somebody else is faster, and their pipeline is at work.
  await scene.stack.orchestrator.client.plan(job, { pipeline: { manual: true } });
  await scene.alice.retry(job, { model_profile: 'balanced', client_request_id: 'faster' });
  await page.getByRole('button', { name: /^Retry draft/ }).click();

  const said = page.locator('dialog .note.refused').last();
  await said.waitFor();
  expect(await said.innerText()).toBe('An attempt is under way already.');
  expect(await page.locator('dialog[open]').count()).toBe(1);
});

test('a pipeline that is not reached leaves the job as it was, and the same request can be sent again', async () => {
  const job = await scene.failed(project, failsTwice);
  await page.goto(`${scene.url}/jobs/${job}/retry`);
  await page.getByRole('button', { name: /^Retry draft/ }).waitFor();
  const refuse = { kind: 'refuse', status: 403 } as const;
  await scene.stack.orchestrator.client.plan(job, { answers: [refuse] });

  await page.getByRole('button', { name: /^Retry draft/ }).click();
  const said = page.locator('dialog .note.refused').last();
  await said.waitFor();
  expect(await said.innerText()).toBe('The pipeline could not be reached. Nothing has changed.');

  await page.getByRole('button', { name: /^Retry draft/ }).click();
  await page.locator('dialog[open]').waitFor({ state: 'detached' });
  expect((await scene.alice.settledJob(job)).status).toBe('DRAFT_READY');
});

test('an answer that is lost is asked for again under the same id: nothing is done twice', async () => {
  const job = await scene.failed(project, failsTwice);
  await page.goto(`${scene.url}/jobs/${job}/retry`);
  await page.getByRole('button', { name: /^Retry draft/ }).waitFor();
  await scene.stack.orchestrator.client.plan(job, { pipeline: { pause_before: 'DRAFT_READY' } });
  const ids: string[] = [];
  let losing = true;
  await page.route('**/retry', async (route) => {
    ids.push(route.request().postDataJSON().client_request_id);
    if (!losing) return route.continue();
    // It arrives, and its answer does not.
    await route.fetch();
    await route.abort('connectionreset');
  });

  await page.getByRole('button', { name: /^Retry draft/ }).click();
  await page.getByText('We don’t know whether it was accepted.').waitFor();
  losing = false;
  await page.locator('dialog[open]').waitFor({ state: 'detached' });

  await scene.stack.orchestrator.client.waitFor(job, 'held');
  await scene.stack.orchestrator.client.release(job);
  await scene.alice.settledJob(job);
  expect(ids.length).toBeGreaterThan(1);
  expect(new Set(ids).size).toBe(1);
  expect(await attemptsOf(job)).toHaveLength(2);
});

/** What is asked for is done to its end before its answer is lost. The ids under which it is asked for come as they are sent. */
async function loseFirstAnswer(what: 'retry' | 'export', job: string): Promise<readonly string[]> {
  const ids: string[] = [];
  await page.route(`**/${what}`, async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    ids.push(route.request().postDataJSON().client_request_id);
    if (ids.length > 1) return route.continue();
    await route.fetch();
    await scene.alice.settledJob(job);
    return route.abort('connectionreset');
  });
  return ids;
}

test('of one whose answer was lost and that has failed by then it is said what became of it; another press is another one', async () => {
  const job = await scene.failed(project, failsTwice);
  await page.goto(`${scene.url}/jobs/${job}/retry`);
  await page.getByRole('button', { name: /^Retry draft/ }).waitFor();
  const ids = await loseFirstAnswer('retry', job);

  await page.getByRole('button', { name: /^Retry draft/ }).click();
  await page
    .locator('dialog .note')
    .filter({
      hasText: 'This had been accepted already, and its attempt is over: failed. Nothing was sent again.',
    })
    .waitFor();
  expect(await attemptsOf(job)).toHaveLength(2);

  await page.getByRole('button', { name: /^Retry draft/, disabled: false }).click();
  await page.locator('dialog[open]').waitFor({ state: 'detached' });
  expect(await attemptsOf(job)).toHaveLength(3);
  expect(new Set(ids).size).toBe(2);
});

test('of an export whose answer was lost and that has ended by then it is said that it had been accepted, and it is not made twice', async () => {
  const job = await scene.job(project);
  await scene.run(job);
  await scene.alice.settledJob(job);
  await page.goto(`${scene.url}/jobs/${job}/export`);
  await loseFirstAnswer('export', job);

  await page.getByRole('button', { name: /^Export draft/ }).click();
  await page
    .getByText('This had been accepted already, and its attempt is over: succeeded. Nothing was sent again.')
    .waitFor({ state: 'attached' });
  expect(await attemptsOf(job)).toHaveLength(2);
});

test('what may have been sent keeps its id over a reload, for as long as the plan is the same', async () => {
  const job = await scene.failed(project, failsTwice);
  await page.goto(`${scene.url}/jobs/${job}/retry`);
  await page.getByRole('button', { name: /^Retry draft/ }).waitFor();
  const ids: string[] = [];
  let losing = true;
  await page.route('**/retry', (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    ids.push(route.request().postDataJSON().client_request_id);
    return losing ? route.abort('connectionreset') : route.continue();
  });
  await page.getByRole('button', { name: /^Retry draft/ }).click();
  await page.getByText('We don’t know whether it was accepted.').waitFor();

  losing = false;
  const before = ids.length;
  await page.reload();
  await page.getByRole('button', { name: /^Retry draft/ }).click();
  await page.locator('dialog[open]').waitFor({ state: 'detached' });

  expect(ids.length).toBeGreaterThan(before);
  expect(new Set(ids).size).toBe(1);
});

test('pressed twice it is sent once', async () => {
  const job = await scene.failed(project, failsTwice);
  await page.goto(`${scene.url}/jobs/${job}/retry`);
  await page.getByRole('button', { name: /^Retry draft/ }).waitFor();
  let sent = 0;
  await page.route('**/retry', (route) => {
    sent += 1;
    return route.continue();
  });

  await page.getByRole('button', { name: /^Retry draft/ }).dblclick();
  await page.locator('dialog[open]').waitFor({ state: 'detached' });

  expect(sent).toBe(1);
});

test('further back than the rule leads is a choice with its price, and a correction in the way is named before it is passed over', async () => {
  const job = await scene.failed(project, failsTwice);
  await scene.correct(job, 'transcript', 1, 'Alice, not Alis.');
  await page.goto(`${scene.url}/jobs/${job}/retry`);
  await page.locator('dialog .plan').waitFor();

  await page.getByLabel('Start from').selectOption('AUDIO_READY');
  await page
    .getByText('This would pass over a correction: Transcript v2 (it would be made again).')
    .waitFor();
  expect(await page.getByRole('button', { name: /^Retry/ }).getAttribute('aria-disabled')).toBe('true');

  await page.getByLabel(/Don’t use the correction of the transcript/).check();
  await page.getByRole('button', { name: /^Retry transcript and draft/, disabled: false }).waitFor();
  expect(new URL(page.url()).search).toBe('?from=AUDIO_READY&discard=transcript');
  await page.getByRole('button', { name: /^Retry transcript and draft/ }).click();
  await page.locator('dialog[open]').waitFor({ state: 'detached' });
  const [attempt] = await attemptsOf(job);
  expect(attempt.dispatch.plan.edits_discarded).toEqual([{ stage: 'transcript', version: 2 }]);
});
