// W8: whether a job's past makes its next request dearer. Jobs of three ages take turns.
import { median } from './statistics.ts';
import type { Session } from './workloads.ts';

export const AGES = [
  { callbacks: 10, dispatches: 1 },
  { callbacks: 1_000, dispatches: 100 },
  { callbacks: 10_000, dispatches: 1_000 },
] as const;

export interface Growth {
  callbacks: number;
  dispatches: number;
  /** Medians at concurrency 1. */
  W1Ms: number;
  W3Ms: number;
  W4Ms: number;
}

/** Makes `jobsPerAge` jobs of each age and asks each of them `turns` times; `scale` shortens their pasts. */
export async function growth(session: Session, turns: number, scale: number): Promise<Growth[]> {
  const groups = [];
  for (const age of AGES) {
    const [job] = await session.createdJobs(1);
    if (!job) throw new Error('no job was made');
    const cycles = Math.max(1, Math.round(age.dispatches * scale));
    const perCycle = Math.round(age.callbacks / age.dispatches);
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      if (cycle > 0) await session.retry([job], `past-${cycle}`, 1);
      for (let report = 1; report < perCycle; report += 1) await session.report('AUDIO_EXTRACTING', [job], 1);
      await session.report('FAILED', [job], 1);
    }
    groups.push({ job, times: { W1: [], W3: [], W4: [] } as Record<'W1' | 'W3' | 'W4', number[]> });
  }
  for (let turn = 0; turn < turns; turn += 1) {
    for (const { job, times } of groups) {
      const loads = {
        W1: await session.retry([job], `turn-${turn}`, 1),
        W4: await session.read([job], 1),
        W3: await session.report('AUDIO_EXTRACTING', [job], 1),
      };
      await session.report('FAILED', [job], 1);
      for (const workload of ['W1', 'W3', 'W4'] as const) {
        times[workload].push(...loads[workload].answers.map(({ latencyMs }) => latencyMs));
      }
    }
  }
  return groups.map(({ times }, index) => {
    const { callbacks, dispatches } = AGES[index] ?? AGES[0];
    return {
      callbacks: Math.round(callbacks * scale),
      dispatches: Math.max(1, Math.round(dispatches * scale)),
      W1Ms: median(times.W1),
      W3Ms: median(times.W3),
      W4Ms: median(times.W4),
    };
  });
}
