// When a failed job is retried by itself, how often, and what ends it.
import { describe, expect, test } from 'vitest';
import { toETag } from '../../src/contract/resources.ts';
import type { Callback } from '../../src/domain/commands.ts';
import { FAILURE_CLASSES, type FailureClass } from '../../src/domain/failures.ts';
import { nextActions } from '../../src/domain/next-actions.ts';
import type { AutoRetry } from '../../src/domain/rules.ts';
import { nextWakeUp } from '../../src/domain/timeouts.ts';
import {
  abandon,
  callback,
  cancel,
  confirmUpload,
  deadline,
  delivered,
  editArtifact,
  NO_ARTIFACTS,
  retry,
  retryDue,
  run,
  undelivered,
} from './builders.ts';
import { MemoryJob, RULES } from './memory-job.ts';

const AUTO: AutoRetry = {
  failureClasses: ['transient', 'timeout'],
  ...{ maxRetries: 3, firstPauseMs: 60_000, factor: 10, longestPauseMs: 1_000_000 },
};

const failing = (
  failureClass: FailureClass | null,
  retryAfterMs: number | null = null,
): Partial<Callback> => ({
  failure: { failureCode: 'CRASHED', failureMessage: null, failedStage: null, failureClass, retryAfterMs },
});

/** Its run is at work, with its audio made. */
function running(autoRetry = AUTO): MemoryJob {
  const job = new MemoryJob();
  job.rules = { ...RULES, autoRetry };
  job.execute(confirmUpload(), 10);
  job.execute(run('dsp_run', { correlationId: 'req_run' }), 20);
  job.execute(delivered('dsp_run'), 30);
  const artifacts = { ...NO_ARTIFACTS, audioUri: 's3://media/audio-1.wav' };
  job.execute(callback('dsp_run', 'AUDIO_READY', { artifacts }), 40);
  return job;
}

/** Failed at 1,000 with a failure that is worth another try. */
function failed(autoRetry = AUTO): MemoryJob {
  const job = running(autoRetry);
  job.execute(callback('dsp_run', 'FAILED', failing('transient')), 1_000);
  return job;
}

/** Its next retry is made when it is due. */
function retried(job: MemoryJob, id: string): number {
  const at = job.job.nextRetryAt;
  if (at === null) throw new Error('nothing is to come');
  job.execute(retryDue(id), at);
  expect(job.open?.id).toBe(id);
  return at;
}

const tag = (job: MemoryJob): string => toETag(job.job, job.open, job.rules);

describe('a failure', () => {
  test.each(FAILURE_CLASSES)('of the class %s is retried by itself where the settings name it', (name) => {
    for (const failureClasses of [[name], FAILURE_CLASSES.filter((other) => other !== name)]) {
      const job = running({ ...AUTO, failureClasses });
      job.execute(callback('dsp_run', 'FAILED', failing(name)), 1_000);
      expect(job.job.nextRetryAt).toBe(failureClasses.includes(name) ? 61_000 : null);
    }
  });

  test('is not retried by itself as the settings are by default', () => {
    const job = running(RULES.autoRetry);
    job.execute(callback('dsp_run', 'FAILED', failing('transient')), 1_000);
    expect(job.job).toMatchObject({ status: 'FAILED', nextRetryAt: null, automatic: null });
    expect(nextWakeUp(job.job, null, [], job.rules, 1_000)).toBeNull();
  });

  test('that asks for a longer pause has it, and one that asks for a shorter has not', () => {
    for (const [retryAfterMs, at] of [
      [500_000, 501_000],
      [5_000, 61_000],
    ] as const) {
      const job = running();
      job.execute(callback('dsp_run', 'FAILED', failing('transient', retryAfterMs)), 1_000);
      expect(job.job.nextRetryAt).toBe(at);
    }
  });

  test('by silence is one of the class timeout', () => {
    const job = running();
    job.execute(deadline(), 40 + RULES.stageTimeoutMs);
    expect(job.job.nextRetryAt).toBe(40 + RULES.stageTimeoutMs + 60_000);
  });

  test('that an editor brings about is not', () => {
    const job = running({ ...AUTO, failureClasses: [...FAILURE_CLASSES] });
    job.execute(abandon(), 1_000);
    expect(job.job).toMatchObject({ status: 'FAILED', nextRetryAt: null });
  });

  test('wakes the job when its time has come, and is shown until then', () => {
    const job = failed();
    expect(nextWakeUp(job.job, null, [], job.rules, 1_000)).toBe(61_000);
    const wait = nextActions(job.job, null, job.rules).find(({ action }) => action === 'wait');
    expect(wait?.until).toBe(61_000);
  });
});

