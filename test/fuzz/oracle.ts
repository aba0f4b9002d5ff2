// Judges: whether a request fits the document, and whether an answer is one that the document allows for it.
// Every fault is a sentence; no fault means that the answer is good.
import { devSetting, devSigningKey } from '../support/dev-settings.ts';
import { MEDIA_PATTERN } from './arbitraries.ts';
import {
  answerOf,
  type DocumentedAnswer,
  fits,
  genericProblem,
  type Operation,
  type Schema,
} from './document.ts';
import type { Answer, WireRequest } from './wire.ts';

/** `open`: the document's schemas allow it, but words of it, or nothing but the service, may refuse it. */
export type Fit = 'fits' | 'breaks' | 'open';

const MAX_BODY_BYTES = 64 * 1024;

export interface Asked extends WireRequest {
  /** Null when no operation has this method and path. */
  operation: Operation | null;
  query: readonly (readonly [name: string, value: string])[];
  /** Which cursors were given out by this list, so that they fit. */
  cursors?: ReadonlySet<string>;
}

/** Whether the document lets this request be made. */
export function fitOf({ operation, query, headers, body, cursors }: Asked): Fit {
  if (!operation) return 'open';
  const given = body !== null && body.length > 0 ? body : null;
  const ofBody = bodyFit(operation, given, headerOf(headers, 'content-type'), headers);
  const ofQuery = queryFit(operation, query, cursors);
  const fit = [ofBody, ofQuery, keyFit(operation, given, headers)];
  if (fit.includes('breaks')) return 'breaks';
  return fit.includes('open') ? 'open' : 'fits';
}

/** An Idempotency-Key, where it is taken: bare, it is judged; and what a retry is known by is said once, or twice alike. */
function keyFit({ id, parameters }: Operation, given: Uint8Array | null, headers: Asked['headers']): Fit {
  if (!parameters.some(({ name }) => name === 'Idempotency-Key')) return 'fits';
  const keys = headers.filter(([name]) => name === 'idempotency-key').map(([, value]) => value);
  const [key] = keys;
  if (keys.length > 1 || (key !== undefined && !/^[!#-~][!-~]{0,127}$/.test(key))) return 'open';
  if (id !== 'retryJob' || given === null) return 'fits';
  let body: { client_request_id?: unknown } | null;
  try {
    body = JSON.parse(Buffer.from(given).toString());
  } catch {
    return 'fits';
  }
  const named = body?.client_request_id;
  if (key === undefined) return named === undefined ? 'breaks' : 'fits';
  return named === undefined || named === key ? 'fits' : 'breaks';
}

const headerOf = (headers: Asked['headers'], name: string): string | null =>
  headers.find(([each]) => each === name)?.[1] ?? null;

function bodyFit(
  { body }: Operation,
  given: Uint8Array | null,
  type: string | null,
  headers: Asked['headers'],
): Fit {
  if (!given) return body?.required ? 'breaks' : 'fits';
  if (!body) return 'open';
  if (given.length > MAX_BODY_BYTES) return 'breaks';
  const mediaType = (type ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (!body.mediaTypes.includes(mediaType)) return isJson(mediaType) ? 'open' : 'breaks';
  if (headerOf(headers, 'content-encoding')) return 'open';
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(given));
  } catch {
    // RFC 8259 §8.1: a byte order mark may be ignored.
    return given[0] === 0xef ? 'open' : 'breaks';
  }
  if (!fits(body.schema, value)) return 'breaks';
  return hasRepeatedKey(given) || breaksUnsaidRule(body.schema, value) ? 'open' : 'fits';
}

/** RFC 6839 §3.1: what ends in +json may be read as JSON. */
const isJson = (mediaType: string) => /^application\/[\w.-]+\+json$/.test(mediaType);

/** RFC 8259 §4 leaves what a repeated name means to the one who reads it; JSON.parse takes the last. */
function hasRepeatedKey(given: Uint8Array): boolean {
  const text = Buffer.from(given).toString();
  const value = JSON.parse(text);
  const names = (node: unknown): number =>
    node === null || typeof node !== 'object'
      ? 0
      : Object.values(node).reduce<number>(
          (sum, each) => sum + names(each),
          Array.isArray(node) ? 0 : Object.keys(node).length,
        );
  if (depthOf(text) > 500) return true;
  return (text.match(/"(?:[^"\\]|\\.)*"\s*:/g) ?? []).length !== names(value);
}

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const character of text) {
    if (character === '[' || character === '{') deepest = Math.max(deepest, ++depth);
    else if (character === ']' || character === '}') depth--;
  }
  return deepest;
}

