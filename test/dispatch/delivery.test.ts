// What reaches the orchestrator, and what each of its answers means for the dispatch.
import { env } from 'cloudflare:test';
import { decodeJwt } from 'jose';
import { Webhook } from 'standardwebhooks';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { DEVELOPMENT_ISSUER } from '../../src/config.ts';
import { verifyCallbackToken } from '../../src/contract/callback-token.ts';
import type { Delivery } from '../../src/contract/messages.ts';
import { deliver, retryAfterMs } from '../../src/dispatch/orchestrator.ts';
import type { DeliveryOutcome } from '../../src/domain/commands.ts';
import { NO_LABELS } from '../../src/domain/labels.ts';
import { newId } from '../support/ids.ts';
import type { Answer } from '../support/orchestrator/plan.ts';
import { artifactUri } from '../support/pipeline/script.ts';
import {
  type ActingJob,
  ASYNC,
  config,
  failedAfter,
  jobAt,
  losingMessages,
  SHORT_WAIT,
  until,
  uploadedJob,
  VIDEO_URI,
} from '../support/workerd/acting.ts';
import { orchestrator, storedRows } from '../support/workerd/harness.ts';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

/** Of a job that its editor calls by nothing but its id, and has asked for alone. */
const UNLABELLED = { external_id: null, metadata: {}, tags: [], operation_id: null };

describe('the request', () => {
  test('of a run names the job, its owner, the video, the callback, the profile and its models, and nothing more', async () => {
    const job = await uploadedJob();
    const run = await job.run({ traceparent: TRACEPARENT });
    const [request] = await job.requests();
    expect(request?.body).toEqual({
      type: 'job.run',
      dispatch_id: run.body.dispatch_id,
      job_id: job.id,
      project_id: job.projectId,
      owner: { issuer: DEVELOPMENT_ISSUER, claim: 'sub', value: decodeJwt(job.token).sub },
      ...UNLABELLED,
      video_uri: VIDEO_URI,
      callback_url: `${env.PUBLIC_BASE_URL}/internal/jobs/${job.id}/status`,
      callback_token: expect.any(String),
      model_profile: 'balanced',
      engines: { transcript: 'whisper-large-v3', draft: 'gpt-5-mini' },
      keep: [],
    });
  });

  test('of a retry also says where to resume, from what, with which profile, and what is kept', async () => {
    const { job, dispatchId } = await failedAfter('TRANSCRIBING');
    const retry = await job.retry('again', {}, 'accurate');
    const request = (await job.requests())[1];
    expect(request?.body).toEqual({
      type: 'job.retry',
      dispatch_id: retry.body.dispatch_id,
      job_id: job.id,
      project_id: job.projectId,
      owner: { issuer: DEVELOPMENT_ISSUER, claim: 'sub', value: decodeJwt(job.token).sub },
      ...UNLABELLED,
      video_uri: VIDEO_URI,
      callback_url: `${env.PUBLIC_BASE_URL}/internal/jobs/${job.id}/status`,
      callback_token: expect.any(String),
      resume_from_status: 'AUDIO_READY',
      checkpoint_ref: artifactUri(dispatchId, 'audio'),
      model_profile: 'accurate',
      engines: { transcript: 'scribe-v2', draft: 'gpt-5' },
      keep: [{ stage: 'audio', version: 1, ref: artifactUri(dispatchId, 'audio') }],
    });
  });

  test('of a cancel names the dispatch and the execution that the orchestrator gave it, and nothing to begin with', async () => {
    const { job, dispatchId } = await jobAt('TRANSCRIBING');
    const [execution] = await job.executions();
    await job.cancel();
    const { requests } = await orchestrator.waitFor(job.id, 'requests', 2);
    expect(requests[1]?.body).toEqual({
      type: 'job.cancel',
      dispatch_id: dispatchId,
      job_id: job.id,
      project_id: job.projectId,
      execution_id: execution?.execution_id,
    });
    expect(execution?.execution_id).toMatch(/^exe_/);
  });

  test('bears the dispatch id as Idempotency-Key and webhook-id; a cancel has a key of its own', async () => {
    const { job, dispatchId } = await jobAt('TRANSCRIBING');
    await job.cancel();
    const { requests } = await orchestrator.waitFor(job.id, 'requests', 2);
    expect(requests.map(({ headers }) => [headers['idempotency-key'], headers['webhook-id']])).toEqual([
      [dispatchId, dispatchId],
      [`${dispatchId}.cancel`, `${dispatchId}.cancel`],
    ]);
  });

  test('passes the caller’s trace on', async () => {
    const job = await uploadedJob();
    await job.run({ traceparent: TRACEPARENT });
    const [request] = await job.requests();
    expect(request?.headers.traceparent).toContain('0af7651916cd43dd8448eb211c80319c');
  });

  test('bears a callback token that proves this dispatch of this job, and no other', async () => {
    const job = await uploadedJob();
    const run = await job.run();
    const [execution] = await job.executions();
    const token = execution?.callback_token ?? '';
    expect(await verifyCallbackToken(token, job.id, config.callbackTokenKeys)).toBe(run.body.dispatch_id);
    expect(await verifyCallbackToken(token, newId('job'), config.callbackTokenKeys)).toBeNull();
  });
});

