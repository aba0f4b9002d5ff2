// What is missing and what is somebody else's cannot be told apart, by status, body, headers or what is stored.
import { env, runInDurableObject } from 'cloudflare:test';
import { describe, expect, test } from 'vitest';
import { signCallbackToken } from '../../src/contract/callback-token.ts';
import { type IdPrefix, newDispatchId, newId } from '../../src/contract/ids.ts';
import { newId as madeUpId } from '../support/ids.ts';
import { type ActingJob, config, failedAfter, newHome, once } from '../support/workerd/acting.ts';
import { ActingOperation, failedJobs } from '../support/workerd/bulk.ts';
import {
  allRows,
  call,
  editorToken,
  missingId,
  objectsSince,
  type Reply,
  settledTraceOf,
  storedRows,
  withoutSideEffect,
} from '../support/workerd/harness.ts';
import { editorEndpoints } from './endpoints.ts';
import { erasedJob, leftOf, markedJob, NOTHING } from './erasing.ts';

type Endpoint = [
  method: string,
  path: (id: string) => string,
  body?: unknown,
  headers?: Record<string, string>,
];

const RETRY = { model_profile: 'balanced', client_request_id: 'first' };

const BULK = { ...RETRY, filter: { status: ['FAILED'] } };

const EDIT = { uri: 's3://media/corrected.json', edits: 1, client_request_id: 'first' };
const SENDING = { 'idempotency-key': 'first', 'if-match': '"1"', 'content-length': '9' };

const OF_JOBS: Endpoint[] = [
  ['GET', (id) => `/jobs/${id}`],
  ['HEAD', (id) => `/jobs/${id}`],
  ['POST', (id) => `/jobs/${id}/confirm-upload`, { video_uri: 's3://media/talk.mp4' }],
  ['POST', (id) => `/jobs/${id}/run`],
  ['POST', (id) => `/jobs/${id}/run`, { model_profile: 'balanced' }],
  ['POST', (id) => `/jobs/${id}/cancel`],
  ['POST', (id) => `/jobs/${id}/abandon`],
  ['DELETE', (id) => `/jobs/${id}`],
  [
    'PUT',
    (id) => `/jobs/${id}/video`,
    { video_uri: 's3://media/again.mp4', replaces: 's3://media/talk.mp4' },
  ],
  ['POST', (id) => `/jobs/${id}/retry`, RETRY],
  ['POST', (id) => `/jobs/${id}/retry`, { ...RETRY, model_profile: 'no-such-profile' }],
  ['POST', (id) => `/jobs/${id}/retry`, { ...RETRY, resume_from: 'DRAFT_READY' }],
  ['POST', (id) => `/jobs/${id}/redo`, RETRY],
  ['POST', (id) => `/jobs/${id}/redo`, { ...RETRY, resume_from: 'DRAFT_READY' }],
  ['POST', (id) => `/jobs/${id}/export`, { formats: ['docx'], client_request_id: 'first' }],
  ['PUT', (id) => `/jobs/${id}/artifacts/transcript`, EDIT],
  ['PUT', (id) => `/jobs/${id}/artifacts/draft`, { ...EDIT, uri: 'r2://retake-artifacts/nowhere' }],
  ['PUT', (id) => `/jobs/${id}/artifacts/transcript/content`, 'corrected', SENDING],
  ['GET', (id) => `/jobs/${id}/artifacts/transcript/1/content`],
  ['HEAD', (id) => `/jobs/${id}/artifacts/transcript/1/content`],
  ['GET', (id) => `/jobs/${id}/redo-plan`],
  ['GET', (id) => `/jobs/${id}/retry-plan`],
  ['GET', (id) => `/jobs/${id}/retry-plan?model_profile=imaginary`],
  ['GET', (id) => `/jobs/${id}/dispatches`],
  ['GET', (id) => `/jobs/${id}/attempts`],
  ['GET', (id) => `/jobs/${id}/artifacts`],
  ['GET', (id) => `/jobs/${id}/transitions`],
  ['PATCH', (id) => `/jobs/${id}`, { tags: ['urgent'] }],
  ['PATCH', (id) => `/jobs/${id}`, { tags: ['urgent'] }, { 'if-match': '"1"' }],
  ['GET', (id) => `/jobs/${id}/events`],
  ['GET', (id) => `/jobs/${id}/events?after=0`, undefined, { accept: 'text/event-stream' }],
  ['GET', (id) => `/jobs/${id}/events`, undefined, { upgrade: 'websocket' }],
];
const OF_PROJECTS: Endpoint[] = [
  ['GET', (id) => `/projects/${id}`],
  ['DELETE', (id) => `/projects/${id}`],
  ['POST', (id) => `/projects/${id}/jobs`],
  ['GET', (id) => `/projects/${id}/jobs`],
  ['POST', (id) => `/projects/${id}/retries`, BULK],
  ['POST', (id) => `/projects/${id}/retries`, { ...BULK, dry_run: true }],
  ['POST', (id) => `/projects/${id}/retries`, { ...BULK, expected: 1, model_profile: 'no-such-profile' }],
  ['GET', (id) => `/projects/${id}/operations`],
  ['POST', (id) => `/projects/${id}/jobs`, { external_id: 'talk-1', tags: ['urgent'] }],
  ['GET', (id) => `/projects/${id}/jobs?status=FAILED&limit=1`],
  ['GET', (id) => `/projects/${id}/jobs?external_id=talk-1&tag=urgent`],
  ['GET', (id) => `/projects/${id}/counts`],
  ['GET', (id) => `/projects/${id}/events`],
  ['GET', (id) => `/projects/${id}/events`, undefined, { accept: 'text/event-stream' }],
  ['GET', (id) => `/projects/${id}/events`, undefined, { upgrade: 'websocket' }],
];

