// A failed job is retried by itself, where the settings say so: when, how often, and what ends it. Whether it may be by then, and what
// is done, is planned as for an editor (plan.ts); the dispatch is opened where theirs are (dispatching.ts).
import type { Dispatch } from './dispatch.ts';
import type { Evidence } from './evidence.ts';
import type { FailureClass } from './failures.ts';
import type { Failure, Job } from './job.ts';
import type { PlanRequest } from './plan.ts';
import type { Rejection } from './rejection.ts';
import type { AutoRetry, Rules } from './rules.ts';

/** What a job knows of its retries by themselves since an editor last had a pipeline. */
export interface Automatic {
  /** Of the attempt that failed: the next one is under the same. */
  modelProfile: string;
  /** Likewise, by which the attempts are known as one story. */
  correlationId: string;
  failureClass: FailureClass;
  /** How many the orchestrator has had. */
  made: number;
  /** How many it has not had since: they count for the pause alone. */
  undelivered: number;
}

/** No orchestrator puts the next one off for longer: a report cannot either. */
const LONGEST_WISH_MS = 7 * 86_400_000;

/** What changes of a job, which changes nothing that counts as a revision: as with a dispatch, it is what is to come. */
type Scheduled = Partial<Pick<Job, 'nextRetryAt' | 'automatic'>>;

/** Nothing is to come: an editor has come first, or it is refused. */
export const CALLED_OFF = { nextRetryAt: null } as const satisfies Scheduled;

/** The pipeline of this dispatch has failed so, and its job with it or before. */
export function afterFailure(
  { automatic }: Job,
  { modelProfile, correlationId }: Pick<Dispatch, 'modelProfile' | 'correlationId'>,
  { failureClass, retryAt }: Pick<Failure, 'failureClass' | 'retryAt'>,
  { autoRetry }: Pick<Rules, 'autoRetry'>,
  now: number,
): Scheduled {
  const made = automatic?.made ?? 0;
  if (made >= mostAfter(failureClass, autoRetry)) return CALLED_OFF;
  return {
    nextRetryAt: Math.max(now + pauseMs(autoRetry, made), retryAt ?? 0),
    automatic: { modelProfile, correlationId, failureClass, made, undelivered: 0 },
  };
}

/** The orchestrator has the dispatch: one that was made by itself counts, and with an editor's all begins anew. */
export function afterDelivery(
  { nextRetryAt, automatic }: Job,
  { isAutomatic }: Pick<Dispatch, 'isAutomatic'>,
): Scheduled {
  if (nextRetryAt === null && automatic === null) return {};
  if (!isAutomatic || automatic === null) return { ...CALLED_OFF, automatic: null };
  return { ...CALLED_OFF, automatic: { ...automatic, made: automatic.made + 1, undelivered: 0 } };
}

/**
 * The orchestrator has not got the dispatch. An editor's leaves everything as it was, a retry that is to come included. One that
 * was made by itself is made again after a longer pause, or when the orchestrator has asked for it, unless that has refused it for good.
 */
export function afterWithdrawal(
  { automatic }: Job,
  { isAutomatic, wasRefused, retryAfterAt }: Pick<Dispatch, 'isAutomatic' | 'wasRefused' | 'retryAfterAt'>,
  { autoRetry }: Pick<Rules, 'autoRetry'>,
  now: number,
): Scheduled {
  if (!isAutomatic || automatic === null) return {};
  if (wasRefused) return CALLED_OFF;
  const undelivered = automatic.undelivered + 1;
  const wish = Math.min(retryAfterAt ?? 0, now + LONGEST_WISH_MS);
  return {
    nextRetryAt: Math.max(now + pauseMs(autoRetry, automatic.made + undelivered), wish),
    automatic: { ...automatic, undelivered },
  };
}

/** When the job is retried by itself; null for not at all, or while it is decided by what becomes of a dispatch. */
export const nextRetryAt = (job: Job, open: object | null): number | null =>
  open === null ? job.nextRetryAt : null;

/** What is asked for by then; null where nothing is due. */
export function dueRetry(
  job: Job,
  open: object | null,
  evidence: Evidence,
  now: number,
): (PlanRequest & { modelProfile: string }) | null {
  const at = nextRetryAt(job, open);
  if (at === null || now < at || job.automatic === null) return null;
  const { modelProfile } = job.automatic;
  return { kind: 'retry', modelProfile, resumeFrom: null, discardEdits: [], task: null, evidence };
}

/** Why it is not made any more, whatever the plan says: the settings may have changed since. */
export function refuseAutomatic({ made, failureClass }: Automatic, { autoRetry }: Rules): Rejection | null {
  const limit = mostAfter(failureClass, autoRetry);
  return made < limit ? null : { code: 'RETRY_LIMIT_REACHED', limit, made };
}

/** How many there may be. */
const mostAfter = (failureClass: FailureClass, { failureClasses, maxRetries }: AutoRetry): number =>
  failureClasses.includes(failureClass) ? maxRetries : 0;

/** After so many before; a power that is too large for a number is longer than the longest. */
const pauseMs = ({ firstPauseMs, factor, longestPauseMs }: AutoRetry, before: number): number =>
  Math.round(Math.min(firstPauseMs * factor ** before, longestPauseMs));
