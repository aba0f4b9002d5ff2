// What the checks of retries begin with: a job whose first pipeline came to a point and was fenced off there, and its retry.
import type { CheckpointStatus, ResumeStatus } from '../../../src/domain/lifecycle.ts';
import { Finding } from '../finding.ts';
import type { Answer, JobUnderTest, Report, Work } from '../job-under-test.ts';
import type { Scene } from '../scene.ts';

export const ARTIFACTS = {
  AUDIO_READY: 'audio_uri',
  TRANSCRIPT_READY: 'transcript_uri',
  DRAFT_READY: 'draft_uri',
} as const satisfies Record<CheckpointStatus, string>;

const NOT_CURRENT: Answer = { status: 409, errorCode: 'DISPATCH_NOT_CURRENT' };

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
  if (point !== 'UPLOADED' && job.checkpoint(point) === null) {
    throw new Finding(
      `${point} came without artifact_updates.${ARTIFACTS[point]}, so that there is nothing to resume from`,
      'Report each checkpoint status together with the URI of its artifact.',
    );
  }
  return job;
}

/** A retry of such a job, ready to be sent; `reports` are what its own pipeline has reported so far. */
export async function retryOf(
  job: JobUnderTest,
  resumeFrom: ResumeStatus | null = null,
): Promise<{ retry: Work; reports: () => NonNullable<Report['body']>[] }> {
  const retry = await job.retry(resumeFrom);
  job.respond = (report, decide) => (report.dispatchId === retry.dispatch_id ? decide() : NOT_CURRENT);
  const reports = () =>
    job.reports.flatMap(({ dispatchId, body }) => (dispatchId === retry.dispatch_id && body ? [body] : []));
  return { retry, reports };
}

/** What a report says of one artifact; null for nothing. */
export function refIn(report: NonNullable<Report['body']>, name: string): string | null {
  const ref = (report.artifact_updates as Record<string, unknown> | null | undefined)?.[name];
  return typeof ref === 'string' ? ref : null;
}
