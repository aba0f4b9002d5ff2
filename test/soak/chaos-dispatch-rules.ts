// What dispatches promise: none is lost, none is doubled, a 502 withdraws, and only the newest one moves its job.
import { type Found, isTaken, type JobCase, WITHDRAWN, type Windows } from './chaos-case.ts';
import type { DispatchRow } from './chaos-records.ts';

const BACKOFF_MS = [1_000, 2_000, 4_000, 8_000, 15_000];
const SHORTEST_ATTEMPT_MS = 250;

export function* isNotLost(jobCase: JobCase, windows: Windows): Generator<Found> {
  const { calls, dispatches, executions } = jobCase;
  for (const { status, dispatchId, dispatchState } of calls) {
    if (status !== 200 && status !== 202) continue;
    if (dispatchId === null) continue;
    const kept = dispatches.get(dispatchId);
    if (!kept) {
      yield { kind: 'lost', what: `${dispatchId} was answered ${status} and is nowhere` };
    } else if (kept.dispatch_state === WITHDRAWN && dispatchState !== 'PENDING') {
      yield { kind: 'lost', what: `${dispatchId} was answered as ${dispatchState} and was withdrawn` };
    }
    const wasTaken = dispatchState !== 'PENDING' && dispatchState !== 'CANCELLED';
    if (wasTaken && !executions.some(({ dispatch_id }) => dispatch_id === dispatchId)) {
      yield { kind: 'lost', what: `${dispatchId} was answered as ${dispatchState} and never executed` };
    }
  }
  for (const dispatch of dispatches.values()) {
    const { dispatch_id, dispatch_state } = dispatch;
    if (dispatch_state === WITHDRAWN) {
      if (isGivenUpEarly(dispatch, jobCase, windows)) {
        yield { kind: 'lost', what: `${dispatch_id} was given up before its window closed` };
      }
      continue;
    }
    if (dispatch_state === 'CANCELLED' || dispatch_state === 'PENDING') continue;
    if (!executions.some((execution) => execution.dispatch_id === dispatch_id)) {
      yield { kind: 'lost', what: `${dispatch_id} ended ${dispatch_state} and was never executed` };
    }
  }
}

/** Unless it was refused, a delivery is tried for as long as another attempt fits into its window. */
function isGivenUpEarly(dispatch: DispatchRow, { calls, requests }: JobCase, windows: Windows): boolean {
  const { dispatch_id, client_request_id, delivery_attempts: attempts } = dispatch;
  const isRefused = requests.some(
    ({ type, answer, ...request }) =>
      request.dispatch_id === dispatch_id &&
      type !== 'job.cancel' &&
      typeof answer === 'number' &&
      answer >= 300 &&
      answer < 500 &&
      ![408, 425, 429].includes(answer),
  );
  if (isRefused) return false;
  const asked = calls.filter(({ requestKey }) => requestKey === (client_request_id ?? 'run'));
  const windowMs = Math.min(...asked.map(({ prefer }) => windowOf(prefer, windows)));
  const pauseMs = BACKOFF_MS[Math.min(attempts, BACKOFF_MS.length) - 1] ?? 0;
  const notBefore = windowMs - Math.max(pauseMs, windows.longestRetryAfterMs) - SHORTEST_ATTEMPT_MS;
  // A ghost touches the record later, which only hides what was too early.
  return Date.parse(dispatch.updated_at) - Date.parse(dispatch.created_at) < notBefore;
}

/** spec/dispatch.md, "How long a caller waits". */
function windowOf(prefer: string | null, { defaultWaitMs, deadlineMs }: Windows): number {
  if (prefer?.includes('respond-async')) return deadlineMs;
  const [, seconds] = /wait=(\d+)/.exec(prefer ?? '') ?? [];
  const waitMs = seconds === undefined ? defaultWaitMs : Number(seconds) * 1_000;
  return waitMs < 3_000 ? deadlineMs : Math.min(waitMs - 2_000, deadlineMs);
}

