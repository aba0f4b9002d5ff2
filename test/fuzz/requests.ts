// What is sent: requests for an operation of the document, good ones and spoilt ones, as fast-check makes them.
// Whether one of them fits is not said here but judged by oracle.ts from the bytes.
import { gzipSync } from 'node:zlib';
import fc, { type Arbitrary } from 'fast-check';
import { edges, fitting, JUNK, missing, simplest } from './arbitraries.ts';
import { isStreamed, type Operation, type Parameter, type Schema } from './document.ts';
import { type Headers, headersOf, NO_TAGS } from './headers.ts';
import { STATES, type State } from './targets.ts';

export type Place = State | 'STRANGERS' | 'NOWHERE' | 'MADE_UP' | 'MALFORMED';

export interface Shot {
  operation: string;
  place: Place;
  /** The id in the path when the place is MALFORMED. */
  malformedId: string;
  /** What else is in the path, by its name. */
  steps: Readonly<Record<string, string>>;
  query: [name: string, value: string][];
  headers: Headers;
  body: Body | null;
}

/** Bytes that show themselves briefly in a counterexample. */
export class Body {
  readonly bytes: Uint8Array;
  readonly contentType: string | null;
  readonly chunked: boolean;

  constructor(content: string | Uint8Array, contentType: string | null, chunked = false) {
    this.bytes = typeof content === 'string' ? Buffer.from(content) : content;
    this.contentType = contentType;
    this.chunked = chunked;
  }

  [fc.toStringMethod](): string {
    const text = Buffer.from(this.bytes).toString('latin1');
    const shown =
      text.length > 600
        ? `${JSON.stringify(text.slice(0, 300))} … ${JSON.stringify(text.slice(-100))}`
        : JSON.stringify(text);
    return `Body(${this.bytes.length} bytes, ${this.contentType}${this.chunked ? ', chunked' : ''}: ${shown})`;
  }
}

const JSON_TYPE = 'application/json';
/**
 * As much as a body may hold. Larger ones are sent in a test of their own, and by test/http/bad-input.test.ts, which takes time for
 * each. What is taken as it comes may be larger: test/http/content-upload.test.ts sends that.
 */
const LIMIT = 64 * 1024;

/** Requests as the document wants them. */
export function goodShots(operation: Operation, cursors: readonly string[]): Arbitrary<Shot> {
  return fc.record({
    operation: fc.constant(operation.id),
    place: placesOf(operation),
    malformedId: malformedIds,
    steps: stepsOf(operation),
    query: goodQuery(operation, cursors),
    headers: headersOf(operation),
    body: isStreamed(operation)
      ? streamedBodies
      : operation.body
        ? goodBodies(operation.body)
        : fc.constant(null),
  });
}

/** The least that fits. */
export function plainShot(operation: Operation, place: Place): Shot {
  const value = operation.body && !isStreamed(operation) && simplest(operation.body.schema);
  return {
    operation: operation.id,
    place,
    malformedId: '',
    steps: plainSteps(operation),
    query: [],
    headers: [...neededHeaders(operation), ...knownBy(operation, value)],
    body: isStreamed(operation)
      ? new Body('what was meant', 'text/plain')
      : operation.body
        ? new Body(JSON.stringify(value), JSON_TYPE)
        : null,
  };
}

/**
 * One request for each edge of an operation's body, query and headers. They are about a job that is nowhere: what does not
 * fit is refused before that is found out.
 */
