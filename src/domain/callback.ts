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
import { effectiveStatus } from './job.ts';
import { isCheckpoint, isResting, type Status } from './lifecycle.ts';

export function callback(view: JobView, command: Callback, now: number): Decision {
  const { seenEvent, subject } = view;
  if (seenEvent) {
    if (seenEvent.payloadDigest === command.payloadDigest) {
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
  });
  // A heartbeat changes no status and leaves no audit entry; a retry that fails again does.
  const audited = command.status !== job.status || command.status === 'FAILED';
  const entry = {
    ...audit(job, command.status, command.actor, now, command, dispatch.id),
    eventId: command.eventId,
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
      event: {
        eventId: command.eventId,
        dispatchId: dispatch.id,
        payloadDigest: command.payloadDigest,
        status: command.status,
        occurredAt: command.occurredAt,
        recordedAt: now,
        artifacts: command.artifactsJson,
      },
      transitions: audited ? [...transitions, entry] : transitions,
    },
  };
}

function stateAfter(status: Status): DispatchState {
  if (status === 'FAILED') return 'FAILED';
  return isResting(status) ? 'SETTLED' : 'RUNNING';
}