describe('the signature', () => {
  // The orchestrator keeps what it parsed: the body as sent was made by the same JSON.stringify in the same order.
  const verify = (secret: string, request: { headers: Record<string, string>; body: unknown } | undefined) =>
    new Webhook(secret).verify(JSON.stringify(request?.body), request?.headers ?? {});

  test('verifies with the Standard Webhooks library, and not with another secret or another body', async () => {
    const job = await uploadedJob();
    await job.run();
    const [request] = await job.requests();
    const [secret = ''] = config.dispatchSigningSecrets;
    const sent = request && { headers: request.headers, body: inSentOrder(request.body) };
    expect(verify(secret, sent)).toMatchObject({ job_id: job.id });
    expect(() => verify(`whsec_${btoa('x'.repeat(32))}`, sent)).toThrow('No matching signature');
    expect(() => verify(secret, sent && { ...sent, body: { ...sent.body, video_uri: 's3://a/b' } })).toThrow(
      'No matching signature',
    );
  });

  test('is made with every secret, so that the orchestrator can change over', async () => {
    const job = await uploadedJob();
    const [secret = ''] = config.dispatchSigningSecrets;
    const next = `whsec_${btoa('n'.repeat(32))}`;
    await deliver(deliveryOf(job), { ...config, dispatchSigningSecrets: [next, secret] });
    const [request] = await job.requests();
    const sent = request && { headers: request.headers, body: inSentOrder(request.body) };
    expect(verify(next, sent)).toMatchObject({ job_id: job.id });
    expect(verify(secret, sent)).toMatchObject({ job_id: job.id });
  });
});

