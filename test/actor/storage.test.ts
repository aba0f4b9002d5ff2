// What the databases promise by themselves, whatever the code above them does; and what each command writes.
import { env, evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { describe, expect, onTestFinished, test } from 'vitest';
import storagePage from '../../spec/storage.md?raw';
import { appliedSteps, migrate } from '../../src/actor/migrate.ts';
import { JOB_MIGRATIONS, WORKSPACE_MIGRATIONS } from '../../src/actor/migrations.ts';
import { newId } from '../../src/contract/fields.ts';
import { callback } from '../domain/builders.ts';
import {
  type ActingJob,
  createdJob,
  failedAfter,
  jobAt,
  newHome,
  retriedAfter,
  until,
  uploadedJob,
} from '../support/workerd/acting.ts';
import { call, editorToken, storedRows } from '../support/workerd/harness.ts';
import { RowsWritten } from '../support/workerd/rows-written.ts';

/** A database of its own that holds nothing. */
function inEmptyObject<T>(run: (storage: DurableObjectStorage) => T): Promise<T> {
  return runInDurableObject(env.JOB.getByName(newId('job')), (_actor, state) => run(state.storage));
}

const schemaOf = (sql: SqlStorage): string[] =>
  sql
    .exec<{ sql: string }>(
      `SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '\\_cf%' ESCAPE '\\' ORDER BY name`,
    )
    .toArray()
    .map((row) => row.sql);

describe('the job’s database by itself', () => {
  /** Why the database refuses a statement; fails when it takes it. */
  async function refusalOf(job: ActingJob, query: string, ...bindings: SqlStorageValue[]): Promise<string> {
    const before = await storedRows(job.id);
    const message = await runInDurableObject(job.stub, (_actor, state) => {
      try {
        state.storage.sql.exec(query, ...bindings);
      } catch (error) {
        return String(error);
      }
      return 'it was taken';
    });
    expect(await storedRows(job.id)).toEqual(before);
    return message;
  }

  test('lets no second dispatch be open', async () => {
    const { job } = await retriedAfter('AUDIO_READY');
    expect(await refusalOf(job, 'UPDATE job SET open_dispatch_id = ?', newId('dsp'))).toContain(
      'a job has at most one open dispatch',
    );
  });

  test('lets the open dispatch be closed, and another take its place then', async () => {
    const { job } = await retriedAfter('AUDIO_READY');
    await job.sql('UPDATE job SET open_dispatch_id = NULL');
    await job.sql(
      `UPDATE job SET open_dispatch_id = ?1, newest_dispatch = json_set(newest_dispatch, '$.id', ?1)`,
      newId('dsp'),
    );
  });

  test('holds one job', async () => {
    const job = await uploadedJob();
    const columns = 'id, project_id, owner, status, manifest, checkpoints, revision, created_at, updated_at';
    for (const one of [1, 2]) {
      expect(
        await refusalOf(job, `INSERT INTO job (one, ${columns}) SELECT ?, ${columns} FROM job`, one),
      ).toContain('constraint failed');
    }
  });

  test('lets no dispatch be open but the newest', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    expect(await refusalOf(job, 'UPDATE job SET open_dispatch_id = ?', newId('dsp'))).toContain(
      'CHECK constraint failed',
    );
  });

  test('keeps one dispatch per request', async () => {
    const { job } = await retriedAfter('AUDIO_READY');
    expect(await refusalOf(job, 'INSERT INTO dispatch SELECT * FROM dispatch')).toContain(
      'UNIQUE constraint failed: dispatch.request_key',
    );
  });

  test('keeps one callback per event id', async () => {
    const { job } = await jobAt('AUDIO_READY');
    expect(await refusalOf(job, 'INSERT INTO history SELECT * FROM history')).toContain(
      'UNIQUE constraint failed: history.key',
    );
  });

  const retry = `UPDATE job SET newest_dispatch = json_patch(newest_dispatch, '%')`;
  const run = `UPDATE dispatch SET record = json_patch(record, '%')`;

  test.for([
    [`a job in no known status`, `UPDATE job SET status = 'BROKEN'`],
    [`a dispatch in no known state`, retry.replace('%', '{"state":"SENT"}')],
    [`an earlier dispatch in no known state`, run.replace('%', '{"state":"SENT"}')],
    [`a dispatch of no known kind`, retry.replace('%', '{"kind":"rerun"}')],
    [`a run that claims a client_request_id`, run.replace('%', '{"clientRequestId":"x"}')],
    [`a retry without one`, retry.replace('%', '{"clientRequestId":null}')],
    [`a retry without a resume point`, retry.replace('%', '{"resumeFromStatus":null}')],
    [`a retry without a checkpoint`, retry.replace('%', '{"checkpointRef":null}')],
    [`a notice in no known state`, retry.replace('%', '{"cancelNotice":{"state":"SENT"}}')],
    [
      `a callback of no known status`,
      `INSERT INTO history (key, payload_digest, status, occurred_at, recorded_at) VALUES ('x', 'x', 'BROKEN', 1, 1)`,
    ],
    [
      `an audit entry from no known status`,
      `INSERT INTO history (key, seq, event_type, actor, prev_status, status, occurred_at, recorded_at)
       VALUES (' 99', 99, 'status_changed', 'system', 'BROKEN', 'DONE', 1, 1)`,
    ],
    [
      `an audit entry by nobody known`,
      `INSERT INTO history (key, seq, event_type, actor, prev_status, status, occurred_at, recorded_at)
       VALUES (' 99', 99, 'status_changed', 'nobody', 'DONE', 'FAILED', 1, 1)`,
    ],
    [
      `an audit entry without a number`,
      `INSERT INTO history (key, event_type, actor, prev_status, status, occurred_at, recorded_at)
       VALUES (' 99', 'status_changed', 'system', 'DONE', 'FAILED', 1, 1)`,
    ],
    [
      `a checkpoint that is none`,
      `INSERT INTO history (key, seq, event_type, actor, prev_status, status, occurred_at, recorded_at, checkpoint)
       VALUES (' 99', 99, 'status_changed', 'system', 'DONE', 'FAILED', 1, 1, '{}')`,
    ],
  ] as const)('takes no %s', async ([_what, query]) => {
    const { job } = await retriedAfter('AUDIO_READY');
    expect(await refusalOf(job, query)).toContain('CHECK constraint failed');
  });

  test('keeps the history as it was written', async () => {
    const { job } = await jobAt('AUDIO_READY');
    for (const query of [`UPDATE history SET actor = 'system'`, 'DELETE FROM history']) {
      expect(await refusalOf(job, query)).toContain('the history is append-only');
    }
  });
});

