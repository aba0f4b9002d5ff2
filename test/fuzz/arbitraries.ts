// From a schema of the document to values that fit it, and to values that miss it narrowly. Knows the keywords
// that the document uses, and throws at any other, so that the document cannot outgrow it unnoticed.
import { createHash } from 'node:crypto';
import fc, { type Arbitrary } from 'fast-check';
import { fits, type Schema } from './document.ts';

const ANNOTATIONS = ['description', 'example', 'default'];
const KEYWORDS: Record<string, readonly string[]> = {
  string: ['minLength', 'maxLength', 'pattern', 'format', 'enum'],
  integer: ['minimum', 'maximum'],
  number: ['minimum', 'maximum'],
  boolean: [],
  null: [],
  object: [
    ...['properties', 'required', 'dependentRequired', 'additionalProperties', 'propertyNames'],
    ...['minProperties', 'maxProperties'],
  ],
  array: ['items', 'minItems', 'maxItems', 'uniqueItems'],
  // A schema without a type, which anything fits.
  any: [],
};

/** Of references to media: the most that a pattern says of them. */
export const MEDIA_PATTERN = '^[A-Za-z0-9]+:\\/\\/.';

/** The bucket of the service, of which an editor may name what is the job's own. */
export const STORE = 'r2://retake-artifacts/';
/** What a person has put there in place of what a pipeline made. */
export const CORRECTION = 'what was meant';

/** As much of `params` as is taken, written as JSON without blanks. */
export const MAX_PARAMS_BYTES = 4096;
/** An object that is written in so many bytes, most of them such letters, of one byte or more. */
const objectOf = (bytes: number, letter = 'x') => {
  const room = bytes - '{"note":""}'.length;
  const letters = Math.floor(room / Buffer.byteLength(letter));
  return { note: letter.repeat(letters) + 'x'.repeat(room - letters * Buffer.byteLength(letter)) };
};
const FULL = [objectOf(MAX_PARAMS_BYTES), objectOf(MAX_PARAMS_BYTES, 'é'), objectOf(MAX_PARAMS_BYTES, '🎬')];
const OVERFULL = [objectOf(MAX_PARAMS_BYTES + 1), objectOf(MAX_PARAMS_BYTES + 1, '講')];

/** Values by name of the property that make a request go further than any value of the right form would. */
const TELLING: Record<string, readonly unknown[]> = {
  model_profile: ['balanced', 'accurate', 'polished', 'draft-only', 'legacy'],
  client_request_id: ['retry-1', 'retry-2'],
  event_id: ['event-1', 'event-2'],
  status: ['AUDIO_EXTRACTING', 'AUDIO_READY', 'FAILED'],
  failure_class: ['quota', 'transient', 'Transient', 'none', ''],
  filter: [{ status: ['CREATED'] }, { failure_class: 'quota' }, { job_ids: ['job_1'] }],
  edits: [1, 2, 3],
  uri: ['s3://corrections/by-hand', 'https://corrections.example/by-hand', `${STORE}by-hand`],
  digest: [`sha-256:${createHash('sha256').update(CORRECTION).digest('hex')}`, 'md5:1'],
  size_bytes: [CORRECTION.length, 1],
  formats: [['srt'], ['srt', 'docx'], ['constructor', 'x-1']],
  params: [{}, { style: { font: 'mono' } }, JSON.parse('{"__proto__":{"a":1}}'), ...FULL],
  discard_edits: [
    ...[['transcript'], ['draft'], ['draft', 'transcript'], ['draft', 'draft'], []],
    ...['transcript', 'draft', 'transcript,draft', ' draft , draft '],
  ],
  retry_after_seconds: [120, 0, -1, 0.5, 604_800, 604_801, 1e300, '120', '1h', null],
};

/** One name may stand for values of several forms. */
const tellingOf = (schema: Schema, name: string): readonly unknown[] =>
  (TELLING[name] ?? []).filter((value) => fits(schema, value));

/** Values beyond a bound that the document draws in words, by name of the property. */
const BEYOND_WORDS: Record<string, readonly unknown[]> = { params: OVERFULL };

