// Judges requests: whether the document lets one be made. What the document says in words is said here as well.
import { MAX_PARAMS_BYTES, MEDIA_PATTERN, STORE } from './arbitraries.ts';
import { fits, isStreamed, type Operation, type Schema } from './document.ts';
import type { WireRequest } from './wire.ts';

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
export function fitOf({ operation, query, headers, body, chunked, cursors }: Asked): Fit {
  if (!operation) return 'open';
  const given = body !== null && body.length > 0 ? body : null;
  const ofBody = isStreamed(operation)
    ? streamedFit(given, chunked, headerOf(headers, 'content-encoding'))
    : bodyFit(operation, given, headerOf(headers, 'content-type'), headers);
  const ofQuery = queryFit(operation, query, cursors);
  const fit = [ofBody, ofQuery, keyFit(operation, given, headers), ifMatchFit(operation, headers)];
  if (fit.includes('breaks')) return 'breaks';
  return fit.includes('open') ? 'open' : 'fits';
}

/** An Idempotency-Key, where it is taken: bare, it is judged; and what a request is known by that a body may name is said once, or twice alike. */
function keyFit(
  { parameters, body: taken }: Operation,
  given: Uint8Array | null,
  headers: Asked['headers'],
): Fit {
  const parameter = parameters.find(({ name }) => name === 'Idempotency-Key');
  if (!parameter) return 'fits';
  const keys = headers.filter(([name]) => name === 'idempotency-key').map(([, value]) => value);
  const [key] = keys;
  if (key === undefined && parameter.required) return 'breaks';
  if (keys.length > 1 || (key !== undefined && !/^[!#-~][!-~]{0,127}$/.test(key))) return 'open';
  if (taken?.schema.properties?.client_request_id === undefined || given === null) return 'fits';
  let body: { client_request_id?: unknown; dry_run?: unknown } | null;
  try {
    body = JSON.parse(Buffer.from(given).toString());
  } catch {
    return 'fits';
  }
  const named = body?.client_request_id;
  // Who only looks needs none.
  if (key === undefined) return named === undefined && body?.dry_run !== true ? 'breaks' : 'fits';
  return named === undefined || named === key ? 'fits' : 'breaks';
}

/**
 * An If-Match, where it is taken: `*`, or a list of entity tags (RFC 9110 §8.8.3) whose empty elements count for nothing
 * (§5.6.1.2). Lines of one name are one list (§5.3). Whether a list without any tag is one, and bytes beyond ASCII, are open.
 */
function ifMatchFit({ parameters }: Operation, headers: Asked['headers']): Fit {
  const parameter = parameters.find(({ name }) => name === 'If-Match');
  const given = linesOf(headers, 'if-match');
  if (!parameter || given === null) return parameter?.required ? 'breaks' : 'fits';
  if (!fits(parameter.schema, given)) return 'breaks';
  if (parameter.schema.pattern !== undefined) return 'fits';
  if (/[^\t -~]/.test(given)) return 'open';
  if (given.trim() === '*') return 'fits';
  const elements = given.replace(ENTITY_TAGS, '\0').split(',');
  const named = elements.map((element) => element.trim()).filter((element) => element !== '');
  if (named.some((element) => element !== '\0')) return 'breaks';
  return named.length > 0 ? 'fits' : 'open';
}
const ENTITY_TAGS = /(?:W\/)?"[!#-~]*"/g;

/** Whether the path has steps as the document has them; where it does not there is nothing, as with an id. */
export const isOnPath = ({ parameters }: Operation, steps: Readonly<Record<string, string>>): boolean =>
  parameters
    .filter(({ in: where, name }) => where === 'path' && steps[name] !== undefined)
    .every(({ name, schema }) => fits(schema, textAs(schema, steps[name] ?? '')));

/** The tags that an If-Match names, without what makes them weak; null for whatever there is. */
export function tagsOf(headers: Asked['headers']): string[] | null {
  const given = linesOf(headers, 'if-match');
  if (given === null || given.trim() === '*') return null;
  return Array.from(given.matchAll(ENTITY_TAGS), ([tag]) => tag.replace(/^W\//, ''));
}

function linesOf(headers: Asked['headers'], name: string): string | null {
  const lines = headers.filter(([each]) => each === name).map(([, value]) => value);
  return lines.length > 0 ? lines.join(', ') : null;
}

const headerOf = (headers: Asked['headers'], name: string): string | null =>
  headers.find(([each]) => each === name)?.[1] ?? null;

/** A body that is taken as it comes: there is one, its length is said before, and it is not coded. */
function streamedFit(given: Uint8Array | null, chunked: boolean, coding: string | null): Fit {
  return given !== null && !chunked && /^(identity)?$/i.test(coding?.trim() ?? '') ? 'fits' : 'breaks';
}

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
  if (hasRepeatedKey(given)) return 'open';
  if (breaksWord(body.schema, value)) return 'breaks';
  return breaksUnsaidRule(body.schema, value) ? 'open' : 'fits';
}

/** What the document says exactly, but only in words: how large params may be. */
function breaksWord({ properties = {} }: Schema, value: unknown): boolean {
  // Where a page begins is for its list to say, and what it has not said is none of its cursors.
  if (properties.cursor !== undefined && typeof (value as { cursor?: unknown }).cursor === 'string')
    return true;
  if (properties.params === undefined) return false;
  const { params } = value as { params?: unknown };
  return params !== undefined && Buffer.byteLength(JSON.stringify(params)) > MAX_PARAMS_BYTES;
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
  const { anyOf, type, properties = {}, additionalProperties, propertyNames, pattern, items } = schema;
  if (!anyOf && type === undefined) return false;
  if (anyOf) return anyOf.some((each) => fits(each, value) && breaksUnsaidRule(each, value));
  if (typeof value === 'string') {
    if (pattern === MEDIA_PATTERN) {
      const isPlain = value.isWellFormed() && !/\p{Cc}/u.test(value);
      // In the store of the service an editor may name what is the job's own.
      const isStored = value.slice(0, STORE.length).toLowerCase() === STORE;
      return !isPlain || !MEDIA_URI.test(value) || PRIVATE_NAME.test(value) || isStored;
    }
    if (pattern !== undefined || schema.enum) return false;
    return (
      !value.isWellFormed() || /\p{Cc}/u.test(value) || HIDDEN.test(value) || !/[\p{L}\p{N}]/u.test(value)
    );
  }
  if (Array.isArray(value)) return isSchema(items) && value.some((each) => breaksUnsaidRule(items, each));
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, each]) => {
    if (propertyNames && (key === '__proto__' || breaksUnsaidRule({ type: 'string' }, key))) return true;
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
    else if (breaksUnsaidRule(parameter.schema, values[0])) fit = 'open';
    // Cursors are opaque: one that this list did not give out may be refused. Nor are `01` and `+1` said to be 1.
    else if (name === 'cursor' && !cursors?.has(values[0] ?? '')) fit = 'open';
  }
  return fit;
}

/** A query's text as the value that it stands for; text that stands for no number stays text, which fits no number. */
function textAs({ type }: Schema, text: string): unknown {
  return type === 'integer' && /^-?(0|[1-9]\d*)$/.test(text) ? Number(text) : text;
}
