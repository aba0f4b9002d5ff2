// What a retry does about what somebody has corrected: kept whatever the profile names, in nobody's way without a word, and looked
// past where that is asked for. Asserted on the plan, the answer, and what the orchestrator was sent and has begun.
import { describe, expect, test } from 'vitest';
import { type ActingJob, failedAfter, type Running, retriedAfter } from '../support/workerd/acting.ts';
import { withoutSideEffect } from '../support/workerd/harness.ts';
import { corrected, expectDone, newRef, version, versionsOf } from './editing.ts';
import { acceptedRetry, planOf, planReply, retryAs } from './planning.ts';

const BALANCED = { model_profile: 'balanced' };
const ACCURATE = { model_profile: 'accurate' };
const NOT_TRANSCRIPT = { discard_edits: ['transcript'] };

interface Corrected {
  job: ActingJob;
  run: Running;
  audio: string;
  /** The first one's, and the correction's. */
  transcript: string;
  correction: string;
}

/** A job that failed after `status`, its transcript corrected since. */
async function transcriptCorrected(status: 'GENERATING' | 'DRAFT_READY' = 'GENERATING'): Promise<Corrected> {
  const run = await failedAfter(status);
  const { job, dispatchId } = run;
  const correction = await corrected(job, 'transcript', 1);
  const of = (stage: string) => `s3://artifacts/${dispatchId}/${stage}`;
  return { job, run, audio: of('audio'), transcript: of('transcript'), correction };
}

/** Refused for these corrections, in the plan and in the request alike, and nothing is stored or sent. */
async function expectInTheWay(
  job: ActingJob,
  asked: Parameters<typeof retryAs>[1],
  ...edits: [stage: string, version: number, reason: string][]
): Promise<void> {
  const plan = await planOf(job, asked);
  const reply = await withoutSideEffect(job, () => retryAs(job, asked));

  expect(reply.status, reply.text).toBe(409);
  expect(reply.body).toMatchObject({ error_code: 'EDITS_IN_THE_WAY', retryable: false });
  expect(reply.body.details).toEqual({
    edits: edits.map(([stage, number, reason]) => ({ stage, version: number, reason })),
  });
  const { error_code, status, title, details } = reply.body;
  expect(plan).toMatchObject({ verdict: 'refused', refusal: { error_code, status, title, details } });
}

