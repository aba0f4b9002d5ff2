// Proof that the checkers bite: the planted bugs, one at a time in a copy of the sources, of which there is one for each core, and
// whether their suites turn red.
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setup as findBrowser } from '../console/browser.ts';
import { MUTANTS } from './mutants.ts';
import { plant, sourcesIn, typeErrors } from './mutants-planting.ts';
import { type Mutant, SUITES, type SuiteName } from './mutants-suites.ts';
import { type Run, runTests } from './run-tests.ts';

const ROOT = join(import.meta.dirname, '../..');
const COPIED = [
  'src',
  'test',
  'spec',
  'build-console.ts',
  'package-lock.json',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
  'wrangler.toml',
  '.dev.vars',
  '.dev.signing-key.json',
];

export interface MutantsReport {
  planted: number;
  killed: number;
  survivors: string[];
}

/** The bugs in whose description one of the words stands; all without a word. Throws for a word that names none. */
export function mutantsNamed(words: readonly string[]): readonly Mutant[] {
  if (words.length === 0) return MUTANTS;
  const strange = words.find((word) => !MUTANTS.some(({ bug }) => bug.includes(word)));
  if (strange !== undefined) throw new Error(`no planted bug is described with "${strange}"`);
  return MUTANTS.filter(({ bug }) => words.some((word) => bug.includes(word)));
}

/** Plants each bug in a copy of the sources. Throws when one cannot be planted, and when a suite is red without one. */
export async function runMutants(
  mutants: readonly Mutant[],
  print: (line: string) => void,
): Promise<MutantsReport> {
  const broken = typeErrors(mutants).flat();
  if (broken.length > 0) throw new Error(`a planted bug does not compile:\n${broken.join('\n')}`);
  // Two suites that unpack a browser at once would start what the other still writes.
  if (mutants.some(({ suite }) => SUITES[suite].project === 'console')) await findBrowser();
  const copies = cpus().map(() => mkdtempSync(join(tmpdir(), 'retake-mutants-')));
  const leave = () => {
    for (const copy of copies) rmSync(copy, { recursive: true, force: true });
  };
  process.on('exit', leave);
  try {
    for (const copy of copies) {
      for (const name of COPIED) cpSync(join(ROOT, name), join(copy, name), { recursive: true });
      symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    }
    await inTurns(copies, [...new Set(mutants.map((mutant) => mutant.suite))], async (copy, suite) => {
      const { isGreen, output } = await run(copy, suite);
      if (!isGreen) throw new Error(`the suite ${suite} is red without a bug:\n${output.slice(-3_000)}`);
    });
    const sources = sourcesIn(ROOT);
    const survivors: string[] = [];
    await inTurns(copies, [...mutants.entries()], async (copy, [index, mutant]) => {
      const { file, before, after } = plant(sources, mutant);
      writeFileSync(join(copy, file), after);
      const startedAt = performance.now();
      const { failed } = await run(copy, mutant.suite);
      const seconds = Math.round((performance.now() - startedAt) / 1_000);
      writeFileSync(join(copy, file), before);
      // A suite that could not run at all has found nothing.
      if (failed === 0) survivors.push(mutant.bug);
      const verdict = failed > 0 ? `killed by ${mutant.suite}` : `SURVIVED ${mutant.suite}`;
      print(`mutant ${index + 1}/${mutants.length} ${verdict} in ${seconds} s: ${mutant.bug}`);
    });
    return { planted: mutants.length, killed: mutants.length - survivors.length, survivors };
  } finally {
    leave();
    process.off('exit', leave);
  }
}

/** Each of them in one of the copies, whichever is free. */
async function inTurns<T>(
  copies: readonly string[],
  all: readonly T[],
  act: (copy: string, one: T) => Promise<void>,
): Promise<void> {
  const left = [...all];
  const work = async (copy: string) => {
    try {
      for (let next = left.shift(); next !== undefined; next = left.shift()) await act(copy, next);
    } finally {
      // Where one fails no other begins anything more, and what has begun is waited for.
      left.length = 0;
    }
  };
  const ended = await Promise.allSettled(copies.map(work));
  for (const how of ended) if (how.status === 'rejected') throw how.reason;
}

function run(directory: string, suite: SuiteName): Promise<Run> {
  const { project, file } = SUITES[suite];
  return runTests({
    directory,
    project,
    files: [file],
    stopsAtFailure: true,
    // Enough to find any of them, few enough to be quick.
    env: { HISTORIES: '5000', SIMULATIONS: '3000', FAULT_HISTORIES: '100', SEED: '1' },
  });
}
