// The browser of the tests: the first Chromium that is found, else the one that its npm package ships.
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const INSTALLED = [
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

export async function startBrowser(args: string[] = []): Promise<Browser> {
  // Not the shipped one's own arguments, which are for a place without processes and switch off what is tested here.
  return chromium.launch({ executablePath: await browserPath(), args });
}

let shared: Browser | null = null;

/** The one of all files of this process, until the process ends: each file has contexts of its own, and closes them. */
export async function sharedBrowser(): Promise<Browser> {
  // The pages of a context share a process, which stays while one of them is open: to start it takes longer than most looks.
  if (!shared?.isConnected()) shared = await startBrowser(['--renderer-process-limit=1']);
  return shared;
}

/** None where it did not start. */
export const closeContexts = (browser: Browser | undefined) =>
  Promise.all(browser?.contexts().map((context) => context.close()) ?? []);

/** Unpacks the shipped one where there is no other. */
async function browserPath(): Promise<string> {
  const named = process.env.CHROMIUM_PATH;
  const installed = named ?? INSTALLED.find((path) => existsSync(path));
  if (installed !== undefined) return installed;
  if (process.platform !== 'linux') {
    throw new Error('No Chromium: install Google Chrome, or name one in CHROMIUM_PATH.');
  }
  const { default: shipped } = await import('@sparticuz/chromium');
  return shipped.executablePath();
}

/** Before any test file: two that unpack it at once would start what the other still writes. */
export async function setup(): Promise<void> {
  process.env.CHROMIUM_PATH = await browserPath();
}
