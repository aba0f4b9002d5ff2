// A job that its orchestrator fills: refused with an answer that makes it stop, and failure, cancel and timeout always have room.
import { runInDurableObject } from 'cloudflare:test';
import { describe, expect, test } from 'vitest';
import { MANIFEST_LIMITS } from '../../src/domain/artifacts.ts';
import { type ActingJob, type ActingPipeline, config, jobAt } from '../support/workerd/acting.ts';

/** Well below the two megabytes that SQLite in an object takes for a row. */
const MOST_ROW_BYTES = 1_000_000;

const rowBytes = (job: ActingJob): Promise<number> =>
  runInDurableObject(job.stub, (_actor, { storage }) =>
    Number(storage.sql.exec('SELECT length(record) AS bytes FROM job').one().bytes),
  );

const exportsOf = (round: number, count: number, length: number): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, n) => [`x${round}-${n}`, 's3://exports/'.padEnd(length, 'x')]),
  );

/** Reports exports until it is told to stop, by ever smaller reports, until not even one more fits. */
async function stuffed(
  length: number,
): Promise<{ job: ActingJob; pipeline: ActingPipeline; refusal: unknown }> {
  const { job, pipeline } = await jobAt('EXPORTING');
  let refusal: unknown = null;
  let round = 0;
  for (const count of [30, 10, 3, 1]) {
    for (;;) {
      round += 1;
      const exports = exportsOf(round, count, length);
      const reply = await pipeline.send(pipeline.body('EXPORTING', { artifact_updates: { exports } }));
      if (reply.status === 204) continue;
      refusal = [reply.status, reply.body.error_code, reply.body.details, reply.body.retryable];
      break;
    }
  }
  return { job, pipeline, refusal };
}

describe.each([
  ['many exports', 20],
  ['long exports', 2_000],
])('a job stuffed with %s', (_what, length) => {
  test('refuses more with an answer to stop at, and stays small', async () => {
    const { job, refusal } = await stuffed(length);
    const details = { max_exports: MANIFEST_LIMITS.maxExports, max_bytes: MANIFEST_LIMITS.maxBytes };
    expect(refusal).toEqual([409, 'MANIFEST_FULL', details, false]);
    expect(Object.keys((await job.get()).manifest.exports).length).toBeLessThanOrEqual(
      MANIFEST_LIMITS.maxExports,
    );
    expect(await rowBytes(job)).toBeLessThan(MOST_ROW_BYTES);
  });

  test('still fails with what its pipeline says of it, without the exports that there is no room for', async () => {
    const { job, pipeline } = await stuffed(length);
    const before = (await job.get()).manifest.exports;
    const draft = 's3://drafts/'.padEnd(2_000, 'x');
    await pipeline.report('FAILED', {
      failure_message: 'x'.repeat(1_500),
      artifact_updates: { draft_uri: draft, exports: exportsOf(9_999, 30, length) },
    });
    const { status, failure, manifest } = await job.get();
    expect([status, failure.failure_message.length]).toEqual(['FAILED', 1_500]);
    expect(manifest).toMatchObject({ draft_uri: draft, exports: before });
  });

  test('can still be cancelled', async () => {
    const { job } = await stuffed(length);
    expect((await job.cancel()).body.status).toBe('CANCELLED');
  });

  test('still times out', async () => {
    const { job } = await stuffed(length);
    await job.age(config.rules.stageTimeoutMs + 1_000);
    await job.alarm();
    expect(await job.get()).toMatchObject({
      status: 'FAILED',
      failure: { failure_code: 'ORCHESTRATOR_TIMEOUT' },
    });
  });
});

test('a pipeline that reports for ever is told to stop, and how it ends is taken all the same', async () => {
  const { job, pipeline } = await jobAt('TRANSCRIBING');
  const { latestCallback } = await job.stored();
  await job.patch({ latestCallback: latestCallback && { ...latestCallback, kept: 1_000 } });
  const worded = (n: number) => pipeline.body('TRANSCRIBING', { artifact_updates: { metrics: { n } } });
  expect((await pipeline.send(worded(1))).body).toMatchObject({
    error_code: 'REPORTS_EXHAUSTED',
    details: { max_reports: 1_000 },
  });
  await pipeline.report('TRANSCRIBING', { progress_pct: 50 });
  await pipeline.report('FAILED');
  expect(await job.status()).toBe('FAILED');
});

test('the draft of a pipeline that has reported all that a job keeps is taken, and behind it that it failed, but nothing to be kept besides', async () => {
  const { job, pipeline } = await jobAt('GENERATING');
  const { latestCallback } = await job.stored();
  await job.patch({ latestCallback: latestCallback && { ...latestCallback, kept: 1_000 } });
  await pipeline.report('DRAFT_READY', { artifact_updates: { draft_uri: 's3://drafts/1' } });
  expect((await job.get()).manifest.draft_uri).toBe('s3://drafts/1');
  const more = pipeline.body('EXPORTING', { artifact_updates: { exports: { pdf: 's3://drafts/1.pdf' } } });
  expect((await pipeline.send(more)).body.error_code).toBe('REPORTS_EXHAUSTED');
  await pipeline.report('FAILED');
  expect(await job.status()).toBe('FAILED');
});
