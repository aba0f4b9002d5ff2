// Many dispatches at once: neither an orchestrator that hangs nor a crowd of somebody else's dispatches
// keeps one waiting that could be delivered.
import { afterEach, expect, test } from 'vitest';
import type { Editor } from '../support/editor.ts';
import type { Answer } from '../support/orchestrator/plan.ts';
import { Stack } from './stack.ts';

const ASYNC = { prefer: 'respond-async' };

let stack: Stack;
afterEach(() => stack.stop());

/** Resolves when this was done as often as said, by a few at a time: what all ask at once a local runtime may lose. */
async function manyTimes(count: number, act: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const one = async () => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: 20 }, one));
}

/** As many uploaded jobs of this editor, in one project. */
async function uploadedJobs(editor: Editor, count: number): Promise<string[]> {
  const { id } = await editor.post('/projects', { name: 'Interviews' });
  const jobs: string[] = [];
  await manyTimes(count, async () => {
    const job = await editor.post(`/projects/${id}/jobs`);
    await editor.post(`/jobs/${job.id}/confirm-upload`, { video_uri: `s3://videos/${job.id}.mp4` });
    jobs.push(job.id);
  });
  return jobs;
}

const answering = (answer: Answer) => ({ answers: [answer], repeat_last: true, pipeline: { manual: true } });

test('of forty runs at once, every other to an orchestrator that hangs, the twenty others are delivered within their wait', async () => {
  stack = await Stack.start();
  const alice = await stack.editor('alice');
  const jobs = await uploadedJobs(alice, 40);
  const { client } = stack.orchestrator;
  await manyTimes(40, (index) =>
    client.plan(jobs[index] ?? '', answering({ kind: index % 2 === 0 ? 'hang' : 'accept' })),
  );

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
  // It is slow, and healthy: an attempt is given time enough.
  stack = await Stack.start({ vars: { ORCHESTRATOR_TIMEOUT_SECONDS: 10 } });
  const { client } = stack.orchestrator;
  await client.plan('default', answering({ kind: 'accept_late', delay_ms: 2_000 }));
  const [alice, bob] = await Promise.all([stack.editor('alice'), stack.editor('bob')]);
  const [bobs = ''] = await uploadedJobs(bob, 1);
  const jobs = await uploadedJobs(alice, 200);

  const crowd: number[] = [];
  await manyTimes(200, async (index) => {
    crowd.push((await alice.run(jobs[index] ?? '', ASYNC)).status);
  });
  const run = await bob.run(bobs);

  expect(crowd).toEqual(Array(200).fill(202));
  expect(run).toMatchObject({ status: 202, body: { dispatch_state: 'DELIVERED' } });
  const { requests } = await client.log();
  // Else nobody was waiting any more.
  expect(requests.length).toBeLessThan(200);
  // Nor does anybody of the crowd wait for ever.
  for (const id of jobs) await client.waitFor(id, 'executions', 1, 60_000);
  expect((await client.log()).executions).toHaveLength(201);
});