describe('an answer and what it means', () => {
  let job: ActingJob;
  beforeEach(async () => {
    job = await uploadedJob();
  });
  const outcomeOf = async (answer: Answer, timeoutMs = 2_500): Promise<DeliveryOutcome> => {
    await job.answers(answer);
    return deliver({ ...deliveryOf(job), timeoutMs }, config);
  };

  test.for([400, 401, 403, 404, 409, 410, 413, 422, 451])('%i is final', async (status) => {
    expect(await outcomeOf({ kind: 'refuse', status })).toEqual({
      kind: 'refused',
      error: `The orchestrator answered ${status}.`,
    });
  });

  test.for([408, 425, 429, 500, 502, 503, 504, 599])('%i is worth another attempt', async (status) => {
    expect(await outcomeOf({ kind: 'error', status })).toEqual({
      kind: 'unreachable',
      error: `The orchestrator answered ${status}.`,
      retryAfterMs: null,
    });
  });

  test('a redirect is final and is not followed', async () => {
    const elsewhere = await uploadedJob();
    const outcome = await outcomeOf({ kind: 'redirect', location: config.orchestratorUrl });
    expect(outcome).toEqual({ kind: 'refused', error: 'The orchestrator answered 307.' });
    expect(await job.requests()).toHaveLength(1);
    expect(await elsewhere.requests()).toHaveLength(0);
  });

  test.for([
    ['7', 7_000],
    ['0', 0],
    ['soon', null],
    ['-1', null],
    ['1.5', null],
  ] as const)('Retry-After: %s is read as %s ms', async ([header, expected]) => {
    expect(await outcomeOf({ kind: 'error', status: 503, retry_after: header })).toMatchObject({
      kind: 'unreachable',
      retryAfterMs: expected,
    });
  });

  test('Retry-After may be a date; one that has passed asks for no pause', () => {
    const now = Date.parse('2026-11-24T09:30:00Z');
    expect(retryAfterMs('Tue, 24 Nov 2026 09:30:20 GMT', now)).toBe(20_000);
    expect(retryAfterMs('Tue, 24 Nov 2026 09:29:00 GMT', now)).toBe(0);
  });

  test('no answer within the attempt’s time leaves the outcome unknown', async () => {
    expect(await outcomeOf({ kind: 'hang' }, 100)).toEqual({
      kind: 'unknown',
      error: 'The orchestrator gave no answer within 100 ms.',
      retryAfterMs: null,
    });
  });

  test('a connection that breaks leaves the outcome unknown', async () => {
    expect(await outcomeOf({ kind: 'accept_then_drop' })).toMatchObject({ kind: 'unknown' });
  });

  test('nobody at the address leaves the outcome unknown', async () => {
    const nowhere = { ...config, orchestratorUrl: 'http://127.0.0.1:1/dispatches' };
    expect(await deliver(deliveryOf(job), nowhere)).toEqual({
      kind: 'unknown',
      error: 'The orchestrator could not be reached.',
      retryAfterMs: null,
    });
  });

  test.for([1, 65_536, 65_537, 16 * 1024 * 1024])(
    'a 2xx whose body is %i bytes of garbage is still a delivery',
    async (bytes) => {
      expect(await outcomeOf({ kind: 'garbage', bytes })).toEqual({ kind: 'delivered', executionId: null });
    },
  );

  test('a 2xx with an execution_id hands it on', async () => {
    const outcome = await outcomeOf({ kind: 'accept' });
    const [execution] = await job.executions();
    expect(outcome).toEqual({ kind: 'delivered', executionId: execution?.execution_id });
  });

  /** What `deliver` makes of a 2xx whose body comes in pieces, and how many of them were asked for. */
  async function outcomeOfPieces(pieces: number, piece: string, headers: Record<string, string>) {
    let asked = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (asked === pieces) return controller.close();
          asked += 1;
          controller.enqueue(
            new TextEncoder().encode(asked === 1 ? `{"execution_id":"exe_1"}${piece}` : piece),
          );
        },
      },
      { highWaterMark: 0 },
    );
    const spy = vi.spyOn(globalThis, 'fetch').mockResolvedValue(new Response(body, { headers }));
    onTestFinished(() => spy.mockRestore());
    return { outcome: await deliver(deliveryOf(job), config), asked };
  }

  test.for([{}, { 'content-length': '39' }])(
    'a 2xx with one in pieces hands it on, with %o',
    async (headers) => {
      const { outcome } = await outcomeOfPieces(5, '   ', headers);
      expect(outcome).toEqual({ kind: 'delivered', executionId: 'exe_1' });
    },
  );

  test.for([
    ['that says nothing of its length', {}],
    ['that says so', { 'content-length': '1000000' }],
    [
      'that says how long it was before it was decoded',
      { 'content-length': '40', 'content-encoding': 'gzip' },
    ],
    ['whose frames tell otherwise', { 'content-length': '40', 'transfer-encoding': 'chunked' }],
    ['with a length that is none', { 'content-length': 'many' }],
  ] as const)(
    'a 2xx of more than 64 KiB %s is read no further, and is a delivery',
    async ([_what, headers]) => {
      const { outcome, asked } = await outcomeOfPieces(200, ' '.repeat(16 * 1024), headers);
      expect(outcome).toEqual({ kind: 'delivered', executionId: null });
      expect(asked).toBeLessThan(10);
    },
  );

  test('a 2xx that breaks off is a delivery', async () => {
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error('cut')) });
    const spy = vi.spyOn(globalThis, 'fetch').mockResolvedValue(new Response(body));
    onTestFinished(() => spy.mockRestore());
    expect(await deliver(deliveryOf(job), config)).toEqual({ kind: 'delivered', executionId: null });
  });
});

