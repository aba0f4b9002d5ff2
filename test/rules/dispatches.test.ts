// Planted: dispatches that are lost, doubled, or open at once.
import { describe, expect, test } from 'vitest';
import type { Call } from './case.ts';
import { DISPATCH_RULES } from './dispatches.ts';
import {
  brokenBy,
  call,
  dispatch,
  done,
  findsPlanted,
  type Kept,
  lived,
  REFUSED,
  RETRY,
  RUN,
  refused,
  told,
} from './kept.ts';

const withState = ({ dispatches }: Kept, id: string, state: string): void => {
  for (const stored of dispatches) if (stored.id === id) stored.state = state;
};

findsPlanted(DISPATCH_RULES, {
  'what was accepted is kept': {
    'an accepted dispatch that is nowhere': ({ dispatches }) => {
      dispatches.pop();
    },
    'a replayed dispatch that is nowhere': ({ dispatches, calls }) => {
      dispatches.shift();
      calls.splice(2, 1);
    },
  },
  'what was answered as delivered is not withdrawn': {
    'a delivered dispatch that was withdrawn': (kept) => withState(kept, RUN, 'UNDELIVERABLE'),
  },
  'what was answered as delivered was executed': {
    'a delivered dispatch that was never executed': (kept) => {
      kept.executions.shift();
      withState(kept, RUN, 'CANCELLED');
    },
  },
  'what ended as delivered was executed': {
    'a pending dispatch that ended as delivered and was never executed': ({ executions }) => {
      executions.pop();
    },
    'a dispatch that was given up for silent and was never executed': (kept) => {
      kept.executions.pop();
      withState(kept, RETRY, 'TIMED_OUT');
    },
  },
  'a delivery is tried for as long as another attempt fits into its window': {
    'a dispatch that was given up before its window closed': ({ dispatches, calls, known }) => {
      dispatches.push(dispatch('dsp_late', 'UNDELIVERABLE', 'retry-2'));
      known.lifetimes.set('dsp_late', lived(30, 33));
      const asked = { request: 'retry-2', prefer: 'respond-async' };
      calls.push(call('retry', 30, done({ status: 202, dispatch: told('dsp_late', 'PENDING') }), asked));
    },
    'one whose caller waited, and that nobody refused': ({ requests, known }) => {
      for (const request of requests) request.wasRefused = false;
      known.lifetimes.set(REFUSED, lived(10, 12));
    },
    'one of which nothing but the cancel was refused': ({ requests }) => {
      for (const request of requests) if (request.wasRefused) request.type = 'job.cancel';
    },
  },
  'a dispatch is executed once': {
    'a dispatch that was executed twice': ({ executions }) => {
      executions.push(RETRY);
    },
  },
  'only what is kept is executed': {
    'an execution of a dispatch that was never stored': ({ executions }) => {
      executions.push('dsp_phantom');
    },
  },
  'one request makes one dispatch': {
    'a request that made two dispatches': (kept) => withState(kept, REFUSED, 'TIMED_OUT'),
    'a second run': ({ dispatches }) => {
      dispatches.push(dispatch('dsp_again', 'FAILED', 'run'));
    },
  },
  'a request is answered with its own dispatch': {
    'an answer that tells of another request’s dispatch': ({ calls }) => {
      calls.push(call('retry', 30, done({ dispatch: told(RUN, 'FAILED', { replayed: true }) })));
    },
    'two dispatches for one request, of which the other holds one': ({ dispatches }) => {
      for (const stored of dispatches.slice(-1)) stored.request = 'retry-2';
    },
  },
  'a dispatch is answered as new once': {
    'a dispatch that was answered as new twice': ({ calls }) => {
      calls.push(call('run', 3, done({ status: 202, dispatch: told(RUN, 'RUNNING') })));
    },
  },
  'nothing is dispatched after what was cancelled': {
    'a dispatch after the one that was cancelled with its job': (kept) => {
      withState(kept, RUN, 'CANCELLED');
      const ended = kept.trail.findLast(({ dispatchId }) => dispatchId === RUN);
      if (ended) ended.to = 'CANCELLED';
    },
    'a dispatch that was accepted after the cancel': ({ calls }) => {
      calls.push(call('cancel', 5, done({})));
    },
  },
  'no dispatch is opened while another is open': {
    'two dispatches that were open at once': ({ known, dispatches }) => {
      dispatches.splice(1, 1);
      known.lifetimes.set(RUN, lived(1, 20.001));
    },
  },
});

describe('behind as many withdrawn ones as are kept', () => {
  const NOWHERE = 'dsp_nowhere';
  const retried = (state: string) =>
    call('retry', 12, done({ status: 202, dispatch: told(NOWHERE, state) }), { request: 'retry-0' });
  const gaveUp = call('retry', 13, refused(502, 'ORCHESTRATOR_DISPATCH_FAILED', NOWHERE));
  const brokenBehind = (withdrawn: number, ...calls: Call[]) =>
    brokenBy((kept) => {
      const others = withdrawn - 1;
      const add = (_: unknown, nth: number) => dispatch(`dsp_${nth}`, 'UNDELIVERABLE', `retry-${nth + 2}`);
      kept.dispatches.splice(1, 0, ...Array.from({ length: others }, add));
      kept.executions.push(NOWHERE);
      kept.calls.push(...calls);
    });
  const lost = ['what was accepted is kept', 'only what is kept is executed', 'a 502 means withdrawn'];

  test('one that was withdrawn may be gone', () => {
    const broken = brokenBehind(20, retried('PENDING'), gaveUp);
    for (const rule of lost) expect(broken).not.toContain(rule);
  });

  test('one that was delivered may not', () => {
    expect(brokenBehind(20, retried('DELIVERED'))).toContain('what was accepted is kept');
  });

  test('and none may behind fewer', () => {
    expect(brokenBehind(19, retried('PENDING'), gaveUp)).toEqual(expect.arrayContaining(lost));
  });
});