describe('a corrected transcript', () => {
  test('is kept by a retry under the same profile', async () => {
    const { job, audio, correction } = await transcriptCorrected();

    await expectDone('retry', job, BALANCED, {
      resume: 'TRANSCRIPT_READY',
      keep: [version('audio', 1, audio), version('transcript', 2, correction)],
      makes: { draft: 'gpt-5-mini' },
      edits_kept: [['transcript', 2]],
    });
  });

  test('is kept under another transcriber, which would not have made it otherwise', async () => {
    const { job, audio, correction } = await transcriptCorrected();

    await expectDone('retry', job, ACCURATE, {
      resume: 'TRANSCRIPT_READY',
      keep: [version('audio', 1, audio), version('transcript', 2, correction)],
      makes: { draft: 'gpt-5' },
      edits_kept: [['transcript', 2]],
    });
  });

  test('has the draft made again that was written from the text of before', async () => {
    const { job, audio, correction } = await transcriptCorrected('DRAFT_READY');
    expect((await planOf(job, BALANCED)).passed_over).toEqual([
      { stage: 'draft', version: 1, reason: 'older_than_edit' },
    ]);

    const { pipeline } = await expectDone('retry', job, BALANCED, {
      resume: 'TRANSCRIPT_READY',
      keep: [version('audio', 1, audio), version('transcript', 2, correction)],
      makes: { draft: 'gpt-5-mini' },
      edits_kept: [['transcript', 2]],
    });
    await pipeline.reportAll('GENERATING', 'DRAFT_READY');

    expect((await versionsOf(job)).slice(2)).toEqual([
      ['draft 1', 1, 'gpt-5-mini', 'stale'],
      ['transcript 2', 1, 'edits 1', 'current'],
      ['draft 2', 2, 'gpt-5-mini', 'current'],
    ]);
  });

  test('is looked past where its stage is named, and the transcript of before is what the draft is made of', async () => {
    const { job, audio, transcript } = await transcriptCorrected();

    const asked = { ...BALANCED, ...NOT_TRANSCRIPT };
    const { dispatchId } = await expectDone('retry', job, asked, {
      resume: 'TRANSCRIPT_READY',
      keep: [version('audio', 1, audio), version('transcript', 1, transcript)],
      makes: { draft: 'gpt-5-mini' },
      edits_discarded: [['transcript', 2]],
    });

    expect((await job.dispatch(dispatchId)).plan.discard_edits).toEqual(['transcript']);
  });

  test('is looked past where its stage is named, and another transcriber makes a new one, which stands from then on', async () => {
    const { job, audio } = await transcriptCorrected();

    const { pipeline, dispatchId } = await expectDone(
      'retry',
      job,
      { ...ACCURATE, ...NOT_TRANSCRIPT },
      {
        resume: 'AUDIO_READY',
        keep: [version('audio', 1, audio)],
        makes: { transcript: 'scribe-v2', draft: 'gpt-5' },
        edits_discarded: [['transcript', 2]],
      },
    );
    await pipeline.reportAll('TRANSCRIBING', 'TRANSCRIPT_READY', 'GENERATING', 'FAILED');

    expect(await versionsOf(job)).toEqual([
      ['audio 1', null, null, 'current'],
      ['transcript 1', 1, 'whisper-large-v3', 'current'],
      ['transcript 2', 1, 'edits 1', 'current'],
      ['transcript 3', 1, 'scribe-v2', 'current'],
    ]);
    await expectDone('retry', job, ACCURATE, {
      resume: 'TRANSCRIPT_READY',
      keep: [version('audio', 1, audio), version('transcript', 3, `s3://artifacts/${dispatchId}/transcript`)],
      makes: { draft: 'gpt-5' },
    });
  });

  test('is still kept where a retry that was to look past it has failed before it made another', async () => {
    const { job, audio, correction } = await transcriptCorrected();
    const { pipeline } = await acceptedRetry(job, { ...ACCURATE, ...NOT_TRANSCRIPT });
    await pipeline.reportAll('TRANSCRIBING', 'FAILED');

    await expectDone('retry', job, ACCURATE, {
      resume: 'TRANSCRIPT_READY',
      keep: [version('audio', 1, audio), version('transcript', 2, correction)],
      makes: { draft: 'gpt-5' },
      edits_kept: [['transcript', 2]],
    });
  });

  test('is in the way of a retry that is asked to begin before it', async () => {
    const { job, audio } = await transcriptCorrected();

    for (const resume_from of ['AUDIO_READY', 'UPLOADED']) {
      await expectInTheWay(job, { ...BALANCED, resume_from }, ['transcript', 2, 'asked']);
    }
    // Another stage than its own is another word.
    const draftAlone = { ...BALANCED, resume_from: 'AUDIO_READY', discard_edits: ['draft'] };
    await expectInTheWay(job, draftAlone, ['transcript', 2, 'asked']);

    await expectDone(
      'retry',
      job,
      { ...BALANCED, ...NOT_TRANSCRIPT, resume_from: 'AUDIO_READY' },
      {
        resume: 'AUDIO_READY',
        keep: [version('audio', 1, audio)],
        makes: { transcript: 'whisper-large-v3', draft: 'gpt-5-mini' },
        edits_discarded: [['transcript', 2]],
      },
    );
  });

  test('is the first thing that a retry is begun from that is asked to begin there', async () => {
    const { job, audio, correction } = await transcriptCorrected('DRAFT_READY');

    await expectDone(
      'retry',
      job,
      { ...BALANCED, resume_from: 'TRANSCRIPT_READY' },
      {
        resume: 'TRANSCRIPT_READY',
        keep: [version('audio', 1, audio), version('transcript', 2, correction)],
        makes: { draft: 'gpt-5-mini' },
        edits_kept: [['transcript', 2]],
      },
    );
  });

  test('of which the orchestrator makes another all the same is not passed over for that', async () => {
    const { job, audio, correction } = await transcriptCorrected();
    const { pipeline } = await acceptedRetry(job, BALANCED);
    await pipeline.report('TRANSCRIPT_READY', { artifact_updates: { transcript_uri: newRef('own') } });
    await pipeline.reportAll('GENERATING', 'FAILED');
    expect((await planOf(job, BALANCED)).passed_over).toEqual([
      { stage: 'transcript', version: 3, reason: 'older_than_edit' },
    ]);

    await expectDone('retry', job, BALANCED, {
      resume: 'TRANSCRIPT_READY',
      keep: [version('audio', 1, audio), version('transcript', 2, correction)],
      makes: { draft: 'gpt-5-mini' },
      edits_kept: [['transcript', 2]],
    });
  });
});

