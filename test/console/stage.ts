// What most of the console's tests stand on: a service, somebody who has signed in, and for each test a page of theirs that complains
// of nothing.
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { closeContexts, sharedBrowser } from './browser.ts';
import { Scene } from './scene.ts';
import { type Watched, watchedPage } from './watched.ts';

export interface Stage {
  readonly scene: Scene;
  readonly context: BrowserContext;
  readonly page: Page;
}

/** Registers what starts and stops it, before what the file itself registers. Requests of its pages may be refused. */
export function onStage(): Stage {
  let scene: Scene;
  let browser: Browser;
  let context: BrowserContext;
  let watched: Watched;
  beforeAll(async () => {
    [scene, browser] = await Promise.all([Scene.start(), sharedBrowser()]);
    context = await scene.signedIn(browser);
    // While this page is open, those of all tests share its process.
    await (await context.newPage()).goto(`${scene.stack.serviceUrl}/healthz`);
  });
  afterAll(() => Promise.all([closeContexts(browser), scene.stop()]));
  beforeEach(async () => {
    watched = await watchedPage(context, scene.stack.serviceUrl, { isRefused: true });
  });
  afterEach(async () => {
    await watched.page.close();
    expect(watched.complaints).toEqual([]);
  });
  return {
    get scene() {
      return scene;
    },
    get context() {
      return context;
    },
    get page() {
      return watched.page;
    },
  };
}
