import { describe, expect, test } from 'vitest';
import { STATUSES } from '../../src/domain/lifecycle.ts';
import {
  type ActingJob,
  ASYNC,
  createdJob,
  failedAfter,
  jobAt,
  retriedAfter,
} from '../support/workerd/acting.ts';
import { call, editorToken, orchestrator, type Reply } from '../support/workerd/harness.ts';
import { kept, redone } from './planning.ts';

const TIMESTAMP = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const newEditor = () => editorToken(`editor-${crypto.randomUUID()}`);

const newProject = async (token: string, name = 'Talks'): Promise<string> =>
  (await call('POST', '/projects', { token, body: { name } })).body.id;

const newJobIn = async (projectId: string, token: string): Promise<string> =>
  (await call('POST', `/projects/${projectId}/jobs`, { token })).body.id;

/** Follows the cursors from the first page to the last. */
async function pages(path: string, token: string, limit: number): Promise<Reply['body'][][]> {
  const found: Reply['body'][][] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const after: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const { body } = await call('GET', `${path}?limit=${limit}${after}`, { token });
    found.push(body.items);
    cursor = body.next_cursor;
  }
  return found;
}

/** Five in pages of two: all that were made, each once, newest first. */
function expectPagesOf(found: Reply['body'][][], made: readonly string[]): void {
  expect(found.map((page) => page.length)).toEqual([2, 2, 1]);
  const items = found.flat();
  expect(items.map(({ id }) => id).sort()).toEqual(made.toSorted());
  const times = items.map(({ created_at }) => created_at);
  expect(times).toEqual(times.toSorted().reverse());
}

describe('projects', () => {
  test('a project is made, and read by its id', async () => {
    const token = await newEditor();

    const made = await call('POST', '/projects', { token, body: { name: 'Talks' } });
    const found = await call('GET', `/projects/${made.body.id}`, { token });

    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      id: expect.stringMatching(/^prj_[0-9a-f]{36}$/),
      name: 'Talks',
      created_at: expect.stringMatching(TIMESTAMP),
    });
    expect(found.status).toBe(200);
    expect(found.body).toEqual(made.body);
  });

  test('are listed newest first, page by page, each once', async () => {
    const token = await newEditor();
    const made: string[] = [];
    for (const name of ['1', '2', '3', '4', '5']) made.push(await newProject(token, name));
    const all = await call('GET', '/projects', { token });

    const found = await pages('/projects', token, 2);

    expect(found.flat()).toEqual(all.body.items);
    expectPagesOf(found, made);
  });

  test('a page that is exactly full is the last one when nothing follows', async () => {
    const token = await newEditor();
    await newProject(token);
    await newProject(token);

    const reply = await call('GET', '/projects?limit=2', { token });

    expect(reply.body.items).toHaveLength(2);
    expect(reply.body.next_cursor).toBeNull();
  });

  test('one that is made while another page is read moves nothing out of place', async () => {
    const token = await newEditor();
    for (const name of ['1', '2', '3']) await newProject(token, name);
    const { body: first } = await call('GET', '/projects?limit=2', { token });
    const late = await newProject(token, 'late');

    const { body: second } = await call(
      'GET',
      `/projects?limit=2&cursor=${encodeURIComponent(first.next_cursor)}`,
      {
        token,
      },
    );

    const ids = [...first.items, ...second.items].map(({ id }: { id: string }) => id);
    expect(new Set(ids).size).toBe(3);
    expect(ids).not.toContain(late);
  });
});

