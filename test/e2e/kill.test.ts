// The runtime is killed for real: SIGKILL to wrangler dev and workerd, whose queue lives in memory. What was
// accepted has to arrive all the same, once, without anybody asking again.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Editor } from '../support/editor.ts';
import { Stack } from './stack.ts';

const ASYNC = { prefer: 'respond-async' };
const RETRY = { model_profile: 'balanced', client_request_id: 'retry-1' };

let stack: Stack;
let alice: Editor;
beforeEach(async () => {
  stack = await Stack.start();
  alice = await stack.editor('alice');
});
afterEach(() => stack.stop());

/** A job whose run failed while transcribing: one execution so far. */
async function failedJob(): Promise<string> {
  const jobId = await alice.uploadedJob();
  await stack.orchestrator.client.plan(jobId, { pipeline: { fail_at: 'TRANSCRIBING' } });
  await alice.run(jobId);
  expect(await alice.settledJob(jobId)).toMatchObject({ status: 'FAILED' });
  return jobId;
}

async function expectDraftAfterExecutions(jobId: string, types: string[]): Promise<void> {
  const job = await alice.settledJob(jobId);
  expect(job).toMatchObject({ status: 'DRAFT_READY', open_dispatch: null });
  const log = await stack.orchestrator.client.log(jobId);
  expect(log.executions.map(({ type }) => type)).toEqual(types);
}

describe('killed right after the 202, before the orchestrator was called', () => {
  test('an accepted run arrives after the restart, exactly once', async () => {
    const jobId = await alice.uploadedJob();
    await stack.stopOrchestrator();
    expect((await alice.run(jobId, ASYNC)).status).toBe(202);
    await stack.killService();
    await stack.startOrchestrator();
    await stack.startService();
    await stack.orchestrator.client.waitFor(jobId, 'executions', 1, 60_000);
    await expectDraftAfterExecutions(jobId, ['job.run']);
  });

  test('an accepted retry arrives after the restart, exactly once, and resumes from its checkpoint', async () => {
    const jobId = await failedJob();
    await stack.stopOrchestrator();
    const accepted = await alice.retry(jobId, RETRY, ASYNC);
    expect(accepted.status).toBe(202);
    await stack.killService();
    await stack.startOrchestrator();
    await stack.startService();
    const { executions } = await stack.orchestrator.client.waitFor(jobId, 'executions', 2, 60_000);
    expect(executions[1]).toMatchObject({ dispatch_id: accepted.body.dispatch_id });
    await expectDraftAfterExecutions(jobId, ['job.run', 'job.retry']);
    expect(accepted.body.resume_from_status).toBe('AUDIO_READY');
  });
});

describe('killed while the orchestrator is answering', () => {
  test('an accepted retry is settled after the restart under the same key: exactly one execution', async () => {
    const jobId = await failedJob();
    await stack.orchestrator.client.plan(jobId, { answers: [{ kind: 'hold' }] });
    expect((await alice.retry(jobId, RETRY, ASYNC)).status).toBe(202);
    await stack.orchestrator.client.waitFor(jobId, 'held');
    await stack.killService();
    await stack.startService();
    const { requests } = await stack.orchestrator.client.waitFor(jobId, 'requests', 3, 60_000);
    expect(requests[2]?.idempotency_key).toBe(requests[1]?.idempotency_key);
    await stack.orchestrator.client.release(jobId);
    await expectDraftAfterExecutions(jobId, ['job.run', 'job.retry']);
  });

  test('a waiting caller gets no answer, and the repeat of the request ends in exactly one execution', async () => {
    const jobId = await failedJob();
    await stack.orchestrator.client.plan(jobId, { answers: [{ kind: 'hold' }] });
    const unanswered = expect(alice.retry(jobId, RETRY, { prefer: 'wait=30' })).rejects.toThrow();
    await stack.orchestrator.client.waitFor(jobId, 'held');
    await stack.killService();
    await unanswered;
    await stack.orchestrator.client.release(jobId);
    await stack.startService();
    const repeat = await alice.retry(jobId, RETRY, { prefer: 'wait=30' });
    expect(repeat).toMatchObject({ status: 200, body: { replayed: true } });
    await expectDraftAfterExecutions(jobId, ['job.run', 'job.retry']);
  });
});
