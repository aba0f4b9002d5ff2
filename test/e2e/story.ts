// The story that Retake exists for, played over HTTP: a failed job is retried from its checkpoint, once.
import type { Editor } from '../support/editor.ts';
import type { OrchestratorClient } from '../support/orchestrator/client.ts';
import type { Narrator } from './narrator.ts';

/** Throws `NotAsTold` at the first fact that does not hold. */
export async function playStory(
  alice: Editor,
  orchestrator: OrchestratorClient,
  narrator: Narrator,
): Promise<void> {
  const follow = async () => {
    const progress = narrator.progress();
    const job = await alice.settledJob(jobId, ({ status }) => progress.see(status));
    progress.end();
    return job;
  };

  narrator.step('Alice makes a project, and a job in it');
  const project = await alice.call('POST', '/projects', { name: 'Interviews' });
  narrator.http('POST /projects', project, ['id', 'name']);
  narrator.check('the project is made', project.status, 201);
  const created = await alice.call('POST', `/projects/${project.body.id}/jobs`);
  narrator.http('POST /projects/{projectId}/jobs', created, ['id', 'status']);
  narrator.check('the job is made', [created.status, created.body.status], [201, 'CREATED']);
  const jobId: string = created.body.id;

  narrator.step('She has uploaded the video, and says where it is');
  const video_uri = 's3://videos/interview.mp4';
  const confirmed = await alice.call('POST', `/jobs/${jobId}/confirm-upload`, { video_uri });
  narrator.http('POST /jobs/{jobId}/confirm-upload', confirmed, ['job.status', 'job.manifest.video_uri']);
  narrator.check('the video is confirmed', confirmed.body.job?.status, 'UPLOADED');

  narrator.step('She runs the pipeline; today the transcription will fail');
  await orchestrator.plan(jobId, { pipeline: { fail_at: 'TRANSCRIBING' } });
  const ran = await alice.run(jobId);
  narrator.http('POST /jobs/{jobId}/run', ran, ['status', 'dispatch_id', 'dispatch_state']);
  narrator.check('the orchestrator took the dispatch', ran.status, 202);
  const failed = await follow();
  narrator.say(`      ${failed.failure?.failure_code} while ${failed.failure?.failed_stage}`);
  narrator.check('the job failed while transcribing', failed.failure?.failed_stage, 'TRANSCRIBING');
  const { audio_uri } = failed.manifest;
  narrator.check('the audio it had extracted by then is kept', typeof audio_uri, 'string');

  narrator.step('She retries with a profile that may not resume from here');
  const refused = await alice.retry(jobId, { model_profile: 'draft-only', client_request_id: 'retry-0' });
  narrator.http('POST /jobs/{jobId}/retry  model_profile: draft-only', refused, [
    'error_code',
    'details.reason',
    'details.allowed_model_profiles',
  ]);
  narrator.check(
    'the model policy refuses it',
    [refused.status, refused.body.error_code],
    [409, 'MODEL_PROFILE_NOT_ALLOWED'],
  );
  narrator.check('and says which profiles are allowed', refused.body.details?.allowed_model_profiles, [
    'balanced',
    'accurate',
  ]);
  narrator.check('nothing about the job changed', await alice.get(`/jobs/${jobId}`), failed);

  narrator.step('She retries with an allowed profile');
  const request = { model_profile: 'accurate', client_request_id: 'retry-1' };
  const accepted = await alice.retry(jobId, request);
  narrator.http('POST /jobs/{jobId}/retry  model_profile: accurate', accepted, [
    'status',
    'resume_from_status',
    'checkpoint_ref',
    'dispatch_id',
    'replayed',
  ]);
  narrator.check('the retry is accepted', [accepted.status, accepted.body.replayed], [202, false]);
  narrator.check(
    'it resumes from the furthest checkpoint, not from the start',
    [accepted.body.resume_from_status, accepted.body.checkpoint_ref],
    ['AUDIO_READY', audio_uri],
  );

  narrator.step('Her network stutters, and the same request is sent again');
  const repeated = await alice.retry(jobId, request);
  narrator.http('POST /jobs/{jobId}/retry  the same client_request_id', repeated, [
    'dispatch_id',
    'replayed',
  ]);
  narrator.check(
    'it is answered with the same dispatch, and nothing is dispatched anew',
    [repeated.status, repeated.body.replayed, repeated.body.dispatch_id],
    [200, true, accepted.body.dispatch_id],
  );

  narrator.step('The pipeline goes on from the checkpoint');
  const done = await follow();
  narrator.check('the draft is ready', done.status, 'DRAFT_READY');
  narrator.check('the audio is still the one of the first execution', done.manifest.audio_uri, audio_uri);

  narrator.step('What happened is on record');
  const { items } = await alice.get(`/jobs/${jobId}/transitions`);
  for (const { actor_type, prev_status, new_status, dispatch_id } of items) {
    const by = dispatch_id === accepted.body.dispatch_id ? 'retry' : dispatch_id ? 'run' : '';
    narrator.say(`      ${actor_type.padEnd(12)} ${prev_status.padEnd(16)} → ${new_status.padEnd(16)} ${by}`);
  }
  narrator.check(
    'every change of status is recorded once, in order',
    items.map(({ new_status }: { new_status: string }) => new_status),
    [
      ...['UPLOADED', 'AUDIO_EXTRACTING', 'AUDIO_READY', 'TRANSCRIBING', 'FAILED'],
      ...['TRANSCRIBING', 'TRANSCRIPT_READY', 'GENERATING', 'DRAFT_READY'],
    ],
  );

  narrator.step("The orchestrator's own log agrees");
  const { executions } = await orchestrator.waitFor(jobId, 'idle');
  for (const { type, resume_from_status, state } of executions) {
    narrator.say(`      ${type.padEnd(9)} from ${resume_from_status.padEnd(11)} ${state}`);
  }
  narrator.check(
    'exactly two executions: the run and one retry',
    executions.map(({ type, state, dispatch_id }) => ({ type, state, dispatch_id })),
    [
      { type: 'job.run', state: 'failed', dispatch_id: ran.body.dispatch_id },
      { type: 'job.retry', state: 'finished', dispatch_id: accepted.body.dispatch_id },
    ],
  );
}