export function edgeShots(operation: Operation): Shot[] {
  const { parameters, body } = operation;
  const shot = plainShot(operation, 'NOWHERE');
  if (isStreamed(operation)) return streamedEdges(shot);
  const values = body ? edges(body.schema) : [];
  const queries = parametersIn(operation, 'query').flatMap(({ name, schema }) =>
    edges(schema, name).map((value): Shot['query'] => [
      [name, typeof value === 'string' ? value.toWellFormed() : JSON.stringify(value)],
    ]),
  );
  const ifMatch = parameters.find(({ name }) => name === 'If-Match');
  return [
    ...values.map((value) => ({
      ...shot,
      headers: knownBy(operation, value),
      body: new Body(JSON.stringify(value), JSON_TYPE),
    })),
    ...queries.map((query) => ({ ...shot, query, body: null })),
    ...(ifMatch ? tagEdges(ifMatch) : []).map(
      (value): Shot => ({ ...shot, headers: [...shot.headers, ['if-match', value]] }),
    ),
  ];
}

/** The headers that have to be there, as the document gives an example of them. */
const neededHeaders = ({ parameters }: Operation): Shot['headers'] =>
  parameters
    .filter(({ in: where, required }) => where === 'header' && required)
    .map(({ name, schema }) => [name.toLowerCase(), String(schema.example)]);

/** Of what is taken as it comes: how it is sent, and which version and request it says that it is. */
function streamedEdges(shot: Shot): Shot[] {
  const tags = [
    '"1"',
    '"999999999"',
    '"1000000000"',
    '"0"',
    '"01"',
    '"-1"',
    '"1.0"',
    '1',
    'W/"1"',
    '*',
    '""',
    '"1", "2"',
  ];
  const codings = ['identity', 'gzip', 'br', 'nonsense', 'identity, gzip'];
  const types = [null, '', 'text/html', 'application/json', 'nonsense', `text/${'x'.repeat(400)}`];
  const other = (name: string, value: string): Shot['headers'] => [
    ...shot.headers.filter(([each]) => each !== name),
    [name, value],
  ];
  return [
    shot,
    ...[...tags, ...NO_TAGS].map((tag): Shot => ({ ...shot, headers: other('if-match', tag) })),
    ...['k', 'k'.repeat(128), 'k'.repeat(129), '', '"'].map(
      (key): Shot => ({ ...shot, headers: other('idempotency-key', key) }),
    ),
    ...shot.headers.map(([name]) => ({ ...shot, headers: shot.headers.filter(([each]) => each !== name) })),
    ...codings.map((coding): Shot => ({ ...shot, headers: other('content-encoding', coding) })),
    ...types.map((type) => ({ ...shot, body: new Body('{', type) })),
    ...[...NOTHING, new Body('x', 'text/plain', true), new Body(Buffer.alloc(LIMIT), null)].map((body) => ({
      ...shot,
      body,
    })),
  ];
}

const parametersIn = ({ parameters }: Operation, where: Parameter['in']) =>
  parameters.filter((parameter) => parameter.in === where);

/** To the length that the document draws, and a step over it; what is no list of tags; and what is. */
function tagEdges({ schema: { maxLength = 0 } }: Parameter): string[] {
  const ofLength = (length: number) => [`"${'x'.repeat(length - 2)}"`, '"x",'.padEnd(length, ',')];
  const good = ['*', '"x"', 'W/"x"', '""', '"a,b"', '"a","b"', ',"a", ,W/"b" ,', '"!#~"'];
  return [...ofLength(maxLength), ...ofLength(maxLength + 1), ...NO_TAGS, ...good];
}

/** The steps of a path of which the document lists the values. */
const listedSteps = (operation: Operation) =>
  parametersIn(operation, 'path').flatMap(({ name, schema }) =>
    schema.enum
      ? [{ name, values: schema.enum.map(String) }]
      : schema.type === 'integer'
        ? [{ name, values: ['1', '2', '3', '99'] }]
        : [],
  );
const plainSteps = (operation: Operation): Shot['steps'] =>
  Object.fromEntries(listedSteps(operation).map(({ name, values }) => [name, values[0] ?? '']));

