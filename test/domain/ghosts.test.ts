// What an orchestrator may have begun although the dispatch had ended by then.
import { expect, test } from 'vitest';
import { cancel, confirmUpload, run, undelivered } from './builders.ts';
import { MemoryJob } from './memory-job.ts';

const refused = {
  type: 'report-delivery',
  dispatchId: 'dsp_run',
  message: 'dispatch',
  outcome: { kind: 'refused', error: 'no' },
  deliveryMayHaveStarted: false,
} as const;

function pendingRun(): MemoryJob {
  const job = new MemoryJob();
  job.execute(confirmUpload(), 10);
  job.execute(run('dsp_run'), 20);
  return job;
}

test('an attempt without an answer is told to stop where another copy of its message was refused meanwhile', () => {
  const job = pendingRun();
  job.execute(refused, 30);
  expect(job.state.dispatches[0]).toMatchObject({ state: 'UNDELIVERABLE', cancelNotice: null });
  job.execute(undelivered('dsp_run', 'unknown'), 40);
  expect(job.state.dispatches[0]).toMatchObject({
    state: 'UNDELIVERABLE',
    cancelNotice: { state: 'PENDING' },
  });
});

test('a dispatch that is refused is told to stop where an attempt before was reported by nobody', () => {
  const job = pendingRun();
  job.execute({ ...refused, deliveryMayHaveStarted: true }, 30);
  expect(job.state.dispatches[0]).toMatchObject({
    state: 'UNDELIVERABLE',
    cancelNotice: { state: 'PENDING' },
  });
});

test('an attempt that nobody took is no ghost', () => {
  const job = pendingRun();
  job.execute(refused, 30);
  job.execute(undelivered('dsp_run', 'unreachable'), 40);
  expect(job.state.dispatches[0]?.cancelNotice).toBeNull();
});

test('an attempt without an answer is told to stop where the job was cancelled meanwhile', () => {
  const job = pendingRun();
  job.execute(cancel({ deliveryMayHaveStarted: false }), 30);
  job.execute(undelivered('dsp_run', 'unknown'), 40);
  expect(job.state.dispatches[0]?.cancelNotice).toMatchObject({ state: 'PENDING' });
});
