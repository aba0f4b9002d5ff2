// What a failure says of itself: its class, when a retry makes sense, and what of the report could not be read.
import { describe, expect, test } from 'vitest';
import { FAILURE_CLASSES } from '../../src/domain/failures.ts';
import { jobAt } from '../support/workerd/acting.ts';
import { call } from '../support/workerd/harness.ts';

/** A failure is reported so; what the job shows of it, and what was left out. */
async function reported(fields: Record<string, unknown>) {
  const { job, pipeline } = await jobAt('TRANSCRIBING');
  const reply = await pipeline.send(pipeline.body('FAILED', fields));
  expect(reply.status, reply.text).toBe(204);
  const { failure } = await job.get();
  return { job, failure, ignored: reply.headers.get('x-retake-ignored') };
}

describe('the class of a failure', () => {
  test.each(FAILURE_CLASSES)('is %s where the report says so, whatever its code', async (failure_class) => {
    const { failure, ignored } = await reported({ failure_class, failure_code: 'RATE_LIMITED' });

    expect(failure.failure_class).toBe(failure_class);
    expect(ignored).toBeNull();
  });

  test.each([
    ['UNSUPPORTED_MEDIA', 'input'],
    ['CORRUPT_INPUT', 'input'],
    ['CONTENT_POLICY', 'policy'],
    ['QUOTA_EXCEEDED', 'quota'],
    ['RATE_LIMITED', 'transient'],
  ])('is looked up by the code %s in the policy’s table: %s', async (failure_code, failure_class) => {
    expect((await reported({ failure_code })).failure).toMatchObject({ failure_code, failure_class });
  });

  test.each([
    ['a code that the table does not have', { failure_code: 'ENGINE_CRASHED' }],
    ['a code in other letters', { failure_code: 'quota_exceeded' }],
    ['no code', { failure_code: undefined }],
    ['a name that every object has', { failure_code: 'constructor' }],
    ['another such name', { failure_code: '__proto__' }],
  ])('is unknown for %s', async (_what, fields) => {
    expect((await reported(fields)).failure.failure_class).toBe('unknown');
  });

  test.each([
    ['a word that is no class', 'catastrophic'],
    ['a class in capitals', 'TRANSIENT'],
    ['a number', 7],
    ['a list', ['transient']],
    ['nothing to read', ''],
  ])('is looked up by the code where the report gives %s, which is named', async (_what, failure_class) => {
    const { failure, ignored } = await reported({ failure_class, failure_code: 'QUOTA_EXCEEDED' });

    expect(failure.failure_class).toBe('quota');
    expect(ignored).toBe('failure_class');
  });

  test('null is no class, and nothing to name', async () => {
    const { failure, ignored } = await reported({ failure_class: null, retry_after_seconds: null });

    expect(failure).toMatchObject({ failure_class: 'unknown', retry_at: null });
    expect(ignored).toBeNull();
  });

  test('of a pipeline that an editor gave up is unknown, and of one that was silent timeout', async () => {
    const { job } = await jobAt('TRANSCRIBING');
    await job.post('abandon');
    expect((await job.get()).failure).toMatchObject({ failure_class: 'unknown', retry_at: null });
    const { job: silent } = await jobAt('TRANSCRIBING');
    await silent.age(4_000_000);
    await silent.alarm();

    expect((await silent.get()).failure).toMatchObject({
      failure_code: 'ORCHESTRATOR_TIMEOUT',
      failure_class: 'timeout',
      model_profile: 'balanced',
    });
  });
});

describe('retry_after_seconds', () => {
  test.each<[unknown, number | null]>([
    [120, 120],
    [0.5, 0.5],
    [0, 0],
    [-5, 0],
    [1e12, 604_800],
    ['120', null],
    [true, null],
    [[], null],
    ['soon', null],
  ])('of %j is a time %s seconds after the report was taken', async (seconds, after) => {
    const { job, failure, ignored } = await reported({ retry_after_seconds: seconds });
    const { updatedAt } = await job.stored();

    expect(failure.retry_at).toBe(after === null ? null : new Date(updatedAt + after * 1000).toISOString());
    expect(ignored).toBe(after === null ? 'retry_after_seconds' : null);
  });

  test('goes with its failure: the next one has its own or none', async () => {
    const { job } = await reported({ retry_after_seconds: 60 });
    const reply = await job.retry('at-once');
    expect(reply.status).toBe(202);
    await (await job.pipeline(reply.body.dispatch_id)).report('FAILED');

    expect((await job.get()).failure.retry_at).toBeNull();
  });

  test('holds nobody back who does not want to wait', async () => {
    const { job } = await reported({ failure_class: 'quota', retry_after_seconds: 3600 });

    expect((await job.retry('at-once')).status).toBe(202);
  });
});

test('what a report of anything else says of failures is not read', async () => {
  const { job, pipeline } = await jobAt('TRANSCRIBING');
  const body = pipeline.body('TRANSCRIPT_READY', { failure_class: 'nonsense', retry_after_seconds: 'soon' });

  expect((await pipeline.send(body)).status).toBe(204);
  expect((await job.get()).failure).toBeNull();
});

describe('whether a repeat can help', () => {
  test('is said in every problem', async () => {
    const { job } = await jobAt('TRANSCRIBING');
    const { token } = job;
    const missing = `/jobs/${job.id}x`;
    const problems = [
      await call('GET', `/jobs/${job.id}`),
      await call('GET', missing, { token }),
      await call('PUT', `/jobs/${job.id}`, { token }),
      await job.retry('first'),
      await job.post('retry', {}),
      await job.post('retry', { model_profile: 'balanced', client_request_id: 'x' }, { 'if-match': '"x"' }),
    ];

    expect(problems.map(({ status, body }) => [status, body.retryable])).toEqual([
      [401, false],
      [404, false],
      [405, false],
      [409, false],
      [400, false],
      [412, false],
    ]);
  });

  test('it can where the orchestrator did not take a dispatch', async () => {
    const { job } = await reported({});
    await job.answers({ kind: 'refuse', status: 400 });

    expect((await job.retry('first')).body).toMatchObject({ status: 502, retryable: true });
  });
});