describe.each([
  ['job', JOB_MIGRATIONS],
  ['workspace', WORKSPACE_MIGRATIONS],
] as const)('the schema of the %s', (_actor, migrations) => {
  const { schema, steps } = migrations;

  test('may be made again and changes nothing', async () => {
    await inEmptyObject((storage) => {
      migrate(storage, migrations);
      const made = schemaOf(storage.sql);
      migrate(storage, migrations);
      expect(schemaOf(storage.sql)).toEqual(made);
      expect(appliedSteps(storage.sql)).toBe(steps.length);
    });
  });

  test('is the same for a new object and for one that every older version has left its step in', async () => {
    const made = await inEmptyObject((storage) => {
      migrate(storage, migrations);
      return schemaOf(storage.sql);
    });
    await inEmptyObject((storage) => {
      const [first = '', ...later] = steps;
      migrate(storage, { schema: first, steps: [first] });
      for (const index of later.keys()) migrate(storage, { schema, steps: steps.slice(0, index + 2) });
      expect(schemaOf(storage.sql)).toEqual(made);
      expect(appliedSteps(storage.sql)).toBe(steps.length);
    });
  });

  test('goes on from where an older version of the service stopped', async () => {
    await inEmptyObject((storage) => {
      migrate(storage, migrations);
      const newer = {
        schema,
        steps: [...steps, 'CREATE TABLE newer (a INTEGER)', 'INSERT INTO newer VALUES (1)'],
      };
      migrate(storage, newer);
      migrate(storage, newer);
      expect(appliedSteps(storage.sql)).toBe(steps.length + 2);
      expect(storage.sql.exec('SELECT count(*) AS n FROM newer').one().n).toBe(1);
    });
  });
});

