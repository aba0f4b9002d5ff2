// A failed job's alarm retries it by itself, once: whenever it comes, and whatever is lost meanwhile.
import { env, runInDurableObject } from 'cloudflare:test';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { AutoRetry } from '../../src/domain/rules.ts';
import { failedInStore, planOf, redone, sentOf } from '../http/planning.ts';
import { storeAnswers } from '../http/store.ts';
import {
  type ActingJob,
  ASYNC,
  config,
  failedAfter,
  jobAt,
  losingMessages,
  type Running,
  SHORT_WAIT,
  underRules,
  until,
} from '../support/workerd/acting.ts';
import { call } from '../support/workerd/harness.ts';

const AUTO: AutoRetry = {
  failureClasses: ['unknown', 'transient', 'timeout'],
  ...{ maxRetries: 2, firstPauseMs: 60_000, factor: 2, longestPauseMs: 300_000 },
};
const PAUSE_MS = AUTO.firstPauseMs;

/** Failed after `status`, and to be retried by itself. */
async function toBeRetried(status: Parameters<typeof failedAfter>[0] = 'AUDIO_READY'): Promise<Running> {
  await underRules({ autoRetry: AUTO });
  return failedAfter(status);
}

/** The same, and its time has come. */
async function due(status?: Parameters<typeof failedAfter>[0]): Promise<Running> {
  const running = await toBeRetried(status);
  await running.job.age(PAUSE_MS + 1_000);
  return running;
}

/** The retries that were made by themselves, oldest first. */
const automatic = async (job: ActingJob) =>
  (await job.dispatches()).filter(({ actor_id }) => actor_id === null).reverse();

/** The one that was, and what the orchestrator made of it. */
async function once(job: ActingJob) {
  await until(async () => {
    expect(await automatic(job)).toMatchObject([{ dispatch_state: 'DELIVERED' }]);
  });
  const [made] = await automatic(job);
  const executed = (await job.executions()).filter(({ dispatch_id }) => dispatch_id === made.dispatch_id);
  expect(executed).toHaveLength(1);
  return made;
}

const etagOf = async (job: ActingJob) =>
  (await call('GET', `/jobs/${job.id}`, { token: job.token })).headers.get('etag');

describe('a job that is to be retried by itself', () => {
  test('says when, and has an alarm for it', async () => {
    const { job } = await toBeRetried();
    const { next_retry_at, next_actions } = await job.get();
    const at = Date.parse(next_retry_at);
    expect(at - Date.now()).toBeGreaterThan(PAUSE_MS - 10_000);
    expect(at - Date.now()).toBeLessThanOrEqual(PAUSE_MS);
    expect(await job.alarmAt()).toBe(at);
    expect(next_actions).toContainEqual(expect.objectContaining({ action: 'wait', until: next_retry_at }));
  });

  test('is, when its time has come: from its checkpoint, under its profile, by nobody', async () => {
    const { job, dispatchId } = await due();
    await job.alarm();
    const made = await once(job);
    expect(made).toMatchObject({
      ...{ kind: 'retry', actor_id: null, client_request_id: 'auto:1', model_profile: 'balanced' },
      ...{ resume_from_status: 'AUDIO_READY' },
      correlation_id: (await job.dispatch(dispatchId)).correlation_id,
    });
    expect(await sentOf(job, made.dispatch_id)).toMatchObject({ type: 'job.retry' });
    expect((await job.get()).next_retry_at).toBeNull();
    const pipeline = await job.pipeline(made.dispatch_id);
    await pipeline.report('TRANSCRIBING');
    expect((await job.trail()).at(-1)).toBe('FAILED → TRANSCRIBING');
  });

  test('is not by default', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    expect((await job.get()).next_retry_at).toBeNull();
    await job.age(7 * 86_400_000);
    await job.alarm().catch(() => {});
    expect(await automatic(job)).toEqual([]);
  });

  test('waits as long as the report asks', async () => {
    await underRules({ autoRetry: AUTO });
    const { job, pipeline } = await jobAt('TRANSCRIBING');
    await pipeline.report('FAILED', { retry_after_seconds: 600 });
    const { next_retry_at, failure } = await job.get();
    expect(next_retry_at).toBe(failure.retry_at);
  });

  test('is when its pipeline was silent', async () => {
    await underRules({ autoRetry: AUTO });
    const { job } = await jobAt('TRANSCRIBING');
    await job.age(config.rules.stageTimeoutMs + 1_000);
    await job.alarm();
    expect(await job.get()).toMatchObject({ status: 'FAILED', failure: { failure_class: 'timeout' } });
    await until(async () => {
      expect((await job.storedDispatches()).at(-1)?.cancelNotice?.state).toBe('DELIVERED');
    });
    await job.age(PAUSE_MS + 1_000);
    await job.alarm();
    await once(job);
  });
});

