// A job that version 1 of the storage wrote, brought to version 2: what were checkpoints are versions, and the job goes on.
import { env, runInDurableObject } from 'cloudflare:test';
import { describe, expect, test } from 'vitest';
import { JOB_SCHEMA } from '../../src/actor/schema-job.ts';
import version1 from '../faults/version-1.json?raw';
import { ActingJob, createdJob, newHome } from '../support/workerd/acting.ts';
import { missingId } from '../support/workerd/harness.ts';

type Row = Record<string, SqlStorageValue>;
/** Records as version 1 wrote them. */
// biome-ignore lint/suspicious/noExplicitAny: another service wrote them, so to say
type Old = Record<string, any>;
interface Stored {
  schema: string[];
  tables: { job: Row[]; history: Row[]; dispatch: Row[] };
}

/** The job of version-1.json, in an object of its own; `change` is done to it before it is stored. */
async function jobOfBefore(change: (record: Old, history: Row[]) => void = () => {}): Promise<ActingJob> {
  const { token, projectId } = await newHome();
  const owner = await (await createdJob({}, { token, projectId })).owner();
  const job = new ActingJob(await missingId('job'), projectId, token);
  const { schema, tables }: Stored = JSON.parse(
    version1
      .replaceAll('{{job}}', job.id)
      .replaceAll('{{project}}', projectId)
      .replaceAll('{{owner}}', owner),
  );
  const [present] = tables.job;
  if (present === undefined) throw new Error('there is no job');
  const record = JSON.parse(String(present.record));
  change(record, tables.history);
  present.record = JSON.stringify(record);
  await runInDurableObject(job.stub, (_actor, { storage: { sql } }) => {
    for (const statement of schema) sql.exec(statement);
    for (const [table, rows] of Object.entries(tables)) {
      for (const row of rows) {
        const names = Object.keys(row);
        sql.exec(`INSERT INTO ${table} (${names}) VALUES (${names.map(() => '?')})`, ...Object.values(row));
      }
    }
  });
  await job.forget();
  await job.plan({});
  return job;
}

const FIRST = 'dsp_0f0b8ccece334377b384b17405dfb8c6';
const SECOND = 'dsp_95bcb3a34caf47c790b2ba9516ebfdc6';
const AUDIO = `s3://artifacts/${FIRST}/audio`;
const TRANSCRIPT = `s3://artifacts/${SECOND}/transcript`;

/** Its pipeline is at work, and all that is asked of it is recent. */
function atWork(record: Old, status: string): void {
  const at = Date.now();
  Object.assign(record.job, { status, openDispatchId: SECOND, lastProgressAt: at, updatedAt: at });
  Object.assign(record.newest, { state: 'RUNNING', updatedAt: at });
}

/** As if its pipeline had never been past its transcript, whose place it has named early. */
function namedEarly(record: Old, history: Row[]): void {
  atWork(record, 'TRANSCRIBING');
  delete record.job.checkpoints.TRANSCRIPT_READY;
  const reached = history.findIndex(({ status }) => status === 'TRANSCRIPT_READY');
  const [row] = history.splice(reached, 1);
  if (row === undefined) throw new Error('no transcript was reached');
  // Of all that was reported afterwards nothing has been.
  const later = history.filter(
    ({ dispatch_id, seq }) => dispatch_id === SECOND && Number(seq) > Number(row.seq),
  );
  for (const each of later) history.splice(history.indexOf(each), 1);
  history.push({
    ...row,
    status: 'TRANSCRIBING',
    checkpoints: null,
    seq: null,
    event_type: null,
    prev_status: null,
  });
  record.latestSeq = Number(row.seq) - 1;
}

const artifactsOf = async (job: ActingJob) => (await job.get('/artifacts')).items;
const planOf = (job: ActingJob, profile: string) => job.get(`/retry-plan?model_profile=${profile}`);

test('its checkpoints are versions, numbered as they were made, each made from the one before', async () => {
  const job = await jobOfBefore();

  const made_by = { kind: 'pipeline', model_profile: 'balanced', policy_version: '2026-11-01', engine: null };
  expect(await artifactsOf(job)).toEqual([
    {
      ...{ stage: 'audio', version: 1, ref: AUDIO, digest: null, size_bytes: null },
      made_by: { ...made_by, dispatch_id: FIRST },
      ...{ made_from: null, state: 'complete', stale: false, recorded_at: '2025-01-01T00:00:00.192Z' },
    },
    {
      ...{ stage: 'transcript', version: 1, ref: TRANSCRIPT, digest: null, size_bytes: null },
      made_by: { ...made_by, dispatch_id: SECOND },
      ...{ made_from: 1, state: 'complete', stale: false, recorded_at: '2025-01-01T00:00:00.339Z' },
    },
  ]);
  const [row] = await job.sql('SELECT schema, record FROM job');
  expect(row?.schema).toBe(JOB_SCHEMA.version);
  const record = JSON.parse(String(row?.record));
  expect(record.v).toBe(5);
  expect(record.job).not.toHaveProperty('checkpoints');
  expect(record.job.versions).toHaveLength(2);
  // Nothing is left of the way there.
  expect(await job.sql(`SELECT name FROM sqlite_master WHERE name LIKE '%of_before'`)).toEqual([]);
});

