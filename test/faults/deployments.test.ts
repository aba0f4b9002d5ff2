// A deployment in the middle of a job's life: what the code of before has stored, put on the queue and heard is read by the
// code of today. version-1.json is what version 1 of the storage wrote, and so forth; a new version of the tables adds a file beside it.
import { env, runInDurableObject } from 'cloudflare:test';
import { expect, test } from 'vitest';
import { JOB_SCHEMA } from '../../src/actor/schema-job.ts';
import { type StatusCallback, toCallbackCommand } from '../../src/contract/callback.ts';
import { newDispatchId } from '../../src/contract/ids.ts';
import type { DispatchMessage } from '../../src/contract/messages.ts';
import { subOf } from '../http/editing.ts';
import {
  ActingJob,
  ASYNC,
  config,
  createdJob,
  failedAfter,
  losingMessages,
  messagesArriveAgain,
  newHome,
  retriedAfter,
} from '../support/workerd/acting.ts';
import { call, editorToken, missingId } from '../support/workerd/harness.ts';
import version1 from './version-1.json?raw';
import version3 from './version-3.json?raw';
import version4 from './version-4.json?raw';
import version5 from './version-5.json?raw';

type Row = Record<string, SqlStorageValue>;
interface Stored {
  /** As it was made then, so that a later edit of the tables does not change it. */
  schema: string[];
  tables: Record<string, Row[]>;
  /** The last report that was applied, as it was sent. */
  report: Record<string, unknown> & { event_id: string };
  /** One that was on the queue. */
  message: DispatchMessage;
}

/** A job that failed, was retried and failed again. */
const jobOfVersion1 = () => jobOf(version1);

/** A job whose draft was corrected, and whose redo has failed. */
const jobOfVersion3 = () => jobOf(version3);

/** In an object that today's code did not write to. */
async function jobOf(version: string): Promise<{ job: ActingJob; stored: Stored }> {
  const { token, projectId } = await newHome();
  const owner = await (await createdJob({}, { token, projectId })).owner();
  const job = new ActingJob(await missingId('job'), projectId, token);
  const text = version
    .replaceAll('{{job}}', job.id)
    .replaceAll('{{project}}', projectId)
    .replaceAll('{{owner}}', owner);
  const stored: Stored = JSON.parse(text);
  await runInDurableObject(job.stub, (_actor, { storage: { sql } }) => {
    for (const statement of stored.schema) sql.exec(statement);
    for (const [table, rows] of Object.entries(stored.tables)) {
      for (const row of rows) {
        const names = Object.keys(row);
        const blanks = names.map(() => '?');
        sql.exec(`INSERT INTO ${table} (${names}) VALUES (${blanks})`, ...Object.values(row));
      }
    }
  });
  await job.forget();
  await job.plan({});
  return { job, stored };
}

test('a job that version 1 of the storage holds goes on with everything it had', async () => {
  const { job, stored } = await jobOfVersion1();
  expect(await job.get()).toMatchObject({
    ...{ id: job.id, status: 'FAILED', revision: 11, open_dispatch: null },
    failure: { failure_code: 'TRANSCRIPTION_FAILED', failed_stage: 'GENERATING' },
  });
  const [second, first] = await job.dispatches();
  expect(first).toMatchObject({ kind: 'run', dispatch_state: 'FAILED' });
  expect(second).toMatchObject({
    kind: 'retry',
    dispatch_state: 'FAILED',
    resume_from_status: 'AUDIO_READY',
  });
  const trail = await job.transitions();
  expect(trail).toHaveLength(stored.tables.history?.filter(({ seq }) => seq !== null).length ?? 0);

  // Requests of before are known.
  const repeated = { replayed: true, dispatch_id: second?.dispatch_id };
  expect((await job.retry('first')).body).toMatchObject(repeated);
  expect((await job.run()).body).toMatchObject({ replayed: true, dispatch_id: first?.dispatch_id });

  // A retry goes on from where the pipelines of before had come, and the trail after theirs.
  const retry = await job.retry('of-today');
  expect(retry.status).toBe(202);
  expect(retry.body).toMatchObject({
    resume_from_status: 'TRANSCRIPT_READY',
    checkpoint_ref: `s3://artifacts/${second?.dispatch_id}/transcript`,
  });
  const pipeline = await job.pipeline(retry.body.dispatch_id);
  await pipeline.reportAll('GENERATING', 'DRAFT_READY', 'EXPORTING', 'DONE');
  const after = await job.transitions();
  expect(after.slice(0, trail.length)).toEqual(trail);
  expect(after.slice(trail.length).map(({ seq, new_status }) => [seq, new_status])).toEqual(
    ['GENERATING', 'DRAFT_READY', 'EXPORTING', 'DONE'].map((status, n) => [trail.length + 1 + n, status]),
  );
  expect((await job.get()).manifest).toMatchObject({
    audio_uri: `s3://artifacts/${first?.dispatch_id}/audio`,
    draft_uri: `s3://artifacts/${retry.body.dispatch_id}/draft`,
  });
  const late = await (await job.pipeline(first?.dispatch_id)).send({ ...pipeline.body('TRANSCRIBING') });
  expect(late.body).toMatchObject({ error_code: 'DISPATCH_NOT_CURRENT' });
});