/** Hosts that an editor may not name. */
const PRIVATE_NAME =
  /^https:\/\/[^/?#]*\.(lan|local|internal|intranet|localhost|localdomain|home\.arpa)([/?#:]|$)/i;
const MEDIA_URI = /^((s3|gs|r2):\/\/[\w.-]+\/.|https:\/\/[^/?#@]+\.[a-z]{2,}([/?#]|$))/;
/** What a name must not hold, besides control characters. */
const HIDDEN = /[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

/**
 * What the service asks beyond the schemas: each line is a rule that the document states in words or not at all.
 * A line goes when the document's schemas say it, and then both sides of it are judged.
 */
function breaksUnsaidRule(schema: Schema, value: unknown): boolean {
  const { anyOf, type, properties = {}, additionalProperties, pattern } = schema;
  if (!anyOf && type === undefined) return false;
  if (anyOf) return anyOf.some((each) => fits(each, value) && breaksUnsaidRule(each, value));
  if (typeof value === 'string') {
    if (pattern === MEDIA_PATTERN) {
      const isPlain = value.isWellFormed() && !/\p{Cc}/u.test(value);
      return !isPlain || !MEDIA_URI.test(value) || PRIVATE_NAME.test(value);
    }
    if (pattern !== undefined || schema.enum) return false;
    return (
      !value.isWellFormed() || /\p{Cc}/u.test(value) || HIDDEN.test(value) || !/[\p{L}\p{N}]/u.test(value)
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.entries(value).some(([key, each]) => {
    const named = Object.hasOwn(properties, key) ? properties[key] : undefined;
    const described = named ?? (isSchema(additionalProperties) ? additionalProperties : null);
    return described !== null && breaksUnsaidRule(described, each);
  });
}

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && Object.keys(value).length > 0;

function queryFit({ parameters }: Operation, query: Asked['query'], cursors: Asked['cursors']): Fit {
  let fit: Fit = 'fits';
  for (const name of new Set(query.map(([each]) => each))) {
    const values = query.filter(([each]) => each === name).map(([, value]) => value);
    const parameter = parameters.find((each) => each.in === 'query' && each.name === name);
    if (!parameter) fit = 'open';
    else if (values.length > 1 || !fits(parameter.schema, textAs(parameter.schema, values[0] ?? '')))
      return 'breaks';
    // Cursors are opaque: one that this list did not give out may be refused. Nor are `01` and `+1` said to be 1.
    else if (name === 'cursor' && !cursors?.has(values[0] ?? '')) fit = 'open';
  }
  return fit;
}

/** A query's text as the value that it stands for; text that stands for no number stays text, which fits no number. */
function textAs({ type }: Schema, text: string): unknown {
  return type === 'integer' && /^-?(0|[1-9]\d*)$/.test(text) ? Number(text) : text;
}

/** Whom the service takes the caller for. */
export type Standing =
  /** The one whose resource it is, or who creates it. */
  | 'owner'
  /** As the owner, but may only read. */
  | 'reader'
  /** Somebody with a workspace of their own: this resource does not exist for them. */
  | 'stranger'
  /** Nobody: without a token that is good here. */
  | 'nobody';

export interface Case {
  asked: Asked;
  standing: Standing;
  /** Whether the path names something that is there at all. */
  exists: boolean;
  /** Whether the orchestrator refuses this job's dispatches, so that a 502 is right. */
  refusesDispatches: boolean;
}

const GENERIC: ReadonlyMap<number, readonly DocumentedAnswer[]> = new Map([
  [401, [answerOf('UnauthenticatedError')]],
  [403, [answerOf('ForbiddenError')]],
  [404, [answerOf('NoLeakNotFoundError')]],
  [405, [genericProblem(405, 'METHOD_NOT_ALLOWED')]],
  [413, [answerOf('PayloadTooLargeError')]],
]);

/** All that is wrong with an answer; empty when it is one that the document allows for this case. */
export function faultsOf(answer: Answer, { asked, standing, exists, refusesDispatches }: Case): string[] {
  const { operation, method } = asked;
  const { status } = answer;
  const faults = [...formFaults(answer, operation, method), ...secretsIn(answer)];
  const fail = (why: string) => faults.push(`${status}: ${why}`);

  if (status >= 500 && !(status === 502 && refusesDispatches)) fail('the service is at fault');
  if (!operation || operation.caller === 'anyone') return faults;
  if (standing === 'nobody') {
    if (status !== 401) fail('without a good token everything is a 401');
    return faults;
  }
  if (status === 401) fail('the token is good');
  if (standing === 'reader' && operation.method !== 'GET') {
    if (status !== 403) fail('the scope of the token does not allow this');
    return faults;
  }
  if (status === 403) fail('the token allows this');

  const fit = fitOf(asked);
  const isOfForm = status !== 400 && status !== 413 && status !== 415;
  if (fit === 'fits' && !isOfForm) fail('the request fits the document');
  if (fit === 'breaks' && isOfForm) fail('the request does not fit the document');
  if (fit !== 'breaks' && isOfForm) {
    const isThere = exists && standing !== 'stranger';
    if (isThere && status === 404) fail('it is there, and the caller’s own');
    if (!isThere && status !== 404) fail('it is not there, or not the caller’s');
  }
  return faults;
}

/** Status, media type, headers and body: is this an answer that the document knows? */
function formFaults(
  { status, headers, text }: Answer,
  operation: Operation | null,
  method: string,
): string[] {
  const faults: string[] = [];
  if (!/^req_[0-9a-f]{32}$/.test(headers['x-request-id'] ?? '')) faults.push('it has no x-request-id');
  const keeping = headers.etag !== undefined && status < 400 ? 'private, no-cache' : 'no-store';
  if (headers['cache-control'] !== keeping) faults.push('it may be stored otherwise than it says');
  if (headers['x-content-type-options'] !== 'nosniff') faults.push('its type may be guessed');
  if (status === 401 && !/^Bearer\b/.test(headers['www-authenticate'] ?? ''))
    faults.push('it names no challenge');
  if (status === 503 && !headers['retry-after']) faults.push('it does not say when to try again');
  if (status === 405 && !headers.allow) faults.push('it does not say what is allowed');

  const documented = operation ? operation.answers.get(status) : undefined;
  const candidates = documented ? [documented] : operation ? [] : (GENERIC.get(status) ?? []);
  const [answer] = candidates;
  if (!answer) return [...faults, `the document knows no ${status} for ${operation?.id ?? 'this'}`];
  for (const name of answer.headers) if (headers[name] === undefined) faults.push(`it has no ${name}`);
  const [mediaType = ''] = (headers['content-type'] ?? '').split(';');
  if (answer.mediaType !== null && mediaType !== answer.mediaType) faults.push(`it is of type ${mediaType}`);
  if (method === 'HEAD' || answer.mediaType === null) {
    if (text !== '') faults.push('it has a body');
    return faults;
  }
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return [...faults, 'its body is not JSON'];
  }
  const fault = answer.fault(body);
  if (fault) faults.push(`its body does not fit: ${fault}`);
  if (status >= 400) faults.push(...problemFaults(status, headers, body as Record<string, unknown>));
  return faults;
}

/** RFC 9457, and one request id throughout; a 404 names none, so that all of them are the same. */
function problemFaults(status: number, headers: Answer['headers'], body: Record<string, unknown>): string[] {
  const faults: string[] = [];
  const code = String(body.error_code);
  const instance = status === 404 ? undefined : `urn:retake:request:${headers['x-request-id']}`;
  if (body.status !== status) faults.push(`its body says ${body.status}`);
  if (body.instance !== instance) faults.push(`it names the instance ${body.instance}`);
  if (body.type !== `urn:retake:problem:${code.toLowerCase().replaceAll('_', '-')}`)
    faults.push(`it is of the type ${body.type}`);
  return faults;
}

const SECRETS = [
  ...['CALLBACK_TOKEN_KEYS', 'ID_KEYS', 'DISPATCH_SIGNING_SECRET'].flatMap((name) =>
    devSetting(name).split(','),
  ),
  String(devSigningKey().d),
];
const INSIDES = [
  /rtk1\./,
  /eyJ[\w-]{10}/,
  /whsec_/,
  /SQLITE/i,
  /\bat [\w.<>]+ \(|\.[cm]?[jt]s:\d+/,
  /\b(Range|Type|Syntax|Reference|Zod)Error\b/,
  /node_modules|\.wrangler|file:\/\/|\/(home|work|tmp|root)\//,
];

/** Secrets, and what would tell of the inside. The contract itself may show what tokens look like. */
export function secretsIn({ headers, text }: Pick<Answer, 'headers' | 'text'>): string[] {
  const all = `${JSON.stringify(headers)}\n${text}`;
  return [
    ...SECRETS.filter((secret) => all.includes(secret)).map(() => 'it shows a secret'),
    ...INSIDES.filter((pattern) => pattern.test(all)).map((pattern) => `it shows ${pattern}`),
  ];
}

/** All that a caller sees of an answer, but for what names the request itself and the moment. */
export function visible({ status, headers, text }: Answer): string {
  const { 'x-request-id': id, date: _, ...shown } = headers;
  const whole = JSON.stringify([status, Object.entries(shown).sort(), text]);
  return id ? whole.replaceAll(id, '{request}') : whole;
}
