// Reports that do not fit. What makes one unusable is a clear 4xx that names the field, and nothing is stored. What it could
// be applied without is left out, and named.
import { describe, expect, test, vi } from 'vitest';
import { type ActingPipeline, failedAfter, jobAt, once, retriedAfter } from '../support/workerd/acting.ts';
import type { Reply } from '../support/workerd/harness.ts';
import { expectIssues, refusal } from './refusal.ts';

type Fields = Record<string, unknown>;

/** A report that would be applied but for `fields`. */
const bodyWith = (pipeline: ActingPipeline, fields: Fields) => ({
  ...pipeline.body('TRANSCRIBING'),
  ...fields,
});
const long = (length: number) => 'x'.repeat(length);
const uri = 's3://media/a.wav';
const many = (count: number, value: unknown) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, value]));
const ignoredOf = ({ headers }: Reply) => headers.get('x-retake-ignored')?.split(', ') ?? [];

describe('a report that cannot be used is refused', () => {
  const cases: [string, Fields, string][] = [
    ['without an event_id', { event_id: undefined }, 'event_id'],
    ['with an empty event_id', { event_id: '' }, 'event_id'],
    ['with an overlong event_id', { event_id: long(129) }, 'event_id'],
    ['with a number for an event_id', { event_id: 1 }, 'event_id'],
    ['with a control character in its event_id', { event_id: 'a\u0007' }, 'event_id'],
    ['without a status', { status: undefined }, 'status'],
    ['with an unknown status', { status: 'POLISHING' }, 'status'],
    ['with a status in lower case', { status: 'transcribing' }, 'status'],
    ['that says CREATED', { status: 'CREATED' }, 'status'],
    ['that says UPLOADING', { status: 'UPLOADING' }, 'status'],
    ['that says UPLOADED', { status: 'UPLOADED' }, 'status'],
    ['that says CANCELLED', { status: 'CANCELLED' }, 'status'],
  ];

  const running = once(() => jobAt('AUDIO_READY'));

  test.each(cases)('%s', async (_what, fields, path) => {
    const { job, pipeline } = await running();

    expectIssues(await refusal(job, () => pipeline.send(bodyWith(pipeline, fields))), path);
  });
});

