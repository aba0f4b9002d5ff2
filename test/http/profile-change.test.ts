// A retry under another profile keeps what that profile's models would not have made otherwise: in the plan, in what the
// retry answers, on the list of dispatches and in what the orchestrator is really sent.
import { expect, test } from 'vitest';
import { artifactUri } from '../support/pipeline/script.ts';
import { failedAfter } from '../support/workerd/acting.ts';
import { expectRetry, failsAfter, kept, planOf, redone, sentOf } from './planning.ts';

const BALANCED = { transcript: 'whisper-large-v3', draft: 'gpt-5-mini' };
const POLISHED = { transcript: 'whisper-large-v3', draft: 'gpt-5' };
const ACCURATE = { transcript: 'scribe-v2', draft: 'gpt-5' };

test('another transcriber has the transcript and the draft made again, and keeps the audio', async () => {
  const { job, dispatchId: run } = await failedAfter('DRAFT_READY');
  const audio = artifactUri(run, 'audio');

  await expectRetry(
    job,
    { model_profile: 'accurate' },
    {
      resume: { status: 'AUDIO_READY', checkpoint_ref: audio },
      engines: ACCURATE,
      stages: [
        kept('audio', 1, audio, 'resume_point'),
        redone('transcript', 'scribe-v2', 'engine_differs'),
        redone('draft', 'gpt-5', 'engine_differs'),
      ],
      keep: [{ stage: 'audio', version: 1, ref: audio }],
    },
  );
});

test('another writer keeps the transcript', async () => {
  const { job, dispatchId: run } = await failedAfter('DRAFT_READY');
  const [audio, transcript] = [artifactUri(run, 'audio'), artifactUri(run, 'transcript')];

  await expectRetry(
    job,
    { model_profile: 'polished' },
    {
      resume: { status: 'TRANSCRIPT_READY', checkpoint_ref: transcript },
      engines: POLISHED,
      stages: [
        kept('audio', 1, audio),
        kept('transcript', 1, transcript, 'resume_point'),
        redone('draft', 'gpt-5', 'engine_differs'),
      ],
      keep: [
        { stage: 'audio', version: 1, ref: audio },
        { stage: 'transcript', version: 1, ref: transcript },
      ],
    },
  );
});

test('going back to the first profile resumes from its own old transcript, although a newer one exists', async () => {
  const { job, dispatchId: run } = await failedAfter('GENERATING');
  const [audio, transcript] = [artifactUri(run, 'audio'), artifactUri(run, 'transcript')];
  const other = await expectRetry(
    job,
    { model_profile: 'accurate' },
    {
      resume: { status: 'AUDIO_READY', checkpoint_ref: audio },
      engines: ACCURATE,
      stages: [
        kept('audio', 1, audio, 'resume_point'),
        redone('transcript', 'scribe-v2', 'engine_differs'),
        redone('draft', 'gpt-5', 'never_made'),
      ],
      keep: [{ stage: 'audio', version: 1, ref: audio }],
    },
  );
  await failsAfter(other.pipeline, 'AUDIO_READY', 'DRAFT_READY');
  expect((await job.get()).manifest.transcript_uri).toBe(artifactUri(other.dispatchId, 'transcript'));

  const asked = { model_profile: 'balanced' };
  expect((await planOf(job, asked)).passed_over).toEqual([
    { stage: 'draft', version: 1, reason: 'engine_differs' },
    { stage: 'transcript', version: 2, reason: 'engine_differs' },
  ]);
  await expectRetry(job, asked, {
    resume: { status: 'TRANSCRIPT_READY', checkpoint_ref: transcript },
    engines: BALANCED,
    stages: [
      kept('audio', 1, audio),
      kept('transcript', 1, transcript, 'resume_point'),
      redone('draft', 'gpt-5-mini', 'engine_differs'),
    ],
    keep: [
      { stage: 'audio', version: 1, ref: audio },
      { stage: 'transcript', version: 1, ref: transcript },
    ],
  });
});

test('a draft of the same writer is made again where its transcript is of another transcriber', async () => {
  const { job } = await failedAfter('GENERATING');
  const polished = await expectAccepted(job, 'polished');
  await failsAfter(polished, 'TRANSCRIPT_READY', 'DRAFT_READY');

  // Both profiles write with the same model; its draft was made from the first transcriber's text.
  expect(await planOf(job, { model_profile: 'accurate' })).toMatchObject({
    resume: { status: 'AUDIO_READY' },
    passed_over: [
      { stage: 'draft', version: 1, reason: 'engine_differs' },
      { stage: 'transcript', version: 1, reason: 'engine_differs' },
    ],
  });
});