describe('a corrected draft', () => {
  async function draftCorrected() {
    const { job, dispatchId } = await failedAfter('DRAFT_READY');
    const correction = await corrected(job, 'draft', 1);
    const of = (stage: string) => `s3://artifacts/${dispatchId}/${stage}`;
    return { job, audio: of('audio'), transcript: of('transcript'), draft: of('draft'), correction };
  }

  test('is kept under any profile that may begin there', async () => {
    const { job, audio, transcript, correction } = await draftCorrected();
    expect(await planOf(job, ACCURATE)).toMatchObject({
      verdict: 'refused',
      refusal: {
        error_code: 'MODEL_PROFILE_NOT_ALLOWED',
        details: { reason: 'resume_point_not_allowed' },
      },
    });

    await expectDone(
      'retry',
      job,
      { model_profile: 'polished' },
      {
        resume: 'DRAFT_READY',
        keep: [
          version('audio', 1, audio),
          version('transcript', 1, transcript),
          version('draft', 2, correction),
        ],
        makes: {},
        edits_kept: [['draft', 2]],
      },
    );
  });

  test('is in the way of a transcript that is corrected afterwards, until either is named', async () => {
    const { job, audio, transcript, correction } = await draftCorrected();
    const text = await corrected(job, 'transcript', 1);
    await expectInTheWay(job, BALANCED, ['draft', 2, 'older_than_edit']);

    // Without the correction of the text the draft's is as good as ever.
    expect(await planOf(job, { ...BALANCED, ...NOT_TRANSCRIPT })).toMatchObject({
      verdict: 'allowed',
      resume: { status: 'DRAFT_READY', version: 2, checkpoint_ref: correction },
      stages: [{ ref: audio }, { ref: transcript }, { ref: correction }],
      edits_kept: [{ stage: 'draft', version: 2 }],
      edits_discarded: [{ stage: 'transcript', version: 2 }],
    });
    await expectDone(
      'retry',
      job,
      { ...BALANCED, discard_edits: ['draft'] },
      {
        resume: 'TRANSCRIPT_READY',
        keep: [version('audio', 1, audio), version('transcript', 2, text)],
        makes: { draft: 'gpt-5-mini' },
        edits_kept: [['transcript', 2]],
        edits_discarded: [['draft', 2]],
      },
    );
  });

  test('and a corrected transcript are both looked past where both are named, in whatever order', async () => {
    const { job, audio, transcript, draft } = await draftCorrected();
    await corrected(job, 'transcript', 1);

    const { reply } = await expectDone(
      'retry',
      job,
      { ...BALANCED, discard_edits: ['draft', 'transcript'] },
      {
        resume: 'DRAFT_READY',
        keep: [version('audio', 1, audio), version('transcript', 1, transcript), version('draft', 1, draft)],
        makes: {},
        edits_discarded: [
          ['transcript', 2],
          ['draft', 2],
        ],
      },
    );
    expect(reply.body.plan.discard_edits).toEqual(['transcript', 'draft']);
  });
});

