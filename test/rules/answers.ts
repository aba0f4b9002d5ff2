// What an editor may be answered: documented codes, in time, refusals for a reason, and no job that goes back in time.
import type { Call, Ending, JobCase, Report } from './case.ts';
import { isAtOrPast, waitMsOf, waitsToTheEnd } from './protocol.ts';
import { mayHaveApplied } from './reports.ts';
import { rule } from './rule.ts';

export const ANSWER_RULES = {
  'every answer is one that is documented': rule({
    kind: 'answer',
    promise: 'S8',
    *broken({ calls }) {
      for (const call of calls) if (!isDocumented(call)) yield inWords(call);
    },
  }),
  'what was ended while its caller waited is answered with a refusal': rule({
    kind: 'answer',
    promise: 'S8',
    *broken({ calls }) {
      for (const call of calls) {
        const told = call.ending.kind === 'done' ? call.ending.dispatch : null;
        if (told?.state === 'CANCELLED') yield `${inWords(call)}: ${told.id} was ended by an editor`;
      }
    },
  }),
  'a request that is not answered met a fault': rule({
    kind: 'answer',
    promise: 'L1',
    *broken({ calls }) {
      for (const call of calls) {
        const { ending } = call;
        if (ending.kind === 'unanswered' && !ending.metFault) yield `${inWords(call)}: the service was up`;
      }
    },
  }),
  'an answer comes within the wait': rule({
    kind: 'answer',
    promise: 'L1',
    needs: ['patience'],
    *broken({ calls }, { patience: { defaultWaitMs, holdUpsMs, callsMs } }) {
      for (const call of calls.filter(({ ending }) => isAnswer(ending))) {
        const waitMs = isForDispatch(call) ? waitMsOf(call.prefer, defaultWaitMs) : 0;
        // What holds an answer up is part of the wait, and not another one.
        const mostMs = Math.max(waitMs, holdUpsMs[call.operation] ?? 0) + callsMs;
        const tookMs = call.endedAt - call.sentAt;
        if (tookMs > mostMs) yield `${inWords(call)}: after ${tookMs} ms, and it waits ${waitMs}`;
      }
    },
  }),
  'who waits to the end is told the outcome': rule({
    kind: 'answer',
    promise: 'L1',
    // A window that opened under a clock which then stepped back stays open for as much longer.
    needs: ['patience', 'lifetimes'],
    *broken({ calls }, { patience: { defaultWaitMs } }) {
      for (const call of calls) {
        const told = call.ending.kind === 'done' ? call.ending.dispatch : null;
        // A repeat waits for a dispatch whose window may be another's.
        if (told?.state !== 'PENDING' || told.replayed || !waitsToTheEnd(call.prefer, defaultWaitMs))
          continue;
        yield `${inWords(call)}: ${told.id} was still ${told.state} when the wait was over`;
      }
    },
  }),
  'who asks at rest is refused only for a reason': rule({
    kind: 'answer',
    promise: 'L3',
    needs: ['asksAtRest'],
    *broken({ calls, reports }) {
      for (const call of calls) {
        const { ending, endedAt } = call;
        if (ending.kind !== 'refused' || ending.status !== 409 || !isForDispatch(call)) continue;
        const before = calls.filter(({ sentAt }) => sentAt <= endedAt);
        const isStopped = before.some(({ operation }) => operation === 'cancel' || operation === 'abandon');
        if (isStopped && AFTER_STOP.includes(ending.code ?? '')) continue;
        const isAtDraft = call.operation === 'redo' || call.operation === 'export';
        const isLeft = isAtDraft && BEHIND_THE_DRAFT.includes(ending.code ?? '');
        if (isLeft && wentOnFromItsDraft(reports, call)) continue;
        if (OF_ARTIFACTS.includes(ending.code ?? '')) continue;
        // A request that its sender has forgotten may come late, and be what another one meets.
        if (before.some((other) => other.ending.kind === 'forgotten')) continue;
        yield `${inWords(call)}: nothing was in its way`;
      }
    },
  }),
  'a repeat is never refused because of its own dispatch': rule({
    kind: 'answer',
    promise: 'S5',
    *broken({ calls, dispatches }) {
      for (const call of calls) {
        const { ending, request } = call;
        if (ending.kind !== 'refused' || ending.code !== 'JOB_ALREADY_RUNNING') continue;
        const running = dispatches.find(({ id }) => id === ending.dispatchId);
        if (running && running.request === request)
          yield `${inWords(call)}: because of ${running.id}, its own`;
      }
    },
  }),
  'a cancel that is repeated is answered as it was': rule({
    kind: 'answer',
    promise: 'S5',
    *broken({ calls }) {
      const cancels = calls.filter(({ operation }) => operation === 'cancel');
      const cancelledAt = Math.min(
        ...cancels.flatMap(({ ending, endedAt }) => (ending.kind === 'done' ? [endedAt] : [])),
      );
      for (const call of cancels) {
        const { ending, sentAt } = call;
        if (sentAt <= cancelledAt || ending.kind !== 'refused' || ending.status === 503) continue;
        yield `${inWords(call)}: it was cancelled before`;
      }
    },
  }),
  'all who wait for one dispatch are answered once its outcome is known': rule({
    kind: 'answer',
    promise: 'L1',
    needs: ['patience'],
    *broken({ calls }, { patience: { holdUpsMs, callsMs } }) {
      for (const waiters of Map.groupBy(calls.filter(isForDispatch), dispatchOf).values()) {
        const outcomes = waiters.filter(tellsOutcome);
        const knownAt = Math.min(...outcomes.map(({ endedAt }) => endedAt));
        for (const call of outcomes) {
          const heldMs = call.endedAt - Math.max(knownAt, call.sentAt);
          if (heldMs > (holdUpsMs[call.operation] ?? 0) + callsMs)
            yield `${inWords(call)}: ${heldMs} ms after another was told the same`;
        }
      }
    },
  }),
  'no revision is seen after a later one': rule({
    kind: 'lost',
    promise: 'S2',
    *broken(jobCase) {
      const seen = revisions(jobCase);
      for (const [index, { revision, call }] of seen.entries()) {
        const before = seen[index - 1];
        // Of two that overlap either may have been first.
        if (before && before.call.endedAt < call.sentAt && before.revision > revision) {
          yield `revision ${before.revision} was seen, and ${revision} after it`;
        }
      }
    },
  }),
  'no revision that was seen is gone': rule({
    kind: 'lost',
    promise: 'S2',
    *broken(jobCase) {
      const last = Math.max(...revisions(jobCase).map(({ revision }) => revision));
      if (last > jobCase.revision) yield `revision ${last} was seen, and it ended with ${jobCase.revision}`;
    },
  }),
};

