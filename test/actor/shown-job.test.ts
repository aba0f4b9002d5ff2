// What an editor is shown of a job: made once for all who look between two changes of it.
import { expect, test } from 'vitest';
import { ShownJob } from '../../src/actor/shown-job.ts';
import { type Job, newJob } from '../../src/domain/job.ts';
import { RULES } from '../domain/memory-job.ts';
import { newId } from '../support/ids.ts';

const aJob = (): Job =>
  newJob(
    { id: newId('job'), projectId: newId('prj'), owner: 'own_1', ownerIdentity: null, requestDigest: null },
    1_000,
  );

test('what is shown of a job is made once, however many look at it, and anew after each change', () => {
  const shown = new ShownJob();
  const job = aJob();
  const first = shown.of(job, null, RULES);
  expect(shown.of(job, null, RULES)).toBe(first);

  const moved = { ...job, revision: job.revision + 1 };
  const second = shown.of(moved, null, RULES);
  expect(second).not.toEqual(first);
  expect(shown.of(moved, null, RULES)).toBe(second);
});