test('a job that version 3 of the storage holds goes on with everything it had', async () => {
  const { job, stored } = await jobOfVersion3();
  expect(await job.get()).toMatchObject({ status: 'FAILED', open_dispatch: null, kept_until: null });
  expect((await job.sql('SELECT schema FROM job'))[0]).toEqual({ schema: JOB_SCHEMA.version });
  expect(await job.transitions()).toHaveLength(
    stored.tables.history?.filter(({ seq }) => seq !== null).length ?? 0,
  );
  expect((await job.dispatches()).map(({ kind, dispatch_state }) => [kind, dispatch_state])).toEqual([
    ['redo', 'FAILED'],
    ['run', 'SETTLED'],
  ]);

  const retry = await job.retry('of-today');
  expect(retry.body).toMatchObject({
    resume_from_status: 'TRANSCRIPT_READY',
    checkpoint_ref: 's3://corrected/1',
  });
  await (await job.pipeline(retry.body.dispatch_id)).reportAll(
    'GENERATING',
    'DRAFT_READY',
    'EXPORTING',
    'DONE',
  );
  expect((await job.erase()).status).toBe(204);
  expect((await call('GET', `/jobs/${job.id}`, { token: job.token })).status).toBe(404);
});

test('what a job that version 4 holds was done by is known by ids alone, and bears names from now on', async () => {
  const { job } = await jobOf(version4);
  expect((await job.sql('SELECT schema FROM job'))[0]).toEqual({ schema: JOB_SCHEMA.version });
  const trail = await job.transitions();
  expect(trail.filter(({ actor_id }) => actor_id === 'editor-1')).toHaveLength(3);
  for (const record of [...trail, ...(await job.dispatches())]) expect(record.actor_name).toBeNull();
  const versions = (await job.get('/artifacts')).items;
  expect(
    versions.filter(({ made_by }: { made_by: { kind: string } }) => made_by.kind === 'editor'),
  ).toMatchObject([{ made_by: { actor_id: 'editor-1', actor_name: null } }]);

  const token = await editorToken(subOf(job), { name: 'Alice Adams' });
  const body = { model_profile: 'balanced', client_request_id: 'of-today' };
  expect((await call('POST', `/jobs/${job.id}/retry`, { token, body })).body).toMatchObject({
    checkpoint_ref: 's3://corrected/1',
  });
  expect((await job.dispatches())[0]).toMatchObject({ actor_name: 'Alice Adams' });
  expect((await call('POST', `/jobs/${job.id}/cancel`, { token })).status).toBe(200);
  const after = await job.transitions();
  expect(after.slice(0, trail.length)).toEqual(trail);
  expect(after.at(-1)).toMatchObject({ actor_type: 'editor', actor_name: 'Alice Adams' });
});

