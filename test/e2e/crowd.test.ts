// Many dispatches at once, under wrangler dev: neither an orchestrator that hangs nor a crowd of somebody else's dispatches
// keeps one waiting that could be delivered.
import { afterEach, expect, test } from 'vitest';
import type { Editor } from '../support/editor.ts';
import type { Answer } from '../support/orchestrator/plan.ts';
import { Stack } from './stack.ts';

const ASYNC = { prefer: 'respond-async' };

let stack: Stack;
afterEach(() => stack.stop());

/** Uploaded jobs of this editor, a few at a time made. */
async function uploadedJobs(editor: Editor, count: number): Promise<string[]> {
  const jobs: string[] = [];
  const make = async () => {
    while (jobs.length < count) jobs.push(await editor.uploadedJob());
  };
  await Promise.all(Array.from({ length: 8 }, make));
  return jobs.slice(0, count);
}

const answering = (answer: Answer) => ({ answers: [answer], repeat_last: true, pipeline: { manual: true } });

test('of forty runs at once, every other to an orchestrator that hangs, the twenty others are delivered within their wait', async () => {
  stack = await Stack.start();
  const alice = await stack.editor('alice');
  const jobs = await uploadedJobs(alice, 40);
  for (const [index, id] of jobs.entries()) {
    await stack.orchestrator.client.plan(id, answering({ kind: index % 2 === 0 ? 'hang' : 'accept' }));
  }

  const runs = await Promise.all(jobs.map((id) => alice.run(id)));

  const healthy = runs.filter((_, index) => index % 2 === 1);
  expect(healthy.map(({ status, body }) => [status, body.dispatch_state])).toEqual(
    Array(20).fill([202, 'DELIVERED']),
  );
  const hanging = runs.filter((_, index) => index % 2 === 0);
  expect(hanging.map(({ status, body }) => [status, body.details?.last_error])).toEqual(
    Array(20).fill([502, expect.stringMatching(/^The orchestrator gave no answer within \d+ ms\.$/)]),
  );
});

test('while two hundred runs of one owner wait for a slow orchestrator, another owner’s is delivered within its wait', async () => {
  // An orchestrator that is slow is no orchestrator that hangs: it is waited for.
  stack = await Stack.start({ vars: { ORCHESTRATOR_TIMEOUT_SECONDS: 5, MAX_OPEN_DELIVERIES: 40 } });
  const { client } = stack.orchestrator;
  await client.plan('default', answering({ kind: 'accept_late', delay_ms: 1_000 }));
  const [alice, bob] = await Promise.all([stack.editor('alice'), stack.editor('bob')]);
  const [bobs = ''] = await uploadedJobs(bob, 1);
  const jobs = await uploadedJobs(alice, 200);

  const crowd = await Promise.all(jobs.map((id) => alice.run(id, ASYNC)));
  const run = await bob.run(bobs);

  expect(crowd.map(({ status }) => status)).toEqual(Array(200).fill(202));
  expect(run).toMatchObject({ status: 202, body: { dispatch_state: 'DELIVERED' } });
  const { requests } = await client.log();
  // Else there was no crowd.
  expect(requests.length).toBeLessThan(200);
  for (const id of jobs) await client.waitFor(id, 'executions', 1, 60_000);
  expect((await client.log()).executions).toHaveLength(201);
});