describe('jobs', () => {
  test('a job is made empty, and read by its id', async () => {
    const token = await newEditor();
    const projectId = await newProject(token);

    const made = await call('POST', `/projects/${projectId}/jobs`, { token });
    const found = await call('GET', `/jobs/${made.body.id}`, { token });

    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe(`/jobs/${made.body.id}`);
    expect(made.body).toEqual({
      id: expect.stringMatching(/^job_[0-9a-f]{36}$/),
      project_id: projectId,
      ...{ external_id: null, metadata: {}, tags: [] },
      status: 'CREATED',
      manifest: { video_uri: null, audio_uri: null, transcript_uri: null, draft_uri: null, exports: {} },
      failure: null,
      open_dispatch: null,
      next_retry_at: null,
      kept_until: null,
      progress_pct: null,
      next_actions: [
        expect.objectContaining({ action: 'confirm_upload', allowed: true }),
        expect.objectContaining({ action: 'cancel', allowed: true }),
        expect.objectContaining({ action: 'erase', allowed: true }),
      ],
      revision: 1,
      created_at: expect.stringMatching(TIMESTAMP),
      updated_at: made.body.created_at,
    });
    expect(found.status).toBe(200);
    expect(found.body).toEqual(made.body);
  });

  test('a job may be made with an empty object', async () => {
    const token = await newEditor();

    const reply = await call('POST', `/projects/${await newProject(token)}/jobs`, { token, body: {} });

    expect(reply.status).toBe(201);
  });

  test('are listed by project, newest first, page by page, each once', async () => {
    const token = await newEditor();
    const projectId = await newProject(token);
    const other = await newProject(token);
    const made: string[] = [];
    for (let index = 0; index < 5; index += 1) made.push(await newJobIn(projectId, token));
    const elsewhere = await newJobIn(other, token);

    const found = await pages(`/projects/${projectId}/jobs`, token, 2);

    expectPagesOf(found, made);
    expect(found.flat().map(({ id }) => id)).not.toContain(elsewhere);
  });

  test('are listed by status, with what the job itself says', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    await newJobIn(job.projectId, job.token);
    const shown = await job.get();

    const failed = await call('GET', `/projects/${job.projectId}/jobs?status=FAILED`, { token: job.token });
    const done = await call('GET', `/projects/${job.projectId}/jobs?status=DONE`, { token: job.token });
    const all = await call('GET', `/projects/${job.projectId}/jobs`, { token: job.token });

    expect(failed.body.items).toEqual([
      {
        id: job.id,
        project_id: job.projectId,
        ...{ external_id: null, metadata: {}, tags: [] },
        status: 'FAILED',
        failure: {
          failure_code: shown.failure.failure_code,
          failure_class: shown.failure.failure_class,
          failed_stage: shown.failure.failed_stage,
        },
        model_profile: 'balanced',
        open_dispatch: null,
        created_at: shown.created_at,
        updated_at: shown.updated_at,
      },
    ]);
    expect(done.body.items).toEqual([]);
    expect(all.body.items).toHaveLength(2);
  });

  test('may be asked for by every status', async () => {
    const job = await createdJob();

    for (const status of STATUSES) {
      const reply = await call('GET', `/projects/${job.projectId}/jobs?status=${status}`, {
        token: job.token,
      });
      expect(reply.status).toBe(200);
      expect(reply.body.items).toHaveLength(status === 'CREATED' ? 1 : 0);
    }
  });

  test('a failure is shown with what the pipeline said of it', async () => {
    const { job, pipeline } = await jobAt('TRANSCRIBING');
    const occurredAt = new Date().toISOString();

    await pipeline.report('FAILED', {
      failure_code: 'MODEL_OVERLOADED',
      failure_message: 'No model was free.\nTry again.',
      failed_stage: 'TRANSCRIBING',
      correlation_id: 'exe-7',
      occurred_at: occurredAt,
    });

    expect((await job.get()).failure).toEqual({
      failure_code: 'MODEL_OVERLOADED',
      failure_message: 'No model was free.\nTry again.',
      failed_stage: 'TRANSCRIBING',
      failure_class: 'unknown',
      retry_at: null,
      model_profile: 'balanced',
      correlation_id: 'exe-7',
      occurred_at: occurredAt,
    });
  });

  test('progress is shown while its stage lasts', async () => {
    const { job, pipeline } = await jobAt('TRANSCRIBING');

    await pipeline.report('TRANSCRIBING', { progress_pct: 40 });
    expect((await job.get()).progress_pct).toBe(40);
    await pipeline.report('TRANSCRIPT_READY');
    expect((await job.get()).progress_pct).toBeNull();
  });
});

