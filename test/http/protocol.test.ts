import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ASYNC, createdJob, failedAfter, jobAt, uploadedJob } from '../support/workerd/acting.ts';
import { call, orchestrator, type Reply, sendOverHttp } from '../support/workerd/harness.ts';

describe('Prefer', () => {
  const applied = (reply: Reply) => reply.headers.get('preference-applied');

  test('respond-async answers before the delivery', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    await job.answers({ kind: 'hold' });

    const reply = await job.retry('first', ASYNC);

    expect(reply.status).toBe(202);
    expect(reply.body.dispatch_state).toBe('PENDING');
    expect(applied(reply)).toBe('respond-async');
    await orchestrator.waitFor(job.id, 'held');
    await orchestrator.release(job.id);
    await job.untilDispatch(reply.body.dispatch_id, 'DELIVERED');
  });

  test('respond-async goes for a run too', async () => {
    const job = await uploadedJob({ answers: [{ kind: 'hold' }] });

    const reply = await job.run(ASYNC);

    expect(reply.status).toBe(202);
    expect(reply.body).toMatchObject({ status: 'UPLOADED', dispatch_state: 'PENDING' });
    await orchestrator.waitFor(job.id, 'held');
    await orchestrator.release(job.id);
    await job.untilDispatch(reply.body.dispatch_id, 'DELIVERED');
    expect(await job.status()).toBe('AUDIO_EXTRACTING');
  });

  test.each([
    ['wait=5', 'wait=5'],
    ['wait="5"', 'wait=5'],
    ['WAIT=5', 'wait=5'],
    ['wait=31', 'wait=30'],
    ['wait=999999999', 'wait=30'],
    ['respond-async, wait=5', 'respond-async, wait=5'],
    ['wait=5, respond-async', 'respond-async, wait=5'],
    ['wait=5, wait=7', 'wait=5'],
    ['handling=lenient, wait=5;x=y', 'wait=5'],
  ])('%s is applied as %s', async (prefer, echoed) => {
    const job = await uploadedJob();

    const reply = await job.run({ prefer });

    expect(reply.status).toBe(202);
    expect(reply.body.dispatch_state).toBe('DELIVERED');
    expect(applied(reply)).toBe(echoed);
  });

  test.each([
    '',
    'wait',
    'wait=',
    'wait=-1',
    'wait=1.5',
    'wait=soon',
    'wait=10000000000',
    'return=minimal',
    ',;=,',
  ])('%j is ignored', async (prefer) => {
    const job = await uploadedJob();

    const reply = await job.run({ prefer });

    expect(reply.status).toBe(202);
    expect(applied(reply)).toBeNull();
  });

  test('nothing is applied when nothing was asked for', async () => {
    expect(applied(await (await uploadedJob()).run())).toBeNull();
  });

  test('wait=0 answers at once and says that the outcome is open', async () => {
    const job = await uploadedJob({ answers: [{ kind: 'hold' }] });

    const reply = await job.run({ prefer: 'wait=0' });

    expect(reply.status).toBe(202);
    expect(reply.body.dispatch_state).toBe('PENDING');
    await orchestrator.waitFor(job.id, 'held');
    await orchestrator.release(job.id);
    await job.untilDispatch(reply.body.dispatch_id, 'DELIVERED');
  });
});

