// For tests that act: a job with its editor's commands, the pipeline of a dispatch with its callbacks, and
// ways to lose messages, age what is stored and let the alarm fire.
import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { onTestFinished, vi } from 'vitest';
import type { JobActor } from '../../../src/actor/job-actor.ts';
import { requireConfig } from '../../../src/config.ts';
import { signCallbackToken } from '../../../src/contract/callback-token.ts';
import type { DispatchMessage } from '../../../src/contract/messages.ts';
import type { Dispatch, DispatchState } from '../../../src/domain/dispatch.ts';
import type { Job } from '../../../src/domain/job.ts';
import type { ReportableStatus, Status } from '../../../src/domain/lifecycle.ts';
import type { Rules } from '../../../src/domain/rules.ts';
import type { Answer, Plan } from '../orchestrator/plan.ts';
import { type Report, reportOf, statusesUntil } from '../pipeline/script.ts';
import { call, editorToken, orchestrator, type Reply, settledTraceOf } from './harness.ts';
import { dispatchRecords, presentOf, replaceDispatches, replacePresent } from './stored.ts';

export const VIDEO_URI = 's3://media/talk.mp4';
export const config = requireConfig(env);

/** Answers as soon as the dispatch is durable. */
export const ASYNC = { prefer: 'respond-async' };
/** Delivery is tried for one second. */
export const SHORT_WAIT = { prefer: 'wait=3' };

/** Never the same twice and always rising, well within what a callback may say. */
let clock = Date.now() - 86_400_000;
const nextOccurredAt = (): string => {
  clock += 1_000;
  return new Date(clock).toISOString();
};

type Row = Record<string, SqlStorageValue>;

export class ActingJob {
  readonly id: string;
  readonly projectId: string;
  readonly token: string;

  constructor(id: string, projectId: string, token: string) {
    this.id = id;
    this.projectId = projectId;
    this.token = token;
  }

  get stub(): DurableObjectStub<JobActor> {
    return env.JOB.getByName(this.id);
  }

