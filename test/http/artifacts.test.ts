// GET /jobs/{jobId}/artifacts: every version of every artifact, with who made it, what of, and how it stands.
import { describe, expect, test } from 'vitest';
import { artifactUri } from '../support/pipeline/script.ts';
import type { ActingJob } from '../support/workerd/acting.ts';
import { createdJob, failedAfter, jobAt, retriedAfter, uploadedJob } from '../support/workerd/acting.ts';
import { call, editorToken } from '../support/workerd/harness.ts';
import { acceptedRetry, failsAfter, planOf } from './planning.ts';

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const artifactsOf = async (job: ActingJob) => (await job.get('/artifacts')).items;
// biome-ignore lint/suspicious/noExplicitAny: bodies of answers
const inShort = (items: any[]) =>
  items.map(({ stage, version, made_from, state }) => [stage, version, made_from, state]);

test('each version says who made it, by which model, what of, and when', async () => {
  const { job, dispatchId: run } = await jobAt('TRANSCRIPT_READY');
  const made_by = {
    kind: 'pipeline',
    dispatch_id: run,
    model_profile: 'balanced',
    policy_version: '2026-11-26',
  };

  expect(await artifactsOf(job)).toEqual([
    {
      stage: 'audio',
      version: 1,
      ref: artifactUri(run, 'audio'),
      digest: null,
      size_bytes: null,
      made_by: { ...made_by, engine: null },
      made_from: null,
      state: 'complete',
      stale: false,
      recorded_at: expect.stringMatching(TIMESTAMP),
    },
    {
      stage: 'transcript',
      version: 1,
      ref: artifactUri(run, 'transcript'),
      digest: null,
      size_bytes: null,
      made_by: { ...made_by, engine: 'whisper-large-v3' },
      made_from: 1,
      state: 'complete',
      stale: false,
      recorded_at: expect.stringMatching(TIMESTAMP),
    },
  ]);
});

test('a job that has made nothing has an empty page', async () => {
  for (const job of [await createdJob(), await uploadedJob()]) {
    expect(await job.get('/artifacts')).toEqual({ items: [], next_cursor: null, end_cursor: null });
  }
});

test('a version of another profile is made from what that was given to begin with, then from its own', async () => {
  const { job } = await failedAfter('DRAFT_READY');
  const accurate = await acceptedRetry(job, { model_profile: 'accurate' });
  await failsAfter(accurate.pipeline, 'AUDIO_READY', 'DRAFT_READY');
  // Its transcript is the first one, not the newest.
  const polished = await acceptedRetry(job, { model_profile: 'polished' });
  await failsAfter(polished.pipeline, 'TRANSCRIPT_READY', 'DRAFT_READY');

  const items = await artifactsOf(job);

  expect(inShort(items)).toEqual([
    ['audio', 1, null, 'complete'],
    ['transcript', 1, 1, 'complete'],
    ['draft', 1, 1, 'complete'],
    ['transcript', 2, 1, 'complete'],
    ['draft', 2, 2, 'complete'],
    ['draft', 3, 1, 'complete'],
  ]);
  expect(items.at(-1)?.made_by).toMatchObject({ model_profile: 'polished', engine: 'gpt-5' });
});