const NO_STEPS = [
  ...['audio', 'DRAFT', 'draft ', 'drafts', 'toString'],
  ...['0', '-1', '01', '1.0', '1e0', '١', '9999999999', '1'.repeat(400)],
];
/** Where nothing is, now and then, as with the ids. */
const stepsOf = (operation: Operation): Arbitrary<Shot['steps']> =>
  fc.record(
    Object.fromEntries(
      listedSteps(operation).map(({ name, values }) => [
        name,
        fc.oneof(
          { weight: 6, arbitrary: fc.constantFrom(...values) },
          { weight: 1, arbitrary: fc.constantFrom(...NO_STEPS) },
          { weight: 1, arbitrary: malformedIds },
        ),
      ]),
    ),
  );

/** A request is known by what its body or its header says; without either no other edge of it would be seen. */
function knownBy({ parameters, body }: Operation, value: unknown): Shot['headers'] {
  const takesEither =
    body?.schema.properties?.client_request_id !== undefined &&
    parameters.some(({ name }) => name === 'Idempotency-Key');
  const saysItself = typeof value === 'object' && value !== null && 'client_request_id' in value;
  return takesEither && !saysItself ? [['idempotency-key', 'edge-1']] : [];
}

/** For those who are refused before a body is read, so that it makes no difference. */
export const smallOnly = (shots: Arbitrary<Shot>): Arbitrary<Shot> =>
  shots.filter(({ body }) => body === null || body.bytes.length <= LIMIT / 2);

/** Requests with something wrong in the body, the query, or both. */
export function spoiltShots(operation: Operation): Arbitrary<Shot> {
  const shots = fc.record({
    operation: fc.constant(operation.id),
    place: placesOf(operation),
    malformedId: malformedIds,
    steps: stepsOf(operation),
    query: spoiltQuery(operation),
    headers: headersOf(operation),
    body: isStreamed(operation)
      ? fc.oneof(streamedBodies, fc.constantFrom(...NOTHING, new Body('x', 'text/plain', true)))
      : operation.body
        ? spoiltBodies(operation.body.schema)
        : fc.option(spoiltBodies({ type: 'object', additionalProperties: false }), { nil: null, freq: 1 }),
  });
  return shots.filter(({ body }) => body === null || body.bytes.length <= LIMIT);
}

/** Where a command does something, so that it is not refused nearly always. */
const FITTING_STATES: Readonly<Record<string, State>> = {
  confirmUpload: 'CREATED',
  runJob: 'UPLOADED',
  retryJob: 'FAILED',
  cancelJob: 'RUNNING',
  eraseJob: 'UPLOADED',
  abandonJob: 'RUNNING',
  reportStatus: 'RUNNING',
  redoJob: 'EDITED',
  exportJob: 'DRAFT_READY',
  editArtifact: 'DRAFT_READY',
  editArtifactContent: 'DRAFT_READY',
  readArtifactContent: 'EDITED',
  getRetryPlan: 'CORRECTED',
  getRedoPlan: 'EDITED',
  listArtifacts: 'RETRIED',
  listAttempts: 'RETRIED',
  listDispatches: 'RETRIED',
};
const placesOf = ({ id }: Operation): Arbitrary<Place> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom<Place>(...STATES) },
    { weight: 1, arbitrary: fc.constantFrom<Place>('STRANGERS', 'NOWHERE', 'MADE_UP', 'MALFORMED') },
    { weight: 3, arbitrary: fc.constant<Place>(FITTING_STATES[id] ?? 'FAILED') },
  );

/** Ids that cannot be; `.` and `..` are not ids but steps in a path (RFC 3986 §5.2.4). */
const malformedIds = fc
  .oneof(
    fc.constantFrom(
      'x',
      'job_',
      `job_${'A'.repeat(32)}`,
      `job_${'0'.repeat(33)}`,
      `dsp_${'0'.repeat(32)}`,
      '%',
      '%00',
    ),
    fc.constantFrom(
      '\u0000',
      '\n',
      "' OR 1=1--",
      '../../etc/passwd',
      '{jobId}',
      '*',
      ':jobId',
      '__proto__',
      '🎬',
    ),
    fc.constantFrom(100, 2000, 6000).map((length) => 'a'.repeat(length)),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
  )
  .filter((id) => !/^(\.|%2e){1,2}$/i.test(id));

