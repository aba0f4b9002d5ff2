// What the databases promise by themselves, whatever the code above them does; and what each command writes.
import { env, runInDurableObject } from 'cloudflare:test';
import { describe, expect, onTestFinished, test } from 'vitest';
import storagePage from '../../spec/storage.md?raw';
import { appliedSteps, migrate } from '../../src/actor/migrate.ts';
import { JOB_MIGRATIONS, WORKSPACE_MIGRATIONS } from '../../src/actor/migrations.ts';
import { newId } from '../../src/contract/fields.ts';
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
    await job.sql('UPDATE job SET open_dispatch_id = ?', newId('dsp'));
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

  test('keeps one dispatch per request', async () => {
    const { job } = await retriedAfter('AUDIO_READY');
    expect(await refusalOf(job, `UPDATE dispatch SET request_key = 'run' WHERE kind = 'retry'`)).toContain(
      'UNIQUE constraint failed: dispatch.request_key',
    );
  });

  test('keeps one dispatch per id, and one callback per event id', async () => {
    const { job } = await jobAt('AUDIO_READY');
    expect(await refusalOf(job, 'INSERT INTO dispatch SELECT * FROM dispatch')).toContain(
      'UNIQUE constraint',
    );
    expect(await refusalOf(job, 'INSERT INTO callback_event SELECT * FROM callback_event')).toContain(
      'UNIQUE constraint failed: callback_event.event_id',
    );
  });

  test.for([
    [`a job in no known status`, `UPDATE job SET status = 'BROKEN'`],
    [`a dispatch in no known state`, `UPDATE dispatch SET state = 'SENT'`],
    [`a dispatch of no known kind`, `UPDATE dispatch SET kind = 'rerun'`],
    [
      `a run that claims a client_request_id`,
      `UPDATE dispatch SET client_request_id = 'x' WHERE kind = 'run'`,
    ],
    [`a retry without one`, `UPDATE dispatch SET client_request_id = NULL WHERE kind = 'retry'`],
    [`a retry without a resume point`, `UPDATE dispatch SET resume_from_status = NULL WHERE kind = 'retry'`],
    [`a retry without a checkpoint`, `UPDATE dispatch SET checkpoint_ref = NULL WHERE kind = 'retry'`],
    [`a notice in no known state`, `UPDATE dispatch SET cancel_state = 'SENT'`],
    [`a callback of no known status`, `UPDATE callback_event SET status = 'BROKEN'`],
    [
      `a transition to no known status`,
      `INSERT INTO transition (event_type, actor, prev_status, new_status, occurred_at, recorded_at)
       VALUES ('status_changed', 'system', 'DONE', 'BROKEN', 1, 1)`,
    ],
    [
      `a transition by nobody known`,
      `INSERT INTO transition (event_type, actor, prev_status, new_status, occurred_at, recorded_at)
       VALUES ('status_changed', 'nobody', 'DONE', 'FAILED', 1, 1)`,
    ],
    [
      `a checkpoint that is none`,
      `INSERT INTO transition (event_type, actor, prev_status, new_status, occurred_at, recorded_at, checkpoint)
       VALUES ('status_changed', 'system', 'DONE', 'FAILED', 1, 1, '{}')`,
    ],
  ] as const)('takes no %s', async ([_what, query]) => {
    const { job } = await retriedAfter('AUDIO_READY');
    expect(await refusalOf(job, query)).toContain('CHECK constraint failed');
  });

  test('keeps the audit trail as it was written', async () => {
    const { job } = await jobAt('AUDIO_READY');
    for (const query of [`UPDATE transition SET actor = 'system'`, 'DELETE FROM transition']) {
      expect(await refusalOf(job, query)).toContain('the audit trail is append-only');
    }
  });
});

describe.each([
  ['job', JOB_MIGRATIONS],
  ['workspace', WORKSPACE_MIGRATIONS],
] as const)('the migrations of the %s', (_actor, steps) => {
  test('may run again and change nothing', async () => {
    await inEmptyObject((storage) => {
      migrate(storage, steps);
      const schema = schemaOf(storage.sql);
      migrate(storage, steps);
      expect(schemaOf(storage.sql)).toEqual(schema);
      expect(appliedSteps(storage.sql)).toBe(steps.length);
    });
  });

  test('go on from where an older version of the service stopped', async () => {
    await inEmptyObject((storage) => {
      migrate(storage, steps);
      migrate(storage, [...steps, 'CREATE TABLE newer (a INTEGER)', 'INSERT INTO newer VALUES (1)']);
      migrate(storage, [...steps, 'CREATE TABLE newer (a INTEGER)', 'INSERT INTO newer VALUES (1)']);
      expect(appliedSteps(storage.sql)).toBe(steps.length + 2);
      expect(storage.sql.exec('SELECT count(*) AS n FROM newer').one().n).toBe(1);
    });
  });
});

test('a migration that fails leaves neither half of its step nor its marker, and is run again', async () => {
  await inEmptyObject((storage) => {
    const broken = [
      'CREATE TABLE one (a INTEGER)',
      'CREATE TABLE two (a INTEGER); CREATE TABLE one (a INTEGER)',
    ];
    expect(() => migrate(storage, broken)).toThrow('already exists');
    expect(schemaOf(storage.sql)).toHaveLength(2);
    expect(appliedSteps(storage.sql)).toBe(1);
    migrate(storage, ['never run again', 'CREATE TABLE two (a INTEGER)']);
    expect(appliedSteps(storage.sql)).toBe(2);
  });
});

test('a first step that fails leaves nothing at all', async () => {
  await inEmptyObject((storage) => {
    expect(() => migrate(storage, ['CREATE TABLE one (a INTEGER); nonsense'])).toThrow('syntax error');
    expect(schemaOf(storage.sql)).toEqual([]);
    expect(appliedSteps(storage.sql)).toBe(0);
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
    const known = (await job.sql("SELECT event_id FROM callback_event WHERE status = 'FAILED'"))[0]?.event_id;
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
          expect(await cancelled.sql('SELECT cancel_state FROM dispatch')).toEqual([
            { cancel_state: 'DELIVERED' },
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
    for (const [name, steps] of [
      ['a job', JOB_MIGRATIONS],
      ['a workspace', WORKSPACE_MIGRATIONS],
    ] as const) {
      const statements = await inEmptyObject((storage) => {
        migrate(storage, steps);
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
