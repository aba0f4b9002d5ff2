// Builds the console (src/console) into dist/console, which wrangler.toml serves as assets. `wrangler dev` and `wrangler deploy` run
// it first, and so do tests that need it. What is up to date is left as it is, and files are put in place one by one,
// so that several at once do not disturb each other.
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = import.meta.dirname;
const SOURCE = join(ROOT, 'src/console');
const OUTPUT = join(ROOT, 'dist/console');
const RECORD = join(ROOT, 'dist/console-build.json');

interface Build {
  /** Of all that a build depends on. */
  source: string;
  /** Hashed names below assets/. */
  assets: string[];
}

/** An open page of the build before goes on after a deployment: its assets are kept. */
const KEPT_BUILDS = 2;

export async function buildConsole(): Promise<void> {
  const source = digestOfSource();
  const builds = recorded();
  if (builds[0]?.source !== source) await makeBuild(source, builds);
  if (process.env.WRANGLER_COMMAND === 'deploy') removeOthers();
}

async function makeBuild(source: string, builds: readonly Build[]): Promise<void> {
  const directory = `${OUTPUT}.${process.pid}`;
  try {
    await bundle(directory);
    const assets = readdirSync(join(directory, 'assets'));
    for (const file of assets) place(join(directory, 'assets', file), join(OUTPUT, 'assets'), file);
    place(join(directory, 'index.html'), OUTPUT, 'index.html');
    const kept = [{ source, assets }, ...builds.filter((build) => build.source !== source)].slice(
      0,
      KEPT_BUILDS,
    );
    writeFileSync(`${RECORD}.${process.pid}`, JSON.stringify(kept));
    renameSync(`${RECORD}.${process.pid}`, RECORD);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Only for a deployment: another `wrangler dev` may be reading what is there. */
function removeOthers(): void {
  const named = new Set(recorded().flatMap((build) => build.assets));
  for (const file of readdirSync(join(OUTPUT, 'assets'))) {
    if (!named.has(file)) rmSync(join(OUTPUT, 'assets', file));
  }
}

/** One script and one stylesheet: there is nothing to be loaded later that a deployment could have taken away. */
async function bundle(outDir: string): Promise<void> {
  const { build } = await import('vite');
  await build({
    configFile: false,
    root: SOURCE,
    base: '/console/',
    logLevel: 'warn',
    // The same whoever builds it: under `NODE_ENV=test` elements would bear the paths of their sources.
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact', development: false } },
    build: {
      outDir,
      emptyOutDir: true,
      target: 'es2023',
      // Nothing inline, which the Content-Security-Policy would refuse.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      cssCodeSplit: false,
      reportCompressedSize: false,
    },
  });
}

function digestOfSource(): string {
  const hash = createHash('sha256');
  const files = readdirSync(SOURCE, { withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map(({ name }) => join(SOURCE, name)).sort();
  for (const path of [...paths, join(ROOT, 'package-lock.json'), import.meta.filename]) {
    hash.update(path.slice(ROOT.length)).update('\0').update(readFileSync(path)).update('\0');
  }
  return hash.digest('hex');
}

/** The last builds whose files are there; none where one of the newest is missing. */
function recorded(): Build[] {
  try {
    const builds: Build[] = JSON.parse(readFileSync(RECORD, 'utf8'));
    const present = new Set(['index.html', ...readdirSync(OUTPUT), ...readdirSync(join(OUTPUT, 'assets'))]);
    return builds.filter(({ assets }) => assets.every((file) => present.has(file)));
  } catch {
    return [];
  }
}

/** As a whole or not at all, for whoever reads it meanwhile. */
function place(from: string, directory: string, name: string): void {
  mkdirSync(directory, { recursive: true });
  const beside = `${OUTPUT}.${process.pid}/${name}.placed`;
  cpSync(from, beside);
  renameSync(beside, join(directory, name));
}

if (import.meta.main) await buildConsole();
