// npm run bench: Retake beside what one would build otherwise, on this machine, in turns; one report.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Contestant, contestant, NAMES, type Name, type Running } from './contestants.ts';
import { bundleSize, type Footprint, startTimes } from './footprint.ts';
import { goalsOf } from './goals.ts';
import { type Growth, growth } from './growth.ts';
import { OrchestratorEvents } from './orchestrator-events.ts';
import { providePackages } from './packages.ts';
import { printReport, type Report, writeReport } from './report.ts';
import { Results } from './results.ts';
import { type Waking, waking } from './sleep.ts';
import { Session, type Sizes } from './workloads.ts';

const HELP = `npm run bench -- [--quick] [--only NAME,…] [--rounds N] [--no-growth] [--no-waking]

Measures Retake, three floors and its peers on this machine, in rounds that take turns; takes about 25 minutes.
  --quick        small sizes, under three minutes; for a look, not for figures; not together with --jobs
  --only NAMES   ${NAMES.join(', ')}; default: all
  --rounds N     default: 5, quick 3
  --jobs N       distinct jobs at concurrency 32, all else in proportion; default: 2000
  --no-growth    without W8, the pasts of jobs
  --no-waking    without jobs that sleep
The report goes to test/bench/report/: report.md with charts, results.json with every sample.
Peers: redis and postgres want Debian's redis-server and postgresql. The first run with one of them or restate installs
their packages, Restate's server included, below test/bench/contestants (250 MB).`;

const FULL: Sizes = { jobs: 2_000, jobsOneByOne: 400, followed: 100, whole: 160, hot: 2_000 };
const QUICK: Sizes = { jobs: 150, jobsOneByOne: 40, followed: 15, whole: 24, hot: 150 };

const inProportion = (sizes: Sizes, share: number): Sizes => ({
  jobs: Math.round(sizes.jobs * share),
  jobsOneByOne: Math.round(sizes.jobsOneByOne * share),
  followed: Math.round(sizes.followed * share),
  whole: Math.round(sizes.whole * share),
  hot: Math.round(sizes.hot * share),
});

interface Options {
  names: Name[];
  rounds: number;
  sizes: Sizes;
  /** Of the pasts of W8; 0 leaves it out. */
  growthScale: number;
  /** Jobs of each kind that are put to sleep; 0 leaves it out. */
  sleepers: number;
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
  const progress = (text: string) => {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0).padStart(5);
    console.log(`${seconds} s  ${text}`);
  };
  const size = bundleSize(WRANGLER_CONFIG);
  const orchestrator = await OrchestratorEvents.start();
  const entries: Entry[] = [];
  const unavailable: Report['unavailable'] = [];
  const failed = new Set<Name>();
  const results = new Results();
  const growths: Partial<Record<Name, Growth[]>> = {};
  const wakings: Partial<Record<Name, Waking[][]>> = {};
  const footprint: Partial<Footprint> = {};
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
      if (name === 'retake') footprint.idleBytes = running.child.residentBytes('workerd');
      const session = new Session(running, orchestrator, { ...options.sizes, jobs });
      const entry = { contestant: what, running, session };
      entries.push(entry);
      await alone(entry, 'preparation', () => (name === 'hello' ? Promise.resolve() : session.prepare()));
    }

    for (let round = 1; round <= options.rounds; round += 1) {
      for (const entry of entries) {
        const { name } = entry.contestant;
        await alone(entry, `round ${round} of ${options.rounds}`, async () => {
          results.add(name, await (name === 'hello' ? entry.session.hello() : entry.session.round()));
          if (name === 'retake') {
            // Who has idled meanwhile is asleep.
            await entry.session.read();
            footprint.jobsAwake = options.sizes.jobs;
            footprint.awakeBytes = entry.running.child.residentBytes('workerd');
          }
        });
      }
    }
    for (const entry of entries.filter(({ contestant: { name } }) => name === 'naive' || name === 'retake')) {
      const { name } = entry.contestant;
      if (options.sleepers > 0) {
        await alone(entry, 'waking', async () => {
          for (let turn = 0; turn < 3; turn += 1) {
            wakings[name] = [...(wakings[name] ?? []), await waking(entry.session, options.sleepers)];
          }
        });
      }
      if (options.growthScale > 0 && name === 'retake') {
        await alone(entry, 'growth', async () => {
          growths[name] = await growth(entry.session, 100, options.growthScale);
        });
      }
    }
    const onWorkerd = (['retake', 'naive', 'hello'] as const).filter((name) => options.names.includes(name));
    footprint.startMs = await startTimes(onWorkerd, orchestrator.url, options.starts);
    progress('starts');
  } finally {
    await Promise.all(
      entries.map(async ({ session, running }) => {
        running.child.resume();
        await session.close();
        await running.child.stop();
      }),
    );
    await orchestrator.child.stop();
  }
  return {
    at,
    minutes: (performance.now() - startedAt) / 60_000,
    options: { rounds: options.rounds, sizes: options.sizes },
    contestants: entries.map(({ contestant: { start: _start, ...about } }) => about),
    unavailable,
    results,
    goals: goalsOf({ results, growth: growths.retake ?? [], wakings }),
    growth: growths.retake ?? [],
    wakings,
    footprint: { ...footprint, bundle: size },
  };
}

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
    },
  });
  const rounds = Number(values.rounds ?? (values.quick ? 3 : 5));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds has to be a whole number from 1');
  if (values.quick && values.jobs !== undefined)
    throw new Error('--quick has sizes of its own: without --jobs');
  const share = Number(values.jobs ?? FULL.jobs) / FULL.jobs;
  if (!(share >= 0.1 && share <= 5)) throw new Error('--jobs has to be from 200 to 10000');
  const names = (values.only?.split(',') ?? [...NAMES]) as Name[];
  const stranger = names.find((name) => !NAMES.includes(name));
  if (stranger !== undefined) throw new Error(`--only knows no ${stranger}: ${NAMES.join(', ')}`);
  if (values.help) console.log(HELP);
  else {
    providePackages(names);
    makeScratch();
    const report = await bench({
      names,
      rounds,
      sizes: values.quick ? QUICK : inProportion(FULL, share),
      growthScale: values['no-growth'] ? 0 : values.quick ? 0.02 : 1,
      sleepers: values['no-waking'] || values.quick ? 0 : 100,
      starts: values.quick ? 1 : 5,
    });
    printReport(report);
    writeReport(report);
  }
} catch (error) {
  console.error(reasonOf(error));
  process.exit(1);
}
