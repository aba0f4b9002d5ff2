// What is stored: what the databases promise by themselves, what the store refuses, and how older and newer versions of it
// are met.
import { env, runInDurableObject } from 'cloudflare:test';
import { describe, expect, test } from 'vitest';
import { JobStore } from '../../src/actor/job-store.ts';
import { bringUpToDate, markerRow, NewerSchema, type Schema } from '../../src/actor/migrate.ts';
import {
  decodeDispatch,
  decodeListedOperation,
  decodeOperation,
  decodePresent,
  decodeProject,
  decodeVersions,
  encodeDispatch,
} from '../../src/actor/records.ts';
import { JOB_SCHEMA } from '../../src/actor/schema-job.ts';
import { PROJECT_SCHEMA } from '../../src/actor/schema-project.ts';
import { WORKSPACE_SCHEMA } from '../../src/actor/schema-workspace.ts';
import { EVERY_JOB } from '../../src/domain/job-filter.ts';
import { newId } from '../support/ids.ts';
import { artifactUri } from '../support/pipeline/script.ts';
import { type ActingJob, createdJob, jobAt, retriedAfter, uploadedJob } from '../support/workerd/acting.ts';
import { call, editorToken, storedRows } from '../support/workerd/harness.ts';

/** A database of its own that holds nothing. */
function inEmptyObject<T>(run: (storage: DurableObjectStorage) => T): Promise<T> {
  return runInDurableObject(env.JOB.getByName(newId('job')), (_actor, state) => run(state.storage));
}

const storedVersion = (sql: SqlStorage, schema: Schema): number => markerRow(sql, schema)?.schema ?? 0;

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

  test('holds one job', async () => {
    const job = await uploadedJob();
    const columns = (await job.sql('SELECT * FROM job'))
      .flatMap(Object.keys)
      .filter((name) => name !== 'one');
    const copy = `INSERT INTO job (one, ${columns}) SELECT ?, ${columns} FROM job`;
    expect(await refusalOf(job, copy, 1)).toContain('UNIQUE constraint failed: job.one');
    expect(await refusalOf(job, copy, 2)).toContain('CHECK constraint failed: one = 1');
  });

  test('keeps one dispatch per request', async () => {
    const { job, pipeline } = await retriedAfter('AUDIO_READY');
    await pipeline.report('FAILED');
    expect((await job.retry('once-more')).status).toBe(202);
    expect(await refusalOf(job, 'INSERT INTO dispatch SELECT * FROM dispatch')).toContain(
      'UNIQUE constraint failed: dispatch.request_key',
    );
  });

  test('keeps one callback per event id of a pipeline', async () => {
    const { job } = await jobAt('AUDIO_READY');
    expect(await refusalOf(job, 'INSERT INTO history SELECT * FROM history')).toContain(
      'UNIQUE constraint failed: history.dispatch_id, history.key',
    );
  });
});

test('what must never be stored is refused before it is written, and nothing of its commit is', async () => {
  const { job, dispatchId } = await jobAt('TRANSCRIBING');
  const before = await storedRows(job.id);
  await runInDurableObject(job.stub, (_actor, { storage }) => {
    const store = new JobStore(storage);
    const stored = store.job();
    const open = stored && store.open(stored);
    if (!open) throw new Error('a pipeline is at work');
    const changes = {
      job: { ...stored, openDispatchId: null },
      updated: [{ ...open, executionId: 'other' }],
    };
    expect(() => store.commit(changes)).toThrow('the open dispatch is the newest or none');
    expect(store.dispatch(dispatchId)).toEqual(open);
  });
  expect(await storedRows(job.id)).toEqual(before);
});

test('what the service stored says under which version of the tables and of its records', async () => {
  const job = await createdJob();
  const [row] = await job.sql('SELECT schema, record FROM job');
  expect(row?.schema).toBe(JOB_SCHEMA.version);
  expect(JSON.parse(String(row?.record))).toMatchObject({ v: 5, job: { id: job.id } });
});

describe('an object of an older version of the service', () => {
  const first: Schema = {
    marker: 'thing',
    version: 1,
    tables: 'CREATE TABLE thing (schema INTEGER)',
    steps: [],
  };
  const made = (storage: DurableObjectStorage) => {
    storage.sql.exec(first.tables);
    storage.sql.exec('INSERT INTO thing (schema) VALUES (1)');
  };

  test('takes the steps that it is missing, once each', async () => {
    await inEmptyObject((storage) => {
      expect(bringUpToDate(storage, first)).toBeNull();
      made(storage);
      const newer = {
        ...first,
        version: 3,
        steps: ['CREATE TABLE newer (a INTEGER)', 'INSERT INTO newer VALUES (1)'],
      };
      expect(bringUpToDate(storage, newer)).toEqual({ schema: 3 });
      expect(bringUpToDate(storage, newer)).toEqual({ schema: 3 });
      expect(storedVersion(storage.sql, newer)).toBe(3);
      expect(storage.sql.exec('SELECT count(*) AS n FROM newer').one().n).toBe(1);
    });
  });

  test('keeps neither half of a step that fails nor its version, and takes it again', async () => {
    await inEmptyObject((storage) => {
      made(storage);
      const step = (sql: string): Schema => ({ ...first, version: 2, steps: [sql] });
      const broken = step('CREATE TABLE two (a INTEGER); CREATE TABLE thing (a INTEGER)');
      expect(() => bringUpToDate(storage, broken)).toThrow('already exists');
      expect(schemaOf(storage.sql)).toHaveLength(1);
      expect(storedVersion(storage.sql, broken)).toBe(1);
      expect(bringUpToDate(storage, step('CREATE TABLE two (a INTEGER)'))).toEqual({ schema: 2 });
      expect(storedVersion(storage.sql, broken)).toBe(2);
    });
  });

  test('a newer one is refused, and left as it is', async () => {
    await inEmptyObject((storage) => {
      made(storage);
      storage.sql.exec('UPDATE thing SET schema = 2');
      expect(() => bringUpToDate(storage, first)).toThrow(NewerSchema);
      expect(storedVersion(storage.sql, first)).toBe(2);
    });
  });
});

