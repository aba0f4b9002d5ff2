// What waking costs: the same requests to jobs that are awake and to jobs that the runtime has put to sleep, on a runtime that
// does so. The contestants sleep at the same time, and are asked in turns from request to request: what opening a database costs
// depends on what else the machine does, and on how many files were deleted just before.
import { setTimeout as wait } from 'node:timers/promises';
import type { Contestant, Running } from './contestants.ts';
import type { Load } from './load.ts';
import type { OrchestratorEvents } from './orchestrator-events.ts';
import { RuntimeProcess } from './runtime-process.ts';
import { percentile, type Spread, spread } from './statistics.ts';
import { type BenchJob, Session, sizesFor } from './workloads.ts';

export const WAKING_NAMES = ['naive', 'durable', 'retake'] as const;
/** Whoever can be put to sleep. */
export interface Sleeper {
  name: string;
  start: Contestant['start'];
}

export const WAKING_WORKLOADS = ['W4', 'W3'] as const;
export type WakingWorkload = (typeof WAKING_WORKLOADS)[number];

/** Of one request, one at a time. */
export interface Cost {
  /** Median until its answer. */
  ms: number;
  /** Mean of what workerd's threads computed. */
  cpuUs: number;
}

export interface Turn {
  awake: Cost;
  asleep: Cost;
}

/** By contestant and workload, one entry per turn. */
export type Wakings = Readonly<Record<string, Record<WakingWorkload, Turn[]>>>;

/** The runtime evicts an object after ten idle seconds. */
const ASLEEP_WITHIN_MS = 60_000;

interface Group {
  name: string;
  running: Running;
  runtime: RuntimeProcess;
  session: Session;
  toRead: BenchJob[];
  toReport: BenchJob[];
  turns: Record<WakingWorkload, Turn[]>;
}

/** Asks `count` jobs of each kind, awake and asleep, in each of so many turns. */
export async function wakings(
  sleepers: readonly Sleeper[],
  orchestrator: OrchestratorEvents,
  count: number,
  turns: number,
): Promise<Wakings> {
  const groups: Group[] = [];
  try {
    for (const sleeper of sleepers) groups.push(await begin(sleeper, orchestrator, count));
    for (let turn = 0; turn < turns; turn += 1) {
      for (const group of groups) await dispatch(group, `awake-${turn}`);
      // Whoever came first has been idle since.
      for (const { session, toRead, toReport } of groups) await session.read([...toRead, ...toReport]);
      const awake = await ask(groups, count);
      for (const group of groups) {
        await group.session.report('FAILED', group.toReport);
        await dispatch(group, `asleep-${turn}`);
      }
      for (const group of groups) await asleep(group);
      const woken = await ask(groups, count);
      for (const group of groups) {
        for (const workload of WAKING_WORKLOADS) {
          const [before, after] = [awake, woken].map((costs) => costs[workload].get(group.name));
          if (before && after) group.turns[workload].push({ awake: before, asleep: after });
        }
        await group.session.report('FAILED', group.toReport);
      }
    }
  } finally {
    for (const { running, session } of groups) {
      await session.close();
      await running.child.stop();
    }
  }
  return Object.fromEntries(groups.map(({ name, turns: those }) => [name, those]));
}

async function begin(
  { name, start }: Sleeper,
  orchestrator: OrchestratorEvents,
  count: number,
): Promise<Group> {
  const running = await start(orchestrator.url, 'sleeps');
  if ('unavailable' in running) throw new Error(running.unavailable);
  const session = new Session(running, orchestrator, sizesFor(2 * count));
  try {
    const jobs = await session.prepare();
    const runtime = RuntimeProcess.of(running);
    const [toRead, toReport] = [jobs.slice(0, count), jobs.slice(count)];
    return { name, running, runtime, session, toRead, toReport, turns: { W3: [], W4: [] } };
  } catch (error) {
    await running.child.stop();
    throw error;
  }
}

/** A retry that was delivered, so that a callback can be the first of its dispatch; then everyone is awake. */
async function dispatch({ session, toRead, toReport }: Group, request: string): Promise<void> {
  await session.deliveredRetry(toReport, request);
  // The outcome of the delivery is stored meanwhile.
  await session.read([...toRead, ...toReport]);
}

type Costs = Map<string, Cost>;

const ask = async (groups: readonly Group[], count: number): Promise<Record<WakingWorkload, Costs>> => ({
  W4: await askEach(groups, count, ({ session, toRead }, n) => session.read(toRead.slice(n, n + 1), 1)),
  W3: await askEach(groups, count, ({ session, toReport }, n) =>
    session.report('TRANSCRIBING', toReport.slice(n, n + 1), 1),
  ),
});

/** So many requests to each, one after the other, in an order that rotates. What follows an answer counts as well. */
async function askEach(
  groups: readonly Group[],
  count: number,
  request: (group: Group, n: number) => Promise<Load>,
): Promise<Costs> {
  const asked = groups.map((group) => ({ group, before: group.runtime.cpuUs(), times: [] as number[] }));
  for (let n = 0; n < count; n += 1) {
    const first = n % asked.length;
    for (const { group, times } of [...asked.slice(first), ...asked.slice(0, first)]) {
      const { answers } = await request(group, n);
      times.push(...answers.map(({ latencyMs }) => latencyMs));
    }
  }
  return new Map(
    asked.map(({ group: { name, runtime }, before, times }) => [
      name,
      { ms: percentile(times, 0.5), cpuUs: (runtime.cpuUs() - before) / count },
    ]),
  );
}

/** Once the runtime has closed every object's database. */
async function asleep({ name, runtime }: Group): Promise<void> {
  const until = performance.now() + ASLEEP_WITHIN_MS;
  while (runtime.objectsAwake() > 0) {
    if (performance.now() > until) throw new Error(`${name}: ${runtime.objectsAwake()} objects do not sleep`);
    await wait(200);
  }
}

export interface WakingFigure {
  /** What a request to a sleeping job takes beyond one to a job awake. */
  ms: Spread;
  cpuUs: Spread;
  /** Of the CPU time, turn by turn; null for floor B itself, and without it. */
  againstNaive: Spread | null;
}

export function wakingFigure(all: Wakings, name: string, workload: WakingWorkload): WakingFigure | null {
  const turns = all[name]?.[workload] ?? [];
  if (turns.length === 0) return null;
  const beyond = (those: readonly Turn[], unit: keyof Cost) =>
    those.map(({ awake, asleep: woken }) => woken[unit] - awake[unit]);
  const cpuUs = beyond(turns, 'cpuUs');
  const theirs = name === 'naive' ? [] : beyond(all.naive?.[workload] ?? [], 'cpuUs');
  const ratios = theirs.flatMap((us, turn) => {
    const ours = cpuUs[turn];
    return ours === undefined ? [] : [ours / us];
  });
  return {
    ms: spread(beyond(turns, 'ms')),
    cpuUs: spread(cpuUs),
    againstNaive: ratios.length === 0 ? null : spread(ratios),
  };
}
