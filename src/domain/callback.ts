// What a pipeline reports about itself: fenced, judged by the one transition table, and taken for all that it brings.
import { isTooLarge, MANIFEST_LIMITS, mergeManifest, recordVersions } from './artifacts.ts';
import { afterFailure } from './automatic-retry.ts';
import type { Callback } from './commands.ts';
import {
  audit,
  type Decision,
  delivered,
  type JobView,
  move,
  movedBy,
  refuseTransition,
  reject,
  revise,
} from './decision.ts';
import { type Dispatch, type DispatchState, DRAFT, isOpen } from './dispatch.ts';
import { reportedFailure } from './failures.ts';
import type { CallbackEvent } from './history.ts';
import { type ArtifactVersion, effectiveStatus, type Job, type Manifest } from './job.ts';
import { isBefore, isCheckpoint, isResting, type Status } from './lifecycle.ts';
import { MOST_AT_HAND } from './lineage.ts';
import type { Rejection } from './rejection.ts';
import type { Rules } from './rules.ts';

/** No pipeline has more than this to say that is worth keeping; how it ends is taken all the same. */
const MAX_KEPT_REPORTS = 1_000;

/** How far ahead of ours another clock may be to be taken at its word. */
export const CLOCK_SKEW_MS = 5 * 60_000;

export function callback(view: JobView, command: Callback, rules: Rules, now: number): Decision {
  const { subject } = view;
  if (subject === null) {
    // Its token proves that it was made: of those that were withdrawn the oldest are not kept.
    const { dispatchId } = command;
    return reject({ code: 'DISPATCH_NOT_CURRENT', dispatchId, dispatchState: 'UNDELIVERABLE' });
  }
  if (!isCurrent(view, subject, rules, now)) {
    return reject({ code: 'DISPATCH_NOT_CURRENT', dispatchId: subject.id, dispatchState: subject.state });
  }
  const known = view.seenEvent ?? repeatedHeartbeat(view.job, command);
  if (known) {
    if (known.payloadDigest === command.payloadDigest) {
      return { kind: 'replayed', job: view.job, dispatch: subject };
    }
    return reject({ code: 'EVENT_ID_PAYLOAD_MISMATCH', eventId: command.eventId });
  }

  // A callback on a pending dispatch proves its delivery.
  const { job, dispatch, transitions } =
    subject.state === 'PENDING'
      ? delivered(view.job, subject, subject.executionId, now)
      : { job: view.job, dispatch: subject, transitions: [] };
  const current = effectiveStatus(job, isOpen(dispatch) ? dispatch : null);
  const latest = job.latestCallback?.dispatchId === dispatch.id ? job.latestCallback : null;
  const restatesCheckpoint =
    current !== job.status && command.status === current && isCheckpoint(command.status);
  const refusal = restatesCheckpoint ? null : refuseTransition(current, command.status, command.actor);
  const isOlder = latest !== null && command.occurredAt < latest.occurredAt;
  // Reporters' clocks need not agree: an earlier time holds back what leads back, and says why something does not follow.
  if (isOlder && (refusal !== null || leadsBack(dispatch, current, command.status))) {
    return reject({
      code: 'CALLBACK_OUT_OF_ORDER',
      currentStatus: current,
      attemptedStatus: command.status,
      latestAppliedOccurredAt: latest.occurredAt,
    });
  }
  if (refusal) return reject(refusal);

  const manifest = mergeManifest(job.manifest, artifactsOf(command, job.manifest));
  const { versions, made } = versionsOf(job, dispatch, command, placeOf(dispatch, current), now);
  // A sign of life changes no status and leaves no audit entry; a retry that fails again does. One that brings nothing
  // besides leaves nothing at all, since any number of them may come: only the newest is known again.
  const audited = command.status !== job.status || command.status === 'FAILED';
  const isHeartbeat =
    !audited && manifest === job.manifest && versions === job.versions && !command.artifacts.hasMetrics;
  const kept = (latest?.kept ?? 0) + (isHeartbeat ? 0 : 1);
  const state = isOpen(dispatch) ? stateAfter(dispatch, command.status, restatesCheckpoint) : dispatch.state;
  const isEnd = command.status === 'DONE' || (state === 'SETTLED' && isOpen(dispatch));
  const tooMuch = refuseTooMuch(job.manifest, manifest, command.status, versions.length, kept, isEnd);
  if (tooMuch) return reject(tooMuch);

  const { eventId, payloadDigest } = command;
  const correlationId = command.correlationId ?? dispatch.correlationId;
  const failure = reportedFailure(command, dispatch, rules.policy, now);
  const heardOf = isOpen(dispatch) ? heard(move(dispatch, state, now), now) : dispatch;
  const moved = failure ? { ...heardOf, failure } : heardOf;
  const next = revise(job, now, {
    status: command.status,
    manifest,
    failure: failure ?? job.failure,
    ...(failure ? afterFailure(job, dispatch, failure, rules, now) : {}),
    progressPct: command.progressPct ?? (command.status === job.status ? job.progressPct : null),
    versions,
    openDispatchId: isOpen(moved) ? job.openDispatchId : null,
    lastProgressAt: now,
    ...movedBy(dispatch),
    // One that had settled before has done what it was asked for, whatever it goes on to do.
    unfinishedTask: !isOpen(dispatch)
      ? job.unfinishedTask
      : moved.state === 'SETTLED'
        ? DRAFT
        : dispatch.task,
    latestCallback: {
      dispatchId: dispatch.id,
      occurredAt: Math.max(takenAt(command.occurredAt, now), latest?.occurredAt ?? 0),
      kept,
    },
    latestHeartbeat: isHeartbeat ? { dispatchId: dispatch.id, eventId, payloadDigest } : job.latestHeartbeat,
  });
  const entry = {
    ...audit(job, command.status, command.actor, now, { correlationId }, dispatch.id),
    eventId,
    occurredAt: command.occurredAt,
  };
  return {
    kind: 'accepted',
    job: next,
    dispatch: moved,
    changes: {
      job: next,
      updated: moved === subject ? [] : [moved],
      ...(isHeartbeat ? {} : { event: eventOf(command, made, now) }),
      transitions: audited ? [...transitions, entry] : transitions,
    },
  };
}