test('several checkpoints of one stage are as many versions, and what followed is made from the newest of them', async () => {
  const second = {
    ...rowOfCheckpoint('AUDIO_READY', 's3://a/2', SECOND),
    dispatch_id: SECOND,
    key: 'second-audio',
  };
  const job = await jobOfBefore((record, history) => {
    const before = history.find(({ status }) => status === 'TRANSCRIPT_READY');
    history.push({ ...second, recorded_at: Number(before?.recorded_at) - 1 });
    record.job.checkpoints.AUDIO_READY.ref = 's3://a/2';
    record.job.manifest.audioUri = 's3://a/2';
  });

  expect(await artifactsOf(job)).toMatchObject([
    { stage: 'audio', version: 1, ref: AUDIO, made_from: null },
    { stage: 'audio', version: 2, ref: 's3://a/2', made_from: null },
    { stage: 'transcript', version: 1, ref: TRANSCRIPT, made_from: 2 },
  ]);
});

describe('a retry', () => {
  test('under the profile of before goes on from where it was: its models are those of today’s policy', async () => {
    const job = await jobOfBefore();

    expect(await job.get()).toMatchObject({
      failure: { failure_class: 'unknown', retry_at: null, model_profile: 'balanced' },
      next_actions: expect.arrayContaining([
        expect.objectContaining({ action: 'retry', allowed: true, body: { model_profile: 'balanced' } }),
      ]),
    });
    const reply = await job.retry('of-today');
    expect(reply.status).toBe(202);
    expect(reply.body).toMatchObject({ resume_from_status: 'TRANSCRIPT_READY', checkpoint_ref: TRANSCRIPT });
    const pipeline = await job.pipeline(reply.body.dispatch_id);
    await pipeline.reportAll('GENERATING', 'DRAFT_READY', 'FAILED');
    expect((await artifactsOf(job)).at(-1)).toMatchObject({
      stage: 'draft',
      version: 1,
      made_from: 1,
      made_by: { engine: 'gpt-5-mini', policy_version: '2026-11-26' },
    });
  });

  test('under another transcriber keeps the audio alone, and under one of the same the transcript', async () => {
    const job = await jobOfBefore();

    expect(await planOf(job, 'accurate')).toMatchObject({
      resume: { status: 'AUDIO_READY', checkpoint_ref: AUDIO },
      passed_over: [{ stage: 'transcript', version: 1, reason: 'engine_differs' }],
    });
    expect((await planOf(job, 'polished')).resume.status).toBe('TRANSCRIPT_READY');
  });

  test('of a profile that nobody knows any more keeps nothing of its models', async () => {
    const job = await jobOfBefore(({ job: { checkpoints } }, history) => {
      checkpoints.TRANSCRIPT_READY.modelProfile = 'forgotten';
      const row = history.find(({ status }) => status === 'TRANSCRIPT_READY');
      if (row) row.checkpoints = String(row.checkpoints).replace('balanced', 'forgotten');
    });

    expect((await planOf(job, 'balanced')).passed_over).toEqual([
      { stage: 'transcript', version: 1, reason: 'engine_differs' },
    ]);
    expect((await planOf(job, 'draft-only')).resume).toMatchObject({ status: 'TRANSCRIPT_READY' });
  });

  test('of before is shown without a plan, and its attempt with what it made and how it failed', async () => {
    const job = await jobOfBefore();

    const [second, first] = (await job.get('/attempts')).items;

    expect(second).toMatchObject({
      dispatch: { dispatch_id: SECOND, kind: 'retry', engines: {}, plan: null },
      stages: [
        { stage: 'transcript', outcome: 'reached', duration_seconds: 0.01 },
        { stage: 'draft', outcome: 'failed' },
      ],
      versions: [{ stage: 'transcript', version: 1 }],
      metrics: { seconds: 12 },
    });
    expect(first).toMatchObject({
      dispatch: { dispatch_id: FIRST, plan: null },
      versions: [{ stage: 'audio', version: 1 }],
    });
  });
});

