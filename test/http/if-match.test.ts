// If-Match on a retry: exactly the plan that the caller has seen is done, or nothing is.
import { describe, expect, test } from 'vitest';
import {
  type ActingJob,
  ASYNC,
  failedAfter,
  jobAt,
  once,
  retriedAfter,
  uploadedJob,
} from '../support/workerd/acting.ts';
import { call, editorToken, type Reply, withoutSideEffect } from '../support/workerd/harness.ts';
import { acceptedRetry, failsAfter, planOf, redone, retryAs } from './planning.ts';

const BALANCED = { model_profile: 'balanced' };

const tagOf = async (job: ActingJob, asked = BALANCED): Promise<string> => (await planOf(job, asked)).etag;

/** A tag of before, and the job that has moved on since. */
async function stale(): Promise<{ job: ActingJob; tag: string }> {
  const { job } = await failedAfter('TRANSCRIBING');
  const tag = await tagOf(job);
  const { pipeline } = await acceptedRetry(job, BALANCED);
  await failsAfter(pipeline, 'AUDIO_READY', 'GENERATING');
  return { job, tag };
}

function expectPlanChanged(reply: Reply): void {
  expect(reply.status).toBe(412);
  expect(reply.headers.get('content-type')).toBe('application/problem+json');
  expect(reply.body).toMatchObject({ error_code: 'PLAN_CHANGED', retryable: false });
}

describe('a tag of the plan as it is now', () => {
  test.each<[string, (tag: string) => string]>([
    ['as it is', (tag) => tag],
    ['weakened on its way', (tag) => `W/${tag}`],
    ['among others', (tag) => `"another", ${tag},W/"a,third"`],
    ['weakened among others', (tag) => `W/"another",W/${tag}`],
    ['in a list with empty elements, which count for nothing', (tag) => `, ${tag},,`],
  ])('%s has exactly that plan done', async (_how, written) => {
    const { job } = await failedAfter('TRANSCRIBING');
    const plan = await planOf(job, BALANCED);

    const reply = await retryAs(job, BALANCED, { 'if-match': written(plan.etag) });

    expect(reply.status).toBe(202);
    expect(reply.body).toMatchObject({
      resume_from_status: plan.resume.status,
      checkpoint_ref: plan.resume.checkpoint_ref,
      plan: { stages: plan.stages, proof: plan.resume.proof },
    });
  });

  test('is what the answer to the plan bears as its ETag, which is strong', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    const reply = await call('GET', `/jobs/${job.id}/retry-plan`, { token: job.token });

    expect(reply.headers.get('etag')).toBe(reply.body.etag);
    expect(reply.body.etag).toMatch(/^"[!#-~]+"$/);
  });

  test('with respond-async is answered before the outcome of the delivery is known', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    await job.answers({ kind: 'error', status: 503 });

    const reply = await retryAs(job, BALANCED, { ...ASYNC, 'if-match': await tagOf(job) });

    expect(reply.status).toBe(202);
    expect(reply.body.dispatch_state).toBe('PENDING');
  });
});

describe('a tag of another plan', () => {
  test('is answered with the plan as it is now, and nothing is stored or sent', async () => {
    const { job, tag } = await stale();

    const reply = await withoutSideEffect(job, () => retryAs(job, BALANCED, { 'if-match': tag }));

    expectPlanChanged(reply);
    const { plan } = reply.body.details;
    const now = await planOf(job, BALANCED);
    expect(now).toMatchObject(plan);
    expect(plan).toMatchObject({
      verdict: 'allowed',
      resume: { status: 'TRANSCRIPT_READY', version: 1 },
      stages: [{ action: 'keep' }, { action: 'keep' }, redone('draft', 'gpt-5-mini', 'never_made')],
    });
    // With the tag that it was answered, it is done.
    expect((await retryAs(job, BALANCED, { 'if-match': plan.etag })).status).toBe(202);
  });

  test.each<[string, (tag: string) => string]>([
    ['weakened', (tag) => `W/${tag}`],
    ['among others', (tag) => `"another", ${tag}`],
    ['that nobody gave out', () => '"x"'],
    ['that is empty', () => '""'],
  ])('%s is refused', async (_how, written) => {
    const { job, tag } = await stale();

    expectPlanChanged(
      await withoutSideEffect(job, () => retryAs(job, BALANCED, { 'if-match': written(tag) })),
    );
  });

  test('with respond-async is refused as well, and nothing is stored or sent', async () => {
    const { job, tag } = await stale();

    expectPlanChanged(
      await withoutSideEffect(job, () => retryAs(job, BALANCED, { ...ASYNC, 'if-match': tag })),
    );
  });

  test('leaves the client_request_id free', async () => {
    const { job, tag } = await stale();
    expectPlanChanged(await retryAs(job, BALANCED, { 'if-match': tag }, 'the-same'));

    const reply = await retryAs(job, BALANCED, {}, 'the-same');

    expect(reply.status).toBe(202);
    expect(reply.body.replayed).toBe(false);
  });

  test('of the same job under another profile, or from another point, is refused', async () => {
    const { job } = await failedAfter('GENERATING');
    const others = [
      await tagOf(job, { model_profile: 'polished' }),
      (await planOf(job, { ...BALANCED, resume_from: 'AUDIO_READY' })).etag,
    ];

    for (const tag of others) {
      expectPlanChanged(await withoutSideEffect(job, () => retryAs(job, BALANCED, { 'if-match': tag })));
    }
  });
});