describe('a job’s ETag', () => {
  const read = (job: ActingJob, headers: Record<string, string> = {}) =>
    call('GET', `/jobs/${job.id}`, { token: job.token, headers });
  const etagOf = async (job: ActingJob) => (await read(job)).headers.get('etag') ?? '';

  test('answers 304 without a body while nothing changed', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    const etag = await etagOf(job);

    for (const tags of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const reply = await read(job, { 'if-none-match': tags });
      expect(reply.status, tags).toBe(304);
      expect(reply.text).toBe('');
      expect(reply.headers.get('etag')).toBe(etag);
      expect(reply.headers.get('x-request-id')).toMatch(/^req_/);
    }
    expect((await read(job, { 'if-none-match': '"other"' })).status).toBe(200);
  });

  test('is a strong one', async () => {
    expect(await etagOf(await createdJob())).toMatch(/^"[\x21\x23-\x7e]+"$/);
  });

  test('changes with the job', async () => {
    const { job, pipeline } = await jobAt('TRANSCRIBING');
    const before = await etagOf(job);
    await pipeline.report('TRANSCRIBING', { progress_pct: 10 });

    const reply = await read(job, { 'if-none-match': before });

    expect(reply.status).toBe(200);
    expect(reply.headers.get('etag')).not.toBe(before);
  });

  test('changes as its open dispatch comes, is delivered and moves', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    const seen = [await read(job)];
    await job.answers({ kind: 'hold' });
    const retry = await job.retry('first', ASYNC);
    await orchestrator.waitFor(job.id, 'held');
    seen.push(await read(job));
    await orchestrator.release(job.id);
    await job.untilDispatch(retry.body.dispatch_id, 'DELIVERED');
    seen.push(await read(job));
    await (await job.pipeline(retry.body.dispatch_id)).report('AUDIO_READY');
    seen.push(await read(job));

    const states = seen.map(({ body }) => body.open_dispatch?.dispatch_state ?? null);
    expect(states).toEqual([null, 'PENDING', 'DELIVERED', 'RUNNING']);
    expect(new Set(seen.map(({ headers }) => headers.get('etag'))).size).toBe(4);
  });

  test('changes when an execution becomes known within the same millisecond', async () => {
    const { job } = await retriedAfter('TRANSCRIBING');
    await job.patchNewest({ executionId: null });
    const before = await etagOf(job);

    await job.patchNewest({ executionId: 'exe-1' });

    expect(await etagOf(job)).not.toBe(before);
  });

  test('differs whenever what is shown differs, throughout a job’s life', async () => {
    const job = await createdJob();
    const seen = new Map<string, string>();
    const look = async () => {
      const reply = await read(job);
      const etag = reply.headers.get('etag') ?? '';
      expect(seen.get(etag) ?? reply.text, etag).toBe(reply.text);
      seen.set(etag, reply.text);
    };
    await look();
    await job.confirm();
    await look();
    const run = await job.run();
    await look();
    const pipeline = await job.pipeline(run.body.dispatch_id);
    for (const status of ['AUDIO_READY', 'TRANSCRIBING', 'FAILED'] as const) {
      await pipeline.report(status);
      await look();
    }
    const retry = await job.retry('first');
    await look();
    await (await job.pipeline(retry.body.dispatch_id)).report('TRANSCRIBING');
    await look();
    await job.cancel();
    await look();

    expect(seen.size).toBe(9);
  });
});

