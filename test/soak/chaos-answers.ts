// What an editor may be answered: documented codes, refusals for a reason, no job that goes back in time, and an
// answer at all while the service is up.
import type { Found, JobCase } from './chaos-case.ts';
import type { Call } from './chaos-records.ts';

export function* checkAnswers({ job, calls }: JobCase): Generator<Found> {
  for (const call of calls) {
    const wrong = whyWrong(call, calls);
    if (wrong) {
      const { operation, status, errorCode, ending } = call;
      const answer = ending === 'answered' ? `${status} ${errorCode ?? ''}`.trim() : ending;
      yield { kind: 'answer', what: `${operation} → ${answer}: ${wrong}` };
    }
  }
  const seen = calls.filter(({ revision }) => revision !== null).sort((a, b) => a.sentAt - b.sentAt);
  for (const [index, { revision, sentAt }] of seen.entries()) {
    const before = seen[index - 1];
    // Of two that overlap either may have been first.
    if (before && before.endedAt < sentAt && (before.revision ?? 0) > (revision ?? 0)) {
      yield { kind: 'lost', what: `revision ${before.revision} was seen, and ${revision} after it` };
    }
  }
  const last = seen.at(-1);
  if (last && (last.revision ?? 0) > job.revision) {
    yield { kind: 'lost', what: `revision ${last.revision} was seen, and it ended with ${job.revision}` };
  }
}

/** Null when the answer is as documented. */
export function whyWrong(call: Call, calls: readonly Call[]): string | null {
  const { operation, status, errorCode, ending, metKill } = call;
  if (ending === 'forgotten') return null;
  if (ending !== 'answered') return metKill ? null : 'the service was up';
  const isDispatch = operation === 'run' || operation === 'retry';
  if (status < 300) return null;
  if (status === 503 && errorCode === 'OVERLOADED') return null;
  if (status === 502 && isDispatch && errorCode === 'ORCHESTRATOR_DISPATCH_FAILED') return null;
  if (status !== 409) return 'not documented for this';
  if (operation === 'cancel')
    return errorCode === 'FSM_TERMINAL_IMMUTABLE' ? null : 'not documented for this';
  if (!isDispatch) return 'nothing conflicts with it';
  const isCancelled = calls.some(({ operation, sentAt }) => operation === 'cancel' && sentAt <= call.endedAt);
  if (isCancelled && (errorCode === 'FSM_TERMINAL_IMMUTABLE' || errorCode === 'RETRY_NOT_ALLOWED_STATE'))
    return null;
  // A request that its sender has forgotten may come late, and be what another one meets.
  const wasForgotten = calls.some(({ ending, sentAt }) => ending === 'forgotten' && sentAt <= call.endedAt);
  return wasForgotten ? null : 'nothing was in its way';
}
