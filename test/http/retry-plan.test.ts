// What an editor is shown before a click: the plan of a retry, in every state of a job, for every profile.
import { describe, expect, test } from 'vitest';
import { artifactUri } from '../support/pipeline/script.ts';
import {
  type ActingJob,
  createdJob,
  failedAfter,
  jobAt,
  retriedAfter,
  uploadedJob,
} from '../support/workerd/acting.ts';
import { call, editorToken, missingId, type Reply, traceOf } from '../support/workerd/harness.ts';
import { acceptedRetry, failsAfter, kept, planOf, planReply, redone, retryAs } from './planning.ts';

describe('the profile that is planned for', () => {
  test('is the one under which the job failed, where none is named', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    expect((await planOf(job)).model_profile).toBe('balanced');
    const { pipeline } = await acceptedRetry(job, { model_profile: 'accurate' });
    await failsAfter(pipeline, 'AUDIO_READY', 'TRANSCRIPT_READY');

    expect(await planOf(job)).toMatchObject({
      model_profile: 'accurate',
      resume: { status: 'TRANSCRIPT_READY', version: 1 },
    });
  });

  test('is the default of the policy for a job that has not failed', async () => {
    expect((await planOf(await uploadedJob())).model_profile).toBe('balanced');
  });
});

test('a plan says all that a retry would do', async () => {
  const { job, dispatchId: run } = await failedAfter('GENERATING');
  const [audio, transcript] = [artifactUri(run, 'audio'), artifactUri(run, 'transcript')];
  const proof = { state: 'unverified', reason: 'not_in_store' };

  expect(await planOf(job, { model_profile: 'balanced' })).toEqual({
    kind: 'retry',
    verdict: 'allowed',
    refusal: null,
    model_profile: 'balanced',
    policy_version: '2026-11-26',
    engines: { transcript: 'whisper-large-v3', draft: 'gpt-5-mini' },
    resume_from: null,
    resume: {
      status: 'TRANSCRIPT_READY',
      checkpoint_ref: transcript,
      version: 1,
      made_by: {
        kind: 'pipeline',
        dispatch_id: run,
        model_profile: 'balanced',
        policy_version: '2026-11-26',
        engine: 'whisper-large-v3',
      },
      proof,
    },
    stages: [
      kept('audio', 1, audio),
      kept('transcript', 1, transcript, 'resume_point'),
      redone('draft', 'gpt-5-mini', 'never_made'),
    ],
    passed_over: [],
    edits_kept: [],
    export: null,
    edits_discarded: [],
    estimate_seconds: {},
    etag: expect.stringMatching(/^"/),
    profiles: expect.any(Array),
  });
});

test('the menu has every profile that is enabled, with what a retry under it would do or why not', async () => {
  const { job } = await failedAfter('TRANSCRIBING');

  const plan = await planOf(job);

  expect(plan.profiles).toEqual([
    allowed('balanced', 'Balanced quality and cost', 'AUDIO_READY', 1),
    allowed('polished', 'The same transcript, a better draft', 'AUDIO_READY', 1),
    allowed('accurate', 'Best quality, slower', 'AUDIO_READY', 1),
    {
      ...allowed(
        'draft-only',
        'Rewrites the draft from an existing transcript, whoever made it',
        'AUDIO_READY',
        1,
      ),
      verdict: 'refused',
      refusal: {
        error_code: 'MODEL_PROFILE_NOT_ALLOWED',
        status: 409,
        title: 'The model policy does not allow this profile here',
        details: {
          reason: 'resume_point_not_allowed',
          model_profile: 'draft-only',
          allowed_model_profiles: ['balanced', 'polished', 'accurate'],
        },
      },
    },
  ]);
  // What the menu says is what each profile's own plan and retry say.
  for (const { id, verdict, resume_from_status } of plan.profiles) {
    const own = await planOf(job, { model_profile: id });
    expect([own.verdict, own.resume.status]).toEqual([verdict, resume_from_status]);
  }
});

const allowed = (id: string, title: string, status: string, version: number | null) => ({
  id,
  title,
  verdict: 'allowed',
  refusal: null,
  resume_from_status: status,
  version,
});

describe('a plan that is refused says the very problem that the retry is answered with', () => {
  const refused: [string, () => Promise<ActingJob>, string, Record<string, unknown>][] = [
    [
      'an unknown profile',
      failed,
      'imaginary',
      { error_code: 'MODEL_PROFILE_NOT_ALLOWED', details: { reason: 'unknown' } },
    ],
    [
      'a disabled profile',
      failed,
      'legacy',
      { error_code: 'MODEL_PROFILE_NOT_ALLOWED', details: { reason: 'disabled' } },
    ],
    [
      'a profile that may not start there',
      failed,
      'draft-only',
      { error_code: 'MODEL_PROFILE_NOT_ALLOWED', details: { reason: 'resume_point_not_allowed' } },
    ],
    [
      'a job without a video',
      () => createdJob(),
      'balanced',
      { error_code: 'RETRY_NOT_ALLOWED_STATE', details: { reason: 'not_failed', current_status: 'CREATED' } },
    ],
    ['an uploaded job', () => uploadedJob(), 'balanced', { error_code: 'RETRY_NOT_ALLOWED_STATE' }],
    [
      'a running job',
      async () => (await jobAt('TRANSCRIBING')).job,
      'balanced',
      { error_code: 'JOB_ALREADY_RUNNING', details: { current_status: 'TRANSCRIBING' } },
    ],
    [
      'a job whose retry is open',
      async () => (await retriedAfter('TRANSCRIBING')).job,
      'balanced',
      { error_code: 'JOB_ALREADY_RUNNING', details: { current_status: 'FAILED' } },
    ],
    [
      'a job with a draft',
      async () => (await jobAt('DRAFT_READY')).job,
      'balanced',
      { error_code: 'RETRY_NOT_ALLOWED_STATE', details: { attempted_status: 'DRAFT_READY' } },
    ],
    [
      'a cancelled job',
      cancelled,
      'balanced',
      { error_code: 'RETRY_NOT_ALLOWED_STATE', details: { current_status: 'CANCELLED' } },
    ],
    [
      'a job that is done',
      async () => (await jobAt('DONE')).job,
      'balanced',
      { error_code: 'RETRY_NOT_ALLOWED_STATE' },
    ],
  ];

  test.each(refused)('of %s', async (_what, make, profile, refusal) => {
    const job = await make();

    const plan = await planOf(job, { model_profile: profile });
    const reply = await retryAs(job, { model_profile: profile });

    expect(plan).toMatchObject({ verdict: 'refused', refusal });
    const { error_code, status, title, details } = reply.body;
    expect(plan.refusal).toEqual({ error_code, status, title, details });
  });

  test('and no video names nothing to resume from', async () => {
    expect((await planOf(await createdJob())).resume).toBeNull();
  });
});

describe('estimates come from the job’s own history', () => {
  test('of the stages that are made again and took a time before', async () => {
    const { job } = await failedAfter('GENERATING');
    await tookSeconds(job, {
      AUDIO_EXTRACTING: 10,
      AUDIO_READY: 12,
      TRANSCRIBING: 12,
      TRANSCRIPT_READY: 102.5,
    });

    expect((await planOf(job)).estimate_seconds).toEqual({});
    expect((await planOf(job, { model_profile: 'accurate' })).estimate_seconds).toEqual({ transcript: 90.5 });
    expect((await planOf(job, { resume_from: 'UPLOADED' })).estimate_seconds).toEqual({
      audio: 2,
      transcript: 90.5,
    });
  });

  test('and are no part of what the plan is known by', async () => {
    const { job } = await failedAfter('GENERATING');
    const asked = { model_profile: 'accurate' };
    const before = await planOf(job, asked);
    await tookSeconds(job, { TRANSCRIBING: 1, TRANSCRIPT_READY: 301 });

    const after = await planOf(job, asked);

    expect(after.estimate_seconds.transcript).toBe(300);
    expect(before.estimate_seconds.transcript).not.toBe(300);
    expect(after.etag).toBe(before.etag);
    expect((await retryAs(job, asked, { 'if-match': before.etag })).status).toBe(202);
  });

  test('a stage that failed tells nothing of how long it takes', async () => {
    const { job } = await failedAfter('GENERATING');
    await tookSeconds(job, { GENERATING: 1, FAILED: 500 });

    expect((await planOf(job, { resume_from: 'AUDIO_READY' })).estimate_seconds).not.toHaveProperty('draft');
  });
});

describe('the tag of a plan', () => {
  test('is the same for as long as the same would be done', async () => {
    const { job } = await failedAfter('TRANSCRIBING');
    const { etag } = await planOf(job);
    const { pipeline } = await acceptedRetry(job, { model_profile: 'balanced' });
    await pipeline.reportAll('TRANSCRIBING', 'FAILED');

    expect((await planOf(job)).etag).toBe(etag);
  });

  test('changes with each of: the profile, where it begins, what is kept, and that it is refused', async () => {
    const { job } = await failedAfter('GENERATING');
    const plans = [
      await planOf(job),
      await planOf(job, { model_profile: 'polished' }),
      await planOf(job, { model_profile: 'accurate' }),
      await planOf(job, { model_profile: 'draft-only' }),
      await planOf(job, { model_profile: 'legacy' }),
      await planOf(job, { model_profile: 'imaginary' }),
      await planOf(job, { resume_from: 'AUDIO_READY' }),
      await planOf(job, { resume_from: 'UPLOADED' }),
      await planOf(job, { resume_from: 'DRAFT_READY' }),
    ];
    const again = await acceptedRetry(job, { model_profile: 'balanced', resume_from: 'AUDIO_READY' });
    plans.push(await planOf(job));
    await again.pipeline.reportAll('TRANSCRIBING', 'TRANSCRIPT_READY', 'FAILED');
    plans.push(await planOf(job));

    expect(new Set(plans.map(({ etag }) => etag)).size).toBe(plans.length);
  });

  test('tells profiles apart that keep the same, and those that are refused for the same reason', async () => {
    const { job } = await failedAfter('DRAFT_READY');
    const tags = [];
    for (const profile of ['balanced', 'draft-only', 'imaginary', 'unheard-of']) {
      const plan = await planOf(job, { model_profile: profile });
      if (plan.verdict === 'allowed') expect(plan.resume.status).toBe('DRAFT_READY');
      tags.push(plan.etag);
    }

    expect(new Set(tags).size).toBe(4);
  });

  test('says the same where the same point is asked for that would be taken anyway', async () => {
    const { job } = await failedAfter('GENERATING');

    expect((await planOf(job, { resume_from: 'TRANSCRIPT_READY' })).etag).toBe((await planOf(job)).etag);
  });
});

test('a plan stores and sends nothing, however often it is looked at', async () => {
  const { job } = await failedAfter('TRANSCRIBING');
  const before = await traceOf(job);
  for (const profile of ['balanced', 'accurate', 'legacy']) await planOf(job, { model_profile: profile });

  expect(await traceOf(job)).toEqual(before);
});

test('somebody else’s job and one that does not exist are answered byte for byte the same', async () => {
  const { job } = await failedAfter('TRANSCRIBING');
  const token = await editorToken(`stranger-${crypto.randomUUID()}`);
  const missing = await missingId('job');
  const seen = ({ status, headers, text }: Reply, id: string) => ({
    status,
    type: headers.get('content-type'),
    etag: headers.get('etag'),
    text: text.replaceAll(id, '…').replace(/"instance":"[^"]*"/, '"instance":"…"'),
  });

  for (const query of ['', '?model_profile=balanced', '?model_profile=imaginary&resume_from=UPLOADED']) {
    const theirs = await call('GET', `/jobs/${job.id}/retry-plan${query}`, { token });
    const nobodys = await call('GET', `/jobs/${missing}/retry-plan${query}`, { token });
    expect(theirs.status).toBe(404);
    expect(seen(theirs, job.id)).toEqual(seen(nobodys, missing));
  }
});

test.each([
  ['model_profile=', 'model_profile'],
  [`model_profile=${'x'.repeat(65)}`, 'model_profile'],
  ['model_profile=a%20b', 'model_profile'],
  ['resume_from=TRANSCRIBING', 'resume_from'],
  ['resume_from=', 'resume_from'],
  ['profile=balanced', ''],
])('a query of %s is refused by name', async (query, path) => {
  const { job } = await failedAfter('TRANSCRIBING');

  const reply = await call('GET', `/jobs/${job.id}/retry-plan?${query}`, { token: job.token });

  expect(reply.status).toBe(400);
  expect(reply.body.details.issues[0].path).toBe(path);
});

test('without a token there is no plan', async () => {
  const job = await uploadedJob();

  expect((await call('GET', `/jobs/${job.id}/retry-plan`)).status).toBe(401);
});

test('a plan of today is not kept by a cache', async () => {
  const { job } = await failedAfter('TRANSCRIBING');

  expect((await planReply(job)).headers.get('cache-control')).toBe('no-store');
});

async function failed(): Promise<ActingJob> {
  return (await failedAfter('TRANSCRIBING')).job;
}

async function cancelled(): Promise<ActingJob> {
  const { job } = await jobAt('AUDIO_READY');
  await job.cancel();
  return job;
}

/** As if the first report of each status had come so many seconds after an hour of long ago. */
async function tookSeconds(job: ActingJob, seconds: Record<string, number>): Promise<void> {
  const start = Date.parse('2026-01-01T00:00:00Z');
  for (const [status, at] of Object.entries(seconds)) {
    await job.sql('UPDATE history SET recorded_at = ? WHERE status = ?', start + at * 1000, status);
  }
}