/** The last is what a run is answered that was given up. */
const AFTER_STOP = ['FSM_TERMINAL_IMMUTABLE', 'RETRY_NOT_ALLOWED_STATE', 'FSM_TRANSITION_INVALID'];
/** A job rests at its draft, and the pipeline that made it may go on from there by itself, or fail. */
function wentOnFromItsDraft(reports: readonly Report[], { sentAt, endedAt }: Call): boolean {
  const applied = reports.filter(({ answer }) => mayHaveApplied(answer));
  const drafts = applied.filter(({ status }) => status === 'DRAFT_READY' || status === 'EDITING');
  const last = drafts.findLast(({ sentAfter }) => sentAfter <= sentAt);
  const first = drafts.find(({ dispatchId }) => dispatchId === last?.dispatchId);
  return applied.some(
    ({ dispatchId, status, sentAfter }) =>
      dispatchId === first?.dispatchId &&
      (isAtOrPast(status, 'EDITING') || status === 'FAILED') &&
      sentAfter > first.sentAfter &&
      sentAfter <= endedAt,
  );
}

const BEHIND_THE_DRAFT = [...AFTER_STOP, 'JOB_ALREADY_RUNNING'];
/** What stands in the way is what there is of the job, wherever it rests. */
const OF_ARTIFACTS = ['NOTHING_TO_EXPORT', 'EDITS_IN_THE_WAY'];
/** What the editors of the suites can meet: they confirm one video, and renew it more than one at a time. */
const CONFLICTS: Readonly<Record<Call['operation'], readonly string[]>> = {
  project: [],
  create: [],
  confirm: [],
  read: [],
  run: [
    ...['JOB_ALREADY_RUNNING', 'FSM_TERMINAL_IMMUTABLE', 'FSM_TRANSITION_INVALID'],
    'RETRY_NOT_ALLOWED_STATE',
  ],
  retry: [
    ...['JOB_ALREADY_RUNNING', 'RETRY_NOT_ALLOWED_STATE', 'FSM_TERMINAL_IMMUTABLE'],
    ...['MODEL_PROFILE_NOT_ALLOWED', 'RESUME_POINT_NOT_AVAILABLE', 'EDITS_IN_THE_WAY'],
    'RETRY_LIMIT_REACHED',
  ],
  redo: [
    ...['JOB_ALREADY_RUNNING', 'FSM_TRANSITION_INVALID', 'FSM_TERMINAL_IMMUTABLE'],
    ...['MODEL_PROFILE_NOT_ALLOWED', 'RESUME_POINT_NOT_AVAILABLE', 'EDITS_IN_THE_WAY', 'NOTHING_TO_REDO'],
    'RETRY_NOT_ALLOWED_STATE',
  ],
  export: [
    ...['JOB_ALREADY_RUNNING', 'FSM_TRANSITION_INVALID', 'FSM_TERMINAL_IMMUTABLE'],
    ...['RETRY_NOT_ALLOWED_STATE', ...OF_ARTIFACTS],
  ],
  edit: [
    ...['JOB_ALREADY_RUNNING', 'ARTIFACT_NOT_EDITABLE', 'ARTIFACT_VERSION_CONFLICT'],
    ...['ARTIFACT_NOT_FOUND', 'MANIFEST_FULL'],
  ],
  cancel: ['FSM_TERMINAL_IMMUTABLE'],
  abandon: ['JOB_NOT_RUNNING'],
  erase: ['JOB_ALREADY_RUNNING'],
  label: [],
  renew: ['VIDEO_URI_CONFLICT', 'JOB_ALREADY_RUNNING', 'FSM_TERMINAL_IMMUTABLE'],
};

