// The checker of chaos runs bites: records in which every promise is kept pass, and each broken one is found.
import { describe, expect, test } from 'vitest';
import type { ViolationKind } from '../soak/chaos-case.ts';
import { check } from '../soak/chaos-checker.ts';
import { countFaults, drawPlan, randomOf } from '../soak/chaos-plans.ts';
import type { Call, ChaosRecords, DispatchRow, FinalJob, TransitionRow } from '../soak/chaos-records.ts';
import { whyTooTame } from '../soak/chaos-report.ts';
import type { CallbackRecord, ExecutionRecord, RequestRecord } from '../support/orchestrator/log.ts';

const WINDOWS = { defaultWaitMs: 8_000, deadlineMs: 30_000, longestRetryAfterMs: 3_000 };
const START = Date.UTC(2026, 10, 24);
const time = (seconds: number): string => new Date(START + seconds * 1_000).toISOString();

/** A run that failed after its audio, a retry that was refused, the same again, and a draft. */
const [RUN, REFUSED, RETRY] = ['dsp_run', 'dsp_refused', 'dsp_retry'] as const;
const AUDIO = 's3://artifacts/audio';

function keptRecords() {
  const calls = [
    call('create', 0, { status: 201 }),
    call('run', 1, {
      status: 202,
      dispatchId: RUN,
      dispatchState: 'DELIVERED',
      replayed: false,
      requestKey: 'run',
    }),
    call('run', 2, {
      status: 200,
      dispatchId: RUN,
      dispatchState: 'RUNNING',
      replayed: true,
      requestKey: 'run',
    }),
    call('read', 9, { status: 200, revision: 6 }),
    call('retry', 10, {
      ...{
        status: 502,
        errorCode: 'ORCHESTRATOR_DISPATCH_FAILED',
        dispatchId: REFUSED,
        requestKey: 'retry-1',
      },
    }),
    call('retry', 20, {
      ...{ status: 202, dispatchId: RETRY, dispatchState: 'PENDING', replayed: false, requestKey: 'retry-1' },
      ...{ resumeFrom: 'AUDIO_READY', checkpointRef: AUDIO, prefer: 'respond-async' },
    }),
    call('read', 40, { status: 200, revision: 10 }),
  ];
  const dispatches = [
    dispatch(RUN, 'run', 'FAILED', [1, 8]),
    dispatch(REFUSED, 'retry', 'UNDELIVERABLE', [10, 10.5]),
    dispatch(RETRY, 'retry', 'SETTLED', [20, 25]),
  ];
  const callbacks = [
    callback(RUN, 'AUDIO_EXTRACTING', 3),
    callback(RUN, 'AUDIO_READY', 5),
    callback(RUN, 'FAILED', 8),
    callback(RETRY, 'TRANSCRIBING', 22),
    callback(RETRY, 'TRANSCRIPT_READY', 23),
    callback(RETRY, 'GENERATING', 24),
    callback(RETRY, 'DRAFT_READY', 25),
  ];
  const transitions = [
    transition('CREATED', 'UPLOADED', 0.5),
    transition('UPLOADED', 'AUDIO_EXTRACTING', 2, RUN),
    ...reported('AUDIO_EXTRACTING', callbacks.slice(1, 3)),
    ...reported('FAILED', callbacks.slice(3)),
  ];
  for (const [index, entry] of transitions.entries()) entry.seq = index + 1;
  const job: FinalJob = {
    ...{ id: 'job_1', status: 'DRAFT_READY', revision: 10, videoUri: 's3://video', openDispatchId: null },
    ...{ dispatches, transitions, listedStatus: 'DRAFT_READY' },
  };
  const requests = [request(RUN, 'job.run', 202, 1), request(REFUSED, 'job.retry', 422, 10.2)];
  requests.push(request(RETRY, 'job.retry', 202, 21));
  const executions = [execution(RUN, 'UPLOADED', 1), execution(RETRY, 'AUDIO_READY', 21)];
  const log = { requests, executions, callbacks, cancels: [], rejections: [] };
  return { calls, jobs: [job], log, leaks: [] as string[], job };
}
type Kept = ReturnType<typeof keptRecords>;