test('a migration that fails leaves neither half of its step nor its marker, and is run again', async () => {
  await inEmptyObject((storage) => {
    const first = 'CREATE TABLE one (a INTEGER)';
    migrate(storage, { schema: first, steps: [first] });
    const broken = 'CREATE TABLE two (a INTEGER); CREATE TABLE one (a INTEGER)';
    expect(() => migrate(storage, { schema: first, steps: [first, broken] })).toThrow('already exists');
    expect(schemaOf(storage.sql)).toHaveLength(2);
    expect(appliedSteps(storage.sql)).toBe(1);
    migrate(storage, { schema: first, steps: ['never run again', 'CREATE TABLE two (a INTEGER)'] });
    expect(appliedSteps(storage.sql)).toBe(2);
  });
});

test('a schema that cannot be made leaves nothing at all', async () => {
  await inEmptyObject((storage) => {
    const broken = { schema: 'CREATE TABLE one (a INTEGER); nonsense', steps: ['one'] };
    expect(() => migrate(storage, broken)).toThrow('syntax error');
    expect(schemaOf(storage.sql)).toEqual([]);
    expect(appliedSteps(storage.sql)).toBe(0);
  });
});

test('a job that the service of before stored goes on with everything it had', async () => {
  const id = newId('job');
  const [first = '', second = ''] = JOB_MIGRATIONS.steps;
  const stub = env.JOB.getByName(id);
  const checkpoint = {
    status: 'AUDIO_READY',
    ref: 's3://a/1',
    dispatchId: 'dsp_run',
    modelProfile: 'balanced',
  };
  await runInDurableObject(stub, (_actor, { storage }) => {
    migrate(storage, { schema: first, steps: [first] });
    migrate(storage, { schema: '', steps: [first, second] });
    storage.sql.exec(
      `INSERT INTO job (one, id, project_id, owner, status, manifest, checkpoints, open_dispatch_id,
         latest_dispatch_at, revision, created_at, updated_at)
       VALUES (1, ?, 'prj_1', 'own_1', 'FAILED', ?, ?, 'dsp_retry', 300, 7, 1, 250)`,
      id,
      JSON.stringify({
        videoUri: 's3://v',
        audioUri: 's3://a/1',
        transcriptUri: null,
        draftUri: null,
        exports: {},
      }),
      JSON.stringify({ AUDIO_READY: checkpoint }),
    );
    const dispatch = (values: string) =>
      storage.sql.exec(
        `INSERT INTO dispatch (id, kind, state, request_key, client_request_id, resume_from_status, checkpoint_ref,
           cancel_state, cancel_until, cancel_attempts, created_at, model_profile, policy_version, traceparent,
           deliver_until, delivery_attempts, updated_at)
         VALUES (${values}, 'balanced', '1', '00-x', 900, 1, 301)`,
      );
    dispatch(`'dsp_run', 'run', 'FAILED', 'run', NULL, NULL, NULL, NULL, NULL, NULL, 100`);
    dispatch(
      `'dsp_lost', 'retry', 'UNDELIVERABLE', NULL, 'lost', 'AUDIO_READY', 's3://a/1', 'PENDING', 950, 2, 200`,
    );
    dispatch(
      `'dsp_retry', 'retry', 'DELIVERED', 'retry:a', 'a', 'AUDIO_READY', 's3://a/1', NULL, NULL, NULL, 300`,
    );
    storage.sql.exec(
      `INSERT INTO callback_event VALUES ('event-1', 'dsp_run', 'digest', 'AUDIO_READY', 110, 111, NULL)`,
    );
    storage.sql.exec(
      `INSERT INTO transition (event_type, actor, prev_status, new_status, dispatch_id, occurred_at, recorded_at)
       VALUES ('status_changed', 'orchestrator', 'AUDIO_EXTRACTING', 'AUDIO_READY', 'dsp_run', 110, 111),
              ('status_changed', 'orchestrator', 'AUDIO_READY', 'FAILED', 'dsp_run', 150, 151)`,
    );
  });
  await evictDurableObject(stub);

  const job = await stub.read('own_1');
  expect(job).toMatchObject({
    job: { status: 'FAILED', revision: 7, checkpoints: { AUDIO_READY: checkpoint } },
    open: {
      id: 'dsp_retry',
      state: 'DELIVERED',
      clientRequestId: 'a',
      deliverUntil: 900,
      cancelNotice: null,
    },
  });
  expect(await stub.dispatches('own_1', null, 10)).toMatchObject({
    items: [
      { id: 'dsp_retry' },
      { id: 'dsp_lost', state: 'UNDELIVERABLE', cancelNotice: { state: 'PENDING', until: 950, attempts: 2 } },
      { id: 'dsp_run', kind: 'run', clientRequestId: null },
    ],
  });
  expect(await stub.transitions('own_1', 0, 10)).toMatchObject({
    items: [
      { seq: 1, newStatus: 'AUDIO_READY' },
      { seq: 2, prevStatus: 'AUDIO_READY', newStatus: 'FAILED' },
    ],
  });
  const repeated = callback('dsp_run', 'AUDIO_READY', { eventId: 'event-1', payloadDigest: 'digest' });
  expect(await stub.applyCallback(repeated)).toMatchObject({ ok: true, replayed: true });
  const next = callback('dsp_retry', 'TRANSCRIBING', { eventId: 'event-2', occurredAt: 400 });
  expect(await stub.applyCallback(next)).toMatchObject({ ok: true, job: { status: 'TRANSCRIBING' } });
  expect(await stub.transitions('own_1', 2, 10)).toMatchObject({
    items: [{ seq: 3, newStatus: 'TRANSCRIBING' }],
  });
});