export function* isNotDoubled({ job, calls, dispatches, executions, callbacks }: JobCase): Generator<Found> {
  for (const [id, executed] of Map.groupBy(executions, ({ dispatch_id }) => dispatch_id)) {
    if (executed.length > 1) yield { kind: 'doubled', what: `${id} was executed ${executed.length} times` };
    if (!dispatches.has(id)) yield { kind: 'doubled', what: `${id} was executed and never stored` };
  }
  const standing = job.dispatches.filter(({ dispatch_state }) => dispatch_state !== WITHDRAWN);
  for (const [key, same] of Map.groupBy(standing, (dispatch) => dispatch.client_request_id ?? 'run')) {
    if (same.length > 1) yield { kind: 'doubled', what: `${key} made ${same.length} dispatches` };
  }
  const firsts = calls.filter(({ status, replayed }) => status === 202 && replayed === false);
  for (const [id, same] of Map.groupBy(firsts, ({ dispatchId }) => dispatchId)) {
    if (same.length > 1) yield { kind: 'doubled', what: `${id} was answered as new ${same.length} times` };
  }
  for (const [id, same] of Map.groupBy(callbacks, ({ event_id }) => event_id)) {
    const applied = same.filter(({ answer }) => answer === 204).length;
    if (applied > 1) yield { kind: 'doubled', what: `report ${id} was applied ${applied} times` };
  }
  for (const [index, { dispatch_id, dispatch_state, updated_at }] of job.dispatches.entries()) {
    const next = job.dispatches[index + 1];
    // What was withdrawn is touched again when its ghost turns up, so its times prove nothing.
    if (!next || dispatch_state === WITHDRAWN) continue;
    if (dispatch_state === 'CANCELLED' || next.created_at < updated_at) {
      yield { kind: 'doubled', what: `${next.dispatch_id} was opened while ${dispatch_id} was` };
    }
  }
}

export function* isWithdrawn({ calls, dispatches, callbacks }: JobCase): Generator<Found> {
  for (const { dispatchId } of calls.filter(({ status, dispatchId }) => status === 502 && dispatchId)) {
    const state = dispatches.get(dispatchId ?? '')?.dispatch_state;
    if (state !== WITHDRAWN)
      yield { kind: 'broken 502', what: `${dispatchId} was answered 502 and is ${state}` };
  }
  for (const { dispatch_id, answer, status } of callbacks) {
    if (dispatches.get(dispatch_id)?.dispatch_state !== WITHDRAWN || !isTaken(answer)) continue;
    yield {
      kind: 'broken 502',
      what: `${dispatch_id} was withdrawn, and its ${status} was answered ${answer}`,
    };
  }
}

/** Only the newest pipeline moves the job, and none moves one that was cancelled. */
export function* isFenced({ calls, rank, dispatches, callbacks }: JobCase): Generator<Found> {
  const firstAccepted = new Map<string, number>();
  for (const { dispatch_id, answer, answeredAt } of callbacks) {
    if (answer !== 204) continue;
    firstAccepted.set(dispatch_id, Math.min(firstAccepted.get(dispatch_id) ?? Infinity, answeredAt));
  }
  const cancels = calls.filter(({ operation, status }) => operation === 'cancel' && status === 200);
  const cancelledAt = Math.min(...cancels.map(({ endedAt }) => endedAt));
  for (const { dispatch_id, answer, sentAfter, status } of callbacks) {
    if (answer !== 204) continue;
    if (!dispatches.has(dispatch_id)) {
      yield { kind: 'two at once', what: `${status} of ${dispatch_id}, which is nowhere, was accepted` };
    }
    for (const [newer, at] of firstAccepted) {
      if ((rank.get(newer) ?? -1) <= (rank.get(dispatch_id) ?? -1) || sentAfter <= at) continue;
      yield {
        kind: 'two at once',
        what: `${status} of ${dispatch_id} was accepted after ${newer} had reported`,
      };
    }
    if (sentAfter > cancelledAt) {
      yield { kind: 'broken cancel', what: `${status} of ${dispatch_id} was accepted after the cancel` };
    }
  }
}
