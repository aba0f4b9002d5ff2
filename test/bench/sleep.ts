// What waking costs: the same requests to jobs that are awake and to jobs that the runtime has put to sleep.
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from './statistics.ts';
import type { Session } from './workloads.ts';

/** The runtime evicts an object after ten idle seconds; what was delivered has moved Retake's alarm far beyond. */
const ASLEEP_AFTER_MS = 18_000;

export interface Waking {
  workload: 'W1' | 'W3' | 'W4';
  awakeMs: number;
  asleepMs: number;
}

/** Medians at concurrency 1, over `count` jobs each; the same jobs awake first, then asleep. */
export async function waking(session: Session, count: number): Promise<Waking[]> {
  const jobs = await session.createdJobs(count * 3);
  for (const status of ['AUDIO_EXTRACTING', 'AUDIO_READY', 'FAILED'] as const)
    await session.report(status, jobs);
  const [toRead, toRetry, toReport] = [0, 1, 2].map((third) =>
    jobs.slice(third * count, (third + 1) * count),
  );
  if (!toRead || !toRetry || !toReport) throw new Error('three thirds make a whole');

  const measure = async (request: string) => {
    const loads = {
      W4: await session.read(toRead, 1),
      W1: await session.retry(toRetry, request, 1),
      W3: await session.report('TRANSCRIBING', toReport, 1),
    };
    return (workload: Waking['workload']) =>
      percentile(
        loads[workload].answers.map(({ latencyMs }) => latencyMs),
        0.5,
      );
  };

  await session.retry(toReport, 'reported-awake', 32);
  await session.read(jobs);
  const awake = await measure('awake');
  for (const these of [toRetry, toReport]) await session.report('FAILED', these);
  await session.retry(toReport, 'reported-asleep', 32);
  await sleep(ASLEEP_AFTER_MS);
  const asleep = await measure('asleep');
  return (['W1', 'W3', 'W4'] as const).map((workload) => ({
    workload,
    awakeMs: awake(workload),
    asleepMs: asleep(workload),
  }));
}
