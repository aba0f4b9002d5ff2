// POST /jobs/{jobId}/redo: a finished draft is made again, and the one of before stays. What becomes of one that ends otherwise is
// in redo-endings.test.ts.
import { describe, expect, test } from 'vitest';
import {
  IN_PROGRESS_STATUSES,
  STATUSES,
  type Status,
  TERMINAL_STATUSES,
} from '../../src/domain/lifecycle.ts';
import { type ActingJob, ASYNC, failedAfter, jobAt, once, uploadedJob } from '../support/workerd/acting.ts';
import { queueHasPassed, type Reply, withoutSideEffect } from '../support/workerd/harness.ts';
import {
  acceptedRedo,
  corrected,
  drafted,
  executionOf,
  expectDone,
  newRef,
  redoAs,
  version,
  versionsOf,
} from './editing.ts';
import { planOf } from './planning.ts';

const BALANCED = { model_profile: 'balanced' };
const POLISHED = { model_profile: 'polished' };
const ACCURATE = { model_profile: 'accurate' };

describe('a redo', () => {
  test.each(['DRAFT_READY', 'EDITING'] as const)(
    'of a job in %s makes a second draft from the same transcript, and the first stays in the list',
    async (status) => {
      const { job, audio, transcript } = await drafted(status);

      const { pipeline, dispatchId } = await expectDone('redo', job, POLISHED, {
        resume: 'TRANSCRIPT_READY',
        keep: [version('audio', 1, audio), version('transcript', 1, transcript)],
        makes: { draft: 'gpt-5' },
      });
      expect(await job.status()).toBe(status);
      await pipeline.report('REGENERATING');
      expect(await job.status()).toBe('REGENERATING');
      await pipeline.report('DRAFT_READY');

      expect(await job.get()).toMatchObject({
        status: 'DRAFT_READY',
        manifest: { draft_uri: `s3://artifacts/${dispatchId}/draft` },
      });
      expect(await versionsOf(job)).toEqual([
        ['audio 1', null, null, 'current'],
        ['transcript 1', 1, 'whisper-large-v3', 'current'],
        ['draft 1', 1, 'gpt-5-mini', 'current'],
        ['draft 2', 1, 'gpt-5', 'current'],
      ]);
      expect((await job.trail()).slice(-2)).toEqual([
        `${status} → REGENERATING`,
        'REGENERATING → DRAFT_READY',
      ]);
      expect((await job.dispatch(dispatchId)).dispatch_state).toBe('SETTLED');
    },
  );

  test('under the same profile makes it again all the same', async () => {
    const { job, audio, transcript } = await drafted();

    await expectDone('redo', job, BALANCED, {
      resume: 'TRANSCRIPT_READY',
      keep: [version('audio', 1, audio), version('transcript', 1, transcript)],
      makes: { draft: 'gpt-5-mini' },
    });
  });

  test('by another transcriber names its transcript on the way, which can be resumed from at once', async () => {
    const { job, audio } = await drafted();
    const { pipeline, dispatchId } = await expectDone('redo', job, ACCURATE, {
      resume: 'AUDIO_READY',
      keep: [version('audio', 1, audio)],
      makes: { transcript: 'scribe-v2', draft: 'gpt-5' },
    });
    const transcript_uri = newRef('transcript');
    await pipeline.report('REGENERATING');
    await pipeline.report('REGENERATING', { artifact_updates: { transcript_uri } });
    expect((await job.get('/artifacts')).items.at(-1)).toMatchObject({
      ...{ stage: 'transcript', version: 2, ref: transcript_uri, made_from: 1 },
      ...{ state: 'complete', made_by: { dispatch_id: dispatchId, engine: 'scribe-v2' } },
    });
    await pipeline.report('DRAFT_READY');

    expect((await versionsOf(job)).slice(2)).toEqual([
      ['draft 1', 1, 'gpt-5-mini', 'current'],
      ['transcript 2', 1, 'scribe-v2', 'current'],
      ['draft 2', 2, 'gpt-5', 'current'],
    ]);
  });

  test('from where it is asked to begin has more made again', async () => {
    const { job, audio } = await drafted();

    await expectDone(
      'redo',
      job,
      { ...BALANCED, resume_from: 'AUDIO_READY' },
      {
        resume: 'AUDIO_READY',
        keep: [version('audio', 1, audio)],
        makes: { transcript: 'whisper-large-v3', draft: 'gpt-5-mini' },
      },
    );
  });

  test('may end in EDITING, with its draft', async () => {
    const { job } = await drafted('EDITING');
    const { pipeline } = await acceptedRedo(job, POLISHED);
    await pipeline.report('REGENERATING');
    const draft_uri = newRef('draft');
    await pipeline.report('EDITING', { artifact_updates: { draft_uri } });

    expect(await job.get()).toMatchObject({
      status: 'EDITING',
      manifest: { draft_uri },
      open_dispatch: null,
    });
    expect((await versionsOf(job)).at(-1)).toEqual(['draft 2', 1, 'gpt-5', 'current']);
  });

  test('can be asked for again and again', async () => {
    const { job } = await drafted();
    for (const profile of ['polished', 'balanced', 'polished']) {
      const { pipeline } = await acceptedRedo(job, { model_profile: profile });
      await pipeline.reportAll('REGENERATING', 'DRAFT_READY');
    }

    expect((await versionsOf(job)).slice(2)).toEqual([
      ['draft 1', 1, 'gpt-5-mini', 'current'],
      ['draft 2', 1, 'gpt-5', 'current'],
      ['draft 3', 1, 'gpt-5-mini', 'current'],
      ['draft 4', 1, 'gpt-5', 'current'],
    ]);
  });
});