describe('when its time has come', () => {
  test('it is retried as it failed, by nobody', () => {
    const job = failed();
    job.execute(retryDue('dsp_auto'), 61_000);
    expect(job.open).toMatchObject({
      ...{ kind: 'retry', state: 'PENDING', isAutomatic: true, actorId: null, clientRequestId: 'auto:1' },
      ...{ modelProfile: 'balanced', resumeFromStatus: 'AUDIO_READY', correlationId: 'req_run' },
    });
  });

  test('and not before, and once however often the alarm comes', () => {
    const job = failed();
    expect(job.execute(retryDue('dsp_early'), 60_999).kind).toBe('replayed');
    retried(job, 'dsp_auto');
    expect(job.execute(retryDue('dsp_late'), 62_000).kind).toBe('replayed');
    expect(job.state.dispatches.map(({ id }) => id)).toEqual(['dsp_run', 'dsp_auto']);
  });

  test('under the profile of the attempt that failed, also where nobody ever heard of that', () => {
    const job = failed();
    job.execute(retry('dsp_2', { modelProfile: 'late', resumeFrom: null }), 2_000);
    expect(job.open).toBeNull();
    job.rules = { ...job.rules, policy: { ...job.rules.policy, profiles: EVERYWHERE } };
    job.execute(retry('dsp_2', { modelProfile: 'late', correlationId: 'req_2' }), 2_000);
    job.execute(delivered('dsp_2'), 3_000);
    job.execute(deadline(), 3_000 + RULES.ackTimeoutMs);
    expect(job.job.failure?.modelProfile).toBe('balanced');
    retried(job, 'dsp_auto');
    expect(job.open).toMatchObject({ modelProfile: 'late', correlationId: 'req_2' });
  });

  test.each([
    ['a policy that does not allow the profile any more', (job: MemoryJob) => switchOff(job)],
    ['settings that name its class no more', (job: MemoryJob) => set(job, { failureClasses: [] })],
    ['a limit of all retries', (job: MemoryJob) => limit(job)],
  ])('%s ends it, and the job stays as it is', (_what, change) => {
    const job = failed();
    // One retry was made before.
    retried(job, 'dsp_auto');
    job.execute(delivered('dsp_auto'), 62_000);
    job.execute(callback('dsp_auto', 'FAILED', failing('transient')), 63_000);
    change(job);
    const before = job.job;
    const decision = job.execute(retryDue('dsp_2'), before.nextRetryAt ?? 0);
    expect(decision).toMatchObject({ kind: 'accepted', refusal: expect.anything() });
    expect(job.job).toEqual({ ...before, nextRetryAt: null });
    expect(job.open).toBeNull();
  });

  test('a correction that would be passed over ends it', () => {
    const job = running();
    const transcript = { ...NO_ARTIFACTS, transcriptUri: 's3://media/t' };
    job.execute(callback('dsp_run', 'TRANSCRIBING'), 50);
    job.execute(callback('dsp_run', 'TRANSCRIPT_READY', { artifacts: transcript }), 60);
    job.execute(callback('dsp_run', 'FAILED', failing('permanent')), 70);
    const uri = 'r2://media/corrected';
    job.execute(editArtifact({ stage: 'transcript', edits: 1, uri }), 80);
    job.execute(retry('dsp_2'), 90);
    job.execute(delivered('dsp_2'), 100);
    job.execute(callback('dsp_2', 'FAILED', failing('transient')), 1_000);
    const gone = new Map([[uri, { kind: 'missing' as const }]]);
    const decision = job.execute(retryDue('dsp_auto', { evidence: gone }), 61_000);
    expect(decision).toMatchObject({ refusal: { code: 'EDITS_IN_THE_WAY' } });
    expect(job.job.nextRetryAt).toBeNull();
  });

  test('it goes back to where the store has what it needs', () => {
    const job = failed();
    const gone = new Map([['s3://media/audio-1.wav', { kind: 'missing' as const }]]);
    job.execute(retryDue('dsp_auto', { evidence: gone }), 61_000);
    expect(job.open).toMatchObject({ resumeFromStatus: 'UPLOADED' });
  });
});