/** Values that fit, edges included. */
export function fitting(schema: Schema, name = ''): Arbitrary<unknown> {
  const telling = tellingOf(schema, name);
  const made = fc.oneof(...branches(schema).map(madeOf)).filter((value) => fits(schema, value));
  return telling.length > 0 ? fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...telling) }, made) : made;
}

/** Values that do not fit: each breaks one rule of the schema, somewhere in an otherwise good value. */
export function missing(schema: Schema): Arbitrary<unknown> {
  const wrong = fc.oneof(JUNK, ...branches(schema).flatMap(misses));
  return wrong.filter((value) => !fits(schema, value));
}

/** One value after the other along everything that the schema draws: to each bound, and a step over it. */
export function edges(schema: Schema, name = ''): unknown[] {
  const wrong = [null, true, 0, 1.5, '', 'x', [], {}];
  const named = [...tellingOf(schema, name), ...(BEYOND_WORDS[name] ?? [])];
  return [...wrong, simplest(schema, name), ...named, ...branches(schema).flatMap(edgesOf)];
}

function edgesOf(schema: Typed): unknown[] {
  const { minLength = 0, maxLength, minimum, maximum, pattern, properties = {}, required = [] } = schema;
  switch (schema.type) {
    case 'integer':
    case 'number':
      return [minimum, maximum].flatMap((at) =>
        at === undefined ? [] : [at - 1, at - 0.5, at, at + 0.5, at + 1],
      );
    case 'string': {
      if (schema.enum)
        return wordsOf(schema.enum).flatMap((value) => [value, value.toLowerCase(), ` ${value}`]);
      const start = pattern === MEDIA_PATTERN ? 's3://a/' : '';
      const lengths = [minLength - 1, minLength, maxLength ?? 0, (maxLength ?? -1) + 1];
      const ofLengths = lengths.flatMap((length) =>
        length < start.length ? [] : [start.padEnd(length, 'x')],
      );
      const spoilt =
        pattern === undefined
          ? []
          : [...MARKS, ...NEEDLES.flatMap((needle) => [needle, `a${needle}`, `${needle}a`])];
      return [...ofLengths, ...spoilt, ...(pattern === MEDIA_PATTERN ? NO_URIS : [])];
    }
    case 'object': {
      const whole = simplest(schema) as Record<string, unknown>;
      const without = (key: string) =>
        Object.fromEntries(Object.entries(whole).filter(([each]) => each !== key));
      const { additionalProperties: extra } = schema;
      const extras = typeof extra === 'object' && Object.keys(extra).length > 0 ? edges(extra) : [1];
      return [
        ...required.map(without),
        ...extras.map((value) => ({ ...whole, extra: value })),
        ...Object.entries(properties).flatMap(([key, each]) =>
          edges(each, key).map((value) => ({ ...whole, [key]: value })),
        ),
      ];
    }
    case 'array': {
      const { items = {}, minItems = 0, maxItems = minItems } = schema;
      const lengths = [minItems - 1, minItems, maxItems, maxItems + 1].filter((length) => length >= 0);
      return [
        ...lengths.map((length) => several(schema, length)),
        ...lengths.map((length) => Array(length).fill(simplest(items))),
        ...edges(items).map((value) => [value]),
      ];
    }
    default:
      return [];
  }
}

/** So many items, of which none is there twice as long as that is possible; they are texts, of which a longer one is another. */
function several({ items = {} }: Schema, length: number): unknown[] {
  const least = simplest(items);
  const others = items.enum ? wordsOf(items.enum) : Array.from({ length }, (_, n) => `${least}${n}`);
  return Array.from({ length }, (_, n) => others[n] ?? least);
}

/** The least that fits. */
export function simplest(schema: Schema, name = ''): unknown {
  const [first] = branches(schema);
  const [telling] = tellingOf(schema, name);
  if (telling !== undefined) return telling;
  const { type, minLength = 0, minimum = 0, pattern, properties = {}, required = [] } = first ?? {};
  if (type === 'boolean') return true;
  if (type === 'null' || type === 'any') return null;
  if (type === 'integer' || type === 'number') return minimum;
  if (type === 'array') return several(first ?? {}, first?.minItems ?? 0);
  if (type === 'object') {
    return Object.fromEntries(required.map((key) => [key, simplest(properties[key] ?? {}, key)]));
  }
  if (first?.enum) return wordsOf(first.enum)[0];
  return pattern === MEDIA_PATTERN ? 's3://a/b' : 'a'.repeat(minLength);
}