function goodBodies({ required, schema }: NonNullable<Operation['body']>): Arbitrary<Body | null> {
  const types = fc.oneof(
    { weight: 5, arbitrary: fc.constant(JSON_TYPE) },
    fc.constantFrom(
      'application/json; charset=utf-8',
      'Application/JSON',
      'application/json;charset="UTF-8"',
      'application/json ; charset=utf-8;',
    ),
  );
  const texts = fc.tuple(fitting(schema), fc.constantFrom('plain', 'spread', 'escaped', 'padded')).map(write);
  const made = fc
    .tuple(texts, types, fc.nat({ max: 4 }))
    .map(([text, type, n]): Body | null => new Body(text, type, n === 0));
  const nothing = fc.constantFrom(null, new Body('', JSON_TYPE));
  return required ? made : fc.oneof({ weight: 2, arbitrary: made }, nothing);
}

/** Bytes of any sort, said to be of any type. */
const streamedBodies: Arbitrary<Body | null> = fc
  .tuple(
    fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => Buffer.from(text)),
      fc.constant(Buffer.alloc(LIMIT, 'x')),
    ),
    fc.constantFrom(
      null,
      'text/plain; charset=utf-8',
      'text/html',
      'application/octet-stream',
      'nonsense',
      JSON_TYPE,
    ),
  )
  .map(([bytes, type]) => new Body(bytes, type));

function write([value, how]: [unknown, string]): string {
  const text = JSON.stringify(value);
  if (how === 'spread') return JSON.stringify(value, null, '\t\r\n ');
  if (how === 'escaped') {
    return text.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  }
  return how === 'padded' ? `${text}${' '.repeat(Math.max(0, LIMIT - Buffer.byteLength(text)))}` : text;
}

function spoiltBodies(schema: Schema): Arbitrary<Body | null> {
  const good = fitting(schema).map((value) => JSON.stringify(value));
  const texts = fc.oneof(
    { weight: 6, arbitrary: missing(schema).map((value) => JSON.stringify(value)) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(good, fc.constantFrom(...SPOILERS), fc.double({ min: 0, max: 1, noNaN: true }))
        .map(([text, spoil, at]) => spoil(text, at)),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(good, fc.constantFrom(...INSERTIONS)).map(([text, entry]) => insert(text, entry)),
    },
  );
  const asJson = fc.tuple(texts, fc.nat({ max: 4 })).map(([text, n]) => new Body(text, JSON_TYPE, n === 0));
  const bytes = fc
    .tuple(good, fc.constantFrom(...NOT_UTF8), fc.boolean())
    .map(([text, hex, inside]) => new Body(withBytes(text, Buffer.from(hex, 'hex'), inside), JSON_TYPE));
  const mistyped = fc
    .tuple(good, fc.constantFrom(...WRONG_TYPES), fc.boolean())
    .map(([text, type, chunked]) => new Body(text, type, chunked));
  return fc.oneof(
    { weight: 12, arbitrary: asJson },
    { weight: 2, arbitrary: bytes },
    { weight: 2, arbitrary: mistyped },
    { weight: 1, arbitrary: fc.constantFrom(...NO_JSON) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(...NOTHING),
    },
  );
}

/** Bodies that are none, said in every way. */
const NOTHING = [null, new Body('', JSON_TYPE), new Body('', null), new Body('', JSON_TYPE, true)];

const NO_JSON = [
  new Body('model_profile=balanced&name=a', 'application/x-www-form-urlencoded'),
  new Body(
    '--x\r\ncontent-disposition: form-data; name="name"\r\n\r\na\r\n--x--',
    'multipart/form-data; boundary=x',
  ),
  new Body(gzipSync('{}'), JSON_TYPE),
];

