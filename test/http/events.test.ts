// What happens, as it happens: over a WebSocket, as server-sent events, and as JSON at once.
import { env, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { KEPT_MS } from '../../src/domain/operation.ts';
import { newId } from '../support/ids.ts';
import {
  type ActingJob,
  createdJob,
  failedAfter,
  jobAt,
  newHome,
  until,
  uploadedJob,
} from '../support/workerd/acting.ts';
import { ActingOperation, failedJobs, succeed } from '../support/workerd/bulk.ts';
import { call, editorToken, missingId } from '../support/workerd/harness.ts';
import { replacePresent } from '../support/workerd/stored.ts';
import { ask, closeViewers, StreamReader, upgrade, viewersOf, watch } from '../support/workerd/viewing.ts';

const STREAM = { accept: 'text/event-stream' };
const PROTOCOL = { 'sec-websocket-protocol': 'retake.events.v1' };

const eventsOf = ({ id }: ActingJob, query = ''): string => `/jobs/${id}/events${query}`;
const eventsOfProject = ({ projectId }: Pick<ActingJob, 'projectId'>): string =>
  `/projects/${projectId}/events`;

const eventsOfOperation = ({ id }: ActingOperation): string => `/operations/${id}/events`;

/** As if as much had happened to it. */
async function lengthenTrail(job: ActingJob, length: number): Promise<void> {
  await runInDurableObject(job.stub, (_actor, { storage: { sql } }) => {
    const [{ seq: from }] = sql.exec<{ seq: number }>('SELECT max(seq) AS seq FROM history').toArray() as [
      { seq: number },
    ];
    for (let seq = from + 1; seq <= length; seq += 1) {
      sql.exec(
        `INSERT INTO history (dispatch_id, key, seq, event_type, actor, prev_status, status, occurred_at, recorded_at)
         SELECT dispatch_id, ?, ?, event_type, actor, prev_status, status, occurred_at, recorded_at
         FROM history WHERE seq = ?`,
        ` ${seq}`,
        seq,
        from,
      );
    }
    replacePresent(sql, (present) => ({ ...present, latestSeq: length }));
  });
  await job.forget();
}

describe('the form is', () => {
  test('a WebSocket for who asks for one, of the subprotocol where that is offered', async () => {
    const job = await createdJob();
    for (const path of [eventsOf(job), eventsOfProject(job)]) {
      const plain = await upgrade(path, job);
      expect([plain.status, plain.headers.get('sec-websocket-protocol')]).toEqual([101, null]);
      const offered = { 'sec-websocket-protocol': `other, retake.events.v1` };
      const named = await upgrade(path, { ...job, headers: offered });
      expect([named.status, named.headers.get('sec-websocket-protocol')]).toEqual([101, 'retake.events.v1']);
    }
  });

  test('refused where a WebSocket offers other subprotocols alone', async () => {
    const job = await createdJob();
    const headers = { 'sec-websocket-protocol': 'retake.events.v2, graphql-ws' };
    const response = await upgrade(eventsOf(job), { ...job, headers });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error_code: 'VALIDATION_ERROR',
      details: { issues: [{ path: 'Sec-WebSocket-Protocol' }] },
    });
  });

  test.each([
    ['text/event-stream', true],
    ['TEXT/EVENT-STREAM; q=0.9, application/json;q=0.5', true],
    ['application/json, text/event-stream;q=0.5', false],
    ['text/event-stream;q=0', false],
    ['*/*', false],
    ['text/html', false],
    [undefined, false],
  ])('by Accept: %s a stream or not: %s', async (accept, isStream) => {
    const job = await createdJob();
    const headers: Record<string, string> = accept === undefined ? {} : { accept };
    const response = await ask(eventsOf(job), { ...job, headers });
    await response.body?.cancel();
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(isStream ? 'text/event-stream' : 'application/json');
  });

  test('the head of the JSON for who asks for the head alone, whatever else is asked for', async () => {
    const job = await createdJob();
    for (const headers of [STREAM, { upgrade: 'websocket' }]) {
      const reply = await call('HEAD', eventsOf(job), { ...job, headers });
      expect([reply.status, reply.headers.get('content-type'), reply.text]).toEqual([
        200,
        'application/json',
        '',
      ]);
    }
  });
});

