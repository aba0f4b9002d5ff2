// npm run bench: Retake beside what one would build otherwise, on this machine, in turns; one report.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { consolePages } from './console.ts';
import { type Contestant, contestant, NAMES, type Name, type Running } from './contestants.ts';
import { type EvidenceCost, evidenceCosts } from './evidence.ts';
import { finding } from './finding.ts';
import { bundleSize, type Footprint, startTimes } from './footprint.ts';
import { goalsOf } from './goals.ts';
import { type Growth, growth } from './growth.ts';
import { OrchestratorEvents } from './orchestrator-events.ts';
import { providePackages } from './packages.ts';
import { promises } from './promises.ts';
import { promisesReport } from './promises-report.ts';
import { VARIANTS } from './promises-variants.ts';
import { printReport, type Report, writePage, writeReport } from './report.ts';
import { Results } from './results.ts';
import { WAKING_NAMES, type Wakings, wakings } from './sleep.ts';
import { viewers } from './viewers.ts';
import { Session, type Sizes, sizesFor } from './workloads.ts';

const HELP = `npm run bench -- [--quick] [--only NAME,…] [--jobs N] [--rounds N] [--no-growth] [--no-waking] [--no-evidence]
npm run bench -- --viewers
npm run bench -- --promises [--without NAME,…] [--jobs N] [--rounds N] [--no-waking]
npm run bench -- --finding
npm run bench -- --console

Measures Retake, three floors and its peers on this machine, in rounds that take turns; the report says how long it took.
  --quick        200 jobs, 3 rounds, short pasts, no jobs that sleep; for a look, not for figures
  --only NAMES   ${NAMES.join(', ')}; default: all
  --jobs N       distinct jobs at concurrency 32, all else in proportion; default: 2000, quick 200
  --rounds N     default: 5, quick 3; with --promises of waking too
  --no-growth    without W8, the pasts of jobs
  --no-waking    without jobs that sleep
  --no-evidence  without retries that ask the store of artifacts
  --viewers      instead of all that: reports per second to a job with and without a hundred viewers; a minute
  --promises     instead of all that: what each promise costs. Retake as it is and without one of them each, beside
                 floors B and C; default: 600 jobs, 5 rounds, half an hour. The tables go to promises.md as well
  --finding      instead of all that: what each filter of a list reads and takes, in projects of up to 100,000 jobs; a minute
  --console      instead of all that: how long a project with a thousand jobs takes to show in a browser; a minute
  --without NAMES  of these variants: ${VARIANTS.map(({ name }) => name).join(', ')}; default: all
The report goes to test/bench/report/: report.md with charts, results.json with every sample.
Peers: redis and postgres want Debian's redis-server and postgresql. The first run with one of them or restate installs
their packages, Restate's server included, below test/bench/contestants (250 MB).`;

const FULL = { jobs: 2_000, rounds: 5, growthScale: 1, wakingTurns: 5, evidenceTurns: 5, starts: 3 };
const QUICK = { jobs: 200, rounds: 3, growthScale: 0.02, wakingTurns: 0, evidenceTurns: 3, starts: 1 };
const PROMISES = { ...FULL, jobs: 600 };
/** Fewer say nothing. */
const LEAST_JOBS = 200;
/** Jobs of each kind that are put to sleep. */
const SLEEPERS = 100;

interface Options {
  names: Name[];
  rounds: number;
  sizes: Sizes;
  /** Of the pasts of W8; 0 leaves it out. */
  growthScale: number;
  /** How often jobs are put to sleep; 0 leaves it out. */
  wakingTurns: number;
  /** How often retries with and without evidence take turns; 0 leaves it out. */
  evidenceTurns: number;
  /** How often the contestants on workerd are started, to time it. */
  starts: number;
}

interface Entry {
  contestant: Contestant;
  running: Running;
  session: Session;
}

