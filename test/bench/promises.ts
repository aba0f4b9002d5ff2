// npm run bench -- --promises: what each promise costs. Retake as it is, and without one of them each, in turns beside the
// floors. What a variant is without is planted in a copy of the sources, which is bundled; see promises-variants.ts.
import { cpSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Source } from '../soak/mutants-anchor.ts';
import { plant, sourcesIn } from '../soak/mutants-planting.ts';
import { bundle } from '../support/runtime/bundle.ts';
import { contestant, type Running, startRetakeWith } from './contestants.ts';
import type { Load } from './load.ts';
import { OrchestratorEvents } from './orchestrator-events.ts';
import type { Variant } from './promises-variants.ts';
import { RuntimeProcess } from './runtime-process.ts';
import { secondsUntilAll } from './samples.ts';
import { type Sleeper, type Wakings, wakings } from './sleep.ts';
import { type BenchJob, Session, sizesFor } from './workloads.ts';

const ROOT = join(import.meta.dirname, '../..');
/** The outcome of a delivery is stored a little after the orchestrator has it. */
const SETTLING_MS = 300;
/** Beside Retake and floor B. They take turns from request to request, and nobody may be idle for ten seconds meanwhile. */
const ASLEEP_AT_ONCE = 3;
const SLEEPERS = 100;

/** Per second at concurrency 32 unless it says so, and microseconds of workerd's CPU for one. */
export const RATES = ['W1', 'W3', 'W3h', 'W5', 'W1 at 1'] as const;
export const TIMES = ['retry', 'callback', 'heartbeat'] as const;
export type Figures = Record<(typeof RATES)[number] | (typeof TIMES)[number], number>;

export interface Measured {
  name: string;
  /** One entry per round. */
  rounds: Figures[];
  /** What a job that is awake holds, prepared. */
  bytesPerJob: number;
}

export interface Promises {
  at: string;
  minutes: number;
  options: PromisesOptions;
  /** Floor B, floor C, Retake as it is, and the variants. */
  measured: Measured[];
  /** Who was asked in turns with each other. */
  wakings: Wakings[];
  /** What could not be measured, and why. */
  failed: string[];
}

export interface PromisesOptions {
  variants: readonly Variant[];
  jobs: number;
  rounds: number;
  /** 0 leaves waking out. */
  wakingTurns: number;
}

/** The sources with all that this variant plants, one after the other. */
export function planted(sources: readonly Source[], { name, plants }: Variant): Source[] {
  return plants.reduce<Source[]>(
    (before, one) => {
      const { file, after } = plant(before, { bug: name, ...one });
      return before.map((source) => (source.file === file ? { file, text: after } : source));
    },
    [...sources],
  );
}

/** Who starts Retake without what this variant is without. */
function variantStart(variant: Variant, copy: string): Sleeper {
  const path = join(mkdtempSync(join(tmpdir(), 'retake-bundle-')), 'index.js');
  writeFileSync(path, bundled(variant, copy));
  return { name: variant.name, start: startRetakeWith(path) };
}

/** What `wrangler deploy` would upload of it; `copy`, by `copyOfSources`, is as before afterwards. */
export function bundled(variant: Variant, copy: string): string {
  const before = sourcesIn(copy);
  const after = planted(before, variant);
  try {
    for (const { file, text } of after) writeFileSync(join(copy, file), text);
    return bundle(join(copy, 'wrangler.toml'));
  } finally {
    for (const { file, text } of before) writeFileSync(join(copy, file), text);
  }
}

/** A directory with all that a bundle is made of. */
export function copyOfSources(): string {
  const copy = mkdtempSync(join(tmpdir(), 'retake-promises-'));
  for (const name of ['src', 'wrangler.toml', 'tsconfig.json', 'package.json']) {
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  }
  // The console is the same for all: wrangler builds that of the project, and wants to see what it is told to serve.
  for (const name of ['node_modules', 'dist']) symlinkSync(join(ROOT, name), join(copy, name));
  return copy;
}

interface Entry {
  name: string;
  running: Running;
  runtime: RuntimeProcess;
  session: Session;
  jobs: readonly BenchJob[];
  measured: Measured;
}