describe('of a job', () => {
  test('first the present is told, then what is asked for, then what happens: each entry of the audit trail once', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');
    const viewer = await watch(eventsOf(job, '?after=1'), job);
    await viewer.until(({ seqs }) => seqs.includes(3));
    const [first] = viewer.messages;
    expect(first?.map(({ type }) => type)).toEqual(['job', 'transition', 'transition']);
    const { body, headers } = await call('GET', `/jobs/${job.id}`, job);
    expect(first?.[0]).toEqual({ type: 'job', etag: headers.get('etag'), job: body });

    await pipeline.reportAll('TRANSCRIBING', 'TRANSCRIPT_READY', 'GENERATING', 'DRAFT_READY');
    await viewer.until(({ seqs }) => seqs.includes(7));
    expect(viewer.of('transition')).toEqual((await job.transitions()).slice(1));
    await viewer.until((seen) => seen.of('job').at(-1).status === 'DRAFT_READY');
    expect(viewer.of('job').at(-1)).toEqual(await job.get());
  });

  test('nothing of before is told to who does not ask for it', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');
    const viewer = await watch(eventsOf(job), job);
    await pipeline.report('TRANSCRIBING');
    await viewer.until(({ seqs }) => seqs.length > 0);
    expect(viewer.seqs).toEqual([4]);
  });

  test('what is still to come is not known: an `after` beyond the end is the end', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');
    const viewer = await watch(eventsOf(job, '?after=999999999999999'), job);
    await pipeline.report('TRANSCRIBING');
    await viewer.until(({ seqs }) => seqs.length > 0);
    expect(viewer.seqs).toEqual([4]);
  });

  test('a heartbeat is told as the job that it changes, without an entry', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');
    await pipeline.report('TRANSCRIBING');
    const viewer = await watch(eventsOf(job), job);
    await pipeline.report('TRANSCRIBING', { progress_pct: 40 });
    await viewer.until((seen) => seen.of('job').at(-1)?.progress_pct === 40);
    expect(viewer.seqs).toEqual([]);
  });

  test('a retry that is accepted is told, although the job is as failed as before', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    const viewer = await watch(eventsOf(job), job);
    expect((await job.retry('x')).status).toBe(202);
    await viewer.until((seen) => seen.of('job').at(-1)?.open_dispatch?.dispatch_state === 'DELIVERED');
    expect(viewer.of('job').at(-1)).toEqual(await job.get());
    expect(viewer.of('job').at(-1).status).toBe('FAILED');
    expect(viewer.seqs).toEqual([]);
  });

  test('a long history is told in pieces, whole and in order', async () => {
    const job = await uploadedJob();
    const count = 450;
    await lengthenTrail(job, count);
    const viewer = await watch(eventsOf(job, '?after=0'), job);
    await viewer.until(({ seqs }) => seqs.includes(count));
    expect(viewer.seqs).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    expect(Math.max(...viewer.messages.map((message) => message.length))).toBeLessThanOrEqual(201);
    expect(viewer.of('job')).toHaveLength(1);
  });

  test('by JSON is told what there is since `after`, at once, and how to go on', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');
    const { body: first } = await call('GET', eventsOf(job, '?after=1'), job);
    expect(first.records.map(({ type }: { type: string }) => type)).toEqual([
      'job',
      'transition',
      'transition',
    ]);
    expect(first.after).toBe(3);
    const { body: now } = await call('GET', eventsOf(job), job);
    expect([now.records.length, now.after]).toEqual([1, 3]);

    await pipeline.report('TRANSCRIBING');
    const { body: next } = await call('GET', eventsOf(job, `?after=${first.after}`), job);
    expect([next.records.length, next.records[1].transition.seq, next.after]).toEqual([2, 4, 4]);
  });

  test.each(['-1', '1.5', 'abc', '1e3', '9999999999999999', ''])(
    'an `after` of "%s" is refused',
    async (after) => {
      const job = await createdJob();
      for (const headers of [{}, STREAM, { upgrade: 'websocket' }] as Record<string, string>[]) {
        const response = await ask(eventsOf(job, `?after=${after}`), { ...job, headers });
        expect(response.status).toBe(400);
        await response.body?.cancel();
      }
    },
  );
});