describe('a report is applied without what of it cannot be used, which is named,', () => {
  const updates = (artifacts: unknown) => ({ artifact_updates: artifacts });
  const cases: [string, Fields, string[]][] = [
    ['without a time', { occurred_at: undefined }, ['occurred_at']],
    ['at null', { occurred_at: null }, ['occurred_at']],
    ['at no date', { occurred_at: 'yesterday' }, ['occurred_at']],
    ['at a date without a time', { occurred_at: '2026-11-24' }, ['occurred_at']],
    ['at a time without a zone', { occurred_at: '2026-11-24T09:30:00' }, ['occurred_at']],
    ['on the 31st of February', { occurred_at: '2026-02-31T09:30:00Z' }, ['occurred_at']],
    ['at a number', { occurred_at: 1_764_000_000 }, ['occurred_at']],
    ['without a correlation_id', { correlation_id: undefined }, []],
    ['with an object for a correlation_id', { correlation_id: {} }, ['correlation_id']],
    ['with an empty correlation_id', { correlation_id: '' }, ['correlation_id']],
    ['with a list of artifacts', updates([]), ['artifact_updates']],
    ['with text for artifacts', updates('s3://media/a'), ['artifact_updates']],
    ['with null for artifacts', updates(null), []],
    ['with an artifact that is no URI', updates({ audio_uri: 'a.wav' }), ['artifact_updates.audio_uri']],
    [
      'with an artifact over http',
      updates({ audio_uri: 'http://a.example/a' }),
      ['artifact_updates.audio_uri'],
    ],
    ['with an artifact that is a number', updates({ draft_uri: 7 }), ['artifact_updates.draft_uri']],
    [
      'with an artifact that holds credentials',
      updates({ draft_uri: 'https://u:p@h.example/' }),
      ['artifact_updates.draft_uri'],
    ],
    [
      'with an export that is no URI',
      updates({ exports: { srt: 'a.srt', vtt: uri } }),
      ['artifact_updates.exports.srt'],
    ],
    ['with a list of exports', updates({ exports: [uri] }), ['artifact_updates.exports']],
    [
      'with exports whose names are no tokens',
      updates({ exports: { 'two words': uri, '<b>': uri, '"': uri, [long(65)]: uri, srt: uri } }),
      ['artifact_updates.exports.*'],
    ],
    ['with 33 exports', updates({ exports: many(33, uri) }), ['artifact_updates.exports.f32']],
    ['with 65 metrics', updates({ metrics: many(65, 1) }), ['artifact_updates.metrics.f64']],
    ['with a list of metrics', updates({ metrics: [1] }), ['artifact_updates.metrics']],
    [
      'with metrics of any form',
      updates({ metrics: { words: [], none: null, deep: { a: 1 }, 'two words': 1, duration_s: 61.5 } }),
      ['words', 'none', 'deep', '*'].map((name) => `artifact_updates.metrics.${name}`),
    ],
    ['with a negative size', updates({ size_bytes: -1 }), ['artifact_updates.size_bytes']],
    ['with half a byte', updates({ size_bytes: 0.5 }), ['artifact_updates.size_bytes']],
    ['with a digest that is no token', updates({ digest: 'two words' }), ['artifact_updates.digest']],
    [
      'with an artifact that nobody knows',
      updates({ thumbnail_uri: uri }),
      ['artifact_updates.thumbnail_uri'],
    ],
    ['with 101 percent', { progress_pct: 101 }, []],
    ['with less than nothing', { progress_pct: -1 }, []],
    ['with words for progress', { progress_pct: 'half' }, ['progress_pct']],
    ['of an editor', { actor_type: 'editor' }, []],
    ['of the system', { actor_type: 'system' }, []],
  ];

  test.each(cases)('%s', async (_what, fields, ignored) => {
    const { job, pipeline } = await jobAt('AUDIO_READY');

    const reply = await pipeline.send(bodyWith(pipeline, fields));

    expect([reply.status, ignoredOf(reply)]).toEqual([204, ignored]);
    expect(await job.status()).toBe('TRANSCRIBING');
  });
});

describe('a failure is told whatever its report looks like:', () => {
  const failed = async (fields: Fields) => {
    const { job, pipeline } = await jobAt('TRANSCRIBING');
    const { failure_code: _, failure_message: __, failed_stage: ___, ...body } = pipeline.body('FAILED');
    const reply = await pipeline.send({ ...body, ...fields });
    const { status, failure } = await job.get();
    return { reply, status, failure };
  };
  const known = { failure_code: 'BROKEN' };
  const cases: [string, Fields, Fields, string[]][] = [
    ['without a code', {}, { failure_code: 'UNSPECIFIED', failure_message: null, failed_stage: null }, []],
    ['with null for a code', { failure_code: null }, { failure_code: 'UNSPECIFIED' }, []],
    ['with an empty code', { failure_code: '' }, { failure_code: 'UNSPECIFIED' }, ['failure_code']],
    ['with a list for a code', { failure_code: [1] }, { failure_code: 'UNSPECIFIED' }, ['failure_code']],
    ['with the code of an exit', { failure_code: 137 }, { failure_code: '137' }, []],
    ['with a code of 67 characters', { failure_code: long(67) }, { failure_code: long(64) }, []],
    ['with a stage in words', { failed_stage: 'Audio extraction' }, { failed_stage: 'Audio extraction' }, []],
    ['with a long stage', { failed_stage: long(200) }, { failed_stage: long(64) }, []],
    ['with a long message', { ...known, failure_message: long(3000) }, { failure_message: long(2000) }, []],
    [
      'with a message as ffmpeg writes it',
      { ...known, failure_message: 'frame=1\rframe=2\r\n\u001b[31mError\u001b[0m\u0000' },
      { failure_message: 'frame=1\nframe=2\nError' },
      [],
    ],
    [
      'with an object for a message',
      { ...known, failure_message: { text: 'x' } },
      { failure_code: 'BROKEN', failure_message: null },
      ['failure_message'],
    ],
  ];

  test.each(cases)('%s', async (_what, fields, failure, ignored) => {
    const told = await failed(fields);

    expect([told.reply.status, told.status, ignoredOf(told.reply)]).toEqual([204, 'FAILED', ignored]);
    expect(told.failure).toMatchObject(failure);
  });

  test('with half an emoji where it was cut', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');
    const good = JSON.stringify({ ...pipeline.body('FAILED'), failure_message: 'HERE' });

    const reply = await pipeline.send(good.replace('"HERE"', '"cut \\ud83c"'));

    expect(reply.status).toBe(204);
    expect((await job.get()).failure.failure_message).toBe('cut \ufffd');
  });
});