describe('the state of a version', () => {
  test('is incomplete until its pipeline has been past the stage', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');
    const early = { artifact_updates: { transcript_uri: 's3://early/transcript.json' } };
    await pipeline.report('TRANSCRIBING', early);
    expect(inShort(await artifactsOf(job))).toEqual([
      ['audio', 1, null, 'complete'],
      ['transcript', 1, 1, 'incomplete'],
    ]);
    await pipeline.report('TRANSCRIPT_READY', early);

    expect(inShort(await artifactsOf(job))).toEqual([
      ['audio', 1, null, 'complete'],
      ['transcript', 1, 1, 'complete'],
    ]);
  });

  test('stays incomplete where the pipeline failed in the stage, and no retry resumes from it', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');
    await pipeline.report('TRANSCRIBING', { artifact_updates: { transcript_uri: 's3://half/transcript' } });
    await pipeline.report('FAILED');

    expect(inShort(await artifactsOf(job)).at(-1)).toEqual(['transcript', 1, 1, 'incomplete']);
    expect(await planOf(job)).toMatchObject({
      resume: { status: 'AUDIO_READY' },
      passed_over: [{ stage: 'transcript', version: 1, reason: 'incomplete' }],
    });
  });

  test.each([
    ['with the report after its checkpoint', 'TRANSCRIBING'],
    ['with the report of a failure in a later stage', 'FAILED'],
  ] as const)('is complete where its reference comes late, %s', async (_when, status) => {
    const job = await uploadedJob();
    const pipeline = await job.pipeline((await job.run()).body.dispatch_id);
    const named = { artifact_updates: { audio_uri: 's3://late/audio.wav' } };
    await pipeline.report('AUDIO_READY', { artifact_updates: undefined });
    if (status === 'FAILED') await pipeline.report('TRANSCRIBING');
    await pipeline.report(status, named);
    if (status !== 'FAILED') await pipeline.report('FAILED');

    expect(inShort(await artifactsOf(job))).toEqual([['audio', 1, null, 'complete']]);
    expect((await planOf(job)).resume).toMatchObject({
      status: 'AUDIO_READY',
      checkpoint_ref: 's3://late/audio.wav',
    });
  });

  test('is overwritten once a later version was written to the same reference', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    const fixed = { artifact_updates: { transcript_uri: 's3://fixed/transcript.json' } };
    for (const profile of ['balanced', 'accurate']) {
      const { pipeline } = await acceptedRetry(job, { model_profile: profile });
      await pipeline.report('TRANSCRIBING');
      await pipeline.report('TRANSCRIPT_READY', fixed);
      await pipeline.report('FAILED');
    }

    expect(inShort(await artifactsOf(job)).slice(1)).toEqual([
      ['transcript', 1, 1, 'overwritten'],
      ['transcript', 2, 1, 'complete'],
    ]);
  });

  test('is retired when so many have followed that no retry looks at it', async () => {
    const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
    for (let version = 1; version <= 18; version += 1) {
      await pipeline.report('AUDIO_READY', {
        artifact_updates: { audio_uri: `s3://audio/${version}`, digest: `sha-256:${version}` },
      });
    }

    const states = (await artifactsOf(job)).map(({ state }: { state: string }) => state);

    expect(states).toEqual(['retired', 'retired', ...Array(16).fill('complete')]);
  });
});

test('a heartbeat, a checkpoint that is stated again and a repeat make no version', async () => {
  const { job, pipeline, dispatchId } = await jobAt('AUDIO_READY');
  const again = pipeline.body('AUDIO_READY');
  await pipeline.report('AUDIO_READY');
  expect((await pipeline.send(again)).status).toBe(204);
  expect((await pipeline.send(again)).status).toBe(200);
  await pipeline.report('TRANSCRIBING');
  await pipeline.report('TRANSCRIBING', { progress_pct: 50 });

  expect(await artifactsOf(job)).toMatchObject([
    { stage: 'audio', version: 1, ref: artifactUri(dispatchId, 'audio') },
  ]);
});

test('a retry that hands on what it was given makes no version of it', async () => {
  const { job, pipeline, first } = await retriedAfter('GENERATING');
  const given = { artifact_updates: { transcript_uri: artifactUri(first.dispatchId, 'transcript') } };
  await pipeline.report('TRANSCRIPT_READY', given);
  await pipeline.reportAll('GENERATING', 'DRAFT_READY');

  expect(inShort(await artifactsOf(job))).toEqual([
    ['audio', 1, null, 'complete'],
    ['transcript', 1, 1, 'complete'],
    ['draft', 1, 1, 'complete'],
  ]);
});

test('nor of an older one than the newest, and nothing is overwritten by that', async () => {
  const { job, dispatchId: run } = await failedAfter('GENERATING');
  const accurate = await acceptedRetry(job, { model_profile: 'accurate' });
  await failsAfter(accurate.pipeline, 'AUDIO_READY', 'TRANSCRIPT_READY');
  const back = await acceptedRetry(job, { model_profile: 'balanced' });
  await back.pipeline.report('TRANSCRIPT_READY', {
    artifact_updates: { transcript_uri: artifactUri(run, 'transcript') },
  });
  await back.pipeline.reportAll('GENERATING', 'DRAFT_READY');

  expect(inShort(await artifactsOf(job))).toEqual([
    ['audio', 1, null, 'complete'],
    ['transcript', 1, 1, 'complete'],
    ['transcript', 2, 1, 'complete'],
    ['draft', 1, 1, 'complete'],
  ]);
});