describe('traceparent', () => {
  const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const sentWith = async (headers: Record<string, string>) => {
    const job = await uploadedJob();
    await job.run(headers);
    return (await job.requests())[0]?.headers.traceparent;
  };

  test('goes on to the orchestrator', async () => {
    expect(await sentWith({ traceparent: PARENT })).toBe(PARENT);
  });

  test.each([
    ['is missing', {}],
    ['is of another version', { traceparent: PARENT.replace('00-', 'ff-') }],
    ['names no trace', { traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` }],
    ['names no span', { traceparent: `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01` }],
    ['is in capitals', { traceparent: PARENT.toUpperCase() }],
    ['is nonsense', { traceparent: 'x' }],
  ])('is made when it %s', async (_what, headers) => {
    const sent = await sentWith(headers);

    expect(sent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(sent).not.toBe(PARENT);
  });
});

describe('methods', () => {
  test.each([
    ['/projects', 'GET, HEAD, POST'],
    ['/projects/{project}', 'DELETE, GET, HEAD'],
    ['/projects/{project}/jobs', 'GET, HEAD, POST'],
    ['/projects/{project}/counts', 'GET, HEAD'],
    ['/jobs/{job}', 'DELETE, GET, HEAD, PATCH'],
    ['/jobs/{job}/confirm-upload', 'POST'],
    ['/jobs/{job}/video', 'PUT'],
    ['/jobs/{job}/run', 'POST'],
    ['/jobs/{job}/abandon', 'POST'],
    ['/jobs/{job}/cancel', 'POST'],
    ['/jobs/{job}/retry', 'POST'],
    ['/jobs/{job}/dispatches', 'GET, HEAD'],
    ['/jobs/{job}/transitions', 'GET, HEAD'],
    ['/healthz', 'GET, HEAD'],
    ['/openapi.json', 'GET, HEAD'],
  ])('%s answers 405 to others and names its own: %s', async (pattern, allow) => {
    const job = await createdJob();
    const path = pattern.replace('{job}', job.id).replace('{project}', job.projectId);
    const others = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].filter(
      (m) => !allow.split(', ').includes(m),
    );

    for (const method of others) {
      const reply = await call(method, path, { token: job.token });
      expect(reply.status, method).toBe(405);
      expect(reply.headers.get('allow')).toBe(allow);
      expect(reply.body.error_code).toBe('METHOD_NOT_ALLOWED');
    }
  });

  test('the callback endpoint takes POST alone', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');

    const reply = await call('GET', `/internal/jobs/${job.id}/status`, { token: pipeline.token });

    expect(reply.status).toBe(405);
    expect(reply.headers.get('allow')).toBe('POST');
  });

  test('HEAD answers what GET does, without the body', async () => {
    const { job } = await failedAfter('TRANSCRIBING');

    for (const path of [
      '/projects',
      `/jobs/${job.id}`,
      `/jobs/${job.id}/dispatches`,
      '/healthz',
      '/openapi.json',
    ]) {
      const get = await call('GET', path, { token: job.token });
      const head = await call('HEAD', path, { token: job.token });
      expect(head.status, path).toBe(200);
      expect(head.text, path).toBe('');
      for (const name of ['content-type', 'etag', 'cache-control']) {
        expect(head.headers.get(name), `${path} ${name}`).toBe(get.headers.get(name));
      }
    }
  });
});

describe('every answer', () => {
  /** What the service answers when it is itself at fault. */
  const faulty = async (): Promise<Reply> => {
    const { job } = await failedAfter('TRANSCRIBING');
    await job.damage();
    return call('GET', `/jobs/${job.id}`, { token: job.token });
  };

  test('bears a request id of its own and is not cached, or only to ask again', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');
    const token = job.token;
    const replies = [
      await call('GET', '/healthz'),
      await call('GET', '/openapi.json'),
      await call('GET', `/jobs/${job.id}`, { token }),
      await call('GET', `/jobs/${job.id}`),
      await call('GET', '/nowhere'),
      await call('PUT', `/jobs/${job.id}`, { token }),
      await call('POST', `/jobs/${job.id}/retry`, { token, body: '{' }),
      await call('POST', `/jobs/${job.id}/retry`, { token, body: 'x'.repeat(70_000) }),
      await call('POST', `/jobs/${job.id}/retry`, {
        token,
        body: '{}',
        headers: { 'content-type': 'text/plain' },
      }),
      await job.retry('first'),
      await call('GET', `/jobs/${job.id}`, { token, headers: { 'if-none-match': '*' } }),
      await call('HEAD', `/jobs/${job.id}`, { token }),
      await pipeline.send(pipeline.body('TRANSCRIBING')),
      await faulty(),
    ];

    expect(replies.map(({ status }) => status)).toEqual([
      200, 200, 200, 401, 404, 405, 400, 413, 415, 409, 304, 200, 204, 500,
    ]);
    const ids = replies.map(({ headers }) => headers.get('x-request-id'));
    for (const id of ids) expect(id).toMatch(/^req_[0-9a-f]{32}$/);
    expect(new Set(ids).size).toBe(replies.length);
    for (const { status, headers } of replies) {
      const isKept = headers.has('etag') && [200, 304].includes(status);
      expect(headers.get('cache-control')).toBe(isKept ? 'private, no-cache' : 'no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  test('that is a problem names its request, its status, its kind and whether to repeat it', async () => {
    const job = await uploadedJob();

    const reply = await job.retry('first');

    expect(reply.headers.get('content-type')).toBe('application/problem+json');
    expect(reply.body).toMatchObject({
      type: 'urn:retake:problem:retry-not-allowed-state',
      title: expect.any(String),
      status: 409,
      instance: `urn:retake:request:${reply.headers.get('x-request-id')}`,
      error_code: 'RETRY_NOT_ALLOWED_STATE',
      retryable: false,
    });
  });

  test('does not take a request id from outside', async () => {
    const reply = await call('GET', '/healthz', { headers: { 'x-request-id': 'mine' } });

    expect(reply.headers.get('x-request-id')).not.toBe('mine');
  });

  test('is the same through workerd’s own HTTP', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    const headers = { authorization: `Bearer ${job.token}` };

    const inside = await call('GET', `/jobs/${job.id}`, { token: job.token });
    const outside = await sendOverHttp(`/jobs/${job.id}`, { headers });

    expect(outside.status).toBe(200);
    expect(outside.text).toBe(inside.text);
    expect(outside.headers.get('etag')).toBe(inside.headers.get('etag'));
  });

  test('is an INTERNAL that tells nothing when the service itself is at fault', async () => {
    const reply = await faulty();

    expect(reply.status).toBe(500);
    expect(reply.body).toMatchObject({
      status: 500,
      error_code: 'INTERNAL',
      retryable: true,
      details: {},
    });
    expect(reply.text).not.toContain('secret');
    expect(reply.text).not.toMatch(/JSON|SyntaxError|at /);
  });
});

test('a request whose job lost its memory meanwhile is answered 503, and its repeat gets the dispatch it made', async () => {
  const { job } = await failedAfter('TRANSCRIBING');
  await job.answers({ kind: 'hold' });
  const cut = job.retry('first', { prefer: 'wait=30' });
  await orchestrator.waitFor(job.id, 'held');

  await job.abort();

  const reply = await cut;
  expect(reply).toMatchObject({ status: 503, body: { error_code: 'OVERLOADED' } });
  expect(reply.headers.get('retry-after')).toBe('1');
  await orchestrator.release(job.id);
  const again = await job.retry('first');
  expect(again).toMatchObject({ status: 200, body: { replayed: true, dispatch_state: 'DELIVERED' } });
  expect((await job.requests()).filter(({ type }) => type === 'job.retry')).toHaveLength(1);
});

test('healthz answers without a token', async () => {
  const reply = await call('GET', '/healthz');

  expect(reply.status).toBe(200);
  expect(reply.body).toEqual({ status: 'ok' });
});

test('openapi.json is the contract', async () => {
  const reply = await call('GET', '/openapi.json');

  expect(reply.status).toBe(200);
  expect(reply.headers.get('content-type')).toContain('application/json');
  expect(Object.keys(reply.body.paths['/jobs/{jobId}/retry'].post.responses)).toEqual(
    expect.arrayContaining(['200', '202', '400', '401', '404', '409', '502']),
  );
});

describe('the log', () => {
  function listening() {
    const lines: string[] = [];
    for (const level of ['log', 'warn', 'error'] as const) {
      const spy = vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(line));
      onTestFinished(() => spy.mockRestore());
    }
    return (reply: Reply) =>
      lines
        .map((line) => JSON.parse(line))
        .filter(({ request_id }) => request_id === reply.headers.get('x-request-id'));
  }

  test('has one line of a command', async () => {
    const job = await createdJob();
    const linesOf = listening();
    expect(linesOf(await job.confirm())).toEqual([
      expect.objectContaining({
        event: 'request',
        method: 'POST',
        route: '/jobs/:jobId/confirm-upload',
        http_status: 200,
      }),
    ]);
  });

  test('has none of a callback that was applied, which is in the history, and one of its repeat', async () => {
    const { pipeline } = await jobAt('AUDIO_READY');
    const report = pipeline.body('TRANSCRIBING');
    const linesOf = listening();
    expect(linesOf(await pipeline.send(report))).toEqual([]);
    expect(linesOf(await pipeline.send(report))).toEqual([
      expect.objectContaining({ event: 'request', http_status: 200, dispatch_id: pipeline.dispatchId }),
    ]);
  });

  test('has one line of a read that was refused, and none of one that succeeded', async () => {
    const job = await createdJob();
    const linesOf = listening();
    expect(linesOf(await call('GET', `/jobs/${job.id}`, { token: job.token }))).toEqual([]);
    expect(linesOf(await call('HEAD', `/jobs/${job.id}`, { token: job.token }))).toEqual([]);
    expect(linesOf(await call('GET', '/projects?limit=0', { token: job.token }))).toEqual([
      expect.objectContaining({ event: 'request', http_status: 400, error_code: 'VALIDATION_ERROR' }),
    ]);
  });
});
