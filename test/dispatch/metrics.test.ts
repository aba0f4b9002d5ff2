// What is counted, seen where the binding of Analytics Engine would be.
import { env } from 'cloudflare:test';
import { describe, expect, onTestFinished, test } from 'vitest';
import { endedDispatch } from '../../src/actor/ended.ts';
import { BLOBS, DOUBLES, type EVENTS, INDEX } from '../../src/metrics.ts';
import {
  type ActingJob,
  failedAfter,
  jobAt,
  retriedAfter,
  SHORT_WAIT,
  until,
  uploadedJob,
} from '../support/workerd/acting.ts';
import { call } from '../support/workerd/harness.ts';

type Named = Record<string, string | number>;

/** Stands in for the binding until the end of the test. Answers what was written, by the names of the columns. */
function counting(write: (point: AnalyticsEngineDataPoint) => void = () => {}): Named[] {
  const points: Named[] = [];
  const bound = env as { METRICS?: unknown };
  bound.METRICS = {
    writeDataPoint: (point: AnalyticsEngineDataPoint) => {
      write(point);
      const named = (names: readonly string[], values: readonly unknown[] = []) => {
        expect(values).toHaveLength(names.length);
        return Object.fromEntries(names.map((name, at) => [name, values[at]]));
      };
      points.push({
        ...named([INDEX], point.indexes),
        ...named(BLOBS, point.blobs),
        ...named(DOUBLES, point.doubles),
      } as Named);
    },
  };
  onTestFinished(() => {
    delete bound.METRICS;
  });
  return points;
}

const of = (points: Named[], job: ActingJob, event: (typeof EVENTS)[number]) =>
  points.filter((point) => point.job_id === job.id && point.event === event);

describe('a delivery is counted once', () => {
  test('for each attempt, with how it went', async () => {
    const points = counting();
    const job = await uploadedJob({ answers: [{ kind: 'error', status: 503 }, { kind: 'accept' }] });
    await job.run();
    await until(async () => expect(of(points, job, 'delivery')).toHaveLength(2));
    const delivery = {
      job_id: job.id,
      event: 'delivery',
      message: 'job.run',
      model_profile: 'balanced',
      resume_from: '',
      failure_code: '',
      attempts: -1,
      duration_ms: -1,
      first_report_ms: -1,
    };
    expect(of(points, job, 'delivery')).toEqual([
      { ...delivery, outcome: 'unreachable' },
      { ...delivery, outcome: 'delivered' },
    ]);
  });

  test('for a retry with where it resumes, and for a cancel', async () => {
    const points = counting();
    const { job } = await retriedAfter('AUDIO_READY');
    await job.cancel();
    await until(async () => expect(of(points, job, 'delivery')).toHaveLength(3));
    expect(of(points, job, 'delivery').slice(1)).toMatchObject([
      { message: 'job.retry', resume_from: 'AUDIO_READY', outcome: 'delivered' },
      { message: 'job.cancel', outcome: 'delivered' },
    ]);
  });
});