const OF_OPERATIONS: Endpoint[] = [
  ['GET', (id) => `/operations/${id}`],
  ['GET', (id) => `/operations/${id}/items`],
  ['GET', (id) => `/operations/${id}/items?outcome=failed&limit=1`],
  ['GET', (id) => `/operations/${id}/events`],
  ['GET', (id) => `/operations/${id}/events`, undefined, { accept: 'text/event-stream' }],
  ['GET', (id) => `/operations/${id}/events`, undefined, { upgrade: 'websocket' }],
  ['POST', (id) => `/operations/${id}/pause`],
  ['POST', (id) => `/operations/${id}/resume`],
  ['POST', (id) => `/operations/${id}/cancel`],
];
const named = (endpoints: Endpoint[]) =>
  endpoints.map(([method, path, body, headers = {}]) => {
    const endpoint = `${method} ${path('{id}')}`;
    const name = body ? `${endpoint} ${JSON.stringify(body)}` : endpoint;
    return { name, endpoint, method, path, body, headers };
  });

test('these are all endpoints for editors that name a job, a project or an operation', () => {
  const asked = named([...OF_JOBS, ...OF_PROJECTS, ...OF_OPERATIONS]).map(({ endpoint }) =>
    endpoint.replace(/\?.*/, ''),
  );
  const documented = editorEndpoints().filter((name) => name.includes('{id}'));
  expect(documented).not.toEqual([]);
  expect(asked).toEqual(expect.arrayContaining(documented));
});

const MALFORMED = [
  'x',
  'job_',
  'job_123',
  `job_${'0'.repeat(35)}`,
  `job_${'0'.repeat(36)}`,
  `job_${'0'.repeat(37)}`,
  `job_${'A'.repeat(36)}`,
  `JOB_${'0'.repeat(36)}`,
  `dsp_${'0'.repeat(32)}`,
  `prj_${'0'.repeat(36)} `.replaceAll(' ', '%20'),
  `job_${'0'.repeat(36)}%00`,
  `job_${'0'.repeat(36)}%0A`,
  'job_%F0%9F%8E%AC',
  '%zz',
  "'%20OR%201=1--",
  '%2e%2e%2fetc',
  'a'.repeat(2000),
];

/** Everything that a caller can see of an answer, but for the request's own id. */
function visible({ status, headers, text }: Reply) {
  const shown = Object.fromEntries([...headers].filter(([name]) => name !== 'x-request-id'));
  return { status, headers: shown, text };
}