  post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    return call('POST', `/jobs/${this.id}/${path}`, { token: this.token, body, headers });
  }

  async get(path = ''): Promise<Reply['body']> {
    const reply = await call('GET', `/jobs/${this.id}${path}`, { token: this.token });
    if (reply.status !== 200) throw new Error(`GET ${this.id}${path} → ${reply.status}`);
    return reply.body;
  }

  confirm(): Promise<Reply> {
    return this.post('confirm-upload', { video_uri: VIDEO_URI });
  }

  /** Whose workspace its project is listed in. */
  async owner(): Promise<string> {
    return (await this.stored()).owner;
  }

  run(headers: Record<string, string> = {}): Promise<Reply> {
    return this.post('run', undefined, headers);
  }

  retry(clientRequestId: string, headers: Record<string, string> = {}, profile = 'balanced'): Promise<Reply> {
    return this.post('retry', { model_profile: profile, client_request_id: clientRequestId }, headers);
  }

  cancel(): Promise<Reply> {
    return this.post('cancel');
  }

  erase(headers: Record<string, string> = {}): Promise<Reply> {
    return call('DELETE', `/jobs/${this.id}`, { token: this.token, headers });
  }

  async status(): Promise<Status> {
    return (await this.get()).status;
  }

  /** Newest first. */
  async dispatches(): Promise<Reply['body'][]> {
    return (await this.get('/dispatches')).items;
  }

  async dispatch(dispatchId: string): Promise<Reply['body']> {
    return (await this.dispatches()).find(({ dispatch_id }) => dispatch_id === dispatchId);
  }

  async transitions(): Promise<Reply['body'][]> {
    return (await this.get('/transitions')).items;
  }

  /** Every version of every artifact, oldest first. */
  async versions(): Promise<Reply['body'][]> {
    return (await this.get('/artifacts?limit=100')).items;
  }

  /** The audit trail as "FROM → TO", oldest first. */
  async trail(): Promise<string[]> {
    return (await this.transitions()).map(({ prev_status, new_status }) => `${prev_status} → ${new_status}`);
  }

  /** Resolves once the dispatch is in that state. */
  untilDispatch(dispatchId: string, state: DispatchState): Promise<void> {
    return until(async () => {
      const found = (await this.dispatch(dispatchId))?.dispatch_state;
      if (found !== state) throw new Error(`the dispatch is ${found}, not ${state}`);
    });
  }

  plan(plan: Plan): Promise<void> {
    return orchestrator.plan(this.id, { pipeline: { manual: true }, ...plan });
  }

  answers(...answers: Answer[]): Promise<void> {
    return this.plan({ answers, repeat_last: true });
  }

  /** What the orchestrator was sent for this job, cancels included. */
  async requests() {
    return (await orchestrator.log(this.id)).requests;
  }

  async executions() {
    return (await orchestrator.log(this.id)).executions;
  }

  /** Rows that a query finds in this job's own database. */
  async sql(query: string, ...bindings: SqlStorageValue[]): Promise<Row[]> {
    return runInDurableObject(this.stub, (_actor, state) =>
      state.storage.sql.exec<Row>(query, ...bindings).toArray(),
    );
  }

  /** The job as it is stored. */
  async stored(): Promise<Job> {
    const present = await runInDurableObject(this.stub, (_actor, state) => presentOf(state.storage.sql));
    if (present === null) throw new Error(`${this.id} stored nothing`);
    return present.job;
  }

  /** Every dispatch as it is stored, oldest first. */
  async storedDispatches(): Promise<Dispatch[]> {
    return runInDurableObject(this.stub, (_actor, state) => dispatchRecords(state.storage.sql));
  }

  /** Replaces fields of the job, as it is stored. */
  async patch(fields: Partial<Job>): Promise<void> {
    await this.#rewrite((sql) =>
      replacePresent(sql, (present) => ({ ...present, job: { ...present.job, ...fields } })),
    );
  }

  /** Replaces fields of the newest dispatch, as it is stored. */
  async patchNewest(fields: Partial<Dispatch>): Promise<void> {
    await this.#rewrite((sql) =>
      replacePresent(sql, (present) => ({
        ...present,
        newest: present.newest && ({ ...present.newest, ...fields } as Dispatch),
      })),
    );
  }

  /** Makes everything that deadlines run from this much older; the order of events stays. */
  async age(ms: number): Promise<void> {
    const older = (record: Dispatch): Dispatch => ({
      ...record,
      deliverUntil: record.deliverUntil - ms,
      deliveredAt: record.deliveredAt && record.deliveredAt - ms,
      createdAt: record.createdAt - ms,
      updatedAt: record.updatedAt - ms,
      cancelNotice:
        record.cancelNotice?.state === 'PENDING'
          ? { ...record.cancelNotice, until: record.cancelNotice.until - ms }
          : record.cancelNotice,
    });
    await this.#rewrite((sql) => {
      sql.exec('UPDATE history SET recorded_at = recorded_at - ?', ms);
      replaceDispatches(sql, older);
      replacePresent(sql, ({ job, ...present }) => ({
        ...present,
        job: {
          ...job,
          lastProgressAt: job.lastProgressAt && job.lastProgressAt - ms,
          latestDispatchAt: job.latestDispatchAt && job.latestDispatchAt - ms,
          latestEditAt: job.latestEditAt && job.latestEditAt - ms,
          nextRetryAt: job.nextRetryAt && job.nextRetryAt - ms,
          updatedAt: job.updatedAt - ms,
        },
      }));
    });
  }

  /** What is stored of the job is no longer what the service wrote. */
  async damage(): Promise<void> {
    await this.#rewrite((sql) => sql.exec(`UPDATE job SET record = 'not json, and secret'`));
  }

  /** The actor remembers what it has read: it is evicted, and reads again. */
  async #rewrite(write: (sql: SqlStorage) => unknown): Promise<void> {
    await runInDurableObject(this.stub, (_actor, state) => {
      write(state.storage.sql);
    });
    await this.forget();
  }

  /** Fires the alarm now. Throws when none is set: what does not happen then would prove nothing. */
  async alarm(): Promise<true> {
    if (!(await runDurableObjectAlarm(this.stub))) throw new Error('no alarm is set');
    return true;
  }

  alarmAt(): Promise<number | null> {
    return runInDurableObject(this.stub, (_actor, state) => state.storage.getAlarm());
  }

  /** The actor's memory is gone, as after a restart; what it stored stays. */
  forget(): Promise<void> {
    return evictDurableObject(this.stub);
  }

  /** The same in the middle of whatever it does: calls under way fail. */
  async abort(): Promise<void> {
    // The reason for which the test runner's own aborts print nothing.
    await runInDurableObject(this.stub, (_actor, state) => state.abort('Instance dispose')).catch(() => {});
  }

  /** The pipeline that was given this dispatch; its token comes from what the orchestrator was sent, if it was. */
  async pipeline(dispatchId: string): Promise<ActingPipeline> {
    const sent = (await this.requests()).find(({ dispatch_id }) => dispatch_id === dispatchId);
    const token =
      sent && 'callback_token' in sent.body && typeof sent.body.callback_token === 'string'
        ? sent.body.callback_token
        : await signCallbackToken(this.id, dispatchId, config.callbackTokenKeys);
    return new ActingPipeline(this.id, dispatchId, token);
  }
}

