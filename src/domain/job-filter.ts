// Which jobs of a project somebody looks for: what a list, a count and a bulk retry mean by the same words.
import type { FailureClass } from './failures.ts';
import { STATUSES, type Status } from './lifecycle.ts';
import type { JobSummary } from './project.ts';

/** All that is named has to hold; null, or an empty list, asks for nothing. */
export interface JobFilter {
  /** Any of these. */
  statuses: readonly Status[];
  /** Of a failed job, as are the next two: what has been worked on again since has no failure any more. */
  failureClass: FailureClass | null;
  failureCode: string | null;
  failedStage: string | null;
  /** Of the pipeline that moved it last. */
  modelProfile: string | null;
  tag: string | null;
  externalId: string | null;
  /** Changed at this time or later, in epoch milliseconds. */
  updatedAfter: number | null;
  /** Changed before this time. */
  updatedBefore: number | null;
}

export const EVERY_JOB: JobFilter = {
  statuses: [],
  failureClass: null,
  failureCode: null,
  failedStage: null,
  modelProfile: null,
  tag: null,
  externalId: null,
  updatedAfter: null,
  updatedBefore: null,
};

export function matches(job: JobSummary, filter: JobFilter): boolean {
  const { statuses, failureClass, failureCode, failedStage, modelProfile, tag, externalId } = filter;
  const isOrAny = <T>(wanted: T | null, is: T | null | undefined) => wanted === null || wanted === is;
  return (
    (statuses.length === 0 || statuses.includes(job.status)) &&
    isOrAny(failureClass, job.failure?.failureClass) &&
    isOrAny(failureCode, job.failure?.failureCode) &&
    isOrAny(failedStage, job.failure?.failedStage) &&
    isOrAny(modelProfile, job.latestProfile) &&
    isOrAny(externalId, job.externalId) &&
    (tag === null || job.tags.includes(tag)) &&
    (filter.updatedAfter === null || job.updatedAt >= filter.updatedAfter) &&
    (filter.updatedBefore === null || job.updatedAt < filter.updatedBefore)
  );
}

/** In which statuses a job can be that matches: nowhere else does it have to be looked for. */
export function statusesOf({
  statuses,
  failureClass,
  failureCode,
  failedStage,
}: JobFilter): readonly Status[] {
  const asked = statuses.length === 0 ? STATUSES : STATUSES.filter((status) => statuses.includes(status));
  const isOfFailure = failureClass !== null || failureCode !== null || failedStage !== null;
  return isOfFailure ? asked.filter((status) => status === 'FAILED') : asked;
}
