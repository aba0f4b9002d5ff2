// What it costs to keep what whoever did a thing is called: not a row.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createdJob, until } from '../support/workerd/acting.ts';
import { call, editorToken } from '../support/workerd/harness.ts';
import { Meter } from '../support/workerd/meter.ts';

let meter: Meter;
beforeAll(async () => {
  meter = await Meter.start();
});
afterAll(() => meter.stop());

const quiet = () => until(async () => expect(meter.isQuiet()).toBe(true));

/** What acts of an editor with such a token cost, up to a correction of what a pipeline has made. */
async function costOf(claims: Record<string, unknown>) {
  const token = await editorToken(`editor-${crypto.randomUUID()}`, claims);
  const project = await call('POST', '/projects', { token, body: { name: 'Talks' } });
  const job = await createdJob({}, { token, projectId: project.body.id });
  await quiet();
  meter.reset();
  await job.confirm();
  await quiet();
  const run = await job.run();
  await (await job.pipeline(run.body.dispatch_id)).reportAll(
    'AUDIO_EXTRACTING',
    'AUDIO_READY',
    'TRANSCRIBING',
    'FAILED',
  );
  await quiet();
  await job.retry('again');
  await quiet();
  await job.post('cancel');
  await quiet();
  expect((await job.transitions()).at(-1)).toMatchObject({ actor_name: claims.name ?? null });
  const { rowsRead: _read, listCalls, listRows, ...counts } = meter.counts();
  // How many of its moves a list is told at once is by chance; what each costs is not.
  return { ...counts, rowsOfAPush: listRows / listCalls };
}

test('acts of who has a name cost the same rows, alarms and messages as of who has none', async () => {
  const nameless = await costOf({});
  expect(nameless.jobRows).toBeGreaterThan(0);
  // As large as it gets: a hundred characters of three bytes each.
  expect(await costOf({ name: '語'.repeat(100) })).toEqual(nameless);
});
