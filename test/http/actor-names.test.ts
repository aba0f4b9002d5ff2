// What whoever did a thing is called, beside their id: kept as it was then, shown wherever the id is, erased with the job. It informs,
// and decides nothing.
import { expect, onTestFinished, test, vi } from 'vitest';
import { type ActingJob, createdJob, type Home } from '../support/workerd/acting.ts';
import { ActingOperation, allProjectRows, FAILED, failedJob } from '../support/workerd/bulk.ts';
import { call, editorToken, storedRows } from '../support/workerd/harness.ts';
import { browse, cookieOf, OWN_PAGE, signedIn } from '../support/workerd/sessions.ts';
import { ask, StreamReader, watch } from '../support/workerd/viewing.ts';
import { corrected } from './editing.ts';
import { leftOf, NOTHING } from './erasing.ts';

const NAME = 'Zoë “Zed” Ångström <b>&</b>';

/** A project of an editor whose token says this of them. */
async function homeOf(claims: Record<string, unknown>): Promise<Home> {
  const actorId = `editor-${crypto.randomUUID()}`;
  const token = await editorToken(actorId, claims);
  const project = await call('POST', '/projects', { token, body: { name: 'Talks' } });
  expect(project.status).toBe(201);
  return { actorId, token, projectId: project.body.id };
}

const as = (job: ActingJob, token: string) => ({
  cancel: () => call('POST', `/jobs/${job.id}/cancel`, { token }),
  tag: (tag: string) => call('PATCH', `/jobs/${job.id}`, { token, body: { tags: [tag] } }),
});

test('it stands beside the id wherever that is shown: dispatches, attempts, versions, plans, the trail, operations and streams', async () => {
  const home = await homeOf({ name: NAME });
  const who = { actor_id: home.actorId, actor_name: NAME };
  const job = await failedJob(home, {}, 'GENERATING');
  await corrected(job, 'transcript', 1);
  const plan = await call('GET', `/jobs/${job.id}/retry-plan?model_profile=balanced`, home);
  expect(plan.body.plan?.resume?.made_by ?? plan.body.resume.made_by).toMatchObject(who);
  const operation = await ActingOperation.over(home, { filter: FAILED });
  await operation.untilCounts({ in_flight: 1, delivered: 1 });

  const viewer = await watch(`/jobs/${job.id}/events?after=0`, home);
  await viewer.until(({ seqs }) => seqs.length > 2);
  const trail = await job.transitions();
  const byEditor = trail.filter(({ actor_type }) => actor_type === 'editor');
  expect(byEditor.length).toBeGreaterThan(1);
  for (const entry of byEditor) expect(entry).toMatchObject(who);
  for (const entry of trail) if (entry.actor_type !== 'editor') expect(entry.actor_name).toBeNull();
  expect(viewer.of('transition')).toEqual(trail);
  expect(viewer.of('job').at(-1).open_dispatch).toMatchObject(who);

  for (const dispatch of await job.dispatches()) expect(dispatch).toMatchObject(who);
  for (const { dispatch } of (await job.get('/attempts')).items) expect(dispatch).toMatchObject(who);
  const versions = (await job.get('/artifacts')).items;
  expect(versions.at(-1).made_by).toEqual({ kind: 'editor', edits: 1, ...who });

  expect(await operation.get()).toMatchObject(who);
  expect((await call('GET', `/projects/${home.projectId}/operations`, home)).body.items).toMatchObject([who]);
  const ofProject = (await call('GET', `/projects/${home.projectId}/events`, home)).body.records;
  expect(ofProject.find(({ type }: { type: string }) => type === 'operation').operation).toMatchObject(who);
  const headers = { accept: 'text/event-stream' };
  const reader = new StreamReader(await ask(`/operations/${operation.id}/events`, { ...home, headers }));
  await reader.until(({ events }) => events.length > 0);
  expect(reader.events[0]?.data.operation).toMatchObject(who);
  await reader.leave();
});

test('a session has the name with which its editor signed in', async () => {
  const home = await homeOf({});
  const job = await createdJob({}, home);
  const cookie = await cookieOf(signedIn(home.actorId, { actorName: NAME }));
  const reply = await browse(cookie, `/jobs/${job.id}/cancel`, { method: 'POST', headers: OWN_PAGE });
  expect(reply.status).toBe(200);
  expect((await job.transitions()).at(-1)).toMatchObject({ actor_id: home.actorId, actor_name: NAME });
});

