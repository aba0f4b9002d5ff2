// What becomes of a dispatch that Retake did send: answered in time, executed once, resumed where it says.
import { CHECKPOINT_STATUSES, type ResumeStatus } from '../../../src/domain/lifecycle.ts';
import { Finding } from '../finding.ts';
import type { JobUnderTest, Message } from '../job-under-test.ts';
import { describe, inSeconds, isAccepted, refuseOptional, type Scene } from '../scene.ts';
import type { Taken } from '../sender.ts';
import { ARTIFACTS, fencedOffAt, refIn, retryOf } from './fenced.ts';

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
  const job = scene.newJob();
  await executedOnce(scene, job, await job.run());
}

/** Whatever it asks for: of any number of deliveries one is executed. */
export async function executedOnce(scene: Scene, job: JobUnderTest, message: Message): Promise<void> {
  const fix =
    'Keep each Idempotency-Key before the pipeline starts, atomically, and answer a known one without starting another.';
  const before = job.reports.length;
  // While one of two at the same moment is being handled, the other may be told to come again.
  const answers = await Promise.all([scene.sendPatiently(message), scene.sendPatiently(message)]);
  for (const answer of answers) refuseOptional(message, answer);
  refuseRefusals(answers);
  await scene.reportAfter(job, before);
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

async function resumesFrom(scene: Scene, point: ResumeStatus): Promise<void> {
  const job = await fencedOffAt(scene, point);
  const checkpoint = point === 'UPLOADED' ? null : job.checkpoint(point);
  const fix =
    'Begin where resume_from_status says, with checkpoint_ref as the artifact; report what follows from there.';
  const { retry, reports } = await retryOf(job);
  const goesOn = () => reports().some(({ status }) => status !== point);
  await scene.dispatch(retry);
  await scene.comesToRest(job, fix);
  await job.until(goesOn, scene.options.timeoutMs);
  if (!goesOn()) throw new Finding(`nothing followed when a retry resumed from ${point}`, fix);
  if (point === 'UPLOADED' || checkpoint === null) return;
  const remade = reports().some(
    (report) => (refIn(report, ARTIFACTS[point]) ?? checkpoint.ref) !== checkpoint.ref,
  );
  if (remade) throw new Finding(`a retry from ${point} made that artifact once more`, fix);
}