describe('what somebody has corrected', () => {
  test('of the transcript is kept, whatever the profile names', async () => {
    const { job, audio } = await drafted();
    const text = await corrected(job, 'transcript', 1);

    const { pipeline } = await expectDone('redo', job, ACCURATE, {
      resume: 'TRANSCRIPT_READY',
      keep: [version('audio', 1, audio), version('transcript', 2, text)],
      makes: { draft: 'gpt-5' },
      edits_kept: [['transcript', 2]],
    });
    await pipeline.reportAll('REGENERATING', 'DRAFT_READY');

    expect((await versionsOf(job)).slice(2)).toEqual([
      ['draft 1', 1, 'gpt-5-mini', 'stale'],
      ['transcript 2', 1, 'edits 1', 'current'],
      ['draft 2', 2, 'gpt-5', 'current'],
    ]);
  });

  test('of the draft is in the way, until it is named', async () => {
    const { job, audio, transcript } = await drafted();
    await corrected(job, 'draft', 1);
    for (const discard_edits of [undefined, null, [], ['transcript']]) {
      const asked = { ...POLISHED, ...(discard_edits === undefined ? {} : { discard_edits }) };
      const reply = await withoutSideEffect(job, () => redoAs(job, asked));
      expect(reply.status).toBe(409);
      expect(reply.body).toMatchObject({
        error_code: 'EDITS_IN_THE_WAY',
        details: { edits: [{ stage: 'draft', version: 2, reason: 'asked' }] },
      });
      const { refusal } = await planOf(job, asked, 'redo');
      expect(refusal).toMatchObject({ error_code: 'EDITS_IN_THE_WAY', details: reply.body.details });
    }

    const { pipeline } = await expectDone(
      'redo',
      job,
      { ...POLISHED, discard_edits: ['draft'] },
      {
        resume: 'TRANSCRIPT_READY',
        keep: [version('audio', 1, audio), version('transcript', 1, transcript)],
        makes: { draft: 'gpt-5' },
        edits_discarded: [['draft', 2]],
      },
    );
    await pipeline.reportAll('REGENERATING', 'DRAFT_READY');

    expect((await versionsOf(job)).slice(2)).toEqual([
      ['draft 1', 1, 'gpt-5-mini', 'current'],
      ['draft 2', 1, 'edits 1', 'current'],
      ['draft 3', 1, 'gpt-5', 'current'],
    ]);
    // What was made in its place is what the next one is told of: nothing is in the way any more.
    expect((await planOf(job, POLISHED, 'redo')).verdict).toBe('allowed');
  });

  test('of both: the text is kept where the draft alone is named, and made again where both are', async () => {
    const { job, audio } = await drafted();
    await corrected(job, 'draft', 1);
    const text = await corrected(job, 'transcript', 1);
    const asked = { ...ACCURATE, discard_edits: ['draft'] };
    expect(await planOf(job, { ...ACCURATE, discard_edits: ['draft', 'transcript'] }, 'redo')).toMatchObject({
      verdict: 'allowed',
      resume: { status: 'AUDIO_READY' },
      edits_kept: [],
      edits_discarded: [
        { stage: 'transcript', version: 2 },
        { stage: 'draft', version: 2 },
      ],
    });

    await expectDone('redo', job, asked, {
      resume: 'TRANSCRIPT_READY',
      keep: [version('audio', 1, audio), version('transcript', 2, text)],
      makes: { draft: 'gpt-5' },
      edits_kept: [['transcript', 2]],
      edits_discarded: [['draft', 2]],
    });
  });
});

