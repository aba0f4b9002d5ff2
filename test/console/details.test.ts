// What a job is called by is changed in a dialogue: nothing of what somebody else has changed is written over by itself, and nothing
// that was typed is lost.
import type { Page } from 'playwright-core';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Scene } from './scene.ts';
import { onStage } from './stage.ts';

const stage = onStage();
let scene: Scene;
let page: Page;
let project: string;
let job: string;
beforeAll(async () => {
  ({ scene } = stage);
  project = await scene.project('Interviews');
});
beforeEach(async () => {
  ({ page } = stage);
  job = await scene.job(project, 'talk.mp4', { tags: ['conference', 'urgent'] });
  await patch({ metadata: { language: 'de', speaker: 'Alis' } });
});

/** By somebody else, beside the page. */
async function patch(changes: object): Promise<void> {
  const { status } = await scene.alice.call('PATCH', `/jobs/${job}`, changes);
  expect(status).toBe(200);
}
const labels = async () => {
  const { tags, metadata } = await scene.alice.get(`/jobs/${job}`);
  return { tags, metadata };
};
const save = () => page.getByRole('button', { name: /^Save details/ });
const tags = () => page.getByLabel('Tags', { exact: true });
const closed = () => page.locator('dialog[open]').waitFor({ state: 'detached' });
const open = async () => {
  await page.goto(`${scene.url}/jobs/${job}`);
  await page.getByRole('link', { name: 'Edit details…' }).click();
  await tags().waitFor();
};

test('tags and metadata are changed, added and taken away, and nothing else of the job is', async () => {
  const {
    revision: _,
    updated_at: __,
    tags: ___,
    metadata: ____,
    ...before
  } = await scene.alice.get(`/jobs/${job}`);
  await open();
  expect(new URL(page.url()).pathname).toBe(`/console/jobs/${job}/details`);
  expect(await save().getAttribute('aria-disabled')).toBe('true');

  await tags().fill('conference\n\n keynote \nkeynote');
  await page.getByLabel('Value of speaker').fill('Alice');
  await page.getByRole('button', { name: 'Remove language' }).click();
  await page.getByRole('button', { name: 'Add an entry' }).click();
  await page.keyboard.type('year');
  await page.getByLabel('Value of year').fill('2026');
  await page.keyboard.press('Enter');

  await closed();
  await page.locator('.details .tag').filter({ hasText: 'keynote' }).waitFor();
  expect(await labels()).toEqual({
    tags: ['conference', 'keynote'],
    metadata: { speaker: 'Alice', year: '2026' },
  });
  expect(await scene.alice.get(`/jobs/${job}`)).toMatchObject(before);
});

test('by keys alone: the focus is in what was added, and goes back to what opened the dialogue', async () => {
  await page.goto(`${scene.url}/jobs/${job}`);
  await page.getByRole('link', { name: 'Edit details…' }).focus();
  await page.keyboard.press('Enter');
  await tags().waitFor();
  await tags().focus();
  await page.keyboard.press('Control+End');
  await page.keyboard.type('\nkeynote');
  await page.getByRole('button', { name: 'Add an entry' }).focus();
  await page.keyboard.press('Enter');
  await page.keyboard.type('year');
  await page.keyboard.press('Tab');
  await page.keyboard.type('2026');
  const [request] = await Promise.all([
    page.waitForRequest((each) => each.method() === 'PATCH'),
    page.keyboard.press('Control+Enter'),
  ]);

  await closed();
  // What stays as it is, is not sent.
  expect(request.postDataJSON()).toEqual({
    tags: ['conference', 'urgent', 'keynote'],
    metadata: { year: '2026' },
  });
  expect(await labels()).toMatchObject({
    tags: ['conference', 'urgent', 'keynote'],
    metadata: { year: '2026', language: 'de' },
  });
  await expect.poll(() => page.evaluate('document.activeElement.innerText')).toBe('Edit details…');
});

