// The checker of chaos runs sees all that is on record: records in which every promise is kept pass, and what is planted
// in any of them is found. What each rule finds is the rules' own to test (test/rules).
import { describe, expect, test } from 'vitest';
import type { AtLargeRuleName } from '../rules/at-large.ts';
import { judge, RULES, type RuleName } from '../rules/judge.ts';
import { casesOf } from '../soak/chaos-case.ts';
import { check } from '../soak/chaos-checker.ts';
import type { ChaosRecords } from '../soak/chaos-records.ts';
import {
  anotherJob,
  call,
  callback,
  dispatch,
  execution,
  type Kept,
  keptRecords,
  newest,
  REFUSED,
  RETRY,
  RUN,
  time,
  WINDOWS,
} from './kept-records.ts';

type Plant = (records: Kept) => void;
const broken = (records: ChaosRecords): string[] => check(records, WINDOWS).map(({ rule }) => rule);

/** One more call on record. */
const asked =
  (...args: Parameters<typeof call>): Plant =>
  ({ calls }) => {
    calls.push(call(...args));
  };

test('records in which every promise is kept pass', () => {
  expect(check(keptRecords(), WINDOWS)).toEqual([]);
});

/** No chaos editor labels a job. */
const LABELS = [
  'a change of labels that was taken is there',
  'a change of labels is there because somebody asked for it, and was not refused',
  'a job is listed with its labels',
  'a job is found by its external id, and no other is',
];

test('a chaos run is judged by every rule but those on what is not shown, and on real time', () => {
  const [jobCase] = casesOf(keptRecords(), WINDOWS);
  const applied: readonly string[] = jobCase ? judge(jobCase).applied : [];
  expect(Object.keys(RULES).filter((rule) => !applied.includes(rule))).toEqual([
    'no cancel stays undelivered',
    'rest comes in time',
    'a job at rest keeps no alarm',
    'no report of a withdrawn dispatch is remembered',
    'a report that was taken is remembered',
    'only what was reported is remembered',
    'a pipeline that was executed and did not end by itself is told so',
    ...LABELS,
    'an answer comes within the wait',
    'who waits to the end is told the outcome',
    'all who wait for one dispatch are answered once its outcome is known',
  ]);
});