describe('of a project', () => {
  test('first the newest rows of the list are told and how many there are in which status, then what changes', async () => {
    const home = await newHome();
    const [one, other] = [await createdJob({}, home), await createdJob({}, home)];
    const viewer = await watch(eventsOfProject(home), home);
    await viewer.until((seen) => seen.of('counts').length > 0);
    const { items } = (await call('GET', `/projects/${home.projectId}/jobs`, home)).body;
    expect(viewer.of('summary')).toEqual(items);
    const counts = (await call('GET', `/projects/${home.projectId}/counts`, home)).body;
    expect(viewer.of('counts')).toEqual([counts]);
    expect(counts).toMatchObject({ jobs: 2, by_status: { CREATED: 2 } });

    await one.confirm();
    await viewer.until((seen) => seen.of('counts').length > 1);
    expect(viewer.of('summary').at(-1)).toMatchObject({ id: one.id, status: 'UPLOADED' });
    expect(viewer.of('counts').at(-1)).toMatchObject({ jobs: 2, by_status: { CREATED: 1, UPLOADED: 1 } });
    expect(viewer.of('summary').filter(({ id }) => id === other.id)).toHaveLength(1);
  });

  test('one without jobs is told to be empty', async () => {
    const home = await newHome();
    const { body } = await call('GET', eventsOfProject(home), home);
    expect(body.records).toMatchObject([{ type: 'counts', counts: { jobs: 0 } }]);
  });

  test('a job that is created is told', async () => {
    const home = await newHome();
    const viewer = await watch(eventsOfProject(home), home);
    const job = await createdJob({}, home);
    await viewer.until((seen) => seen.of('summary').length > 0);
    expect(viewer.of('summary')).toMatchObject([{ id: job.id, status: 'CREATED' }]);
  });
});

describe('of an operation', () => {
  test('first the whole of it is told as it is shown, then how far it is, up to its end', async () => {
    const { home, jobs } = await failedJobs(2);
    const operation = await ActingOperation.over(home, { max_in_flight: 1 });
    await operation.untilCounts({ in_flight: 1, delivered: 1 });
    const viewer = await watch(eventsOfOperation(operation), home);
    await viewer.until(({ records }) => records.length > 0);
    const shown = await operation.get();
    expect(viewer.messages[0]).toEqual([{ type: 'operation', operation: shown }]);
    expect((await call('GET', eventsOfOperation(operation), home)).body).toEqual({
      records: [{ type: 'operation', operation: shown }],
    });

    await operation.command('pause');
    await viewer.until((seen) => seen.of('operation').at(-1).state === 'paused');
    await operation.command('resume');
    for (const ended of [1, 2]) {
      const [{ job_id }] = await operation.items('in_flight');
      await succeed(jobs.filter(({ id }) => id === job_id));
      await viewer.until((seen) => seen.of('operation').at(-1).counts.succeeded === ended);
      if (ended === 1) await operation.untilCounts({ in_flight: 1, delivered: 2 });
    }
    await viewer.until((seen) => seen.of('operation').at(-1).state === 'done');
    expect(viewer.of('operation').at(-1)).toEqual(await operation.get());
    expect(new Set(viewer.records.map(({ type }) => type))).toEqual(new Set(['operation']));
  });

  test('as a stream each is an event, without an id to come back with', async () => {
    const { home } = await failedJobs(1);
    const operation = await ActingOperation.over(home);
    const reader = new StreamReader(await ask(eventsOfOperation(operation), { ...home, headers: STREAM }));
    await reader.until(({ events }) => events.length > 0);
    expect(reader.events[0]).toMatchObject({ event: 'operation', data: { operation: { id: operation.id } } });
    expect(reader.ids).toEqual([]);
    await reader.leave();
    await until(async () => expect(await viewersOf(operation.stub)).toBe(0));
  });

  test('who looks on when it is kept no longer is sent away, and is answered 404 from then on', async () => {
    const { home } = await failedJobs(1);
    const operation = await ActingOperation.over(home);
    await operation.untilCounts({ in_flight: 1, delivered: 1 });
    await operation.rewrite((sql) =>
      sql.exec(
        `UPDATE operation SET record = json_set(record, '$.state', 'done', '$.endedAt', ?)`,
        Date.now() - KEPT_MS,
      ),
    );
    const viewer = await watch(eventsOfOperation(operation), home);
    await operation.alarm();
    expect(await viewer.end()).toEqual({ code: 4410, reason: 'what was looked at has been erased' });
    for (const headers of [{}, STREAM, { upgrade: 'websocket' }] as Record<string, string>[]) {
      expect((await ask(eventsOfOperation(operation), { ...home, headers })).status).toBe(404);
    }
  });

  test('one more than a hundred viewers is closed with 4429', async () => {
    const { home } = await failedJobs(1);
    const operation = await ActingOperation.over(home);
    for (let count = 0; count < 100; count += 1) await watch(eventsOfOperation(operation), home);
    const viewer = await watch(eventsOfOperation(operation), home);
    expect(await viewer.end()).toEqual({ code: 4429, reason: 'too many viewers' });
  });
});