describe('a star', () => {
  test('has done whatever there is to be done', async () => {
    const { job } = await failedAfter('TRANSCRIBING');

    expect((await retryAs(job, BALANCED, { 'if-match': '*' })).status).toBe(202);
  });

  test('is refused as the request without it is', async () => {
    const { job } = await retriedAfter('TRANSCRIBING');

    const reply = await withoutSideEffect(job, () => retryAs(job, BALANCED, { 'if-match': ' * ' }));

    expect(reply.body.error_code).toBe('JOB_ALREADY_RUNNING');
  });
});

describe('what is no list of entity tags', () => {
  const failed = once(() => failedAfter('TRANSCRIBING'));

  test.each([
    'balanced',
    '"open',
    'W/',
    'w/"weak in lower case"',
    '"a" "b"',
    '*, "a"',
    '"a" x',
    '"with a blank"',
    ',',
    '',
    `"${'x'.repeat(8_000)}"`,
  ])('is refused before anything is looked at: %j', async (header) => {
    const { job } = await failed();

    const reply = await withoutSideEffect(job, () => retryAs(job, BALANCED, { 'if-match': header }));

    expect(reply.status).toBe(400);
    expect(reply.body).toMatchObject({
      error_code: 'VALIDATION_ERROR',
      details: { issues: [{ path: 'If-Match' }] },
    });
  });
});

describe('a repeat of an accepted request', () => {
  test.each<[string, (tag: string) => string]>([
    ['the tag that it was accepted with', (tag) => tag],
    ['that tag weakened', (tag) => `W/${tag}`],
    ['a tag of no plan', () => '"gone"'],
    ['a star', () => '*'],
  ])(
    'with %s is answered with the same dispatch, although the plan is another now',
    async (_how, written) => {
      const { job } = await failedAfter('TRANSCRIBING');
      const tag = await tagOf(job);
      const first = await retryAs(job, BALANCED, { 'if-match': tag }, 'the-same');

      const repeat = await withoutSideEffect(job, () =>
        retryAs(job, BALANCED, { 'if-match': written(tag) }, 'the-same'),
      );

      expect(repeat.status).toBe(200);
      expect(repeat.body).toEqual({ ...first.body, replayed: true });
    },
  );

  test('with a malformed header is refused all the same', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    await retryAs(job, BALANCED, {}, 'the-same');

    const repeat = await withoutSideEffect(job, () =>
      retryAs(job, BALANCED, { 'if-match': 'no tag' }, 'the-same'),
    );

    expect(repeat.status).toBe(400);
  });

  test('with another payload is refused for that, whatever its tag says', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    const tag = await tagOf(job);
    await retryAs(job, BALANCED, { 'if-match': tag }, 'the-same');

    const other = await withoutSideEffect(job, () =>
      retryAs(job, { model_profile: 'accurate' }, { 'if-match': tag }, 'the-same'),
    );

    expect(other.body.error_code).toBe('CLIENT_REQUEST_ID_PAYLOAD_MISMATCH');
  });
});

describe('a plan that was refused', () => {
  const refused: [string, () => Promise<ActingJob>, string, string][] = [
    ['a running job', async () => (await jobAt('TRANSCRIBING')).job, 'balanced', 'JOB_ALREADY_RUNNING'],
    ['a job that has not failed', () => uploadedJob(), 'balanced', 'RETRY_NOT_ALLOWED_STATE'],
    [
      'a profile that is switched off',
      async () => (await failedAfter('TRANSCRIBING')).job,
      'legacy',
      'MODEL_PROFILE_NOT_ALLOWED',
    ],
  ];

  test.each(refused)(
    'and still is, for %s, is refused in its own words',
    async (_what, make, profile, code) => {
      const job = await make();
      const plan = await planOf(job, { model_profile: profile });
      expect(plan).toMatchObject({ verdict: 'refused', refusal: { error_code: code } });

      const reply = await withoutSideEffect(job, () =>
        retryAs(job, { model_profile: profile }, { 'if-match': plan.etag }),
      );

      expect(reply.body).toMatchObject({
        error_code: code,
        status: plan.refusal.status,
        title: plan.refusal.title,
        details: plan.refusal.details,
      });
    },
  );

  test('and is allowed now is another plan', async () => {
    const { job, pipeline } = await jobAt('TRANSCRIBING');
    const tag = await tagOf(job);
    await pipeline.report('FAILED');

    const reply = await withoutSideEffect(job, () => retryAs(job, BALANCED, { 'if-match': tag }));

    expectPlanChanged(reply);
    expect(reply.body.details.plan.verdict).toBe('allowed');
  });

  test('and was allowed before is another plan, and says why it is refused', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    const tag = await tagOf(job);
    await acceptedRetry(job, BALANCED);

    const reply = await withoutSideEffect(job, () => retryAs(job, BALANCED, { 'if-match': tag }));

    expectPlanChanged(reply);
    expect(reply.body.details.plan).toMatchObject({
      verdict: 'refused',
      refusal: { error_code: 'JOB_ALREADY_RUNNING', status: 409 },
    });
  });
});

test('somebody else’s request with any tag is told of no such job', async () => {
  const { job } = await failedAfter('TRANSCRIBING');
  const tag = await tagOf(job);
  const token = await editorToken(`stranger-${crypto.randomUUID()}`);

  const body = { ...BALANCED, client_request_id: 'x' };
  for (const header of [tag, '"stale"', '*']) {
    const reply = await call('POST', `/jobs/${job.id}/retry`, {
      token,
      body,
      headers: { 'if-match': header },
    });
    expect(reply.status).toBe(404);
  }
});
