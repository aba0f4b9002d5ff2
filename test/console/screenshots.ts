// npm run screenshots: the pictures of the README, taken of the console as it is; with --all, of every view into a folder to look at.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser } from 'playwright-core';
import { startBrowser } from './browser.ts';
import { Scene } from './scene.ts';
import { openView, type View, viewsOf } from './views.ts';

const HELP = `npm run screenshots [-- --all FOLDER]

Starts the service, an orchestrator and an identity provider on free ports, makes jobs in many states, and takes the pictures of
the README (spec/pictures).
  --all FOLDER   every view instead, at 360 and 1280 px in light and dark and at 768 and 1920 px, into FOLDER`;

const PICTURES = join(import.meta.dirname, '../../spec/pictures');
/** As they stand in the README. */
const SHOWN = ['project', 'job-failed', 'retry'];
const LOOKS = [
  { width: 1280, colorScheme: 'light' },
  { width: 1280, colorScheme: 'dark' },
  { width: 360, colorScheme: 'light' },
  { width: 360, colorScheme: 'dark' },
  { width: 768, colorScheme: 'light' },
  { width: 1920, colorScheme: 'light' },
] as const;

async function take(
  scene: Scene,
  browser: Browser,
  views: readonly View[],
  folder: string,
  looks: readonly (typeof LOOKS)[number][],
) {
  mkdirSync(folder, { recursive: true });
  for (const { width, colorScheme } of looks) {
    const context = await scene.signedIn(browser, 'alice', { colorScheme, viewport: { width, height: 800 } });
    const page = await context.newPage();
    for (const view of views) {
      const { name, has } = view;
      await openView(page, scene.url, view);
      await page.locator('.skeleton').first().waitFor({ state: 'detached' });
      const file = looks.length === 1 ? `${name}.png` : `${name}-${colorScheme}-${width}.png`;
      await page.screenshot({
        path: join(folder, file),
        fullPage: looks.length > 1 && !has.startsWith('dialog'),
      });
    }
    await context.close();
  }
}

async function screenshots(all: string | undefined): Promise<void> {
  const [scene, browser] = await Promise.all([Scene.start(), startBrowser()]);
  try {
    const views = await viewsOf(scene);
    if (all !== undefined) await take(scene, browser, views, all, LOOKS);
    else {
      const shown = views.filter(({ name }) => SHOWN.includes(name));
      await take(scene, browser, shown, PICTURES, LOOKS.slice(0, 1));
    }
  } finally {
    await Promise.all([browser.close(), scene.stop()]);
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // Leaving is enough: what was started is killed and its files are removed on exit.
  process.once(signal, () => process.exit(130));
}
try {
  const { values } = parseArgs({
    options: { all: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) console.log(HELP);
  else await screenshots(values.all);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