export async function promises(
  options: PromisesOptions,
  progress: (text: string) => void,
): Promise<Promises> {
  const at = new Date().toISOString();
  const startedAt = performance.now();
  const copy = copyOfSources();
  const started = options.variants.map((variant) => variantStart(variant, copy));
  const startOf = (how: Variant['measured']) =>
    started.filter((_, index) => [how, 'both'].includes(options.variants[index]?.measured ?? ''));
  progress(`${started.length} variants are bundled`);
  const orchestrator = await OrchestratorEvents.start();
  const failed: string[] = [];
  const attempt = async (what: string, act: () => Promise<void>): Promise<boolean> => {
    try {
      await act();
      progress(what);
      return true;
    } catch (error) {
      failed.push(`${what}: ${error instanceof Error ? error.message : error}`);
      progress(`failed: ${failed.at(-1)}`);
      return false;
    }
  };
  let entries: Entry[] = [];
  const measured: Measured[] = [];
  const asleep: Wakings[] = [];
  const stop = async ({ running, session }: Entry) => {
    running.child.resume();
    await session.close();
    await running.child.stop();
  };
  try {
    const awake = [contestant('naive'), contestant('durable'), contestant('retake'), ...startOf('awake')];
    for (const one of awake) {
      await attempt(`preparation, ${one.name}`, async () => {
        entries.push(await prepared(one, orchestrator, options.jobs));
      });
    }
    measured.push(...entries.map((entry) => entry.measured));
    for (let round = 0; round < options.rounds; round += 1) {
      // Whoever comes first is not always the same one.
      const first = (round * 7) % Math.max(entries.length, 1);
      for (const entry of [...entries.slice(first), ...entries.slice(0, first)]) {
        entry.running.child.resume();
        const isDone = await attempt(`round ${round + 1} of ${options.rounds}, ${entry.name}`, async () => {
          entry.measured.rounds.push(await roundOf(entry, orchestrator, round));
        });
        if (isDone) entry.running.child.pause();
        else {
          entries = entries.filter((other) => other !== entry);
          await stop(entry);
        }
      }
    }
    await Promise.all(entries.splice(0).map(stop));
    const sleepers: Sleeper[] = [contestant('durable'), ...startOf('asleep')];
    for (let from = 0; options.wakingTurns > 0 && from < sleepers.length; from += ASLEEP_AT_ONCE) {
      const those = sleepers.slice(from, from + ASLEEP_AT_ONCE);
      await attempt(`waking, ${those.map(({ name }) => name).join(', ')}`, async () => {
        const together = [contestant('naive'), contestant('retake'), ...those];
        asleep.push(await wakings(together, orchestrator, SLEEPERS, options.wakingTurns));
      });
    }
  } finally {
    await Promise.all(entries.map(stop));
    await orchestrator.child.stop();
  }
  const minutes = (performance.now() - startedAt) / 60_000;
  return { at, minutes, options, measured, wakings: asleep, failed };
}

async function prepared(
  { name, start }: Sleeper,
  orchestrator: OrchestratorEvents,
  count: number,
): Promise<Entry> {
  const running = await start(orchestrator.url);
  if ('unavailable' in running) throw new Error(running.unavailable);
  const session = new Session(running, orchestrator, sizesFor(count));
  try {
    const runtime = RuntimeProcess.of(running);
    const idle = running.child.residentBytes('workerd');
    const jobs = await session.prepare();
    const bytesPerJob = (running.child.residentBytes('workerd') - idle) / count;
    running.child.pause();
    return { name, running, runtime, session, jobs, measured: { name, rounds: [], bytesPerJob } };
  } catch (error) {
    await session.close();
    await running.child.stop();
    throw error;
  }
}

async function roundOf(
  { session, runtime, jobs }: Entry,
  orchestrator: OrchestratorEvents,
  round: number,
): Promise<Figures> {
  const all = [...jobs];
  const cpuUsOf = async (act: () => Promise<void>): Promise<number> => {
    const before = runtime.cpuUs();
    await act();
    return (runtime.cpuUs() - before) / all.length;
  };
  let [W1, W3, W3h, W5] = [0, 0, 0, 0];
  await session.warmUp();
  await orchestrator.reset();
  const retry = await cpuUsOf(async () => {
    const accepted = await session.retry(all, `round-${round}-at-32`, 32);
    W1 = rateOf(accepted);
    W5 = all.length / secondsUntilAll(accepted, await orchestrator.received(all.length));
    await wait(SETTLING_MS);
  });
  const callback = await cpuUsOf(async () => {
    W3 = rateOf(await session.report('TRANSCRIBING', all));
  });
  const heartbeat = await cpuUsOf(async () => {
    W3h = rateOf(await session.report('TRANSCRIBING', all));
  });
  await session.report('FAILED', all);
  const few = all.slice(0, sizesFor(all.length).jobsOneByOne);
  const one = rateOf(await session.deliveredRetry(few, `round-${round}-at-1`, 1));
  await session.report('FAILED', few);
  return { W1, W3, W3h, W5, 'W1 at 1': one, retry, callback, heartbeat };
}

const rateOf = ({ answers, seconds }: Load): number => answers.length / seconds;