describe('a pipeline that is at work', () => {
  test('and has named an artifact early has an incomplete version, which its checkpoint completes', async () => {
    const job = await jobOfBefore(namedEarly);

    expect(await artifactsOf(job)).toMatchObject([
      { stage: 'audio', version: 1, state: 'complete' },
      {
        ...{ stage: 'transcript', version: 1, ref: TRANSCRIPT, made_from: 1, state: 'incomplete' },
        made_by: { dispatch_id: SECOND, model_profile: 'balanced' },
      },
    ]);
    const pipeline = await job.pipeline(SECOND);
    await pipeline.report('TRANSCRIPT_READY', { artifact_updates: { digest: 'sha-256:1', size_bytes: 7 } });
    expect(await artifactsOf(job)).toMatchObject([
      {},
      { stage: 'transcript', version: 1, state: 'complete', digest: 'sha-256:1', size_bytes: 7 },
    ]);
    await pipeline.reportAll('GENERATING', 'DRAFT_READY', 'FAILED');
    // What it has made under the policy of today is its own profile's all the same.
    expect((await planOf(job, 'balanced')).resume).toMatchObject({ status: 'DRAFT_READY', version: 1 });
    expect((await planOf(job, 'polished')).resume).toMatchObject({ status: 'TRANSCRIPT_READY', version: 1 });
  });

  test('and fails in that stage leaves it incomplete: a retry makes it again', async () => {
    const job = await jobOfBefore(namedEarly);
    await (await job.pipeline(SECOND)).report('FAILED');

    const reply = await job.retry('of-today');

    expect(reply.body).toMatchObject({ resume_from_status: 'AUDIO_READY', checkpoint_ref: AUDIO });
    expect(reply.body.plan.stages[1]).toMatchObject({ action: 'redo', reason: 'incomplete' });
  });

  test('goes on to its end', async () => {
    const job = await jobOfBefore((record) => atWork(record, 'FAILED'));
    const pipeline = await job.pipeline(SECOND);
    await pipeline.reportAll(
      'TRANSCRIBING',
      'TRANSCRIPT_READY',
      'GENERATING',
      'DRAFT_READY',
      'EXPORTING',
      'DONE',
    );

    expect(await job.status()).toBe('DONE');
    expect(await artifactsOf(job)).toMatchObject([
      { stage: 'audio', version: 1 },
      { stage: 'transcript', version: 1, ref: TRANSCRIPT },
      { stage: 'draft', version: 1, made_from: 1, made_by: { dispatch_id: SECOND } },
    ]);
  });
});

test('a job that has made nothing is brought up to date as well', async () => {
  const job = await jobOfBefore(({ job }, history) => {
    job.checkpoints = {};
    Object.assign(job.manifest, { audioUri: null, transcriptUri: null });
    for (const row of history) Object.assign(row, { checkpoints: null, artifacts: null });
  });

  expect(await artifactsOf(job)).toEqual([]);
  expect((await job.retry('of-today')).body).toMatchObject({ resume_from_status: 'UPLOADED' });
});

test('a job without a failure gets none', async () => {
  const job = await jobOfBefore((record) => {
    atWork(record, 'TRANSCRIBING');
    record.job.failure = null;
  });

  expect((await job.get()).failure).toBeNull();
});

test('is brought up to date once: what it is later made of stays', async () => {
  const job = await jobOfBefore();
  await job.get();
  const before = await job.sql('SELECT * FROM history');
  await job.forget();
  await job.get();

  expect(await job.sql('SELECT * FROM history')).toEqual(before);
  expect(
    await runInDurableObject(
      env.JOB.getByName(job.id),
      (_actor, { storage: { sql } }) => sql.exec('SELECT schema FROM job').one().schema,
    ),
  ).toBe(JOB_SCHEMA.version);
});

/** A report of version 1 that reached a checkpoint. */
function rowOfCheckpoint(status: string, ref: string, dispatchId: string): Row {
  const made = {
    status,
    ref,
    dispatchId,
    modelProfile: 'balanced',
    policyVersion: '2026-11-01',
    engine: null,
  };
  const checkpoints = [{ ...made, recordedAt: 0, digest: null, sizeBytes: null }];
  return {
    payload_digest: '1:x',
    artifacts: JSON.stringify({ audio_uri: ref }),
    checkpoints: JSON.stringify({ v: 1, checkpoints }),
    status,
    occurred_at: 1735603204782,
    recorded_at: 0,
  };
}