describe('a stream', () => {
  test('has its first bytes at once, and is marked so that nothing on the way holds it', async () => {
    const job = await createdJob();
    const headers = { ...STREAM, 'accept-encoding': 'br, gzip' };
    const response = await ask(eventsOf(job), { ...job, headers });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'content-encoding': 'identity',
      'x-request-id': expect.stringMatching(/^req_/),
      'x-content-type-options': 'nosniff',
    });
    const reader = new StreamReader(response);
    expect(await reader.next()).toMatch(/^retry: [1-5]\d{3}\n\n/);
    await reader.leave();
  });

  test('tells each record as an event of its type, an entry of the audit trail with its number as id', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');
    const reader = new StreamReader(await ask(eventsOf(job, '?after=2'), { ...job, headers: STREAM }));
    await reader.until(({ ids }) => ids.includes('3'));
    await pipeline.report('TRANSCRIBING');
    await reader.until(({ ids }) => ids.includes('4'));
    expect(reader.ids).toEqual(['3', '4']);
    expect(reader.events[0]).toMatchObject({ event: 'job', data: { type: 'job', job: { id: job.id } } });
    const [, third] = reader.events;
    expect(third).toMatchObject({ event: 'transition', id: '3', data: { transition: { seq: 3 } } });
    await reader.leave();
  });

  test('goes on after the event that its reader names, before what the address says', async () => {
    const { job } = await jobAt('AUDIO_READY');
    const from = async (id: string) => {
      const headers = { ...STREAM, 'last-event-id': id };
      const reader = new StreamReader(await ask(eventsOf(job, '?after=0'), { ...job, headers }));
      await reader.until(({ ids }) => ids.includes('3'));
      await reader.leave();
      return reader.ids;
    };
    expect(await from('2')).toEqual(['3']);
    // One of another stream.
    expect(await from('event-2')).toEqual(['1', '2', '3']);
  });

  test('whose reader leaves is no viewer any more', async () => {
    const job = await createdJob();
    const reader = new StreamReader(await ask(eventsOf(job), { ...job, headers: STREAM }));
    await reader.until(({ events }) => events.length > 0);
    expect(await viewersOf(job.stub)).toBe(1);
    await reader.leave();
    await until(async () => expect(await viewersOf(job.stub)).toBe(0));
  });

  test('that was asked for by a request that is aborted is no viewer any more', async () => {
    const job = await createdJob();
    const gone = new AbortController();
    const reader = new StreamReader(await ask(eventsOf(job), { ...job, headers: STREAM }, gone.signal));
    await reader.until(({ events }) => events.length > 0);
    gone.abort();
    await until(async () => expect(await viewersOf(job.stub)).toBe(0));
  });

  test('ends with what the socket was closed with', async () => {
    const job = await createdJob();
    const reader = new StreamReader(await ask(eventsOf(job), { ...job, headers: STREAM }));
    await reader.until(({ events }) => events.length > 0);
    await closeViewers(job.stub, 4410, 'erased');
    await reader.until(({ isOver }) => isOver);
    expect(reader.events.at(-1)).toEqual({ event: 'close', data: { code: 4410, reason: 'erased' } });
  });
});

