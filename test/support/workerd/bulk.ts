// For tests of bulk operations: failed jobs of one project, an operation over them, and what became of it.
import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { expect } from 'vitest';
import type { ReportableStatus } from '../../../src/domain/lifecycle.ts';
import type { Plan } from '../orchestrator/plan.ts';
import { statusesUntil } from '../pipeline/script.ts';
import { type ActingJob, createdJob, type Home, newHome, until } from './acting.ts';
import { allRows, call, type Reply } from './harness.ts';

export interface Crowd {
  home: Home;
  jobs: ActingJob[];
}

/** Failed behind `status`, by default while its audio was extracted. `plan` is for what the orchestrator does from then on. */
export async function failedJob(
  home: Home,
  plan: Plan = {},
  status: ReportableStatus = 'AUDIO_EXTRACTING',
  body?: object,
): Promise<ActingJob> {
  const job = await createdJob({}, home, body);
  await job.confirm();
  const run = await job.run();
  const pipeline = await job.pipeline(run.body.dispatch_id);
  await pipeline.reportAll(...statusesUntil(status).slice(1));
  await pipeline.report('FAILED', { failure_code: 'NO_AUDIO' });
  await job.plan(plan);
  return job;
}

/** As many failed jobs in one project, all of which it lists as failed. */
export async function failedJobs(count: number, plan: Plan = {}): Promise<Crowd> {
  const home = await newHome();
  const jobs = await Promise.all(Array.from({ length: count }, () => failedJob(home, plan)));
  await untilListed(home, count);
  return { home, jobs };
}

/** As many jobs of the project are listed as failed. */
export const untilListed = (home: Home, count: number): Promise<void> =>
  until(async () => {
    const listed = await call('GET', `/projects/${home.projectId}/jobs?status=FAILED&limit=100`, home);
    expect(listed.body.items).toHaveLength(count);
  });

export const FAILED = { status: ['FAILED'] };

let requests = 0;

export const retryAll = (home: Home, fields: Record<string, unknown> = {}): Promise<Reply> =>
  call('POST', `/projects/${home.projectId}/retries`, {
    token: home.token,
    body: {
      ...{ model_profile: 'balanced', client_request_id: `bulk-${requests++}`, filter: FAILED },
      ...fields,
    },
  });

/** An operation as its editor knows it. */
export class ActingOperation {
  readonly id: string;
  readonly home: Home;

  constructor(id: string, home: Home) {
    this.id = id;
    this.home = home;
  }

  /** Begins one. */
  static async over(home: Home, fields: Record<string, unknown> = {}): Promise<ActingOperation> {
    const begun = await retryAll(home, fields);
    if (begun.status !== 202) throw new Error(`not begun: ${begun.text}`);
    return new ActingOperation(begun.body.id, home);
  }

  get stub() {
    return env.OPERATION.getByName(this.id);
  }

  async get(path = ''): Promise<Reply['body']> {
    const reply = await call('GET', `/operations/${this.id}${path}`, this.home);
    if (reply.status !== 200) throw new Error(`GET ${this.id}${path} → ${reply.text}`);
    return reply.body;
  }

  command(command: 'pause' | 'resume' | 'cancel', headers: Record<string, string> = {}): Promise<Reply> {
    return call('POST', `/operations/${this.id}/${command}`, { ...this.home, headers });
  }

  async counts(): Promise<Reply['body']> {
    return (await this.get()).counts;
  }

  /** By the job's id. */
  async items(outcome?: string): Promise<Reply['body'][]> {
    return (await this.get(`/items?limit=100${outcome ? `&outcome=${outcome}` : ''}`)).items;
  }

  /** What became of this job in it. */
  async item(job: { id: string }): Promise<Reply['body']> {
    return (await this.items()).find(({ job_id }) => job_id === job.id);
  }

  untilState(state: string): Promise<void> {
    return until(async () => expect((await this.get()).state).toBe(state));
  }

  untilCounts(counts: Record<string, number>): Promise<void> {
    return until(async () => expect(await this.counts()).toMatchObject(counts));
  }

  rows() {
    return runInDurableObject(this.stub, (_actor, state) => allRows(state));
  }

  /** Rewrites what is stored, past the actor, which reads it anew. */
  async rewrite(change: (sql: SqlStorage) => unknown): Promise<void> {
    await runInDurableObject(this.stub, (_actor, { storage }) => {
      change(storage.sql);
    });
    await this.forget();
  }

  alarm(): Promise<boolean> {
    return runDurableObjectAlarm(this.stub);
  }

  forget(): Promise<void> {
    return evictDurableObject(this.stub);
  }
}

/** The pipelines of all that are in flight bring their jobs to their drafts. */
export async function succeed(jobs: readonly ActingJob[]): Promise<void> {
  for (const job of jobs) {
    const [newest] = await job.dispatches();
    const pipeline = await job.pipeline(newest.dispatch_id);
    await pipeline.reportAll(...statusesUntil('DRAFT_READY'));
  }
}

/** Every row of the project's own database. */
export const allProjectRows = ({ projectId }: Home) =>
  runInDurableObject(env.PROJECT.getByName(projectId), (_actor, state) => allRows(state));

export async function operationsOf({ projectId, token }: Home): Promise<Reply['body'][]> {
  return (await call('GET', `/projects/${projectId}/operations`, { token })).body.items;
}
