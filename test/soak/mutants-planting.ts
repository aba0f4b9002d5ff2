// Plants a bug: what stands at its anchor is replaced. A bug that changes nothing, or that does not compile, proves nothing.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Anchor, isSameCode, onlyPlace, type Source } from './mutants-anchor.ts';

export interface Planted extends Anchor {
  bug: string;
  /** What takes the place of what was found, for which `$&` stands. */
  to: string;
}

const ROOT = join(import.meta.dirname, '../..');

/** Every file of src/ in this directory, named from it. */
export function sourcesIn(directory: string): Source[] {
  const names = readdirSync(join(directory, 'src'), { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => name.endsWith('.ts')).map((name) => join('src', name));
  return files.map((file) => ({ file, text: readFileSync(join(directory, file), 'utf8') }));
}

/** The one source that the bug changes, before and with it. */
export function plant(sources: readonly Source[], { bug, to, ...anchor }: Planted) {
  try {
    const { source, start, end } = onlyPlace(sources, anchor);
    const { file, text } = source;
    const found = text.slice(start, end);
    const put = to.replaceAll('$&', () => found);
    if (isSameCode(found, put)) throw new Error(`nothing is changed: ${found}`);
    return { file, before: text, after: text.slice(0, start) + put + text.slice(end) };
  } catch (error) {
    throw new Error(`"${bug}" cannot be planted: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * What the compiler says of each of these bugs, in their order. All are compiled at once, each as a copy of its file that
 * stands beside the original and is imported by nothing.
 */
export function typeErrors(bugs: readonly Planted[]): string[][] {
  const sources = sourcesIn(ROOT);
  const directory = mkdtempSync(join(tmpdir(), 'retake-planted-'));
  try {
    // The console is compiled against the types that are generated from the document.
    execFileSync(process.execPath, [join(ROOT, 'test/client/generate.ts')], { cwd: ROOT });
    for (const name of ['src', 'tsconfig.json', 'worker-configuration.d.ts', 'dist/api.ts']) {
      cpSync(join(ROOT, name), join(directory, name), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
    const files = bugs.map((bug, index) => {
      const { file, after } = plant(sources, bug);
      const copy = file.replace(/\.ts$/, `.planted-${index}.ts`);
      writeFileSync(join(directory, copy), after);
      return copy;
    });
    const complaints = PROGRAMS.flatMap((program) => compile(directory, program));
    const unrelated = complaints.filter((line) => !files.some((file) => line.startsWith(`${file}(`)));
    if (unrelated.length > 0) throw new Error(`the sources do not compile:\n${unrelated.join('\n')}`);
    return files.map((file) => complaints.filter((line) => line.startsWith(`${file}(`)));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A bug may leave behind what nobody uses any more. */
const OPTIONS = ['--noUnusedLocals', 'false', '--noUnusedParameters', 'false', '--pretty', 'false'];

/** The service, and the console. */
const PROGRAMS = ['.', 'src/console'];

function compile(directory: string, program: string): string[] {
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  try {
    execFileSync(process.execPath, [tsc, '-p', join(directory, program), ...OPTIONS], {
      cwd: directory,
      encoding: 'utf8',
      stdio: 'pipe',
    });
    return [];
  } catch (error) {
    const { stdout } = error as { stdout?: string };
    if (!stdout) throw error;
    // What is indented explains the line before it.
    return stdout.split(/\n(?=\S)/).map((line) => line.trimEnd());
  }
}