export function isDocumented(call: Call): boolean {
  const { ending } = call;
  if (ending.kind !== 'refused') return true;
  switch (ending.status) {
    case 503:
      return ending.code === 'OVERLOADED';
    case 502:
      return isForDispatch(call) && ending.code === 'ORCHESTRATOR_DISPATCH_FAILED';
    case 412:
      return call.operation === 'label'
        ? ending.code === 'JOB_CHANGED'
        : ['retry', 'redo'].includes(call.operation) && ending.code === 'PLAN_CHANGED';
    case 409:
      return CONFLICTS[call.operation].includes(ending.code ?? '');
    default:
      return false;
  }
}

const isForDispatch = ({ operation }: Call): boolean =>
  ['run', 'retry', 'redo', 'export'].includes(operation);
const isAnswer = ({ kind }: Ending): boolean => kind === 'done' || kind === 'refused';

/** Which dispatch a call was answered with, or refused because of; null for none. */
const dispatchOf = ({ ending }: Call): string | null =>
  ending.kind === 'done'
    ? (ending.dispatch?.id ?? null)
    : ending.kind === 'refused' && ending.status === 502
      ? ending.dispatchId
      : null;

/** Whether the answer says what became of the delivery. */
const tellsOutcome = (call: Call): boolean =>
  dispatchOf(call) !== null && !(call.ending.kind === 'done' && call.ending.dispatch?.state === 'PENDING');

export function inWords({ operation, ending }: Call): string {
  const answer = ending.kind === 'refused' ? `${ending.status} ${ending.code ?? ''}`.trim() : ending.kind;
  return `${operation} → ${answer}`;
}

function revisions({ calls }: JobCase): { call: Call; revision: number }[] {
  return calls
    .flatMap((call) =>
      call.ending.kind === 'done' && call.ending.revision !== null
        ? [{ call, revision: call.ending.revision }]
        : [],
    )
    .sort((a, b) => a.call.sentAt - b.call.sentAt);
}
