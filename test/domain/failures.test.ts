// Of which class a failure is, and until when a retry is better waited with.
import { describe, expect, test } from 'vitest';
import { abandon, callback, confirmUpload, deadline, delivered, retry, run } from './builders.ts';
import { MemoryJob, RULES } from './memory-job.ts';

function running(failureClasses: (typeof RULES)['policy']['failureClasses'] = {}): MemoryJob {
  const job = new MemoryJob();
  job.rules = { ...RULES, policy: { ...RULES.policy, failureClasses } };
  job.execute(confirmUpload(), 10);
  job.execute(run('dsp_run'), 20);
  job.execute(delivered('dsp_run'), 30);
  return job;
}

function failing(
  job: MemoryJob,
  said: { failureCode?: string; failureClass?: 'quota'; retryAfterMs?: number } = {},
): MemoryJob {
  const nothing = { failureCode: 'CRASHED', failureMessage: null, failedStage: null };
  const failure = { ...nothing, failureClass: null, retryAfterMs: null, ...said };
  job.execute(callback('dsp_run', 'FAILED', { occurredAt: 100, failure }), 100);
  return job;
}

describe('the class of a failure is', () => {
  test('what its report says, whatever the table has', () => {
    const job = failing(running({ CRASHED: 'permanent' }), { failureClass: 'quota' });
    expect(job.job.failure?.failureClass).toBe('quota');
  });

  test('else what the policy’s table has for its code', () => {
    expect(failing(running({ CRASHED: 'permanent' })).job.failure?.failureClass).toBe('permanent');
  });

  test('else unknown', () => {
    expect(failing(running({ OTHER: 'permanent' })).job.failure?.failureClass).toBe('unknown');
  });

  test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'unknown for a code that only looks as if the table had it: %s',
    (failureCode) => {
      expect(failing(running(), { failureCode }).job.failure?.failureClass).toBe('unknown');
    },
  );

  test('timeout for a pipeline that went silent, unless the table says otherwise', () => {
    const silent = (job: MemoryJob) => {
      job.execute(deadline(), 30 + RULES.ackTimeoutMs);
      return job.job.failure;
    };
    expect(silent(running())).toMatchObject({ failureCode: 'ORCHESTRATOR_TIMEOUT', failureClass: 'timeout' });
    expect(silent(running({ ORCHESTRATOR_TIMEOUT: 'transient' }))?.failureClass).toBe('transient');
  });

  test('unknown for one that an editor gave up, unless the table says otherwise', () => {
    const givenUp = (job: MemoryJob) => {
      job.execute(abandon(), 100);
      return job.job.failure;
    };
    expect(givenUp(running())).toMatchObject({ failureCode: 'ABANDONED', failureClass: 'unknown' });
    expect(givenUp(running({ ABANDONED: 'transient' }))?.failureClass).toBe('transient');
  });
});

test('a retry is better waited with until so long after the report as that says, by the service’s own clock', () => {
  expect(failing(running(), { retryAfterMs: 5_000 }).job.failure?.retryAt).toBe(5_100);
  expect(failing(running()).job.failure?.retryAt).toBeNull();
});

test('a failure says under which profile it was, and stays with its dispatch', () => {
  const job = failing(running());
  expect(job.job.failure?.modelProfile).toBe('balanced');
  expect(job.state.dispatches[0]?.failure).toEqual(job.job.failure);
});

test('a retry that was never heard of leaves the job its failure, and has one of its own', () => {
  const job = failing(running());
  const { failure } = job.job;
  job.execute(retry('dsp_2'), 200);
  job.execute(delivered('dsp_2'), 210);
  job.execute(deadline(), 210 + RULES.ackTimeoutMs);
  expect(job.job.failure).toEqual(failure);
  expect(job.state.dispatches.at(-1)?.failure).toMatchObject({ failureClass: 'timeout' });
});
