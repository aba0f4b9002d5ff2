// Planted: answers that no document has, that come too late or never, and refusals for nothing.
import { describe, expect, test } from 'vitest';
import { ANSWER_RULES } from './answers.ts';
import {
  brokenBy,
  call,
  done,
  entry,
  findsPlanted,
  type Plant,
  REFUSED,
  RETRY,
  RUN,
  refused,
  report,
  told,
} from './kept.ts';

const asked =
  (...args: Parameters<typeof call>): Plant =>
  ({ calls }) => {
    calls.push(call(...args));
  };

/** The pipeline of the draft goes on at 30 s; a redo is refused at `seconds`. */
const goingOn =
  (seconds: number, code: string): Plant =>
  (kept) => {
    const further = report(RETRY, 'EDITING', 30);
    const { dispatchId, eventId, occurredAt, correlationId } = further;
    kept.reports.push(further);
    kept.known.remembered.push({ dispatchId, eventId });
    const entered = entry('orchestrator', 'DRAFT_READY', 'EDITING', RETRY);
    kept.trail.push({ ...entered, seq: kept.trail.length + 1, occurredAt, correlationId });
    Object.assign(kept, { status: 'EDITING', revision: 11 });
    kept.known.listed = 'EDITING';
    kept.calls.push(call('redo', seconds, refused(409, code)));
  };

findsPlanted(ANSWER_RULES, {
  'what was ended while its caller waited is answered with a refusal': {
    'a redo that was given up': asked(
      'redo',
      50,
      done({ status: 202, dispatch: told('dsp_x', 'CANCELLED') }),
    ),
  },
  'every answer is one that is documented': {
    'an internal error': asked('read', 50, refused(500, 'INTERNAL')),
    'a job that is not found': asked('read', 50, refused(404, 'RESOURCE_NOT_FOUND')),
    'a code with another status': asked('retry', 50, refused(503, 'ORCHESTRATOR_DISPATCH_FAILED')),
    'a 502 of what dispatches nothing': asked('read', 50, refused(502, 'ORCHESTRATOR_DISPATCH_FAILED')),
    'a conflict of what conflicts with nothing': asked('confirm', 50, refused(409, 'VIDEO_URI_CONFLICT')),
    'an abandonment of what has ended': asked('abandon', 50, refused(409, 'FSM_TERMINAL_IMMUTABLE')),
    'an edit that is in the way of an edit': asked('edit', 50, refused(409, 'EDITS_IN_THE_WAY')),
    'an export that has changed its plan': asked('export', 50, refused(412, 'PLAN_CHANGED')),
    'a cancel that meets a running dispatch': asked('cancel', 50, refused(409, 'JOB_ALREADY_RUNNING')),
    'a refusal without a code': asked('retry', 50, {
      ...{ kind: 'refused', status: 409, code: null, dispatchId: null },
    }),
  },
  'a request that is not answered met a fault': {
    'a request that nobody answered while the service was up': asked('read', 50, {
      kind: 'unanswered',
      metFault: false,
    }),
  },
  'an answer comes within the wait': {
    'an answer that comes after the wait': asked('run', 50, done({}), { endedAt: 58_101 }),
    'an answer that comes after the wait that was asked for': asked('run', 50, done({}), {
      prefer: 'wait=3',
      endedAt: 53_101,
    }),
    'an answer that comes late although nobody waits': asked('run', 50, done({}), {
      prefer: 'respond-async',
      endedAt: 50_101,
    }),
    'a refusal that comes late': asked('cancel', 50, refused(409, 'FSM_TERMINAL_IMMUTABLE'), {
      endedAt: 50_101,
    }),
    'a wait that begins after what held the retry up': asked('retry', 50, done({}), {
      prefer: 'respond-async, wait=3',
      endedAt: 53_900,
    }),
    'a retry that is held up for too long': asked('retry', 50, done({}), {
      prefer: 'respond-async',
      endedAt: 51_101,
    }),
  },
  'who waits to the end is told the outcome': {
    'a dispatch of which nothing is known when the wait is over': asked(
      'retry',
      50,
      done({ status: 202, dispatch: told(RETRY, 'PENDING') }),
      { endedAt: 58_000 },
    ),
    'the same for whoever says how long': asked(
      'run',
      50,
      done({ status: 202, dispatch: told(RUN, 'PENDING') }),
      { prefer: 'wait=3', endedAt: 53_000 },
    ),
  },
  'who asks at rest is refused only for a reason': {
    'a refusal without a reason': asked('retry', 50, refused(409, 'JOB_ALREADY_RUNNING')),
    'that of a run that nobody gave up': asked('run', 50, refused(409, 'FSM_TRANSITION_INVALID')),
    'that of a redo because an earlier pipeline had failed': asked(
      'redo',
      50,
      refused(409, 'FSM_TERMINAL_IMMUTABLE'),
    ),
    'that of a redo before the pipeline goes on': goingOn(27, 'JOB_ALREADY_RUNNING'),
    'one that a cancel does not explain': ({ calls }) => {
      calls.push(call('cancel', 45, { kind: 'unanswered', metFault: true }));
      calls.push(call('retry', 50, refused(409, 'JOB_ALREADY_RUNNING')));
    },
    'one before the request that would explain it': ({ calls }) => {
      calls.push(call('retry', 50, refused(409, 'JOB_ALREADY_RUNNING')));
      calls.push(call('retry', 55, { kind: 'forgotten' }));
    },
  },
  'a repeat is never refused because of its own dispatch': {
    'a repeat that meets itself': asked('retry', 50, refused(409, 'JOB_ALREADY_RUNNING', RETRY)),
  },
  'a cancel that is repeated is answered as it was': {
    'a repeat that is refused': ({ calls }) => {
      calls.push(call('cancel', 45, done({ revision: 11 })));
      calls.push(call('cancel', 50, refused(409, 'FSM_TERMINAL_IMMUTABLE')));
    },
  },
  'all who wait for one dispatch are answered once its outcome is known': {
    'a second caller who waits for what the first one knows': ({ calls }) => {
      calls.push(call('run', 1.1, done({ dispatch: told(RUN, 'DELIVERED', { replayed: true }) })));
      for (const last of calls.slice(-1)) last.endedAt = 9_100;
    },
    'one who is told of the withdrawal long after the other': asked(
      'retry',
      10,
      refused(502, 'ORCHESTRATOR_DISPATCH_FAILED', REFUSED),
      { endedAt: 18_000 },
    ),
  },
  'no revision is seen after a later one': {
    'a revision that went back': asked('read', 50, done({ revision: 9 })),
  },
  'no revision that was seen is gone': {
    'a revision that was seen and is gone': asked('read', 50, done({ revision: 11 })),
  },
});

