// That every job comes to rest in the end, and is listed as it is.
import { OPEN, RESTING } from './protocol.ts';
import { rule } from './rule.ts';

export const REST_RULES = {
  'a job comes to rest': rule({
    kind: 'stuck',
    promise: 'L3',
    *broken({ status }) {
      if (!RESTING.includes(status)) yield `is still ${status}`;
    },
  }),
  'no dispatch stays open': rule({
    kind: 'stuck',
    promise: 'L3',
    *broken({ openDispatchId, dispatches }) {
      if (openDispatchId !== null) yield `${openDispatchId} is still open`;
      for (const { id, state } of dispatches) {
        if (OPEN.includes(state) && id !== openDispatchId) yield `${id} is still ${state}`;
      }
    },
  }),
  'no cancel stays undelivered': rule({
    kind: 'stuck',
    promise: 'L3',
    needs: ['notices'],
    *broken(_case, { notices }) {
      for (const [id, state] of notices) {
        if (state === 'PENDING') yield `the cancel of ${id} is still to be delivered`;
      }
    },
  }),
  'rest comes in time': rule({
    kind: 'stuck',
    promise: 'L3',
    needs: ['rest'],
    *broken(_case, { rest: { tookMs, boundMs } }) {
      if (tookMs > boundMs) yield `took ${tookMs} ms to come to rest, and has ${boundMs}`;
    },
  }),
  'a job at rest keeps no alarm': rule({
    kind: 'stuck',
    promise: 'L3',
    needs: ['rest'],
    *broken(_case, { rest: { alarmAt } }) {
      if (alarmAt !== null) yield `still has an alarm at ${alarmAt}`;
    },
  }),
  'a job is listed as it is': rule({
    kind: 'list',
    promise: 'L4',
    needs: ['listed'],
    *broken({ status }, { listed }) {
      if (listed === null) yield 'is not in the list of its project';
      else if (listed !== status) yield `is listed as ${listed}, and is ${status}`;
    },
  }),
};
