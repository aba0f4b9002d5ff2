// The table of what an editor can ask a pipeline for: a row for each kind of dispatch says where its pipeline starts at the
// furthest and which jobs it is refused to. plan.ts goes by it.
import { refuseTransition } from './decision.ts';
import type { DispatchKind } from './dispatch.ts';
import type { Job } from './job.ts';
import type { ResumeStatus, Status } from './lifecycle.ts';
import type { Rejection } from './rejection.ts';

interface Act {
  /** How far it may resume; `UPLOADED` for one that begins at the beginning. */
  upTo: ResumeStatus;
  /** The status that a caller who is refused is told of as attempted, where it would start from `start`. */
  attempts(start: ResumeStatus): Status;
  /** Why it is refused to a job on which no pipeline is at work; null when it is not. */
  refuse(job: Job, start: ResumeStatus): Rejection | null;
}

export const ACTS: Readonly<Record<DispatchKind, Act>> = {
  run: {
    upTo: 'UPLOADED',
    attempts: () => 'AUDIO_EXTRACTING',
    refuse: ({ status }) => refuseTransition(status, 'AUDIO_EXTRACTING', 'system'),
  },
  retry: {
    upTo: 'DRAFT_READY',
    attempts: (start) => start,
    refuse: (job, start) => (job.status === 'FAILED' ? null : retryNotAllowed(job, start, 'not_failed')),
  },
};

export const retryNotAllowed = (
  { status }: Job,
  start: ResumeStatus,
  reason: Extract<Rejection, { code: 'RETRY_NOT_ALLOWED_STATE' }>['reason'],
): Rejection => ({
  code: 'RETRY_NOT_ALLOWED_STATE',
  currentStatus: status,
  attemptedStatus: start,
  reason,
});
