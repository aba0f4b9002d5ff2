// Where the processes of the tests keep their files.
import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const IN_MEMORY = '/dev/shm';
const ENOUGH_BYTES = 4 * 2 ** 30;

/**
 * Has temporary files lie in memory, where there is such a file system with 4 GiB to spare: every commit of an object is synced, and
 * a third of a test's time would be waiting for a disk that shows nothing. They go with the process.
 */
export function keepTemporaryFilesInMemory(): void {
  if (!existsSync(IN_MEMORY) || process.env.TMPDIR?.startsWith(IN_MEMORY)) return;
  const { bavail, bsize } = statfsSync(IN_MEMORY);
  if (bavail * bsize < ENOUGH_BYTES) return;
  const folder = mkdtempSync(`${IN_MEMORY}/retake-tests-`);
  process.env.TMPDIR = folder;
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
}

/**
 * Has every process that is started from here begin with what the first of its kind has compiled (Node.js, *Module compile cache*):
 * `wrangler dev` is started some sixty times, and reading its own code is half of what a start takes.
 */
export function shareCompiledCode(): void {
  process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), 'retake-compiled');
}