describe('of what is left out', () => {
  test('the rest is stored, and only that', async () => {
    const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
    const artifacts = {
      audio_uri: uri,
      transcript_uri: 'nowhere',
      exports: { srt: 's3://media/a.srt', bad: 'nowhere' },
      metrics: { words: 7, deep: { secret: 'x' } },
      thumbnail_uri: 'javascript:alert(1)',
      owner: 'somebody',
    };

    await pipeline.report('AUDIO_READY', { artifact_updates: artifacts, status_of_owner: 'x' });

    expect((await job.get()).manifest).toEqual({
      video_uri: 's3://media/talk.mp4',
      audio_uri: uri,
      transcript_uri: null,
      draft_uri: null,
      exports: { srt: 's3://media/a.srt' },
    });
    const history = JSON.stringify(await job.sql('SELECT * FROM history'));
    expect(history).toContain('words');
    for (const left of ['nowhere', 'secret', 'thumbnail', 'javascript']) expect(history).not.toContain(left);
  });

  test('the log has the names, and nothing of the values', async () => {
    const { pipeline } = await jobAt('AUDIO_READY');
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});

    await pipeline.report('TRANSCRIBING', {
      artifact_updates: { metrics: { words: ['the secret'], 'a secret name': 1 } },
    });

    const lines = warn.mock.calls.flat().filter((line) => line.includes('callback_fields_ignored'));
    expect(lines.map((line) => JSON.parse(line).names)).toEqual([
      ['artifact_updates.metrics.words', 'artifact_updates.metrics.*'],
    ]);
    expect(lines.join()).not.toContain('secret');
  });

  test('a long list is cut', async () => {
    const { pipeline } = await jobAt('AUDIO_READY');
    const body = bodyWith(pipeline, { artifact_updates: { exports: many(200, 'nowhere') } });

    expect(ignoredOf(await pipeline.send(body))).toHaveLength(20);
  });

  test('a repeat of the report is told again, and the report is the same only with it as it was', async () => {
    const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
    const body = pipeline.body('AUDIO_READY', {
      artifact_updates: { audio_uri: uri, metrics: { layers: [[1], [2]] } },
      engine: { name: 'whisper', layers: [[1], [2]] },
    });
    const first = await pipeline.send(body);

    const again = await pipeline.send({ engine: { layers: [[1], [2]], name: 'whisper' }, ...body });
    const others = [
      { ...body, engine: { name: 'whisper', layers: [[1], [3]] } },
      { ...body, artifact_updates: { audio_uri: uri, metrics: { layers: [[1], [3]] } } },
    ];

    expect([first.status, again.status]).toEqual([204, 200]);
    expect([first, again].map(ignoredOf)).toEqual(Array(2).fill(['artifact_updates.metrics.layers']));
    for (const other of others) {
      const reply = await refusal(job, () => pipeline.send(other));
      expect([reply.status, reply.body.error_code]).toEqual([409, 'EVENT_ID_PAYLOAD_MISMATCH']);
    }
  });

  test('a refusal says nothing', async () => {
    const { job, pipeline } = await failedAfter('TRANSCRIBING');

    const reply = await refusal(job, () => pipeline.send(bodyWith(pipeline, { occurred_at: 'x' })));

    expect([reply.status, ignoredOf(reply)]).toEqual([409, []]);
  });
});