/** The texts of an enum, which names null too where that is one of its types. */
const wordsOf = (values: readonly unknown[]): string[] => values.filter((value) => typeof value === 'string');

/** Values of every type; in the order in which a counterexample is easy to read. */
export const JUNK: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, true, false, 0, -1, 1.5, 1e300, '', 'x', '7', 'true', 'null'),
  fc.constantFrom([], {}, [[]], [null], { $ne: null }, ['balanced'], { length: 1 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.jsonValue({ maxDepth: 3 }),
);

type Typed = Schema & { type: string };

/** One schema for each type that `schema` allows, with the keywords of that type alone. */
function branches(schema: Schema): Typed[] {
  const { anyOf, type, ...rest } = schema;
  if (anyOf) {
    known(schema, ['anyOf']);
    return anyOf.flatMap(branches);
  }
  const types = typeof type === 'string' ? [type] : (type ?? ['any']);
  known(schema, ['type', ...types.flatMap((each) => KEYWORDS[each] ?? [])]);
  return types.map((each) => {
    const keywords = KEYWORDS[each];
    if (!keywords) throw new Error(`no values are made of type ${each}: ${JSON.stringify(schema)}`);
    return {
      ...Object.fromEntries(Object.entries(rest).filter(([key]) => keywords.includes(key))),
      type: each,
    };
  });
}

function known(schema: Schema, keywords: readonly string[]): void {
  const stranger = Object.keys(schema).find((key) => !keywords.includes(key) && !ANNOTATIONS.includes(key));
  if (stranger) throw new Error(`no values are made for the keyword ${stranger}: ${JSON.stringify(schema)}`);
}

function madeOf(schema: Typed): Arbitrary<unknown> {
  switch (schema.type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'array':
      return arrays(schema);
    case 'any':
      return fc.oneof(JUNK, moments, uris(2048), fc.constantFrom(...NO_MOMENTS, ...NO_URIS));
    case 'integer':
      return integers(schema);
    case 'number':
      return fc.oneof(integers(schema), doubles(schema));
    case 'string':
      return strings(schema);
    default:
      return objects(schema, ({ additionalProperties }) =>
        additionalProperties === false
          ? fc.constant([])
          : fc.array(fc.tuple(keys, extras(additionalProperties)), { maxLength: 3 }),
      );
  }
}

function misses(schema: Typed): Arbitrary<unknown>[] {
  switch (schema.type) {
    case 'integer':
    case 'number':
      return offBounds(schema);
    case 'string':
      return badStrings(schema);
    case 'object':
      return badObjects(schema);
    case 'array':
      return badArrays(schema);
    default:
      return [];
  }
}

const integers = ({ minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER }: Schema) =>
  fc.oneof(
    fc.constantFrom(minimum, maximum),
    fc.maxSafeInteger().map((value) => within(value, minimum, maximum)),
  );
/** Spread over the bounds by remainder, since a filter would hardly ever find what lies between near ones. */
const within = (value: number, from: number, to: number) =>
  from + (Math.abs(value) % Math.min(to - from + 1, 2 ** 53));
const doubles = ({ minimum, maximum }: Schema) =>
  fc.double({
    noNaN: true,
    noDefaultInfinity: true,
    ...(minimum === undefined ? {} : { min: minimum }),
    ...(maximum === undefined ? {} : { max: maximum }),
  });
const offBounds = ({ minimum, maximum }: Schema) => [
  fc.constantFrom('1', '0x1', '١'),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  ...(minimum === undefined ? [] : [fc.constantFrom(minimum - 1, minimum - 0.001, -1e300)]),
  ...(maximum === undefined ? [] : [fc.constantFrom(maximum + 1, maximum + 0.001, 1e300)]),
];

function strings(schema: Schema): Arbitrary<string> {
  if (schema.enum) return fc.constantFrom(...wordsOf(schema.enum));
  if (schema.format === 'date-time') return moments;
  if (schema.format !== undefined) throw new Error(`no strings are made of format ${schema.format}`);
  if (schema.pattern === MEDIA_PATTERN) return uris(schema.maxLength ?? 2048);
  const { minLength = 0, maxLength = 300 } = schema;
  const lengths = fc.oneof(
    fc.constantFrom(minLength, maxLength),
    fc.integer({ min: minLength, max: maxLength }),
  );
  const ofLength = (unit: 'binary' | Arbitrary<string>) =>
    lengths.chain((length) => fc.string({ unit, minLength: length, maxLength: length, size: 'max' }));
  if (schema.pattern !== undefined) {
    // A pattern that takes single letters takes texts of them; whatever else comes of it is filtered out by its caller.
    const pattern = new RegExp(schema.pattern, 'u');
    const letters = Array.from('abcXYZ019!~._-:/"\\<{').filter((letter) => pattern.test(letter));
    return letters.length > 0 ? ofLength(fc.constantFrom(...letters)) : fc.stringMatching(pattern);
  }
  return fc.oneof(
    fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, 20) }),
    ofLength('binary'),
    ofLength(fc.constantFrom('a', 'é', '講', '🎬')),
  );
}

