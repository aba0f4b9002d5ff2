// The runtime is killed for real: SIGKILL to Miniflare and to workerd, whose queue lives in memory. What was
// accepted has to arrive all the same, once, without anybody asking again. Each test has processes of its own and waits
// for an alarm: they wait side by side.
import { describe, type ExpectStatic, type TestContext, test } from 'vitest';
import type { Editor } from '../support/editor.ts';
import { Stack } from './stack.ts';

const ASYNC = { prefer: 'respond-async' };
const RETRY = { model_profile: 'balanced', client_request_id: 'retry-1' };

/** What one test has for itself. */
interface Scene {
  stack: Stack;
  alice: Editor;
  expect: ExpectStatic;
}

async function start({ expect, onTestFinished }: TestContext): Promise<Scene> {
  const stack = await Stack.start();
  onTestFinished(() => stack.stop());
  return { stack, alice: await stack.editor('alice'), expect };
}

/** A job whose run failed while transcribing: one execution so far. */
async function failedJob({ stack, alice, expect }: Scene): Promise<string> {
  const jobId = await alice.uploadedJob();
  await stack.orchestrator.client.plan(jobId, { pipeline: { fail_at: 'TRANSCRIBING' } });
  await alice.run(jobId);
  expect(await alice.settledJob(jobId)).toMatchObject({ status: 'FAILED' });
  return jobId;
}

async function expectDraftAfterExecutions(
  { stack, alice, expect }: Scene,
  jobId: string,
  types: string[],
): Promise<void> {
  const job = await alice.settledJob(jobId);
  expect(job).toMatchObject({ status: 'DRAFT_READY', open_dispatch: null });
  const log = await stack.orchestrator.client.log(jobId);
  expect(log.executions.map(({ type }) => type)).toEqual(types);
}

describe.concurrent('killed right after the 202, before the orchestrator was called', () => {
  test('an accepted run arrives after the restart, exactly once', async (context) => {
    const scene = await start(context);
    const { stack, alice, expect } = scene;
    const jobId = await alice.uploadedJob();
    await stack.stopOrchestrator();
    expect((await alice.run(jobId, ASYNC)).status).toBe(202);
    await stack.killService();
    await stack.startOrchestrator();
    await stack.startService();
    await stack.orchestrator.client.waitFor(jobId, 'executions', 1, 60_000);
    await expectDraftAfterExecutions(scene, jobId, ['job.run']);
  });

  test('an accepted retry arrives after the restart, exactly once, and resumes from its checkpoint', async (context) => {
    const scene = await start(context);
    const { stack, alice, expect } = scene;
    const jobId = await failedJob(scene);
    await stack.stopOrchestrator();
    const accepted = await alice.retry(jobId, RETRY, ASYNC);
    expect(accepted.status).toBe(202);
    await stack.killService();
    await stack.startOrchestrator();
    await stack.startService();
    const { executions } = await stack.orchestrator.client.waitFor(jobId, 'executions', 2, 60_000);
    expect(executions[1]).toMatchObject({ dispatch_id: accepted.body.dispatch_id });
    await expectDraftAfterExecutions(scene, jobId, ['job.run', 'job.retry']);
    expect(accepted.body.resume_from_status).toBe('AUDIO_READY');
  });
});

describe.concurrent('killed while the orchestrator is answering', () => {
  test('an accepted retry is settled after the restart under the same key: exactly one execution', async (context) => {
    const scene = await start(context);
    const { stack, alice, expect } = scene;
    const jobId = await failedJob(scene);
    await stack.orchestrator.client.plan(jobId, { answers: [{ kind: 'hold' }] });
    expect((await alice.retry(jobId, RETRY, ASYNC)).status).toBe(202);
    await stack.orchestrator.client.waitFor(jobId, 'held');
    await stack.killService();
    await stack.startService();
    const { requests } = await stack.orchestrator.client.waitFor(jobId, 'requests', 3, 60_000);
    expect(requests[2]?.idempotency_key).toBe(requests[1]?.idempotency_key);
    await stack.orchestrator.client.release(jobId);
    await expectDraftAfterExecutions(scene, jobId, ['job.run', 'job.retry']);
  });

  test('a waiting caller gets no answer, and the repeat of the request ends in exactly one execution', async (context) => {
    const scene = await start(context);
    const { stack, alice, expect } = scene;
    const jobId = await failedJob(scene);
    await stack.orchestrator.client.plan(jobId, { answers: [{ kind: 'hold' }] });
    const unanswered = expect(alice.retry(jobId, RETRY, { prefer: 'wait=30' })).rejects.toThrow();
    await stack.orchestrator.client.waitFor(jobId, 'held');
    await stack.killService();
    await unanswered;
    await stack.orchestrator.client.release(jobId);
    await stack.startService();
    const repeat = await alice.retry(jobId, RETRY, { prefer: 'wait=30' });
    expect(repeat).toMatchObject({ status: 200, body: { replayed: true } });
    await expectDraftAfterExecutions(scene, jobId, ['job.run', 'job.retry']);
  });
});
