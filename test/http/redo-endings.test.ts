// How a redo ends other than with a draft: refused, never heard of, given up, failed, and whatever its pipeline says too late.
// A job that has a draft keeps it.
import { describe, expect, test } from 'vitest';
import { dispatchSchema, type WorkDispatch } from '../support/orchestrator/dispatch.ts';
import { pipelineOf } from '../support/orchestrator/pipeline.ts';
import { type ActingJob, ASYNC, config, losingMessages, until } from '../support/workerd/acting.ts';
import { orchestrator, withoutSideEffect } from '../support/workerd/harness.ts';
import {
  acceptedExport,
  acceptedRedo,
  corrected,
  drafted,
  expectDone,
  expectFenced,
  newRef,
  redoAs,
  version,
  versionsOf,
} from './editing.ts';
import { acceptedRetry, planOf, sentOf } from './planning.ts';

const BALANCED = { model_profile: 'balanced' };
const POLISHED = { model_profile: 'polished' };
const ACCURATE = { model_profile: 'accurate' };

/** What the local orchestrator's pipeline reports for this, when all goes well. */
const reportsFor = (sent: Record<string, unknown>) =>
  pipelineOf(dispatchSchema.parse(sent) as WorkDispatch, 'exe_1', {}, AS_IT_SHOULD).course.reports;
const AS_IT_SHOULD = { mayFail: false, stepMs: 0, misbehave: new Set<never>() };

const told = (job: ActingJob) => orchestrator.waitFor(job.id, 'cancels');

describe('an orchestrator that does not know it', () => {
  test('is a 502, and nothing about the job has changed', async () => {
    const { job } = await drafted();
    await job.plan({ unknown_types: ['job.redo'] });
    const before = await job.get();
    const versions = await job.get('/artifacts');
    const trail = await job.transitions();

    const reply = await redoAs(job, POLISHED, {}, 'the-same');

    expect(reply.status).toBe(502);
    expect(reply.body).toMatchObject({
      error_code: 'ORCHESTRATOR_DISPATCH_FAILED',
      retryable: true,
      details: { delivery_attempts: 1, last_error: expect.stringContaining('400') },
    });
    expect(await job.get()).toEqual(before);
    expect(await job.get('/artifacts')).toEqual(versions);
    expect(await job.transitions()).toEqual(trail);
    expect((await job.executions()).map(({ type }) => type)).toEqual(['job.run']);

    await job.plan({});
    expect((await redoAs(job, POLISHED, {}, 'the-same')).status).toBe(202);
  });

  test('leaves the pipeline of before its word', async () => {
    const { job, pipeline } = await drafted();
    await job.plan({ unknown_types: ['job.redo'] });
    await redoAs(job, POLISHED);

    await pipeline.report('EXPORTING');

    expect(await job.status()).toBe('EXPORTING');
  });
});

describe('a redo whose pipeline is never heard of', () => {
  test('leaves the job as it was, is told to stop, and another can be asked for', async () => {
    const { job } = await drafted();
    const before = await job.get();
    const lost = await acceptedRedo(job, POLISHED);
    await job.age(config.rules.ackTimeoutMs + 1_000);

    await job.alarm();

    const { updated_at: _aged, ...rest } = before;
    expect(await job.get()).toMatchObject(rest);
    expect(await job.dispatch(lost.dispatchId)).toMatchObject({ dispatch_state: 'TIMED_OUT' });
    expect((await told(job)).cancels).toMatchObject([{ dispatch_id: lost.dispatchId }]);
    await expectFenced(lost);
    await acceptedRedo(job, POLISHED);
  });

  test('that was never delivered is withdrawn', async () => {
    const { job } = await drafted();
    losingMessages();
    const { body } = await redoAs(job, POLISHED, ASYNC);
    await job.age(config.rules.dispatchDeadlineMs + 5_000);

    await job.alarm();

    expect(await job.dispatch(body.dispatch_id)).toMatchObject({ dispatch_state: 'UNDELIVERABLE' });
    expect(await job.get()).toMatchObject({ status: 'DRAFT_READY', open_dispatch: null });
  });
});

describe('a redo that is cancelled', () => {
  test.each([
    ['before it was heard of', []],
    ['while its pipeline is at work', ['REGENERATING']],
  ] as const)('%s ends the job for good, and its pipeline is told', async (_when, reports) => {
    const { job } = await drafted();
    const redo = await acceptedRedo(job, POLISHED);
    await redo.pipeline.reportAll(...reports);

    expect((await job.cancel()).body.status).toBe('CANCELLED');

    expect((await told(job)).cancels).toMatchObject([{ dispatch_id: redo.dispatchId }]);
    expect((await job.dispatch(redo.dispatchId)).dispatch_state).toBe('CANCELLED');
    await expectFenced(redo);
    expect((await redoAs(job, POLISHED)).body.error_code).toBe('FSM_TERMINAL_IMMUTABLE');
    expect((await versionsOf(job)).at(-1)).toEqual(['draft 1', 1, 'gpt-5-mini', 'current']);
  });
});

