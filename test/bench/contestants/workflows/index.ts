// Cloudflare Workflows with a Durable Object, as Cloudflare has them together: the object holds the job's state and
// answers, and a Workflow instance per dispatch does what has to be finished in spite of failures. Both run on the same
// local runtime as Retake, and are as durable as it makes its SQLite files.
import { DurableObject, WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from 'cloudflare:workers';
import { type Context, Hono } from 'hono';
import {
  acceptDispatch,
  applyReport,
  type Change,
  confirmUpload,
  createJob,
  type Delivery,
  type DispatchAnswer,
  type DispatchRequest,
  type DispatchType,
  deliveryOf,
  type Job,
  NOT_FOUND,
  type Refusal,
  type Report,
} from '../peers/job.ts';

interface WorkflowsEnv {
  JOB: DurableObjectNamespace<WorkflowsJob>;
  DELIVERIES: Workflow<Delivery>;
  ORCHESTRATOR_URL: string;
  PUBLIC_BASE_URL: string;
}

const SCHEMA = `
  CREATE TABLE job (one INTEGER PRIMARY KEY, job TEXT NOT NULL);
  CREATE TABLE event (event_id TEXT PRIMARY KEY, report TEXT NOT NULL);
  CREATE TABLE transition (version INTEGER PRIMARY KEY, from_status TEXT, to_status TEXT, at TEXT);
  CREATE TABLE dispatch (dispatch_id TEXT PRIMARY KEY, client_request_id TEXT UNIQUE, answer TEXT NOT NULL);
  CREATE TABLE outbox (dispatch_id TEXT PRIMARY KEY, delivery TEXT NOT NULL);
`;
/** When a dispatch that has not been delivered is handed to its Workflow again. */
const OVERDUE_MS = 30_000;

export class WorkflowsJob extends DurableObject<WorkflowsEnv> {
  readonly #sql = this.ctx.storage.sql;
  readonly #waiting = new Map<string, () => void>();
  #exists = this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'job'").toArray().length > 0;

  read(): Job | Refusal {
    if (!this.#exists) return NOT_FOUND;
    return JSON.parse(this.#sql.exec<{ job: string }>('SELECT job FROM job').one().job) as Job;
  }

  create(id: string): Job {
    this.#sql.exec(SCHEMA);
    this.#exists = true;
    return this.#write(createJob(id));
  }

  confirm(videoUri: string): Job | Refusal {
    const job = this.read();
    if ('refused' in job) return job;
    const change = confirmUpload(job, videoUri, new Date().toISOString());
    return 'refused' in change ? change : this.#apply(change);
  }

  async dispatch(
    type: DispatchType,
    request: DispatchRequest,
    waits: boolean,
  ): Promise<DispatchAnswer | Refusal> {
    const job = this.read();
    if ('refused' in job) return job;
    const requestId = request.client_request_id ?? null;
    const [earlier] = this.#sql
      .exec<{ answer: string }>('SELECT answer FROM dispatch WHERE client_request_id = ?', requestId)
      .toArray();
    if (earlier) return { ...(JSON.parse(earlier.answer) as DispatchAnswer), replayed: true };
    const acceptance = acceptDispatch(job, type, request, crypto.randomUUID());
    if ('refused' in acceptance) return acceptance;
    const { answer, dispatch } = acceptance;
    const delivery = deliveryOf(
      this.#write(acceptance.job),
      dispatch,
      `${this.env.PUBLIC_BASE_URL}/jobs/${job.id}/status`,
    );
    this.#sql.exec(
      'INSERT INTO dispatch (dispatch_id, client_request_id, answer) VALUES (?, ?, ?)',
      ...[dispatch.dispatch_id, requestId, JSON.stringify(answer)],
    );
    this.#sql.exec(
      'INSERT INTO outbox (dispatch_id, delivery) VALUES (?, ?)',
      ...[dispatch.dispatch_id, JSON.stringify(delivery)],
    );
    this.ctx.storage.setAlarm(Date.now() + OVERDUE_MS);
    const delivered = new Promise<void>((resolve) => this.#waiting.set(dispatch.dispatch_id, resolve));
    // Leaves only when the writes above are durable. Should it fail or be lost, the alarm sees to it.
    await this.#deliver(delivery).catch((error: unknown) => console.error(error));
    if (waits) await delivered;
    return answer;
  }

  /** False when the event was applied before. */
  report(report: Report): boolean | Refusal {
    const job = this.read();
    if ('refused' in job) return job;
    const isKnown =
      this.#sql.exec('SELECT 1 FROM event WHERE event_id = ?', report.event_id).toArray().length > 0;
    if (isKnown) return false;
    const change = applyReport(job, report);
    if ('refused' in change) return change;
    this.#apply(change);
    this.#sql.exec(
      'INSERT INTO event (event_id, report) VALUES (?, ?)',
      ...[report.event_id, JSON.stringify(report)],
    );
    return true;
  }

  /** From the Workflow: the orchestrator has it. */
  delivered(dispatchId: string): void {
    this.#sql.exec('DELETE FROM outbox WHERE dispatch_id = ?', dispatchId);
    this.ctx.storage.deleteAlarm();
    this.#waiting.get(dispatchId)?.();
    this.#waiting.delete(dispatchId);
  }

  override async alarm(): Promise<void> {
    const undelivered = this.#sql.exec<{ delivery: string }>('SELECT delivery FROM outbox').toArray();
    if (undelivered.length === 0) return;
    this.ctx.storage.setAlarm(Date.now() + OVERDUE_MS);
    for (const { delivery } of undelivered) {
      // An instance of that id that exists goes on by itself.
      await this.#deliver(JSON.parse(delivery) as Delivery).catch((error: unknown) => console.error(error));
    }
  }

  async #deliver(delivery: Delivery): Promise<void> {
    const instance = await this.env.DELIVERIES.create({ id: delivery.dispatch_id, params: delivery });
    // The local runtime's `create` does not wait until the instance is stored, as Cloudflare's does; this does.
    await instance.status();
  }

  #apply({ job, transition }: Change): Job {
    if (transition !== null) {
      this.#sql.exec(
        'INSERT INTO transition (version, from_status, to_status, at) VALUES (?, ?, ?, ?)',
        ...[job.version, transition.from, transition.to, transition.at],
      );
    }
    return this.#write(job);
  }

  #write(job: Job): Job {
    this.#sql.exec('INSERT OR REPLACE INTO job (one, job) VALUES (1, ?)', JSON.stringify(job));
    return job;
  }
}

