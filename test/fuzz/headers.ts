// The headers that are sent along: those that an operation takes, sensible or not, and those that it does not.
import fc, { type Arbitrary } from 'fast-check';
import type { Operation } from './document.ts';

export type Headers = [name: string, value: string][];

/** Stands in a header for the entity tag of what a retry would do, which is known once the job is. */
export const PLAN_TAG = '{plan}';

/** Field values as HTTP lets them be (RFC 9110 §5.5), sense or not. */
const fieldValues = fc.oneof(
  fc
    .string({ unit: fc.constantFrom(...' !"#$%&\'()*+,-./09:;<=>?@AZ[]^_`az{|}~\t'), maxLength: 40 })
    .map((text) => text.trim()),
  fc.constantFrom('x'.repeat(4000), ','.repeat(500), '\u00e9\u00ff', '"', '="'),
);
const preferences = fc.oneof(
  fc.constantFrom(
    'respond-async',
    'wait=0',
    'wait=1',
    'respond-async, wait=0',
    'WAIT="2"',
    'wait=-1',
    'wait=1e9',
  ),
  fc.constantFrom('respond-async;x=y', 'wait', 'wait=', '=,;=', `wait=${'9'.repeat(400)}`, 'return=minimal'),
  fieldValues,
);
const tags = fc.oneof(fc.constantFrom('*', '"0"', 'W/"1"', '"1", "2"', '""', '"', ',', 'W/'), fieldValues);

/** As If-Match may be written around the tag of a plan; and the ways in which it may not. */
export const NAMING_PLAN = [PLAN_TAG, `W/${PLAN_TAG}`, `"x", ${PLAN_TAG},,W/"y,z"`, ` ,${PLAN_TAG}`];
export const NO_TAGS = [
  ...[
    '"',
    'x',
    'W/',
    'w/"1"',
    '"1" "2"',
    '"1""2"',
    '"1";"2"',
    '"a b"',
    '*, "1"',
    '**',
    '"*',
    "'1'",
    'W/ "1"',
  ],
  ...[`${PLAN_TAG}x`, `x${PLAN_TAG}`, `${PLAN_TAG} ${PLAN_TAG}`, `"1", ${PLAN_TAG} x`],
];
const plans = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...NAMING_PLAN) },
  { weight: 1, arbitrary: fc.constantFrom(...NO_TAGS) },
  { weight: 1, arbitrary: fc.constantFrom('*', ' * ', '"x"', '""', 'W/"x"', ',', '') },
  { weight: 1, arbitrary: tags },
);
const correlationIds = fc.oneof(
  fc.constantFrom('ticket-4711', 'x'.repeat(128), 'x'.repeat(129), 'two words', '~!', ''),
  fieldValues,
);
/** A version as it is named by who corrects it. */
const versions = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('"1"', '"2"', '"3"') },
  { weight: 1, arbitrary: fc.constantFrom('"999999999"', '"1000000000"', '"0"', '"01"', '1', 'W/"1"', '*') },
  { weight: 1, arbitrary: tags },
);
const keys = fc.oneof(
  { weight: 2, arbitrary: fc.uuid() },
  fc.constantFrom('retry-1', '"retry-1"', 'key-1', '"', 'k'.repeat(129)),
  fieldValues,
);
const ranges = fc.oneof(
  fc.constantFrom(
    'bytes=0-1',
    'bytes=-1',
    'bytes=2-',
    'bytes=0-0,2-2',
    'bytes=3-1',
    'bytes=999999-',
    'lines=1',
  ),
  fieldValues,
);
const OWN_HEADERS: Record<string, Arbitrary<string>> = {
  prefer: preferences,
  'if-none-match': tags,
  'idempotency-key': keys,
  'if-match': plans,
  'x-correlation-id': correlationIds,
  range: ranges,
};
const ANY_HEADERS: Record<string, Arbitrary<string>> = {
  traceparent: fc.oneof(
    fc.constantFrom(
      '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      `00-${'0'.repeat(32)}-${'0'.repeat(16)}-00`,
      'x',
    ),
    fieldValues,
  ),
  tracestate: fieldValues,
  accept: fc.constantFrom('text/html', 'application/xml', '*/*;q=0', ''),
  cookie: fieldValues,
  origin: fc.constantFrom('https://evil.example', 'null'),
  'x-request-id': fieldValues,
  'x-correlation-id': fieldValues,
  'x-http-method-override': fc.constantFrom('DELETE', 'GET'),
  'x-forwarded-for': fc.constantFrom('127.0.0.1', '::1'),
  'x-long': fc.constant('y'.repeat(6000)),
  range: fc.constantFrom('bytes=0-1', 'bytes=-1'),
  'if-match': tags,
  'if-modified-since': fc.constantFrom('Thu, 01 Jan 2099 00:00:00 GMT', 'x'),
  'content-encoding': fc.constantFrom('gzip', 'identity', 'br', 'nonsense'),
  'content-language': fieldValues,
  'idempotency-key': fieldValues,
};

export function headersOf({ parameters }: Operation): Arbitrary<Headers> {
  const documented = parameters.filter((parameter) => parameter.in === 'header');
  const own = documented.map(({ name: written, required, schema: { pattern } }) => {
    const name = written.toLowerCase();
    const values =
      name === 'if-match' && pattern !== undefined ? versions : (OWN_HEADERS[name] ?? fieldValues);
    const given = values.map((value): [string, string] => [name, value]);
    return fc.option(given, { nil: null, freq: required ? 20 : 6 });
  });
  const others = Object.entries(ANY_HEADERS).map(([name, values]) =>
    values.map((value): [string, string] => [name, value]),
  );
  return fc
    .tuple(fc.uniqueArray(fc.oneof(...others), { maxLength: 2, selector: ([name]) => name }), ...own)
    .map(([more, ...named]) => [...named.filter((entry) => entry !== null), ...more] as Headers);
}