const NOT_FOUND_BODY = {
  type: 'urn:retake:problem:resource-not-found',
  title: 'There is no such resource',
  status: 404,
  error_code: 'RESOURCE_NOT_FOUND',
  retryable: false,
  details: {},
};

/** Ids that look like `own`, which was given out, and were not. */
const notGivenOut = async (prefix: IdPrefix, own: string): Promise<string[]> => [
  madeUpId(prefix),
  own.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
  own.replace(/_./, (start) => (start === '_0' ? '_1' : '_0')),
  own.replace(/^.../, prefix === 'job' ? 'prj' : 'job'),
  await newId(prefix, ['a-key-that-is-not-listed-0123456789ab']),
];

/** Settings of a request's own, by which it reaches no object, and which it would have woken. */
function withoutObjects() {
  const woken: string[] = [];
  const getByName = (name: string): never => {
    woken.push(name);
    throw new Error('an object is asked for');
  };
  const none = { getByName } as unknown as DurableObjectNamespace;
  const vars = { ...env, JOB: none, PROJECT: none, WORKSPACE: none, OPERATION: none } as Env;
  return { vars, woken };
}

/** What is answered to a request that speaks to no object at all; what the alarms of others do meanwhile is theirs. */
async function wakingNothing(ask: (vars: Env) => Promise<Reply>): Promise<Reply> {
  const { vars, woken } = withoutObjects();
  const reply = await ask(vars);
  expect(woken).toEqual([]);
  return reply;
}

const othersToken = () => editorToken(`other-${crypto.randomUUID()}`);

test('for an id that was given out its object is woken, whatever is behind it', async () => {
  const token = await othersToken();
  for (const [prefix, path] of [
    ['job', '/jobs'],
    ['prj', '/projects'],
    ['opr', '/operations'],
  ] as const) {
    const { vars, woken } = withoutObjects();
    const id = await missingId(prefix);
    await call('GET', `${path}/${id}`, { token, vars });
    expect(woken).toEqual([id]);
  }
});

/** Nothing of it is under way any more. */
const failed = once(async () => {
  const made = await failedAfter('TRANSCRIBING');
  await settledTraceOf(made.job);
  return made;
});
const erased = once(() => erasedJob());

describe('a job', () => {
  test.each(named(OF_JOBS))(
    '$name: missing, not yours and of another kind answer the same',
    async ({ method, path, body, headers }) => {
      const { job } = await failed();
      const token = await othersToken();
      const ask = (id: string) => call(method, path(id), { token, body, headers });

      const missing = await ask(await missingId('job'));
      const notYours = await withoutSideEffect(job, () => ask(job.id));

      expect(missing.status).toBe(404);
      if (method !== 'HEAD') expect(missing.body).toEqual(NOT_FOUND_BODY);
      expect(visible(notYours)).toEqual(visible(missing));
      expect(visible(await ask(job.projectId))).toEqual(visible(missing));
    },
  );

  test.each(named(OF_JOBS))(
    '$name: one that is erased, or is being erased, is missing to its owner too',
    async ({ method, path, body, headers }) => {
      const token = await othersToken();
      const missing = await call(method, path(await missingId('job')), { token, body, headers });
      const gone = await erased();
      const { job: marked } = await markedJob();
      for (const job of [gone, marked]) {
        const before = await storedRows(job.id);

        const reply = await call(method, path(job.id), { token: job.token, body, headers });

        expect(visible(reply)).toEqual(visible(missing));
        expect(await storedRows(job.id)).toEqual(before);
      }
      expect(await leftOf(gone)).toEqual(NOTHING);
    },
  );

  test.each(named(OF_JOBS))(
    '$name: an id that is malformed, or was not given out, answers the same, and no object is woken for it',
    async ({ method, path, body, headers }) => {
      const { id: own, token } = (await failed()).job;
      const ask = (id: string, vars?: Env) => call(method, path(id), { token, body, headers, vars });
      const missing = await ask(await missingId('job'));
      expect(missing.status).toBe(404);

      for (const id of [...MALFORMED, ...(await notGivenOut('job', own))]) {
        expect(visible(await wakingNothing((vars) => ask(id, vars))), id).toEqual(visible(missing));
      }
    },
  );

  test.each(named(OF_JOBS))(
    '$name: asking for a missing one stores nothing',
    async ({ method, path, body, headers }) => {
      const id = await missingId('job');

      await call(method, path(id), { token: await othersToken(), body, headers });

      expect(await storedRows(id)).toEqual({});
    },
  );

  test('its ETag answers nobody else with 304', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    const { headers } = await call('GET', `/jobs/${job.id}`, { token: job.token });
    const conditional = { 'if-none-match': headers.get('etag') ?? '' };

    const reply = await call('GET', `/jobs/${job.id}`, { token: await othersToken(), headers: conditional });

    expect(reply.status).toBe(404);
    expect(reply.headers.get('etag')).toBeNull();
  });

  test('a preference tells nothing either', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    const options = { token: await othersToken(), body: RETRY, headers: { prefer: 'respond-async, wait=1' } };

    const retry = (id: string) => call('POST', `/jobs/${id}/retry`, options);

    const missing = await retry(await missingId('job'));

    expect(visible(await retry(job.id))).toEqual(visible(missing));
    expect(visible(await retry(madeUpId('job')))).toEqual(visible(missing));
  });
});

