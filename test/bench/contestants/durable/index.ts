// Floor C: floor B with the storage and the calls that the promises about deliveries and callbacks need at the least, and
// without their rules. A dispatch has an alarm until it is delivered and then until it is heard of, a message is claimed and its outcome stored, an event
// is remembered, and a change of status is told to a list.
import { DurableObject } from 'cloudflare:workers';
import {
  app,
  type Dispatch,
  deliver,
  type Job,
  type NaiveEnv,
  NaiveJob,
  toDispatch,
} from '../naive/index.ts';

interface DurableEnv extends NaiveEnv {
  JOB: DurableObjectNamespace<DurableJob>;
  LIST: DurableObjectNamespace<JobList>;
}

const RESEND_MS = 30_000;
const ACK_MS = 600_000;

export class DurableJob extends NaiveJob<DurableEnv> {
  override create(id: string): Job {
    const job = super.create(id);
    this.ctx.storage.sql.exec('CREATE TABLE event (id TEXT PRIMARY KEY, status TEXT NOT NULL) WITHOUT ROWID');
    return job;
  }

  override async dispatch(type: string, modelProfile: string): Promise<Job | null> {
    const job = this.read();
    if (job === null) return null;
    const next = this.write({ ...job, dispatch_id: crypto.randomUUID() });
    this.ctx.storage.setAlarm(Date.now() + RESEND_MS);
    this.ctx.waitUntil(this.env.DISPATCHES.send(toDispatch(next, type, modelProfile)));
    return next;
  }

  claim(dispatchId: string): boolean {
    return this.read()?.dispatch_id === dispatchId;
  }

  delivered(dispatchId: string): void {
    const job = this.read();
    if (job?.dispatch_id !== dispatchId) return;
    this.write({ ...job, delivered_at: Date.now() });
    this.ctx.storage.setAlarm(Date.now() + ACK_MS);
  }

  override async report(
    status: string,
    artifacts: Record<string, string>,
    eventId: string,
  ): Promise<Job | null> {
    const { sql } = this.ctx.storage;
    const job = this.read();
    if (job === null || !sql.exec('SELECT 1 FROM event WHERE id = ?', eventId).next().done) return job;
    sql.exec('INSERT INTO event (id, status) VALUES (?, ?)', eventId, status);
    const next = this.write({ ...job, status, artifacts: { ...job.artifacts, ...artifacts } });
    if (job.status !== status) await this.env.LIST.getByName('all').put(job.id, status);
    return next;
  }

  override async alarm(): Promise<void> {}
}

export class JobList extends DurableObject<DurableEnv> {
  #arrived: [string, string][] = [];
  #storing: Promise<void> | null = null;

  constructor(ctx: DurableObjectState, env: DurableEnv) {
    super(ctx, env);
    ctx.storage.sql.exec(
      'CREATE TABLE IF NOT EXISTS job (id TEXT PRIMARY KEY, status TEXT NOT NULL) WITHOUT ROWID',
    );
  }

  /** What arrives together is stored in one commit. */
  put(id: string, status: string): Promise<void> {
    this.#arrived.push([id, status]);
    this.#storing ??= new Promise((resolve, reject) => {
      setTimeout(() => {
        this.#storing = null;
        try {
          resolve(this.#store(this.#arrived.splice(0)));
        } catch (error) {
          reject(error);
        }
      }, 0);
    });
    return this.#storing;
  }

  #store(jobs: [string, string][]): void {
    for (const job of jobs) {
      this.ctx.storage.sql.exec('INSERT OR REPLACE INTO job (id, status) VALUES (?, ?)', ...job);
    }
  }
}

export default {
  fetch: app.fetch,
  queue: async (batch, env) => {
    await Promise.all(
      batch.messages.map(async (message) => {
        const { job_id, dispatch_id } = message.body;
        const job = env.JOB.getByName(job_id);
        if (!(await job.claim(dispatch_id))) return message.ack();
        if (!(await deliver(message.body, env))) return message.retry({ delaySeconds: 1 });
        await job.delivered(dispatch_id);
        message.ack();
      }),
    );
  },
} satisfies ExportedHandler<DurableEnv, Dispatch>;
