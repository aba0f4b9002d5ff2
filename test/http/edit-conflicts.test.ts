// Who corrects at the same time as others do: of two editors the second sees what the first has done, a repeat makes nothing, and
// whichever of an edit and a retry comes first, the other knows.
import { env } from 'cloudflare:test';
import { describe, expect, test } from 'vitest';
import { type ActingJob, failedAfter } from '../support/workerd/acting.ts';
import { type Reply, withoutSideEffect } from '../support/workerd/harness.ts';
import { corrected, drafted, edit, executionOf, newRef, redoAs, versionsOf } from './editing.ts';
import { stopped } from './job-states.ts';
import { acceptedRetry, putCorrection, retryAs } from './planning.ts';
import { storeDoes } from './store.ts';

const BALANCED = { model_profile: 'balanced' };
const TWENTY = Array.from({ length: 20 }, (_, index) => index);

const withStatus = (replies: Reply[], status: number) => replies.filter((reply) => reply.status === status);

const newestOf = async (job: ActingJob) => (await job.get('/artifacts')).items.at(-1);

describe('of two who correct the same version', () => {
  test('the second is told what the first has made of it, and nothing is stored', async () => {
    const { job } = await failedAfter('GENERATING');
    await corrected(job, 'transcript', 1);

    const reply = await withoutSideEffect(job, () => edit(job, 'transcript', { edits: 1 }));

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({ error_code: 'ARTIFACT_VERSION_CONFLICT', retryable: false });
    expect(reply.body.details).toEqual({ stage: 'transcript', submitted: 1, newest: await newestOf(job) });
    // Who looks at that and corrects it is taken.
    await corrected(job, 'transcript', reply.body.details.newest.version);
  });

  test('the second is told so of a version that never was, too', async () => {
    const { job } = await failedAfter('GENERATING');

    for (const edits of [2, 99, Number.MAX_SAFE_INTEGER]) {
      const reply = await withoutSideEffect(job, () => edit(job, 'transcript', { edits }));
      expect(reply.body).toMatchObject({
        error_code: 'ARTIFACT_VERSION_CONFLICT',
        details: { submitted: edits, newest: { version: 1 } },
      });
    }
  });

  test('neither is in the way of the other where they correct different stages', async () => {
    const { job } = await drafted();

    const replies = await Promise.all([
      edit(job, 'transcript', { edits: 1 }),
      edit(job, 'draft', { edits: 1 }),
    ]);

    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
  });

  test('whoever corrects what was made after a correction without resting on it is told that it is stale', async () => {
    const { job } = await failedAfter('GENERATING');
    await corrected(job, 'transcript', 1);
    const { pipeline } = await acceptedRetry(job, BALANCED);
    // It was given the correction, and comes back with a text of its own.
    const own = { artifact_updates: { transcript_uri: newRef('own') } };
    await pipeline.report('TRANSCRIPT_READY', own);
    await pipeline.reportAll('GENERATING', 'FAILED');

    const reply = await withoutSideEffect(job, () => edit(job, 'transcript', { edits: 1 }));

    expect(reply.body.details.newest).toMatchObject({ version: 3, stale: true });
    expect(reply.body.details.newest).toEqual(
      (await job.get('/artifacts')).items.find(({ version }: Reply['body']) => version === 3),
    );
  });

  test('both may name what the manifest shows, where that is not the newest', async () => {
    const { job } = await failedAfter('GENERATING');
    await acceptedRetry(job, { model_profile: 'accurate' }).then(({ pipeline }) =>
      pipeline.reportAll('TRANSCRIBING', 'TRANSCRIPT_READY', 'FAILED'),
    );
    const back = await acceptedRetry(job, BALANCED);
    await back.pipeline.reportAll('GENERATING', 'FAILED');
    expect((await job.get()).next_actions).toContainEqual(
      expect.objectContaining({ action: 'edit', body: { edits: 1 } }),
    );

    const reply = await edit(job, 'transcript', { edits: 1 });

    expect(reply.body.version).toMatchObject({ version: 3, made_by: { edits: 1 } });
  });
});

