// decide(view, command, rules, now): the one place where a job's state is judged. Pure and total:
// it returns the changes to store, or why there are none, and never throws for anything a caller sends.
import { callback } from './callback.ts';
import type { Command, Rules } from './commands.ts';
import { type Decision, type JobView, refuseTransition, reject } from './decision.ts';
import { deadline, reportDelivery } from './delivery.ts';
import { cancel, confirmUpload, retry, run } from './editor-commands.ts';
import type { Dispatch, Job } from './job.ts';
import type { Rejection } from './rejection.ts';

/** A null view means that there is no such job. `clock` is what the machine's clock says. */
export function decide(view: JobView | null, command: Command, rules: Rules, clock: number): Decision {
  if (view === null) return reject({ code: 'RESOURCE_NOT_FOUND' });
  // Clocks step back now and then; a job's history does not.
  const now = Math.max(clock, view.job.updatedAt, view.open?.updatedAt ?? 0);
  if ('owner' in command && command.owner !== view.job.owner) return reject({ code: 'RESOURCE_NOT_FOUND' });
  switch (command.type) {
    case 'confirm-upload':
      return confirmUpload(view, command, now);
    case 'run':
      return run(view, command, rules, now);
    case 'retry':
      return retry(view, command, rules, now);
    case 'cancel':
      return cancel(view, command, rules, now);
    case 'callback':
      return callback(view, command, now);
    case 'report-delivery':
      return reportDelivery(view, command, rules, now);
    case 'deadline':
      return deadline(view, rules, now);
    default:
      return command satisfies never;
  }
}

/** A job as it is created: nothing uploaded, nothing dispatched. */
export function newJob(ids: Pick<Job, 'id' | 'projectId' | 'owner'>, now: number): Job {
  return {
    ...ids,
    status: 'CREATED',
    manifest: { videoUri: null, audioUri: null, transcriptUri: null, draftUri: null, exports: {} },
    failure: null,
    progressPct: null,
    checkpoints: {},
    openDispatchId: null,
    latestDispatchAt: null,
    lastProgressAt: null,
    latestCallback: null,
    revision: 1,
    createdAt: now,
    updatedAt: now,
  };
}

/**
 * Why a caller who waited for this dispatch is refused after all; null when the dispatch stands.
 */
export function refuseDispatch(job: Job, dispatch: Dispatch): Rejection | null {
  if (dispatch.state === 'UNDELIVERABLE') {
    const { id, deliveryAttempts, lastError } = dispatch;
    return { code: 'ORCHESTRATOR_DISPATCH_FAILED', dispatchId: id, deliveryAttempts, lastError };
  }
  if (dispatch.state === 'CANCELLED') {
    return refuseTransition(job.status, dispatch.resumeFromStatus ?? 'AUDIO_EXTRACTING', 'system');
  }
  return null;
}
