// What the checks of later dispatches begin with: a job whose first pipeline came to a point, or to its end, and was fenced
// off there; and the one pipeline that is listened to then.
import {
  CHECKPOINT_STATUSES,
  type CheckpointStatus,
  type ResumeStatus,
} from '../../../src/domain/lifecycle.ts';
import { Finding } from '../finding.ts';
import type { Answer, JobUnderTest, Report, Work } from '../job-under-test.ts';
import type { Scene } from '../scene.ts';

export const ARTIFACTS = {
  AUDIO_READY: 'audio_uri',
  TRANSCRIPT_READY: 'transcript_uri',
  DRAFT_READY: 'draft_uri',
} as const satisfies Record<CheckpointStatus, string>;

export const NOT_CURRENT: Answer = { status: 409, errorCode: 'DISPATCH_NOT_CURRENT' };

/** The first pipeline is fenced off when it is there, so that its own artifact is what the retry goes on with. */
export async function fencedOffAt(scene: Scene, point: ResumeStatus): Promise<JobUnderTest> {
  const job = scene.newJob();
  const run = await job.run();
  job.respond = (report, decide) => {
    if (job.status === 'FAILED') return NOT_CURRENT;
    const answer = point === 'UPLOADED' ? NOT_CURRENT : decide();
    if (point === 'UPLOADED' || report.body?.status === point) job.timeOut();
    return answer;
  };
  await scene.dispatch(run);
  await scene.comesToRest(job);
  if (point !== 'UPLOADED') requireArtifact(job, point);
  return job;
}

/** Its draft is there, and its pipeline is not listened to any more. */
export async function finishedJob(scene: Scene): Promise<JobUnderTest> {
  const job = scene.newJob();
  job.respond = (_report, decide) => (job.isOver ? NOT_CURRENT : decide());
  await scene.dispatch(await job.run());
  await scene.comesToRest(job);
  for (const checkpoint of CHECKPOINT_STATUSES) requireArtifact(job, checkpoint);
  return job;
}

function requireArtifact(job: JobUnderTest, checkpoint: CheckpointStatus): void {
  if (job.checkpoint(checkpoint) !== null) return;
  throw new Finding(
    `${checkpoint} came without artifact_updates.${ARTIFACTS[checkpoint]}, so that there is nothing to resume from`,
    'Report each checkpoint status together with the URI of its artifact.',
  );
}

export type Body = NonNullable<Report['body']>;

/** A retry of such a job, ready to be sent; `reports` are what its own pipeline has reported so far. */
export async function retryOf(
  job: JobUnderTest,
  resumeFrom: ResumeStatus | null = null,
): Promise<{ retry: Work; reports: () => Body[] }> {
  const retry = await job.retry(resumeFrom);
  return { retry, reports: hearOnly(job, retry) };
}

/** From now on this dispatch's pipeline alone; returns what it has reported so far. */
export function hearOnly(job: JobUnderTest, { dispatch_id }: Work): () => Body[] {
  job.respond = (report, decide) => (report.dispatchId === dispatch_id ? decide() : NOT_CURRENT);
  return () =>
    job.reports.flatMap(({ dispatchId, body }) => (dispatchId === dispatch_id && body ? [body] : []));
}

/** The formats that a report names exports for. */
export function exportsIn({ artifact_updates: updates }: Body): string[] {
  const { exports } = (updates ?? {}) as { exports?: unknown };
  return typeof exports === 'object' && exports !== null ? Object.keys(exports) : [];
}

/** What a report says of one artifact; null for nothing. */
export function refIn(report: Body, name: string): string | null {
  const ref = (report.artifact_updates as Record<string, unknown> | null | undefined)?.[name];
  return typeof ref === 'string' ? ref : null;
}
