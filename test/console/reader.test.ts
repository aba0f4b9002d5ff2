// Whoever may only read sees everything, is told so, and is refused in words what they may not do. Nothing of it is done, and nothing
// that was typed is lost.
import type { BrowserContext, Page } from 'playwright-core';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import type { Config } from '../../src/config.ts';
import { makerOf, open, seal } from '../../src/http/seal.ts';
import { devSetting } from '../support/dev-settings.ts';
import type { Scene } from './scene.ts';
import { onStage } from './stage.ts';

const COOKIE = '__Host-retake';

const stage = onStage();
let scene: Scene;
let page: Page;
let job: string;
beforeAll(async () => {
  ({ scene } = stage);
  await narrow(stage.context);
  const project = await scene.project('Interviews');
  job = await scene.failed(project, undefined, undefined, { external_id: 'interview-042' });
});
beforeEach(() => {
  ({ page } = stage);
});

/** The session as a provider that gives no more than reading would have it: the local one knows nothing of scopes. */
async function narrow(context: BrowserContext): Promise<void> {
  const { serviceUrl, issuer } = scene.stack;
  const maker = makerOf('session', {
    publicBaseUrl: serviceUrl,
    auth: { issuer, ownerClaim: 'sub', requiresScope: false },
    signIn: { clientId: 'retake-console', sessionKeys: devSetting('SESSION_KEYS').split(',') },
  } as unknown as Config);
  const cookie = (await context.cookies(serviceUrl)).find(({ name }) => name === COOKIE);
  const session = maker && cookie ? await open(cookie.value, maker) : null;
  if (!maker || !cookie || !session) throw new Error('the session was not opened');
  const value = await seal({ ...session, scopes: ['retake:read'] }, session.exp * 1000, maker);
  await context.addCookies([{ ...cookie, value }]);
}

test('the header says that they may only read, and the job is shown as to anybody', async () => {
  await page.goto(`${scene.url}/jobs/${job}`);
  await page.locator('.top').getByText('may only read').waitFor();
  await page.getByRole('link', { name: 'Retry draft…' }).click();
  await page.locator('dialog .plan').waitFor();
  expect(await page.locator('.freshness').innerText()).toBe('Live');
});

interface Act {
  path: string;
  button: RegExp;
  type?: [string, string];
}
const ACTS: Act[] = [
  { path: '/retry', button: /^Retry draft/ },
  { path: '/details', button: /^Save details/, type: ['Tags', 'mine'] },
  {
    path: '/renew-video',
    button: /^Change the address/,
    type: ['Where the video is', 's3://videos/other.mp4'],
  },
  { path: '/erase', button: /^Erase this job/, type: ['To erase it, type interview-042', 'interview-042'] },
];

test.each(ACTS)(
  '$path is refused in words, and the dialogue stays as it was',
  async ({ path, button, type }) => {
    const before = await scene.alice.get(`/jobs/${job}`);
    await page.goto(`${scene.url}/jobs/${job}${path}`);
    if (type) await page.getByLabel(type[0]).fill(type[1]);
    await page.getByRole('button', { name: button }).click();

    await page
      .locator('dialog .note.refused')
      .getByText('Your sign-in does not allow this (retake:write is needed).')
      .waitFor();
    if (type) expect(await page.getByLabel(type[0]).inputValue()).toBe(type[1]);
    expect(await scene.alice.get(`/jobs/${job}`)).toEqual(before);
  },
);
