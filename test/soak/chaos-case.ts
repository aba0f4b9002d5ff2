// The records of a chaos run in the form that the rules judge: one case for each job, and the run at large.
import type { AtLarge } from '../rules/at-large.ts';
import type { Call as CaseCall, Ending, JobCase, Report, Windows } from '../rules/case.ts';
import {
  requestOf,
  toDispatch,
  toEdits,
  toEntry,
  toReport,
  toReportAnswer,
  toRequest,
  toVersion,
} from '../rules/outside.ts';
import type { CallbackRecord } from '../support/orchestrator/log.ts';
import type { Call, ChaosRecords } from './chaos-records.ts';

export function casesOf({ jobs, calls, log }: ChaosRecords, windows: Windows): JobCase[] {
  const byJob = ({ job_id }: { job_id: string }) => job_id;
  const callsOf = Map.groupBy(calls, ({ jobId }) => jobId);
  const executionsOf = Map.groupBy(log.executions, byJob);
  const requestsOf = Map.groupBy(log.requests, byJob);
  const callbacksOf = Map.groupBy(log.callbacks, byJob);
  return jobs.map(
    (job): JobCase => ({
      ...{ id: job.id, status: job.status, revision: job.revision },
      ...{ videoUri: job.videoUri, openDispatchId: job.openDispatchId },
      videoUris: videoUrisOf(callsOf.get(job.id) ?? []),
      dispatches: job.dispatches.map(toDispatch),
      trail: job.transitions.map(toEntry),
      versions: job.versions.map(toVersion),
      seen: (callsOf.get(job.id) ?? []).flatMap(({ edited }) => (edited ? [edited.version] : [])),
      edits: toEdits(job.versions, job.transitions, job.dispatches),
      executions: (executionsOf.get(job.id) ?? []).map(({ dispatch_id }) => dispatch_id),
      requests: (requestsOf.get(job.id) ?? []).map(toRequest),
      reports: reportsOf(callbacksOf.get(job.id) ?? []),
      calls: (callsOf.get(job.id) ?? []).map(toCall),
      evidence: {
        listed: { known: job.listedStatus },
        labels: { unknown: 'nobody changes them there' },
        notices: { unknown: 'the API does not show them' },
        lifetimes: {
          known: new Map(
            job.dispatches.map(({ dispatch_id, created_at, updated_at }) => [
              dispatch_id,
              { madeAt: Date.parse(created_at), changedAt: Date.parse(updated_at) },
            ]),
          ),
        },
        windows: { known: windows },
        remembered: { unknown: 'the API does not show them' },
        rest: { unknown: 'all jobs are waited for together, and the API shows no alarm' },
        patience: { unknown: 'a runtime that is killed under load answers when it can' },
        asksAtRest: { known: true },
      },
    }),
  );
}

export function atLargeOf({ jobs, calls, leaks }: ChaosRecords): AtLarge {
  return {
    jobIds: jobs.map(({ id }) => id),
    creations: calls
      .filter(({ operation }) => operation === 'create')
      .map((call) => ({ call: toCall(call), jobId: call.status === 201 ? call.jobId : null })),
    calls: calls.filter(({ jobId }) => jobId === null).map(toCall),
    leaks,
  };
}

/** The log knows when an answer came, not when the report left: not before it was made, nor before the one before it. */
function reportsOf(callbacks: readonly CallbackRecord[]): Report[] {
  const lastOf = new Map<string, number>();
  return callbacks.map(({ at, execution_id, dispatch_id, body, answer, error_code }) => {
    const answeredAt = Date.parse(at);
    const before = lastOf.get(execution_id) ?? 0;
    lastOf.set(execution_id, answeredAt);
    return toReport(dispatch_id, body, {
      sentAfter: Math.max(Date.parse(body.occurred_at), before),
      answeredAt,
      answer: toReportAnswer(answer === 'unreachable' ? null : answer, error_code),
    });
  });
}

/** In the order in which editors named them. */
const videoUrisOf = (calls: readonly Call[]): string[] => [
  ...new Set(
    calls
      .toSorted((a, b) => a.sentAt - b.sentAt)
      .flatMap(({ videoUri }) => (videoUri === null ? [] : [videoUri])),
  ),
];

function toCall(call: Call): CaseCall {
  const { operation, requestKey, prefer, sentAt, endedAt, edit, exports } = call;
  return {
    ...{ operation, prefer, sentAt, endedAt, ending: endingOf(call) },
    request: requestKey === null || requestKey === 'run' ? requestKey : requestOf(operation, requestKey),
    ...(edit ? { edit } : {}),
    ...(exports ? { exports } : {}),
  };
}

function endingOf(call: Call): Ending {
  const { ending, status, errorCode, dispatchId, dispatchState, revision } = call;
  if (ending === 'forgotten') return { kind: 'forgotten' };
  // With nobody before the service, what is not its own answer is none.
  if (ending !== 'answered') return { kind: 'unanswered', metFault: ending === 'cut' && call.metKill };
  if (status >= 300) return { kind: 'refused', status, code: errorCode, dispatchId };
  const dispatch = dispatchId && {
    ...{ id: dispatchId, state: dispatchState ?? 'not said', replayed: call.replayed ?? false },
    ...{ resumeFrom: call.resumeFrom, ref: call.checkpointRef },
  };
  const edit = call.edited ? { edit: call.edited } : {};
  return { kind: 'done', status, dispatch: dispatch || null, revision, ...edit };
}
