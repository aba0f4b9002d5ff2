// What a test may ask of the local orchestrator: answers, and pipelines that misbehave. That it keeps the contract when
// nothing is asked of it is the conformance kit's to say, what a script means pipeline.test.ts's.
import { describe, expect, test } from 'vitest';
import { arrange, post, statusesOf } from './arrange.ts';

describe('planned answers', () => {
  test('answers are used up one per request, then dispatches are accepted', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({
      answers: [
        { kind: 'refuse', status: 422, body: { no: true } },
        { kind: 'error', status: 503, retry_after: 7 },
        { kind: 'redirect', location: 'http://elsewhere.example/' },
      ],
    });

    const refused = await post(url, run);
    const error = await post(url, run);
    const redirect = await post(url, run);
    const executionsBefore = (await client.log(job.id)).executions;
    const accepted = await post(url, run);

    expect([refused.status, await refused.json()]).toEqual([422, { no: true }]);
    expect([error.status, error.headers.get('retry-after')]).toEqual([503, '7']);
    expect([redirect.status, redirect.headers.get('location')]).toEqual([307, 'http://elsewhere.example/']);
    expect(executionsBefore).toEqual([]);
    expect(accepted.status).toBe(202);
  });

  test('the last answer sticks when the plan says so', async () => {
    const { url, jobWith } = await arrange();
    const { run } = await jobWith({ answers: [{ kind: 'error', status: 500 }], repeat_last: true });

    const statuses = [
      (await post(url, run)).status,
      (await post(url, run)).status,
      (await post(url, run)).status,
    ];

    expect(statuses).toEqual([500, 500, 500]);
  });

  test('each job uses up the default plan on its own', async () => {
    const { url, client, jobWith } = await arrange();
    const jobs = [await jobWith(), await jobWith()];
    await client.plan('default', { answers: [{ kind: 'error', status: 500 }] });

    const statuses = [];
    for (const { job, run } of jobs) {
      await client.clear(job.id);
      statuses.push((await post(url, run)).status, (await post(url, run)).status);
    }

    expect(statuses).toEqual([500, 202, 500, 202]);
  });

  test('a hung dispatch is never answered and never executed', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({ answers: [{ kind: 'hang' }] });
    const caller = new AbortController();

    const hung = post(url, run, { signal: caller.signal });
    await client.waitFor(job.id, 'requests');
    caller.abort();

    await expect(hung).rejects.toThrow();
    const log = await client.waitFor(job.id, 'idle');
    expect(log.requests.map(({ answer }) => answer)).toEqual(['hung']);
    expect(log.executions).toEqual([]);
  });

  test('a late answer comes after the execution has begun', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({
      answers: [{ kind: 'accept_late', delay_ms: 1 }],
      pipeline: { manual: true },
    });

    const response = await post(url, run);

    expect(response.status).toBe(202);
    expect((await client.log(job.id)).executions).toHaveLength(1);
  });

  test('a first callback can overtake the answer to its dispatch', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({ answers: [{ kind: 'callback_first' }] });
    const held = Promise.withResolvers<void>();
    job.respond = (_report, decide) => held.promise.then(decide);

    const answer = post(url, run);
    await job.until(() => job.reports.length > 0, 10_000);
    const beforeCallbackIsAnswered = await client.log(job.id);
    held.resolve();

    expect(beforeCallbackIsAnswered.requests.map(({ answer }) => answer)).toEqual(['pending']);
    expect((await answer).status).toBe(202);
  });

  test('a garbage answer is a 200 that is not JSON, for a dispatch that was executed', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({ answers: [{ kind: 'garbage', bytes: 10_000 }] });

    const response = await post(url, run);

    expect([response.status, (await response.text()).length]).toEqual([200, 10_000]);
    expect((await client.log(job.id)).executions).toHaveLength(1);
  });

  test('a dispatch whose answer was dropped is executed once, also when it is repeated', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({ answers: [{ kind: 'accept_then_drop' }] });

    await expect(post(url, run)).rejects.toThrow();
    const repeat = await post(url, run);

    expect(repeat.status).toBe(200);
    const log = await client.waitFor(job.id, 'idle');
    expect(log.executions).toHaveLength(1);
    expect(log.requests.map(({ answer }) => answer)).toEqual(['dropped', 200]);
  });

  test('a repeat that arrives while the first is on hold is executed once', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({ answers: [{ kind: 'hold' }] });

    const onHold = post(url, run);
    await client.waitFor(job.id, 'held');
    const repeat = await post(url, run);
    await client.release(job.id);

    expect([repeat.status, (await onHold).status]).toEqual([202, 200]);
    expect((await client.log(job.id)).executions).toHaveLength(1);
  });

  test('a cancel has answers of its own', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({
      cancel_answers: [{ kind: 'error', status: 503 }],
      pipeline: { manual: true },
    });
    const cancel = job.cancel(run, null);

    const statuses = [
      (await post(url, run)).status,
      (await post(url, cancel)).status,
      (await post(url, cancel)).status,
    ];

    expect(statuses).toEqual([202, 503, 202]);
    expect((await client.log(job.id)).cancels).toHaveLength(1);
  });
});

