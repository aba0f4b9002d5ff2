// npm run soak: the proofs of npm test at full length, chaos on the shipped service, and the planted bugs.
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { VIOLATIONS } from '../rules/rule.ts';
import { tooSeldomInAll } from '../rules/situations.ts';
import { runBulk } from './bulk.ts';
import { runChaos } from './chaos.ts';
import { mutantsNamed, runMutants } from './mutants-run.ts';
import type { Mutant } from './mutants-suites.ts';
import { runTests } from './run-tests.ts';

const HELP = `npm run soak -- [--model] [--simulation] [--histories] [--chaos] [--mutants] [--fuzz] [--seed N] [--scale F]

Without a part's name all of them run, which takes more than an hour on two cores, and twice that on slow ones; each prints its figures.
  --model       250,000 random histories of the pure core against the independent model
  --simulation  50,000 simulated worlds: crashes, queue faults, clocks
  --histories   5,000 random histories over HTTP in real workerd
  --fuzz        requests made from spec/openapi.yaml, ten times those of npm test
  --bulk        bulk retries of 1,000 jobs by the service as it ships, which is killed again and again
  --chaos       200 jobs at once in the service as it ships, which is killed every few seconds; longer on a slow machine
  --mutants     planted bugs, each of which a suite has to find
  --bug WORD    of the planted bugs those in whose description this stands; may be repeated
  --seed N      another seed (default: 1)
  --scale F     so many times the histories, worlds and seconds (default: 1)
Exit status: 0 when nothing was found.`;

const ROOT = join(import.meta.dirname, '../..');
const PARTS = ['model', 'simulation', 'histories', 'fuzz', 'bulk', 'chaos', 'mutants'] as const;
type Part = (typeof PARTS)[number];

type Figures = Record<string, unknown>;

/** The scaled-up tests: how many runs in all, and in how many processes' worth. */
const SCALED: Record<'model' | 'simulation' | 'histories' | 'fuzz', Scaled> = {
  model: {
    project: 'pure',
    files: ['test/domain/histories.test.ts', 'test/domain/operation.test.ts'],
    env: 'HISTORIES',
    runs: 250_000,
    each: 62_500,
  },
  simulation: {
    project: 'simulation',
    files: ['test/simulation'],
    env: 'SIMULATIONS',
    runs: 50_000,
    each: 12_500,
  },
  histories: {
    project: 'workerd',
    files: ['test/faults'],
    env: 'FAULT_HISTORIES',
    runs: 5_000,
    each: 1_250,
  },
  fuzz: { project: 'e2e', files: ['test/fuzz'], env: 'FUZZ_RUNS', runs: 10, each: 5 },
};
interface Scaled {
  project: string;
  files: string[];
  env: string;
  runs: number;
  /** By one process; each has a seed of its own. A multiple of two processes leaves no core idle while the last ends. */
  each: number;
}

interface Settings {
  seed: number;
  scale: number;
  mutants: readonly Mutant[];
}

async function soak(parts: readonly Part[], settings: Settings): Promise<boolean> {
  const report: Record<string, Figures> = {};
  let isGreen = true;
  for (const part of parts) {
    const startedAt = performance.now();
    console.log(`\n${part} …`);
    const { ok, figures } = await runPart(part, settings);
    isGreen &&= ok;
    report[part] = { ...figures, minutes: Number(((performance.now() - startedAt) / 60_000).toFixed(1)) };
    console.log(`${part}: ${ok ? 'as promised' : 'BROKEN'} ${JSON.stringify(report[part])}`);
  }
  console.log(`\n${table(report)}`);
  return isGreen;
}

