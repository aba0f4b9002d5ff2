// The guarantees of the local orchestrator, over its real HTTP interface, with a real receiver of
// callbacks. Every other test of dispatching relies on these.

import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, test } from 'vitest';
import { OrchestratorClient } from '../support/orchestrator/client.ts';
import type { CallbackBody } from '../support/orchestrator/log.ts';
import type { Plan } from '../support/orchestrator/plan.ts';
import { type OrchestratorOptions, startOrchestrator } from '../support/orchestrator/server.ts';

const secret = newSecret();
const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp();
});

describe('who may dispatch', () => {
  test('an unsigned or wrongly signed dispatch is refused and never executed', async () => {
    const { url, client, runOf } = await arrange();
    const run = runOf('job_1');

    const wrong = await post(url, run, { secret: newSecret() });
    const unsigned = await fetch(`${url}/dispatches`, { method: 'POST', body: JSON.stringify(run) });

    expect([wrong.status, unsigned.status]).toEqual([401, 401]);
    const log = await client.log();
    expect(log).toMatchObject({ requests: [], executions: [] });
    expect(log.rejections.map(({ status }) => status)).toEqual([401, 401]);
  });

  test('a signature covers the body', async () => {
    const { url, runOf } = await arrange();
    const run = runOf('job_1');
    const headers = signed(run.dispatch_id, JSON.stringify(run), secret);

    const response = await fetch(`${url}/dispatches`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ ...run, job_id: 'job_2' }),
    });

    expect(response.status).toBe(401);
  });

  test('a dispatch signed with any of several secrets is accepted', async () => {
    const older = newSecret();
    const { url, runOf } = await arrange({ options: { secrets: [secret, older] } });

    const statuses = [
      (await post(url, runOf('job_1'), { secret })).status,
      (await post(url, runOf('job_2'), { secret: older })).status,
    ];

    expect(statuses).toEqual([202, 202]);
  });

  test('a signed body that is no dispatch is refused with the field named', async () => {
    const { url, runOf } = await arrange();
    const { video_uri: _, ...incomplete } = runOf('job_1');

    const response = await post(url, incomplete);

    expect(response.status).toBe(400);
    expect(await response.text()).toContain('video_uri');
  });

  test('an Idempotency-Key that the signature does not cover is refused', async () => {
    const { url, runOf } = await arrange();

    const response = await post(url, runOf('job_1'), { headers: { 'idempotency-key': 'another' } });

    expect(response.status).toBe(400);
  });

  test('a body over 1 MiB is refused', async () => {
    const { url, runOf } = await arrange();

    const response = await post(url, { ...runOf('job_1'), padding: 'x'.repeat(1024 * 1024) });

    expect(response.status).toBe(413);
  });
});

