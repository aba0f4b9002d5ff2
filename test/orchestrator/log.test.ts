// What the local orchestrator tells and keeps: whom it turns away, its log, what of it outlives the process, and how
// tests reach it. Every other test of dispatching relies on these.
import { appendFileSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { JobUnderTest } from '../conformance/job-under-test.ts';
import { type OrchestratorProcess, startOrchestratorProcess } from '../support/service.ts';
import { arrange, newSecret, post, secret, startReceiver, statusesOf, temporaryFolder } from './arrange.ts';

/** A page of another name that leads to this machine asks so: from here, and by its own name. */
const statusByName = (url: string, host: string) =>
  new Promise<number | undefined>((resolve, reject) => {
    get(url, { headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).once('error', reject);
  });

describe('who is turned away', () => {
  test('whoever does not sign is in the log as a rejection, and nowhere else', async () => {
    const { url, client, jobWith } = await arrange();
    const { run } = await jobWith();

    const wrong = await post(url, run, { signedWith: newSecret() });
    const unsigned = await fetch(`${url}/dispatches`, { method: 'POST', body: JSON.stringify(run) });

    expect([wrong.status, unsigned.status]).toEqual([401, 401]);
    const log = await client.log();
    expect(log).toMatchObject({ requests: [], executions: [] });
    expect(log.rejections.map(({ status }) => status)).toEqual([401, 401]);
  });

  test.each([
    'evil.example',
    'evil.example:8788',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '192.168.1.7',
  ])(
    'who reaches /control by the name %j, which is not this machine’s, sees nothing of the log',
    async (host) => {
      const { url } = await arrange();

      expect(await statusByName(`${url}/control/log`, host)).toBe(403);
    },
  );

  test.each(['localhost', '127.0.0.1', 'LocalHost:1', '[::1]:8788'])(
    '/control answers to %s',
    async (host) => {
      const { url } = await arrange();

      expect(await statusByName(`${url}/control/log`, host)).toBe(200);
    },
  );

  test('a dispatch signed with any of several secrets is accepted', async () => {
    const older = newSecret();
    const { url, jobWith } = await arrange({ secrets: [secret, older] });
    const { run } = await jobWith();
    const { run: another } = await jobWith();

    const statuses = [
      (await post(url, run, { signedWith: secret })).status,
      (await post(url, another, { signedWith: older })).status,
    ];

    expect(statuses).toEqual([202, 202]);
  });

  test('a signed body that is no dispatch is refused with the field named', async () => {
    const { url, jobWith } = await arrange();
    const { run } = await jobWith();

    const response = await post(url, { ...run, video_uri: null });

    expect(response.status).toBe(400);
    expect(await response.text()).toContain('video_uri');
  });

  test('an Idempotency-Key that the signature does not cover is refused', async () => {
    const { url, jobWith } = await arrange();
    const { run } = await jobWith();

    const response = await post(url, run, { headers: { 'idempotency-key': 'another' } });

    expect(response.status).toBe(400);
  });

  test('a body over 1 MiB is refused', async () => {
    const { url, jobWith } = await arrange();
    const { run } = await jobWith();

    const response = await post(url, { ...run, padding: 'x'.repeat(1024 * 1024) });

    expect(response.status).toBe(413);
  });
});

describe('the log', () => {
  test('a report bears the id of its execution, rising times, and the fingerprint of its artifact', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith();

    const { execution_id } = (await (await post(url, run)).json()) as { execution_id: string };
    const { callbacks } = await client.waitFor(job.id, 'idle');

    expect(new Set(callbacks.map(({ body }) => body.correlation_id))).toEqual(new Set([execution_id]));
    const times = callbacks.map(({ body }) => body.occurred_at);
    expect(times).toEqual([...new Set(times)].sort());
    const audio = callbacks.find(({ status }) => status === 'AUDIO_READY')?.body.artifact_updates;
    expect(Object.keys(audio ?? {})).toEqual(['audio_uri', 'digest', 'size_bytes']);
  });

  test('every attempt to report is in it with its answer, under one event_id', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({ pipeline: { stop_after: 'AUDIO_EXTRACTING' } });
    const answers = [{ status: 503 }, 'drop' as const, { status: 429 }];
    job.respond = (_report, decide) => answers.shift() ?? decide();

    await post(url, run);
    const { callbacks, executions } = await client.waitFor(job.id, 'idle');

    expect(callbacks.map(({ attempt, answer }) => [attempt, answer])).toEqual([
      [1, 503],
      [2, 'unreachable'],
      [3, 429],
      [4, 204],
    ]);
    expect(new Set(callbacks.map(({ event_id }) => event_id)).size).toBe(1);
    expect(executions.map(({ state }) => state)).toEqual(['finished']);
  });

  test.each([
    [401, 'UNAUTHENTICATED'],
    [409, 'DISPATCH_NOT_CURRENT'],
    [409, 'FSM_TERMINAL_IMMUTABLE'],
    [409, 'MANIFEST_FULL'],
    [409, 'REPORTS_EXHAUSTED'],
    [400, 'VALIDATION_ERROR'],
  ] as const)('an execution that was stopped by %i %s says so', async (status, errorCode) => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith();
    job.respond = () => ({ status, errorCode });

    await post(url, run);
    const { executions, callbacks } = await client.waitFor(job.id, 'idle');

    expect(executions).toMatchObject([{ state: 'stopped', reason: `${status} ${errorCode}` }]);
    expect(callbacks).toMatchObject([{ answer: status, error_code: errorCode }]);
  });

  test('a cancel is in it once, with whether it stopped a pipeline', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({ pipeline: { pause_before: 'AUDIO_READY' } });
    await post(url, run);
    await client.waitFor(job.id, 'held');
    const notice = job.cancel(run, null);

    const statuses = [(await post(url, notice)).status, (await post(url, notice)).status];
    const { executions, cancels } = await client.waitFor(job.id, 'idle');

    expect(statuses).toEqual([202, 200]);
    expect(executions.map(({ state }) => state)).toEqual(['cancelled']);
    expect(cancels).toMatchObject([{ dispatch_id: run.dispatch_id, stopped: true }]);
  });

  test('keys, executions and cancels outlive the process when a log file is given', async () => {
    const logFile = join(temporaryFolder(), 'log.jsonl');
    const first = await arrange({ logFile });
    const { job, run } = await first.jobWith({ pipeline: { manual: true } });
    const { job: other, run: cancelled } = await first.jobWith();
    const accepted = await (await post(first.url, run)).json();
    await post(first.url, other.cancel(cancelled, null));
    await first.client.clear(job.id);
    await first.close();

    const second = await arrange({ logFile });
    const repeat = await post(second.url, run);
    const late = await post(second.url, cancelled);

    expect([repeat.status, await repeat.json()]).toEqual([200, accepted]);
    expect([late.status, await late.json()]).toEqual([200, { execution_id: null, cancelled: true }]);
    expect((await second.client.log()).executions).toEqual([]);
    expect((await second.client.log()).cancels).toHaveLength(1);
  });

  test('a pipeline that was running when the process ended is lost, not resumed, even after half a write', async () => {
    const logFile = join(temporaryFolder(), 'log.jsonl');
    const first = await arrange({ logFile });
    const { job, run } = await first.jobWith({ pipeline: { pause_before: 'AUDIO_READY' } });
    await post(first.url, run);
    await first.client.waitFor(job.id, 'held');
    await first.close();
    appendFileSync(logFile, '{"kind":"call');

    const second = await arrange({ logFile });

    const { executions, callbacks } = await second.client.waitFor(job.id, 'idle');
    expect(executions.map(({ state }) => state)).toEqual(['lost']);
    expect(callbacks.map(({ status }) => status)).toEqual(['AUDIO_EXTRACTING']);
    expect(statusesOf(job)).toEqual(['AUDIO_EXTRACTING']);
    const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).kind).slice(-2)).toEqual(['callback', 'ended']);
  });
});

