// A repeat of a report is known by the digest of what was sent: the same for the same JSON however it is written, another
// for any other, and whatever the service knows of the fields.
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import fc, { type JsonValue } from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { statusCallback, toCallbackCommand } from '../../src/contract/callback.ts';
import { DEFAULT_MEDIA_SCHEMES } from '../../src/contract/media.ts';
import { payloadDigest } from '../../src/contract/payload-digest.ts';

const digestOf = (text: string) => payloadDigest(JSON.parse(text));
const nested = (open: string, close: string, depth: number, inside = '') =>
  open.repeat(depth) + inside + close.repeat(depth);

/** Names that mean something to JavaScript, or that sort otherwise than they count. */
const names = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'toString', 'length', '', '0', '10', '9', 'a', 'b', '\ud83c'),
  fc.string(),
);
const { json } = fc.letrec<{ json: JsonValue }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(fc.constant(null), fc.boolean(), fc.integer(), fc.double({ noNaN: true }), fc.string()),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.uniqueArray(fc.tuple(names, tie('json')), { maxLength: 4, selector: ([name]) => name }).map(toObject),
  ),
}));

/** As JSON.parse does, for which `__proto__` is a name like any other. */
function toObject(entries: [string, JsonValue][]): JsonValue {
  return Object.fromEntries(entries);
}

/** Without what JSON does not tell apart: 0 and -0. */
const plain = (value: JsonValue): JsonValue => JSON.parse(JSON.stringify(value));
const isObject = (value: JsonValue | undefined): value is { [name: string]: JsonValue } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The same, with the names of every object in an order that `order` decides. */
function reordered(value: JsonValue, order: () => number): JsonValue {
  if (Array.isArray(value)) return value.map((item) => reordered(item, order));
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([name, each]) => ({ name, each, rank: order() }));
  const sorted = entries.sort((a, b) => a.rank - b.rank);
  return toObject(sorted.map(({ name, each }) => [name, reordered(each, order)]));
}

/** Everything that `value` becomes by one change somewhere in it. */
function* changed(value: JsonValue, other: JsonValue): Generator<JsonValue> {
  yield other;
  yield [value];
  if (Array.isArray(value)) {
    yield [...value, other];
    yield value.slice(1);
    yield [...value].reverse();
    for (const [at, item] of value.entries()) {
      for (const each of changed(item, other)) yield value.with(at, each);
    }
  } else if (isObject(value)) {
    yield toObject([...Object.entries(value), ['another', other]]);
    for (const [name, item] of Object.entries(value)) {
      const rest = Object.entries(value).filter(([each]) => each !== name);
      yield toObject(rest);
      yield toObject([...rest, [`${name}'`, item]]);
      for (const each of changed(item, other)) yield toObject([...rest, [name, each]]);
    }
  }
}

test('the first version is the hash of this form, and stays it', async () => {
  const form = '{"10":-0.5,"9":[],"a":[null,true,"é",{},],"b":100,}';
  const hash = createHash('sha256').update(form).digest('base64url');
  expect(await digestOf('{"b":1e2,"a":[null,true,"\\u00e9",{}],"10":-0.5,"9":[]}')).toBe(`1:${hash}`);
});