/**
 * Whether this dispatch's pipeline may move the job: the open one's; or, with none open, that of the newest one that was not
 * withdrawn, for as long as one that has settled or failed may still report, and unless an artifact was edited since.
 */
function isCurrent(
  { job, subjectSuperseded }: JobView,
  subject: Dispatch,
  rules: Rules,
  now: number,
): boolean {
  if (isOpen(subject)) return true;
  const hasEnded = subject.state === 'SETTLED' || subject.state === 'FAILED';
  const isOvertaken = subjectSuperseded || subject.createdAt <= (job.latestEditAt ?? 0);
  return hasEnded && !isOvertaken && now - (job.lastProgressAt ?? now) <= rules.lateReportMs;
}

/** What a pipeline that is asked for this works in; null for what it comes to but once. */
const WORKS_IN = { draft: null, redraft: 'REGENERATING', export: 'EXPORTING' } as const;

/** Back along the way, or to the very work that it has done: of a sign of life that came again nobody knows any more that it did. */
function leadsBack({ state, task }: Dispatch, current: Status, to: Status): boolean {
  return isBefore(to, current) || (state === 'SETTLED' && to === WORKS_IN[task.kind]);
}

/**
 * When a report was made, for what is told after it. A clock that is far ahead does not make every later report one that comes
 * too late; one that is ahead of ours by a little still says which of two was first.
 */
const takenAt = (occurredAt: number, now: number): number =>
  occurredAt > now + CLOCK_SKEW_MS ? now : occurredAt;

/** Where its pipeline is: until it is heard of where it begins, wherever the job rests that it was asked for. */
const placeOf = ({ firstReportAt, resumeFromStatus }: Dispatch, current: Status): Status =>
  firstReportAt === null ? (resumeFromStatus ?? current) : current;

function repeatedHeartbeat(
  { latestHeartbeat }: Job,
  { dispatchId, eventId }: Callback,
): Job['latestHeartbeat'] {
  const isKnown = latestHeartbeat?.dispatchId === dispatchId && latestHeartbeat.eventId === eventId;
  return isKnown ? latestHeartbeat : null;
}

/** A failure is told whatever else there is no room for. */
function versionsOf(...report: Parameters<typeof recordVersions>): ReturnType<typeof recordVersions> {
  const [{ versions }, , { status }] = report;
  const recorded = recordVersions(...report);
  const leavesOut = status === 'FAILED' && recorded.versions.length > MOST_AT_HAND;
  return leavesOut ? { versions, made: [] } : recorded;
}

/** As for versions, for exports. */
function artifactsOf({ status, artifacts }: Callback, manifest: Manifest): Callback['artifacts'] {
  const leavesOut = status === 'FAILED' && isTooLarge(mergeManifest(manifest, artifacts));
  return leavesOut ? { ...artifacts, exports: {} } : artifacts;
}

/**
 * Why a pipeline that says more than a job can keep has to stop; null while there is room. A failure is always taken, and what it
 * was for where there is room for that.
 */
function refuseTooMuch(
  before: Manifest,
  after: Manifest,
  status: Status,
  versions: number,
  kept: number,
  isEnd: boolean,
): Rejection | null {
  const isFailure = status === 'FAILED';
  const isFull = (after !== before && isTooLarge(after)) || versions > MOST_AT_HAND;
  if (isFull && !isFailure) return { code: 'MANIFEST_FULL', ...MANIFEST_LIMITS };
  if (kept > MAX_KEPT_REPORTS && !isFailure && !isEnd) {
    return { code: 'REPORTS_EXHAUSTED', maxReports: MAX_KEPT_REPORTS };
  }
  return null;
}

const eventOf = (command: Callback, versions: readonly ArtifactVersion[], now: number): CallbackEvent => ({
  eventId: command.eventId,
  dispatchId: command.dispatchId,
  payloadDigest: command.payloadDigest,
  status: command.status,
  occurredAt: command.occurredAt,
  recordedAt: now,
  artifacts: command.artifactsJson,
  versions,
});

const heard = (dispatch: Dispatch, now: number): Dispatch =>
  dispatch.firstReportAt === null ? { ...dispatch, firstReportAt: now } : dispatch;

/**
 * A checkpoint that is restated says "I begin here", also where the same status means "I have arrived"; and an export has not
 * arrived with the draft that it makes on the way.
 */
function stateAfter({ task }: Dispatch, status: Status, isRestated: boolean): DispatchState {
  if (status === 'FAILED') return 'FAILED';
  const goesOn = isRestated || (task.kind === 'export' && status === 'DRAFT_READY');
  return isResting(status) && !goesOn ? 'SETTLED' : 'RUNNING';
}
