// What dispatches promise: nothing that was accepted is lost, nothing is doubled, and there is one at a time.
import type { Call, CaseDispatch, JobCase, ToldDispatch, Windows } from './case.ts';
import {
  ENDED_BY_OTHERS,
  KEPT_WITHDRAWN,
  MAY_BE_UNDELIVERED,
  PAUSES,
  SHORTEST_ATTEMPT_MS,
  WITHDRAWN,
  windowMsOf,
} from './protocol.ts';
import { rule } from './rule.ts';

export const DISPATCH_RULES = {
  'what was accepted is kept': rule({
    kind: 'lost',
    promise: 'S2',
    *broken(jobCase) {
      for (const { told, status } of tellings(jobCase)) {
        if (find(jobCase, told.id) || (told.state === 'PENDING' && forgets(jobCase))) continue;
        yield `${told.id} was answered ${status} and is nowhere`;
      }
    },
  }),
  'what was answered as delivered is not withdrawn': rule({
    kind: 'lost',
    promise: 'S2',
    *broken(jobCase) {
      for (const { told } of tellings(jobCase)) {
        if (told.state === 'PENDING' || find(jobCase, told.id)?.state !== WITHDRAWN) continue;
        yield `${told.id} was answered as ${told.state} and was withdrawn`;
      }
    },
  }),
  'what was answered as delivered was executed': rule({
    kind: 'lost',
    promise: 'S2',
    *broken(jobCase) {
      for (const { told } of tellings(jobCase)) {
        if (MAY_BE_UNDELIVERED.includes(told.state) || jobCase.executions.includes(told.id)) continue;
        yield `${told.id} was answered as ${told.state} and never executed`;
      }
    },
  }),
  'what ended as delivered was executed': rule({
    kind: 'lost',
    promise: 'S2',
    *broken({ dispatches, executions }) {
      for (const { id, state } of dispatches) {
        if (MAY_BE_UNDELIVERED.includes(state) || executions.includes(id)) continue;
        yield `${id} ended ${state} and was never executed`;
      }
    },
  }),
  'a delivery is tried for as long as another attempt fits into its window': rule({
    kind: 'lost',
    promise: 'S2',
    needs: ['lifetimes', 'windows'],
    *broken(jobCase, { lifetimes, windows }) {
      for (const dispatch of jobCase.dispatches) {
        const lived = lifetimes.get(dispatch.id);
        if (dispatch.state !== WITHDRAWN || !lived || wasRefused(dispatch, jobCase)) continue;
        // A ghost touches the record later, which only hides what was too early.
        if (lived.changedAt - lived.madeAt < leastMs(dispatch, jobCase, windows)) {
          yield `${dispatch.id} was given up before its window closed`;
        }
      }
    },
  }),
  'a dispatch is executed once': rule({
    kind: 'doubled',
    promise: 'S3',
    *broken({ executions }) {
      for (const [id, { length }] of Map.groupBy(executions, (executed) => executed)) {
        if (length > 1) yield `${id} was executed ${length} times`;
      }
    },
  }),
  'only what is kept is executed': rule({
    kind: 'doubled',
    promise: 'S3',
    *broken(jobCase) {
      for (const id of new Set(jobCase.executions)) {
        if (!find(jobCase, id) && !forgets(jobCase)) yield `${id} was executed and never stored`;
      }
    },
  }),
  'one request makes one dispatch': rule({
    kind: 'doubled',
    promise: 'S3',
    *broken({ dispatches }) {
      const standing = dispatches.filter(({ state }) => state !== WITHDRAWN);
      for (const [request, { length }] of Map.groupBy(standing, (dispatch) => dispatch.request)) {
        if (length > 1) yield `${request} made ${length} dispatches`;
      }
    },
  }),
  'a request is answered with its own dispatch': rule({
    kind: 'doubled',
    promise: 'S3',
    *broken(jobCase) {
      for (const { call, told } of tellings(jobCase)) {
        const dispatch = find(jobCase, told.id);
        if (dispatch && dispatch.request !== call.request) {
          yield `${call.request} was answered with ${told.id}, which ${dispatch.request} made`;
        }
      }
    },
  }),
  'a dispatch is answered as new once': rule({
    kind: 'doubled',
    promise: 'S3',
    *broken(jobCase) {
      const news = tellings(jobCase).filter(({ told, status }) => status === 202 && !told.replayed);
      for (const [id, { length }] of Map.groupBy(news, ({ told }) => told.id)) {
        if (length > 1) yield `${id} was answered as new ${length} times`;
      }
    },
  }),
  'nothing is dispatched after what was cancelled': rule({
    kind: 'doubled',
    promise: 'S1',
    *broken(jobCase) {
      const { dispatches, trail, calls } = jobCase;
      for (const [index, { id, state }] of dispatches.entries()) {
        // One that had settled is cancelled with its job, after others that came to nothing.
        const next = dispatches
          .slice(index + 1)
          .find((later) => trail.some((one) => one.dispatchId === later.id));
        if (next && state === 'CANCELLED' && !isAbandoned({ id }, trail))
          yield `${next.id} was opened although ${id} was cancelled`;
      }
      const cancels = calls.filter(
        ({ operation, ending }) => operation === 'cancel' && ending.kind === 'done',
      );
      const cancelledAt = Math.min(...cancels.map(({ endedAt }) => endedAt));
      for (const { call, told } of tellings(jobCase)) {
        if (call.sentAt > cancelledAt) yield `${told.id} was accepted after the cancel`;
      }
    },
  }),
  'no dispatch is opened while another is open': rule({
    kind: 'doubled',
    promise: 'S1',
    needs: ['lifetimes'],
    *broken({ dispatches }, { lifetimes }) {
      for (const [index, { id, state }] of dispatches.entries()) {
        const next = dispatches[index + 1];
        // What is told to stop is touched again when that is delivered, so its times prove nothing.
        if (!next || ENDED_BY_OTHERS.includes(state)) continue;
        const [lived, follows] = [lifetimes.get(id), lifetimes.get(next.id)];
        if (lived && follows && follows.madeAt < lived.changedAt) {
          yield `${next.id} was opened while ${id} was`;
        }
      }
    },
  }),
};