describe('pauses between attempts', () => {
  const failed: DeliveryOutcome = {
    kind: 'unreachable',
    error: 'The orchestrator answered 503.',
    retryAfterMs: null,
  };

  /** A dispatch that nobody delivers but the test. */
  async function pendingDispatch(headers = ASYNC): Promise<{ job: ActingJob; dispatchId: string }> {
    const job = await uploadedJob();
    losingMessages();
    const run = await job.run(headers);
    return { job, dispatchId: run.body.dispatch_id };
  }

  test('grow from one second to fifteen, and every attempt is on record', async () => {
    const { job, dispatchId } = await pendingDispatch();
    const delays: number[] = [];
    for (let attempt = 1; attempt <= 6; attempt += 1) {
      const after = await job.stub.reportDelivery(dispatchId, 'dispatch', failed);
      if (after.verdict === 'retry') delays.push(after.delayMs);
      expect(await job.dispatch(dispatchId)).toMatchObject({
        dispatch_state: 'PENDING',
        delivery_attempts: attempt,
        last_error: 'The orchestrator answered 503.',
      });
    }
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
    expect(await job.status()).toBe('UPLOADED');
  });

  test('are what Retry-After asks for, when that lies within the window', async () => {
    const { job, dispatchId } = await pendingDispatch();
    const after = await job.stub.reportDelivery(dispatchId, 'dispatch', { ...failed, retryAfterMs: 20_000 });
    expect(after).toEqual({ verdict: 'retry', delayMs: 20_000 });
  });

  test('are a second at the least, whatever Retry-After says', async () => {
    const { job, dispatchId } = await pendingDispatch();
    const after = await job.stub.reportDelivery(dispatchId, 'dispatch', { ...failed, retryAfterMs: 0 });
    expect(after).toEqual({ verdict: 'retry', delayMs: 1_000 });
  });

  test('end at once with a Retry-After beyond the window: the dispatch is withdrawn', async () => {
    const { job, dispatchId } = await pendingDispatch();
    const after = await job.stub.reportDelivery(dispatchId, 'dispatch', { ...failed, retryAfterMs: 61_000 });
    expect(after).toEqual({ verdict: 'done' });
    expect(await job.dispatch(dispatchId)).toMatchObject({
      dispatch_state: 'UNDELIVERABLE',
      delivery_attempts: 1,
      last_error: 'The orchestrator answered 503.',
    });
  });

  test('end when the next attempt would fall beyond the window', async () => {
    const { job, dispatchId } = await pendingDispatch();
    await job.age(59_500);
    expect(await job.stub.reportDelivery(dispatchId, 'dispatch', failed)).toEqual({ verdict: 'done' });
    expect(await job.dispatch(dispatchId)).toMatchObject({ dispatch_state: 'UNDELIVERABLE' });
  });

  test('are kept: a copy of the message that comes before the pause is over is dropped', async () => {
    const { job, dispatchId } = await pendingDispatch();
    await job.stub.reportDelivery(dispatchId, 'dispatch', { ...failed, retryAfterMs: 20_000 });
    expect(await job.stub.claim(dispatchId, 'dispatch')).toEqual({ verdict: 'drop' });
  });

  test('may be as short as the orchestrator’s hiccup: the second attempt gets through, as one execution', async () => {
    const job = await uploadedJob({ answers: [{ kind: 'error', status: 503 }] });
    const run = await job.run();
    expect(run).toMatchObject({ status: 202, body: { dispatch_state: 'DELIVERED' } });
    expect(await job.dispatch(run.body.dispatch_id)).toMatchObject({ delivery_attempts: 2 });
    expect(await job.executions()).toHaveLength(1);
    expect(new Set((await job.requests()).map(({ idempotency_key }) => idempotency_key)).size).toBe(1);
  });
});