describe('where a hundred look on already', () => {
  test('one more is closed with 4429, is answered 429 for a stream, and is told by JSON', async () => {
    const job = await createdJob();
    for (let count = 0; count < 100; count += 1) await watch(eventsOf(job), job);
    const viewer = await watch(eventsOf(job), { ...job, headers: PROTOCOL });
    expect(await viewer.end()).toEqual({ code: 4429, reason: 'too many viewers' });
    const stream = await call('GET', eventsOf(job), { ...job, headers: STREAM });
    expect([stream.status, stream.body.error_code, stream.headers.get('retry-after')]).toEqual([
      429,
      'TOO_MANY_VIEWERS',
      '15',
    ]);
    expect((await call('GET', eventsOf(job), job)).status).toBe(200);
  });
});

describe('a viewer whose token ends', () => {
  const endingSoon = { exp: Math.floor(Date.now() / 1_000) + 600 };

  const watched = {
    job: async () => {
      const home = await newHome();
      const job = await createdJob({}, home);
      return { path: eventsOf(job), stub: job.stub, home };
    },
    project: async () => {
      const home = await newHome();
      const stub = env.PROJECT.getByName(home.projectId);
      return { path: eventsOfProject(home), stub, home };
    },
    operation: async () => {
      const { home } = await failedJobs(1);
      const operation = await ActingOperation.over(home);
      await operation.untilCounts({ in_flight: 1, delivered: 1 });
      // Long over: nothing else is due of it.
      await operation.rewrite((sql) =>
        sql.exec(
          `UPDATE operation SET record = json_set(record, '$.state', 'done', '$.endedAt', ?)`,
          Date.now(),
        ),
      );
      await runInDurableObject(operation.stub, (_actor, { storage }) => storage.deleteAlarm());
      await operation.forget();
      return { path: eventsOfOperation(operation), stub: operation.stub, home };
    },
  };

  test.each(['job', 'project', 'operation'] as const)('is closed by the alarm of the %s', async (what) => {
    const { path, stub, home } = await watched[what]();
    const token = await editorToken(home.actorId, endingSoon);
    const lasting = await watch(path, home);
    const viewer = await watch(path, { token });
    // With the tolerance within which a token is taken.
    const endsAt = (endingSoon.exp + 30) * 1_000;
    expect(await runInDurableObject(stub, (_actor, { storage }) => storage.getAlarm())).toBe(endsAt);

    vi.useFakeTimers({ toFake: ['Date'], now: endsAt });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await viewer.end()).toEqual({
      code: 4401,
      reason: 'the token has ended, or the session is to be judged again',
    });
    expect(lasting.closed).toBeNull();
    // The next is for who may look on.
    const next = await runInDurableObject(stub, (_actor, { storage }) => storage.getAlarm());
    expect(next).toBeGreaterThan(endsAt + 60_000);
  });
});

describe('to whom nothing of it belongs', () => {
  const FORMS: Record<string, string>[] = [{}, STREAM, { upgrade: 'websocket' }];

  test('a stream is the same 404 as what is missing, in every form, and nothing is opened', async () => {
    const job = await createdJob();
    const stranger = await newHome();
    const { home } = await failedJobs(1);
    const operation = await ActingOperation.over(home);
    for (const headers of FORMS) {
      const answers = [];
      for (const path of [
        eventsOf(job),
        eventsOfProject(job),
        eventsOfOperation(operation),
        `/jobs/${await missingId('job')}/events`,
        `/operations/${await missingId('opr')}/events`,
        `/operations/${job.id}/events`,
        `/projects/${await missingId('prj')}/events`,
        `/jobs/${newId('job')}/events`,
        `/jobs/${job.projectId}/events`,
        `/projects/${job.id}/events`,
        `/jobs/%00/events`,
      ]) {
        const response = await ask(path, { ...stranger, headers });
        expect(response.status).toBe(404);
        const { 'x-request-id': _id, ...rest } = Object.fromEntries(response.headers);
        answers.push({ headers: rest, body: await response.text() });
      }
      expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    }
    expect(await viewersOf(job.stub)).toBe(0);
  });

  test('there is no stream without a token, with one in the address, or with a scope that reads nothing', async () => {
    const job = await createdJob();
    const scoped = await editorToken('somebody', { scope: 'other' });
    for (const headers of FORMS) {
      expect((await ask(eventsOf(job), { headers })).status).toBe(401);
      expect((await ask(eventsOf(job, `?access_token=${job.token}`), { headers })).status).toBe(401);
      expect((await ask(eventsOf(job), { token: scoped, headers })).status).toBe(403);
    }
  });
});
