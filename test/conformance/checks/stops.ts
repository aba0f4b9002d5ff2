// When a pipeline has to stop: it was cancelled, or its reports are refused for good.
import { Finding } from '../finding.ts';
import type { Answer } from '../job-under-test.ts';
import { describe, isAccepted, type Scene } from '../scene.ts';

export async function onCancel(scene: Scene): Promise<void> {
  const fix =
    'On job.cancel, stop the pipeline of that dispatch_id; it looks for that before each stage at the latest.';
  const job = scene.newJob();
  const run = await job.run();
  // The pipeline waits for this answer, so that the cancel finds it at work, however fast it is.
  const cancelled = Promise.withResolvers<void>();
  job.respond = async (_report, decide) => {
    const answer = decide();
    await cancelled.promise;
    return answer;
  };
  let reported: number;
  try {
    const { executionId } = await scene.dispatch(run);
    await scene.reportAfter(job, 0);
    const notice = job.cancel(run, executionId);
    await scene.dispatch(notice);
    const again = await scene.send(notice);
    if (!isAccepted(again)) {
      throw new Finding(`a repeated job.cancel ${describe(again)}`, 'Answer it 2xx, like the first.');
    }
    reported = job.reports.length;
    // Accepting what comes now: it is the cancel that has to stop the pipeline, not a refusal.
    job.respond = () => ({ status: 204 });
  } finally {
    cancelled.resolve();
  }
  // One report may have been on its way.
  const later = await scene.listen(job, reported, 2);
  if (later.length > 1) throw new Finding('the pipeline went on after job.cancel was answered', fix);
}

export async function onEarlyCancel(scene: Scene): Promise<void> {
  const fix =
    'Remember the dispatch_id of a job.cancel even if it is unknown, and do not execute it when it arrives.';
  const job = scene.newJob();
  const run = await job.run();
  await scene.dispatch(job.cancel(run, null));
  await scene.send(run);
  const reports = await scene.listen(job, 0);
  if (reports.length > 0)
    throw new Finding('a dispatch that had been cancelled before it came was executed', fix);
}

export async function onConflict(scene: Scene): Promise<void> {
  await Promise.all([
    stopsAfter(scene, { status: 409, errorCode: 'DISPATCH_NOT_CURRENT' }),
    stopsAfter(scene, { status: 409, errorCode: 'FSM_TERMINAL_IMMUTABLE' }),
    stopsAfter(scene, { status: 409, errorCode: 'MANIFEST_FULL' }),
    stopsAfter(scene, { status: 409, errorCode: 'REPORTS_EXHAUSTED' }),
  ]);
}

export function onUnauthenticated(scene: Scene): Promise<void> {
  return stopsAfter(scene, { status: 401, errorCode: 'UNAUTHENTICATED' });
}

async function stopsAfter(scene: Scene, answer: Exclude<Answer, 'drop'>): Promise<void> {
  const job = scene.newJob();
  job.respond = () => answer;
  await scene.dispatch(await job.run());
  await scene.reportAfter(job, 0);
  const [next] = await scene.listen(job, 1);
  if (!next) return;
  throw new Finding(
    `a report was answered ${answer.status} ${answer.errorCode}, and ${next.body?.status ?? 'another'} followed`,
    'Look at the status of each answer: 401 and 409 end the pipeline at once, without a further report.',
  );
}