describe('a waiting caller', () => {
  test.for([
    ['a refusal', { kind: 'refuse', status: 400 }, 'The orchestrator answered 400.'],
    ['a redirect', { kind: 'redirect', location: 'https://example.com/' }, 'The orchestrator answered 307.'],
    ['silence', { kind: 'hang' }, expect.stringMatching(/^The orchestrator gave no answer within \d+ ms\.$/)],
    [
      'a pause beyond the wait',
      { kind: 'error', status: 429, retry_after: '600' },
      'The orchestrator answered 429.',
    ],
  ] as const)('gets 502 after %s, and nothing about the job changed', async ([_what, answer, lastError]) => {
    const { job } = await failedAfter('AUDIO_READY');
    await job.answers(answer as Answer);
    const before = await storedRows(job.id);

    const retry = await job.retry('again', SHORT_WAIT);

    expect(retry.status).toBe(502);
    expect(retry.headers.get('preference-applied')).toBe('wait=3');
    expect(retry.body).toMatchObject({
      error_code: 'ORCHESTRATOR_DISPATCH_FAILED',
      details: { delivery_attempts: 1, last_error: lastError },
    });
    const { dispatch, ...rest } = await storedRows(job.id);
    const { dispatch: dispatchBefore, ...restBefore } = before;
    expect(rest).toEqual(restBefore);
    expect(dispatch).toHaveLength((dispatchBefore?.length ?? 0) + 1);
    expect(await job.executions()).toHaveLength(1);
  });

  test('whose retry got 502 may repeat the same request once the orchestrator is back', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    await job.answers({ kind: 'refuse', status: 400 });
    const refused = await job.retry('again');
    await job.answers({ kind: 'accept' });
    const accepted = await job.retry('again');
    const replay = await job.retry('again');
    expect([refused.status, accepted.status, replay.status]).toEqual([502, 202, 200]);
    expect(accepted.body.dispatch_id).not.toBe(refused.body.details.dispatch_id);
    expect(replay.body).toMatchObject({ dispatch_id: accepted.body.dispatch_id, replayed: true });
    expect((await job.dispatches()).map(({ dispatch_state }) => dispatch_state)).toEqual([
      'DELIVERED',
      'UNDELIVERABLE',
      'FAILED',
    ]);
  });

  test('gets 202 after the answer was lost: the repeat under the same key settles it, as one execution', async () => {
    const job = await uploadedJob({ answers: [{ kind: 'accept_then_drop' }] });
    const run = await job.run();
    expect(run).toMatchObject({
      status: 202,
      body: { status: 'AUDIO_EXTRACTING', dispatch_state: 'DELIVERED' },
    });
    const requests = await job.requests();
    expect(requests.map(({ answer, idempotency_key }) => [answer, idempotency_key])).toEqual([
      ['dropped', run.body.dispatch_id],
      [200, run.body.dispatch_id],
    ]);
    const executions = await job.executions();
    expect(executions).toHaveLength(1);
    expect(await job.dispatch(run.body.dispatch_id)).toMatchObject({
      execution_id: executions[0]?.execution_id,
      delivery_attempts: 2,
    });
  });

  test('who repeats the request while it is in flight waits for the same outcome', async () => {
    const { job } = await failedAfter('AUDIO_READY');
    await job.answers({ kind: 'hold' });
    const first = job.retry('again');
    await orchestrator.waitFor(job.id, 'held');
    const second = job.retry('again');
    await orchestrator.release(job.id);
    const replies = await Promise.all([first, second]);
    expect(replies.map(({ status }) => status)).toEqual([202, 200]);
    expect(replies.map(({ body }) => body.dispatch_state)).toEqual(['DELIVERED', 'DELIVERED']);
    expect((await job.executions()).length).toBe(2);
  });
});

// Jobs of their own, and pauses of seconds between their attempts: they pause side by side.
describe.concurrent('after an attempt without an answer, which the orchestrator may have taken,', () => {
  const LOST: Answer = { kind: 'accept_then_drop' };

  test.for([409, 423])(
    'a %i to the same key is "not yet": it is asked again, and told of as one execution',
    async (status, { expect }) => {
      const job = await uploadedJob({ answers: [LOST, { kind: 'refuse', status }, { kind: 'accept' }] });
      const run = await job.run();
      expect(run).toMatchObject({ status: 202, body: { dispatch_state: 'DELIVERED' } });
      expect((await job.requests()).map(({ answer }) => answer)).toEqual(['dropped', status, 200]);
      expect(await job.executions()).toHaveLength(1);
      expect((await orchestrator.log(job.id)).cancels).toEqual([]);
    },
  );

  test('a 409 is "not yet" for the delivery of a cancel, too', async ({ expect }) => {
    const { job, dispatchId } = await jobAt('TRANSCRIBING');
    await job.plan({ cancel_answers: [LOST, { kind: 'refuse', status: 409 }, { kind: 'accept' }] });
    await job.cancel();
    await until(async () => {
      expect(await job.storedDispatches()).toMatchObject([{ cancelNotice: { state: 'DELIVERED' } }]);
    });
    const cancels = (await job.requests()).filter(({ type }) => type === 'job.cancel');
    expect(cancels.map(({ answer, idempotency_key }) => [answer, idempotency_key])).toEqual(
      ['dropped', 409, 200].map((answer) => [answer, `${dispatchId}.cancel`]),
    );
  });

  test.for<Answer>([
    { kind: 'refuse', status: 404 },
    { kind: 'refuse', status: 401 },
    { kind: 'refuse', status: 400 },
    { kind: 'refuse', status: 302 },
    { kind: 'redirect', location: 'https://example.com/' },
  ])(
    'a refusal of the repeat (%o) ends the delivery, and the pipeline that may have begun is told to stop',
    async (refusal, { expect }) => {
      const job = await uploadedJob({ answers: [LOST, refusal] });
      const run = await job.run();
      expect(run).toMatchObject({ status: 502, body: { details: { delivery_attempts: 2 } } });
      const { cancels, executions } = await orchestrator.waitFor(job.id, 'cancels');
      expect(cancels.map(({ execution_id }) => execution_id)).toEqual([executions[0]?.execution_id]);
      expect(await job.status()).toBe('UPLOADED');
    },
  );
});