test('a profile without engines takes whatever there is, whoever made it', async () => {
  const { job, dispatchId: run } = await failedAfter('GENERATING');
  const audio = artifactUri(run, 'audio');
  const accurate = await expectAccepted(job, 'accurate');
  await failsAfter(accurate, 'AUDIO_READY', 'DRAFT_READY');
  const { dispatchId } = accurate;
  const [transcript, draft] = [artifactUri(dispatchId, 'transcript'), artifactUri(dispatchId, 'draft')];

  await expectRetry(
    job,
    { model_profile: 'draft-only' },
    {
      resume: { status: 'DRAFT_READY', checkpoint_ref: draft },
      engines: {},
      stages: [
        kept('audio', 1, audio),
        kept('transcript', 2, transcript),
        kept('draft', 1, draft, 'resume_point'),
      ],
      keep: [
        { stage: 'audio', version: 1, ref: audio },
        { stage: 'transcript', version: 2, ref: transcript },
        { stage: 'draft', version: 1, ref: draft },
      ],
    },
  );
});

test('what was made under a profile without engines differs from whatever another one names', async () => {
  const { job, dispatchId: run } = await failedAfter('GENERATING');
  const transcript = artifactUri(run, 'transcript');
  const anyWriter = await expectAccepted(job, 'draft-only');
  await failsAfter(anyWriter, 'TRANSCRIPT_READY', 'DRAFT_READY');

  for (const [profile, writer] of [
    ['balanced', 'gpt-5-mini'],
    ['polished', 'gpt-5'],
  ] as const) {
    const plan = await planOf(job, { model_profile: profile });
    expect(plan.resume).toMatchObject({ status: 'TRANSCRIPT_READY', checkpoint_ref: transcript, version: 1 });
    expect(plan.passed_over).toEqual([{ stage: 'draft', version: 1, reason: 'engine_differs' }]);
    expect(plan.stages[2]).toEqual(redone('draft', writer, 'engine_differs'));
  }
  // The same profile takes what it has made itself.
  expect((await planOf(job, { model_profile: 'draft-only' })).resume.status).toBe('DRAFT_READY');
});

test('a run is sent its engines, and nothing to keep', async () => {
  const { job, dispatchId: run } = await failedAfter('AUDIO_READY');

  const sent = await sentOf(job, run);

  expect(sent).toMatchObject({ type: 'job.run', model_profile: 'balanced' });
  expect(sent.engines).toEqual(BALANCED);
  expect(sent.keep).toEqual([]);
  expect(sent).not.toHaveProperty('resume_from_status');
  expect(sent).not.toHaveProperty('checkpoint_ref');
});

test('what was written over is passed over, although its own profile asks for it', async () => {
  const { job } = await failedAfter('AUDIO_EXTRACTING');
  const fixed = { artifact_updates: { audio_uri: 's3://fixed/audio.wav' } };
  const transcript = { artifact_updates: { transcript_uri: 's3://fixed/transcript.json' } };
  const first = await expectAccepted(job, 'balanced');
  await first.report('AUDIO_EXTRACTING');
  await first.report('AUDIO_READY', fixed);
  await first.report('TRANSCRIBING');
  await first.report('TRANSCRIPT_READY', transcript);
  await first.report('FAILED');
  const second = await expectAccepted(job, 'accurate');
  await second.report('TRANSCRIBING');
  await second.report('TRANSCRIPT_READY', transcript);
  await second.report('FAILED');

  const plan = await planOf(job, { model_profile: 'balanced' });

  expect(plan.passed_over).toEqual([
    { stage: 'transcript', version: 2, reason: 'engine_differs' },
    { stage: 'transcript', version: 1, reason: 'changed' },
  ]);
  expect(plan.resume).toMatchObject({ status: 'AUDIO_READY', checkpoint_ref: 's3://fixed/audio.wav' });
});

async function expectAccepted(job: Parameters<typeof planOf>[0], profile: string) {
  const reply = await job.retry(crypto.randomUUID(), {}, profile);
  expect(reply.status, reply.text).toBe(202);
  return job.pipeline(reply.body.dispatch_id);
}