test('whatever is asked of a job or workspace that does not exist stores nothing', async () => {
  const token = await editorToken(`editor-${crypto.randomUUID()}`);
  const id = newId('job');
  const retry = { model_profile: 'balanced', client_request_id: 'x' };
  for (const [method, path, body] of [
    ['GET', ''],
    ['GET', '/dispatches'],
    ['GET', '/transitions'],
    ['POST', '/confirm-upload', { video_uri: 's3://media/x' }],
    ['POST', '/run'],
    ['POST', '/cancel'],
    ['POST', '/retry', retry],
  ] as const) {
    expect((await call(method, `/jobs/${id}${path}`, { token, body })).status).toBe(404);
  }
  await env.JOB.getByName(id).claim(newId('dsp'), 'dispatch');
  await env.JOB.getByName(id).reportDelivery(newId('dsp'), 'dispatch', { kind: 'dead-lettered' });
  await call('GET', '/projects', { token });
  await call('GET', `/projects/${newId('prj')}/jobs`, { token });

  expect(await storedRows(id)).toEqual({});
  const job = await createdJob();
  const strangers = env.WORKSPACE.getByName(`own_${crypto.randomUUID()}`);
  await strangers.projects(null, 10);
  await strangers.jobs(job.projectId, null, null, 10);
  const tables = await runInDurableObject(strangers, (_actor, state) => schemaOf(state.storage.sql));
  expect(tables).toEqual([]);
});