describe('one execution per dispatch', () => {
  test('the same key again answers 200 with the same execution and does not execute again', async () => {
    const { url, client, runOf } = await arrange({
      plan: { pipeline: { pause_before: 'AUDIO_EXTRACTING' } },
    });
    const run = runOf('job_1');

    const first = await post(url, run);
    await client.waitFor('job_1', 'held');
    const whileExecuting = await post(url, run);
    await client.release('job_1');
    await client.waitFor('job_1', 'idle');
    const afterwards = await post(url, run);

    expect([first.status, whileExecuting.status, afterwards.status]).toEqual([202, 200, 200]);
    const accepted = await first.json();
    expect(await whileExecuting.json()).toEqual(accepted);
    expect(await afterwards.json()).toEqual(accepted);
    expect((await client.log('job_1')).executions).toHaveLength(1);
  });

  test('a dispatch whose answer was dropped is executed once, also when it is repeated', async () => {
    const { url, client, runOf } = await arrange({ plan: { answers: [{ kind: 'accept_then_drop' }] } });
    const run = runOf('job_1');

    await expect(post(url, run)).rejects.toThrow();
    const repeat = await post(url, run);

    expect(repeat.status).toBe(200);
    const log = await client.waitFor('job_1', 'idle');
    expect(log.executions).toHaveLength(1);
    expect(log.requests.map(({ answer }) => answer)).toEqual(['dropped', 200]);
  });

  test('a repeat that arrives while the first is on hold is executed once', async () => {
    const { url, client, runOf } = await arrange({ plan: { answers: [{ kind: 'hold' }] } });
    const run = runOf('job_1');

    const onHold = post(url, run);
    await client.waitFor('job_1', 'held');
    const repeat = await post(url, run);
    await client.release('job_1');

    expect([repeat.status, (await onHold).status]).toEqual([202, 200]);
    expect((await client.log('job_1')).executions).toHaveLength(1);
  });

  test('keys, executions and cancels outlive the process when a log file is given', async () => {
    const logFile = join(temporaryFolder(), 'log.jsonl');
    const first = await arrange({ options: { logFile }, plan: { pipeline: { manual: true } } });
    const run = first.runOf('job_1');
    const cancelled = first.runOf('job_2');
    const accepted = await (await post(first.url, run)).json();
    await post(first.url, cancelOf(cancelled));
    await first.client.clear('job_1');
    await first.close();

    const second = await arrange({ options: { logFile } });
    const repeat = await post(second.url, run);
    const late = await post(second.url, cancelled);

    expect([repeat.status, await repeat.json()]).toEqual([200, accepted]);
    expect(await late.json()).toEqual({ execution_id: null, cancelled: true });
    expect((await second.client.log()).executions).toEqual([]);
    expect((await second.client.log()).cancels).toHaveLength(1);
  });

  test('a pipeline that was running when the process ended is lost, not resumed, even after half a write', async () => {
    const logFile = join(temporaryFolder(), 'log.jsonl');
    const first = await arrange({
      options: { logFile },
      plan: { pipeline: { pause_before: 'AUDIO_READY' } },
    });
    await post(first.url, first.runOf('job_1'));
    await first.client.waitFor('job_1', 'held');
    await first.close();
    appendFileSync(logFile, '{"kind":"call');

    const second = await arrange({ options: { logFile } });

    const { executions, callbacks } = await second.client.waitFor('job_1', 'idle');
    expect(executions.map(({ state }) => state)).toEqual(['lost']);
    expect(callbacks.map(({ status }) => status)).toEqual(['AUDIO_EXTRACTING']);
    const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).kind).slice(-2)).toEqual(['callback', 'ended']);
  });
});