describe('twenty at once', () => {
  test('who correct the same version: one does, and nineteen are told its version', async () => {
    const { job } = await failedAfter('GENERATING');
    const before = await versionsOf(job);

    const replies = await Promise.all(TWENTY.map(() => edit(job, 'transcript', { edits: 1 })));

    const [won] = withStatus(replies, 200);
    expect(withStatus(replies, 200)).toHaveLength(1);
    expect(withStatus(replies, 409)).toHaveLength(19);
    for (const { body } of withStatus(replies, 409)) {
      expect(body).toMatchObject({ error_code: 'ARTIFACT_VERSION_CONFLICT', details: { submitted: 1 } });
      expect(body.details.newest).toEqual(won?.body.version);
    }
    expect(await versionsOf(job)).toHaveLength(before.length + 1);
    expect(await newestOf(job)).toEqual(won?.body.version);
  });

  test('who say the same under one id: one version, which every answer names', async () => {
    const { job } = await failedAfter('GENERATING');
    const before = await versionsOf(job);
    const said = { uri: newRef('transcript'), edits: 1, client_request_id: 'the-same' };

    const replies = await Promise.all(TWENTY.map(() => edit(job, 'transcript', said)));

    expect(withStatus(replies, 200)).toHaveLength(20);
    expect(replies.filter(({ body }) => !body.replayed)).toHaveLength(1);
    for (const { body } of replies) expect(body.version).toEqual(replies[0]?.body.version);
    expect(await versionsOf(job)).toHaveLength(before.length + 1);
  });
});

