// Every view is judged by axe-core up to WCAG 2.2 AA, in light and dark; and none has to be scrolled sideways on a telephone.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { closeContexts, sharedBrowser } from './browser.ts';
import { Scene } from './scene.ts';
import { openView, type View, viewsOf } from './views.ts';
import { watchedPage } from './watched.ts';

/** Evaluated from outside: the page's own policy lets no script in. */
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RUN = `axe.run(document, {
  runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] },
  resultTypes: ['violations', 'incomplete'],
}).then(({ violations, incomplete }) => {
  const shown = ({ id, nodes }) => nodes.map(({ html, any }) => id + ': ' + html.slice(0, 160) + ' ' + (any[0]?.message ?? ''));
  return { violations: violations.flatMap(shown), incomplete: incomplete.flatMap(shown) };
})`;

interface Found {
  violations: string[];
  incomplete: string[];
}

/** In which columns share a row. */
const WITH_TABLES = ['project', 'projects', 'bulk', 'operation-done', 'job-failed', 'job-broken'];

let scene: Scene;
let browser: Browser;
let views: View[];
beforeAll(async () => {
  [scene, browser] = await Promise.all([Scene.start(), sharedBrowser()]);
  views = await viewsOf(scene);
});
afterAll(() => Promise.all([closeContexts(browser), scene.stop()]));

/** Once nothing is being loaded any more. */
async function open(page: Page, view: View): Promise<void> {
  await openView(page, scene.url, view);
  await expect.poll(() => page.locator('.skeleton').count()).toBe(0);
  // Until it is known who looks, the header says so by a mark that a program cannot judge.
  await page.locator('.person-name:not(:empty)').waitFor({ state: 'attached' });
}

test('in light and in dark no view has a violation, and what cannot be decided by a program is nothing new', {
  timeout: 600_000,
}, async () => {
  const context = await scene.signedIn(browser);
  const { page, complaints } = await watchedPage(context, scene.stack.serviceUrl, { isRefused: true });
  const found: Record<string, Found> = {};
  for (const view of views) {
    await open(page, view);
    await page.evaluate(AXE);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      found[`${view.name} in ${colorScheme}`] = await page.evaluate<Found>(RUN);
    }
  }
  const wrong = Object.entries(found).flatMap(([name, { violations }]) =>
    violations.map((each) => `${name}: ${each}`),
  );
  const unclear = Object.entries(found).flatMap(([name, { incomplete }]) =>
    incomplete.map((each) => `${name}: ${each}`),
  );
  expect(Object.keys(found)).toHaveLength(2 * views.length);
  expect(wrong).toEqual([]);
  expect(unclear).toEqual([]);
  expect(complaints).toEqual([]);
  await context.close();
});

test('on a telephone no view is wider than the screen, and what is pressed by a finger is large enough', {
  timeout: 300_000,
}, async () => {
  const context = await scene.signedIn(browser, 'alice', {
    viewport: { width: 320, height: 640 },
    hasTouch: true,
    isMobile: true,
  });
  const { page } = await watchedPage(context, scene.stack.serviceUrl, { isRefused: true });
  const wide: string[] = [];
  const small: string[] = [];
  for (const view of views) {
    const { name } = view;
    await open(page, view);
    const width = await page.evaluate<number>('document.documentElement.scrollWidth');
    if (width > 320) wide.push(`${name}: ${width}`);
    const buttons = await page.evaluate<string[]>(`[...document.querySelectorAll('button, .button')]
      .filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < 24)
      .map((each) => each.outerHTML.slice(0, 120))`);
    small.push(...buttons.map((each) => `${name}: ${each}`));
  }
  expect(wide).toEqual([]);
  expect(small).toEqual([]);
  await context.close();
});

test('from 360 to 1280 px no cell of a table is narrower than a word, and no page wider than the screen', async () => {
  const context = await scene.signedIn(browser);
  const { page } = await watchedPage(context, scene.stack.serviceUrl, { isRefused: true });
  const narrow: string[] = [];
  const withTables = views.filter(({ name }) => WITH_TABLES.includes(name));
  expect(withTables).toHaveLength(WITH_TABLES.length);
  for (const view of withTables) {
    await open(page, view);
    for (const width of [360, 640, 768, 920, 1024, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      await expect.poll(() => page.evaluate<number>('innerWidth')).toBe(width);
      const cells = await page.evaluate<string[]>(`[...document.querySelectorAll('.page :is(td, th)')]
      .filter((each) => each.checkVisibility() && each.innerText.length > 12 && each.clientWidth < 80)
      .map((each) => each.innerText)`);
      narrow.push(...cells.map((text) => `${view.name} at ${width}: ${text}`));
      const scrollWidth = await page.evaluate<number>('document.documentElement.scrollWidth');
      if (scrollWidth > width) narrow.push(`${view.name} at ${width}: ${scrollWidth}`);
    }
  }
  expect(narrow).toEqual([]);
  await context.close();
});

describe.each(['light', 'dark'] as const)('in a %s palette of the system’s own colours', (colorScheme) => {
  test('every status is seen by its shape, drawn in the colour of text with its tick in that of the ground', async () => {
    const context = await scene.signedIn(browser, 'alice', { colorScheme, forcedColors: 'active' });
    const { page, complaints } = await watchedPage(context, scene.stack.serviceUrl);
    for (const view of views.filter(({ name }) => name === 'project')) await open(page, view);
    const colours = await page.evaluate<string[][]>(`(() => {
      const system = (name) => {
        const probe = document.body.appendChild(document.createElement('p'));
        probe.style.color = name;
        const { color } = getComputedStyle(probe);
        probe.remove();
        return color;
      };
      const named = { [system('CanvasText')]: 'text', [system('Canvas')]: 'ground' };
      return [...document.querySelectorAll('.jobs .shape')].flatMap((shape) =>
        [...shape.querySelectorAll('*')]
          .filter((part) => part.tagName !== 'g')
          .map((part) => {
            const { fill, stroke } = getComputedStyle(part);
            const isTick = part.matches('.tick');
            const colour = fill === 'none' ? stroke : fill;
            return [shape.classList[1], isTick ? 'tick' : 'shape', named[colour] ?? colour];
          }),
      );
    })()`);
    const shapes = [...new Set(colours.map(([shape]) => shape))].sort();
    expect(shapes).toEqual(['is-cancelled', 'is-done', 'is-failed', 'is-ready', 'is-running', 'is-waiting']);
    for (const [shape, part, colour] of colours) {
      expect(colour, `${part} of ${shape}`).toBe(part === 'tick' ? 'ground' : 'text');
    }
    for (const icon of await page.locator('.jobs .shape').all()) {
      const seen = await icon.screenshot();
      await icon.evaluate((node) => node.setAttribute('opacity', '0'));
      expect(seen.equals(await icon.screenshot())).toBe(false);
    }
    expect(complaints).toEqual([]);
    await context.close();
  });
});