describe('the pipeline', () => {
  test('a run reports every stage with its artifacts, in order, with the token it was given', async () => {
    const { url, client, receiver, runOf } = await arrange();
    const run = runOf('job_1');

    const { execution_id } = (await (await post(url, run)).json()) as { execution_id: string };
    const { executions } = await client.waitFor('job_1', 'idle');

    expect(receiver.statuses()).toEqual([
      'AUDIO_EXTRACTING',
      'AUDIO_READY',
      'TRANSCRIBING',
      'TRANSCRIBING',
      'TRANSCRIBING',
      'TRANSCRIPT_READY',
      'GENERATING',
      'DRAFT_READY',
    ]);
    expect(new Set(receiver.seen.map(({ authorization }) => authorization))).toEqual(
      new Set([`Bearer ${run.callback_token}`]),
    );
    expect(new Set(receiver.seen.map(({ body }) => body.correlation_id))).toEqual(new Set([execution_id]));
    expect(Object.keys(receiver.bodyOf('AUDIO_READY').artifact_updates ?? {})).toEqual([
      'audio_uri',
      'digest',
      'size_bytes',
    ]);
    const times = receiver.seen.map(({ body }) => body.occurred_at);
    expect(times).toEqual([...new Set(times)].sort());
    expect(executions.map(({ state }) => state)).toEqual(['finished']);
  });

  test.each([
    ['UPLOADED', 'AUDIO_EXTRACTING', 'DRAFT_READY'],
    ['AUDIO_READY', 'TRANSCRIBING', 'DRAFT_READY'],
    ['TRANSCRIPT_READY', 'GENERATING', 'DRAFT_READY'],
    ['DRAFT_READY', 'EXPORTING', 'DONE'],
  ])('a retry from %s starts with %s and ends with %s', async (resumeFrom, first, last) => {
    const { url, client, receiver, runOf } = await arrange();
    const retry = {
      ...runOf('job_1'),
      type: 'job.retry',
      resume_from_status: resumeFrom,
      model_profile: 'fast',
    };

    await post(url, retry);
    await client.waitFor('job_1', 'idle');

    expect([receiver.statuses().at(0), receiver.statuses().at(-1)]).toEqual([first, last]);
  });

  test('a planned failure fails the first execution and lets the next one through', async () => {
    const { url, client, receiver, runOf } = await arrange({
      plan: { pipeline: { fail_at: 'TRANSCRIBING' } },
    });

    await post(url, runOf('job_1'));
    await client.waitFor('job_1', 'idle');
    const failure = receiver.bodyOf('FAILED');
    await post(url, runOf('job_1'));
    const { executions } = await client.waitFor('job_1', 'idle');

    expect(failure).toMatchObject({ failure_code: 'TRANSCRIPTION_FAILED', failed_stage: 'TRANSCRIBING' });
    expect(executions.map(({ state }) => state)).toEqual(['failed', 'finished']);
  });

  test('a manual execution sends no callback', async () => {
    const { url, client, receiver, runOf } = await arrange({ plan: { pipeline: { manual: true } } });

    await post(url, runOf('job_1'));
    const { executions } = await client.waitFor('job_1', 'idle');

    expect(executions.map(({ state }) => state)).toEqual(['manual']);
    expect(receiver.seen).toEqual([]);
  });

  test('a pipeline that dies says nothing more', async () => {
    const { url, client, receiver, runOf } = await arrange({ plan: { pipeline: { die_at: 'AUDIO_READY' } } });

    await post(url, runOf('job_1'));
    const { executions } = await client.waitFor('job_1', 'idle');

    expect(receiver.statuses()).toEqual(['AUDIO_EXTRACTING']);
    expect(executions.map(({ state }) => state)).toEqual(['died']);
  });

  test('duplicates bear the same event_id', async () => {
    const plan: Plan = { pipeline: { duplicate: true, stop_after: 'AUDIO_READY' } };
    const { url, client, receiver, runOf } = await arrange({ plan });

    await post(url, runOf('job_1'));
    await client.waitFor('job_1', 'idle');

    expect(receiver.statuses()).toEqual([
      'AUDIO_EXTRACTING',
      'AUDIO_EXTRACTING',
      'AUDIO_READY',
      'AUDIO_READY',
    ]);
    expect(new Set(receiver.seen.map(({ body }) => body.event_id)).size).toBe(2);
  });

  test('reordered callbacks arrive in swapped pairs and keep their true times', async () => {
    const plan: Plan = { pipeline: { reorder: true, heartbeats: 0, stop_after: 'TRANSCRIPT_READY' } };
    const { url, client, receiver, runOf } = await arrange({ plan });

    await post(url, runOf('job_1'));
    await client.waitFor('job_1', 'idle');

    expect(receiver.statuses()).toEqual([
      'AUDIO_READY',
      'AUDIO_EXTRACTING',
      'TRANSCRIPT_READY',
      'TRANSCRIBING',
    ]);
    const inTime = receiver.seen
      .map(({ body }) => body)
      .sort((a, b) => (a.occurred_at < b.occurred_at ? -1 : 1));
    expect(inTime.map(({ status }) => status)).toEqual([
      'AUDIO_EXTRACTING',
      'AUDIO_READY',
      'TRANSCRIBING',
      'TRANSCRIPT_READY',
    ]);
  });

  test('a reordered callback that came too early is sent again after its predecessor', async () => {
    const plan: Plan = { pipeline: { reorder: true, stop_after: 'AUDIO_READY' } };
    const { url, client, receiver, runOf } = await arrange({ plan });
    receiver.answers.push({ status: 409, errorCode: 'FSM_TRANSITION_INVALID' });

    await post(url, runOf('job_1'));
    const { executions } = await client.waitFor('job_1', 'idle');

    expect(receiver.statuses()).toEqual(['AUDIO_READY', 'AUDIO_EXTRACTING', 'AUDIO_READY']);
    expect(executions.map(({ state }) => state)).toEqual(['finished']);
  });

  test('a callback is repeated with the same event_id until the receiver takes it', async () => {
    const { url, client, receiver, runOf } = await arrange({
      plan: { pipeline: { stop_after: 'AUDIO_EXTRACTING' } },
    });
    receiver.answers.push({ status: 503 }, 'destroy', { status: 429 });

    await post(url, runOf('job_1'));
    const { callbacks, executions } = await client.waitFor('job_1', 'idle');

    expect(callbacks.map(({ answer }) => answer)).toEqual([503, 'unreachable', 429, 204]);
    expect(new Set(callbacks.map(({ event_id }) => event_id)).size).toBe(1);
    expect(executions.map(({ state }) => state)).toEqual(['finished']);
  });

  test.each([
    [401, 'UNAUTHENTICATED'],
    [409, 'DISPATCH_NOT_CURRENT'],
    [409, 'FSM_TERMINAL_IMMUTABLE'],
    [400, 'VALIDATION_ERROR'],
  ])('a pipeline stops when its callback is refused with %i %s', async (status, errorCode) => {
    const { url, client, receiver, runOf } = await arrange();
    receiver.answers.push({ status, errorCode });

    await post(url, runOf('job_1'));
    const { executions, callbacks } = await client.waitFor('job_1', 'idle');

    expect(executions).toMatchObject([{ state: 'stopped', reason: `${status} ${errorCode}` }]);
    expect(callbacks).toMatchObject([{ answer: status, error_code: errorCode }]);
  });
});