const found = (records: ChaosRecords): ViolationKind[] => [
  ...new Set(check(records, WINDOWS).map(({ kind }) => kind)),
];

test('records in which every promise is kept pass', () => {
  expect(check(keptRecords(), WINDOWS)).toEqual([]);
});

const PLANTED: [ViolationKind, string, (records: Kept) => void][] = [
  [
    'stuck',
    'a job that is still in progress',
    ({ job }) => {
      job.transitions.pop();
      job.status = job.listedStatus = 'GENERATING';
    },
  ],
  [
    'stuck',
    'a dispatch that is still open',
    ({ job }) => {
      job.openDispatchId = RETRY;
    },
  ],
  [
    'list',
    'a job that is listed as it was',
    ({ job }) => {
      job.listedStatus = 'FAILED';
    },
  ],
  [
    'list',
    'a job that is not listed',
    ({ job }) => {
      job.listedStatus = null;
    },
  ],
  [
    'lost',
    'an accepted dispatch that is nowhere',
    ({ job }) => {
      job.dispatches.pop();
    },
  ],
  [
    'lost',
    'a delivered dispatch that was never executed',
    ({ log }) => {
      log.executions.shift();
    },
  ],
  [
    'lost',
    'a pending dispatch that ended as delivered and was never executed',
    ({ log }) => {
      log.executions.pop();
    },
  ],
  [
    'lost',
    'a delivered dispatch that was withdrawn',
    ({ job, log }) => {
      withState(job, RUN, 'UNDELIVERABLE');
      log.callbacks.splice(0, 3);
    },
  ],
  [
    'lost',
    'a dispatch that was given up before its window closed',
    ({ job, calls }) => {
      job.dispatches.push(dispatch('dsp_late', 'retry', 'UNDELIVERABLE', [30, 33], 'retry-2'));
      calls.push(call('retry', 30, { status: 202, prefer: 'respond-async', requestKey: 'retry-2' }));
    },
  ],
  [
    'lost',
    'a created job that is nowhere',
    ({ calls }) => {
      calls.push({ ...call('create', 50, { status: 201 }), jobId: 'job_2' });
    },
  ],
  ['lost', 'a revision that went back', asked('read', 50, { status: 200, revision: 9 })],
  ['lost', 'a revision that was seen and is gone', asked('read', 50, { status: 200, revision: 11 })],
  [
    'doubled',
    'a dispatch that was executed twice',
    ({ log }) => {
      log.executions.push(execution(RETRY, 'AUDIO_READY', 22));
    },
  ],
  [
    'doubled',
    'an execution of a dispatch that was never stored',
    ({ log }) => {
      log.executions.push(execution('dsp_phantom', 'UPLOADED', 22));
    },
  ],
  [
    'doubled',
    'a request that made two dispatches',
    ({ job }) => {
      withState(job, REFUSED, 'TIMED_OUT');
    },
  ],
  [
    'doubled',
    'two dispatches that were open at once',
    ({ job }) => {
      job.dispatches[0] = dispatch(RUN, 'run', 'FAILED', [1, 20.001]);
    },
  ],
  [
    'doubled',
    'a dispatch after the one that was cancelled',
    ({ job }) => {
      withState(job, RUN, 'CANCELLED');
    },
  ],
  [
    'doubled',
    'a dispatch that was answered as new twice',
    asked('run', 3, { status: 202, dispatchId: RUN, dispatchState: 'RUNNING', replayed: false }),
  ],
  [
    'doubled',
    'a report that was applied twice',
    ({ log }) => {
      log.callbacks.push(...log.callbacks.slice(-1));
    },
  ],
  [
    'doubled',
    'a job that nobody asked for',
    ({ jobs, job }) => {
      jobs.push({
        ...job,
        id: 'job_2',
        dispatches: [],
        transitions: [],
        status: 'CREATED',
        listedStatus: 'CREATED',
      });
    },
  ],
  [
    'broken 502',
    'a dispatch that was answered 502 and is alive',
    ({ job }) => {
      withState(job, REFUSED, 'TIMED_OUT');
    },
  ],
  [
    'broken 502',
    'a report of a withdrawn dispatch that was accepted',
    ({ log }) => {
      log.callbacks.push(callback(REFUSED, 'TRANSCRIBING', 12));
    },
  ],
  [
    'two at once',
    'a report of an older dispatch after one of a newer',
    ({ log }) => {
      log.callbacks.push(callback(RUN, 'AUDIO_EXTRACTING', 24));
    },
  ],
  [
    'two at once',
    'an audit trail in which an older dispatch moves the job again',
    ({ job }) => {
      const last = job.transitions.at(-1);
      if (last) last.dispatch_id = RUN;
    },
  ],
  [
    'two at once',
    'a report of nobody’s dispatch',
    ({ log }) => {
      log.callbacks.push(callback('dsp_phantom', 'TRANSCRIBING', 24));
    },
  ],
  ['broken cancel', 'a cancelled job that went on', asked('cancel', 21.5, { status: 200 })],
  [
    'broken cancel',
    'a job that is cancelled and nobody asked for it',
    ({ job }) => {
      job.transitions.push({ ...transition('DRAFT_READY', 'CANCELLED', 30), seq: 99 });
      job.status = job.listedStatus = 'CANCELLED';
    },
  ],
  [
    'audit trail',
    'a gap',
    ({ job }) => {
      job.transitions.splice(3, 1);
    },
  ],
  [
    'audit trail',
    'an end that is not the present',
    ({ job }) => {
      job.status = job.listedStatus = 'DONE';
    },
  ],
  [
    'audit trail',
    'entries out of order',
    ({ job }) => {
      for (const entry of job.transitions) entry.seq = 1;
    },
  ],
  [
    'audit trail',
    'an accepted report that is not in it',
    ({ job }) => {
      job.transitions.pop();
      job.status = job.listedStatus = 'GENERATING';
    },
  ],
  [
    'audit trail',
    'a report that is in it twice',
    ({ job }) => {
      job.transitions.push(...job.transitions.slice(-1));
    },
  ],
  [
    'audit trail',
    'a refused report that is in it',
    ({ log }) => {
      const last = log.callbacks.at(-1);
      if (last) last.answer = 409;
    },
  ],
  [
    'audit trail',
    'a report that is in it and was never made',
    ({ log }) => {
      log.callbacks.pop();
    },
  ],
  [
    'checkpoint',
    'a retry from the start although there was a checkpoint',
    ({ job }) => {
      const retry = job.dispatches.at(-1);
      if (retry) retry.resume_from_status = 'UPLOADED';
    },
  ],
  [
    'checkpoint',
    'a retry from another artifact',
    ({ job }) => {
      const retry = job.dispatches.at(-1);
      if (retry) retry.checkpoint_ref = 's3://other';
    },
  ],
  [
    'checkpoint',
    'an orchestrator that was told something else',
    ({ log }) => {
      const last = log.executions.at(-1);
      if (last) last.resume_from_status = 'UPLOADED';
    },
  ],
  [
    'checkpoint',
    'an editor who was told something else',
    ({ calls }) => {
      for (const told of calls) if (told.checkpointRef) told.checkpointRef = 's3://other';
    },
  ],
  ['answer', 'an internal error', asked('read', 50, { status: 500, errorCode: 'INTERNAL' })],
  ['answer', 'a job that is not found', asked('read', 50, { status: 404, errorCode: 'RESOURCE_NOT_FOUND' })],
  [
    'answer',
    'a refusal without a reason',
    asked('retry', 50, { status: 409, errorCode: 'JOB_ALREADY_RUNNING' }),
  ],
  [
    'answer',
    'a request that nobody answered while the service was up',
    asked('read', 50, { status: 0, ending: 'cut' }),
  ],
  [
    'answer',
    'an error that belongs to no job',
    ({ calls }) => {
      calls.push({ ...call('project', 50, { status: 500, errorCode: 'INTERNAL' }), jobId: null });
    },
  ],
  [
    'secret',
    'a secret in the output',
    ({ leaks }) => {
      leaks.push('token <secret>');
    },
  ],
];

