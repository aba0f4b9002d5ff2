// What the local orchestrator makes, and what it leaves alone because the dispatch has it already.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { arrange, keepingStore, post, statusesOf } from './arrange.ts';

const HALF_WAY = { pipeline: { stop_after: 'TRANSCRIPT_READY', heartbeats: 0 } } as const;

test('what is made says which model made it and of what, and is reported with its own digest and size', async () => {
  const objects = new Map<string, string>();
  const storeUrl = await keepingStore(objects);
  const { url, client, jobWith } = await arrange({ storeUrl });
  const { job, run } = await jobWith(HALF_WAY);

  await post(url, run);
  const { callbacks, executions } = await client.waitFor(job.id, 'idle');

  const key = `${job.id}/${executions[0]?.execution_id}`;
  const transcript = objects.get(`${key}/transcript.ears-1`) ?? '';
  expect([...objects.keys()]).toEqual([`${key}/audio`, `${key}/transcript.ears-1`]);
  expect(transcript).toContain('\nengine: ears-1\n');
  expect(transcript).toContain(`\nmade from: r2://retake-artifacts/${key}/audio\n`);
  expect(callbacks.at(-1)?.body.artifact_updates).toEqual({
    transcript_uri: `r2://retake-artifacts/${key}/transcript.ears-1`,
    digest: `sha-256:${createHash('sha256').update(transcript).digest('hex')}`,
    size_bytes: Buffer.byteLength(transcript),
  });
});

test('where the store does not answer there is a name alone, and the pipeline goes on', async () => {
  const { url, client, jobWith } = await arrange({ storeUrl: 'http://127.0.0.1:9' });
  const { job, run } = await jobWith(HALF_WAY);

  await post(url, run);
  const { callbacks, executions } = await client.waitFor(job.id, 'idle');

  const name = `s3://artifacts/${executions[0]?.execution_id}/transcript`;
  expect(callbacks.at(-1)?.body.artifact_updates?.transcript_uri).toBe(name);
});

test('what is kept is not made again, and what follows is made from it: also where it is none of the newest', async () => {
  const objects = new Map<string, string>();
  const { url, client, jobWith } = await arrange({ storeUrl: await keepingStore(objects) });
  const { job, run } = await jobWith({ pipeline: { fail_at: 'GENERATING', heartbeats: 0 } });
  await post(url, run);
  await client.waitFor(job.id, 'idle');
  const before = { reports: job.reports.length, objects: objects.size };
  const retry = await job.retry();
  const older = retry.keep.map((kept) => ({ ...kept, ref: `${kept.ref}.of-before` }));

  await post(url, { ...retry, keep: older });
  await client.waitFor(job.id, 'idle');

  expect(statusesOf(job).slice(before.reports)).toEqual(['GENERATING', 'DRAFT_READY']);
  const [draft = ''] = [...objects.values()].slice(before.objects);
  expect(draft).toContain(`\nmade from: ${older.at(-1)?.ref}\n`);
});

test('a redo makes what is not kept, of what is: the log says what that was, and with which model', async () => {
  const { url, client, jobWith } = await arrange();
  const { job, run } = await jobWith();
  await post(url, run);
  await client.waitFor(job.id, 'idle');
  const ref = 'r2://retake-artifacts/edits/Größe 100% + “2”.txt';
  job.correct('transcript', ref);
  const redo = await job.redo();

  await post(url, redo);
  const { executions, made } = await client.waitFor(job.id, 'idle');

  const [first, second] = executions.map(({ execution_id }) => execution_id);
  expect(redo.keep).toMatchObject([{ stage: 'audio' }, { stage: 'transcript', version: 2, ref }]);
  expect(executions[1]).toMatchObject({ type: 'job.redo', keep: redo.keep, source: ref, export: null });
  expect(made.map(({ execution_id, stage }) => [execution_id, stage])).toEqual([
    [first, 'audio'],
    [first, 'transcript'],
    [first, 'draft'],
    [second, 'draft'],
  ]);
  expect(made[3]).toMatchObject({ from: ref, engine: 'pen-1', ref: `s3://artifacts/${second}/draft` });
});

test('an export says of which draft, to which formats and with what, and puts one text for each', async () => {
  const objects = new Map<string, string>();
  const { url, client, jobWith } = await arrange({ storeUrl: await keepingStore(objects) });
  const { job, run } = await jobWith();
  await post(url, run);
  await client.waitFor(job.id, 'idle');
  const order = { formats: ['srt', 'draft'], params: { lines: 2, speakers: ['A'] } };
  const message = await job.export(order);

  await post(url, message);
  const { executions, made, exported } = await client.waitFor(job.id, 'idle');

  const key = `${job.id}/${executions[1]?.execution_id}`;
  const draft = message.keep.at(-1)?.ref;
  expect(executions[1]).toMatchObject({ type: 'job.export', source: draft, export: order });
  expect(made.map(({ stage }) => stage)).toEqual(['audio', 'transcript', 'draft']);
  expect(exported).toMatchObject([
    {
      ...{ from: draft, ...order },
      refs: {
        srt: `r2://retake-artifacts/${key}/export.srt`,
        draft: `r2://retake-artifacts/${key}/export.draft`,
      },
    },
  ]);
  expect(objects.get(`${key}/export.srt`)).toContain(
    `\nparams: {"lines":2,"speakers":["A"]}\nmade from: ${draft}\n`,
  );
});

test('a retry of a failed export exports with the same, and makes nothing again', async () => {
  const { url, client, jobWith } = await arrange();
  const { job, run } = await jobWith();
  await post(url, run);
  await client.waitFor(job.id, 'idle');
  await client.plan(job.id, { pipeline: { fail_at: 'EXPORTING' } });
  const order = { formats: ['vtt'], params: null };
  await post(url, await job.export(order));
  await client.waitFor(job.id, 'idle');

  await post(url, await job.retry());
  const { executions, made, exported } = await client.waitFor(job.id, 'idle');

  expect(executions.map(({ type, export: asked }) => [type, asked])).toEqual([
    ['job.run', null],
    ['job.export', order],
    ['job.retry', order],
  ]);
  expect(exported.map(({ execution_id, formats, params }) => ({ execution_id, formats, params }))).toEqual([
    { execution_id: executions[2]?.execution_id, ...order },
  ]);
  expect(made.every(({ execution_id }) => execution_id === executions[0]?.execution_id)).toBe(true);
});