describe('how often', () => {
  test('pauses grow by the factor up to the longest, and it ends when there were as many as are allowed', () => {
    const job = failed();
    const pauses: number[] = [];
    let failedAt = 1_000;
    for (let n = 1; job.job.nextRetryAt !== null; n += 1) {
      const id = `dsp_auto_${n}`;
      const at = retried(job, id);
      pauses.push(at - failedAt);
      failedAt = at + 2;
      job.execute(delivered(id), at + 1);
      job.execute(callback(id, 'FAILED', failing('transient')), failedAt);
    }
    expect(pauses).toEqual([60_000, 600_000, 1_000_000]);
    expect(job.job.retries).toBe(3);
  });

  test('what is not delivered does not count, and waits longer each time, up to the longest', () => {
    const job = failed();
    const pauses: number[] = [];
    let endedAt = 1_000;
    for (let n = 1; n <= 6; n += 1) {
      const at = retried(job, `dsp_auto_${n}`);
      pauses.push(at - endedAt);
      endedAt = at + RULES.dispatchDeadlineMs;
      job.execute(undelivered(`dsp_auto_${n}`), endedAt);
    }
    expect(pauses).toEqual([60_000, 600_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000]);
    expect(job.job).toMatchObject({ retries: 0, automatic: { made: 0, undelivered: 6 } });
    retried(job, 'dsp_auto_7');
    expect(job.open?.clientRequestId).toBe('auto:1');
  });

  test('once one was delivered the pauses are again those between failures', () => {
    const job = failed();
    const first = retried(job, 'dsp_lost') + RULES.dispatchDeadlineMs;
    job.execute(undelivered('dsp_lost'), first);
    const at = retried(job, 'dsp_auto');
    job.execute(delivered('dsp_auto'), at + 1);
    job.execute(callback('dsp_auto', 'FAILED', failing('transient')), at + 2);
    expect(job.job.nextRetryAt).toBe(at + 2 + 600_000);
  });

  test('an orchestrator that asks for a longer pause has it, a week at the most', () => {
    for (const [retryAfterMs, pause] of [
      [100_000, 600_000],
      [700_000, 700_000],
      [8 * 86_400_000, 7 * 86_400_000],
    ] as const) {
      const job = failed();
      const at = retried(job, 'dsp_auto');
      const outcome = { kind: 'unreachable' as const, error: 'later', retryAfterMs };
      job.execute({ ...undelivered('dsp_auto'), outcome }, at + 1);
      expect(job.job.nextRetryAt).toBe(at + 1 + pause);
    }
  });

  test('an orchestrator that refuses it for good ends it', () => {
    const job = failed();
    retried(job, 'dsp_auto');
    const outcome = { kind: 'refused' as const, error: 'no' };
    job.execute({ ...undelivered('dsp_auto'), outcome }, 62_000);
    expect(job.job).toMatchObject({ status: 'FAILED', nextRetryAt: null, retries: 0 });
  });

  test('it begins anew once an editor has had a pipeline', () => {
    const job = failed({ ...AUTO, maxRetries: 1 });
    const at = retried(job, 'dsp_auto');
    job.execute(delivered('dsp_auto'), at + 1);
    job.execute(callback('dsp_auto', 'FAILED', failing('transient')), at + 2);
    expect(job.job.nextRetryAt).toBeNull();
    job.execute(retry('dsp_2'), at + 3);
    job.execute(delivered('dsp_2'), at + 4);
    job.execute(callback('dsp_2', 'FAILED', failing('transient')), at + 5);
    expect(job.job.nextRetryAt).toBe(at + 5 + 60_000);
    retried(job, 'dsp_auto_2');
    expect(job.open?.clientRequestId).toBe('auto:3');
  });
});