describe('found is', () => {
  test.each(PLANTED)('%s: %s', (kind, _, plant) => {
    const records = keptRecords();
    plant(records);
    expect(found(records)).toContain(kind);
  });
});

describe('no violation is', () => {
  test.each<[string, (records: Kept) => void]>([
    ['a request that a kill cut off', asked('read', 50, { status: 0, ending: 'cut', metKill: true })],
    [
      'an answer of wrangler’s proxy while the service is down',
      asked('read', 50, { status: 503, ending: 'foreign', metKill: true }),
    ],
    [
      'a report that was applied although its answer was lost, and its repeat',
      ({ log }) => {
        const last = log.callbacks.at(-1);
        if (last)
          log.callbacks.splice(
            -1,
            1,
            { ...last, answer: 'unreachable' },
            { ...last, answer: 200, attempt: 2 },
          );
      },
    ],
    [
      'an older report whose answer came late',
      ({ log }) => {
        const failed = log.callbacks[2];
        if (failed) failed.at = time(22.1);
      },
    ],
    [
      'a job whose creation was not answered',
      ({ jobs, job, calls }) => {
        calls.push({ ...call('create', 0, { status: 0, ending: 'cut', metKill: true }), jobId: null });
        jobs.push({
          ...job,
          id: 'job_2',
          dispatches: [],
          transitions: [],
          status: 'CREATED',
          listedStatus: 'CREATED',
        });
      },
    ],
  ])('%s', (_, plant) => {
    const records = keptRecords();
    plant(records);
    expect(check(records, WINDOWS)).toEqual([]);
  });
});

