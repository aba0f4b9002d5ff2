// What the orchestrator makes lies in a real bucket, where the service looks for it before a retry.
import { expect, onTestFinished, test } from 'vitest';
import { Stack } from './stack.ts';

test('a retry resumes from what is really there: what was overwritten or deleted is passed over with its reason', async () => {
  const stack = await Stack.start({ withArtifactStore: true });
  onTestFinished(() => stack.stop());
  const alice = await stack.editor('alice');
  const jobId = await alice.uploadedJob();
  await stack.orchestrator.client.plan(jobId, { pipeline: { fail_at: 'GENERATING' } });
  await alice.run(jobId);
  const { audio_uri, transcript_uri, video_uri } = (await alice.settledJob(jobId)).manifest;
  const planned = async () => {
    const { resume, passed_over } = await alice.get(`/jobs/${jobId}/retry-plan?model_profile=balanced`);
    return { from: resume.checkpoint_ref, proof: resume.proof?.state ?? null, passedOver: passed_over };
  };
  const changed = { stage: 'transcript', version: 1, reason: 'changed' };
  const missing = { stage: 'audio', version: 1, reason: 'missing' };

  expect(transcript_uri).toMatch(/^r2:\/\/retake-artifacts\/.+\/transcript\.whisper-large-v3$/);
  expect(await planned()).toEqual({ from: transcript_uri, proof: 'verified', passedOver: [] });
  const content = (await stack.artifacts.read(transcript_uri)) ?? '';
  await stack.artifacts.overwrite(transcript_uri, content.toUpperCase());
  expect(await planned()).toEqual({ from: audio_uri, proof: 'verified', passedOver: [changed] });
  await stack.artifacts.remove(audio_uri);
  expect(await planned()).toEqual({ from: video_uri, proof: null, passedOver: [changed, missing] });

  // The audio is not needed where the transcript is there.
  await stack.artifacts.overwrite(transcript_uri, content);
  expect(await planned()).toEqual({ from: transcript_uri, proof: 'verified', passedOver: [] });
  const retried = await alice.retry(jobId, { model_profile: 'balanced', client_request_id: 'retry-1' });
  expect(retried).toMatchObject({ status: 202, body: { checkpoint_ref: transcript_uri } });
  expect(await alice.settledJob(jobId)).toMatchObject({ status: 'DRAFT_READY' });
  const { executions, callbacks } = await stack.orchestrator.client.waitFor(jobId, 'idle');
  const made = callbacks.filter(({ execution_id }) => execution_id === executions[1]?.execution_id);
  expect(made.map(({ status }) => status)).toEqual(['GENERATING', 'DRAFT_READY']);
});