describe('from every other status it is refused', () => {
  const among = (list: readonly Status[]) => (status: Status) => list.includes(status);
  const failed = once(() => failedAfter('DRAFT_READY'));
  const from = async (status: Status): Promise<{ job: ActingJob; reply: Reply; plan: Reply['body'] }> => {
    const { job } = await failed();
    await job.patch({ status });
    const plan = await planOf(job, POLISHED, 'redo');
    return { job, plan, reply: await withoutSideEffect(job, () => redoAs(job, POLISHED)) };
  };
  const expectPlanned = (plan: Reply['body'], { body }: Reply) => {
    const { error_code, status, title, details } = body;
    expect(plan).toMatchObject({ verdict: 'refused', refusal: { error_code, status, title, details } });
  };

  test.each(STATUSES.filter(among(IN_PROGRESS_STATUSES)))('%s: a pipeline is at work', async (status) => {
    const { reply, plan } = await from(status);

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'JOB_ALREADY_RUNNING',
      details: { current_status: status, attempted_status: 'REGENERATING', dispatch_id: null },
    });
    expectPlanned(plan, reply);
  });

  const resting = STATUSES.filter((status) => !among(IN_PROGRESS_STATUSES)(status));
  const others = resting.filter((status) => status !== 'DRAFT_READY' && status !== 'EDITING');
  test.each(others)('%s: there is no finished draft', async (status) => {
    const { reply, plan } = await from(status);

    const isTerminal = among(TERMINAL_STATUSES)(status);
    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: isTerminal ? 'FSM_TERMINAL_IMMUTABLE' : 'FSM_TRANSITION_INVALID',
      details: { current_status: status, attempted_status: 'REGENERATING' },
    });
    expectPlanned(plan, reply);
  });

  test('while another redo is open, be its pipeline heard of or not', async () => {
    const { job } = await drafted();
    const { pipeline, dispatchId } = await acceptedRedo(job, POLISHED);

    for (const status of ['DRAFT_READY', 'REGENERATING']) {
      const reply = await withoutSideEffect(job, () => redoAs(job, BALANCED));
      expect(reply.body).toMatchObject({
        error_code: 'JOB_ALREADY_RUNNING',
        details: { current_status: status, attempted_status: 'REGENERATING', dispatch_id: dispatchId },
      });
      if (status === 'DRAFT_READY') await pipeline.report('REGENERATING');
    }
  });
});

describe('it is refused as well', () => {
  test('where it is asked to begin with the draft: there would be nothing to do', async () => {
    const { job } = await drafted();
    const asked = { ...BALANCED, resume_from: 'DRAFT_READY' };

    const reply = await withoutSideEffect(job, () => redoAs(job, asked));

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({ error_code: 'NOTHING_TO_REDO', details: {} });
    expect((await planOf(job, asked, 'redo')).refusal).toMatchObject({
      error_code: 'NOTHING_TO_REDO',
      status: 409,
    });
  });

  test('where it is asked to begin with a transcript that its profile would not take', async () => {
    const { job } = await drafted();

    const reply = await withoutSideEffect(job, () =>
      redoAs(job, { ...ACCURATE, resume_from: 'TRANSCRIPT_READY' }),
    );

    expect(reply.body).toMatchObject({
      error_code: 'RESUME_POINT_NOT_AVAILABLE',
      details: { requested: 'TRANSCRIPT_READY', available: 'AUDIO_READY' },
    });
  });

  test.each([
    ['imaginary', 'unknown'],
    ['legacy', 'disabled'],
  ])('under %s, which the policy does not allow', async (model_profile, reason) => {
    const { job } = await drafted();

    const reply = await withoutSideEffect(job, () => redoAs(job, { model_profile }));

    expect(reply.body).toMatchObject({ error_code: 'MODEL_PROFILE_NOT_ALLOWED', details: { reason } });
  });
});