export class ActingPipeline {
  readonly jobId: string;
  readonly dispatchId: string;
  readonly token: string;

  constructor(jobId: string, dispatchId: string, token: string) {
    this.jobId = jobId;
    this.dispatchId = dispatchId;
    this.token = token;
  }

  /** A callback's body; `fields` replace the usual ones. Every dispatch makes artifacts of its own. */
  body(status: ReportableStatus, fields: Record<string, unknown> = {}): Record<string, unknown> {
    return { ...this.identified(reportOf(status, this.dispatchId)), ...fields };
  }

  /** A report that comes about now. */
  identified(report: Report): Record<string, unknown> {
    return {
      event_id: crypto.randomUUID(),
      occurred_at: nextOccurredAt(),
      correlation_id: 'exe-1',
      ...report,
    };
  }

  send(body: unknown): Promise<Reply> {
    return call('POST', `/internal/jobs/${this.jobId}/status`, { token: this.token, body });
  }

  /** Sends a callback that must be applied. */
  async report(status: ReportableStatus, fields: Record<string, unknown> = {}): Promise<void> {
    const reply = await this.send(this.body(status, fields));
    if (reply.status !== 204) throw new Error(`${status} was answered ${reply.status}: ${reply.text}`);
  }

  async reportAll(...statuses: ReportableStatus[]): Promise<void> {
    for (const status of statuses) await this.report(status);
  }
}

/** A job in CREATED: of this project, or of an editor and a project of its own. */
export async function createdJob(
  plan: Plan = {},
  home?: Omit<Home, 'actorId'>,
  body?: object,
): Promise<ActingJob> {
  const { token, projectId } = home ?? (await newHome());
  const created = await call('POST', `/projects/${projectId}/jobs`, { token, ...(body ? { body } : {}) });
  if (created.status !== 201) throw new Error(`no job: ${created.text}`);
  const job = new ActingJob(created.body.id, projectId, token);
  await job.plan(plan);
  return job;
}

export interface Home {
  /** The `sub` of the token. */
  actorId: string;
  token: string;
  projectId: string;
}

export async function newHome(): Promise<Home> {
  const actorId = `editor-${crypto.randomUUID()}`;
  const token = await editorToken(actorId);
  const project = await call('POST', '/projects', { token, body: { name: 'Talks' } });
  if (project.status !== 201) throw new Error(`no project: ${project.text}`);
  return { actorId, token, projectId: project.body.id };
}

export async function uploadedJob(plan: Plan = {}): Promise<ActingJob> {
  const job = await createdJob(plan);
  await job.confirm();
  // An editor is answered before the list has followed: what comes next is not to be taken for it.
  await settledTraceOf(job);
  return job;
}