describe('an editor comes first', () => {
  test('with a retry that is delivered', () => {
    const job = failed();
    job.execute(retry('dsp_2'), 2_000);
    job.execute(delivered('dsp_2'), 3_000);
    job.execute(callback('dsp_2', 'FAILED', failing('permanent')), 4_000);
    expect(job.job.nextRetryAt).toBeNull();
  });

  test('with a retry that is not delivered, which leaves all as it was, its tag included', () => {
    const job = failed();
    const [before, known] = [job.job, tag(job)];
    job.execute(retry('dsp_2'), 2_000);
    expect(tag(job)).not.toBe(known);
    expect(nextWakeUp(job.job, job.open, [], job.rules, 2_000)).not.toBe(61_000);
    job.execute(undelivered('dsp_2'), 2_000 + RULES.dispatchDeadlineMs);
    expect(tag(job)).toBe(known);
    expect(job.job).toEqual({ ...before, latestDispatchAt: 2_000 });
  });

  test.each([
    ['a cancel', cancel(), 'CANCELLED'],
    ['an abandonment', abandon(), 'FAILED'],
  ] as const)('with %s', (_what, command, status) => {
    const job = failed();
    const known = tag(job);
    expect(job.execute(command, 2_000).kind).toBe('accepted');
    expect(job.job).toMatchObject({ status, nextRetryAt: null });
    expect(tag(job)).not.toBe(known);
    expect(job.execute(retryDue('dsp_auto'), 61_000).kind).toBe('replayed');
  });

  test('with an edit', () => {
    const job = running();
    job.execute(callback('dsp_run', 'TRANSCRIBING'), 50);
    const artifacts = { ...NO_ARTIFACTS, transcriptUri: 's3://media/t' };
    job.execute(callback('dsp_run', 'TRANSCRIPT_READY', { artifacts }), 60);
    job.execute(callback('dsp_run', 'FAILED', failing('transient')), 1_000);
    expect(job.execute(editArtifact({ stage: 'transcript', edits: 1 }), 2_000).kind).toBe('accepted');
    expect(job.job.nextRetryAt).toBeNull();
  });

  test('with an abandonment of what is on its way, which is not told to fail once more', () => {
    const job = failed();
    retried(job, 'dsp_auto');
    job.execute(abandon(), 62_000);
    expect(job.job).toMatchObject({ status: 'FAILED', nextRetryAt: null, openDispatchId: null });
  });

  test('under an id like those of what is made by itself, and is not taken for it', () => {
    const job = failed();
    retried(job, 'dsp_auto');
    job.execute(delivered('dsp_auto'), 62_000);
    job.execute(callback('dsp_auto', 'FAILED', failing('permanent')), 63_000);
    expect(job.execute(retry('dsp_2', { clientRequestId: 'auto:1' }), 64_000).kind).toBe('accepted');
    expect(job.open?.id).toBe('dsp_2');
  });
});

describe('a limit of all retries of a job', () => {
  test('is met by whoever asks, counts what was delivered alone, and is offered to nobody', () => {
    const job = failed();
    job.rules = { ...job.rules, retriesPerJob: 1 };
    job.execute(retry('dsp_lost'), 2_000);
    job.execute(undelivered('dsp_lost'), 2_000 + RULES.dispatchDeadlineMs);
    job.execute(retry('dsp_2'), 70_000);
    job.execute(delivered('dsp_2'), 71_000);
    const known = tag(job);
    job.execute(callback('dsp_2', 'FAILED', failing('transient')), 72_000);
    expect(tag(job)).not.toBe(known);
    const refusal = { code: 'RETRY_LIMIT_REACHED', limit: 1, made: 1 };
    expect(job.execute(retry('dsp_3'), 73_000)).toEqual({ kind: 'rejected', rejection: refusal });
    const offered = nextActions(job.job, null, job.rules).filter(({ action }) => action.startsWith('retry'));
    expect(offered.map((action) => action.refusal)).toEqual(offered.map(() => refusal));
    expect(job.execute(retryDue('dsp_auto'), job.job.nextRetryAt ?? 0)).toMatchObject({ refusal });
  });
});

const EVERYWHERE = RULES.policy.profiles.map((profile) => ({
  ...profile,
  enabled: true,
  resumeFrom: ['UPLOADED', 'AUDIO_READY'] as const,
}));

function switchOff(job: MemoryJob): void {
  const profiles = job.rules.policy.profiles.map((profile) => ({ ...profile, enabled: false }));
  job.rules = { ...job.rules, policy: { ...job.rules.policy, profiles } };
}
function set(job: MemoryJob, patch: Partial<AutoRetry>): void {
  job.rules = { ...job.rules, autoRetry: { ...AUTO, ...patch } };
}
function limit(job: MemoryJob): void {
  job.rules = { ...job.rules, retriesPerJob: 1 };
}