describe('a repeat', () => {
  test.each<[string, string | undefined, Record<string, string>]>([
    ['client_request_id', 'the-same', {}],
    ['Idempotency-Key', undefined, { 'idempotency-key': '"the-same"' }],
  ])(
    'under the same %s is answered with the same dispatch, whatever became of that',
    async (_how, id, headers) => {
      const { job } = await drafted();
      const ask = () => job.post('redo', { ...POLISHED, client_request_id: id }, headers);
      const first = await ask();
      expect(first.status, first.text).toBe(202);
      const pipeline = await job.pipeline(first.body.dispatch_id);

      const repeat = await withoutSideEffect(job, ask);
      expect(repeat.status).toBe(200);
      expect(repeat.body).toEqual({ ...first.body, replayed: true });

      await pipeline.reportAll('REGENERATING', 'DRAFT_READY');
      const later = await withoutSideEffect(job, ask);
      expect(later.body).toMatchObject({ dispatch_id: first.body.dispatch_id, dispatch_state: 'SETTLED' });
      await executionOf(job, first.body.dispatch_id);
    },
  );

  test.each<[string, Record<string, unknown>]>([
    ['another profile', { model_profile: 'accurate' }],
    ['another point', { resume_from: 'AUDIO_READY' }],
    ['other stages to look past', { discard_edits: ['draft'] }],
  ])('with %s is refused', async (_what, other) => {
    const { job } = await drafted();
    const { body } = await redoAs(job, POLISHED, {}, 'the-same');

    const reply = await withoutSideEffect(job, () => redoAs(job, { ...POLISHED, ...other }, {}, 'the-same'));

    expect(reply.status).toBe(409);
    expect(reply.body).toMatchObject({
      error_code: 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH',
      details: { client_request_id: 'the-same', dispatch_id: body.dispatch_id },
    });
  });

  test('the id of a retry and that of a redo are two ids', async () => {
    const { job } = await failedAfter('GENERATING');
    const retried = await job.retry('the-same');
    const pipeline = await job.pipeline(retried.body.dispatch_id);
    await pipeline.reportAll('GENERATING', 'DRAFT_READY');

    const redone = await redoAs(job, POLISHED, {}, 'the-same');

    expect(redone.status).toBe(202);
    expect(redone.body.dispatch_id).not.toBe(retried.body.dispatch_id);
  });

  test('twenty at once: one pipeline, and nineteen answers that name it', async () => {
    const { job } = await drafted();

    const replies = await Promise.all(
      Array.from({ length: 20 }, () => redoAs(job, POLISHED, {}, 'the-same')),
    );

    expect(replies.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(19);
    await queueHasPassed();
    expect((await job.executions()).filter(({ type }) => type === 'job.redo')).toHaveLength(1);
  });
});

test('with respond-async it is answered before the outcome of the delivery is known', async () => {
  const { job } = await drafted();
  await job.answers({ kind: 'error', status: 503 });

  const reply = await redoAs(job, POLISHED, ASYNC);

  expect(reply.status).toBe(202);
  expect(reply.body).toMatchObject({ status: 'DRAFT_READY', dispatch_state: 'PENDING' });
  expect(reply.headers.get('preference-applied')).toBe('respond-async');
});

describe('If-Match', () => {
  test('of the plan as it is has exactly that done', async () => {
    const { job } = await drafted();
    const plan = await planOf(job, POLISHED, 'redo');

    const reply = await redoAs(job, POLISHED, { 'if-match': plan.etag });

    expect(reply.status).toBe(202);
    expect(reply.body.plan.stages).toEqual(plan.stages);
  });

  test('of a plan before a correction is answered with the plan as it is now, and nothing is stored or sent', async () => {
    const { job } = await drafted();
    const { etag } = await planOf(job, POLISHED, 'redo');
    const text = await corrected(job, 'transcript', 1);

    const reply = await withoutSideEffect(job, () => redoAs(job, POLISHED, { 'if-match': etag }));

    expect(reply.status).toBe(412);
    expect(reply.body).toMatchObject({
      error_code: 'PLAN_CHANGED',
      details: { plan: { kind: 'redo', resume: { checkpoint_ref: text } } },
    });
  });
});

describe('the plan of a redo', () => {
  test('is made for the profile that the job was worked on under last, where none is named, and shows the others', async () => {
    const job = await uploadedJob();
    const run = await job.post('run', ACCURATE);
    const pipeline = await job.pipeline(run.body.dispatch_id);
    await pipeline.reportAll('AUDIO_READY', 'TRANSCRIBING', 'TRANSCRIPT_READY', 'GENERATING', 'DRAFT_READY');

    const plan = await planOf(job, {}, 'redo');

    expect(plan).toMatchObject({ model_profile: 'accurate', resume: { status: 'TRANSCRIPT_READY' } });
    expect(
      plan.profiles.map(({ id, verdict, resume_from_status }: Reply['body']) => [
        id,
        verdict,
        resume_from_status,
      ]),
    ).toEqual([
      ['balanced', 'allowed', 'AUDIO_READY'],
      ['polished', 'allowed', 'AUDIO_READY'],
      ['accurate', 'allowed', 'TRANSCRIPT_READY'],
      ['draft-only', 'allowed', 'TRANSCRIPT_READY'],
    ]);
  });

  test('stores and sends nothing', async () => {
    const { job } = await jobAt('DRAFT_READY');
    let plan: Reply['body'];

    await withoutSideEffect(job, async () => {
      plan = await planOf(job, POLISHED, 'redo');
      return redoAs(job, { model_profile: 'legacy' });
    });

    expect(plan.verdict).toBe('allowed');
  });
});
