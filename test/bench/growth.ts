// W8: whether a job's past makes its next request dearer. Jobs of three ages take turns.
import { median } from './statistics.ts';
import type { BenchJob, Session } from './workloads.ts';

/** Young jobs age quickly: the younger, the more of them share the turns. */
const AGES = [
  { callbacks: 10, dispatches: 1, jobs: 25 },
  { callbacks: 1_000, dispatches: 100, jobs: 4 },
  { callbacks: 10_000, dispatches: 1_000, jobs: 1 },
] as const;

/** Jobs that get their past at the same time. */
const MAKING = 32;

export interface Growth {
  /** Before the first turn; each turn adds a dispatch and two callbacks. */
  callbacks: number;
  dispatches: number;
  turnsPerJob: number;
  /** Medians at concurrency 1. */
  W1Ms: number;
  W3Ms: number;
  W4Ms: number;
}

interface Group {
  jobs: BenchJob[];
  times: Record<'W1' | 'W3' | 'W4', number[]>;
  callbacks: number;
  dispatches: number;
}

/** Makes jobs of each age, and asks each age `turns` times in all; `scale` shortens their pasts. */
export async function growth(session: Session, turns: number, scale: number): Promise<Growth[]> {
  const groups: Group[] = [];
  for (const age of AGES) {
    const jobs = await session.createdJobs(age.jobs);
    const dispatches = Math.max(1, Math.round(age.dispatches * scale));
    const perDispatch = age.callbacks / age.dispatches;
    for (let dispatch = 0; dispatch < dispatches; dispatch += 1) {
      if (dispatch > 0) await session.retry(jobs, `past-${dispatch}`, MAKING);
      for (let report = 1; report < perDispatch; report += 1)
        await session.report('AUDIO_EXTRACTING', jobs, MAKING);
      await session.report('FAILED', jobs, MAKING);
    }
    groups.push({ jobs, times: { W1: [], W3: [], W4: [] }, dispatches, callbacks: dispatches * perDispatch });
  }
  const ask = async (jobs: BenchJob[], request: string) => {
    const W1 = await session.deliveredRetry(jobs, request, 1);
    // Unmeasured: the outcome of the delivery is stored meanwhile.
    await session.read(jobs, 1);
    const loads = {
      W1,
      W4: await session.read(jobs, 1),
      W3: await session.report('AUDIO_EXTRACTING', jobs, 1),
    };
    await session.report('FAILED', jobs, 1);
    return loads;
  };
  // Unmeasured: nobody has been asked one by one so far.
  for (const { jobs } of groups) await ask(jobs, 'warm-up');
  for (let turn = 0; turn < turns; turn += 1) {
    for (const { jobs, times } of groups) {
      const loads = await ask(jobs.slice(turn % jobs.length, (turn % jobs.length) + 1), `turn-${turn}`);
      for (const workload of ['W1', 'W3', 'W4'] as const) {
        times[workload].push(...loads[workload].answers.map(({ latencyMs }) => latencyMs));
      }
    }
  }
  return groups.map(({ jobs, times, dispatches, callbacks }) => ({
    callbacks,
    dispatches,
    turnsPerJob: turns / jobs.length,
    W1Ms: median(times.W1),
    W3Ms: median(times.W3),
    W4Ms: median(times.W4),
  }));
}