describe('cancel', () => {
  test('a cancel stops the pipeline of its dispatch', async () => {
    const { url, client, receiver, runOf } = await arrange({
      plan: { pipeline: { pause_before: 'AUDIO_READY' } },
    });
    const run = runOf('job_1');
    await post(url, run);
    await client.waitFor('job_1', 'held');

    const cancel = await post(url, cancelOf(run));
    const again = await post(url, cancelOf(run));
    const { executions, cancels } = await client.waitFor('job_1', 'idle');

    expect([cancel.status, again.status]).toEqual([202, 200]);
    expect(executions.map(({ state }) => state)).toEqual(['cancelled']);
    expect(cancels).toMatchObject([{ dispatch_id: run.dispatch_id, stopped: true }]);
    expect(receiver.statuses()).toEqual(['AUDIO_EXTRACTING']);
  });

  test('a dispatch that arrives after its cancel is not executed', async () => {
    const { url, client, runOf } = await arrange();
    const run = runOf('job_1');

    await post(url, cancelOf(run));
    const late = await post(url, run);

    expect([late.status, await late.json()]).toEqual([200, { execution_id: null, cancelled: true }]);
    expect((await client.log('job_1')).executions).toEqual([]);
  });

  test('a cancel has answers of its own', async () => {
    const plan: Plan = { cancel_answers: [{ kind: 'error', status: 503 }], pipeline: { manual: true } };
    const { url, client, runOf } = await arrange({ plan });
    const run = runOf('job_1');

    const statuses = [
      (await post(url, run)).status,
      (await post(url, cancelOf(run))).status,
      (await post(url, cancelOf(run))).status,
    ];

    expect(statuses).toEqual([202, 503, 202]);
    expect((await client.log('job_1')).cancels).toHaveLength(1);
  });
});

