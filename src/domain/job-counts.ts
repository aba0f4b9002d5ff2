// How many jobs of a project are where: by status, and the failed ones by the kind of their failure.
import { FAILURE_CLASSES, type FailureClass } from './failures.ts';
import { STATUSES, type Status } from './lifecycle.ts';
import type { JobSummary } from './project.ts';

export interface JobCounts {
  statuses: Record<Status, number>;
  failureClasses: Record<FailureClass, number>;
}

export const noJobs = (): JobCounts => ({
  statuses: zeros(STATUSES),
  failureClasses: zeros(FAILURE_CLASSES),
});

export const jobsIn = ({ statuses }: JobCounts): number =>
  Object.values(statuses).reduce((sum, jobs) => sum + jobs, 0);

/** Counts this many jobs that are as this one is; a negative number takes them out. */
export function count(counts: JobCounts, { status, failure }: Counted, jobs: number): void {
  counts.statuses[status] += jobs;
  if (failure) counts.failureClasses[failure.failureClass] += jobs;
}

/** What of a job is counted. */
export interface Counted extends Pick<JobSummary, 'status'> {
  failure: { failureClass: FailureClass } | null;
}

const zeros = <Word extends string>(words: readonly Word[]) =>
  Object.fromEntries(words.map((word) => [word, 0])) as Record<Word, number>;