const NEEDLES = ['\u0000', '\n', ' ', '\u0085', 'é', '🎬', '\ud800', '\u202e', '\u001b[2J'];
/** Visible ASCII, which some patterns take. */
const MARKS = ['"', '&', '<', '>', '__proto__'];

function badStrings({ minLength = 0, maxLength, pattern, enum: values }: Schema) {
  const repeated = (length: number) => fc.constantFrom('x', '~', '🎬').map((unit) => unit.repeat(length));
  const wrong: Arbitrary<unknown>[] = [];
  if (values)
    wrong.push(
      fc.constantFrom(...wordsOf(values)).map((value) => value.toLowerCase()),
      fc.constant('NO_SUCH'),
    );
  if (minLength > 0) wrong.push(repeated(minLength - 1));
  if (maxLength !== undefined) {
    const longer = fc.constantFrom(maxLength + 1, maxLength + 2, maxLength * 2, 20_000);
    wrong.push(longer.chain(repeated));
  }
  if (pattern !== undefined) {
    wrong.push(
      fc
        .tuple(fc.constantFrom('', 'a'), fc.constantFrom(...NEEDLES, ...MARKS))
        .map((parts) => parts.join('')),
    );
  }
  if (pattern === MEDIA_PATTERN) {
    wrong.push(fc.constantFrom(...NO_URIS), fc.string({ unit: 'binary', maxLength: 30 }));
  }
  return wrong;
}

const NO_URIS = [
  '',
  ' ',
  '/talk.mp4',
  'talk',
  's3:// bucket/talk',
  'https://a/<b>',
  'https://a/%',
  's3://é/a',
  '\n',
];
const NO_MOMENTS = [
  '',
  'now',
  '0',
  '2026-13-01T00:00:00Z',
  '2026-02-30T00:00:00Z',
  '2026-01-01',
  '2026-01-01T25:00:00Z',
  '2026-01-01T00:00:00',
  '2026-01-01T00:00Z',
  '-001-01-01T00:00:00Z',
];

const uris = (maxLength: number) =>
  fc
    .tuple(
      fc.constantFrom('s3', 'https', 'gs', 'r2'),
      fc.domain(),
      fc.webPath(),
      fc.option(fc.webQueryParameters(), { nil: null }),
      fc.boolean(),
    )
    .map(([scheme, host, path, query, isLongest]) => {
      const uri = `${scheme}://${host}${path || '/'}${query === null ? '' : `?${query}`}`;
      return isLongest ? uri.padEnd(maxLength, 'x') : uri;
    });

/** In every form that RFC 3339 is written in. */
const moments = fc
  .tuple(
    fc.integer({ min: 0, max: 25 * 86_400 }),
    fc.constantFrom('', '.0', '.123', '.999999999'),
    fc.constantFrom('Z', 'z', '+00:00', '+05:30', '-23:59'),
  )
  .map(([secondsAgo, fraction, offset]) => {
    const [, sign = '+', hours = '0', minutes = '0'] = /([+-])(\d\d):(\d\d)/.exec(offset) ?? [];
    const shift = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === '-' ? -1 : 1);
    const at = new Date(STARTED_AT - secondsAgo * 1000 + shift);
    return `${at.toISOString().slice(0, 19)}${fraction}${offset}`;
  });
