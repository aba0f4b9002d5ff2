// What a project is, and what it knows of its jobs: a summary each, pushed by the job, which is the truth.
import type { Dispatch, DispatchKind } from './dispatch.ts';
import type { Failure, Job } from './job.ts';
import { type Labels, labelsOf } from './labels.ts';

export interface Project {
  id: string;
  owner: string;
  /** Of the request that created it, where that had a key by which it can be repeated. */
  requestDigest: string | null;
  name: string;
  createdAt: number;
  /** When it was erased; null but for what is left of one, which says that it was there. */
  erasedAt: number | null;
}

/** A job as a list shows it. */
export interface JobSummary
  extends Pick<
      Job,
      | 'id'
      | 'projectId'
      | 'status'
      | 'revision'
      | 'createdAt'
      | 'updatedAt'
      | 'latestDispatchAt'
      | 'latestProfile'
    >,
    Labels {
  /** What its pipeline is asked for while a dispatch is open: a retry that was accepted leaves the job failed until it is heard of. */
  openKind: DispatchKind | null;
  /** Of a failed one. */
  failure: Pick<Failure, 'failureCode' | 'failureClass' | 'failedStage'> | null;
}

export function summaryOf(job: Job, open: Dispatch | null): JobSummary {
  const { id, projectId, status, revision, createdAt, updatedAt, latestDispatchAt, latestProfile } = job;
  return {
    ...{ id, projectId, status, revision, createdAt, updatedAt, latestDispatchAt, latestProfile },
    ...labelsOf(job),
    openKind: open?.kind ?? null,
    failure: status === 'FAILED' && job.failure ? failureOf(job.failure) : null,
  };
}

const failureOf = ({ failureCode, failureClass, failedStage }: Failure) => ({
  failureCode,
  failureClass,
  failedStage,
});

/** Whether a list that shows the one shows the other: what moves with every sign of life is not looked at. */
export const isShownAlike = (a: JobSummary, b: JobSummary): boolean =>
  a.status === b.status &&
  a.openKind === b.openKind &&
  a.latestProfile === b.latestProfile &&
  a.externalId === b.externalId &&
  isSame(a.failure, b.failure) &&
  isSame(a.metadata, b.metadata) &&
  isSame(a.tags, b.tags);

const isSame = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

/**
 * Whether `a` was true of the job later than `b`. A dispatch that opens or is withdrawn is no new revision: of those the one
 * that was made last counts, and of one its end.
 */
export function isLater(a: JobSummary, b: JobSummary): boolean {
  if (a.revision !== b.revision) return a.revision > b.revision;
  const [made, madeBefore] = [a.latestDispatchAt ?? 0, b.latestDispatchAt ?? 0];
  if (made !== madeBefore) return made > madeBefore;
  return a.openKind === null && b.openKind !== null;
}

/** Where an item stands in a list that goes by time of creation: what a next page begins after. */
export interface Position {
  createdAt: number;
  id: string;
}
