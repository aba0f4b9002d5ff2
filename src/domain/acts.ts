// The table of what an editor can ask a pipeline for: a row for each kind of dispatch says where its pipeline starts and
// which jobs it is refused to. dispatching.ts goes by it.
import { refuseTransition } from './decision.ts';
import type { DispatchKind } from './dispatch.ts';
import type { Job } from './job.ts';
import type { Status } from './lifecycle.ts';
import type { Rejection } from './rejection.ts';
import { type ResumePoint, resumePoint } from './resume.ts';

interface Act {
  /** Where its pipeline would start; null when there is nothing to start from. */
  startsFrom(job: Job): ResumePoint | null;
  /** The status that a caller who is refused is told of as attempted. */
  attempts(start: ResumePoint | null): Status;
  /** Why it is refused to a job on which no pipeline is at work; null when it is not. */
  refuse(job: Job, start: ResumePoint | null): Rejection | null;
}

/** Without anything to start from it would be the upload. */
const startStatus = (start: ResumePoint | null): Status => start?.status ?? 'UPLOADED';

export const ACTS: Readonly<Record<DispatchKind, Act>> = {
  run: {
    startsFrom: ({ manifest: { videoUri } }) =>
      videoUri === null ? null : { status: 'UPLOADED', ref: videoUri },
    attempts: () => 'AUDIO_EXTRACTING',
    refuse: ({ status }) => refuseTransition(status, 'AUDIO_EXTRACTING', 'system'),
  },
  retry: {
    startsFrom: resumePoint,
    attempts: startStatus,
    refuse: (job, start) => (job.status === 'FAILED' ? null : retryNotAllowed(job, start, 'not_failed')),
  },
};

export const retryNotAllowed = (
  { status }: Job,
  start: ResumePoint | null,
  reason: Extract<Rejection, { code: 'RETRY_NOT_ALLOWED_STATE' }>['reason'],
): Rejection => ({
  code: 'RETRY_NOT_ALLOWED_STATE',
  currentStatus: status,
  attemptedStatus: startStatus(start),
  reason,
});