/** Every answer that told of a dispatch as accepted, now or before. */
function tellings({ calls }: JobCase): { call: Call; told: ToldDispatch; status: number }[] {
  return calls.flatMap((call) =>
    call.ending.kind === 'done' && call.ending.dispatch
      ? [{ call, told: call.ending.dispatch, status: call.ending.status }]
      : [],
  );
}

/** Cancelled with its job is what the trail says so of; what was given up besides has failed the job, or was never heard of. */
export const isAbandoned = ({ id }: { id: string }, trail: JobCase['trail']): boolean =>
  !trail.some(({ dispatchId, to }) => dispatchId === id && to === 'CANCELLED');

/** Whether more were withdrawn, as it seems, than are kept: one that is nowhere may have been among them. */
export const forgets = ({ dispatches }: Pick<JobCase, 'dispatches'>): boolean =>
  dispatches.filter(({ state }) => state === WITHDRAWN).length >= KEPT_WITHDRAWN;

const find = ({ dispatches }: JobCase, id: string): CaseDispatch | undefined =>
  dispatches.find((dispatch) => dispatch.id === id);

const wasRefused = ({ id }: CaseDispatch, { requests }: JobCase): boolean =>
  requests.some(
    (request) => request.dispatchId === id && request.type !== 'job.cancel' && request.wasRefused,
  );

/** How long a dispatch has to be tried before it may be given up. */
function leastMs({ request, attempts }: CaseDispatch, { calls }: JobCase, windows: Windows): number {
  const asked = calls.filter((call) => call.request === request);
  // What nobody asked for is tried for as long as there is.
  const windowMs = Math.min(windows.deadlineMs, ...asked.map(({ prefer }) => windowMsOf(prefer, windows)));
  const pauseMs = PAUSES[Math.min(attempts, PAUSES.length) - 1] ?? 0;
  return windowMs - Math.max(pauseMs, windows.longestRetryAfterMs) - SHORTEST_ATTEMPT_MS;
}
