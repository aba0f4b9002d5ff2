// The service as it ships, with an orchestrator that calls back over a real socket; and the demo, under wrangler dev.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { Child } from '../support/child.ts';
import { Editor } from '../support/editor.ts';
import { Visitor } from '../support/identity/visitor.ts';
import { fetchAlone } from '../support/own-connection.ts';
import { startService } from '../support/service.ts';
import { Stack } from './stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
});
afterAll(() => stack.stop());

test('npm run demo tells the whole story, and its exit status says that every fact held', async () => {
  const demo = new Child([join(import.meta.dirname, 'demo.ts')]);
  onTestFinished(() => demo.kill());
  expect(await demo.exited, demo.output).toBe('exit status 0');
  for (const fact of [
    'another writer keeps the transcript',
    'another transcriber keeps the audio alone',
    'it resumes from the first transcript',
    'passed over: transcript 1 has lost its file',
    'what she has seen can no longer be done, so nothing is',
    'exactly four executions',
    'who has not seen her correction cannot overwrite it',
    'what would pass over it is refused',
    'the job is done, in both formats',
    'thirty failed by the outage, and two by their video',
    'the dry run has found the thirty, and would keep the transcript of each',
    'all thirty are done, and the list says the same',
    'exactly one execution of each, never more than ten at once',
  ])
    expect(demo.output).toContain(fact);
  expect(demo.output).not.toMatch(/rtk1\.|eyJ|whsec_/);
});

test('npm run demo -- --keep leaves what it has played running, for whoever signs in, until it is interrupted', async () => {
  const demo = new Child([join(import.meta.dirname, 'demo.ts'), '--keep']);
  onTestFinished(() => demo.kill());
  const [url = ''] = /http:\S+(?=\/console\/)/.exec(await demo.line(/^The console is at /)) ?? [];
  const alice = new Visitor();
  expect(await alice.signIn(url, 'alice')).toBe(`${url}/console/`);
  const { items } = (await (await alice.ask(`${url}/projects`)).json()) as { items: unknown[] };
  expect(items.length).toBeGreaterThan(0);
  expect((await alice.ask(`${url}/console/`)).status).toBe(200);

  await demo.stop();

  expect(await demo.exited).toBe('exit status 130');
  await expect(fetchAlone(url)).rejects.toThrow('fetch failed');
  expect(demo.output).toContain('Ctrl-C stops everything');
});

test('with the orchestrator down nothing changes, and the same request works once it is back', async () => {
  const alice = await stack.editor('alice');
  const jobId = await alice.uploadedJob();
  await stack.orchestrator.client.plan(jobId, { pipeline: { fail_at: 'TRANSCRIBING' } });
  await alice.run(jobId);
  await alice.settledJob(jobId);
  const request = { model_profile: 'balanced', client_request_id: 'retry-1' };
  const before = await alice.call('GET', `/jobs/${jobId}`);

  await stack.stopOrchestrator();
  const refused = await alice.retry(jobId, request, { prefer: 'wait=3' });
  expect(refused).toMatchObject({ status: 502, body: { error_code: 'ORCHESTRATOR_DISPATCH_FAILED' } });
  const after = await alice.call('GET', `/jobs/${jobId}`);
  expect([after.body, after.headers.get('etag')]).toEqual([before.body, before.headers.get('etag')]);

  await stack.startOrchestrator();
  expect((await alice.retry(jobId, request)).status).toBe(202);
  expect(await alice.settledJob(jobId)).toMatchObject({ status: 'DRAFT_READY' });
});

test('a pipeline that reports everything twice and out of turn still ends in one draft', async () => {
  const alice = await stack.editor('alice');
  const jobId = await alice.uploadedJob();
  await stack.orchestrator.client.plan(jobId, { pipeline: { duplicate: true, reorder: true } });
  expect((await alice.run(jobId)).status).toBe(202);
  await alice.jobWhen(jobId, 'drafted', ({ status }) => status === 'DRAFT_READY');
  const { callbacks } = await stack.orchestrator.client.waitFor(jobId, 'idle');
  const answers = callbacks.map(({ answer, error_code }) => error_code ?? answer);
  expect(answers).toEqual(
    expect.arrayContaining([204, 200, 'CALLBACK_OUT_OF_ORDER', 'FSM_TRANSITION_INVALID']),
  );
  const { items } = await alice.get(`/jobs/${jobId}/transitions`);
  const drafts = items.filter(({ new_status }: { new_status: string }) => new_status === 'DRAFT_READY');
  expect(drafts).toHaveLength(1);
});

test('a pipeline that dies silently fails its job by the alarm, and the job can be retried', async () => {
  const hasty = await Stack.start({ vars: { ACK_TIMEOUT_SECONDS: 1, STAGE_TIMEOUT_SECONDS: 1 } });
  onTestFinished(() => hasty.stop());
  const alice = await hasty.editor('alice');
  const jobId = await alice.uploadedJob();
  await hasty.orchestrator.client.plan(jobId, { pipeline: { die_at: 'TRANSCRIBING' } });
  await alice.run(jobId);
  const failed = await alice.jobWhen(jobId, 'failed', ({ status }) => status === 'FAILED');
  expect(failed).toMatchObject({ failure: { failure_code: 'ORCHESTRATOR_TIMEOUT' }, open_dispatch: null });
  await hasty.orchestrator.client.plan(jobId, {});
  const retried = await alice.retry(jobId, { model_profile: 'balanced', client_request_id: 'retry-1' });
  expect(retried).toMatchObject({ status: 202, body: { resume_from_status: 'AUDIO_READY' } });
  expect(await alice.settledJob(jobId)).toMatchObject({ status: 'DRAFT_READY' });
});

test('a cancel stops the pipeline at the orchestrator', async () => {
  const alice = await stack.editor('alice');
  const jobId = await alice.uploadedJob();
  await stack.orchestrator.client.plan(jobId, { pipeline: { pause_before: 'TRANSCRIBING' } });
  await alice.run(jobId);
  await alice.jobWhen(jobId, 'extracted', ({ status }) => status === 'AUDIO_READY');
  expect((await alice.call('POST', `/jobs/${jobId}/cancel`)).body.status).toBe('CANCELLED');
  await stack.orchestrator.client.waitFor(jobId, 'cancels');
  // The cancel is on record before its pipeline has come to its end.
  const { executions } = await stack.orchestrator.client.waitFor(jobId, 'idle');
  expect(executions).toMatchObject([{ state: 'cancelled' }]);
});

test('a service without settings of its own serves nobody, the holder of a development token included', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'retake-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const envFile = join(directory, 'empty.env');
  writeFileSync(envFile, '');
  const service = await startService({ envFile, persistTo: join(directory, 'state') });
  onTestFinished(() => service.stop());
  const alice = await Editor.named('alice', service.url);
  const reply = await alice.call('GET', '/projects');
  expect(reply).toMatchObject({ status: 503, body: { error_code: 'SERVICE_NOT_CONFIGURED' } });
  expect(await service.child.line(/service_not_configured/)).toMatch(/ORCHESTRATOR_URL.*CALLBACK_TOKEN_KEYS/);
});