describe('planned answers', () => {
  test('answers are used up one per request, then dispatches are accepted', async () => {
    const { url, client, runOf } = await arrange({
      plan: {
        answers: [
          { kind: 'refuse', status: 422, body: { no: true } },
          { kind: 'error', status: 503, retry_after: 7 },
          { kind: 'redirect', location: 'http://elsewhere.example/' },
        ],
      },
    });
    const run = runOf('job_1');

    const refused = await post(url, run);
    const error = await post(url, run);
    const redirect = await post(url, run);
    const executionsBefore = (await client.log('job_1')).executions;
    const accepted = await post(url, run);

    expect([refused.status, await refused.json()]).toEqual([422, { no: true }]);
    expect([error.status, error.headers.get('retry-after')]).toEqual([503, '7']);
    expect([redirect.status, redirect.headers.get('location')]).toEqual([307, 'http://elsewhere.example/']);
    expect(executionsBefore).toEqual([]);
    expect(accepted.status).toBe(202);
  });

  test('the last answer sticks when the plan says so', async () => {
    const plan: Plan = { answers: [{ kind: 'error', status: 500 }], repeat_last: true };
    const { url, runOf } = await arrange({ plan });

    const statuses = [
      (await post(url, runOf('job_1'))).status,
      (await post(url, runOf('job_1'))).status,
      (await post(url, runOf('job_1'))).status,
    ];

    expect(statuses).toEqual([500, 500, 500]);
  });

  test('each job uses up the default plan on its own', async () => {
    const { url, client, runOf } = await arrange();
    await client.plan('default', { answers: [{ kind: 'error', status: 500 }] });

    const statuses = [(await post(url, runOf('job_1'))).status, (await post(url, runOf('job_2'))).status];

    expect(statuses).toEqual([500, 500]);
  });

  test('a hung dispatch is never answered and never executed', async () => {
    const { url, client, runOf } = await arrange({ plan: { answers: [{ kind: 'hang' }] } });
    const caller = new AbortController();

    const hung = post(url, runOf('job_1'), { signal: caller.signal });
    await client.waitFor('job_1', 'requests');
    caller.abort();

    await expect(hung).rejects.toThrow();
    const log = await client.waitFor('job_1', 'idle');
    expect(log.requests.map(({ answer }) => answer)).toEqual(['hung']);
    expect(log.executions).toEqual([]);
  });

  test('a late answer comes after the execution has begun', async () => {
    const plan: Plan = { answers: [{ kind: 'accept_late', delay_ms: 1 }], pipeline: { manual: true } };
    const { url, client, runOf } = await arrange({ plan });

    const response = await post(url, runOf('job_1'));

    expect(response.status).toBe(202);
    expect((await client.log('job_1')).executions).toHaveLength(1);
  });

  test('a first callback can overtake the answer to its dispatch', async () => {
    const { url, client, receiver, runOf } = await arrange({
      plan: { answers: [{ kind: 'callback_first' }] },
    });

    const letGo = receiver.hold();
    const answer = post(url, runOf('job_1'));
    await receiver.arrived();
    const beforeCallbackIsAnswered = await client.log('job_1');
    letGo();

    expect(beforeCallbackIsAnswered.requests.map(({ answer }) => answer)).toEqual(['pending']);
    expect((await answer).status).toBe(202);
  });

  test('a garbage answer is a 200 that is not JSON, for a dispatch that was executed', async () => {
    const { url, client, runOf } = await arrange({ plan: { answers: [{ kind: 'garbage', bytes: 10_000 }] } });

    const response = await post(url, runOf('job_1'));

    expect([response.status, (await response.text()).length]).toEqual([200, 10_000]);
    expect((await client.log('job_1')).executions).toHaveLength(1);
  });
});

describe('a process of its own', () => {
  test('an execution survives kill -9, and its dispatch is not executed again', async () => {
    const logFile = join(temporaryFolder(), 'log.jsonl');
    const run = newRun('job_1', (await startReceiver()).url);
    const first = await startProcess(logFile);
    const accepted = await (await post(first.url, run)).json();
    await first.end('SIGKILL');

    const second = await startProcess(logFile);
    const repeat = await post(second.url, run);

    expect([repeat.status, await repeat.json()]).toEqual([200, accepted]);
    expect((await new OrchestratorClient(second.url).log('job_1')).executions).toHaveLength(1);
  });

  test('it ends cleanly on SIGTERM and never prints a token or secret', async () => {
    const run = newRun('job_1', (await startReceiver()).url);
    const child = await startProcess(join(temporaryFolder(), 'log.jsonl'));
    await post(child.url, run);
    await new OrchestratorClient(child.url).waitFor('job_1', 'callbacks', 1);

    const { exitCode, output } = await child.end('SIGTERM');

    expect(exitCode).toBe(0);
    expect(output).toContain(run.dispatch_id);
    expect(output).not.toContain(run.callback_token);
    expect(output).not.toContain(secret);
  });
});

describe('the control API', () => {
  test('a plan that does not fit is refused with the field named', async () => {
    const { url } = await arrange();

    const response = await fetch(`${url}/control/plans/job_1`, {
      method: 'PUT',
      body: JSON.stringify({ pipeline: { fail_att: 'TRANSCRIBING', step_ms: -1 } }),
    });

    expect(response.status).toBe(400);
    const text = await response.text();
    expect(text).toContain('fail_att');
    expect(text).toContain('pipeline.step_ms');
  });

  test('a wait that is not fulfilled ends with a timeout', async () => {
    const { client } = await arrange();

    await expect(client.waitFor('job_1', 'requests', 1, 1)).rejects.toThrow('504');
  });
});