describe('an alarm', () => {
  test('that comes too early changes nothing and comes again', async () => {
    const { job } = await toBeRetried();
    const at = await job.alarmAt();
    const before = await job.stored();
    await job.alarm();
    expect(await job.stored()).toEqual(before);
    expect(await job.alarmAt()).toBe(at);
  });

  test('that comes a day late does what was due', async () => {
    const { job } = await toBeRetried();
    await job.age(86_400_000);
    await job.alarm();
    await once(job);
  });

  test('that comes twice at once makes one dispatch', async () => {
    const { job } = await due();
    await runInDurableObject(job.stub, (actor) => Promise.all([actor.alarm(), actor.alarm()]));
    await job.alarm();
    await once(job);
  });

  test('that was lost is set by the next touch', async () => {
    const { job } = await due();
    await runInDurableObject(job.stub, (_actor, { storage }) => storage.deleteAlarm());
    await job.forget();
    await job.get();
    await job.alarm();
    await once(job);
  });
});

describe('a runtime that is gone', () => {
  test('while it waits comes back to it', async () => {
    const { job } = await due();
    await job.abort();
    await job.alarm();
    await once(job);
  });

  test('while the store of artifacts is asked makes one dispatch when it is back', async () => {
    await underRules({ autoRetry: AUTO });
    const { job } = await failedInStore();
    await job.age(PAUSE_MS + 1_000);
    const asked = storeAnswers(() => new Promise(() => {}));
    const rung = runInDurableObject(job.stub, (actor) => actor.alarm()).catch(() => {});
    await until(async () => expect(asked.length).toBeGreaterThan(0));
    await job.abort();
    await rung;
    vi.restoreAllMocks();
    expect(await automatic(job)).toEqual([]);
    expect(await job.alarmAt()).not.toBeNull();
    await job.alarm();
    await once(job);
  });

  test('right after the dispatch was made delivers that one', async () => {
    const { job } = await due();
    losingMessages();
    await job.alarm();
    await job.abort();
    vi.restoreAllMocks();
    await job.alarm();
    await once(job);
  });
});

test('what the store of artifacts does not have any more leads further back', async () => {
  await underRules({ autoRetry: AUTO });
  const { job, transcript, audio } = await failedInStore();
  await env.ARTIFACTS.delete(transcript.key);
  await job.age(PAUSE_MS + 1_000);
  await job.alarm();
  const made = await once(job);
  expect(made).toMatchObject({ resume_from_status: 'AUDIO_READY', checkpoint_ref: audio.ref });
  expect(made.plan.stages).toContainEqual(redone('transcript', 'whisper-large-v3', 'missing'));
});

describe('an editor who comes first', () => {
  test('with a retry ends what was to come', async () => {
    const { job } = await toBeRetried();
    const { body } = await job.retry('mine');
    await (await job.pipeline(body.dispatch_id)).report('FAILED', { failure_class: 'permanent' });
    expect((await job.get()).next_retry_at).toBeNull();
    await job.age(PAUSE_MS + 1_000);
    await job.alarm().catch(() => {});
    expect(await automatic(job)).toEqual([]);
  });

  test('and is told 502 finds the job as it was: it is still to be retried, and by the same tag', async () => {
    const { job } = await toBeRetried();
    const [before, etag] = [await job.get(), await etagOf(job)];
    await job.answers({ kind: 'error', status: 503 });
    expect((await job.retry('mine', SHORT_WAIT)).status).toBe(502);
    expect([await job.get(), await etagOf(job)]).toEqual([before, etag]);
    await job.plan({});
    await job.age(PAUSE_MS + 1_000);
    await job.alarm();
    await once(job);
  });

  test.each([
    ['abandon', 'FAILED'],
    ['cancel', 'CANCELLED'],
  ] as const)('with %s calls it off', async (act, status) => {
    const { job } = await toBeRetried();
    const etag = await etagOf(job);
    const offered = (await job.get()).next_actions;
    expect(offered).toContainEqual(expect.objectContaining({ action: act, allowed: true }));
    const reply = await job.post(act);
    expect(reply).toMatchObject({ status: 200, body: { status, next_retry_at: null } });
    expect(await etagOf(job)).not.toBe(etag);
    await job.age(PAUSE_MS + 1_000);
    await job.alarm().catch(() => {});
    expect(await automatic(job)).toEqual([]);
  });

  test('with a repeat of a retry under the id of what was made by itself makes another', async () => {
    const { job } = await due();
    await job.alarm();
    const made = await once(job);
    await (await job.pipeline(made.dispatch_id)).report('FAILED', { failure_class: 'permanent' });
    const { status, body } = await job.retry('auto:1');
    expect(status).toBe(202);
    expect(body.dispatch_id).not.toBe(made.dispatch_id);
  });
});

