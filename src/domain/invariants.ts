// What must be true of every commit of a job, whatever decided it: the store asserts it before it writes, and the tests of
// the pure core after every step. What a key of a table refuses (a report twice, a request of one that has followed) is left to the key.
import type { Changes } from './decision.ts';
import {
  DISPATCH_STATES,
  type Dispatch,
  isOpen,
  isWithdrawn,
  NOTICE_STATES,
  requestKeyOf,
} from './dispatch.ts';
import { AUDIT_EVENTS, type CallbackEvent, type Transition } from './history.ts';
import type { ArtifactVersion, Job } from './job.ts';
import { ACTORS, REPORTABLE_STATUSES, STAGE_NAMES, STAGES, STATUSES } from './lifecycle.ts';

/** A job as it is stored: with the dispatch that was made last, open or not, and the one before it where that is kept beside it. */
export interface Present {
  job: Job;
  newest: Dispatch | null;
  previous: Dispatch | null;
}

/** The rule that storing `after` and `changes` in the place of `before` would break; null when none is. */
export function brokenInvariant(before: Present | null, after: Present, changes: Changes): string | null {
  return (
    brokenPresent(after) ??
    (before && brokenStep(before, after)) ??
    firstOf(changes.updated ?? [], brokenDispatch) ??
    firstOf(changes.transitions ?? [], brokenEntry) ??
    (changes.event ? brokenEvent(changes.event) : null)
  );
}

function brokenPresent({ job, newest, previous }: Present): string | null {
  if (!among(STATUSES, job.status)) return `there is no status ${job.status}`;
  const open = newest && isOpen(newest) ? newest.id : null;
  if (job.openDispatchId !== open) return 'the open dispatch is the newest or none';
  if (job.nextRetryAt !== null && (job.status !== 'FAILED' || job.automatic === null))
    return 'what is retried by itself has failed';
  return (newest && brokenDispatch(newest)) ?? (previous && brokenPrevious(previous, newest));
}

function brokenPrevious(previous: Dispatch, newest: Dispatch | null): string | null {
  if (newest === null || previous.createdAt >= newest.createdAt) return 'the newest dispatch was made last';
  if (isOpen(previous)) return 'the open dispatch is the newest or none';
  if (!isWithdrawn(previous) && !isWithdrawn(newest) && requestKeyOf(previous) === requestKeyOf(newest))
    return 'a request has one dispatch';
  return brokenDispatch(previous);
}

function brokenStep({ job: before }: Present, { job: after }: Present): string | null {
  for (const key of ['id', 'projectId', 'owner', 'createdAt', 'externalId'] as const) {
    if (before[key] !== after[key]) return `a job keeps its ${key}`;
  }
  if (
    before.openDispatchId !== null &&
    after.openDispatchId !== null &&
    before.openDispatchId !== after.openDispatchId
  ) {
    return 'a dispatch is closed before another is opened';
  }
  if (after.revision < before.revision) return 'a job never steps back';
  if ((after.latestDispatchAt ?? 0) < (before.latestDispatchAt ?? 0))
    return 'creation times of dispatches rise';
  for (const { artifact } of STAGES) {
    if (before.manifest[artifact] !== null && after.manifest[artifact] === null)
      return 'artifacts are not lost';
  }
  return after.versions === before.versions ? null : brokenVersions(before.versions, after.versions);
}

/**
 * Of each stage the newest stays, or is followed by a newer one where it was never completed; new ones are numbered on, and none is
 * changed but for what completes it.
 */
function brokenVersions(
  before: readonly ArtifactVersion[],
  after: readonly ArtifactVersion[],
): string | null {
  for (const { name } of STAGES) {
    const known = before.filter(({ stage }) => stage === name);
    const newest = known.at(-1);
    const latest = newest?.version ?? 0;
    const numbers = after.filter(({ stage }) => stage === name).map(({ version }) => version);
    const mayGo = newest === undefined || (!newest.isComplete && (numbers.at(-1) ?? 0) > latest);
    if (!mayGo && !numbers.includes(latest)) return 'the newest version of a stage is not lost';
    const added = numbers.filter((number) => known.every(({ version }) => version !== number));
    const isRising = numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0));
    if (!isRising || added.some((number, index) => number !== latest + 1 + index))
      return 'versions are numbered in the order in which they are made';
    for (const old of known) {
      const now = after.find(({ stage, version }) => stage === name && version === old.version);
      if (now && !isOnlyCompleted(old, now)) return 'a version is only ever completed';
    }
  }
  return null;
}

function isOnlyCompleted(before: ArtifactVersion, after: ArtifactVersion): boolean {
  if (before === after) return true;
  const { isComplete, digest, sizeBytes, ...rest } = before;
  const isKept = <T>(was: T | null, is: T | null) => was === null || was === is;
  return (
    (!isComplete || after.isComplete) &&
    isKept(digest, after.digest) &&
    isKept(sizeBytes, after.sizeBytes) &&
    Object.entries(rest).every(
      ([key, value]) => JSON.stringify(value) === JSON.stringify(after[key as keyof typeof rest]),
    )
  );
}

function brokenDispatch(dispatch: Dispatch): string | null {
  if (!among(DISPATCH_STATES, dispatch.state)) return `there is no dispatch state ${dispatch.state}`;
  if (dispatch.cancelNotice && !among(NOTICE_STATES, dispatch.cancelNotice.state)) {
    return `there is no state ${dispatch.cancelNotice.state} of a cancel notice`;
  }
  const { clientRequestId, resumeFromStatus, checkpointRef } = dispatch;
  const isAsked = dispatch.actorId !== null;
  if (dispatch.isAutomatic === isAsked || (dispatch.isAutomatic && dispatch.kind !== 'retry'))
    return 'an editor asks, but for a retry by itself';
  const carried = [clientRequestId, resumeFromStatus, checkpointRef];
  switch (dispatch.kind) {
    case 'run':
      return carried.some((field) => field !== null) ? 'a run starts at the upload' : null;
    case 'retry':
    case 'redo':
    case 'export':
      return carried.some((field) => field === null)
        ? 'what is not a run has a request and a resume point'
        : null;
    default:
      dispatch.kind satisfies never;
      return 'a dispatch is of a kind';
  }
}

function brokenEvent({ status, versions }: CallbackEvent): string | null {
  if (!among(REPORTABLE_STATUSES, status)) return `nobody can report ${status}`;
  return versions.every(({ stage }) => among(STAGE_NAMES, stage)) ? null : 'a version is of a stage';
}

function brokenEntry({ eventType, actor, prevStatus, newStatus }: Transition): string | null {
  if (!among(AUDIT_EVENTS, eventType)) return `there is no audit event ${eventType}`;
  if (!among(ACTORS, actor)) return `there is no actor ${actor}`;
  if (!among(STATUSES, prevStatus) || !among(STATUSES, newStatus))
    return 'an audit entry is between statuses';
  return null;
}

function firstOf<T>(items: readonly T[], broken: (item: T) => string | null): string | null {
  for (const item of items) {
    const found = broken(item);
    if (found !== null) return found;
  }
  return null;
}

const among = (words: readonly string[], word: string): boolean => words.includes(word);