describe('a redo that is given up', () => {
  test('before it was heard of leaves the job and its draft as they were, and its pipeline is told', async () => {
    const { job } = await drafted();
    const before = await job.get();
    const redo = await acceptedRedo(job, POLISHED);

    const reply = await job.post('abandon');

    expect([reply.status, reply.body]).toEqual([200, before]);
    await told(job);
    await expectFenced(redo);
    expect((await job.dispatch(redo.dispatchId)).dispatch_state).toBe('CANCELLED');
    expect((await job.post('abandon')).body.error_code).toBe('JOB_NOT_RUNNING');
  });

  test('while its pipeline is at work fails the job, and a retry goes on with it', async () => {
    const { job, audio, transcript } = await drafted();
    const redo = await acceptedRedo(job, POLISHED);
    await redo.pipeline.report('REGENERATING');

    expect((await job.post('abandon')).body).toMatchObject({
      status: 'FAILED',
      failure: { failure_code: 'ABANDONED', failed_stage: 'REGENERATING', model_profile: 'polished' },
    });

    await told(job);
    await expectFenced(redo);
    await expectDone('retry', job, POLISHED, {
      resume: 'TRANSCRIPT_READY',
      keep: [version('audio', 1, audio), version('transcript', 1, transcript)],
      makes: { draft: 'gpt-5' },
    });
  });
});

describe('a redo that fails', () => {
  async function failedRedo() {
    const made = await drafted();
    const redo = await acceptedRedo(made.job, POLISHED);
    await redo.pipeline.reportAll('REGENERATING', 'FAILED');
    return { ...made, redo };
  }

  test('fails the job, which keeps its draft', async () => {
    const { job, draft, redo } = await failedRedo();

    expect(await job.get()).toMatchObject({ status: 'FAILED', manifest: { draft_uri: draft } });
    expect((await job.dispatch(redo.dispatchId)).dispatch_state).toBe('FAILED');
    expect((await versionsOf(job)).at(-1)).toEqual(['draft 1', 1, 'gpt-5-mini', 'current']);
  });

  test('is gone on with by a retry, from the transcript, although there is a draft', async () => {
    const { job, audio, transcript } = await failedRedo();

    const { pipeline, dispatchId } = await expectDone('retry', job, BALANCED, {
      resume: 'TRANSCRIPT_READY',
      keep: [version('audio', 1, audio), version('transcript', 1, transcript)],
      makes: { draft: 'gpt-5-mini' },
    });
    await pipeline.reportAll('GENERATING', 'DRAFT_READY');

    expect(await job.get()).toMatchObject({
      status: 'DRAFT_READY',
      manifest: { draft_uri: `s3://artifacts/${dispatchId}/draft` },
    });
    expect((await versionsOf(job)).slice(2)).toEqual([
      ['draft 1', 1, 'gpt-5-mini', 'current'],
      ['draft 2', 1, 'gpt-5-mini', 'current'],
    ]);
  });

  test('is gone on with by the retry of a retry that failed too', async () => {
    const { job, audio, transcript } = await failedRedo();
    for (const _ of [1, 2]) {
      const { pipeline } = await expectDone('retry', job, POLISHED, {
        resume: 'TRANSCRIPT_READY',
        keep: [version('audio', 1, audio), version('transcript', 1, transcript)],
        makes: { draft: 'gpt-5' },
      });
      await pipeline.reportAll('GENERATING', 'FAILED');
    }
  });

  test('gives the draft of before back to a retry that asks to begin there: its pipeline makes nothing, and leaves it to its editor', async () => {
    const { job, audio, transcript, draft } = await failedRedo();

    const { pipeline, dispatchId } = await expectDone(
      'retry',
      job,
      { ...BALANCED, resume_from: 'DRAFT_READY' },
      {
        resume: 'DRAFT_READY',
        keep: [version('audio', 1, audio), version('transcript', 1, transcript), version('draft', 1, draft)],
        makes: {},
      },
    );
    const before = await versionsOf(job);
    const reports = reportsFor(await sentOf(job, dispatchId));
    expect(reports).toEqual([{ status: 'EDITING' }]);
    for (const report of reports) expect((await pipeline.send(pipeline.identified(report))).status).toBe(204);

    expect(await job.get()).toMatchObject({
      ...{ status: 'EDITING', open_dispatch: null },
      manifest: { draft_uri: draft, exports: {} },
    });
    expect(await versionsOf(job)).toEqual(before);
    expect((await job.dispatch(dispatchId)).dispatch_state).toBe('SETTLED');
  });

  test('and whose draft is asked for again is at work once that is restated, and at its end with EDITING alone', async () => {
    const { job, draft } = await failedRedo();
    const { pipeline, dispatchId } = await acceptedRetry(job, { ...BALANCED, resume_from: 'DRAFT_READY' });
    const restated = () => pipeline.send(pipeline.body('DRAFT_READY', { artifact_updates: null }));

    expect((await restated()).status).toBe(204);
    expect((await job.dispatch(dispatchId)).dispatch_state).toBe('RUNNING');
    expect((await restated()).body.error_code).toBe('FSM_TRANSITION_INVALID');
    await pipeline.report('EDITING');

    expect((await job.dispatch(dispatchId)).dispatch_state).toBe('SETTLED');
    expect(await job.get()).toMatchObject({ status: 'EDITING', manifest: { draft_uri: draft } });
  });

  test('after it has made a transcript is gone on with from that', async () => {
    const { job, audio } = await drafted();
    const { pipeline } = await acceptedRedo(job, ACCURATE);
    const transcript_uri = newRef('transcript');
    await pipeline.report('REGENERATING', { artifact_updates: { transcript_uri } });
    await pipeline.report('FAILED');

    await expectDone('retry', job, ACCURATE, {
      resume: 'TRANSCRIPT_READY',
      keep: [version('audio', 1, audio), version('transcript', 2, transcript_uri)],
      makes: { draft: 'gpt-5' },
    });
  });

  test('and what is corrected then is kept: the text as it is, the draft unless it is named', async () => {
    const { job, audio, transcript } = await failedRedo();
    await corrected(job, 'draft', 1);
    const plan = await planOf(job, BALANCED);
    expect(plan.refusal).toMatchObject({
      error_code: 'EDITS_IN_THE_WAY',
      details: { edits: [{ stage: 'draft', version: 2, reason: 'asked' }] },
    });

    await expectDone(
      'retry',
      job,
      { ...BALANCED, discard_edits: ['draft'] },
      {
        resume: 'TRANSCRIPT_READY',
        keep: [version('audio', 1, audio), version('transcript', 1, transcript)],
        makes: { draft: 'gpt-5-mini' },
        edits_discarded: [['draft', 2]],
      },
    );
  });

  test('that was to look past a correction and made nothing has looked past nothing', async () => {
    const { job, audio } = await drafted();
    const text = await corrected(job, 'transcript', 1);
    const redo = await acceptedRedo(job, { ...ACCURATE, discard_edits: ['transcript'] });
    await redo.pipeline.reportAll('REGENERATING', 'FAILED');

    await expectDone('retry', job, ACCURATE, {
      resume: 'TRANSCRIPT_READY',
      keep: [version('audio', 1, audio), version('transcript', 2, text)],
      makes: { draft: 'gpt-5' },
      edits_kept: [['transcript', 2]],
    });
  });

  test('once it was made good, a later failure is gone on with as ever', async () => {
    const { job } = await failedRedo();
    const { pipeline } = await acceptedRetry(job, POLISHED);
    await pipeline.reportAll('GENERATING', 'DRAFT_READY', 'EXPORTING', 'FAILED');

    expect((await planOf(job, POLISHED)).resume).toMatchObject({ status: 'DRAFT_READY', version: 2 });
  });
});