async function bench(options: Options): Promise<Report> {
  const at = new Date().toISOString();
  const startedAt = performance.now();
  const progress = progressSince(startedAt);
  const orchestrator = await OrchestratorEvents.start();
  const entries: Entry[] = [];
  const started = new Set<Entry>();
  const unavailable: Report['unavailable'] = [];
  const failed = new Set<Name>();
  const results = new Results();
  let growthOfRetake: Growth[] = [];
  let sleepers: Wakings = {};
  let evidence: EvidenceCost[] = [];
  const footprint: Footprint = { bundle: bundleSize(WRANGLER_CONFIG), memory: {}, startMs: {} };
  /** One has the machine for itself. */
  const alone = async ({ contestant: { name }, running }: Entry, what: string, act: () => Promise<void>) => {
    if (failed.has(name)) return;
    running.child.resume();
    try {
      await act();
      progress(`${what}, ${name}`);
    } catch (error) {
      // What it has done so far counts, and the others go on.
      failed.add(name);
      const reason = `stopped in ${what}: ${reasonOf(error)}`;
      progress(`${name} ${reason}`);
      unavailable.push({ name, reason });
    }
    running.child.pause();
  };

  const stopAll = async () => {
    const those = [...started];
    started.clear();
    await Promise.all(
      those.map(async ({ session, running }) => {
        running.child.resume();
        await session.close();
        await running.child.stop();
      }),
    );
  };

  try {
    for (const name of options.names) {
      const what = contestant(name);
      // Its local runtime takes eighty instances a second: fewer jobs tell its rates as well.
      const jobs = name === 'workflows' ? Math.min(options.sizes.jobs, 500) : options.sizes.jobs;
      const running = await what.start(orchestrator.url).catch((error) => ({ unavailable: reasonOf(error) }));
      if ('unavailable' in running) {
        progress(`${name} is left out: ${running.unavailable}`);
        unavailable.push({ name, reason: running.unavailable });
        continue;
      }
      const idleBytes = running.child.residentBytes('workerd');
      const session = new Session(running, orchestrator, { ...options.sizes, jobs });
      const entry = { contestant: what, running, session };
      entries.push(entry);
      started.add(entry);
      await alone(entry, 'preparation', async () => {
        if (name === 'hello') return;
        await session.prepare();
        if (WAKING_NAMES.some((one) => one === name)) {
          const awakeBytes = running.child.residentBytes('workerd');
          footprint.memory[name] = { idleBytes, jobs, awakeBytes };
        }
      });
    }

    for (let round = 1; round <= options.rounds; round += 1) {
      for (const entry of entries) {
        const { name } = entry.contestant;
        await alone(entry, `round ${round} of ${options.rounds}`, async () => {
          results.add(name, await (name === 'hello' ? entry.session.hello() : entry.session.round()));
        });
      }
    }
    const ours = entries.find(({ contestant: { name } }) => name === 'retake');
    if (ours && options.growthScale > 0) {
      await alone(ours, 'growth', async () => {
        growthOfRetake = await growth(ours.session, 100, options.growthScale);
      });
    }
    // Nobody else is there when runtimes of their own put jobs to sleep.
    await stopAll();
    if (options.wakingTurns > 0) {
      const names = WAKING_NAMES.filter((name) => options.names.includes(name));
      try {
        sleepers = await wakings(names.map(contestant), orchestrator, SLEEPERS, options.wakingTurns);
        progress('waking');
      } catch (error) {
        progress(`waking was not measured: ${reasonOf(error)}`);
        unavailable.push({ name: 'waking', reason: reasonOf(error) });
      }
    }
    if (options.evidenceTurns > 0 && options.names.includes('retake')) {
      try {
        evidence = await evidenceCosts(orchestrator, options.sizes.evidence, options.evidenceTurns);
        progress('evidence');
      } catch (error) {
        progress(`evidence was not measured: ${reasonOf(error)}`);
        unavailable.push({ name: 'evidence', reason: reasonOf(error) });
      }
    }
    const timed = (['retake', 'naive', 'hello'] as const).filter((name) => options.names.includes(name));
    footprint.startMs = await startTimes(timed, orchestrator.url, options.starts);
    progress('starts');
  } finally {
    await stopAll();
    await orchestrator.child.stop();
  }
  return {
    at,
    minutes: (performance.now() - startedAt) / 60_000,
    options: { rounds: options.rounds, sizes: options.sizes },
    contestants: entries.map(({ contestant: { start: _start, ...about } }) => about),
    unavailable,
    results,
    goals: goalsOf({ results, growth: growthOfRetake, wakings: sleepers, memory: footprint.memory }),
    growth: growthOfRetake,
    wakings: sleepers,
    evidence,
    footprint,
  };
}