export interface Running {
  job: ActingJob;
  /** The run's dispatch. */
  dispatchId: string;
  pipeline: ActingPipeline;
}

/** A job that was run and whose pipeline has brought it to `status`; AUDIO_EXTRACTING was not reported yet. */
export async function jobAt(status: ReportableStatus): Promise<Running> {
  const job = await uploadedJob();
  const run = await job.run();
  if (run.status !== 202) throw new Error(`not run: ${run.text}`);
  const dispatchId: string = run.body.dispatch_id;
  const pipeline = await job.pipeline(dispatchId);
  await pipeline.reportAll(...statusesUntil(status).slice(1));
  return { job, dispatchId, pipeline };
}

/** A job whose first pipeline failed after `status`. */
export async function failedAfter(status: ReportableStatus): Promise<Running> {
  const running = await jobAt(status);
  await running.pipeline.report('FAILED');
  return running;
}

/** An accepted retry of a job that failed after `status`, its dispatch delivered. */
export async function retriedAfter(status: ReportableStatus): Promise<Running & { first: Running }> {
  const first = await failedAfter(status);
  const { job } = first;
  const retry = await job.retry('again');
  if (retry.status !== 202) throw new Error(`not retried: ${retry.text}`);
  const dispatchId: string = retry.body.dispatch_id;
  return { job, dispatchId, pipeline: await job.pipeline(dispatchId), first };
}

/** From here on, until the end of the test, the service goes by these rules besides: the Worker, and every actor. */
export async function underRules(patch: Partial<Rules>): Promise<void> {
  onTestFinished(await replacedRules(patch));
}

/** The same until what it answers is called. */
export async function replacedRules(patch: Partial<Rules>): Promise<() => void> {
  const ofActors = await runInDurableObject(env.JOB.getByName('any'), (actor) =>
    requireConfig((actor as unknown as { env: Env }).env),
  );
  const all = [...new Set([config, ofActors])].map(({ rules }) => ({ rules, before: { ...rules } }));
  for (const { rules } of all) Object.assign(rules, patch);
  return () => {
    for (const { rules, before } of all) Object.assign(rules, before);
  };
}

/** The Worker and every actor go by these rules besides; until what is answered is called. */
export async function changeRules(patch: Partial<Rules>): Promise<() => void> {
  const ofActors = await runInDurableObject(env.JOB.getByName('any'), (actor) =>
    requireConfig((actor as unknown as { env: Env }).env),
  );
  const changed = [...new Set([config, ofActors])].map(({ rules }) => ({ rules, before: { ...rules } }));
  for (const { rules } of changed) Object.assign(rules, patch);
  return () => {
    for (const { rules, before } of changed) Object.assign(rules, before);
  };
}

export interface LostMessage {
  message: DispatchMessage;
  options: QueueSendOptions | undefined;
}

/**
 * From here on the queue takes messages and loses them, until `messagesArriveAgain()` or the end of the test. What it answers
 * tells which of this job's it has lost so far: actors and tests share one environment, and jobs of other tests may still send.
 */
export function losingMessages(): (job: { readonly id: string }) => LostMessage[] {
  const lost: LostMessage[] = [];
  vi.spyOn(env.DISPATCHES, 'send').mockImplementation(async (message, options) => {
    lost.push({ message: message as DispatchMessage, options });
    return {} as QueueSendResponse;
  });
  onTestFinished(messagesArriveAgain);
  return ({ id }) => lost.filter(({ message }) => message.job_id === id);
}

export function messagesArriveAgain(): void {
  vi.restoreAllMocks();
}

/**
 * What it makes the first time, for tests each of which shows that it changes nothing about it, or first puts it into the state
 * that it needs. Nothing that it takes for that may end with a test.
 */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make().catch((error) => {
      made = null;
      throw error;
    });
    return made;
  };
}

/** Polls until `check` passes. */
export function until(check: () => Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 10_000, interval: 20 });
}