test('a 409 to the first attempt is a refusal: there is nothing that could be in progress', async () => {
  const job = await uploadedJob({ answers: [{ kind: 'refuse', status: 409 }] });
  const run = await job.run();
  expect(run).toMatchObject({ status: 502, body: { details: { delivery_attempts: 1 } } });
});

test('an interim 103 is no answer: the same key is asked again, and what was begun is the one execution', async () => {
  const job = await uploadedJob({ answers: [{ kind: 'interim' }, { kind: 'accept' }] });
  const run = await job.run();
  expect(run).toMatchObject({ status: 202, body: { dispatch_state: 'DELIVERED' } });
  expect(await job.executions()).toHaveLength(1);
  expect((await orchestrator.log(job.id)).cancels).toEqual([]);
});

test('a dispatch for which nobody asked the orchestrator says so, and the answer claims nothing else', async () => {
  const job = await uploadedJob();
  losingMessages();
  const run = await job.run(SHORT_WAIT);
  expect(run).toMatchObject({
    status: 502,
    body: {
      title: 'The dispatch was not delivered; nothing about the job changed',
      details: { delivery_attempts: 0, last_error: 'No attempt was made within the window.' },
    },
  });
  expect(await job.requests()).toHaveLength(0);
});

test('a caller who asked not to wait is answered before the orchestrator is, and it is delivered all the same', async () => {
  const job = await uploadedJob({ answers: [{ kind: 'hold' }] });
  const run = await job.run(ASYNC);
  expect(run).toMatchObject({ status: 202, body: { status: 'UPLOADED', dispatch_state: 'PENDING' } });
  expect(run.headers.get('preference-applied')).toBe('respond-async');
  await orchestrator.waitFor(job.id, 'held');
  await orchestrator.release(job.id);
  await job.untilDispatch(run.body.dispatch_id, 'DELIVERED');
});

test('a dispatch that is withdrawn while it is being delivered is followed by a cancel, and not executed when it is taken then', async () => {
  const job = await uploadedJob({ answers: [{ kind: 'hold' }] });
  const run = await job.run(ASYNC);
  const dispatchId: string = run.body.dispatch_id;
  await orchestrator.waitFor(job.id, 'held');
  await job.age(120_000);
  await job.alarm();
  await job.untilDispatch(dispatchId, 'UNDELIVERABLE');
  const { cancels } = await orchestrator.waitFor(job.id, 'cancels');
  expect(cancels).toMatchObject([{ dispatch_id: dispatchId }]);

  await orchestrator.release(job.id);

  expect((await orchestrator.waitFor(job.id, 'idle')).executions).toEqual([]);
  await until(async () => {
    expect(await job.storedDispatches()).toMatchObject([{ cancelNotice: { state: 'DELIVERED' } }]);
  });
  expect(await job.status()).toBe('UPLOADED');
});

const deliveryOf = (job: ActingJob): Delivery => ({
  type: 'job.run',
  task: { kind: 'draft' },
  dispatchId: newId('dsp'),
  operationId: null,
  jobId: job.id,
  projectId: job.projectId,
  owner: null,
  ...NO_LABELS,
  videoUri: VIDEO_URI,
  modelProfile: 'balanced',
  resumeFromStatus: null,
  checkpointRef: null,
  engines: {},
  stages: [],
  executionId: null,
  traceparent: TRACEPARENT,
  correlationId: 'req-1',
  mayBeTaken: false,
  timeoutMs: 2_500,
  claim: 'claim-1',
});

/** The log holds the body as parsed by a schema, which puts the fields it knows first. */
function inSentOrder(body: Record<string, unknown>): Record<string, unknown> {
  const order = [
    'type',
    'dispatch_id',
    'job_id',
    'project_id',
    'owner',
    'external_id',
    'metadata',
    'tags',
    'operation_id',
    'video_uri',
    'callback_url',
    'callback_token',
    'model_profile',
    'engines',
    'keep',
  ];
  return Object.fromEntries(order.map((name) => [name, body[name]]));
}