test('names that are there twice, and values without one, are not sent; what the service refuses it says', async () => {
  await open();
  await page.getByRole('button', { name: 'Add an entry' }).click();
  await page.keyboard.type('speaker');
  await page.getByText('“speaker” is there twice.').waitFor();
  expect(await save().getAttribute('aria-disabled')).toBe('true');
  await page.getByLabel('Name of speaker').last().fill('');
  await page.getByLabel('Value of a new entry').fill('Ben');
  await page.getByText('“Ben” has no name.').waitFor();
  await page.getByRole('button', { name: 'Remove a new entry' }).click();

  await tags().fill(Array.from({ length: 11 }, (_, at) => `tag-${at}`).join('\n'));
  await save().click();

  await page.locator('dialog .note.refused').filter({ hasText: 'tags' }).waitFor();
  expect(await tags().inputValue()).toContain('tag-10');
  expect((await labels()).tags).toEqual(['conference', 'urgent']);
});

describe('details that somebody else has changed meanwhile', () => {
  beforeEach(async () => {
    await open();
    await tags().fill('mine');
  });
  const newer = () => page.locator('dialog .changed');

  test('are shown beside what was typed, with who it was, before anything is sent', async () => {
    await patch({ tags: ['theirs'] });

    await newer().getByText('You have changed this elsewhere meanwhile').waitFor();
    expect(await newer().locator('dd').first().innerText()).toBe('theirs');
    expect(await tags().inputValue()).toBe('mine');
    expect(await save().getAttribute('aria-disabled')).toBe('true');
  });

  test('are shown too where only the service knows of them: its 412 loses nothing and overwrites nothing', async () => {
    let asked = 0;
    // In the moment between the press and the answer.
    await page.route(`**/jobs/${job}`, async (route) => {
      if (route.request().method() === 'PATCH') {
        asked += 1;
        await patch({ tags: ['theirs'] });
      }
      return route.continue();
    });
    await save().click();

    await newer().waitFor();
    expect(asked).toBe(1);
    expect(await tags().inputValue()).toBe('mine');
    expect((await labels()).tags).toEqual(['theirs']);
  });

  test('are shown in place of asking again, where the answer to one’s own change was lost', async () => {
    let asked = 0;
    await page.route(`**/jobs/${job}`, async (route) => {
      if (route.request().method() !== 'PATCH') return route.continue();
      asked += 1;
      if (asked > 1) return route.continue();
      await patch({ tags: ['theirs'] });
      await page.locator('.details .tag').filter({ hasText: 'theirs' }).waitFor();
      return route.abort('connectionreset');
    });
    await save().click();

    await newer().waitFor();
    expect(asked).toBe(1);
    expect(await tags().inputValue()).toBe('mine');
    expect((await labels()).tags).toEqual(['theirs']);
  });

  test('give way where somebody wants it so: what is saved is what was typed', async () => {
    await patch({ tags: ['theirs'], metadata: { room: '3' } });
    await newer().getByRole('button', { name: 'Save mine' }).click();

    await closed();
    expect(await labels()).toEqual({ tags: ['mine'], metadata: { language: 'de', speaker: 'Alis' } });
  });

  test('are taken where somebody wants it so', async () => {
    await patch({ tags: ['theirs'], metadata: { room: '3' } });
    await newer().getByRole('button', { name: 'Take what is saved' }).click();

    await newer().waitFor({ state: 'detached' });
    expect(await tags().inputValue()).toBe('theirs');
    expect(await page.getByLabel('Value of room').inputValue()).toBe('3');
    expect((await labels()).tags).toEqual(['theirs']);
  });

  test('are nothing of the kind where something else of the job has changed: it is saved all the same', async () => {
    const ifMatches: (string | undefined)[] = [];
    await page.route(`**/jobs/${job}`, async (route) => {
      if (route.request().method() === 'PATCH') {
        ifMatches.push(route.request().headers()['if-match']);
        if (ifMatches.length === 1) await scene.alice.post(`/jobs/${job}/cancel`);
      }
      return route.continue();
    });
    await save().click();

    await closed();
    expect(await labels()).toMatchObject({ tags: ['mine'] });
    expect(ifMatches).toHaveLength(2);
    expect(new Set(ifMatches).size).toBe(2);
  });
});