/** Starts main.ts, and resolves once it has printed its address. */
async function startProcess(logFile: string) {
  const main = fileURLToPath(new URL('../support/orchestrator/main.ts', import.meta.url).href);
  const child = spawn(process.execPath, [main, '--step-ms', '0', '--log', logFile], {
    env: { ...process.env, DISPATCH_SIGNING_SECRET: secret },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  const lines: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      lines.push(line);
      const address = /^orchestrator listening on (http:\S+)$/.exec(line)?.[1];
      if (address) resolve(address);
    });
    void closed.then(() => reject(new Error('the orchestrator ended before it listened')));
  });
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    child.kill(signal);
    return { exitCode: await closed, output: lines.join('\n') };
  };
  cleanups.push(async () => {
    await end('SIGKILL');
  });
  return { url, end };
}

type Run = ReturnType<typeof newRun>;

async function arrange({ plan, options }: { plan?: Plan; options?: Partial<OrchestratorOptions> } = {}) {
  const receiver = await startReceiver();
  const orchestrator = await startOrchestrator({
    secrets: [secret],
    stepMs: 0,
    callbackBackoffMs: 1,
    quiet: true,
    ...options,
  });
  cleanups.push(orchestrator.close);
  const client = new OrchestratorClient(orchestrator.url);
  if (plan) await client.plan('job_1', plan);
  return {
    url: orchestrator.url,
    close: orchestrator.close,
    client,
    receiver,
    runOf: (jobId: string) => newRun(jobId, receiver.url),
  };
}

function newRun(jobId: string, callbackUrl: string) {
  return {
    type: 'job.run',
    dispatch_id: `dsp_${randomUUID()}`,
    job_id: jobId,
    project_id: 'prj_1',
    video_uri: 's3://videos/1.mp4',
    callback_url: callbackUrl,
    callback_token: `token-${randomUUID()}`,
  };
}

function cancelOf(run: Run) {
  return { ...run, type: 'job.cancel' };
}

type PostOptions = { secret?: string; headers?: Record<string, string>; signal?: AbortSignal };

function post(
  url: string,
  dispatch: Partial<Run> & Record<string, unknown>,
  options: PostOptions = {},
): Promise<Response> {
  const body = JSON.stringify(dispatch);
  const key = dispatch.type === 'job.cancel' ? `${dispatch.dispatch_id}.cancel` : `${dispatch.dispatch_id}`;
  return fetch(`${url}/dispatches`, {
    method: 'POST',
    headers: { ...signed(key, body, options.secret ?? secret), ...options.headers },
    body,
    redirect: 'manual',
    ...(options.signal ? { signal: options.signal } : {}),
  });
}

function signed(key: string, body: string, by: string): Record<string, string> {
  const now = new Date();
  return {
    'content-type': 'application/json',
    'idempotency-key': key,
    'webhook-id': key,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': new Webhook(by).sign(key, now, body),
  };
}

function newSecret(): string {
  return `whsec_${randomBytes(24).toString('base64')}`;
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'orchestrator-'));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Takes callbacks with 204, unless `answers` holds something else for the next ones. */
async function startReceiver() {
  const seen: { authorization: string | undefined; body: CallbackBody }[] = [];
  const answers: ({ status: number; errorCode?: string } | 'destroy')[] = [];
  const arrival = Promise.withResolvers<void>();
  let held: Promise<void> = Promise.resolve();

  const server = createServer(async (request, response) => {
    seen.push({ authorization: request.headers.authorization, body: JSON.parse(await textOf(request)) });
    arrival.resolve();
    await held;
    const answer = answers.shift() ?? { status: 204 };
    if (answer === 'destroy') {
      response.destroy();
      return;
    }
    response.writeHead(answer.status, { 'content-type': 'application/problem+json' });
    response.end(answer.errorCode ? JSON.stringify({ error_code: answer.errorCode }) : undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the receiver has no port');

  return {
    url: `http://127.0.0.1:${address.port}/callback`,
    seen,
    answers,
    statuses: () => seen.map(({ body }) => body.status),
    bodyOf: (status: CallbackBody['status']): CallbackBody => {
      const found = seen.find(({ body }) => body.status === status);
      if (!found) throw new Error(`no callback with ${status}`);
      return found.body;
    },
    arrived: () => arrival.promise,
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
