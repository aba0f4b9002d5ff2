// The story that Retake exists for, played over HTTP: a job that fails is retried under other models, each time from the latest
// result that still holds, and the editor sees what will happen before it does.
import type { Editor, Reply } from '../support/editor.ts';
import type { ArtifactStore } from '../support/orchestrator/artifact-store.ts';
import type { OrchestratorClient } from '../support/orchestrator/client.ts';
import { follow } from './follow.ts';
import type { Narrator } from './narrator.ts';
import { inShort, planLines } from './plan-text.ts';

/** Throws `NotAsTold` at the first fact that does not hold. Answers the id of the job. */
export async function playStory(
  alice: Editor,
  orchestrator: OrchestratorClient,
  artifacts: ArtifactStore,
  narrator: Narrator,
): Promise<string> {
  const planUnder = async (profile: string) => {
    const reply = await alice.call('GET', `/jobs/${jobId}/retry-plan?model_profile=${profile}`);
    narrator.say(`    GET …/retry-plan?model_profile=${profile}`);
    for (const line of planLines(reply.body)) narrator.say(`      ${line}`);
    return reply;
  };
  const retry = async (model_profile: string, client_request_id: string, plan: Reply) => {
    const reply = await alice.retry(
      jobId,
      { model_profile, client_request_id },
      { 'if-match': plan.body.etag },
    );
    narrator.http(`POST …/retry  model_profile: ${model_profile}, If-Match: the plan`, reply);
    return reply;
  };
  narrator.step(
    'Alice has uploaded a video, and runs the pipeline; the models that write drafts are having a bad day',
  );
  const project = await alice.post('/projects', { name: 'Interviews' });
  const { id: jobId } = await alice.post(`/projects/${project.id}/jobs`);
  const confirmed = await alice.call('POST', `/jobs/${jobId}/confirm-upload`, {
    video_uri: 's3://videos/interview.mp4',
  });
  narrator.check('the video is confirmed', confirmed.body.job?.status, 'UPLOADED');
  await orchestrator.plan(jobId, { pipeline: { heartbeats: 1, fail_at: 'GENERATING', fail_times: 3 } });
  const ran = await alice.run(jobId);
  narrator.http('POST …/run', ran, ['dispatch_state']);
  narrator.check('the orchestrator took the dispatch', ran.status, 202);
  const failed = await follow(alice, jobId, narrator);
  narrator.check('the job failed while its draft was written', failed.failure?.failed_stage, 'GENERATING');
  const { audio_uri, transcript_uri } = failed.manifest;
  narrator.check(
    'its audio and its transcript are there',
    [typeof audio_uri, typeof transcript_uri],
    ['string', 'string'],
  );

  narrator.step('She looks at what a retry would do, and nothing is done yet');
  const polished = await planUnder('polished');
  narrator.check('another writer keeps the transcript', inShort(polished), [1, 1, 'gpt-5']);
  const accurate = await planUnder('accurate');
  narrator.check('another transcriber keeps the audio alone', inShort(accurate), [1, 'scribe-v2', 'gpt-5']);
  const refused = await alice.retry(jobId, { model_profile: 'legacy', client_request_id: 'retry-0' });
  narrator.http('POST …/retry  model_profile: legacy', refused, ['error_code', 'details.reason']);
  narrator.check(
    'a profile that is switched off is refused',
    [refused.status, refused.body.error_code],
    [409, 'MODEL_PROFILE_NOT_ALLOWED'],
  );
  narrator.check('nothing about the job changed', await alice.get(`/jobs/${jobId}`), failed);

  narrator.step('She has exactly that done: the second plan');
  const second = await retry('accurate', 'retry-1', accurate);
  narrator.check('the retry is accepted', [second.status, second.body.replayed], [202, false]);
  narrator.check(
    'it resumes where the plan said',
    [second.body.resume_from_status, second.body.checkpoint_ref],
    ['AUDIO_READY', audio_uri],
  );
  const repeated = await retry('accurate', 'retry-1', accurate);
  narrator.check(
    'the same request once more is answered with the same dispatch, and nothing is dispatched anew',
    [repeated.status, repeated.body.replayed, repeated.body.dispatch_id],
    [200, true, second.body.dispatch_id],
  );
  const failedAgain = await follow(alice, jobId, narrator);
  narrator.check('it failed at the draft too', failedAgain.failure?.model_profile, 'accurate');
  narrator.check(
    'the transcript is the new one',
    failedAgain.manifest.transcript_uri === transcript_uri,
    false,
  );

  narrator.step(
    'She goes back to the first profile, which finds its own transcript, although there is a newer one',
  );
  const back = await planUnder('balanced');
  narrator.check('the first transcript is kept', inShort(back), [1, 1, 'gpt-5-mini']);
  const third = await retry('balanced', 'retry-2', back);
  narrator.check(
    'it resumes from the first transcript',
    [third.status, third.body.resume_from_status, third.body.checkpoint_ref],
    [202, 'TRANSCRIPT_READY', transcript_uri],
  );
  await follow(alice, jobId, narrator);

  narrator.step(
    'A third failure; and while she reads the plan for another try, the file of that transcript is deleted',
  );
  const seen = await planUnder('balanced');
  narrator.check('nothing has changed in that plan', seen.body.etag, back.body.etag);
  await artifacts.remove(transcript_uri);
  const stale = await retry('balanced', 'retry-3', seen);
  narrator.check(
    'what she has seen can no longer be done, so nothing is',
    [stale.status, stale.body.error_code],
    [412, 'PLAN_CHANGED'],
  );
  const now = await planUnder('balanced');
  narrator.check('the plan has stepped back to the audio', inShort(now), [
    1,
    'whisper-large-v3',
    'gpt-5-mini',
  ]);
  const fourth = await retry('balanced', 'retry-3', now);
  narrator.check('the retry is accepted', [fourth.status, fourth.body.checkpoint_ref], [202, audio_uri]);
  const done = await follow(alice, jobId, narrator);
  narrator.check('the draft is ready', done.status, 'DRAFT_READY');
  const draft = (await artifacts.read(done.manifest.draft_uri)) ?? '';
  narrator.check('it says itself which model wrote it', /^engine: (.+)$/m.exec(draft)?.[1], 'gpt-5-mini');

  narrator.step('What happened is on record');
  const { items: attempts } = await alice.get(`/jobs/${jobId}/attempts`);
  for (const { dispatch, versions, stages, failure } of attempts.toReversed()) {
    const made =
      versions.map(({ stage, version }: Reply['body']) => `${stage} ${version}`).join(', ') || 'nothing';
    const seconds = stages.reduce((sum: number, run: Reply['body']) => sum + run.duration_seconds, 0);
    narrator.say(
      `      ${dispatch.model_profile.padEnd(9)} made ${made.padEnd(30)} ${seconds.toFixed(1)} s  ${failure?.failure_code ?? dispatch.dispatch_state}`,
    );
  }
  const { items: trail } = await alice.get(`/jobs/${jobId}/transitions`);
  const transcribed = ['TRANSCRIBING', 'TRANSCRIPT_READY'];
  narrator.check(
    'every change of status is recorded once, in order',
    trail.map(({ new_status }: { new_status: string }) => new_status),
    [
      ...['UPLOADED', 'AUDIO_EXTRACTING', 'AUDIO_READY', ...transcribed, 'GENERATING', 'FAILED'],
      ...[...transcribed, 'GENERATING', 'FAILED'],
      ...['GENERATING', 'FAILED'],
      ...[...transcribed, 'GENERATING', 'DRAFT_READY'],
    ],
  );
  const { executions } = await orchestrator.waitFor(jobId, 'idle');
  narrator.check(
    "the orchestrator's own log agrees: exactly four executions, one for each dispatch",
    executions.map(({ resume_from_status, dispatch_id }) => [resume_from_status, dispatch_id]),
    [
      ['UPLOADED', ran.body.dispatch_id],
      ['AUDIO_READY', second.body.dispatch_id],
      ['TRANSCRIPT_READY', third.body.dispatch_id],
      ['AUDIO_READY', fourth.body.dispatch_id],
    ],
  );
  return jobId;
}