test('a run in which nothing went wrong does not count', () => {
  const { log } = keptRecords();
  const tame = whyTooTame(
    { kills: 0, seconds: 60, faults: countFaults(log, []), answers: {}, executions: 2, fewestInFlight: 1 },
    { jobs: 2 },
  );
  expect(tame).toContain('0 kills, and at least 3 are needed');
  expect(tame).toContain('never happened: answer: accept_then_drop');
});

test('a planned fault counts only where the log shows it', () => {
  const { log } = keptRecords();
  const plan = { answers: [{ kind: 'refuse' as const, status: 422 }] };
  const at = (seconds: number) => [{ jobId: 'job_1', at: START + seconds * 1_000, plan }];
  expect(countFaults(log, at(10))['answer: refuse']).toBe(1);
  expect(countFaults(log, at(0))['answer: refuse']).toBe(0);
});

test('the same seed draws the same plans', () => {
  expect(drawPlan(randomOf(7))).toEqual(drawPlan(randomOf(7)));
});

/** One more call on record. */
function asked(...args: Parameters<typeof call>): (records: Kept) => void {
  return ({ calls }) => {
    calls.push(call(...args));
  };
}

function call(operation: Call['operation'], seconds: number, answer: Partial<Call>): Call {
  return {
    ...{ operation, jobId: 'job_1', requestKey: null, prefer: null, ending: 'answered', status: 0 },
    ...{ errorCode: null, metKill: false, dispatchId: null, dispatchState: null, replayed: null },
    ...{ resumeFrom: null, checkpointRef: null, revision: null },
    sentAt: START + seconds * 1_000,
    endedAt: START + seconds * 1_000 + 100,
    ...answer,
  };
}