const TO_VTT = { formats: ['vtt'], params: { lines: 2 } };

describe('an orchestrator of before', () => {
  test.each(['redo', 'export'] as const)('refuses a job.%s, and executes what it knows', async (kind) => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({ unknown_types: ['job.redo', 'job.export'] });
    await post(url, run);
    await client.waitFor(job.id, 'idle');

    const { status } = await post(url, kind === 'redo' ? await job.redo() : await job.export(TO_VTT));

    expect(status).toBe(400);
    const { requests, executions } = await client.waitFor(job.id, 'idle');
    expect(requests.map(({ type, answer }) => [type, answer])).toEqual([
      ['job.run', 202],
      [`job.${kind}`, 400],
    ]);
    expect(executions.map(({ type }) => type)).toEqual(['job.run']);
  });
});

describe('planned pipelines', () => {
  test('one that nothing is asked of beats while it transcribes, and says how far it is', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith();

    await post(url, run);
    const { executions } = await client.waitFor(job.id, 'idle');

    expect(job.reports.map(({ body }) => [body?.status, body?.progress_pct ?? null])).toEqual([
      ['AUDIO_EXTRACTING', null],
      ['AUDIO_READY', null],
      ['TRANSCRIBING', 0],
      ['TRANSCRIBING', 33],
      ['TRANSCRIBING', 67],
      ['TRANSCRIPT_READY', null],
      ['GENERATING', null],
      ['DRAFT_READY', null],
    ]);
    expect(executions.map(({ state }) => state)).toEqual(['finished']);
  });

  test('a planned failure fails the first execution and lets the next one through, from where it failed', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({ pipeline: { fail_at: 'TRANSCRIBING' } });

    await post(url, run);
    await client.waitFor(job.id, 'idle');
    const failure = job.reports.at(-1)?.body;
    await post(url, await job.retry());
    const { executions } = await client.waitFor(job.id, 'idle');

    expect(failure).toMatchObject({
      status: 'FAILED',
      failure_code: 'TRANSCRIPTION_FAILED',
      failed_stage: 'TRANSCRIBING',
    });
    expect(executions.map(({ state }) => state)).toEqual(['failed', 'finished']);
    expect(job.status).toBe('DRAFT_READY');
  });

  test('one that is asked to restates its checkpoint, goes on behind the draft, and overwrites what others have made', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({
      pipeline: { fail_at: 'TRANSCRIBING', heartbeats: 0, ...{ restates: true, overwrites: true } },
    });
    await post(url, run);
    await client.waitFor(job.id, 'idle');
    await client.plan(job.id, {
      pipeline: {
        ...{ heartbeats: 0, restates: true, overwrites: true },
        ...{ goes_on_to: ['editing'], artifacts_come: 'late' },
      },
    });

    const before = job.reports.length;
    await post(url, await job.retry());
    await client.waitFor(job.id, 'idle');

    const brought = ({ body }: (typeof job.reports)[number]) => Object.values(body?.artifact_updates ?? {});
    const retried = job.reports.slice(before);
    expect(retried.map(({ body }) => body?.status)).toEqual([
      ...['AUDIO_READY', 'TRANSCRIBING', 'TRANSCRIPT_READY', 'GENERATING', 'DRAFT_READY', 'EDITING'],
    ]);
    expect(retried.map((report) => brought(report)[0] ?? null)).toEqual([
      ...[null, 's3://artifacts/overwritten/audio', null, 's3://artifacts/overwritten/transcript', null],
      's3://artifacts/overwritten/draft',
    ]);
  });

  test('one that resumes from the draft, and is asked for nothing more, makes nothing and leaves it to its editor', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({ pipeline: { goes_on_to: ['export'], fail_at: 'EXPORTING' } });
    await post(url, run);
    await client.waitFor(job.id, 'idle');
    const { made } = await client.log();
    const before = job.reports.length;
    await client.plan(job.id, {});

    await post(url, await job.retry());
    await client.waitFor(job.id, 'idle');

    expect(statusesOf(job).slice(before - 2)).toEqual(['EXPORTING', 'FAILED', 'EDITING']);
    expect(job.status).toBe('EDITING');
    const after = await client.log();
    expect(made).toHaveLength(3);
    expect([after.made, after.exported]).toEqual([made, []]);
  });

  test('one that gets the draft of before back after a redo that failed makes nothing', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({ pipeline: { heartbeats: 0 } });
    await post(url, run);
    await client.waitFor(job.id, 'idle');
    await client.plan(job.id, { pipeline: { fail_at: 'GENERATING', fail_times: 2 } });
    await post(url, await job.redo());
    await client.waitFor(job.id, 'idle');
    const { made } = await client.log();
    const failed = job.status;

    const retry = await job.retry('DRAFT_READY');
    await post(url, retry);
    const { executions, ...after } = await client.waitFor(job.id, 'idle');

    expect([failed, job.status]).toEqual(['FAILED', 'EDITING']);
    expect(statusesOf(job).at(-1)).toBe('EDITING');
    expect(executions.at(-1)).toMatchObject({ type: 'job.retry', state: 'finished' });
    expect(executions.at(-1)).toMatchObject({ source: retry.keep.at(-1)?.ref, keep: retry.keep });
    expect(made.map(({ stage }) => stage)).toEqual(['audio', 'transcript', 'draft']);
    expect([after.made, after.exported]).toEqual([made, []]);
  });

  test('one that resumes from the draft goes on to what its plan says', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({ pipeline: { goes_on_to: ['export'], fail_at: 'EXPORTING' } });
    await post(url, run);
    await client.waitFor(job.id, 'idle');

    await post(url, await job.retry());
    await client.waitFor(job.id, 'idle');

    expect(statusesOf(job).slice(-4)).toEqual(['EXPORTING', 'FAILED', 'EXPORTING', 'DONE']);
  });

  test.each([
    ['DRAFT_READY', {}],
    ['EDITING', { ends_editing: true }],
  ] as const)('a redo makes another draft, and ends at %s', async (status, plan) => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({ pipeline: { heartbeats: 0, ...plan } });
    await post(url, run);
    await client.waitFor(job.id, 'idle');
    const before = job.reports.length;

    const answer = await post(url, await job.redo('AUDIO_READY'));
    await client.waitFor(job.id, 'idle');

    expect(answer.status).toBe(202);
    expect(statusesOf(job).slice(before)).toEqual([
      ...['REGENERATING', 'REGENERATING', 'REGENERATING'],
      status,
    ]);
    expect(job.status).toBe(status);
  });

  test('an export goes to the formats that were asked for, and so does the retry of one that failed', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith();
    await post(url, run);
    await client.waitFor(job.id, 'idle');
    await client.plan(job.id, { pipeline: { fail_at: 'EXPORTING' } });
    const before = job.reports.length;

    await post(url, await job.export(TO_VTT));
    await client.waitFor(job.id, 'idle');
    const failed = job.status;
    await post(url, await job.retry());
    await client.waitFor(job.id, 'idle');

    expect(failed).toBe('FAILED');
    expect(statusesOf(job).slice(before)).toEqual(['EXPORTING', 'FAILED', 'EXPORTING', 'DONE']);
    const exports = job.reports.at(-1)?.body?.artifact_updates;
    expect(exports).toMatchObject({ exports: { vtt: expect.stringMatching(/^s3:.+\/vtt$/) } });
  });

  test.each([
    ['redo', 'REGENERATING'],
    ['export', 'EXPORTING'],
  ] as const)('a paused %s waits before %s, and a cancel ends it there', async (kind, status) => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({ pipeline: { pause_before: status } });
    await post(url, run);
    await client.waitFor(job.id, 'idle');
    const before = job.reports.length;
    const message = kind === 'redo' ? await job.redo() : await job.export(TO_VTT);

    await post(url, message);
    await client.waitFor(job.id, 'held');
    await post(url, job.cancel(message, null));
    const { executions } = await client.waitFor(job.id, 'idle');

    expect(job.reports).toHaveLength(before);
    expect(executions.map(({ type, state }) => [type, state])).toEqual([
      ['job.run', 'finished'],
      [`job.${kind}`, 'cancelled'],
    ]);
  });

  test('a manual execution sends no callback', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({ pipeline: { manual: true } });

    await post(url, run);
    const { executions } = await client.waitFor(job.id, 'idle');

    expect(executions.map(({ state }) => state)).toEqual(['manual']);
    expect(job.reports).toEqual([]);
  });

  test('a pipeline that dies says nothing more', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({ pipeline: { die_at: 'AUDIO_READY' } });

    await post(url, run);
    const { executions } = await client.waitFor(job.id, 'idle');

    expect(statusesOf(job)).toEqual(['AUDIO_EXTRACTING']);
    expect(executions.map(({ state }) => state)).toEqual(['died']);
  });

  test('duplicates bear the same event_id', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({ pipeline: { duplicate: true, stop_after: 'AUDIO_READY' } });

    await post(url, run);
    await client.waitFor(job.id, 'idle');

    expect(statusesOf(job)).toEqual(['AUDIO_EXTRACTING', 'AUDIO_EXTRACTING', 'AUDIO_READY', 'AUDIO_READY']);
    expect(job.reports.map(({ answer }) => answer)).toEqual([
      ...[{ status: 204 }, { status: 200 }],
      ...[{ status: 204 }, { status: 200 }],
    ]);
  });

  test('reordered callbacks arrive in swapped pairs and keep their true times', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({
      pipeline: { reorder: true, heartbeats: 0, stop_after: 'TRANSCRIPT_READY' },
    });

    await post(url, run);
    const { executions } = await client.waitFor(job.id, 'idle');

    // The transcript came before its job was transcribing, and so once more.
    expect(statusesOf(job)).toEqual([
      ...['AUDIO_READY', 'AUDIO_EXTRACTING'],
      ...['TRANSCRIPT_READY', 'TRANSCRIBING', 'TRANSCRIPT_READY'],
    ]);
    const bodies = job.reports.flatMap(({ body }) => body ?? []);
    const at = ({ occurred_at }: (typeof bodies)[number]) => Date.parse(String(occurred_at));
    const inTime = bodies.toSorted((a, b) => at(a) - at(b));
    expect([...new Set(inTime.map(({ status }) => status))]).toEqual([
      'AUDIO_EXTRACTING',
      'AUDIO_READY',
      'TRANSCRIBING',
      'TRANSCRIPT_READY',
    ]);
    expect(executions.map(({ state }) => state)).toEqual(['finished']);
  });

  test('a pipeline waits for its release before the status that it pauses at', async () => {
    const { url, client, jobWith } = await arrange();
    const { job, run } = await jobWith({ pipeline: { pause_before: 'TRANSCRIBING', heartbeats: 1 } });

    await post(url, run);
    await client.waitFor(job.id, 'held');
    const whileHeld = statusesOf(job);
    await client.release(job.id);
    await client.waitFor(job.id, 'idle');

    expect(whileHeld).toEqual(['AUDIO_EXTRACTING', 'AUDIO_READY']);
    expect(job.status).toBe('DRAFT_READY');
  });
});
