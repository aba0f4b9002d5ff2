// Bad callbacks: each kind is a clear 4xx that names the field, and nothing is stored.
import { describe, expect, test } from 'vitest';
import { type ActingPipeline, jobAt } from '../support/workerd/acting.ts';
import { expectIssues, refusal } from './refusal.ts';

const LONE_SURROGATE = '"\\ud83c"';

test('a long list of mistakes is cut', async () => {
  const { job, pipeline } = await jobAt('AUDIO_READY');
  const exports = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`f${index}`, 'nowhere']));
  const body = pipeline.body('TRANSCRIBING', { artifact_updates: { exports } });

  const reply = await refusal(job, () => pipeline.send(body));

  expect(reply.status).toBe(400);
  expect(reply.body.details.issues).toHaveLength(20);
});

describe('a callback', () => {
  const day = 86_400_000;
  const at = (offsetMs: number) => new Date(Date.now() + offsetMs).toISOString();
  const long = (length: number) => 'x'.repeat(length);
  const uri = 's3://media/a.wav';

  type Fields = Record<string, unknown>;
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
    ['without a time', { occurred_at: undefined }, 'occurred_at'],
    ['from the far past', { occurred_at: at(-32 * day) }, 'occurred_at'],
    ['from 1970', { occurred_at: '1970-01-01T00:00:00.000Z' }, 'occurred_at'],
    ['from the far future', { occurred_at: at(10 * 60_000) }, 'occurred_at'],
    ['from the year 9999', { occurred_at: '9999-12-31T23:59:59Z' }, 'occurred_at'],
    ['at no date', { occurred_at: 'yesterday' }, 'occurred_at'],
    ['at a date without a time', { occurred_at: '2026-11-24' }, 'occurred_at'],
    ['at a time without a zone', { occurred_at: '2026-11-24T09:30:00' }, 'occurred_at'],
    ['on the 31st of February', { occurred_at: '2026-02-31T09:30:00Z' }, 'occurred_at'],
    ['at a number', { occurred_at: 1_764_000_000 }, 'occurred_at'],
    ['at null', { occurred_at: null }, 'occurred_at'],
    ['without a correlation_id', { correlation_id: undefined }, 'correlation_id'],
    ['with an overlong correlation_id', { correlation_id: long(129) }, 'correlation_id'],
    [
      'with an artifact that is no URI',
      { artifact_updates: { audio_uri: 'a.wav' } },
      'artifact_updates.audio_uri',
    ],
    [
      'with an artifact that holds credentials',
      { artifact_updates: { draft_uri: 'https://u:p@h.example/' } },
      'artifact_updates.draft_uri',
    ],
    ['with a list of artifacts', { artifact_updates: [] }, 'artifact_updates'],
    [
      'with an export that is no URI',
      { artifact_updates: { exports: { srt: 'a.srt' } } },
      'artifact_updates.exports.srt',
    ],
    [
      'with 33 exports',
      {
        artifact_updates: {
          exports: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`f${i}`, uri])),
        },
      },
      'artifact_updates.exports',
    ],
    [
      'with a metric that is a list',
      { artifact_updates: { metrics: { words: [] } } },
      'artifact_updates.metrics.words',
    ],
    ['with a negative size', { artifact_updates: { size_bytes: -1 } }, 'artifact_updates.size_bytes'],
    ['with half a byte', { artifact_updates: { size_bytes: 0.5 } }, 'artifact_updates.size_bytes'],
    ['with 101 percent', { progress_pct: 101 }, 'progress_pct'],
    ['with less than nothing', { progress_pct: -1 }, 'progress_pct'],
    ['with words for progress', { progress_pct: 'half' }, 'progress_pct'],
    ['of an editor', { actor_type: 'editor' }, 'actor_type'],
    ['that failed without a failure_code', { status: 'FAILED' }, 'failure_code'],
    ['that failed with null for a failure_code', { status: 'FAILED', failure_code: null }, 'failure_code'],
    ['that failed with an empty failure_code', { status: 'FAILED', failure_code: '' }, 'failure_code'],
    ['with an overlong failure_code', { status: 'FAILED', failure_code: long(65) }, 'failure_code'],
    [
      'with an overlong failure_message',
      { status: 'FAILED', failure_code: 'BROKEN', failure_message: long(2001) },
      'failure_message',
    ],
    [
      'with an escape in its failure_message',
      { status: 'FAILED', failure_code: 'BROKEN', failure_message: '\u001b[31m' },
      'failure_message',
    ],
    [
      'with an overlong failed_stage',
      { status: 'FAILED', failure_code: 'BROKEN', failed_stage: long(65) },
      'failed_stage',
    ],
  ];

  /** A callback that would be applied but for `fields`. */
  const body = (pipeline: ActingPipeline, fields: Fields) => ({
    ...pipeline.body('TRANSCRIBING'),
    ...fields,
  });

  test.each(cases)('%s is refused', async (_what, fields, path) => {
    const { job, pipeline } = await jobAt('AUDIO_READY');

    expectIssues(await refusal(job, () => pipeline.send(body(pipeline, fields))), path);
  });

  test('with half a surrogate pair in its message is refused', async () => {
    const { job, pipeline } = await jobAt('AUDIO_READY');
    const good = JSON.stringify({ ...pipeline.body('FAILED'), failure_message: 'HERE' });

    const reply = await refusal(job, () => pipeline.send(good.replace('"HERE"', LONE_SURROGATE)));

    expectIssues(reply, 'failure_message');
  });

  test('with artifacts and fields that nobody knows is taken without them', async () => {
    const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
    const updates = { audio_uri: uri, thumbnail_uri: 'javascript:alert(1)', owner: 'somebody' };

    await pipeline.report('AUDIO_READY', { artifact_updates: updates, status_of_owner: 'x' });

    expect((await job.get()).manifest).toEqual({
      video_uri: 's3://media/talk.mp4',
      audio_uri: uri,
      transcript_uri: null,
      draft_uri: null,
      exports: {},
    });
    expect(JSON.stringify(await job.sql('SELECT * FROM history'))).not.toContain('thumbnail');
  });

  test('that comes again is the same report only with what nobody knows as it was', async () => {
    const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
    const body = pipeline.body('AUDIO_READY', { engine: { name: 'whisper', layers: [[1], [2]] } });
    await pipeline.send(body);

    const again = await pipeline.send({ engine: { layers: [[1], [2]], name: 'whisper' }, ...body });
    const other = { ...body, engine: { name: 'whisper', layers: [[1], [3]] } };
    const reply = await refusal(job, () => pipeline.send(other));

    expect(again.status).toBe(200);
    expect([reply.status, reply.body.error_code]).toEqual([409, 'EVENT_ID_PAYLOAD_MISMATCH']);
  });

  test('may name its time in any zone', async () => {
    const { job, pipeline } = await jobAt('AUDIO_EXTRACTING');
    const now = Date.now();
    const inKolkata = new Date(now + 5.5 * 3_600_000).toISOString().replace('Z', '+05:30');

    await pipeline.report('AUDIO_READY', { occurred_at: inKolkata });

    const [, , last] = await job.transitions();
    expect(last.occurred_at).toBe(new Date(now).toISOString());
  });
});