describe.each([
  ['job', 'JOB', JOB_SCHEMA],
  ['project', 'PROJECT', PROJECT_SCHEMA],
  ['workspace', 'WORKSPACE', WORKSPACE_SCHEMA],
] as const)('the schema of the %s', (marker, binding, schema) => {
  test('bears its version where it is looked for, and has a step for each version after the first', async () => {
    expect(schema.marker).toBe(marker);
    expect(schema.steps).toHaveLength(schema.version - 1);
    const { job } = await jobAt('AUDIO_READY');
    const name = { JOB: job.id, PROJECT: job.projectId, WORKSPACE: await job.owner() }[binding];
    const version = await runInDurableObject(env[binding].getByName(name), (_actor, { storage }) =>
      storedVersion(storage.sql, schema),
    );
    expect(version).toBe(schema.version);
  });
});

test('a record of before reads with null for what was not known then, never with undefined', () => {
  const bare = {
    id: 'job_1',
    projectId: 'prj_1',
    owner: 'own_1',
    status: 'UPLOADED',
    manifest: {},
    revision: 1,
  };
  const { job, newest } = decodePresent(
    JSON.stringify({ v: 1, job: bare, newest: { id: 'dsp_1', kind: 'run' }, earlier: 0 }),
  );
  expect(job).toMatchObject({ ownerIdentity: null, requestDigest: null });
  expect(job).toMatchObject({ failure: null, latestCallback: null, openDispatchId: null, versions: [] });
  expect(newest).toMatchObject({ executionId: null, firstReportAt: null, cancelNotice: null, engines: {} });
  expect(newest).toMatchObject({ plan: null, failure: null });
});

test('a record of a newer version is not guessed at', () => {
  for (const [kind, decode, newer] of [
    ['dispatch', decodeDispatch, 6],
    ['job', decodePresent, 6],
    ['versions', decodeVersions, 6],
    ['project', decodeProject, 3],
    ['operation', decodeOperation, 2],
    ['listed operation', decodeListedOperation, 2],
  ] as const) {
    const record = JSON.stringify({ v: newer, job: {}, newest: null });
    expect(() => decode(record), kind).toThrow(`a record of version ${newer}, known is ${newer - 1}`);
  }
});

test('whatever is asked of a job, project or workspace that does not exist stores nothing', async () => {
  const token = await editorToken(`editor-${crypto.randomUUID()}`);
  const id = newId('job');
  const retry = { model_profile: 'balanced', client_request_id: 'x' };
  for (const [method, path, body] of [
    ['GET', ''],
    ['GET', '/dispatches'],
    ['GET', '/transitions'],
    ['GET', '/attempts'],
    ['GET', '/artifacts'],
    ['GET', '/retry-plan'],
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
  const strangers = env.WORKSPACE.getByName(`own_${crypto.randomUUID()}`);
  await strangers.projects(null, 10);
  const nowhere = env.PROJECT.getByName(newId('prj'));
  await nowhere.show('own_1');
  await nowhere.jobs('own_1', EVERY_JOB, null, 10);
  await nowhere.counts('own_1');
  for (const stub of [strangers, nowhere]) {
    expect(
      await runInDurableObject(stub as DurableObjectStub, (_actor, state) => schemaOf(state.storage.sql)),
    ).toEqual([]);
  }
});

test('a dispatch is read as it was stored, with all that its plan says, and takes no page of its own', async () => {
  const { job, first, pipeline } = await retriedAfter('TRANSCRIBING');
  const asMade = await job.storedDispatches();
  await pipeline.report('FAILED');
  expect((await job.retry('once-more')).status).toBe(202);
  const [run, retry] = await job.storedDispatches();
  if (run === undefined || retry === undefined) throw new Error('there are three dispatches');
  expect(await job.sql('SELECT id FROM dispatch')).toEqual([{ id: run.id }]);
  expect(run).toEqual(asMade[0]);
  const plan = {
    ...{ asked: null, discardEdits: [], editsDiscarded: [] },
    stages: [
      {
        stage: 'audio',
        action: 'keep',
        version: 1,
        ref: artifactUri(first.dispatchId, 'audio'),
        reason: 'resume_point',
      },
      { stage: 'transcript', action: 'redo', engine: 'whisper-large-v3', reason: 'never_made' },
      { stage: 'draft', action: 'redo', engine: 'gpt-5-mini', reason: 'never_made' },
    ],
    proof: { state: 'unverified', reason: 'not_in_store' },
  };
  expect(retry.plan).toEqual(plan);
  for (const dispatch of [run, retry]) expect(decodeDispatch(encodeDispatch(dispatch))).toEqual(dispatch);
  // Without row ids a page has room for four of the longest, which is some 1,000 bytes, and the keys take some 50 of them.
  expect(encodeDispatch(run).length).toBeLessThan(920);
});