/** The least body that fits, spoilt in every way that is known here; about a job that is nowhere, like edges. */
export function spoilings(operation: Operation): Shot[] {
  if (!operation.body || isStreamed(operation)) return [];
  const good = JSON.stringify(simplest(operation.body.schema));
  const texts = [
    ...SPOILERS.map((spoil) => spoil(good, 0.5)),
    ...INSERTIONS.map((entry) => insert(good, entry)),
  ];
  const bytes = NOT_UTF8.flatMap((hex) =>
    [true, false].map((inside) => withBytes(good, Buffer.from(hex, 'hex'), inside)),
  );
  const bodies = [
    ...[...texts, ...bytes].map((content) => new Body(content, JSON_TYPE)),
    ...WRONG_TYPES.flatMap((type) => [false, true].map((chunked) => new Body(good, type, chunked))),
    ...NO_JSON,
    ...NOTHING,
  ];
  return bodies.map((body) => ({ ...plainShot(operation, 'NOWHERE'), body }));
}

const SPOILERS: readonly ((text: string, at: number) => string)[] = [
  (text, at) => text.slice(0, Math.floor(text.length * at)),
  (text) => text.replaceAll('"', "'"),
  (text) => text.replace(/}$/, ',}'),
  (text) => `${text}${text}`,
  (text) => `// ${text}`,
  (text) => text.replace(/:[^,}]+/, ':NaN'),
  (text) => `\ufeff${text}`,
  (text) => `[${text}]`,
  (text) => JSON.stringify(text),
  () => ' ',
  () => '\u0000',
  () => '['.repeat(LIMIT - 1),
  () => `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
];

/** Entries that JSON lets into any object; `artifact_updates` is where a callback is open to more. */
const INSERTIONS = [
  '"__proto__":{"status":"DONE","isAdmin":true}',
  '"constructor":{"prototype":{"a":1}}',
  '"model_profile":"a","model_profile":"b"',
  '"name":1,"name":"b"',
  '"":""',
  '"\\ud83c":1',
  '"model_profile":"\\ud83c"',
  '"name":"\\udfac\\ud83c"',
  '"failure_message":"\\ud800"',
  '"event_id":"a\\u0000b"',
  `"x":${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  ...[100, 3_000, 20_000].map((n) => `"artifact_updates":{"x":${'['.repeat(n)}${']'.repeat(n)}}`),
  `"artifact_updates":{"x":${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}}`,
  ...[100, 2_000, 20_000].map((n) => `"params":{"x":${'['.repeat(n)}${']'.repeat(n)}}`),
  '"params":{"__proto__":{"draft":"s3://a/b"},"constructor":null}',
  '"formats":["srt","__proto__"]',
  '"formats":["srt","srt"]',
  '"discard_edits":["audio"]',
  '"edits":9007199254740993',
  '"edits":1e999',
  '"artifact_updates":{"__proto__":{"draft_uri":"s3://a/b"}}',
  '"artifact_updates":{"exports":{"__proto__":"s3://a/b","constructor":"s3://a/b"}}',
  '"artifact_updates":{"metrics":{"__proto__":1,"toString":true}}',
  '"artifact_updates":{"size_bytes":9007199254740993}',
  '"artifact_updates":{"size_bytes":1e999}',
  '"progress_pct":1e999',
  '"progress_pct":-0',
  `"progress_pct":0.${'1'.repeat(5000)}`,
];
const insert = (text: string, entry: string) =>
  text.startsWith('{') ? `{${text.slice(1, -1)}${text.length > 2 ? ',' : ''}${entry}}` : `{${entry}}`;

/** A lone continuation byte, overlong forms, half a surrogate pair, beyond Unicode, a sequence cut off, UTF-16. */
const NOT_UTF8 = ['80', 'ff', 'c080', 'c1bf', 'eda080', 'f4908080', 'f09f8e', 'fffe7b007d00'];
function withBytes(text: string, bytes: Buffer, inside: boolean): Buffer {
  const at = inside ? text.lastIndexOf('"') : text.length;
  return Buffer.concat([
    Buffer.from(text.slice(0, Math.max(at, 0))),
    bytes,
    Buffer.from(text.slice(Math.max(at, 0))),
  ]);
}

