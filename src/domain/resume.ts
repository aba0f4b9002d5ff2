// Where a retry resumes: a pure function of the recorded checkpoints.
import type { Job } from './job.ts';
import { CHECKPOINT_STATUSES, type ResumeStatus } from './lifecycle.ts';

export interface ResumePoint {
  status: ResumeStatus;
  /** The artifact to resume from: the checkpoint's reference, or the video itself. */
  ref: string;
}

/** The furthest checkpoint, newest version; else the upload; null when there is no video either. */
export function resumePoint(job: Pick<Job, 'checkpoints' | 'manifest'>): ResumePoint | null {
  for (const status of CHECKPOINT_STATUSES.toReversed()) {
    const checkpoint = job.checkpoints[status];
    if (checkpoint) return { status, ref: checkpoint.ref };
  }
  const { videoUri } = job.manifest;
  return videoUri === null ? null : { status: 'UPLOADED', ref: videoUri };
}