describe('a repeat', () => {
  const SAID = { uri: newRef('transcript'), digest: 'md5:1', size_bytes: 7, edits: 1 };
  const asId = (id: string): [string, Record<string, unknown>, Record<string, string>][] => [
    ['client_request_id', { client_request_id: id }, {}],
    ['Idempotency-Key', { client_request_id: undefined }, { 'idempotency-key': `"${id}"` }],
  ];

  test.each(asId('the-same'))(
    'under the same %s answers the same version, and makes none',
    async (_name, id, headers) => {
      const { job } = await failedAfter('GENERATING');
      const first = await edit(job, 'transcript', { ...SAID, ...id }, headers);
      expect(first.status, first.text).toBe(200);

      const repeat = await withoutSideEffect(job, () => edit(job, 'transcript', { ...SAID, ...id }, headers));

      expect(repeat.status).toBe(200);
      expect(repeat.body).toEqual({ ...first.body, replayed: true });
    },
  );

  const others: [string, string, Record<string, unknown>][] = [
    ['another reference', 'transcript', { uri: newRef('another') }],
    ['another digest', 'transcript', { digest: 'md5:2' }],
    ['no digest', 'transcript', { digest: undefined }],
    ['another size', 'transcript', { size_bytes: 8 }],
    ['another version to correct', 'transcript', { edits: 2 }],
    ['another stage', 'draft', {}],
  ];
  test.each(others)('with %s is refused, and makes nothing', async (_what, stage, other) => {
    const { job } = await failedAfter('DRAFT_READY');
    for (const [name, id, headers] of asId('the-same')) {
      if (name === 'client_request_id') await edit(job, 'transcript', { ...SAID, ...id }, headers);

      const repeat = await withoutSideEffect(job, () =>
        edit(job, stage, { ...SAID, ...other, ...id }, headers),
      );

      expect(repeat.status).toBe(409);
      expect(repeat.body).toMatchObject({ error_code: 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH' });
      expect(repeat.body.details).toEqual({ client_request_id: 'the-same', dispatch_id: null });
    }
  });

  test('that leaves out what was null is the same request', async () => {
    const { job } = await failedAfter('GENERATING');
    const said = { uri: newRef('transcript'), edits: 1, client_request_id: 'the-same' };
    await edit(job, 'transcript', { ...said, digest: null, size_bytes: null });

    expect((await edit(job, 'transcript', said)).body).toMatchObject({
      replayed: true,
      version: { version: 2 },
    });
  });

  test('is answered the version as it stands now, whatever became of the job since', async () => {
    const said = { uri: newRef('draft'), edits: 1, client_request_id: 'the-same' };
    const repeated = async (job: ActingJob) => {
      const reply = await edit(job, 'draft', said);
      expect(reply.body).toMatchObject({ replayed: true, version: { version: 2, ref: said.uri } });
      return reply.body;
    };
    const { job } = await drafted();
    await edit(job, 'draft', said);
    expect(await repeated(job)).toMatchObject({ version: { stale: false } });
    await corrected(job, 'draft', 2);
    expect(await repeated(job)).toMatchObject({ version: { stale: true } });
    await redoAs(job, { ...BALANCED, discard_edits: ['draft'] });
    await repeated(job);

    const cancelled = await stopped('DRAFT_READY', async (other) => {
      await edit(other, 'draft', said);
      await other.cancel();
    });
    expect((await repeated(cancelled)).job.status).toBe('CANCELLED');
  });

  test('an id that a refused edit bore is free', async () => {
    const { job } = await failedAfter('GENERATING');
    const asked = { client_request_id: 'the-same' };
    expect((await edit(job, 'transcript', { edits: 5, ...asked })).status).toBe(409);

    expect((await edit(job, 'transcript', { edits: 1, ...asked })).status).toBe(200);
  });

  test('the id of a retry and that of an edit are two ids', async () => {
    const { job } = await failedAfter('GENERATING');
    await edit(job, 'transcript', { edits: 1, client_request_id: 'the-same' });

    expect((await retryAs(job, BALANCED, {}, 'the-same')).status).toBe(202);
  });
});

describe('an edit and a retry at once', () => {
  /** Nothing is lost: the retry knows of the edit, or the edit was refused for the retry. */
  async function expectNothingLost(job: ActingJob, edited: Reply, retried: Reply): Promise<void> {
    expect(retried.status).toBe(202);
    const begun = await executionOf(job, retried.body.dispatch_id);
    const kept = begun.keep.find(({ stage }) => stage === 'transcript');
    if (edited.status === 200) {
      expect(kept).toMatchObject({ version: 2, ref: edited.body.version.ref });
    } else {
      expect(edited.body).toMatchObject({
        error_code: 'JOB_ALREADY_RUNNING',
        details: { dispatch_id: retried.body.dispatch_id },
      });
      expect(kept).toMatchObject({ version: 1 });
    }
  }

  test.each(['edit first', 'retry first'])('%s: whichever is taken first, the other knows', async (order) => {
    const { job } = await failedAfter('GENERATING');
    const [edited, retried] = [
      () => edit(job, 'transcript', { edits: 1 }),
      () => retryAs(job, BALANCED),
    ] as const;

    if (order === 'edit first') {
      const [first, second] = await Promise.all([edited(), retried()]);
      await expectNothingLost(job, first, second);
    } else {
      const [first, second] = await Promise.all([retried(), edited()]);
      await expectNothingLost(job, second, first);
    }
  });

  /** What is asked of the store waits there until it is let go. */
  function heldStore() {
    const head = env.ARTIFACTS.head.bind(env.ARTIFACTS);
    const asked = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    storeDoes('head', async (key) => {
      asked.resolve();
      await gate.promise;
      return head(key);
    });
    return { asked: asked.promise, letGo: gate.resolve };
  }

  test('an edit whose file is still looked for when a retry is accepted is refused', async () => {
    const { job } = await failedAfter('GENERATING');
    const { ref } = await putCorrection(job, 'the corrected transcript');
    const store = heldStore();

    const editing = edit(job, 'transcript', { uri: ref, edits: 1 });
    await store.asked;
    const retried = await retryAs(job, BALANCED);
    store.letGo();

    const edited = await editing;
    expect(edited.status).toBe(409);
    await expectNothingLost(job, edited, retried);
    expect(await versionsOf(job)).toHaveLength(2);
  });

  test('a retry whose files are still looked for when an edit is made knows that edit', async () => {
    const { job, pipeline } = await failedAfter('AUDIO_READY');
    const { pipeline: second } = await acceptedRetry(job, BALANCED);
    const { ref } = await putCorrection(job, 'the transcript');
    await second.report('TRANSCRIBING');
    await second.report('TRANSCRIPT_READY', { artifact_updates: { transcript_uri: ref } });
    await second.report('FAILED');
    const store = heldStore();

    const retrying = retryAs(job, BALANCED);
    await store.asked;
    const edited = await edit(job, 'transcript', { edits: 1 });
    store.letGo();

    expect(edited.status, edited.text).toBe(200);
    await expectNothingLost(job, edited, await retrying);
    expect((await pipeline.send(pipeline.body('DRAFT_READY'))).status).toBe(409);
  });

  test('twenty of each at once: one pipeline, and it goes on from what was corrected, if anything was', async () => {
    const { job } = await failedAfter('GENERATING');

    const replies = await Promise.all(
      TWENTY.map(async (index) =>
        index % 2 === 0
          ? { edited: await edit(job, 'transcript', { edits: 1 }) }
          : { retried: await retryAs(job, BALANCED) },
      ),
    );

    const edits = replies.flatMap(({ edited }) => edited ?? []);
    const [retried] = withStatus(
      replies.flatMap((reply) => reply.retried ?? []),
      202,
    );
    if (retried === undefined) throw new Error('no retry was accepted');
    for (const { body } of withStatus(edits, 409)) {
      expect(['JOB_ALREADY_RUNNING', 'ARTIFACT_VERSION_CONFLICT']).toContain(body.error_code);
    }
    const begun = await executionOf(job, retried.body.dispatch_id);
    expect(begun.source).toBe((await job.get()).manifest.transcript_uri);
  });
});
