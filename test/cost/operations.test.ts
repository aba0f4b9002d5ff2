// What each operation and a whole job cost in what Cloudflare bills: counted in real workerd, held to budget.json and to
// the tables of spec/performance.md.
import { env, evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import page from '../../spec/performance.md?raw';
import { EARLIER_DISPATCHES, JOB_SCHEMA } from '../../src/actor/schema-job.ts';
import { OPERATION_SCHEMA } from '../../src/actor/schema-operation.ts';
import { PROJECT_SCHEMA } from '../../src/actor/schema-project.ts';
import { WORKSPACE_SCHEMA } from '../../src/actor/schema-workspace.ts';
import { signCallbackToken } from '../../src/contract/callback-token.ts';
import { summaryOf } from '../../src/domain/project.ts';
import { newId } from '../support/ids.ts';
import {
  type ActingJob,
  ActingPipeline,
  changeRules,
  config,
  createdJob,
  failedAfter,
  type Home,
  jobAt,
  newHome,
  replacedRules,
  until,
} from '../support/workerd/acting.ts';
import { ActingOperation, failedJobs } from '../support/workerd/bulk.ts';
import { call, missingId } from '../support/workerd/harness.ts';
import { Meter } from '../support/workerd/meter.ts';
import { browse, cookieOf, OWN_PAGE, signedIn } from '../support/workerd/sessions.ts';
import budget from './budget.json';
import { overBudget } from './budget.ts';
import { costSection, figuresOf, type Measured, type Step } from './report.ts';

/** An alarm this close belongs to the step that set it. */
const SOON_MS = 5_000;
const PAGE_SIZE = 20;
const LISTED_JOBS = 1_000;
const DAY_MS = 86_400_000;

/** Counts steps of jobs. Between steps that lie minutes apart, as a pipeline's do, the objects fall asleep. */
class Account {
  readonly #meter: Meter;
  readonly #sleeps: boolean;
  readonly steps: Step[] = [];

  constructor(meter: Meter, { sleeps }: { sleeps: boolean }) {
    this.#meter = meter;
    this.#sleeps = sleeps;
  }

  /** `jobOf` tells the job that acts; of others nothing may be under way. */
  async step(name: string, act: () => Promise<unknown>, jobOf: () => ActingJob): Promise<void> {
    await this.#settle(jobOf());
    if (this.#sleeps) await this.#sleep(jobOf());
    this.#meter.reset();
    await act();
    await this.#settle(jobOf());
    const counts = this.#meter.counts();
    this.steps.push({ name, ...counts, awakenings: this.#sleeps ? counts.objectsCalled : 0 });
  }

  /** Until the project lists what the job is, nothing is under way, and the alarm that follows has fired. */
  async #settle(job: ActingJob): Promise<void> {
    await until(async () => expect(await this.#isListed(job)).toBe(true));
    const at = await job.alarmAt();
    if (at === null || at > Date.now() + SOON_MS) return;
    await job.alarm();
    await this.#settle(job);
  }

  async #isListed(job: ActingJob): Promise<boolean> {
    if (!this.#meter.isQuiet()) return false;
    const look = (stub: DurableObjectStub, query: string, ...bindings: SqlStorageValue[]) =>
      runInDurableObject(stub, (_actor, { storage }) =>
        this.#meter.muted(
          () => storage.sql.exec<Record<string, SqlStorageValue>>(query, ...bindings).toArray()[0],
        ),
      );
    const known = await look(job.stub, `SELECT record ->> '$.job.status' AS status FROM job`);
    const project = env.PROJECT.getByName(job.projectId);
    const listed = await look(project, 'SELECT status FROM listed_job WHERE job_id = ?', job.id);
    return known?.status === listed?.status;
  }

  async #sleep(job: ActingJob): Promise<void> {
    // The workspace hears of no job: it sleeps all the while.
    await putToSleep(job.stub);
    await putToSleep(env.PROJECT.getByName(job.projectId));
  }
}

/** One that has idled for ten seconds sleeps already. */
async function putToSleep(stub: DurableObjectStub): Promise<void> {
  try {
    await evictDurableObject(stub);
  } catch (error) {
    if (!String(error).includes('not currently running')) throw error;
  }
}

/** A whole job: it fails once and is retried once. */
async function liveThrough(account: Account, home: Home): Promise<ActingJob> {
  let job = await createdJob({}, home);
  const step = (name: string, act: () => Promise<unknown>) => account.step(name, act, () => job);
  await step('create', async () => {
    job = await createdJob({}, home);
  });
  await step('confirm-upload', () => job.confirm());
  await step('run, until delivered', async () => expect((await job.run()).status).toBe(202));
  const first = await job.pipeline((await job.dispatches())[0].dispatch_id);
  await step('callback: first of a run, AUDIO_EXTRACTING', () => first.report('AUDIO_EXTRACTING'));
  await step('callback: checkpoint AUDIO_READY', () => first.report('AUDIO_READY'));
  await step('callback: TRANSCRIBING', () => first.report('TRANSCRIBING'));
  await step('callback: heartbeat', () => first.report('TRANSCRIBING', { progress_pct: 50 }));
  await step('callback: FAILED, ends the dispatch', () => first.report('FAILED'));
  await step('retry, until delivered', async () => expect((await job.retry('again')).status).toBe(202));
  const second = await job.pipeline((await job.dispatches())[0].dispatch_id);
  await step('callback: first of a retry, TRANSCRIBING', () => second.report('TRANSCRIBING'));
  await step('callback: checkpoint TRANSCRIPT_READY', () => second.report('TRANSCRIPT_READY'));
  await step('callback: GENERATING', () => second.report('GENERATING'));
  await step('callback: checkpoint DRAFT_READY, settles the dispatch', () => second.report('DRAFT_READY'));
  await step('the last alarm, finds nothing due', () => job.alarm());
  // Idle from here on: nothing wakes it.
  expect(await job.alarmAt()).toBeNull();
  return job;
}

async function liveBeside(account: Account, listed: ActingJob): Promise<void> {
  const { job, pipeline } = await failedAfter('AUDIO_READY');
  const event = pipeline.body('FAILED');
  const step = (name: string, act: () => Promise<unknown>) => account.step(name, act, () => job);
  const known = (await job.sql("SELECT key FROM history WHERE status = 'AUDIO_READY'"))[0]?.key;
  await account.step(
    'read a job',
    () => job.get(),
    () => job,
  );
  await step('callback: refused, the job has moved on', async () =>
    expect((await pipeline.send(event)).status).toBe(409),
  );
  await step('callback: refused, a known event with another payload', async () =>
    expect((await pipeline.send({ ...event, event_id: known })).status).toBe(409),
  );
  await step('run: replayed', async () => expect((await job.run()).status).toBe(200));
  await job.answers({ kind: 'refuse', status: 400 });
  await step('retry: refused by the orchestrator, withdrawn', async () =>
    expect((await job.retry('x')).status).toBe(502),
  );

  await liveOn(account);
  await liveAgain(account);

  const running = await jobAt('AUDIO_READY');
  const transcribing = running.pipeline.body('TRANSCRIBING');
  await running.pipeline.send(transcribing);
  const beside = (name: string, act: () => Promise<unknown>) => account.step(name, act, () => running.job);
  await beside('callback: replayed', async () =>
    expect((await running.pipeline.send(transcribing)).status).toBe(200),
  );
  await beside('retry: refused here, the job runs', async () =>
    expect((await running.job.retry('other')).status).toBe(409),
  );
  await beside('an alarm that comes early, and is set again', () => running.job.alarm());
  await beside('cancel of a running job, until the orchestrator has it', () => running.job.cancel());

  await account.step(
    `list: a page of ${PAGE_SIZE} out of ${LISTED_JOBS} jobs`,
    async () => {
      const path = `/projects/${listed.projectId}/jobs?limit=${PAGE_SIZE}`;
      expect((await call('GET', path, listed)).body.items).toHaveLength(PAGE_SIZE);
    },
    () => listed,
  );
  await labelled(account, listed);
  await account.step(
    'create a project',
    async () => {
      await putToSleep(env.WORKSPACE.getByName(await listed.owner()));
      const body = { name: 'Talks' };
      expect((await call('POST', '/projects', { token: listed.token, body })).status).toBe(201);
    },
    () => listed,
  );
  const cookie = await cookieOf(signedIn(String(decodeJwt(listed.token).sub)));
  await account.step(
    'a read with a session',
    async () => {
      await putToSleep(env.WORKSPACE.getByName(await listed.owner()));
      expect((await browse(cookie, `/jobs/${listed.id}`)).status).toBe(200);
    },
    () => listed,
  );
  await account.step(
    'sign out',
    async () => {
      await putToSleep(env.WORKSPACE.getByName(await listed.owner()));
      vi.stubGlobal('fetch', () => Promise.reject(new TypeError('the provider is away')));
      try {
        const ended = await browse(cookie, '/session/end', { method: 'POST', headers: OWN_PAGE });
        expect(ended.status).toBe(200);
      } finally {
        vi.unstubAllGlobals();
      }
    },
    () => listed,
  );
  const foreign = await createdJob();
  const stranger = await createdJob();
  const nobody = await missingId('job');
  const missing = new ActingPipeline(
    nobody,
    newId('dsp'),
    await signCallbackToken(nobody, newId('dsp'), config.callbackTokenKeys),
  );
  await account.step(
    'missing job: seven of its endpoints',
    async () => {
      await askInVain(nobody, stranger.token);
      expect((await missing.send(missing.body('FAILED'))).status).toBeGreaterThanOrEqual(400);
    },
    () => stranger,
  );
  await account.step(
    'foreign job: seven of its endpoints',
    () => askInVain(foreign.id, stranger.token),
    () => foreign,
  );
  await account.step(
    'missing and foreign project: list and create in each',
    async () => {
      for (const project of [await missingId('prj'), foreign.projectId]) {
        await askProjectInVain(project, stranger.token);
      }
    },
    () => stranger,
  );
  await account.step(
    'made-up ids: seven endpoints of a job, list and create in a project',
    async () => {
      await askInVain(newId('job'), stranger.token);
      await askProjectInVain(newId('prj'), stranger.token);
    },
    () => stranger,
  );
}

/** What an editor calls a job by, and finds it by. */
async function labelled(account: Account, { projectId, token }: ActingJob): Promise<void> {
  let job = await createdJob({}, { projectId, token });
  const step = (name: string, act: () => Promise<unknown>) => account.step(name, act, () => job);
  const patch = async (body: object) =>
    expect((await call('PATCH', `/jobs/${job.id}`, { token, body })).status).toBe(200);
  const labels = { external_id: 'talk-1', metadata: { language: 'de' }, tags: ['urgent', 'conference'] };
  await step('create with an external id, metadata and two tags', async () => {
    job = await createdJob({}, { projectId, token }, labels);
  });
  await step('create: refused, the external id is another job’s', async () => {
    const reply = await call('POST', `/projects/${projectId}/jobs`, { token, body: labels });
    expect(reply.status).toBe(409);
  });
  await step('patch: metadata', () => patch({ metadata: { language: 'en' } }));
  await step('patch: one tag goes, another comes', () => patch({ tags: ['urgent', 'later'] }));
  await step('patch: as it is already', () => patch({ tags: ['urgent', 'later'] }));
  const find = async (query: string, found: number) => {
    const { body } = await call('GET', `/projects/${projectId}/jobs?${query}`, { token });
    expect(body.items).toHaveLength(found);
  };
  await step('list: by an external id', () => find('external_id=talk-1', 1));
  await step('list: by a tag', () => find('tag=urgent', 1));
  await step(`list: by what no index knows, of which there is none among ${LISTED_JOBS} jobs`, () =>
    find('updated_before=2000-01-01T00:00:00Z', 0),
  );
  await step(`counts of ${LISTED_JOBS} jobs, the first since it woke`, async () =>
    expect((await call('GET', `/projects/${projectId}/counts`, { token })).status).toBe(200),
  );
}

/** A failed job that is retried by itself. */
async function liveAgain(account: Account): Promise<void> {
  const autoRetry = { failureClasses: ['unknown' as const], maxRetries: 3, ...PAUSES };
  const asBefore = await changeRules({ autoRetry });
  try {
    const { job, pipeline } = await jobAt('TRANSCRIBING');
    const step = (name: string, act: () => Promise<unknown>) => account.step(name, act, () => job);
    await step('callback: FAILED, to be retried by itself', () => pipeline.report('FAILED'));
    await job.age(PAUSES.firstPauseMs);
    await step('a retry by itself, until delivered', () => job.alarm());
    expect((await job.storedDispatches()).at(-1)).toMatchObject({ isAutomatic: true, state: 'DELIVERED' });
  } finally {
    asBefore();
  }
}
const PAUSES = { firstPauseMs: 60_000, factor: 2, longestPauseMs: 60_000 };

/** What an editor can have done with a finished draft. */
async function liveOn(account: Account): Promise<void> {
  const { job } = await jobAt('DRAFT_READY');
  const step = (name: string, act: () => Promise<unknown>) => account.step(name, act, () => job);
  const newest = async () => job.pipeline((await job.dispatches())[0].dispatch_id);
  const edit = (edits: number, client_request_id: string) =>
    call('PUT', `/jobs/${job.id}/artifacts/transcript`, {
      token: job.token,
      body: { uri: `s3://corrected/${edits}`, edits, client_request_id },
    });
  const redo = () => job.post('redo', { model_profile: 'balanced', client_request_id: 'x' });
  const exporting = () => job.post('export', { formats: ['docx', 'srt'], client_request_id: 'x' });
  await step('edit: an artifact is corrected', async () => expect((await edit(1, 'x')).status).toBe(200));
  await step('edit: replayed', async () => expect((await edit(1, 'x')).status).toBe(200));
  await step('edit: refused, somebody else was faster', async () =>
    expect((await edit(1, 'y')).status).toBe(409),
  );
  await step('redo, until delivered', async () => expect((await redo()).status).toBe(202));
  const another = await newest();
  await step('callback: first of a redo, REGENERATING', () => another.report('REGENERATING'));
  await step('callback: another draft, settles the dispatch', () => another.report('DRAFT_READY'));
  await step('export, until delivered', async () => expect((await exporting()).status).toBe(202));
  const last = await newest();
  await step('callback: first of an export, EXPORTING', () => last.report('EXPORTING'));
  await step('callback: DONE, with an export', () => last.report('DONE'));
}

/** What goes, and what keeps it until then; `beside` is a job that nothing happens to. */
async function goAway(account: Account, beside: ActingJob): Promise<void> {
  const step = async (name: string, job: ActingJob, act: () => Promise<unknown>) => {
    await putToSleep(job.stub);
    await putToSleep(env.PROJECT.getByName(job.projectId));
    await account.step(name, act, () => beside);
  };
  const { job } = await failedAfter('AUDIO_READY');
  await step('erase: a failed job', job, async () => expect((await job.erase()).status).toBe(204));
  const { projectId, token } = job;
  await step('erase: a project', job, async () => {
    await putToSleep(env.WORKSPACE.getByName(await beside.owner()));
    expect((await call('DELETE', `/projects/${projectId}`, { token })).status).toBe(204);
  });
  const { job: draft } = await jobAt('DRAFT_READY');
  await step('erase: a draft, its pipeline told to stop', draft, async () => {
    expect((await draft.erase()).status).toBe(202);
    await until(async () => expect(await draft.alarmAt()).toBeNull());
  });
  const { job: kept } = await failedAfter('AUDIO_READY');
  const goBack = await replacedRules({ keepEndedMs: 30 * DAY_MS });
  try {
    await step('kept for 30 days: the last alarm, set once more', kept, () => kept.alarm());
    await kept.age(31 * DAY_MS);
    await step('kept for 30 days: the alarm that erases', kept, () => kept.alarm());
  } finally {
    goBack();
  }
}

async function askProjectInVain(projectId: string, token: string): Promise<void> {
  for (const method of ['GET', 'POST']) {
    expect((await call(method, `/projects/${projectId}/jobs`, { token })).status).toBe(404);
  }
}

async function askInVain(jobId: string, token: string): Promise<void> {
  for (const [method, path, body] of [
    ['GET', ''],
    ['GET', '/dispatches'],
    ['GET', '/transitions'],
    ['POST', '/confirm-upload', { video_uri: 's3://media/x' }],
    ['POST', '/run'],
    ['POST', '/cancel'],
    ['POST', '/retry', { model_profile: 'balanced', client_request_id: 'x' }],
  ] as const) {
    expect((await call(method, `/jobs/${jobId}${path}`, { token, body })).status).toBe(404);
  }
}

const databaseSize = (stub: DurableObjectStub): Promise<number> =>
  runInDurableObject(stub, (_actor, { storage }) => storage.sql.databaseSize);

/** How much a project grows with each job that it lists, as an average over many. */
async function projectBytesPerJob(job: ActingJob): Promise<number> {
  const project = env.PROJECT.getByName(job.projectId);
  const summary = summaryOf(await job.stored(), null);
  const before = await databaseSize(project);
  for (let n = 0; n < LISTED_JOBS; n += 1) {
    const at = 1_700_000_000_000 + n;
    await project.putSummary({
      ...summary,
      ...{ id: `job_${String(n).padStart(36, '0')}`, createdAt: at, updatedAt: at },
    });
  }
  return Math.round(((await databaseSize(project)) - before) / LISTED_JOBS);
}

/** What making these tables writes. A cursor counts the last one of several statements alone, so each is run by itself. */
function schemaRows(tables: string): Promise<number> {
  const statements = tables.split(/;\s*(?=CREATE|--|$)/).filter((statement) => statement.includes('CREATE'));
  return runInDurableObject(env.JOB.getByName(newId('job')), (_actor, { storage: { sql } }) =>
    statements.reduce((sum, statement) => sum + sql.exec(statement).rowsWritten, 0),
  );
}

/** What a bulk operation writes itself, from its beginning until the last of its jobs has ended. */
async function operationOver(count: number, meter: Meter): Promise<Measured['operation']> {
  const { home, jobs } = await failedJobs(count);
  meter.reset();
  const operation = await ActingOperation.over(home);
  await operation.untilCounts({ delivered: count });
  for (const job of jobs) {
    const pipeline = await job.pipeline((await job.dispatches())[0].dispatch_id);
    await pipeline.report('FAILED');
  }
  await operation.untilState('done');
  await until(async () => expect(meter.isQuiet()).toBe(true));
  const { operationRows, operationAlarms } = meter.counts();
  return { jobs: count, rows: operationRows, alarms: operationAlarms };
}

async function measure(meter: Meter): Promise<Measured> {
  const whole = new Account(meter, { sleeps: true });
  const wholeAwake = new Account(meter, { sleeps: false });
  const beside = new Account(meter, { sleeps: true });
  const home = await newHome();
  const job = await liveThrough(whole, home);
  await liveThrough(wholeAwake, home);
  const storedBytes = {
    job: await databaseSize(job.stub),
    projectPerJob: await projectBytesPerJob(job),
  };
  await liveBeside(beside, job);
  await goAway(beside, job);
  const operation = await operationOver(10, meter);
  return {
    whole: whole.steps,
    wholeAwake: wholeAwake.steps,
    beside: beside.steps,
    schemaRows: {
      job: await schemaRows(JOB_SCHEMA.tables),
      thirdDispatch: await schemaRows(EARLIER_DISPATCHES),
      project: await schemaRows(PROJECT_SCHEMA.tables),
      workspace: await schemaRows(WORKSPACE_SCHEMA.tables),
      operation: await schemaRows(OPERATION_SCHEMA.tables),
    },
    storedBytes,
    operation,
  };
}

describe('what a job costs', () => {
  let measured: Measured;

  beforeAll(async () => {
    const meter = await Meter.start();
    try {
      measured = await measure(meter);
    } finally {
      meter.stop();
    }
  }, 60_000);

  // Both show what was measured when they fail, to be copied to where it was meant.

  test('keeps every ceiling of test/cost/budget.json', () => {
    const figures = figuresOf(measured);
    console.log(JSON.stringify(figures, null, 2));
    expect(overBudget(figures, budget.operations)).toEqual([]);
  });

  test('is as spec/performance.md says', () => {
    const section = costSection(measured);
    console.log(section);
    expect(/<!-- cost:begin -->\n+([\s\S]*?)\n+<!-- cost:end -->/.exec(page)?.[1]).toBe(section);
  });
});
