// The document says what of a report is taken: whatever StatusCallback in spec/openapi.yaml allows is read, by what a JSON
// Schema validator says of it, and what it does not allow is refused.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import fc, { type Arbitrary } from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { statusCallback, toCallbackCommand } from '../../src/contract/callback.ts';
import { DEFAULT_MEDIA_SCHEMES, isMediaUri } from '../../src/contract/media.ts';
import { REPORTABLE_STATUSES } from '../../src/domain/lifecycle.ts';

const document = parse(readFileSync(join(import.meta.dirname, '../../spec/openapi.yaml'), 'utf8'));
const ajv = new Ajv2020({ strict: false });
formats.default(ajv);
ajv.addSchema({ $id: 'document', components: document.components });
const validate = ajv.compile({ $ref: 'document#/components/schemas/StatusCallback' });
const allows = (value: unknown): boolean => validate(value) as boolean;

const uris = fc.constantFrom(
  's3://media/a',
  's3://media/講演 100%',
  'http://a.example/b',
  'a.wav',
  'javascript:x',
  '',
);
const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom('x'.repeat(3_000), '\u001b[31mred\r\n\u0000', 'cut \ud83c', 'Audio extraction', ''),
);
const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  texts,
  uris,
  fc.constantFrom(1e300, -0, 100.00000000000001),
);
const keys = fc.oneof(
  fc.constantFrom('srt', 'two words', '<b>', '__proto__', 'constructor', 'x'.repeat(70)),
  fc.string(),
);
const entries = (value: Arbitrary<unknown>): Arbitrary<unknown> =>
  fc.array(fc.tuple(keys, value), { maxLength: 70, size: 'max' }).map((pairs) => Object.fromEntries(pairs));
const many = fc
  .integer({ min: 20, max: 80 })
  .map((count) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`f${n}`, 's3://media/a'])));
const artifacts = fc.record(
  {
    audio_uri: fc.oneof(uris, anything),
    transcript_uri: fc.oneof(uris, anything),
    exports: fc.oneof(many, entries(fc.oneof(uris, anything)), anything),
    metrics: fc.oneof(entries(anything), anything),
    digest: anything,
    size_bytes: fc.oneof(fc.integer(), anything),
    thumbnail: anything,
  },
  { requiredKeys: [] },
);
const times = fc.constantFrom(
  '2026-11-24t09:30:00z',
  '2026-11-24T09:30:00+05:30',
  '9999-12-31T23:59:59Z',
  'yesterday',
);
const reports = fc.record(
  {
    event_id: fc.oneof({ weight: 8, arbitrary: fc.constant('evt-1') }, texts, anything),
    status: fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...REPORTABLE_STATUSES) }, anything),
    occurred_at: fc.oneof(times, anything),
    correlation_id: anything,
    artifact_updates: fc.oneof({ weight: 3, arbitrary: artifacts }, anything),
    failure_code: anything,
    failure_message: fc.oneof(texts, anything),
    failed_stage: anything,
    progress_pct: fc.oneof(fc.double(), anything),
    actor_type: fc.oneof(fc.constantFrom('orchestrator', 'system', 'editor'), anything),
    attempt: anything,
  },
  { requiredKeys: [] },
);
/** As it comes over the wire. */
const sentReports = reports.map((report) => JSON.parse(JSON.stringify(report)));

const commandOf = (body: unknown, at: number) =>
  toCallbackCommand(statusCallback.parse(body), {
    ...{ dispatchId: 'dsp_1', sent: body, at },
    mediaSchemes: DEFAULT_MEDIA_SCHEMES,
  });

test('a report is refused exactly where the document does not allow it', () => {
  let allowed = 0;
  let refused = 0;
  const property = fc.property(fc.oneof({ weight: 20, arbitrary: sentReports }, fc.jsonValue()), (sent) => {
    const isAllowed = allows(sent);
    if (isAllowed) allowed += 1;
    else refused += 1;
    expect(statusCallback.safeParse(sent).success).toBe(isAllowed);
  });
  fc.assert(property, { numRuns: 2_000 });
  expect(Math.min(allowed, refused)).toBeGreaterThan(200);
});

test('whatever the document allows becomes a command that can be applied, shown and stored', async () => {
  const at = Date.now();
  const property = fc.asyncProperty(sentReports, async (sent) => {
    fc.pre(allows(sent));
    const { command, ignored } = await commandOf(sent, at);
    const { artifacts: made, failure } = command;

    expect(new Date(command.occurredAt).toISOString()).toMatch(/^\d{4}-/);
    const line = /^\P{Cc}{1,128}$/u;
    for (const text of [command.correlationId, failure?.failureCode ?? null, failure?.failedStage ?? null]) {
      if (text !== null) expect(text).toMatch(line);
    }
    expect(failure !== null).toBe(command.status === 'FAILED');
    expect(failure?.failureMessage ?? '').toMatch(/^[\P{Cc}\n\t]{0,2000}$/u);
    expect(command.progressPct === null || (command.progressPct >= 0 && command.progressPct <= 100)).toBe(
      true,
    );
    const named = [made.audioUri, made.transcriptUri, made.draftUri, ...Object.values(made.exports)];
    expect(named.filter((uri) => uri !== null && !isMediaUri(uri, DEFAULT_MEDIA_SCHEMES))).toEqual([]);
    expect(Object.keys(made.exports).filter((name) => !/^[^\s<>"'`]{1,64}$/.test(name))).toEqual([]);
    expect(Object.keys(made.exports)).not.toContain('__proto__');
    expect(Object.keys(made.exports).length).toBeLessThanOrEqual(32);
    expect(command.actor).toBe('orchestrator');
    // What is kept is what was taken, and fits a row.
    const kept = JSON.parse(command.artifactsJson ?? '{}');
    expect(kept.exports ?? {}).toEqual(made.exports);
    expect(kept.audio_uri ?? null).toBe(made.audioUri);
    expect(made.hasMetrics).toBe('metrics' in kept);
    // A header can say it.
    expect(ignored.join(', ')).toMatch(/^([a-z][\w.-]*(\*)?(, )?)*$/i);
    expect(ignored.length).toBeLessThanOrEqual(20);
  });
  await fc.assert(property, { numRuns: 500 });
});

test('what is left out is left out again, and names no more than was sent', async () => {
  const property = fc.asyncProperty(sentReports, async (sent) => {
    fc.pre(allows(sent));
    const at = Date.now();
    const [one, two] = [await commandOf(sent, at), await commandOf(sent, at)];
    expect(one).toEqual(two);
    const fields = new Set(one.ignored.map((name) => name.split('.')[0]));
    expect([...fields].filter((field) => field !== 'occurred_at' && !(field && field in sent))).toEqual([]);
  });
  await fc.assert(property, { numRuns: 500 });
});