describe('a dispatch is counted once, when it ends', () => {
  test('with the code of its failure, and how long it took until it was heard of', async () => {
    const points = counting();
    const { job, pipeline } = await jobAt('TRANSCRIBING');
    expect(of(points, job, 'dispatch_ended')).toEqual([]);
    await pipeline.report('FAILED', { failure_code: 'MODEL_OVERLOADED', failure_message: 's3://secret' });
    const [ended, ...others] = of(points, job, 'dispatch_ended');
    expect(others).toEqual([]);
    const { createdAt, firstReportAt } = (await job.storedDispatches())[0] ?? {};
    expect(ended).toEqual({
      job_id: job.id,
      event: 'dispatch_ended',
      message: 'job.run',
      model_profile: 'balanced',
      resume_from: '',
      outcome: 'FAILED',
      failure_code: 'MODEL_OVERLOADED',
      attempts: 1,
      duration_ms: expect.any(Number),
      first_report_ms: (firstReportAt ?? 0) - (createdAt ?? 0),
    });
    expect(Number(ended?.duration_ms)).toBeGreaterThanOrEqual(Number(ended?.first_report_ms));
  });

  test('under another name where the orchestrator’s code looks like none', async () => {
    const points = counting();
    const { job, pipeline } = await jobAt('TRANSCRIBING');
    await pipeline.report('FAILED', { failure_code: 'https://orchestrator/secret' });
    expect(of(points, job, 'dispatch_ended')).toMatchObject([{ failure_code: 'OTHER' }]);
  });

  test('settled, without a failure, also where the job failed before', async () => {
    const points = counting();
    const { job, pipeline } = await retriedAfter('AUDIO_READY');
    await pipeline.reportAll('TRANSCRIBING', 'TRANSCRIPT_READY', 'GENERATING', 'DRAFT_READY');
    expect(of(points, job, 'dispatch_ended').slice(1)).toMatchObject([
      { message: 'job.retry', resume_from: 'AUDIO_READY', outcome: 'SETTLED', failure_code: '' },
    ]);
  });

  test('once more when it went on after it settled, and is cancelled', async () => {
    const points = counting();
    const { job, pipeline } = await jobAt('GENERATING');
    await pipeline.reportAll('DRAFT_READY', 'EXPORTING');
    await job.cancel();
    expect(of(points, job, 'dispatch_ended')).toMatchObject([
      { outcome: 'SETTLED' },
      { outcome: 'CANCELLED' },
    ]);
  });

  test('withdrawn, and never heard of', async () => {
    const points = counting();
    const { job } = await failedAfter('AUDIO_READY');
    await job.answers({ kind: 'refuse', status: 400 });
    expect((await job.retry('one', SHORT_WAIT)).status).toBe(502);
    expect(of(points, job, 'dispatch_ended').slice(1)).toMatchObject([
      { outcome: 'UNDELIVERABLE', failure_code: '', attempts: 1, first_report_ms: -1 },
    ]);
  });

  test('cancelled, and not once more when its cancel is delivered', async () => {
    const points = counting();
    const { job } = await jobAt('TRANSCRIBING');
    await job.cancel();
    await until(async () => expect((await job.storedDispatches())[0]?.cancelNotice?.state).toBe('DELIVERED'));
    expect(of(points, job, 'dispatch_ended')).toMatchObject([{ outcome: 'CANCELLED' }]);
  });
});

describe('a report that is refused is counted', () => {
  test('with the code of the refusal, when its pipeline proved its dispatch', async () => {
    const points = counting();
    const { job, pipeline } = await failedAfter('TRANSCRIBING');
    await pipeline.send(pipeline.body('GENERATING'));
    await pipeline.send({ status: 'GENERATING' });
    expect(of(points, job, 'report_refused').map(({ outcome }) => outcome)).toEqual([
      'FSM_TERMINAL_IMMUTABLE',
      'VALIDATION_ERROR',
    ]);
  });

  test('not when it is applied, nor when anybody sent it', async () => {
    const points = counting();
    const { job, pipeline } = await jobAt('TRANSCRIBING');
    await call('POST', `/internal/jobs/${job.id}/status`, { token: 'made-up', body: {} });
    await pipeline.report('TRANSCRIPT_READY');
    expect(of(points, job, 'report_refused')).toEqual([]);
  });
});

test('without the binding nothing is written and nothing fails', async () => {
  expect('METRICS' in env).toBe(false);
  const { job, pipeline } = await failedAfter('TRANSCRIBING');
  expect((await pipeline.send({})).status).toBe(400);
  expect(await job.status()).toBe('FAILED');
});

test('a binding that throws changes nothing but the count', async () => {
  counting(() => {
    throw new Error('too many');
  });
  const { job, pipeline } = await failedAfter('TRANSCRIBING');
  expect((await pipeline.send({})).status).toBe(400);
  expect(await job.status()).toBe('FAILED');
});

test('what changes no dispatch ends none', () => {
  expect(endedDispatch(null, { kind: 'rejected', rejection: { code: 'RESOURCE_NOT_FOUND' } }, 1)).toBeNull();
});