describe('what a redo’s pipeline says too late', () => {
  test('after a newer dispatch is refused, whatever state either is in', async () => {
    const { job } = await drafted();
    const first = await acceptedRedo(job, POLISHED);
    await first.pipeline.reportAll('REGENERATING', 'DRAFT_READY');
    const second = await acceptedRedo(job, BALANCED);

    await withoutSideEffect(job, async () => {
      await expectFenced(first);
      return first.pipeline.send(first.pipeline.body('DRAFT_READY'));
    });
    await second.pipeline.report('REGENERATING');
    await expectFenced(first);
    await second.pipeline.report('DRAFT_READY');
    await expectFenced(first);
    const third = await acceptedExport(job);
    await expectFenced(second);
    await third.pipeline.reportAll('EXPORTING', 'DONE');

    expect((await job.get()).manifest.draft_uri).toBe(`s3://artifacts/${second.dispatchId}/draft`);
    await expectFenced(second);
  });

  test('after its draft was corrected is refused', async () => {
    const { job } = await drafted();
    const redo = await acceptedRedo(job, POLISHED);
    await redo.pipeline.reportAll('REGENERATING', 'DRAFT_READY');
    const ref = await corrected(job, 'draft', 2);

    await expectFenced(redo);
    expect((await job.get()).manifest.draft_uri).toBe(ref);
  });

  test('and the run of before has no more to say as soon as a redo is on its way', async () => {
    const { job, ...run } = await drafted();
    losingMessages();
    expect((await redoAs(job, POLISHED, ASYNC)).body.dispatch_state).toBe('PENDING');

    await expectFenced({ ...run, job });
    expect(await job.status()).toBe('DRAFT_READY');
  });

  test('a report that overtakes the outcome of its delivery is taken', async () => {
    const { job } = await drafted();
    losingMessages();
    const { body } = await redoAs(job, POLISHED, ASYNC);
    const pipeline = await job.pipeline(body.dispatch_id);
    await pipeline.report('REGENERATING');

    await until(async () => expect(await job.status()).toBe('REGENERATING'));
    expect((await job.dispatch(body.dispatch_id)).dispatch_state).toBe('RUNNING');
  });
});
