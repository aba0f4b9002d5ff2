// What somebody waits for who opens a project in the console: the first paint, and the list of its jobs. Every time is of a page that
// the browser has never had, of a project with one job and of one with a thousand, in turns.
import type { Browser, BrowserContext } from 'playwright-core';
import { startBrowser } from '../console/browser.ts';
import { Scene } from '../console/scene.ts';
import { type Spread, spread } from './statistics.ts';

const JOBS = 1_000;
const TOGETHER = 10;
const TURNS = 7;
/** In the page, so that the way to it and back does not count. */
const TIMED = `(async () => {
  const frame = () => new Promise(requestAnimationFrame);
  while (document.querySelector('.list tbody tr') === null) await frame();
  await frame();
  const listMs = performance.now();
  let paint;
  while ((paint = performance.getEntriesByName('first-contentful-paint')[0]) === undefined) await frame();
  const sent = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
  return {
    firstPaintMs: paint.startTime,
    listMs,
    bytes: sent.reduce((sum, { transferSize }) => sum + transferSize, 0),
  };
})()`;

interface Opened {
  firstPaintMs: number;
  listMs: number;
  bytes: number;
}

/** Prints milliseconds from the navigation on, as median and range of the turns. */
export async function consolePages(print: (line: string) => void): Promise<void> {
  const [scene, browser] = await Promise.all([Scene.start(), startBrowser()]);
  try {
    const [small, large] = [await projectOf(scene, 1), await projectOf(scene, JOBS)];
    const signedIn = await scene.signedIn(browser);
    const session = await signedIn.storageState();
    await signedIn.close();
    const found: Record<'small' | 'large', Opened[]> = { small: [], large: [] };
    for (let turn = 0; turn <= TURNS; turn += 1) {
      for (const [name, project] of [['small', small] as const, ['large', large] as const]) {
        const opened = await open(browser, session, `${scene.url}/projects/${project}`);
        // The first of each finds the service as it has just been started.
        if (turn > 0) found[name].push(opened);
      }
    }
    print(`a page that the browser has never had, ${TURNS} times each; milliseconds from the navigation on`);
    for (const [name, jobs] of [['small', 1] as const, ['large', JOBS] as const]) {
      const of = (key: keyof Opened) => spread(found[name].map((opened) => opened[key]));
      const label = `a project with ${jobs.toLocaleString('en')} ${jobs === 1 ? 'job' : 'jobs'}:`.padEnd(30);
      print(`${label}first paint ${said(of('firstPaintMs'))}, its jobs ${said(of('listMs'))}`);
    }
    print(`sent for it: ${Math.round(spread(found.large.map(({ bytes }) => bytes)).median / 1024)} KiB`);
  } finally {
    await browser.close();
    await scene.stop();
  }
}

async function projectOf(scene: Scene, jobs: number): Promise<string> {
  const project = await scene.project('Interviews');
  for (let made = 0; made < jobs; made += TOGETHER) {
    const names = Array.from({ length: Math.min(TOGETHER, jobs - made) }, (_, at) => `take-${made + at}`);
    await Promise.all(names.map((external_id) => scene.job(project, null, { external_id })));
  }
  return project;
}

async function open(
  browser: Browser,
  storageState: Awaited<ReturnType<BrowserContext['storageState']>>,
  address: string,
): Promise<Opened> {
  const context = await browser.newContext({ storageState, viewport: { width: 1280, height: 800 } });
  try {
    const page = await context.newPage();
    await page.goto(address, { waitUntil: 'commit' });
    return await page.evaluate<Opened>(TIMED);
  } finally {
    await context.close();
  }
}

const said = ({ median, min, max }: Spread): string =>
  `${Math.round(median)} (${Math.round(min)} to ${Math.round(max)})`;
