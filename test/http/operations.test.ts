// A bulk retry as its editor sees it.
import { expect, test } from 'vitest';
import { ActingOperation, failedJobs, succeed } from '../support/workerd/bulk.ts';

test('the failed jobs of a project are retried, each once, and the account is that of their own histories', async () => {
  const { home, jobs } = await failedJobs(3);

  const operation = await ActingOperation.over(home);
  await operation.untilCounts({ in_flight: 3, accepted: 3, delivered: 3 });
  await succeed(jobs);
  await operation.untilState('done');

  expect(await operation.get()).toMatchObject({
    counts: { total: 3, waiting: 0, in_flight: 0, accepted: 3, delivered: 3, succeeded: 3 },
    progress_pct: 100,
  });
  for (const job of jobs) {
    const [retry, run] = await job.dispatches();
    expect([run.operation_id, retry.operation_id]).toEqual([null, operation.id]);
    expect(await operation.item(job)).toMatchObject({
      outcome: 'succeeded',
      dispatch_id: retry.dispatch_id,
      reason: null,
    });
    expect(await job.executions()).toHaveLength(2);
  }
});
