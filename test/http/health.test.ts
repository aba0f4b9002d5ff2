import { expect, test } from 'vitest';
import { call, editorToken } from '../support/workerd/harness.ts';

test('smoke', async () => {
  const token = await editorToken('alice');
  const project = await call('POST', '/projects', { token, body: { name: 'x' } });
  console.log(project.body);
  const job = await call('POST', `/projects/${project.body.id}/jobs`, { token });
  console.log(job.status, job.body);
  const up = await call('POST', `/jobs/${job.body.id}/confirm-upload`, {
    token,
    body: { video_uri: 's3://m/t.mp4' },
  });
  console.log(up.status, up.text);
  const run = await call('POST', `/jobs/${job.body.id}/run`, { token });
  console.log(run.status, run.text);
  expect(run.status).toBe(202);
  console.log((await call('GET', `/jobs/${job.body.id}/transitions`, { token })).text);
  console.log((await call('GET', `/projects/${project.body.id}/jobs`, { token })).text);
  console.log((await call('GET', '/openapi.json')).text.length);
  console.log((await call('DELETE', '/projects')).text);
});