describe('a process of its own', () => {
  async function start(logFile: string): Promise<OrchestratorProcess> {
    const orchestrator = await startOrchestratorProcess({
      logFile,
      stepMs: 0,
      signingSecret: secret,
      onLine: () => {},
    });
    onTestFinished(() => orchestrator.child.kill());
    return orchestrator;
  }
  const newJob = async (): Promise<JobUnderTest> => (await startReceiver())();

  test('an execution survives kill -9, and its dispatch is not executed again', async () => {
    const logFile = join(temporaryFolder(), 'log.jsonl');
    const job = await newJob();
    const run = await job.run();
    const first = await start(logFile);
    const accepted = await (await post(first.url, run)).json();
    await first.child.kill();

    const second = await start(logFile);
    const repeat = await post(second.url, run);

    expect([repeat.status, await repeat.json()]).toEqual([200, accepted]);
    expect((await second.client.log(job.id)).executions).toHaveLength(1);
  });

  test('it ends cleanly on SIGTERM and never prints a token or secret', async () => {
    const job = await newJob();
    const run = await job.run();
    const { url, client, child, stop } = await start(join(temporaryFolder(), 'log.jsonl'));
    await post(url, run);
    await client.waitFor(job.id, 'callbacks', 1);

    await stop();

    expect(await child.exited).toBe('exit status 0');
    expect(child.output).toContain(run.dispatch_id);
    expect(child.output).not.toContain(run.callback_token);
    expect(child.output).not.toContain(secret);
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