const PLANTED: [RuleName | AtLargeRuleName, string, Plant][] = [
  [
    'a job comes to rest',
    'its status',
    ({ job }) => {
      job.status = job.listedStatus = 'GENERATING';
    },
  ],
  [
    'no dispatch stays open',
    'its open dispatch',
    ({ job }) => {
      job.openDispatchId = RETRY;
    },
  ],
  [
    'a job is listed as it is',
    'its list',
    ({ job }) => {
      job.listedStatus = null;
    },
  ],
  ['what was accepted is kept', 'its dispatches', ({ job }) => void job.dispatches.pop()],
  ['what ended as delivered was executed', 'the executions', ({ log }) => void log.executions.shift()],
  [
    'a dispatch is executed once',
    'the executions',
    ({ log }) => void log.executions.push(execution(RETRY, 'AUDIO_READY', 22)),
  ],
  [
    'a delivery is tried for as long as another attempt fits into its window',
    'the times of its dispatches',
    ({ job, calls }) => {
      job.dispatches.push(dispatch('dsp_late', 'retry', 'UNDELIVERABLE', [30, 33], 'retry-2'));
      calls.push(call('retry', 30, { status: 202, prefer: 'respond-async', requestKey: 'retry-2' }));
    },
  ],
  [
    'a delivery is tried for as long as another attempt fits into its window',
    'how the orchestrator answered',
    ({ log }) => {
      for (const request of log.requests) if (request.dispatch_id === REFUSED) request.answer = 429;
    },
  ],
  [
    'no dispatch is opened while another is open',
    'the times of its dispatches',
    ({ job }) => {
      job.dispatches[0] = dispatch(RUN, 'run', 'FAILED', [1, 10.001]);
    },
  ],
  [
    'one request makes one dispatch',
    'the states of its dispatches',
    ({ job }) => {
      for (const row of job.dispatches) if (row.dispatch_id === REFUSED) row.dispatch_state = 'TIMED_OUT';
    },
  ],
  [
    'a request is answered with its own dispatch',
    'which request asked',
    asked('retry', 50, { status: 200, dispatchId: RETRY, dispatchState: 'SETTLED', requestKey: 'retry-2' }),
  ],
  [
    'a dispatch is answered as new once',
    'what is new',
    asked('run', 3, { status: 202, dispatchId: RUN, dispatchState: 'RUNNING', replayed: false }),
  ],
  [
    'a 502 means withdrawn',
    'the dispatch that a 502 names',
    asked('run', 50, { status: 502, errorCode: 'ORCHESTRATOR_DISPATCH_FAILED', dispatchId: RUN }),
  ],
  [
    'no report of a withdrawn dispatch is accepted',
    'the reports',
    ({ log }) => void log.callbacks.push(callback(REFUSED, 'TRANSCRIBING', 12)),
  ],
  [
    'a report is applied once',
    'the reports',
    ({ log }) => void log.callbacks.push(...log.callbacks.slice(-1)),
  ],
  [
    'no pipeline is accepted once a newer one was',
    'the times of reports',
    ({ log }) => void log.callbacks.push(callback(RUN, 'AUDIO_EXTRACTING', 24)),
  ],
  [
    'no report meets an internal error',
    'the answers to reports',
    ({ log }) =>
      newest(log.callbacks, (last) => {
        last.answer = 500;
        last.error_code = 'INTERNAL';
      }),
  ],
  [
    'a pipeline that may go on is not told to stop',
    'what reports were told',
    ({ log }) =>
      void log.callbacks.push({
        ...callback(RUN, 'TRANSCRIBING', 19),
        ...{ answer: 409, error_code: 'DISPATCH_NOT_CURRENT' },
      }),
  ],
  ['no report is accepted after a cancel', 'the cancels', asked('cancel', 21.5, { status: 200 })],
  [
    'only what was reported is in the trail',
    'the answers to reports',
    ({ log }) =>
      newest(log.callbacks, (last) => {
        last.answer = 409;
      }),
  ],
  [
    'an older dispatch moves nothing after a newer one',
    'who moved it',
    ({ job }) =>
      newest(job.transitions, (last) => {
        last.dispatch_id = RUN;
      }),
  ],
  [
    'every entry is one that the table allows',
    'who may have moved it',
    ({ job }) =>
      newest(job.transitions, (last) => {
        last.actor_type = 'editor';
      }),
  ],
  [
    'the entries are in order',
    'the order of entries',
    ({ job }) => {
      for (const entry of job.transitions) entry.seq = 1;
    },
  ],
  [
    'a retry resumes from the furthest checkpoint on record',
    'the artifacts of reports',
    ({ log }) => {
      for (const { status, body } of log.callbacks) if (status === 'AUDIO_READY') body.artifact_updates = {};
    },
  ],
  [
    'a retry resumes from the furthest checkpoint on record',
    'where its dispatches resumed',
    ({ job }) =>
      newest(job.dispatches, (retry) => {
        retry.resume_from_status = 'UPLOADED';
      }),
  ],
  [
    'everybody is told the same of where a retry resumes',
    'what the orchestrator was sent',
    ({ log }) =>
      newest(log.requests, ({ body }) => {
        if (body.type === 'job.retry') body.resume_from_status = 'UPLOADED';
      }),
  ],
  [
    'everybody is told the same of where a retry resumes',
    'what editors were told',
    ({ calls }) => {
      for (const told of calls) if (told.checkpointRef) told.checkpointRef = 's3://other';
    },
  ],
  [
    'every answer is one that is documented',
    'the codes of answers',
    asked('read', 50, { status: 500, errorCode: 'INTERNAL' }),
  ],
  [
    'who asks at rest is refused only for a reason',
    'the codes of answers',
    asked('retry', 50, { status: 409, errorCode: 'JOB_ALREADY_RUNNING' }),
  ],
  [
    'a repeat is never refused because of its own dispatch',
    'the dispatch that a refusal names',
    asked('retry', 50, {
      ...{ status: 409, errorCode: 'JOB_ALREADY_RUNNING', dispatchId: RETRY, requestKey: 'retry-1' },
    }),
  ],
  [
    'a request that is not answered met a fault',
    'how calls ended',
    asked('read', 50, { status: 0, ending: 'cut' }),
  ],
  [
    'a request that is not answered met a fault',
    'what the runtime answers in its stead, also while the service is down',
    asked('read', 50, { status: 503, ending: 'foreign', metKill: true }),
  ],
  ['no revision that was seen is gone', 'the revisions', asked('read', 50, { status: 200, revision: 11 })],
  [
    'a job that was created is there',
    'the creations',
    ({ calls }) => void calls.push({ ...call('create', 50, { status: 201 }), jobId: 'job_2' }),
  ],
  ['no job is there that nobody asked for', 'the jobs', anotherJob],
  [
    'every answer at large is one that is documented',
    'the calls of no job',
    ({ calls }) => {
      calls.push({ ...call('project', 50, { status: 500, errorCode: 'INTERNAL' }), jobId: null });
    },
  ],
  ['no secret is told', 'the output', ({ leaks }) => void leaks.push('token <secret>')],
];

describe('found is what breaks', () => {
  test.each(PLANTED)('"%s" in %s', (rule, _, plant) => {
    const records = keptRecords();
    plant(records);
    expect(broken(records)).toContain(rule);
  });
});

describe('no violation is', () => {
  test.each<[string, Plant]>([
    ['a request that a kill cut off', asked('read', 50, { status: 0, ending: 'cut', metKill: true })],
    [
      'a report that was applied although its answer was lost, and its repeat',
      ({ log }) => {
        const lost = { answer: 'unreachable' as const };
        newest(log.callbacks, (last) => {
          log.callbacks.splice(-1, 1, { ...last, ...lost }, { ...last, answer: 200, attempt: 2 });
        });
      },
    ],
    [
      'a report that did not reach the service',
      ({ log }) => newest(log.callbacks, (last) => void log.callbacks.unshift({ ...last, answer: 503 })),
    ],
    [
      'an older report whose answer came late',
      ({ log }) => {
        for (const failed of log.callbacks.slice(2, 3)) failed.at = time(22.1);
      },
    ],
    [
      'a job whose creation was not answered',
      (records) => {
        const cutOff = { status: 0, ending: 'cut' as const, metKill: true };
        records.calls.push({ ...call('create', 0, cutOff), jobId: null });
        anotherJob(records);
      },
    ],
  ])('%s', (_, plant) => {
    const records = keptRecords();
    plant(records);
    expect(check(records, WINDOWS)).toEqual([]);
  });
});