/**
 * One instance per dispatch, by its id. Not one per job that waits for commands as events: `sendEvent` has no answer and
 * a running instance no state to read, so that 202, 200 and 409 could not be told apart; and it ends at 10,000 steps.
 */
export class DeliveryWorkflow extends WorkflowEntrypoint<WorkflowsEnv, Delivery> {
  override async run({ payload }: Readonly<WorkflowEvent<Delivery>>, step: WorkflowStep): Promise<void> {
    // One step for both, each of which may be repeated: the POST has its key, and what is delivered stays so.
    await step.do(
      'deliver',
      { retries: { limit: 1_000, delay: '1 second', backoff: 'linear' } },
      async () => {
        const response = await fetch(this.env.ORCHESTRATOR_URL, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'idempotency-key': payload.dispatch_id },
          body: JSON.stringify(payload),
        });
        await response.body?.cancel();
        if (!response.ok) throw new Error(`the orchestrator answered ${response.status}`);
        await this.env.JOB.getByName(payload.job_id).delivered(payload.dispatch_id);
      },
    );
  }
}

type App = { Bindings: WorkflowsEnv };

const app = new Hono<App>();
const refused = (c: Context<App>, { refused: { status, ...body } }: Refusal) => c.json(body, status);
const jobOf = (c: Context<App>, id: string) => c.env.JOB.getByName(id);

app.post('/jobs', async (c) => {
  const id = crypto.randomUUID();
  return c.json(await jobOf(c, id).create(id), 201);
});
app.post('/jobs/:id/confirm-upload', async (c) => {
  const { video_uri } = await c.req.json<{ video_uri: string }>();
  const job = await jobOf(c, c.req.param('id')).confirm(video_uri);
  return 'refused' in job ? refused(c, job) : c.json(job);
});
const dispatch = async (c: Context<App>, id: string, type: DispatchType) => {
  const waits = c.req.header('prefer') !== 'respond-async';
  const answer = await jobOf(c, id).dispatch(type, await c.req.json<DispatchRequest>(), waits);
  return 'refused' in answer ? refused(c, answer) : c.json(answer, answer.replayed ? 200 : 202);
};
app.post('/jobs/:id/run', (c) => dispatch(c, c.req.param('id'), 'job.run'));
app.post('/jobs/:id/retry', (c) => dispatch(c, c.req.param('id'), 'job.retry'));
app.post('/jobs/:id/status', async (c) => {
  const applied = await jobOf(c, c.req.param('id')).report(await c.req.json<Report>());
  if (typeof applied !== 'boolean') return refused(c, applied);
  return applied ? c.body(null, 204) : c.json({ replayed: true });
});
app.get('/jobs/:id', async (c) => {
  const job = await jobOf(c, c.req.param('id')).read();
  return 'refused' in job ? refused(c, job) : c.json(job);
});

export default app;