describe('what a report leaves open', () => {
  test('its correlation_id is that of its dispatch', async () => {
    const { job, pipeline, dispatchId } = await jobAt('AUDIO_READY');

    await pipeline.report('FAILED', { correlation_id: undefined });

    const { correlation_id } = await job.dispatch(dispatchId);
    expect(correlation_id).toMatch(/^req_/);
    expect((await job.transitions()).at(-1)).toMatchObject({ new_status: 'FAILED', correlation_id });
    expect((await job.get()).failure.correlation_id).toBe(correlation_id);
  });

  test('a number is a correlation_id as it is written', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');

    await pipeline.report('TRANSCRIBING', { correlation_id: 4711 });

    expect((await job.transitions()).at(-1)).toMatchObject({ correlation_id: '4711' });
  });

  test('its time is that of its receipt', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');
    const before = Date.now();

    await pipeline.report('TRANSCRIBING', { occurred_at: undefined });

    const at = Date.parse((await job.transitions()).at(-1).occurred_at);
    expect(at).toBeGreaterThanOrEqual(before);
    expect(at).toBeLessThanOrEqual(Date.now());
  });

  test('its actor is the orchestrator, whatever it claims', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');

    await pipeline.report('TRANSCRIBING', { actor_type: 'system' });

    expect((await job.transitions()).at(-1)).toMatchObject({ actor_type: 'orchestrator' });
  });

  test('its progress lies between nothing and all', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');

    await pipeline.report('TRANSCRIBING', { progress_pct: 100.00000000000001 });

    expect((await job.get()).progress_pct).toBe(100);
  });
});

describe('the time of a report', () => {
  const day = 86_400_000;
  const at = (offsetMs: number) => new Date(Date.now() + offsetMs).toISOString();

  test.each([
    ['from the far past', at(-400 * day), []],
    ['from 1970', '1970-01-01T00:00:00.000Z', []],
    ['a minute ahead', at(60_000), []],
    ['ten minutes ahead', at(600_000), ['occurred_at']],
    ['from the year 9999', '9999-12-31T23:59:59.000Z', ['occurred_at']],
  ])('is taken as it is %s', async (_what, occurredAt, ignored) => {
    const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');

    const reply = await pipeline.send(pipeline.body('AUDIO_READY', { occurred_at: occurredAt }));

    expect([reply.status, ignoredOf(reply)]).toEqual([204, ignored]);
    expect((await job.transitions()).at(-1).occurred_at).toBe(occurredAt);
  });

  test('may be in any zone', async () => {
    const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
    const now = Date.now();
    const inKolkata = new Date(now + 5.5 * 3_600_000).toISOString().replace('Z', '+05:30').toLowerCase();

    await pipeline.report('AUDIO_READY', { occurred_at: inKolkata });

    const [, , last] = await job.transitions();
    expect(last.occurred_at).toBe(new Date(now).toISOString());
  });

  test('that is far ahead holds back no other report', async () => {
    const { job, pipeline } = await retriedAfter('TRANSCRIBING');
    await pipeline.report('TRANSCRIBING', { occurred_at: '9999-12-31T23:59:59Z' });

    await pipeline.reportAll('TRANSCRIPT_READY', 'GENERATING', 'DRAFT_READY', 'EDITING', 'REGENERATING');
    const back = await pipeline.send(pipeline.body('DRAFT_READY', { occurred_at: at(60_000) }));

    expect([back.status, await job.status()]).toEqual([204, 'DRAFT_READY']);
  });
});

test('a repeat under the same event id with a fresh time is the same report', async () => {
  const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
  const body = pipeline.body('AUDIO_READY', { occurred_at: '2026-11-24T09:30:00.000Z' });
  await pipeline.send(body);

  const again = await pipeline.send({ ...body, occurred_at: new Date().toISOString() });

  expect([again.status, again.body.replayed]).toEqual([200, true]);
  expect((await job.transitions()).at(-1).occurred_at).toBe('2026-11-24T09:30:00.000Z');
});