test('of a job that version 5 holds every dispatch is known, wherever it lies, and stays known when newer ones follow', async () => {
  const { job, stored } = await jobOf(version5);
  const attempts = async () =>
    (await job.dispatches()).map(({ dispatch_id, dispatch_state }) => [dispatch_id, dispatch_state]);
  const [second, refused, first] = (await job.dispatches()).map(({ dispatch_id }) => String(dispatch_id));
  const ofBefore = [
    [second, 'FAILED'],
    [refused, 'UNDELIVERABLE'],
    [first, 'FAILED'],
  ];
  expect(await attempts()).toEqual(ofBefore);
  expect((await job.sql('SELECT schema FROM job'))[0]).toEqual({ schema: JOB_SCHEMA.version });

  const newer: unknown[] = [];
  for (const request of ['refused', 'third', 'fourth']) {
    const retry = await job.retry(request);
    expect([retry.status, retry.body.replayed]).toEqual([202, false]);
    await (await job.pipeline(retry.body.dispatch_id)).report('FAILED');
    newer.unshift([retry.body.dispatch_id, 'FAILED']);
    expect(await attempts()).toEqual([...newer, ...ofBefore]);
    expect((await job.run()).body).toMatchObject({ replayed: true, dispatch_id: first });
    expect((await job.retry('second')).body).toMatchObject({ replayed: true, dispatch_id: second });
    const late = await (await job.pipeline(second ?? '')).send({
      ...stored.report,
      event_id: `late-${request}`,
    });
    expect(late.body).toMatchObject({
      error_code: 'DISPATCH_NOT_CURRENT',
      details: { dispatch_id: second, dispatch_state: 'FAILED' },
    });
  }
});

test('a report that version 1 has applied is known when it comes again', async () => {
  const { job, stored } = await jobOfVersion1();
  const newest = (await job.storedDispatches()).at(-1)?.id ?? '';
  const body = { actor_type: 'orchestrator', ...stored.report } as unknown as StatusCallback;
  await job.patch({ lastProgressAt: Date.now() });
  const received = { dispatchId: newest, at: Date.now(), mediaSchemes: config.media.schemes };
  const again = await toCallbackCommand(body, { ...received, sent: stored.report });
  expect(await job.stub.applyCallback(again.command)).toMatchObject({ ok: true, replayed: true });
  const other = await toCallbackCommand(body, { ...received, sent: { ...stored.report, progress_pct: 1 } });
  expect(await job.stub.applyCallback(other.command)).toMatchObject({
    ok: false,
    rejection: { code: 'EVENT_ID_PAYLOAD_MISMATCH' },
  });
});

test('a message that version 1 has put on the queue is delivered', async () => {
  const { job, stored } = await jobOfVersion1();
  losingMessages();
  const { body } = await job.retry('of-today', ASYNC);
  messagesArriveAgain();
  await env.DISPATCHES.send({ ...stored.message, dispatch_id: body.dispatch_id });
  await job.untilDispatch(body.dispatch_id, 'DELIVERED');

  expect(await job.executions()).toMatchObject([{ dispatch_id: body.dispatch_id }]);
});

// That it is left as it is, test/simulation/deployments.test.ts shows: here nobody can look into it any more.
test('an object that the version after this one has stored refuses to run', async () => {
  const { job, dispatchId, pipeline } = await retriedAfter('TRANSCRIPT_READY');
  await runInDurableObject(job.stub, (_actor, { storage }) => {
    storage.sql.exec('UPDATE job SET schema = ?', JOB_SCHEMA.version + 1);
  });
  await job.forget();
  const asked = [
    () => job.post('cancel'),
    () => job.post('abandon'),
    () => job.retry('another'),
    () => pipeline.send(pipeline.body('GENERATING')),
  ];
  for (const ask of asked) expect((await ask()).status).toBe(500);
  await expect(Promise.resolve(job.stub.claim(dispatchId, 'dispatch'))).rejects.toThrow(
    `known is ${JOB_SCHEMA.version}`,
  );
});

test('a Worker of before, while a deployment is under way, can plan and ask for a retry', async () => {
  const { job } = await failedAfter('AUDIO_READY');
  const owner = await job.owner();
  const plan = await job.stub.plan(owner, { modelProfile: 'balanced', resumeFrom: null });
  expect(plan).toMatchObject({ ok: true, plan: { kind: 'retry', resume: { status: 'AUDIO_READY' } } });

  const asked = {
    ...{ type: 'retry', owner, actorId: 'alice', correlationId: 'req_1', clientRequestId: 'of-before' },
    ...{ modelProfile: 'balanced', resumeFrom: null, ifMatch: null },
    ...{ newDispatchId: newDispatchId(), traceparent: TRACE, windowMs: null },
  };
  const answer = await job.stub.dispatch(asked as never, 0);

  expect(answer).toMatchObject({ ok: true, dispatch: { kind: 'retry', resumeFromStatus: 'AUDIO_READY' } });
});
const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
