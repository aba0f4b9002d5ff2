// PUT /jobs/{jobId}/artifacts/{stage}: a person corrects what a pipeline has made, and what that is told as. Who may correct at
// the same time is in edit-conflicts.test.ts, when it is possible at all in edit-states.test.ts.
import { describe, expect, test } from 'vitest';
import { failedAfter } from '../support/workerd/acting.ts';
import { call } from '../support/workerd/harness.ts';
import { corrected, drafted, edit, newRef, subOf, versionsOf } from './editing.ts';
import { planOf } from './planning.ts';

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe('a correction', () => {
  test('is one more version, with who made it, what it corrects, and what that was made from', async () => {
    const { job } = await failedAfter('GENERATING');
    const uri = newRef('transcript');
    const digest = `sha-256:${'1'.repeat(64)}`;

    const reply = await edit(job, 'transcript', { uri, digest, size_bytes: 7, edits: 1 });

    expect(reply.status, reply.text).toBe(200);
    expect(reply.body.version).toEqual({
      stage: 'transcript',
      version: 2,
      ref: uri,
      digest,
      size_bytes: 7,
      made_by: { kind: 'editor', actor_id: subOf(job), actor_name: null, edits: 1 },
      made_from: 1,
      state: 'complete',
      stale: false,
      recorded_at: expect.stringMatching(TIMESTAMP),
    });
    expect(reply.body.replayed).toBe(false);
    expect((await job.get('/artifacts')).items.at(-1)).toEqual(reply.body.version);
  });

  test('is what the manifest shows then, and leaves the rest of the job as it was', async () => {
    const { job } = await drafted();
    const before = await job.get();

    const reply = await edit(job, 'draft', { edits: 1 });

    const after = await job.get();
    expect(reply.body.job).toEqual(after);
    expect(after).toEqual({
      ...before,
      manifest: { ...before.manifest, draft_uri: reply.body.version.ref },
      revision: before.revision + 1,
      updated_at: expect.stringMatching(TIMESTAMP),
      next_actions: expect.any(Array),
    });
  });

  test('changes the tag of the job, so that who looks again sees it', async () => {
    const { job } = await drafted();
    const look = (headers = {}) => call('GET', `/jobs/${job.id}`, { token: job.token, headers });
    const etag = (await look()).headers.get('etag') ?? '';
    expect((await look({ 'if-none-match': etag })).status).toBe(304);

    await corrected(job, 'draft', 1);

    expect((await look({ 'if-none-match': etag })).status).toBe(200);
  });

  test.each([
    ['FAILED', async () => (await failedAfter('GENERATING')).job],
    ['DRAFT_READY', async () => (await drafted()).job],
    ['EDITING', async () => (await drafted('EDITING')).job],
  ])(
    'of a job in %s stands in its audit trail: who, for which request, and no other status',
    async (status, make) => {
      const job = await make();
      const before = await job.transitions();

      await edit(job, 'transcript', { edits: 1 }, { 'x-correlation-id': 'correction-7' });

      const trail = await job.transitions();
      expect(trail.slice(0, -1)).toEqual(before);
      expect(trail.at(-1)).toMatchObject({
        event_type: 'artifact_edited',
        actor_type: 'editor',
        actor_id: subOf(job),
        correlation_id: 'correction-7',
        prev_status: status,
        new_status: status,
      });
    },
  );

  test('without a correlation id is known by the id of its request', async () => {
    const { job } = await drafted();

    const { headers } = await edit(job, 'draft', { edits: 1 });

    expect((await job.transitions()).at(-1).correlation_id).toBe(headers.get('x-request-id'));
  });

  test('may be corrected again, and each says what it corrects', async () => {
    const { job } = await failedAfter('GENERATING');
    for (const edits of [1, 2, 3]) await corrected(job, 'transcript', edits);

    expect(await versionsOf(job)).toEqual([
      ['audio 1', null, null, 'current'],
      ['transcript 1', 1, 'whisper-large-v3', 'stale'],
      ['transcript 2', 1, 'edits 1', 'stale'],
      ['transcript 3', 1, 'edits 2', 'stale'],
      ['transcript 4', 1, 'edits 3', 'current'],
    ]);
  });
});

describe('what a correction has overtaken is stale', () => {
  test('of a transcript: the text of before, and the draft that was written from it', async () => {
    const { job } = await drafted();
    await corrected(job, 'transcript', 1);

    expect(await versionsOf(job)).toEqual([
      ['audio 1', null, null, 'current'],
      ['transcript 1', 1, 'whisper-large-v3', 'stale'],
      ['draft 1', 1, 'gpt-5-mini', 'stale'],
      ['transcript 2', 1, 'edits 1', 'current'],
    ]);
  });

  test('of a draft: the draft of before, and no transcript', async () => {
    const { job } = await drafted();
    await corrected(job, 'draft', 1);

    expect(await versionsOf(job)).toEqual([
      ['audio 1', null, null, 'current'],
      ['transcript 1', 1, 'whisper-large-v3', 'current'],
      ['draft 1', 1, 'gpt-5-mini', 'stale'],
      ['draft 2', 1, 'edits 1', 'current'],
    ]);
  });

  test('of both: a draft that was corrected before its transcript was, and none that was corrected after', async () => {
    const { job } = await drafted();
    await corrected(job, 'draft', 1);
    await corrected(job, 'transcript', 1);
    expect((await versionsOf(job)).slice(2)).toEqual([
      ['draft 1', 1, 'gpt-5-mini', 'stale'],
      ['draft 2', 1, 'edits 1', 'stale'],
      ['transcript 2', 1, 'edits 1', 'current'],
    ]);
    await corrected(job, 'draft', 2);

    expect((await versionsOf(job)).slice(2)).toEqual([
      ['draft 1', 1, 'gpt-5-mini', 'stale'],
      ['draft 2', 1, 'edits 1', 'stale'],
      ['transcript 2', 1, 'edits 1', 'current'],
      ['draft 3', 1, 'edits 2', 'current'],
    ]);
  });
});

describe('an older version', () => {
  test('is brought back by a correction with its reference, and is resumed from as that', async () => {
    const { job, dispatchId: run } = await failedAfter('GENERATING');
    const first = `s3://artifacts/${run}/transcript`;
    await corrected(job, 'transcript', 1);

    const reply = await edit(job, 'transcript', { uri: first, edits: 2 });

    expect(reply.body.version).toMatchObject({ version: 3, ref: first, state: 'complete', stale: false });
    expect((await job.get()).manifest.transcript_uri).toBe(first);
    expect((await planOf(job)).resume).toMatchObject({ version: 3, checkpoint_ref: first });
  });
});