const WRONG_TYPES = [
  null,
  '',
  'text/plain',
  'text/json',
  'application/jsonp',
  'application/json-seq',
  'application/vnd.api+json',
  'application/problem+json',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'multipart/form-data',
  'nonsense',
  '*/*',
  'application/json, text/plain',
];

function goodQuery(operation: Operation, cursors: readonly string[]): Arbitrary<Shot['query']> {
  const named = parametersIn(operation, 'query').map(({ name, schema }) => {
    const values = name === 'cursor' ? fc.constantFrom('', ...cursors) : fitting(schema, name).map(String);
    const given = values.map((value): Shot['query'] => (value === '' ? [] : [[name, value]]));
    return fc.oneof(given, fc.constant<Shot['query']>([]));
  });
  return fc.tuple(...named).map((entries) => entries.flat());
}

function spoiltQuery(operation: Operation): Arbitrary<Shot['query']> {
  const named = parametersIn(operation, 'query');
  if (named.length === 0) return fc.constantFrom<Shot['query']>([], [['page', '2']]);
  const values = fc.oneof(
    fc.constantFrom(
      '0',
      '1',
      '-1',
      '20',
      '21',
      '100',
      '101',
      '1e1',
      '+1',
      '01',
      '1.0',
      '0x1',
      ' 1',
      '1 ',
      '９',
      'NaN',
      '',
    ),
    fc.constantFrom(
      '99999999999999999999',
      'null',
      '__proto__',
      'FAILED',
      'failed',
      '\u0000',
      'A'.repeat(201),
    ),
    fc.constantFrom(
      'AUDIO_READY',
      'audio_ready',
      'FAILED,AUDIO_READY',
      'balanced',
      'a b',
      'é',
      'x'.repeat(65),
    ),
    fc
      .constantFrom(
        '1:0:dsp_1:',
        '1:0::k',
        `1:0:dsp_1:${'k'.repeat(200)}`,
        '1:',
        '-1:job_1',
        'seq:1',
        'seq:-1',
        'seq:99999999999999999',
        `1:job_${'0'.repeat(32)}`,
      )
      .map(btoa),
    JUNK.map((value) => String(JSON.stringify(value)).toWellFormed()),
  );
  const names = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...named.map(({ name }) => name)) },
    fc.constantFrom('page', '__proto__', 'limit[]', 'LIMIT', ''),
  );
  return fc.array(fc.tuple(names, values), { minLength: 1, maxLength: 3 });
}

/** Paths that no operation has, or that are another's in disguise. */
export const oddPaths = fc.oneof(
  fc.constantFrom(
    '/',
    '//',
    '/jobs',
    '/jobs/',
    '/Projects',
    '/healthz//',
    '/HEALTHZ',
    '/openapi.yaml',
    '/.env',
  ),
  fc.constantFrom('/jobs/x/run//', '/jobs//run', '/internal', '/internal/jobs'),
  fc.constantFrom(
    '/internal/jobs/x',
    '/internal/jobs/x/status/y',
    '/jobs/x/status',
    '/jobs/x/y/z',
    '/%',
    '/%zz',
    '/%00',
  ),
  fc.constantFrom(
    '/__proto__',
    '/constructor',
    '/cdn-cgi/x',
    '/favicon.ico',
    '/robots.txt',
    '/control/log',
    '/dispatches',
    '/projects;a=b',
  ),
  fc
    .array(fc.string({ unit: 'binary', maxLength: 12 }), { minLength: 1, maxLength: 5 })
    .map((steps) => `/${steps.map(encodeURIComponent).join('/')}`),
  fc.constantFrom(1000, 7000).map((length) => `/${'p'.repeat(length)}`),
);