async function runPart(
  part: Part,
  { seed, scale, mutants }: Settings,
): Promise<{ ok: boolean; figures: Figures }> {
  switch (part) {
    case 'chaos': {
      const { ok, ...figures } = await runChaos({
        jobs: 200,
        seconds: Math.max(60, Math.round(300 * scale)),
        killEveryMs: [3_000, 8_000],
        seed,
        print: (line) => console.log(line),
      });
      const broken = VIOLATIONS.map((kind) => [
        kind,
        figures.violations.filter((v) => v.kind === kind).length,
      ]);
      return { ok, figures: { ...figures, violations: Object.fromEntries(broken) } };
    }
    case 'bulk':
      return runBulk(Math.max(100, Math.round(1_000 * scale)), (line) => console.log(`  ${line}`));
    case 'mutants': {
      const figures = await runMutants(mutants, (line) => console.log(`  ${line}`));
      return { ok: figures.killed === figures.planted, figures: { ...figures } };
    }
    default:
      return scaled(SCALED[part], seed, scale);
  }
}

/** As many processes at once as there are cores; stops at the first that finds something and prints what it was. */
async function scaled(
  { project, files, env, runs, each }: Scaled,
  firstSeed: number,
  scale: number,
): Promise<{ ok: boolean; figures: Figures }> {
  let left = Math.ceil(runs * scale);
  const all = left;
  let nextSeed = firstSeed;
  let ok = true;
  const figures: Figures = {};
  const worker = async (): Promise<void> => {
    while (left > 0 && ok) {
      const now = Math.min(each, left);
      left -= now;
      const seed = String(nextSeed++);
      const run = await runTests({
        directory: ROOT,
        project,
        files,
        env: { [env]: String(now), SEED: seed, FUZZ_SEED: seed },
      });
      for (const counted of run.figures) add(figures, counted);
      if (!run.isGreen) {
        ok = false;
        console.log(run.output.slice(-6_000));
      }
      console.log(`  ${all - left} of ${all} begun, seed ${seed} ${run.isGreen ? 'done' : 'BROKEN'}`);
    }
  };
  await Promise.all(Array.from({ length: cpus().length }, worker));
  delete figures.seed;
  const seldom = ok ? SIGHTINGS.flatMap((name) => tooSeldom(figures, name)) : [];
  for (const situation of seldom) console.log(`  came up too seldom: ${situation}`);
  return { ok: ok && seldom.length === 0 && Object.keys(figures).length > 0, figures };
}

/** What suites count of situations, each beside the share that they ask of each. */
const SIGHTINGS = ['situations', 'operations'] as const;

function tooSeldom(figures: Figures, name: (typeof SIGHTINGS)[number]): string[] {
  const share = figures[`${name}_share`];
  if (typeof share !== 'number') return [];
  return tooSeldomInAll(figures[name] as Record<string, number>, share);
}

/** Sums numbers by name, also inside of objects. */
function add(sums: Figures, counted: Figures): void {
  for (const [name, value] of Object.entries(counted)) {
    if (typeof value === 'number') sums[name] = ((sums[name] as number | undefined) ?? 0) + value;
    else if (typeof value === 'object' && value !== null) {
      sums[name] ??= {};
      add(sums[name] as Figures, value as Figures);
    }
  }
}

function table(report: Record<string, Figures>): string {
  const rows = Object.entries(report).map(([part, figures]) => {
    const cells = Object.entries(figures).map(([name, value]) =>
      typeof value === 'object' ? `${name} ${JSON.stringify(value)}` : `${name} ${value}`,
    );
    return `| ${part} | ${cells.join(', ')} |`;
  });
  return ['| part | figures |', '| --- | --- |', ...rows].join('\n');
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // Leaving is enough: what was started is killed and its files are removed on exit.
  process.once(signal, () => process.exit(130));
}
try {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h' },
      seed: { type: 'string', default: '1' },
      scale: { type: 'string', default: '1' },
      bug: { type: 'string', multiple: true, default: [] },
      ...Object.fromEntries(PARTS.map((part) => [part, { type: 'boolean' } as const])),
    },
  });
  const [seed, scale] = [Number(values.seed), Number(values.scale)];
  if (!Number.isInteger(seed) || !(scale > 0))
    throw new Error('--seed takes a whole number, --scale one above 0');
  const mutants = mutantsNamed(values.bug);
  const asked: Record<string, unknown> = { mutants: values.bug.length > 0, ...values };
  const named = PARTS.filter((part) => asked[part] === true);
  if (values.help) console.log(HELP);
  else if (!(await soak(named.length > 0 ? named : PARTS, { seed, scale, mutants }))) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