const STARTED_AT = Date.now();

const keys = fc.oneof(
  fc.constantFrom('a', 'srt', 'x-1', 'constructor', 'toString', 'hasOwnProperty', 'length', '$ref'),
  fc.string({ unit: fc.constantFrom(...'abcXYZ019._-'), minLength: 1, maxLength: 64 }),
);
const extras = (schema: boolean | Schema | undefined): Arbitrary<unknown> =>
  typeof schema === 'object' && Object.keys(schema).length > 0
    ? fitting(schema)
    : fc.jsonValue({ maxDepth: 2 });

type Entries = Arbitrary<[string, unknown][]>;

/** All that is required, some of what is not, and whatever `more` adds. */
function objects(schema: Schema, more: (schema: Schema) => Entries): Arbitrary<object> {
  const { properties = {}, required = [] } = schema;
  const named = Object.entries(properties).map(([key, value]) => {
    const entry = fitting(value, key).map((made): [string, unknown][] => [[key, made]]);
    return required.includes(key) ? entry : fc.oneof(entry, fc.constant([]));
  });
  return fc.tuple(more(schema), ...named).map((entries) => Object.fromEntries(entries.flat()));
}

function arrays({ items = {}, minItems = 0, maxItems = 3, uniqueItems = false }: Schema) {
  const lengths = fc.oneof(
    fc.constantFrom(minItems, maxItems),
    fc.integer({ min: minItems, max: Math.min(maxItems, minItems + 3) }),
  );
  return lengths.chain((length): Arbitrary<unknown[]> => {
    const bounds = { minLength: length, maxLength: length };
    return uniqueItems ? fc.uniqueArray(fitting(items), bounds) : fc.array(fitting(items), bounds);
  });
}

/** Too few or too many, one that is wrong among them, one twice where each may be there once, and what is only like a list. */
function badArrays(schema: Schema): Arbitrary<unknown>[] {
  const { items = {}, minItems = 0, maxItems, uniqueItems = false } = schema;
  const spliced = (value: Arbitrary<unknown>) =>
    fc
      .tuple(arrays({ ...schema, minItems: Math.max(minItems, 1) }), value, fc.nat())
      .map(([good, bad, at]) => {
        return good.with(at % good.length, bad);
      });
  const wrong: Arbitrary<unknown>[] = [
    spliced(fitsAnything(items) ? JUNK : missing(items)),
    fitting(items),
    fitting(items).map((item) => ({ 0: item, length: 1 })),
  ];
  if (minItems > 0) wrong.push(fc.constant(several(schema, minItems - 1)));
  if (maxItems !== undefined) {
    wrong.push(fc.constantFrom(maxItems + 1, maxItems * 2, 2000).map((length) => several(schema, length)));
  }
  if (uniqueItems) wrong.push(fitting(items).map((item) => [item, item]));
  return wrong;
}

const fitsAnything = (schema: Schema): boolean =>
  [null, true, 0.5, '', [], {}].every((value) => fits(schema, value));

function badObjects(schema: Schema): Arbitrary<unknown>[] {
  const { properties = {}, required = [], additionalProperties } = schema;
  const replaced = Object.entries(properties)
    .filter(([, value]) => !fitsAnything(value))
    .map(([key, value]) => ({ [key]: value }));
  const whole = objects(schema, () => fc.constant([]));
  const withEntry = (key: string, value: unknown) => whole.map((made) => ({ ...made, [key]: value }));
  const wrong: Arbitrary<unknown>[] = [
    ...replaced.flatMap((entry) =>
      Object.entries(entry).map(([key, value]) => missing(value).chain((bad) => withEntry(key, bad))),
    ),
    ...required.map((key) =>
      whole.map((made) => Object.fromEntries(Object.entries(made).filter(([name]) => name !== key))),
    ),
  ];
  if (additionalProperties === false) {
    wrong.push(fc.tuple(keys, JUNK).chain(([key, value]) => withEntry(key, value)));
  } else if (typeof additionalProperties === 'object' && Object.keys(additionalProperties).length > 0) {
    wrong.push(fc.tuple(keys, missing(additionalProperties)).chain(([key, value]) => withEntry(key, value)));
  }
  return wrong;
}
