// What some contestants need beside the project's own packages: a package below contestants/, so that the product's
// `npm ci` does not install it. The bench does, when one of them takes part, and type-checks them, which `npm run check`
// cannot do without it.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { NAMES, type Name } from './contestants.ts';

const NEED_PACKAGES: readonly Name[] = ['restate', 'redis', 'postgres'];

const DIRECTORY = join(import.meta.dirname, 'contestants');
const LOCK = join(DIRECTORY, 'package-lock.json');
/** The lock file that is installed: written last, and gone first, since `npm ci` begins by removing node_modules. */
const INSTALLED_LOCK = join(DIRECTORY, 'node_modules/.installed-package-lock.json');
const TSC = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');

/** Throws when one of these contestants lacks its packages and cannot get them, or does not fit their types. */
export function providePackages(names: readonly Name[]): void {
  if (!names.some((name) => NEED_PACKAGES.includes(name))) return;
  if (!isInstalled()) install();
  // TypeScript's own program, so that it runs with the Node that runs this.
  run('type-check', process.execPath, [TSC, '-p', DIRECTORY]);
}

const isInstalled = (): boolean =>
  existsSync(INSTALLED_LOCK) && readFileSync(INSTALLED_LOCK).equals(readFileSync(LOCK));

function install(): void {
  console.log(
    `installing the contestants' packages: npm ci in ${relative(process.cwd(), DIRECTORY)} (250 MB) …`,
  );
  // Without scripts: one would compile, another reports the installation to Restate's makers.
  run('install', 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
  copyFileSync(LOCK, INSTALLED_LOCK);
}

function run(what: string, program: string, args: readonly string[]): void {
  const { status, error, stdout, stderr } = spawnSync(program, args, { cwd: DIRECTORY, encoding: 'utf8' });
  if (status === 0) return;
  const others = NAMES.filter((name) => !NEED_PACKAGES.includes(name)).join(',');
  throw new Error(
    `cannot ${what} the contestants ${NEED_PACKAGES.join(', ')}:\n${error?.message ?? `${stdout}${stderr}`.trim()}\n` +
      `Without them: npm run bench -- --only ${others}`,
  );
}