test('the same reference with another digest is another version, and its digest and size are shown', async () => {
  const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
  const audio_uri = 's3://fixed/audio.wav';
  for (const size_bytes of [1, 2]) {
    const digest = `sha-256:${String(size_bytes).repeat(64)}`;
    await pipeline.report('AUDIO_READY', { artifact_updates: { audio_uri, digest, size_bytes } });
  }

  expect(await artifactsOf(job)).toMatchObject([
    { version: 1, ref: audio_uri, digest: `sha-256:${'1'.repeat(64)}`, size_bytes: 1, state: 'overwritten' },
    { version: 2, ref: audio_uri, digest: `sha-256:${'2'.repeat(64)}`, size_bytes: 2, state: 'complete' },
  ]);
});

describe('pages', () => {
  /** Three versions of one report in the middle of others. */
  async function manyVersions(): Promise<ActingJob> {
    const { job, pipeline } = await jobAt('GENERATING');
    const key = (name: string) => `s3://together/${name}`;
    await pipeline.report('DRAFT_READY', {
      artifact_updates: {
        audio_uri: key('audio'),
        transcript_uri: key('transcript'),
        draft_uri: key('draft'),
      },
    });
    await pipeline.report('FAILED');
    const { pipeline: again } = await acceptedRetry(job, {
      model_profile: 'accurate',
      resume_from: 'UPLOADED',
    });
    await again.reportAll('AUDIO_EXTRACTING', 'AUDIO_READY', 'TRANSCRIBING', 'TRANSCRIPT_READY');
    return job;
  }

  test.each([1, 2, 3, 4, 100])('of %i walk through all versions, each once and in order', async (limit) => {
    const job = await manyVersions();
    const all = await job.get('/artifacts');
    expect(inShort(all.items).map(([stage, version]) => `${stage} ${version}`)).toEqual([
      'audio 1',
      'transcript 1',
      'audio 2',
      'transcript 2',
      'draft 1',
      'audio 3',
      'transcript 3',
    ]);
    const walked: unknown[] = [];
    let cursor: string | null = null;
    let pages = 0;
    do {
      const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page = await job.get(`/artifacts?limit=${limit}${query}`);
      expect(page.items.length).toBeLessThanOrEqual(limit);
      walked.push(...page.items);
      pages += 1;
      cursor = page.next_cursor;
      if (cursor === null) expect(page.end_cursor).toBe(all.end_cursor);
    } while (cursor !== null);

    expect(walked).toEqual(all.items);
    expect(pages).toBe(Math.ceil(all.items.length / limit));
  });

  test('are followed from where the last one ended', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');
    const { end_cursor } = await job.get('/artifacts');
    const since = `/artifacts?cursor=${encodeURIComponent(end_cursor)}`;
    expect(await job.get(since)).toMatchObject({ items: [], next_cursor: null });
    await pipeline.reportAll('TRANSCRIBING', 'TRANSCRIPT_READY');

    expect(inShort((await job.get(since)).items)).toEqual([['transcript', 1, 1, 'complete']]);
  });

  test.each(['x', btoa('1:2:dsp'), btoa('seq:1'), ' '])('cursor %j is none of this list', async (cursor) => {
    const job = await createdJob();
    const path = `/jobs/${job.id}/artifacts?cursor=${encodeURIComponent(cursor)}`;

    const reply = await call('GET', path, { token: job.token });

    expect(reply.status).toBe(400);
    expect(reply.body.details.issues).toEqual([{ path: 'cursor', message: 'is not a cursor of this list' }]);
  });
});

test('somebody else is told of no such job', async () => {
  const { job } = await jobAt('AUDIO_READY');
  const token = await editorToken(`stranger-${crypto.randomUUID()}`);

  expect((await call('GET', `/jobs/${job.id}/artifacts`, { token })).status).toBe(404);
});