describe('a job’s history', () => {
  test('lists its dispatches newest first, page by page', async () => {
    const { job, dispatchId: run } = await failedAfter('TRANSCRIBING');
    await job.answers({ kind: 'refuse', status: 400 });
    const withdrawn = (await job.retry('first')).body.details.dispatch_id;
    await job.answers({ kind: 'accept' });
    const retry = (await job.retry('first')).body.dispatch_id;

    const found = await pages(`/jobs/${job.id}/dispatches`, job.token, 1);

    expect(found.map((page) => page.length)).toEqual([1, 1, 1]);
    const byId = Object.fromEntries(found.flat().map((dispatch) => [dispatch.dispatch_id, dispatch]));
    expect(Object.keys(byId).sort()).toEqual([run, withdrawn, retry].sort());
    expect(found.flat().map(({ created_at }) => created_at)).toEqual(
      found
        .flat()
        .map(({ created_at }) => created_at)
        .toSorted()
        .reverse(),
    );
    expect(byId[retry]).toEqual({
      dispatch_id: retry,
      kind: 'retry',
      export: null,
      dispatch_state: 'DELIVERED',
      resume_from_status: 'AUDIO_READY',
      checkpoint_ref: `s3://artifacts/${run}/audio`,
      model_profile: 'balanced',
      policy_version: '2026-11-26',
      engines: { transcript: 'whisper-large-v3', draft: 'gpt-5-mini' },
      plan: {
        resume_from: null,
        discard_edits: [],
        edits_discarded: [],
        stages: [
          kept('audio', 1, `s3://artifacts/${run}/audio`, 'resume_point'),
          redone('transcript', 'whisper-large-v3', 'never_made'),
          redone('draft', 'gpt-5-mini', 'never_made'),
        ],
        proof: { state: 'unverified', reason: 'not_in_store' },
      },
      client_request_id: 'first',
      actor_id: expect.stringMatching(/^editor-/),
      actor_name: null,
      operation_id: null,
      correlation_id: expect.stringMatching(/^req_/),
      delivery_attempts: 1,
      last_error: null,
      execution_id: (await job.executions()).at(-1)?.execution_id,
      created_at: expect.stringMatching(TIMESTAMP),
      updated_at: expect.stringMatching(TIMESTAMP),
    });
    expect(byId[withdrawn]).toMatchObject({
      dispatch_state: 'UNDELIVERABLE',
      client_request_id: 'first',
      delivery_attempts: 1,
      last_error: 'The orchestrator answered 400.',
      execution_id: null,
    });
    expect(byId[run]).toMatchObject({
      kind: 'run',
      export: null,
      dispatch_state: 'FAILED',
      resume_from_status: null,
      checkpoint_ref: null,
      client_request_id: null,
    });
  });

  test('never shows what proves a dispatch', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');

    const shown = await Promise.all(
      ['', '/dispatches', '/transitions'].map((path) =>
        call('GET', `/jobs/${job.id}${path}`, { token: job.token }),
      ),
    );

    const mac = pipeline.token.split('.')[2] ?? '';
    for (const { text } of shown) {
      expect(text).not.toContain(mac);
      expect(text).not.toContain('own_');
    }
  });

  test('lists its transitions oldest first, page by page', async () => {
    const { job, dispatchId } = await failedAfter('TRANSCRIBING');

    const found = await pages(`/jobs/${job.id}/transitions`, job.token, 2);

    expect(found.map((page) => page.length)).toEqual([2, 2, 1]);
    expect(found.flat().map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    expect(
      found.flat().map((entry) => [entry.actor_type, entry.prev_status, entry.new_status, entry.dispatch_id]),
    ).toEqual([
      ['editor', 'CREATED', 'UPLOADED', null],
      ['system', 'UPLOADED', 'AUDIO_EXTRACTING', dispatchId],
      ['orchestrator', 'AUDIO_EXTRACTING', 'AUDIO_READY', dispatchId],
      ['orchestrator', 'AUDIO_READY', 'TRANSCRIBING', dispatchId],
      ['orchestrator', 'TRANSCRIBING', 'FAILED', dispatchId],
    ]);
    for (const entry of found.flat()) {
      expect(entry).toMatchObject({
        event_type: 'status_changed',
        job_id: job.id,
        project_id: job.projectId,
        occurred_at: expect.stringMatching(TIMESTAMP),
        recorded_at: expect.stringMatching(TIMESTAMP),
      });
    }
  });

  test('correlates an editor’s command with the request that gave it', async () => {
    const job = await createdJob();

    const reply = await job.confirm();

    const [entry] = await job.transitions();
    expect(entry.correlation_id).toBe(reply.headers.get('x-request-id'));
  });
});