describe('a project', () => {
  test.each(named(OF_PROJECTS))(
    '$name: missing, not yours and of another kind answer the same',
    async ({ method, path, body }) => {
      const { job } = await failed();
      const token = await othersToken();
      const ask = (id: string) => call(method, path(id), { token, body });

      const missing = await ask(await missingId('prj'));
      const notYours = await withoutSideEffect(job, () => ask(job.projectId));

      expect(missing.status).toBe(404);
      expect(missing.body).toEqual(NOT_FOUND_BODY);
      expect(visible(notYours)).toEqual(visible(missing));
      expect(visible(await ask(job.id))).toEqual(visible(missing));
    },
  );

  test.each(named(OF_PROJECTS))(
    '$name: an id that is malformed, or was not given out, answers the same, and no object is woken for it',
    async ({ method, path, body }) => {
      const { projectId, token } = (await failed()).job;
      const ask = (id: string, vars?: Env) => call(method, path(id), { token, body, vars });
      const missing = await ask(await missingId('prj'));
      expect(missing.status).toBe(404);

      for (const id of [...MALFORMED, ...(await notGivenOut('prj', projectId))]) {
        expect(visible(await wakingNothing((vars) => ask(id, vars))), id).toEqual(visible(missing));
      }
    },
  );

  test.each(named(OF_PROJECTS))('$name: an erased one is missing to its owner too', async (asked) => {
    const { method, path, body } = asked;
    const { projectId, token } = await newHome();
    expect((await call('DELETE', `/projects/${projectId}`, { token })).status).toBe(204);
    const missing = await call(method, path(await missingId('prj')), { token: await othersToken(), body });
    expect(visible(await call(method, path(projectId), { token, body }))).toEqual(visible(missing));
  });

  test('a missing one gets no job', async () => {
    const made = await objectsSince(env.JOB);

    await call('POST', `/projects/${await missingId('prj')}/jobs`, { token: await othersToken() });

    expect(await made()).toEqual([]);
  });

  test('lists show only what is yours', async () => {
    const { job } = await failedAfter('TRANSCRIBING');

    const reply = await call('GET', '/projects', { token: await othersToken() });

    expect(reply.body).toEqual({ items: [], next_cursor: null, end_cursor: null });
    expect(reply.text).not.toContain(job.projectId);
  });
});

