// Bulk retries of a thousand failed jobs on the service as it ships, which is killed again and again: once to the end, with an orchestrator that
// refuses, hangs and comes back, paused and resumed in the middle; once cancelled.
import {
  type BulkAccount,
  type BulkOptions,
  brokenBy,
  cancelledInTheMiddle,
  mostAtOnce,
  throughKills,
} from '../e2e/bulk.ts';

export async function runBulk(
  jobs: number,
  print: (line: string) => void,
): Promise<{ ok: boolean; figures: Record<string, unknown> }> {
  const options = { jobs, maxInFlight: 10, stepMs: 20, killAfter: Math.ceil(jobs / 25), say: print };
  const whole = await throughKills(options);
  const cancelled = await cancelledInTheMiddle(options);
  const broken = [...brokenBy(whole, options), ...brokenBy(cancelled, options)];
  for (const line of broken.slice(0, 20)) print(`  ${line}`);
  return {
    ok: broken.length === 0,
    figures: {
      jobs,
      whole: figuresOf(whole, options),
      cancelled: figuresOf(cancelled, options),
      broken: broken.length,
    },
  };
}

function figuresOf({ operation, log, kills, seconds }: BulkAccount, { maxInFlight }: BulkOptions) {
  const { total, succeeded, failed, skipped, withdrawn } = operation.counts;
  const executions = log.executions.filter(({ type }) => type === 'job.retry').length;
  const requests = log.requests.filter(({ type }) => type === 'job.retry').length;
  return {
    ...{ state: operation.state, total, succeeded, failed, skipped, withdrawn, executions, requests },
    ...{ mostAtOnce: mostAtOnce(log), maxInFlight, kills, seconds },
  };
}
