// The records of a chaos run in which every promise is kept, for tests that plant what breaks one: a run that failed after
// its audio, a retry that was refused, the same again, and a draft.
import type { ShownDispatch, ShownTransition } from '../rules/outside.ts';
import type { Call, FinalJob } from '../soak/chaos-records.ts';
import type { CallbackRecord, ExecutionRecord, RequestRecord } from '../support/orchestrator/log.ts';

export const START = Date.UTC(2026, 10, 24);
export const WINDOWS = { defaultWaitMs: 8_000, deadlineMs: 30_000, longestRetryAfterMs: 3_000 };
export const time = (seconds: number): string => new Date(START + seconds * 1_000).toISOString();

export const [RUN, REFUSED, RETRY] = ['dsp_run', 'dsp_refused', 'dsp_retry'] as const;
const AUDIO = 's3://artifacts/audio';

export function keptRecords() {
  const calls = [
    call('create', 0, { status: 201 }),
    call('run', 1, {
      ...{ status: 202, dispatchId: RUN, dispatchState: 'DELIVERED', replayed: false, requestKey: 'run' },
    }),
    call('run', 2, {
      ...{ status: 200, dispatchId: RUN, dispatchState: 'RUNNING', replayed: true, requestKey: 'run' },
    }),
    call('read', 9, { status: 200, revision: 6 }),
    call('retry', 10, {
      ...{ status: 502, errorCode: 'ORCHESTRATOR_DISPATCH_FAILED' },
      ...{ dispatchId: REFUSED, requestKey: 'retry-1' },
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
    transition('editor', 'CREATED', 'UPLOADED', 0.5),
    transition('system', 'UPLOADED', 'AUDIO_EXTRACTING', 2, RUN),
    ...reported('AUDIO_EXTRACTING', callbacks.slice(1, 3)),
    ...reported('FAILED', callbacks.slice(3)),
  ];
  for (const [index, entry] of transitions.entries()) entry.seq = index + 1;
  const job: FinalJob = {
    ...{ id: 'job_1', status: 'DRAFT_READY', revision: 10, videoUri: 's3://video', openDispatchId: null },
    ...{ dispatches, transitions, versions: [], listedStatus: 'DRAFT_READY' },
  };
  const requests = [request(RUN, 'job.run', 202, 1), request(REFUSED, 'job.retry', 422, 10.2)];
  requests.push(request(RETRY, 'job.retry', 202, 21));
  const executions = [execution(RUN, 'UPLOADED', 1), execution(RETRY, 'AUDIO_READY', 21)];
  const log = { requests, executions, made: [], exported: [], callbacks, cancels: [], rejections: [] };
  return { calls, jobs: [job], log, leaks: [] as string[], job };
}
export type Kept = ReturnType<typeof keptRecords>;

export const newest = <T>(items: readonly T[], change: (item: T) => void): void =>
  items.slice(-1).forEach(change);
/** Another job beside the one. */
export const anotherJob = ({ jobs, job }: Kept): void => {
  const bare = { dispatches: [], transitions: [], status: 'CREATED', listedStatus: 'CREATED' };
  jobs.push({ ...job, id: 'job_2', ...bare });
};

export function call(operation: Call['operation'], seconds: number, answer: Partial<Call>): Call {
  return {
    ...{ operation, jobId: 'job_1', requestKey: null, prefer: null, videoUri: null },
    ...{ ending: 'answered', status: 0 },
    ...{ errorCode: null, metKill: false, dispatchId: null, dispatchState: null, replayed: null },
    ...{ resumeFrom: null, checkpointRef: null, revision: null, edit: null, edited: null, exports: null },
    sentAt: START + seconds * 1_000,
    endedAt: START + seconds * 1_000 + 100,
    ...answer,
  };
}

export function dispatch(
  dispatch_id: string,
  kind: 'run' | 'retry',
  dispatch_state: string,
  [created, updated]: [number, number],
  client_request_id = kind === 'run' ? null : 'retry-1',
): ShownDispatch {
  const isLate = created >= 30;
  return {
    ...{ dispatch_id, kind, dispatch_state, client_request_id, actor_id: 'alice', delivery_attempts: 1 },
    resume_from_status: kind === 'run' ? null : isLate ? 'DRAFT_READY' : 'AUDIO_READY',
    checkpoint_ref: kind === 'run' ? null : isLate ? 's3://artifacts/draft' : AUDIO,
    ...{ model_profile: 'balanced', engines: {}, plan: null, export: null },
    ...{ created_at: time(created), updated_at: time(updated) },
  };
}

function transition(
  actor_type: 'editor' | 'system',
  prev_status: string,
  new_status: string,
  seconds: number,
  dispatch_id: string | null = null,
): ShownTransition {
  return {
    ...{ seq: 0, event_type: 'status_changed', actor_type, prev_status, new_status, dispatch_id },
    ...{ occurred_at: time(seconds), recorded_at: time(seconds), correlation_id: null, actor_id: null },
  };
}

function reported(from: string, callbacks: readonly CallbackRecord[]): ShownTransition[] {
  return callbacks.map(({ dispatch_id, body, status }, index) => ({
    ...{ seq: 0, event_type: 'status_changed', actor_type: 'orchestrator', new_status: status, dispatch_id },
    prev_status: callbacks[index - 1]?.status ?? from,
    ...{ occurred_at: body.occurred_at, recorded_at: body.occurred_at, correlation_id: body.correlation_id },
    actor_id: null,
  }));
}

const ARTIFACTS: Record<string, object> = {
  AUDIO_READY: { audio_uri: AUDIO },
  TRANSCRIPT_READY: { transcript_uri: 's3://artifacts/transcript' },
  DRAFT_READY: { draft_uri: 's3://artifacts/draft' },
};

export function callback(
  dispatch_id: string,
  status: CallbackRecord['status'],
  seconds: number,
): CallbackRecord {
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

export function execution(dispatch_id: string, resume_from_status: string, seconds: number): ExecutionRecord {
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
    ...{ keep: [], source: 's3://video', export: null },
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