function dispatch(
  dispatch_id: string,
  kind: 'run' | 'retry',
  dispatch_state: string,
  [created, updated]: [number, number],
  client_request_id = kind === 'run' ? null : 'retry-1',
): DispatchRow {
  const isLate = created >= 30;
  return {
    ...{ dispatch_id, kind, dispatch_state, client_request_id, delivery_attempts: 1 },
    resume_from_status: kind === 'run' ? null : isLate ? 'DRAFT_READY' : 'AUDIO_READY',
    checkpoint_ref: kind === 'run' ? null : isLate ? 's3://artifacts/draft' : AUDIO,
    ...{ created_at: time(created), updated_at: time(updated) },
  };
}

function withState(job: FinalJob, id: string, state: string): void {
  for (const row of job.dispatches) if (row.dispatch_id === id) row.dispatch_state = state;
}

function transition(prev_status: string, new_status: string, seconds: number, id?: string): TransitionRow {
  return {
    ...{
      seq: 0,
      actor_type: 'system',
      prev_status,
      new_status,
      dispatch_id: id ?? null,
      correlation_id: null,
    },
    ...{ occurred_at: time(seconds), recorded_at: time(seconds) },
  };
}

function reported(from: string, callbacks: readonly CallbackRecord[]): TransitionRow[] {
  return callbacks.map(({ dispatch_id, body, at, status }, index) => ({
    ...{ seq: 0, actor_type: 'orchestrator', new_status: status, dispatch_id, recorded_at: at },
    prev_status: callbacks[index - 1]?.status ?? from,
    ...{ occurred_at: body.occurred_at, correlation_id: body.correlation_id },
  }));
}

const ARTIFACTS: Record<string, object> = {
  AUDIO_READY: { audio_uri: AUDIO },
  TRANSCRIPT_READY: { transcript_uri: 's3://artifacts/transcript' },
  DRAFT_READY: { draft_uri: 's3://artifacts/draft' },
};

function callback(dispatch_id: string, status: CallbackRecord['status'], seconds: number): CallbackRecord {
  const execution_id = `exe_${dispatch_id}`;
  const event_id = `${dispatch_id} ${status} ${seconds}`;
  return {
    ...{ kind: 'callback', at: time(seconds), execution_id, dispatch_id, job_id: 'job_1', event_id, status },
    body: {
      ...{ event_id, status, occurred_at: time(seconds - 0.1), correlation_id: execution_id },
      artifact_updates: ARTIFACTS[status] ?? {},
    },
    ...{ attempt: 1, answer: 204, error_code: null, answer_body: null },
  };
}

function execution(dispatch_id: string, resume_from_status: string, seconds: number): ExecutionRecord {
  return {
    ...{
      kind: 'execution',
      execution_id: `exe_${dispatch_id}`,
      at: time(seconds),
      dispatch_id,
      job_id: 'job_1',
    },
    type: resume_from_status === 'UPLOADED' ? 'job.run' : 'job.retry',
    ...{ idempotency_key: dispatch_id, resume_from_status, callback_url: '', callback_token: '' },
    ...{ state: 'finished', reason: null },
  };
}

function request(
  dispatch_id: string,
  type: 'job.run' | 'job.retry',
  answer: number,
  seconds: number,
): RequestRecord {
  const ids = { dispatch_id, job_id: 'job_1' };
  const work = { ...ids, project_id: 'prj_1', video_uri: 's3://video', callback_url: '', callback_token: '' };
  return {
    ...{ kind: 'request', request_id: `${dispatch_id} ${seconds}`, at: time(seconds), type, ...ids },
    ...{ idempotency_key: dispatch_id, headers: {}, answer },
    body:
      type === 'job.run'
        ? { type, ...work }
        : {
            type,
            ...work,
            resume_from_status: 'AUDIO_READY',
            checkpoint_ref: AUDIO,
            model_profile: 'balanced',
          },
  };
}
