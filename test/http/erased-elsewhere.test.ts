// Whoever else knows a job lets go of it when it is erased: the operations over it, its external id and tags, and those who look on.
import { env, runInDurableObject } from 'cloudflare:test';
import { describe, expect, test } from 'vitest';
import { ActingJob, failedAfter, newHome, until } from '../support/workerd/acting.ts';
import { ActingOperation, failedJobs } from '../support/workerd/bulk.ts';
import { allRows, call } from '../support/workerd/harness.ts';
import { watch } from '../support/workerd/viewing.ts';
import { away, leftOf, NOTHING } from './erasing.ts';

const ERASED = { code: 4410, reason: 'what was looked at has been erased' };
const heldByPipelines = { pipeline: { manual: true } };

/** All that the project of these jobs has stored, as text. */
const inProject = async (projectId: string): Promise<string> =>
  JSON.stringify(
    await runInDurableObject(env.PROJECT.getByName(projectId), (_actor, state) => allRows(state)),
  );

describe('an operation over an erased job', () => {
  test('keeps its place in the counts, and nothing of it', async () => {
    const { home, jobs } = await failedJobs(3, heldByPipelines);
    const [first] = jobs as [ActingJob];
    const operation = await ActingOperation.over(home, { max_in_flight: 1 });
    // Nothing is on the way to a job that has not begun.
    await until(async () => expect(await operation.items('in_flight')).toHaveLength(1));
    await operation.command('pause');
    const waiting = await operation.items('waiting');
    const job = jobs.find(({ id }) => waiting.some(({ job_id }) => job_id === id)) ?? first;

    expect((await job.erase()).status).toBe(204);

    expect(await operation.counts()).toMatchObject({ erased: 1 });
    expect(JSON.stringify(await operation.rows())).not.toContain(job.id);
    expect(JSON.stringify(await operation.items())).not.toContain(job.id);
    expect((await inProject(home.projectId)).split(job.id)).toHaveLength(2);
  });

  test('is told again until it can be reached', async () => {
    const { home, jobs } = await failedJobs(1, heldByPipelines);
    const [job] = jobs as [ActingJob];
    const operation = await ActingOperation.over(home);
    await operation.command('cancel');
    await call('POST', `/jobs/${job.id}/cancel`, { token: job.token });
    // Its pipeline hears of that first, and until then nobody else does of the erasure.
    await until(async () => {
      expect((await job.storedDispatches()).at(-1)?.cancelNotice?.state).not.toBe('PENDING');
    });
    const comesBack = away('OPERATION', 'forget');
    expect((await job.erase()).status).toBe(202);
    await job.alarm();
    expect((await leftOf(job)).tables).not.toEqual([]);
    comesBack();
    await job.alarm();
    expect(await leftOf(job)).toEqual(NOTHING);
    expect(JSON.stringify(await operation.rows())).not.toContain(job.id);
  });
});

test('the tags and the external id of an erased job are nobody’s, and another job may have that', async () => {
  const { token, projectId } = await newHome();
  const path = `/projects/${projectId}/jobs`;
  const body = { external_id: 'take-1', tags: ['raw'], metadata: { camera: 'B' } };
  const { body: created } = await call('POST', path, { token, body });
  await new ActingJob(created.id, projectId, token).erase();

  for (const query of ['external_id=take-1', 'tag=raw', ''])
    expect((await call('GET', `${path}?${query}`, { token })).body.items).toEqual([]);
  const counts = await call('GET', `/projects/${projectId}/counts`, { token });
  expect(counts.body.by_status.CREATED).toBe(0);
  expect(await inProject(projectId)).not.toMatch(/take-1|raw|camera/);
  expect((await call('POST', path, { token, body })).status).toBe(201);
});

describe('who looks on', () => {
  test('at an erased job is sent away', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    const viewer = await watch(`/jobs/${job.id}/events`, job);
    await job.erase();
    expect(await viewer.end()).toEqual(ERASED);
    expect(await leftOf(job)).toEqual(NOTHING);
  });

  test('at an erased project is sent away', async () => {
    const { token, projectId } = await newHome();
    const viewer = await watch(`/projects/${projectId}/events`, { token });
    expect((await call('DELETE', `/projects/${projectId}`, { token })).status).toBe(204);
    expect(await viewer.end()).toEqual(ERASED);
  });

  test('at the project of an erased job is told that it has gone, and how many are left', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    const viewer = await watch(`/projects/${job.projectId}/events`, job);
    await viewer.until(({ records }) => records.some(({ type }) => type === 'counts'));
    await job.erase();
    await viewer.until((seen) => seen.of('counts').at(-1)?.by_status.FAILED === 0);
    expect(viewer.records.filter(({ type }) => type === 'erased')).toEqual([
      { type: 'erased', job_id: job.id },
    ]);
    expect(viewer.closed).toBeNull();
  });
});