const progressSince = (startedAt: number) => (text: string) => {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0).padStart(5);
  console.log(`${seconds} s  ${text}`);
};

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const WRANGLER_CONFIG = new URL('../../wrangler.toml', import.meta.url).pathname;

/** Everything that anybody stores goes here, and goes away with this process, however it ends. */
function makeScratch(): void {
  const scratch = mkdtempSync(join(tmpdir(), 'retake-bench-'));
  // Servers that refuse to run as root have to get in.
  chmodSync(scratch, 0o755);
  process.env.TMPDIR = scratch;
  process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(130));
}

try {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h' },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      jobs: { type: 'string' },
      'no-growth': { type: 'boolean', default: false },
      'no-waking': { type: 'boolean', default: false },
      'no-evidence': { type: 'boolean', default: false },
      viewers: { type: 'boolean', default: false },
      promises: { type: 'boolean', default: false },
      without: { type: 'string' },
      finding: { type: 'boolean', default: false },
      console: { type: 'boolean', default: false },
    },
  });
  const preset = values.promises ? PROMISES : values.quick ? QUICK : FULL;
  const rounds = Number(values.rounds ?? preset.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds has to be a whole number from 1');
  const jobs = Number(values.jobs ?? preset.jobs);
  const least = values.promises ? 40 : LEAST_JOBS;
  if (!Number.isInteger(jobs) || jobs < least || jobs > 10_000)
    throw new Error(`--jobs has to be a whole number from ${least} to 10000`);
  const names = (values.only?.split(',') ?? [...NAMES]) as Name[];
  const stranger = names.find((name) => !NAMES.includes(name));
  if (stranger !== undefined) throw new Error(`--only knows no ${stranger}: ${NAMES.join(', ')}`);
  const wanted = values.without?.split(',') ?? VARIANTS.map(({ name }) => name);
  const unknown = wanted.find((one) => !VARIANTS.some(({ name }) => name === one));
  if (unknown !== undefined) throw new Error(`--without knows no ${unknown}`);
  if (values.help) console.log(HELP);
  else if (values.viewers) {
    makeScratch();
    await viewers(console.log);
  } else if (values.console) await consolePages(console.log);
  else if (values.finding) {
    makeScratch();
    await finding(progressSince(performance.now()));
  } else if (values.promises) {
    makeScratch();
    const variants = VARIANTS.filter(({ name }) => wanted.includes(name));
    const wakingTurns = values['no-waking'] ? 0 : rounds;
    const measured = await promises(
      { variants, jobs, rounds, wakingTurns },
      progressSince(performance.now()),
    );
    writePage('promises.md', promisesReport(measured));
  } else {
    providePackages(names);
    makeScratch();
    const report = await bench({
      names,
      rounds,
      sizes: sizesFor(jobs),
      growthScale: values['no-growth'] ? 0 : preset.growthScale,
      wakingTurns: values['no-waking'] ? 0 : preset.wakingTurns,
      evidenceTurns: values['no-evidence'] ? 0 : preset.evidenceTurns,
      starts: preset.starts,
    });
    printReport(report);
    writeReport(report);
  }
} catch (error) {
  console.error(reasonOf(error));
  process.exit(1);
}