test.each([
  ['by nothing', {}, null],
  ['by a number, and by an address', { name: 7, email: 'zoe@acme.example' }, 'zoe@acme.example'],
  ['at length', { name: 'x'.repeat(3_000) }, 'x'.repeat(100)],
  ['by what would hide or turn what stands beside it', { name: '\u202Eevil\u0000\r\nline' }, 'evil line'],
  ['by what cannot be seen', { name: '\u200B\u2060' }, null],
])('an act is never refused for what its editor is called: %s', async (_what, claims, shown) => {
  const home = await homeOf(claims);
  const job = await createdJob({}, home);
  expect((await as(job, home.token).cancel()).status).toBe(200);
  expect((await job.transitions()).at(-1)).toMatchObject({ actor_id: home.actorId, actor_name: shown });
});

test('each entry has the name of its time, and two who are called the same are told apart by their ids', async () => {
  const organisation = { name: 'Sam Lee' };
  const home = await homeOf(organisation);
  const job = await createdJob({}, home);
  await as(job, home.token).tag('one');
  await as(job, await editorToken(home.actorId, { name: 'Sam Lee-Park' })).tag('two');
  await as(job, await editorToken(home.actorId)).tag('three');
  const names = (await job.transitions()).map(({ actor_id, actor_name }) => [actor_id, actor_name]);
  expect(names).toEqual([
    [home.actorId, 'Sam Lee'],
    [home.actorId, 'Sam Lee-Park'],
    [home.actorId, null],
  ]);
  const other = await createdJob({}, await homeOf(organisation));
  expect((await call('GET', `/jobs/${job.id}`, { token: other.token })).status).toBe(404);
});

test('a request is the same under whatever name it comes again', async () => {
  const home = await homeOf({ name: 'Sam Lee' });
  const job = await failedJob(home);
  const body = { model_profile: 'balanced', client_request_id: 'first' };
  const first = await call('POST', `/jobs/${job.id}/retry`, { token: home.token, body });
  expect(first.status).toBe(202);
  const token = await editorToken(home.actorId, { name: 'Sam Lee-Park' });
  const again = await call('POST', `/jobs/${job.id}/retry`, { token, body });
  expect(again.body).toMatchObject({ replayed: true, dispatch_id: first.body.dispatch_id });
  expect((await job.dispatches())[0]).toMatchObject({ actor_name: 'Sam Lee' });

  const bulk = { model_profile: 'balanced', client_request_id: 'bulk', filter: FAILED };
  const path = `/projects/${home.projectId}/retries`;
  const begun = await call('POST', path, { token: home.token, body: bulk });
  const repeated = await call('POST', path, { token, body: bulk });
  expect([begun.status, repeated.status]).toEqual([202, 200]);
  expect(repeated.body).toMatchObject({ id: begun.body.id, actor_name: 'Sam Lee' });
});

test('it is in no line of the log, goes to no orchestrator, and is gone with the job', async () => {
  const spies = (['log', 'warn', 'error'] as const).map((level) => vi.spyOn(console, level));
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore();
  });
  const home = await homeOf({ name: NAME });
  const job = await failedJob(home);
  const operation = await ActingOperation.over(home);
  await operation.untilCounts({ in_flight: 1, delivered: 1 });
  const [retry] = await job.dispatches();
  await (await job.pipeline(retry.dispatch_id)).reportAll('AUDIO_EXTRACTING', 'FAILED');
  await operation.untilState('done');
  const kept = JSON.stringify(await storedRows(job.id));
  expect(kept).toContain('Ångström');
  expect(JSON.stringify(await job.requests())).not.toContain('Ångström');

  expect((await job.erase()).status).toBe(204);
  expect(await leftOf(job)).toEqual(NOTHING);
  const left = Object.entries(await allProjectRows(home)).filter(([table]) => table !== 'operation');
  expect(JSON.stringify(left)).not.toContain('Ångström');
  const lines = spies.flatMap(({ mock }) => mock.calls.flat().map(String));
  expect(lines.length).toBeGreaterThan(3);
  expect(lines.filter((line) => line.includes('ngstr'))).toEqual([]);
});