describe('no violation is', () => {
  test.each<[string, Plant]>([
    ['a request that a fault cut off', asked('read', 50, { kind: 'unanswered', metFault: true })],
    ['a request that its sender has forgotten', asked('read', 50, { kind: 'forgotten' })],
    ['an object that is overloaded', asked('read', 50, refused(503, 'OVERLOADED'))],
    [
      'a refusal that a cancel explains',
      ({ calls }) => {
        calls.push(call('cancel', 45, refused(409, 'FSM_TERMINAL_IMMUTABLE')));
        calls.push(call('retry', 50, refused(409, 'RETRY_NOT_ALLOWED_STATE')));
      },
    ],
    [
      'a correction that is in the way of a retry, and a draft that is not there to be exported',
      ({ calls }) => {
        calls.push(call('retry', 50, refused(409, 'EDITS_IN_THE_WAY')));
        calls.push(call('export', 52, refused(409, 'NOTHING_TO_EXPORT')));
      },
    ],
    [
      'a refusal that an abandonment explains',
      ({ calls }) => {
        calls.push(call('abandon', 45, refused(409, 'JOB_NOT_RUNNING')));
        calls.push(call('retry', 50, refused(409, 'RETRY_NOT_ALLOWED_STATE')));
        calls.push(call('run', 52, refused(409, 'FSM_TRANSITION_INVALID')));
      },
    ],
    [
      'a refusal of a redo whose job did not rest: its pipeline went on behind the draft',
      goingOn(29.95, 'JOB_ALREADY_RUNNING'),
    ],
    [
      'a refusal that a forgotten request explains',
      ({ calls }) => {
        calls.push(call('retry', 45, { kind: 'forgotten' }));
        calls.push(call('retry', 50, refused(409, 'JOB_ALREADY_RUNNING')));
      },
    ],
    [
      'one who waits for what is still on its way',
      asked('retry', 20, done({ dispatch: told(RETRY, 'PENDING', { replayed: true }) }), { endedAt: 28_100 }),
    ],
    [
      'an older revision that was asked for before the later one was answered',
      asked('read', 40.05, done({ revision: 9 })),
    ],
    [
      'one who waits for too short a time',
      asked('retry', 50, done({ dispatch: told(RETRY, 'PENDING') }), { prefer: 'wait=2', endedAt: 52_000 }),
    ],
    [
      'one who waits for a while, and lets the delivery go on',
      asked('retry', 50, done({ dispatch: told(RETRY, 'PENDING') }), {
        prefer: 'respond-async, wait=5',
        endedAt: 55_000,
      }),
    ],
    [
      'a retry that is held up although nobody waits',
      asked('retry', 50, done({}), { prefer: 'respond-async', endedAt: 51_100 }),
    ],
    [
      'a long wait that was asked for',
      asked('run', 50, done({}), { prefer: 'respond-async, wait=30', endedAt: 80_100 }),
    ],
  ])('%s', (_, plant) => {
    expect(brokenBy(plant)).toEqual([]);
  });
});
