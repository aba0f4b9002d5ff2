// What a pipeline reports about itself: fenced, in order, and judged by the one transition table.
import { mergeManifest, reachedCheckpoint } from './artifacts.ts';
import type { Callback } from './commands.ts';
import {
  audit,
  type Decision,
  delivered,
  type JobView,
  move,
  refuseTransition,
  reject,
  revise,
} from './decision.ts';
import { type DispatchState, isOpen } from './dispatch.ts';
import type { CallbackEvent } from './history.ts';
import { effectiveStatus, type Job } from './job.ts';
import { isCheckpoint, isResting, type Status } from './lifecycle.ts';

export function callback(view: JobView, command: Callback, now: number): Decision {
  const { subject } = view;
  const known = view.seenEvent ?? repeatedHeartbeat(view.job, command);
  if (known) {
    if (known.payloadDigest === command.payloadDigest) {
      return { kind: 'replayed', job: view.job, dispatch: subject };
    }
    return reject({ code: 'EVENT_ID_PAYLOAD_MISMATCH', eventId: command.eventId });
  }
  if (subject === null) return reject({ code: 'RESOURCE_NOT_FOUND' });
  const settled = subject.state === 'SETTLED' || subject.state === 'FAILED';
  if (!isOpen(subject) && !(settled && !view.subjectSuperseded)) {
    return reject({ code: 'DISPATCH_NOT_CURRENT', dispatchId: subject.id, dispatchState: subject.state });
  }

  // A callback on a pending dispatch proves its delivery.
  const { job, dispatch, transitions } =
    subject.state === 'PENDING'
      ? delivered(view.job, subject, subject.executionId, now)
      : { job: view.job, dispatch: subject, transitions: [] };
  const current = effectiveStatus(job, isOpen(dispatch) ? dispatch : null);

  const latest = job.latestCallback?.dispatchId === dispatch.id ? job.latestCallback : null;
  if (latest && command.occurredAt < latest.occurredAt) {
    return reject({
      code: 'CALLBACK_OUT_OF_ORDER',
      currentStatus: current,
      attemptedStatus: command.status,
      latestAppliedOccurredAt: latest.occurredAt,
    });
  }
  const restatesCheckpoint =
    current !== job.status && command.status === current && isCheckpoint(command.status);
  const refusal = restatesCheckpoint ? null : refuseTransition(current, command.status, command.actor);
  if (refusal) return reject(refusal);

  // A sign of life changes no status and leaves no audit entry; a retry that fails again does. One that brings nothing
  // besides leaves nothing at all, since any number of them may come: only the newest is known again.
  const audited = command.status !== job.status || command.status === 'FAILED';
  const isHeartbeat = !audited && command.artifactsJson === null;
  const { eventId, payloadDigest } = command;
  const checkpoint = reachedCheckpoint(job, dispatch, command, now);
  const moved = isOpen(dispatch) ? move(dispatch, stateAfter(command.status), now) : dispatch;
  const next = revise(job, now, {
    status: command.status,
    manifest: mergeManifest(job.manifest, command.artifacts),
    failure: command.failure
      ? { ...command.failure, correlationId: command.correlationId, occurredAt: command.occurredAt }
      : job.failure,
    progressPct: command.progressPct ?? (command.status === job.status ? job.progressPct : null),
    checkpoints: checkpoint ? { ...job.checkpoints, [checkpoint.status]: checkpoint } : job.checkpoints,
    openDispatchId: isOpen(moved) ? job.openDispatchId : null,
    lastProgressAt: now,
    latestCallback: { dispatchId: dispatch.id, occurredAt: command.occurredAt },
    latestHeartbeat: isHeartbeat ? { dispatchId: dispatch.id, eventId, payloadDigest } : job.latestHeartbeat,
  });
  const entry = {
    ...audit(job, command.status, command.actor, now, command, dispatch.id),
    eventId,
    occurredAt: command.occurredAt,
    checkpoint,
  };
  return {
    kind: 'accepted',
    job: next,
    dispatch: moved,
    changes: {
      job: next,
      updated: moved === subject ? [] : [moved],
      ...(isHeartbeat ? {} : { event: eventOf(command, now) }),
      transitions: audited ? [...transitions, entry] : transitions,
    },
  };
}

const eventOf = (command: Callback, now: number): CallbackEvent => ({
  eventId: command.eventId,
  dispatchId: command.dispatchId,
  payloadDigest: command.payloadDigest,
  status: command.status,
  occurredAt: command.occurredAt,
  recordedAt: now,
  artifacts: command.artifactsJson,
});

function stateAfter(status: Status): DispatchState {
  if (status === 'FAILED') return 'FAILED';
  return isResting(status) ? 'SETTLED' : 'RUNNING';
}

function repeatedHeartbeat(
  { latestHeartbeat }: Job,
  { dispatchId, eventId }: Callback,
): Job['latestHeartbeat'] {
  const isKnown = latestHeartbeat?.dispatchId === dispatchId && latestHeartbeat.eventId === eventId;
  return isKnown ? latestHeartbeat : null;
}
