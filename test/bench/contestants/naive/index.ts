// Floor B: what one would write in an afternoon. A Durable Object with one SQLite row, and one queue message per retry.
// It promises nothing: no tokens, no idempotency, no fencing, no order, no audit, no timers.
import { DurableObject } from 'cloudflare:workers';
import { Hono } from 'hono';

export interface NaiveEnv {
  JOB: DurableObjectNamespace<NaiveJob>;
  DISPATCHES: Queue<Dispatch>;
  ORCHESTRATOR_URL: string;
  PUBLIC_BASE_URL: string;
}

export interface Job {
  id: string;
  status: string;
  video_uri: string | null;
  artifacts: Record<string, string>;
  dispatch_id: string | null;
  delivered_at?: number;
}

export interface Dispatch {
  type: string;
  job_id: string;
  dispatch_id: string;
  video_uri: string | null;
  resume_from_status: string;
  model_profile: string;
}

export class NaiveJob<E extends NaiveEnv = NaiveEnv> extends DurableObject<E> {
  #hasTable =
    this.ctx.storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'job'").toArray().length > 0;

  read(): Job | null {
    if (!this.#hasTable) return null;
    const [row] = this.ctx.storage.sql.exec<{ job: string }>('SELECT job FROM job').toArray();
    return row ? JSON.parse(row.job) : null;
  }

  create(id: string): Job {
    this.ctx.storage.sql.exec('CREATE TABLE job (one INTEGER PRIMARY KEY, job TEXT NOT NULL)');
    this.#hasTable = true;
    return this.write({ id, status: 'CREATED', video_uri: null, artifacts: {}, dispatch_id: null });
  }

  confirm(videoUri: string): Job | null {
    const job = this.read();
    return job && this.write({ ...job, status: 'UPLOADED', video_uri: videoUri });
  }

  async dispatch(type: string, modelProfile: string): Promise<Job | null> {
    const job = this.read();
    if (job === null) return null;
    const next = this.write({ ...job, dispatch_id: crypto.randomUUID() });
    await this.env.DISPATCHES.send(toDispatch(next, type, modelProfile));
    return next;
  }

  async report(status: string, artifacts: Record<string, string>, _eventId: string): Promise<Job | null> {
    const job = this.read();
    return job && this.write({ ...job, status, artifacts: { ...job.artifacts, ...artifacts } });
  }

  protected write(job: Job): Job {
    this.ctx.storage.sql.exec('INSERT OR REPLACE INTO job (one, job) VALUES (1, ?)', JSON.stringify(job));
    return job;
  }
}

export const toDispatch = (job: Job, type: string, modelProfile: string): Dispatch => ({
  type,
  job_id: job.id,
  dispatch_id: job.dispatch_id ?? '',
  video_uri: job.video_uri,
  resume_from_status: job.artifacts.audio_uri ? 'AUDIO_READY' : 'UPLOADED',
  model_profile: modelProfile,
});

/** Whether the orchestrator took it. */
export async function deliver(dispatch: Dispatch, env: NaiveEnv): Promise<boolean> {
  const response = await fetch(env.ORCHESTRATOR_URL, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': dispatch.dispatch_id },
    body: JSON.stringify({
      ...dispatch,
      callback_url: `${env.PUBLIC_BASE_URL}/jobs/${dispatch.job_id}/status`,
    }),
  });
  await response.body?.cancel();
  return response.ok;
}

export const app = new Hono<{ Bindings: NaiveEnv }>();
const jobOf = (env: NaiveEnv, id: string) => env.JOB.getByName(id);

app.post('/jobs', async (c) => {
  const id = crypto.randomUUID();
  return c.json(await jobOf(c.env, id).create(id), 201);
});
app.post('/jobs/:id/confirm-upload', async (c) => {
  const { video_uri } = await c.req.json();
  return c.json(await jobOf(c.env, c.req.param('id')).confirm(video_uri));
});
app.post('/jobs/:id/run', async (c) => {
  const { model_profile } = await c.req.json();
  return c.json(await jobOf(c.env, c.req.param('id')).dispatch('job.run', model_profile), 202);
});
app.post('/jobs/:id/retry', async (c) => {
  const { model_profile } = await c.req.json();
  return c.json(await jobOf(c.env, c.req.param('id')).dispatch('job.retry', model_profile), 202);
});
app.post('/jobs/:id/status', async (c) => {
  const { status, artifact_updates, event_id } = await c.req.json();
  await jobOf(c.env, c.req.param('id')).report(status, artifact_updates ?? {}, event_id);
  return c.body(null, 204);
});
app.get('/jobs/:id', async (c) => {
  const job = await jobOf(c.env, c.req.param('id')).read();
  return job ? c.json(job) : c.notFound();
});

export default {
  fetch: app.fetch,
  queue: async (batch, env) => {
    await Promise.all(
      batch.messages.map(async (message) => {
        if (await deliver(message.body, env)) message.ack();
        else message.retry({ delaySeconds: 1 });
      }),
    );
  },
} satisfies ExportedHandler<NaiveEnv, Dispatch>;