describe('an operation', () => {
  test.each(named(OF_OPERATIONS))(
    '$name: missing, not yours and malformed answer the same',
    async ({ method, path, body }) => {
      const { home } = await failedJobs(0);
      const operation = await ActingOperation.over(home);
      await operation.untilState('done');
      const before = await operation.rows();
      const token = await othersToken();
      const ask = (id: string, vars?: Env) => call(method, path(id), { token, body, vars });

      const missing = await ask(await missingId('opr'));

      expect(missing.status).toBe(404);
      expect(missing.body).toEqual(NOT_FOUND_BODY);
      expect(visible(await ask(operation.id))).toEqual(visible(missing));
      expect(await operation.rows()).toEqual(before);
      for (const id of [...MALFORMED, home.projectId, ...(await notGivenOut('opr', operation.id))]) {
        expect(visible(await wakingNothing((vars) => ask(id, vars))), id).toEqual(visible(missing));
      }
    },
  );

  test.each(named(OF_OPERATIONS))(
    '$name: asking for a missing one stores nothing',
    async ({ method, path, body }) => {
      const id = await missingId('opr');

      await call(method, path(id), { token: await othersToken(), body });

      const stored = await runInDurableObject(env.OPERATION.getByName(id), (_actor, state) => allRows(state));
      expect(stored).toEqual({});
    },
  );
});

test('reading stores nothing in the workspace of an editor who has none', async () => {
  const touchedSince = await objectsSince(env.WORKSPACE);
  const token = await othersToken();

  const projectId = await missingId('prj');

  for (const path of ['/projects', `/projects/${projectId}`, `/projects/${projectId}/jobs`]) {
    await call('GET', path, { token });
  }

  const touched = await touchedSince();
  expect(touched).not.toEqual([]);
  for (const id of touched) {
    const rows = await runInDurableObject(env.WORKSPACE.get(id), (_actor, state) => allRows(state));
    expect(rows).toEqual({});
  }
});

test('a path that is none answers like a resource that is none', async () => {
  const token = await othersToken();
  const id = await missingId('job');
  const missing = await call('GET', `/jobs/${id}`, { token });

  for (const path of ['/', '/nothing', '/jobs', '/jobs/x/y/z', '/projects/x/y', `/jobs/${id}/`]) {
    expect(visible(await call('GET', path, { token })), path).toEqual(visible(missing));
  }
});

describe('the callback endpoint', () => {
  const report = (jobId: string, token: string) =>
    call('POST', `/internal/jobs/${jobId}/status`, { token, body: { any: 'thing' } });

  /** A 401 names the request in its body. */
  const withoutInstance = (reply: Reply) => ({ ...visible(reply), text: { ...reply.body, instance: null } });

  const withSomeToken = async (job: ActingJob) => {
    const [dispatch] = await job.dispatches();
    return [
      'rtk1.not-a-token',
      `rtk1.${dispatch.dispatch_id}.AAAA`,
      await signCallbackToken(await missingId('job'), dispatch.dispatch_id, config.callbackTokenKeys),
    ];
  };

  test('a bad token is the same 401 whether or not the job exists', async () => {
    const { job } = await failedAfter('TRANSCRIBING');

    for (const token of await withSomeToken(job)) {
      const missing = await report(await missingId('job'), token);
      const existing = await withoutSideEffect(job, () => report(job.id, token));
      const malformed = await report('x', token);

      expect(missing.status).toBe(401);
      expect(withoutInstance(existing)).toEqual(withoutInstance(missing));
      expect(withoutInstance(malformed)).toEqual(withoutInstance(missing));
    }
  });

  test('a bad token stores nothing for a missing job', async () => {
    const id = await missingId('job');

    await report(id, 'rtk1.not-a-token');

    expect(await storedRows(id)).toEqual({});
  });

  test('a good token for a job that is gone is a 404 and stores nothing', async () => {
    const id = await missingId('job');
    const dispatchId = newDispatchId();
    const token = await signCallbackToken(id, dispatchId, config.callbackTokenKeys);

    const reply = await call('POST', `/internal/jobs/${id}/status`, {
      token,
      body: {
        event_id: 'evt-1',
        status: 'AUDIO_READY',
        occurred_at: new Date().toISOString(),
        correlation_id: 'exe-1',
      },
    });

    expect(reply.status).toBe(404);
    expect(reply.body).toEqual(NOT_FOUND_BODY);
    expect(await storedRows(id)).toEqual({});
  });
});
