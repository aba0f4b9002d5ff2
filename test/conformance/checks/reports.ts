// What the pipeline reports: well-formed, in order, often enough, until it was heard, and its failures too.
import { isCheckpoint } from '../../../src/domain/lifecycle.ts';
import { Finding } from '../finding.ts';
import type { Answer, JobUnderTest } from '../job-under-test.ts';
import { inSeconds, type Scene } from '../scene.ts';

export async function byContract(scene: Scene): Promise<void> {
  const job = scene.newJob();
  await scene.dispatch(await job.run());
  await scene.comesToRest(job);
  for (const { body } of job.reports) {
    if (!body || !isCheckpoint(body.status) || job.checkpoint(body.status)) continue;
    throw new Finding(
      `${body.status} came without its artifact`,
      'Send the URI in artifact_updates: audio_uri, transcript_uri or draft_uri. A retry resumes from it.',
    );
  }
}

export async function signsOfLife(scene: Scene): Promise<void> {
  const { heartbeatMs } = scene.options;
  const job = scene.newJob();
  await scene.dispatch(await job.run());
  let heard = 0;
  while (!job.isOver) {
    const alive = await job.until(() => job.isOver || job.reports.length > heard, heartbeatMs);
    scene.refuseFlaws(job);
    if (!alive) {
      throw new Finding(
        `nothing was heard for ${inSeconds(heartbeatMs)} with the job at ${job.status}`,
        'Repeat the in-progress status as a heartbeat while a stage works. --heartbeat sets the limit for this check.',
      );
    }
    heard = job.reports.length;
  }
  await scene.comesToRest(job);
}

export async function repeatsUnanswered(scene: Scene): Promise<void> {
  const job = scene.newJob();
  const faults: Answer[] = [{ status: 503 }, 'drop', { status: 429 }];
  const met = new Set<string>();
  job.respond = ({ body }, decide) => {
    const fault = body && !met.has(body.event_id) ? faults.shift() : undefined;
    if (!body || !fault) return decide();
    met.add(body.event_id);
    // The dropped one was applied: the pipeline can't know, and its repeat is a replay.
    if (fault === 'drop') decide();
    return fault;
  };
  await scene.dispatch(await job.run());
  await isRepeated(scene, job, 0, 'answered 503');
  await isRepeated(scene, job, 2, 'not answered: its connection was closed');
  await isRepeated(scene, job, 4, 'answered 429');
  await scene.comesToRest(job);
}

export async function dropsRefused(scene: Scene): Promise<void> {
  const isDropped = async (how: string, answer: Answer): Promise<void> => {
    const job = scene.newJob();
    job.respond = (report, decide) => {
      if (report !== job.reports[0]) return decide();
      // As if a newer one had been applied: what follows is taken.
      decide();
      return answer;
    };
    await scene.dispatch(await job.run());
    const first = await scene.reportAfter(job, 0);
    const isRepeated = () =>
      job.reports.some((report) => report !== first && report.body?.event_id === first.body?.event_id);
    if (!(await job.until(isRepeated, scene.options.heartbeatMs))) return;
    throw new Finding(
      `a report was answered ${how}, and was sent again`,
      'Repeat a report only after 5xx, 429 or no answer at all; any other refusal is an answer.',
    );
  };
  await Promise.all([
    isDropped('400', { status: 400, errorCode: 'VALIDATION_ERROR' }),
    isDropped('409 CALLBACK_OUT_OF_ORDER', { status: 409, errorCode: 'CALLBACK_OUT_OF_ORDER' }),
  ]);
}

async function isRepeated(scene: Scene, job: JobUnderTest, index: number, how: string): Promise<void> {
  const fix =
    'Send the very same body again, under the same event_id, with growing pauses, until there is an answer.';
  const first = await scene.reportAfter(job, index);
  const second = await scene.reportAfter(job, index + 1, fix);
  if (second.body?.event_id !== first.body?.event_id) {
    throw new Finding(`a report was ${how}; a new one followed instead of its repeat`, fix);
  }
  if (second.digest !== first.digest) {
    throw new Finding(`a report was ${how}; its repeat bears the same event_id with another payload`, fix);
  }
}

export async function failure(scene: Scene): Promise<void> {
  const { failingVideoUri, timeoutMs } = scene.options;
  const fix = 'Report FAILED with a failure_code from the failure branch of every stage, and end there.';
  const job = scene.newJob(failingVideoUri);
  await scene.dispatch(await job.run());
  const ended = await job.until(() => job.isOver, timeoutMs);
  scene.refuseFlaws(job);
  if (!ended) throw new Finding(`no FAILED came within ${inSeconds(timeoutMs)} for ${failingVideoUri}`, fix);
  if (job.status !== 'FAILED') {
    throw new Finding(`${failingVideoUri} can't be read, yet the job reached ${job.status}`, fix);
  }
  const later = await scene.listen(job, job.reports.length);
  const [next] = later;
  if (next) throw new Finding(`${next.body?.status ?? 'another report'} came after FAILED`, fix);
}
