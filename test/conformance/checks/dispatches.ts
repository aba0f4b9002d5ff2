// What becomes of a dispatch that Retake did send: answered in time, executed once, resumed where it says.
import { CHECKPOINT_STATUSES, type ResumeStatus } from '../../../src/domain/lifecycle.ts';
import { Finding } from '../finding.ts';
import type { Answer } from '../job-under-test.ts';
import { describe, inSeconds, isAccepted, type Scene } from '../scene.ts';
import type { Taken } from '../sender.ts';

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
  // While one of two at the same moment is being handled, the other may be told to come again.
  const answers = await Promise.all([scene.sendPatiently(message), scene.sendPatiently(message)]);
  refuseRefusals(answers);
  await scene.reportAfter(job, 0);
  answers.push(await scene.send(message));
  await scene.comesToRest(job, fix);
  const seen = job.reports.length;
  answers.push(await scene.send(message));

  refuseRefusals(answers);
  const executions = new Set(answers.flatMap(({ executionId }) => executionId ?? []));
  if (executions.size > 1) {
    throw new Finding(`one key was given ${executions.size} different execution_ids`, fix);
  }
  const later = await scene.listen(job, seen);
  if (later.length > 0) throw new Finding('a repeat after the end of the pipeline started another', fix);
}

function refuseRefusals(answers: readonly Taken[]): void {
  const refused = answers.find((answer) => !isAccepted(answer));
  if (!refused) return;
  throw new Finding(
    `a repeated dispatch ${describe(refused)}`,
    'Answer a known key like the first. 409 or 423 is right only while the first request with it is being handled.',
  );
}

export async function resumesFromCheckpoint(scene: Scene): Promise<void> {
  await Promise.all(CHECKPOINT_STATUSES.map((checkpoint) => resumesFrom(scene, checkpoint)));
}

/** A pipeline that was never heard has left nothing to go on from but the video. */
export function resumesFromUpload(scene: Scene): Promise<void> {
  return resumesFrom(scene, 'UPLOADED');
}

const NOT_CURRENT: Answer = { status: 409, errorCode: 'DISPATCH_NOT_CURRENT' };
const ARTIFACTS = {
  AUDIO_READY: 'audio_uri',
  TRANSCRIPT_READY: 'transcript_uri',
  DRAFT_READY: 'draft_uri',
} as const;

async function resumesFrom(scene: Scene, point: ResumeStatus): Promise<void> {
  const job = scene.newJob();
  const run = await job.run();
  // The first pipeline is fenced off when it is there, so that its own artifact is what the retry goes on with.
  job.respond = (report, decide) => {
    if (job.status === 'FAILED') return NOT_CURRENT;
    const answer = point === 'UPLOADED' ? NOT_CURRENT : decide();
    if (point === 'UPLOADED' || report.body?.status === point) job.timeOut();
    return answer;
  };
  await scene.dispatch(run);
  await scene.comesToRest(job);
  const checkpoint = point === 'UPLOADED' ? null : job.checkpoint(point);
  if (point !== 'UPLOADED' && checkpoint === null) {
    throw new Finding(
      `${point} came without artifact_updates.${ARTIFACTS[point]}, so that there is nothing to resume from`,
      'Report each checkpoint status together with the URI of its artifact.',
    );
  }

  const fix =
    'Begin where resume_from_status says, with checkpoint_ref as the artifact; report what follows from there.';
  const retry = await job.retry();
  job.respond = (report, decide) => (report.dispatchId === run.dispatch_id ? NOT_CURRENT : decide());
  const reported = () =>
    job.reports.flatMap(({ dispatchId, body }) => (dispatchId === retry.dispatch_id && body ? [body] : []));
  const goesOn = () => reported().some(({ status }) => status !== point);
  await scene.dispatch(retry);
  await scene.comesToRest(job, fix);
  await job.until(goesOn, scene.options.timeoutMs);
  if (!goesOn()) throw new Finding(`nothing followed when a retry resumed from ${point}`, fix);
  if (point === 'UPLOADED') return;
  const remade = reported().some(({ artifact_updates: artifacts }) => {
    const uri = (artifacts as Record<string, unknown> | null | undefined)?.[ARTIFACTS[point]];
    return uri != null && uri !== checkpoint?.ref;
  });
  if (remade) throw new Finding(`a retry from ${point} made that artifact once more`, fix);
}
