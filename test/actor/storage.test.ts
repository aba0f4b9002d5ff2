// What the databases promise by themselves, whatever the code above them does.
import { env, evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { describe, expect, test } from 'vitest';
import { appliedSteps, migrate } from '../../src/actor/migrate.ts';
import { JOB_MIGRATIONS, WORKSPACE_MIGRATIONS } from '../../src/actor/migrations.ts';
import { newId } from '../../src/contract/fields.ts';
import { callback } from '../domain/builders.ts';
import {
  type ActingJob,
  createdJob,
  failedAfter,
  jobAt,
  retriedAfter,
  uploadedJob,
} from '../support/workerd/acting.ts';
import { call, editorToken, storedRows } from '../support/workerd/harness.ts';

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
    const columns = (await job.sql('SELECT * FROM job'))
      .flatMap(Object.keys)
      .filter((name) => name !== 'one');
    const copy = `INSERT INTO job (one, ${columns}) SELECT ?, ${columns} FROM job`;
    expect(await refusalOf(job, copy, 1)).toContain('UNIQUE constraint failed: job.one');
    expect(await refusalOf(job, copy, 2)).toContain('CHECK constraint failed: one = 1');
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
    [`a dispatch of no known kind`, run.replace('%', '{"kind":"rerun"}')],
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
    // The clock stepped back between the one that was lost and the one that is open.
    dispatch(`'dsp_run', 'run', 'FAILED', 'run', NULL, NULL, NULL, NULL, NULL, NULL, 100`);
    dispatch(
      `'dsp_lost', 'retry', 'UNDELIVERABLE', NULL, 'lost', 'AUDIO_READY', 's3://a/1', 'PENDING', 950, 2, 310`,
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

  const shown = await stub.show('own_1');
  expect(shown.ok && JSON.parse(shown.body)).toMatchObject({
    status: 'FAILED',
    revision: 7,
    open_dispatch: { dispatch_id: 'dsp_retry', dispatch_state: 'DELIVERED', client_request_id: 'a' },
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
