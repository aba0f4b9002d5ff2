// What becomes of a dispatch that Retake did send: answered in time, executed once, resumed where it says.
import { Finding } from '../finding.ts';
import { describe, inSeconds, isAccepted, type Scene } from '../scene.ts';

export async function answersInTime(scene: Scene): Promise<void> {
  const { answerWithinMs } = scene.options;
  const { elapsedMs } = await scene.dispatch(await scene.newJob().run());
  if (elapsedMs <= answerWithinMs) return;
  throw new Finding(
    `the answer took ${inSeconds(elapsedMs)}; Retake waits ${inSeconds(answerWithinMs)}`,
    'Answer as soon as the dispatch is stored, before the pipeline works (in n8n: Respond to Webhook comes first).',
  );
}

export async function executesOnce(scene: Scene): Promise<void> {
  const fix =
    'Keep each Idempotency-Key before the pipeline starts, atomically, and answer a known one without starting another.';
  const job = scene.newJob();
  const message = await job.run();
  const answers = await Promise.all([scene.dispatch(message), scene.send(message)]);
  await scene.reportAfter(job, 0);
  answers.push(await scene.send(message));
  await scene.comesToRest(job, fix);
  const seen = job.reports.length;
  answers.push(await scene.send(message));

  const refused = answers.find((answer) => !isAccepted(answer));
  if (refused)
    throw new Finding(`a repeated dispatch ${describe(refused)}`, 'Answer a known key like the first.');
  const executions = new Set(answers.flatMap(({ executionId }) => executionId ?? []));
  if (executions.size > 1) {
    throw new Finding(`one key was given ${executions.size} different execution_ids`, fix);
  }
  const later = await scene.listen(job, seen);
  if (later.length > 0) throw new Finding('a repeat after the end of the pipeline started another', fix);
}

export async function resumes(scene: Scene): Promise<void> {
  const job = scene.newJob();
  const run = await job.run();
  // The first pipeline is fenced off at its first checkpoint, so that its own artifact is what the retry goes on with.
  job.respond = (report, decide) => {
    if (job.checkpoint('AUDIO_READY')) return { status: 409, errorCode: 'DISPATCH_NOT_CURRENT' };
    const answer = decide();
    if (report.body?.status === 'AUDIO_READY') job.timeOut();
    return answer;
  };
  await scene.dispatch(run);
  await scene.comesToRest(job);
  const checkpoint = job.checkpoint('AUDIO_READY');
  if (!checkpoint) {
    throw new Finding(
      'AUDIO_READY came without artifact_updates.audio_uri, so that there is nothing to resume from',
      'Report each checkpoint status together with the URI of its artifact.',
    );
  }

  const retry = await job.retry();
  job.respond = (report, decide) =>
    report.dispatchId === run.dispatch_id ? { status: 409, errorCode: 'DISPATCH_NOT_CURRENT' } : decide();
  await scene.dispatch(retry);
  const fix =
    'Begin where resume_from_status says, with checkpoint_ref as the artifact; report what follows from there.';
  await scene.comesToRest(job, fix);
  const restated = job.reports.find(
    ({ dispatchId, body }) => dispatchId === retry.dispatch_id && body?.artifact_updates?.audio_uri != null,
  );
  const audioUri = restated?.body?.artifact_updates?.audio_uri ?? checkpoint.ref;
  if (audioUri !== checkpoint.ref) throw new Finding('a retry from AUDIO_READY made another audio', fix);
}
