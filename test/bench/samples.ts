// What one round of a workload came to, from the answers and arrivals of its requests.
import type { Load } from './load.ts';
import type { Arrival } from './orchestrator-events.ts';
import { percentile } from './statistics.ts';

export const WORKLOADS = {
  W1: 'retry accepted (respond-async)',
  W2: 'identical repeat of a retry',
  W3: 'callback applied, with a change of status',
  W3h: 'heartbeat applied: a callback without one',
  W4: 'read a job',
  W5: 'retry until the orchestrator has it',
  W5w: 'retry that waits, until its answer',
  W6: 'a whole job, from create to draft',
  W7: 'one hot job: reads and repeats in turn',
} as const;
export type Workload = keyof typeof WORKLOADS;

/** What one round of a workload came to. */
export interface Sample {
  workload: Workload;
  concurrency: number;
  /** Finished per second, all clients together. */
  perSecond: number;
  p50Ms: number;
  /** Null for fewer than a hundred, of which it would be the slowest. */
  p99Ms: number | null;
}

/** Milliseconds from sending each job's retry until the orchestrator had it. */
export function receivedAfter(
  jobs: readonly { id: string }[],
  { answers }: Load,
  received: readonly Arrival[],
): number[] {
  const sentAt = new Map(jobs.map(({ id }, index) => [id, answers[index]?.sentAtNs ?? 0n]));
  return received.map(({ jobId, atNs }) => msSince(sentAt, jobId, atNs));
}

/** From the first retry that was sent until the orchestrator had the last. */
export function secondsUntilAll({ answers }: Load, received: readonly Arrival[]): number {
  const ms = (ns: bigint) => Number(ns) / 1e6;
  const first = Math.min(...answers.map(({ sentAtNs }) => ms(sentAtNs)));
  return (Math.max(...received.map(({ atNs }) => ms(atNs))) - first) / 1_000;
}

export function msSince(beganAt: ReadonlyMap<string, bigint>, jobId: string, atNs: bigint): number {
  const began = beganAt.get(jobId);
  if (began === undefined) throw new Error(`${jobId} arrived without being sent`);
  return Number(atNs - began) / 1e6;
}

export const sample = (workload: Workload, concurrency: number, { answers, seconds }: Load): Sample =>
  summary(
    workload,
    concurrency,
    answers.map(({ latencyMs }) => latencyMs),
    seconds,
  );

export const summary = (
  workload: Workload,
  concurrency: number,
  timesMs: number[],
  seconds: number,
): Sample => ({
  workload,
  concurrency,
  perSecond: timesMs.length / seconds,
  p50Ms: percentile(timesMs, 0.5),
  p99Ms: timesMs.length < 100 ? null : percentile(timesMs, 0.99),
});