describe('an orchestrator', () => {
  test('that is away is asked again after longer pauses, and that does not count', async () => {
    const { job } = await due();
    await job.answers({ kind: 'error', status: 503 });
    await job.alarm();
    await until(async () => expect((await automatic(job))[0]?.delivery_attempts).toBe(1));
    await job.age(config.rules.dispatchDeadlineMs + 2_000);
    await job.alarm();
    const [withdrawn] = await automatic(job);
    expect(withdrawn.dispatch_state).toBe('UNDELIVERABLE');
    expect(Date.parse((await job.get()).next_retry_at) - Date.now()).toBeGreaterThan(1.9 * PAUSE_MS);
    expect(await job.stored()).toMatchObject({ retries: 0, automatic: { made: 0, undelivered: 1 } });
    await job.plan({});
    // What was not heard of before the memory was lost is told to stop; until then the job is written to.
    await until(async () => {
      expect((await job.storedDispatches()).at(-1)?.cancelNotice?.state).not.toBe('PENDING');
    });
    await job.age(3 * PAUSE_MS);
    await job.alarm();
    await until(async () => {
      expect((await automatic(job)).map(({ dispatch_state }) => dispatch_state)).toEqual([
        'UNDELIVERABLE',
        'DELIVERED',
      ]);
    });
  });

  test('that refuses it for good is not asked again', async () => {
    const { job } = await due();
    await job.answers({ kind: 'refuse', status: 422 });
    await job.alarm();
    await until(async () => {
      expect(await automatic(job)).toMatchObject([{ dispatch_state: 'UNDELIVERABLE' }]);
    });
    expect(await job.get()).toMatchObject({ status: 'FAILED', next_retry_at: null });
  });
});

test('a policy that no longer allows the profile ends it: that is logged, and the job stays as it is', async () => {
  const { job } = await due();
  const { automatic: before } = await job.stored();
  await job.patch({ automatic: before && { ...before, modelProfile: 'legacy' } });
  const known = await job.get();
  const lines: string[] = [];
  const spy = vi.spyOn(console, 'warn').mockImplementation((line: string) => void lines.push(line));
  onTestFinished(() => spy.mockRestore());
  await job.alarm();
  expect(lines.map((line) => JSON.parse(line))).toContainEqual(
    expect.objectContaining({
      event: 'automatic_retry_refused',
      ...{ job_id: job.id, error_code: 'MODEL_PROFILE_NOT_ALLOWED' },
    }),
  );
  const { next_actions, ...rest } = known;
  expect(await job.get()).toMatchObject({ ...rest, next_retry_at: null });
  expect(await automatic(job)).toEqual([]);
});

test('it ends when there were as many as are allowed, and begins anew after an editor', async () => {
  const { job } = await toBeRetried();
  for (let n = 1; n <= AUTO.maxRetries; n += 1) {
    await job.age(10 * PAUSE_MS);
    await job.alarm();
    await until(async () => {
      expect((await automatic(job)).at(-1)).toMatchObject({
        ...{ client_request_id: `auto:${n}`, dispatch_state: 'DELIVERED' },
      });
    });
    const made = (await automatic(job)).at(-1);
    await (await job.pipeline(made.dispatch_id)).report('FAILED');
  }
  expect((await job.get()).next_retry_at).toBeNull();
  const { body } = await job.retry('mine');
  await (await job.pipeline(body.dispatch_id)).report('FAILED');
  expect((await job.get()).next_retry_at).not.toBeNull();
});

describe('a limit of retries of one job', () => {
  test('stops editors: the retry, its plan and what is offered say so', async () => {
    await underRules({ retriesPerJob: 1 });
    const { job } = await failedAfter('AUDIO_READY');
    await job.answers({ kind: 'error', status: 503 });
    expect((await job.retry('lost', SHORT_WAIT)).status).toBe(502);
    await job.plan({});
    const { body } = await job.retry('first');
    await (await job.pipeline(body.dispatch_id)).report('FAILED');
    const refused = { error_code: 'RETRY_LIMIT_REACHED', details: { limit: 1, made: 1 } };
    expect(await job.retry('second', ASYNC)).toMatchObject({
      status: 409,
      body: { ...refused, retryable: false },
    });
    expect(await planOf(job)).toMatchObject({ verdict: 'refused', refusal: refused });
    const offered = (await job.get()).next_actions.filter(({ action }: { action: string }) =>
      action.startsWith('retry'),
    );
    expect(offered.length).toBeGreaterThan(0);
    for (const { allowed, error_code } of offered)
      expect([allowed, error_code]).toEqual([false, refused.error_code]);
    expect((await job.retry('first')).status).toBe(200);
  });
});
