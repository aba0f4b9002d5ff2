// Where the runtimes of the tests keep their files.
import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
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
  // Dozens of processes load the same modules: what Node has compiled of them is kept beside.
  process.env.NODE_COMPILE_CACHE = join(folder, 'compiled');
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
}