describe('discard_edits', () => {
  test('of a job in which nothing was corrected is no other plan', async () => {
    const { job } = await failedAfter('GENERATING');
    const plain = await planOf(job, BALANCED);

    const plan = await planOf(job, { ...BALANCED, discard_edits: ['transcript', 'draft'] });

    expect(plan).toEqual(plain);
  });

  test('is part of the request: a repeat with other stages is another payload, and null names none', async () => {
    const { job } = await transcriptCorrected();
    const ask = (discard_edits?: string[] | null) =>
      retryAs(
        job,
        { ...BALANCED, ...(discard_edits === undefined ? {} : { discard_edits }) },
        {},
        'the-same',
      );
    expect((await ask()).status).toBe(202);

    expect((await ask(null)).status).toBe(200);
    expect((await ask([])).status).toBe(200);
    const other = await withoutSideEffect(job, () => ask(['transcript']));
    expect(other.body.error_code).toBe('CLIENT_REQUEST_ID_PAYLOAD_MISMATCH');
  });

  test.each<[string, unknown]>([
    ['a stage that nobody can correct', ['audio']],
    ['one that nobody can correct among others', ['transcript', 'audio']],
    ['what is no list', 'transcript'],
    ['what is no name', [7]],
    ['an empty name', ['']],
    ['three', ['transcript', 'draft', 'draft']],
  ])('with %s is refused by name', async (_what, discard_edits) => {
    const { job } = await failedAfter('GENERATING');

    for (const act of ['retry', 'redo']) {
      const body = { ...BALANCED, client_request_id: 'x', discard_edits };
      const reply = await withoutSideEffect(job, () => job.post(act, body));
      expect(reply.status).toBe(400);
      expect(reply.body.details.issues[0].path).toMatch(/^discard_edits/);
    }
  });

  test.each(['audio', 'transcript;draft', '', 'transcript,', 'transcript,draft,draft'])(
    'as %j in the query of a plan is refused by name',
    async (named) => {
      const { job } = await failedAfter('GENERATING');

      for (const kind of ['retry', 'redo'] as const) {
        const reply = await planReply(job, { discard_edits: [named] }, job.token, kind);
        expect(reply.status).toBe(400);
        expect(reply.body.details.issues[0].path).toMatch(/^discard_edits/);
      }
    },
  );
});

describe('an edit ends what earlier pipelines have to say', () => {
  test('one that had failed and reports late', async () => {
    const { job, run } = await transcriptCorrected();

    for (const status of ['GENERATING', 'DRAFT_READY', 'FAILED'] as const) {
      const late = await withoutSideEffect(job, () => run.pipeline.send(run.pipeline.body(status)));
      expect(late.status).toBe(409);
      expect(late.body).toMatchObject({
        error_code: 'DISPATCH_NOT_CURRENT',
        details: { dispatch_id: run.dispatchId, dispatch_state: 'FAILED' },
      });
    }
  });

  test('and without one it could have', async () => {
    const { job, pipeline } = await retriedAfter('GENERATING');
    await pipeline.reportAll('GENERATING', 'DRAFT_READY');
    await pipeline.report('EXPORTING');

    expect(await job.status()).toBe('EXPORTING');
  });

  test('and a pipeline that is dispatched afterwards says what it has to', async () => {
    const { job } = await transcriptCorrected();
    const { pipeline } = await acceptedRetry(job, BALANCED);
    await pipeline.reportAll('GENERATING', 'DRAFT_READY', 'EXPORTING', 'DONE');

    expect(await job.status()).toBe('DONE');
  });
});

describe('If-Match', () => {
  test('sees a correction that was made between the look and the retry', async () => {
    const { job } = await failedAfter('GENERATING');
    const { etag } = await planOf(job, BALANCED);
    const correction = await corrected(job, 'transcript', 1);

    const reply = await withoutSideEffect(job, () => retryAs(job, BALANCED, { 'if-match': etag }));

    expect(reply.status).toBe(412);
    expect(reply.body).toMatchObject({
      error_code: 'PLAN_CHANGED',
      details: {
        plan: {
          resume: { version: 2, checkpoint_ref: correction },
          edits_kept: [{ stage: 'transcript', version: 2 }],
        },
      },
    });
    const { etag: now } = reply.body.details.plan;
    expect((await retryAs(job, BALANCED, { 'if-match': now })).status).toBe(202);
  });

  test('sees that a correction of the same stage has taken the place of one that is looked past', async () => {
    const { job } = await transcriptCorrected();
    const asked = { ...BALANCED, ...NOT_TRANSCRIPT };
    const { etag } = await planOf(job, asked);
    await corrected(job, 'transcript', 2);

    const reply = await withoutSideEffect(job, () => retryAs(job, asked, { 'if-match': etag }));

    expect(reply.status).toBe(412);
    expect(reply.body.details.plan.edits_discarded).toEqual([{ stage: 'transcript', version: 3 }]);
  });

  test('sees that what was allowed is refused for a correction since', async () => {
    const { job } = await failedAfter('GENERATING');
    const asked = { ...BALANCED, resume_from: 'AUDIO_READY' };
    const { etag } = await planOf(job, asked);
    await corrected(job, 'transcript', 1);

    const reply = await withoutSideEffect(job, () => retryAs(job, asked, { 'if-match': etag }));

    expect(reply.status).toBe(412);
    expect(reply.body.details.plan).toMatchObject({
      verdict: 'refused',
      refusal: { error_code: 'EDITS_IN_THE_WAY' },
    });
  });
});
