// Where objects are kept. The local runtime knows no jurisdictions, so namespaces that note what they are asked for
// stand in for Cloudflare's, and hand out this runtime's own objects.
import { createExecutionContext, createMessageBatch, env } from 'cloudflare:test';
import { expect, test } from 'vitest';
import worker from '../../src/index.ts';
import { createdJob, jobAt } from '../support/workerd/acting.ts';

function keptIn(jurisdiction: string) {
  const asked = new Set<string>();
  const within = <T extends Rpc.DurableObjectBranded>(
    name: string,
    namespace: DurableObjectNamespace<T>,
  ): DurableObjectNamespace<T> =>
    ({
      jurisdiction: (where: string) => {
        asked.add(`${name} in ${where}`);
        return namespace;
      },
    }) as unknown as DurableObjectNamespace<T>;
  const kept: Env = {
    ...env,
    JURISDICTION: jurisdiction,
    JOB: within('JOB', env.JOB),
    PROJECT: within('PROJECT', env.PROJECT),
    WORKSPACE: within('WORKSPACE', env.WORKSPACE),
  };
  return { kept, asked };
}

const ask = (environment: Env, token: string, method: string, path: string, body?: unknown) =>
  worker.fetch(
    new Request(`http://127.0.0.1:8787${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
    environment,
    createExecutionContext(),
  );

test.each(['eu', 'fedramp'])(
  'with the jurisdiction %s no object is spoken to outside of it',
  async (where) => {
    const { kept, asked } = keptIn(where);
    const { job, pipeline, dispatchId } = await jobAt('TRANSCRIBING');
    const jobs = `/projects/${job.projectId}/jobs`;
    const requests: [status: number, method: string, path: string, body?: unknown][] = [
      [201, 'POST', '/projects', { name: 'Talks' }],
      [200, 'GET', '/projects'],
      [200, 'GET', `/projects/${job.projectId}`],
      [201, 'POST', jobs],
      [200, 'GET', jobs],
      [200, 'GET', `/jobs/${job.id}`],
      [200, 'GET', `/jobs/${job.id}/dispatches`],
      [200, 'GET', `/jobs/${job.id}/transitions`],
      [409, 'POST', `/jobs/${job.id}/confirm-upload`, { video_uri: 's3://media/another.mp4' }],
      [200, 'POST', `/jobs/${job.id}/run`],
      [409, 'POST', `/jobs/${job.id}/retry`, { model_profile: 'balanced', client_request_id: 'first' }],
      [200, 'POST', `/jobs/${job.id}/cancel`],
    ];

    for (const [status, method, path, body] of requests) {
      expect((await ask(kept, job.token, method, path, body)).status, `${method} ${path}`).toBe(status);
    }
    const report = pipeline.body('TRANSCRIBING');
    const reported = await ask(kept, pipeline.token, 'POST', `/internal/jobs/${job.id}/status`, report);
    expect(reported.status).toBe(409);
    const body = { job_id: job.id, dispatch_id: dispatchId, kind: 'dispatch', owner: 'own_alice' };
    for (const queue of ['retake-dispatches', 'retake-dead-letters']) {
      await worker.queue(
        createMessageBatch(queue, [{ id: 'one', timestamp: new Date(), attempts: 1, body }]),
        kept,
        createExecutionContext(),
      );
    }

    expect([...asked].sort()).toEqual([`JOB in ${where}`, `PROJECT in ${where}`, `WORKSPACE in ${where}`]);
  },
);

test('a runtime that knows no jurisdictions refuses what needs an object, rather than keep it anywhere', async () => {
  const { id, token } = await createdJob();

  const reply = await ask({ ...env, JURISDICTION: 'eu' }, token, 'GET', `/jobs/${id}`);

  expect(reply.status).toBe(500);
  expect(await reply.json()).toMatchObject({ error_code: 'INTERNAL' });
});
