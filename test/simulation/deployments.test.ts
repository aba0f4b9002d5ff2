// Objects that another version of the service has stored: what the simulation leaves out of their records, and one that is
// of a version that is not known yet.
import { expect, test, vi } from 'vitest';
import { JobActor } from '../../src/actor/job-actor.ts';
import { decodeDispatch, decodePresent } from '../../src/actor/records.ts';
import { JOB_SCHEMA } from '../../src/actor/schema-job.ts';
import { confirmUpload, retry } from '../domain/builders.ts';
import { RULES } from '../domain/memory-job.ts';
import { Chance } from './chance.ts';
import { SimulatedObject } from './simulated-object.ts';
import { leaveOutDefaults, MAY_BE_MISSING } from './stored.ts';
import { Timeline } from './timeline.ts';
import { PROJECT } from './world.ts';

vi.mock('../../src/config.ts', () => ({
  requireConfig: () => ({ rules: RULES, orchestratorTimeoutMs: 2_500 }),
}));
vi.mock('../../src/log.ts', () => ({ log: () => {}, describeError: String }));

const ENV = {
  DISPATCHES: { send: async () => {} },
  PROJECT: { getByName: () => ({ putSummary: async () => {} }) },
} as unknown as Env;
const JOB_ID = 'job_of_another_version';

async function uploaded(): Promise<SimulatedObject> {
  const chance = new Chance({ faults: [], delays: [] });
  const object = new SimulatedObject(new Timeline(), chance, (ctx) => new JobActor(ctx, ENV));
  await object.invoke('create', [{ id: JOB_ID, ...PROJECT, ownerIdentity: null, requestDigest: null }]);
  await object.invoke('confirmUpload', [confirmUpload()]);
  object.reset();
  return object;
}
const rowsOf = (object: SimulatedObject) => [
  object.rows('SELECT * FROM job'),
  object.rows('SELECT * FROM history'),
];

test('every field that a record of before may lack is left out of those that the simulation deploys over', () => {
  const bare = { v: 2, job: {}, newest: {} };
  const { job, newest, previous } = decodePresent(JSON.stringify(bare));
  expect(job).toEqual(MAY_BE_MISSING.job);
  expect(previous).toBeNull();
  expect(decodePresent(JSON.stringify({ ...bare, previous: {} })).previous).toEqual(MAY_BE_MISSING.dispatch);
  const failed = decodePresent(JSON.stringify({ v: 2, job: { failure: {} }, newest: null }));
  expect(failed.job.failure).toEqual(MAY_BE_MISSING.failure);
  expect(newest).toEqual(MAY_BE_MISSING.dispatch);
  expect(decodeDispatch(JSON.stringify({ v: 2 }))).toEqual(MAY_BE_MISSING.dispatch);
});

test('a job whose records lack whatever they may is the same job', async () => {
  const object = await uploaded();
  const shown = await object.invoke('show', [PROJECT.owner]);
  object.reset();
  const [before] = object.rows('SELECT record FROM job');
  leaveOutDefaults(object);
  expect(object.rows('SELECT record FROM job')).not.toEqual([before]);
  expect(await object.invoke('show', [PROJECT.owner])).toEqual(shown);
  object.close();
});

test('an object that a newer version has stored is not touched, and goes on once that is known', async () => {
  const object = await uploaded();
  object.rewrite('UPDATE job SET schema = ?', JOB_SCHEMA.version + 1);
  const before = rowsOf(object);
  for (const [method, ...args] of [
    ['show', PROJECT.owner],
    ['dispatch', retry('dsp_1'), 0],
    ['applyCallback', {}],
    ['claim', 'dsp_1', 'dispatch'],
    ['alarm'],
  ] as [string, ...unknown[]][]) {
    await expect(object.invoke(method, args)).rejects.toThrow(`known is ${JOB_SCHEMA.version}`);
    expect(rowsOf(object)).toEqual(before);
  }
  object.rewrite('UPDATE job SET schema = ?', JOB_SCHEMA.version);
  expect(await object.invoke('show', [PROJECT.owner])).toMatchObject({ ok: true });
  object.close();
});