describe('the digest', () => {
  test('is the same whatever the order of names and the blanks between them', async () => {
    const property = fc.asyncProperty(json, fc.infiniteStream(fc.nat()), async (value, ranks) => {
      const again = reordered(value, () => ranks.next().value ?? 0);
      expect(await digestOf(JSON.stringify(again, null, 2))).toBe(await digestOf(JSON.stringify(value)));
    });
    await fc.assert(property, { numRuns: 500 });
  });

  test('is another for any other JSON', async () => {
    const property = fc.asyncProperty(json, json, async (value, other) => {
      const before = await payloadDigest(plain(value));
      for (const after of changed(value, other)) {
        const isSame = isDeepStrictEqual(plain(value), plain(after));
        expect((await payloadDigest(plain(after))) === before, JSON.stringify(after)).toBe(isSame);
      }
    });
    await fc.assert(property, { numRuns: 500 });
  });

  test.each([
    ['a number and its text', '1', '"1"'],
    ['null and its text', 'null', '"null"'],
    ['null and a number too large to be one', '{"a":null}', '{"a":1e999}'],
    ['a list and an object of its places', '["a"]', '{"0":"a"}'],
    ['an empty list and an empty object', '[]', '{}'],
    ['numbers of the same digits', '[1,23]', '[12,3]'],
    ['lists that are nested otherwise', '[[1],2]', '[[1,2]]'],
    ['a name with a quote and two names', '{"a\\":1,\\"b":2}', '{"a":1,"b":2}'],
    ['halves of surrogate pairs', '"\\ud83c"', '"\\ud83d"'],
    ['what stands under __proto__', '{"__proto__":{"a":1}}', '{"__proto__":{"a":2}}'],
    ['__proto__ and nothing', '{"__proto__":{"a":1}}', '{}'],
    ['what lies very deep', nested('[', ']', 30_000, '1'), nested('[', ']', 30_000, '2')],
  ])('tells %s apart', async (_what, one, other) => {
    expect(await digestOf(one)).not.toBe(await digestOf(other));
  });

  test('of a name that comes twice is of the value that counts', async () => {
    expect(await digestOf('{"a":1,"a":2}')).toBe(await digestOf('{"a":2}'));
  });

  test('can be had of a body that is nested as deep as a body is long', async () => {
    for (const text of [nested('[', ']', 32_768), nested('{"a":', '}', 10_000, '1')]) {
      expect(await digestOf(text)).toMatch(/^1:[\w-]{43}$/);
    }
  });

  test('sorts at every depth', async () => {
    const at = (inside: string) => nested('{"a":', '}', 5_000, inside);
    expect(await digestOf(at('{"x":1,"y":2}'))).toBe(await digestOf(at('{"y":2,"x":1}')));
  });
});

describe('the digest of a report', () => {
  const sent = {
    event_id: 'evt-1',
    status: 'AUDIO_READY',
    occurred_at: new Date().toISOString(),
    correlation_id: 'exe-1',
    artifact_updates: { audio_uri: 's3://media/a', engine: { name: 'whisper', version: 3 } },
    attempt: 1,
  };
  const commandOf = async (schema: typeof statusCallback, value: unknown) => {
    const received = {
      dispatchId: 'dsp_1',
      sent: value,
      at: Date.now(),
      mediaSchemes: DEFAULT_MEDIA_SCHEMES,
    };
    return (await toCallbackCommand(schema.parse(value), received)).command;
  };

  test('stays when the service learns a field that it has ignored until then', async () => {
    const later = statusCallback.safeExtend({ attempt: z.int() }) as unknown as typeof statusCallback;
    const before = await commandOf(statusCallback, sent);
    const after = await commandOf(later, sent);
    expect(after.payloadDigest).toBe(before.payloadDigest);
  });

  test.each([
    ['another time', { occurred_at: '2026-11-24T09:30:00.000Z' }],
    ['no time', { occurred_at: undefined }],
    ['what is no time', { occurred_at: ['yesterday'] }],
  ])('stays with %s', async (_what, change) => {
    const { payloadDigest: before } = await commandOf(statusCallback, sent);
    const { payloadDigest: after } = await commandOf(
      statusCallback,
      JSON.parse(JSON.stringify({ ...sent, ...change })),
    );
    expect(after).toBe(before);
  });

  test.each([
    ['a time that is not its own', { artifact_updates: { occurred_at: 1 } }],
    ['another of what is left out', { artifact_updates: { ...sent.artifact_updates, metrics: [1] } }],
    ['an ignored field', { attempt: 2 }],
    ['an ignored artifact', { artifact_updates: { ...sent.artifact_updates, engine: 'whisper' } }],
    ['a default that is said', { actor_type: 'orchestrator' }],
    ['a null in place of nothing', { progress_pct: null }],
  ])('is another with %s', async (_what, change) => {
    const { payloadDigest: before } = await commandOf(statusCallback, sent);
    const { payloadDigest: after } = await commandOf(statusCallback, { ...sent, ...change });
    expect(after).not.toBe(before);
  });
});