describe('rows written', () => {
  /** What one story writes, step by step. */
  class Meter {
    readonly #rows: RowsWritten;
    readonly table: string[] = [];
    total = 0;

    constructor(rows: RowsWritten) {
      this.#rows = rows;
    }

    async step(name: string, act: () => Promise<unknown>, jobOf: () => ActingJob): Promise<void> {
      await listed(jobOf());
      if (await isDueSoon(jobOf())) await jobOf().alarm();
      this.#rows.reset();
      await act();
      await listed(jobOf());
      const { job, alarm, workspace } = await this.#rows.of(jobOf());
      // Steps lie further apart than the alarm that follows each of them.
      this.#rows.reset();
      if (await isDueSoon(jobOf())) await jobOf().alarm();
      const later = Object.values(await this.#rows.of(jobOf())).reduce((sum, rows) => sum + rows);
      const sum = job + alarm + workspace + later;
      this.total += sum;
      this.table.push(`| ${name} | ${job} | ${alarm} | ${workspace} | ${later} | ${sum} |`);
    }
  }

  const isDueSoon = async (job: ActingJob) => {
    const at = await job.alarmAt();
    return at !== null && at - RowsWritten.ALARM_SHIFT_MS <= Date.now() + 5_000;
  };

  /** The workspace hears of a change after the caller was answered. */
  const listed = (job: ActingJob) =>
    until(async () => {
      const page = await call('GET', `/projects/${job.projectId}/jobs`, { token: job.token });
      expect(page.body.items[0]?.status).toBe(await job.status());
    });

  test('by each command are as spec/storage.md says', async () => {
    const rows = await RowsWritten.count();
    onTestFinished(() => rows.stop());
    const whole = new Meter(rows);
    const home = await newHome();
    let job = await createdJob();
    const step = (name: string, act: () => Promise<unknown>) => whole.step(name, act, () => job);

    // A whole job: it fails once and is retried once.
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

    // What happens beside it.
    const beside = new Meter(rows);
    const event = second.body('EXPORTING');
    await second.report('EXPORTING', event);
    const known = (await job.sql("SELECT key FROM history WHERE status = 'FAILED'"))[0]?.key;
    await beside.step(
      'callback: replayed, or refused',
      async () => {
        expect((await second.send(event)).status).toBe(200);
        expect((await second.send({ ...event, event_id: known })).status).toBe(409);
      },
      () => job,
    );
    await beside.step(
      'run or retry: replayed, or refused here',
      async () => {
        expect((await job.run()).status).toBe(200);
        expect((await job.retry('again')).status).toBe(200);
        expect((await job.retry('other')).status).toBe(409);
      },
      () => job,
    );
    const refused = (await failedAfter('AUDIO_READY')).job;
    await refused.answers({ kind: 'refuse', status: 400 });
    await beside.step(
      'retry: refused by the orchestrator, withdrawn',
      async () => expect((await refused.retry('x')).status).toBe(502),
      () => refused,
    );
    const cancelled = (await jobAt('TRANSCRIBING')).job;
    await beside.step(
      'cancel of a running job, until the orchestrator has it',
      async () => {
        await cancelled.cancel();
        await until(async () =>
          expect(await cancelled.storedDispatches()).toMatchObject([
            { cancelNotice: { state: 'DELIVERED' } },
          ]),
        );
      },
      () => cancelled,
    );

    const measured = [
      '| command | job | alarm set | workspace | alarm 5 s later | rows |',
      '| --- | --- | --- | --- | --- | --- |',
      ...whole.table,
      `| **a whole job, with one failure and one retry** | | | | | **${whole.total}** |`,
      ...beside.table,
    ].join('\n');
    console.log(measured);
    expect(measured).toBe(blockOf(storagePage, 'rows-written'));
  });

  test('once for the schema of an actor are as spec/storage.md says', async () => {
    const measured: string[] = ['| schema of | rows |', '| --- | --- |'];
    for (const [name, migrations] of [
      ['a job', JOB_MIGRATIONS],
      ['a workspace', WORKSPACE_MIGRATIONS],
    ] as const) {
      const statements = await inEmptyObject((storage) => {
        migrate(storage, migrations);
        return storage.sql
          .exec<{ sql: string }>(
            `SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '\\_cf%' ESCAPE '\\' ORDER BY rowid`,
          )
          .toArray()
          .map((row) => row.sql);
      });
      // A cursor counts the last one of several statements alone, so that each is run by itself.
      const rows = await inEmptyObject((storage) =>
        statements.reduce((sum, statement) => sum + storage.sql.exec(statement).rowsWritten, 0),
      );
      // The marker.
      measured.push(`| ${name} | ${rows + 1} |`);
    }
    console.log(measured.join('\n'));
    expect(measured.join('\n')).toBe(blockOf(storagePage, 'schema-rows'));
  });
});

/** What stands between the markers of this name. */
function blockOf(page: string, name: string): string | undefined {
  return new RegExp(`<!-- ${name}:begin -->\\n+([^]*?)\\n+<!-- ${name}:end -->`).exec(page)?.[1];
}
