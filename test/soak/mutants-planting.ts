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
export function plant(sources: readonly Source[], bug: Planted) {
  const { source, ...change } = changeOf(sources, bug);
  return { file: source.file, before: source.text, after: withAll(source.text, [change]) };
}

/** What stands in a source between two characters, and what takes its place. */
interface Change {
  start: number;
  end: number;
  put: string;
}

function changeOf(sources: readonly Source[], { bug, to, ...anchor }: Planted): Change & { source: Source } {
  try {
    const { source, start, end } = onlyPlace(sources, anchor);
    const found = source.text.slice(start, end);
    const put = to.replaceAll('$&', () => found);
    if (isSameCode(found, put)) throw new Error(`nothing is changed: ${found}`);
    return { source, start, end, put };
  } catch (error) {
    throw new Error(`"${bug}" cannot be planted: ${error instanceof Error ? error.message : error}`);
  }
}

function withAll(text: string, changes: readonly Change[]): string {
  const fromTheEnd = [...changes].sort((one, other) => other.start - one.start);
  return fromTheEnd.reduce((left, { start, end, put }) => left.slice(0, start) + put + left.slice(end), text);
}

/** A file as it is with some of the bugs that are planted in it, none of which touches another. */
interface Copy {
  source: Source;
  changes: Change[];
  bugs: Planted[];
}

/** In as few copies as can be: a compiler's time goes by the files. */
function shared(sources: readonly Source[], bugs: readonly Planted[]): Copy[] {
  const copies: Copy[] = [];
  for (const bug of bugs) {
    const { source, ...change } = changeOf(sources, bug);
    const isApart = (other: Change) => other.end < change.start || change.end < other.start;
    const copy = copies.find((each) => each.source === source && each.changes.every(isApart));
    if (copy) {
      copy.changes.push(change);
      copy.bugs.push(bug);
    } else {
      copies.push({ source, changes: [change], bugs: [bug] });
    }
  }
  return copies;
}

/**
 * What the compiler says of each of these bugs, in their order. All are compiled at once, and those that share a copy of their file
 * share what is said of it: the line says which it is.
 */
export function typeErrors(bugs: readonly Planted[]): string[][] {
  const copies = shared(sourcesIn(ROOT), bugs);
  const complaints = complaintsOf(copies);
  return bugs.map((bug) => complaints[copies.findIndex((copy) => copy.bugs.includes(bug))] ?? []);
}

/** What the compiler says of each copy, which stands beside its original and is imported by nothing. */
function complaintsOf(copies: readonly Copy[]): string[][] {
  const directory = mkdtempSync(join(tmpdir(), 'retake-planted-'));
  try {
    // The console is compiled against the types that are generated from the document.
    execFileSync(process.execPath, [join(ROOT, 'test/client/generate.ts')], { cwd: ROOT });
    for (const name of ['src', 'tsconfig.json', 'worker-configuration.d.ts', 'dist/api.ts']) {
      cpSync(join(ROOT, name), join(directory, name), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
    const files = copies.map(({ source, changes }, index) => {
      const file = source.file.replace(/\.ts$/, `.planted-${index}.ts`);
      writeFileSync(join(directory, file), withAll(source.text, changes));
      return file;
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
