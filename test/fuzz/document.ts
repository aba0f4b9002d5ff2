// spec/openapi.yaml as the fuzzing sees it: operations, what they take, and validators for both directions.
// What the document does not list, no operation of these has.
import { readFileSync } from 'node:fs';
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { parse } from 'yaml';

/** The keywords that are looked at here and there; arbitraries.ts knows which ones there may be. */
export interface Schema {
  type?: string | readonly string[];
  anyOf?: readonly Schema[];
  enum?: readonly unknown[];
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  minimum?: number;
  maximum?: number;
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  propertyNames?: Schema;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  default?: unknown;
  example?: unknown;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  schema: Schema;
}

export interface DocumentedAnswer {
  /** Null for an answer without a body. */
  mediaType: string | null;
  headers: readonly string[];
  /** What is wrong with a body; null when nothing is. */
  fault(body: unknown): string | null;
}

export interface Operation {
  id: string;
  method: string;
  /** With its `{parameters}`. */
  path: string;
  caller: 'editor' | 'pipeline' | 'anyone';
  parameters: readonly Parameter[];
  body: { required: boolean; mediaTypes: readonly string[]; schema: Schema } | null;
  answers: ReadonlyMap<number, DocumentedAnswer>;
}

interface RawOperation {
  operationId: string;
  security: Record<string, unknown>[];
  parameters?: Parameter[];
  requestBody?: { required: boolean; content: Record<string, { schema: Schema }> };
  responses: Record<
    string,
    { headers?: Record<string, { required?: boolean }>; content?: Record<string, { schema: Schema }> }
  >;
}
interface RawDocument {
  paths: Record<string, Record<string, RawOperation>>;
  components: { schemas: Record<string, Schema> };
}

const source = parse(readFileSync(new URL('../../spec/openapi.yaml', import.meta.url), 'utf8'));
const document = resolved(source, source) as RawDocument;

/** Of a body that is sent, or handed out, as it comes. */
export const ANY_TYPE = '*/*';
export const isStreamed = ({ body }: Operation): boolean => body?.mediaTypes.includes(ANY_TYPE) ?? false;

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
formats.default(ajv);
ajv.addVocabulary(['example']);

const validators = new Map<Schema, ReturnType<typeof ajv.compile>>();

/** Whether `value` is what `schema` describes; lengths count code points, as JSON Schema has it. */
export function fits(schema: Schema, value: unknown): boolean {
  return validatorOf(schema)(value) as boolean;
}

function validatorOf(schema: Schema): ReturnType<typeof ajv.compile> {
  const known = validators.get(schema);
  if (known) return known;
  const validator = ajv.compile(schema);
  validators.set(schema, validator);
  return validator;
}

export const operations: readonly Operation[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, raw]) => ({
    id: raw.operationId,
    method: method.toUpperCase(),
    path,
    caller: callerOf(raw),
    parameters: raw.parameters ?? [],
    body: bodyOf(raw),
    answers: new Map(
      Object.entries(raw.responses).map(([status, answer]) => [Number(status), toAnswer(answer)]),
    ),
  })),
);

/** Each path with the methods that `Allow` has to list: those of the document, and HEAD where GET is. */
export const allowedMethods: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(document.paths).map(([path, methods]) => {
    const named = Object.keys(methods).map((method) => method.toUpperCase());
    return [path, [...named, ...(named.includes('GET') ? ['HEAD'] : [])].sort()];
  }),
);

/** The problem with this code, for answers that belong to no operation: same form, nothing in its details. */
export function genericProblem(status: number, errorCode: string): DocumentedAnswer {
  const { properties, ...rest } = document.components.schemas.NoLeakNotFoundError ?? {};
  const schema = {
    ...rest,
    properties: {
      ...properties,
      status: { type: 'integer', minimum: status, maximum: status },
      error_code: { type: 'string', enum: [errorCode] },
    },
  };
  return toAnswer({ content: { 'application/problem+json': { schema } } });
}

export function answerOf(component: string): DocumentedAnswer {
  const schema = document.components.schemas[component];
  if (!schema) throw new Error(`the document has no schema ${component}`);
  return toAnswer({ content: { 'application/problem+json': { schema } } });
}

/** Every error that the document names. */
export const documentedCodes: ReadonlySet<unknown> = new Set(
  Object.values(document.components.schemas).flatMap(
    ({ properties }) => (properties?.title && properties.error_code?.enum) ?? [],
  ),
);

function callerOf({ operationId, security }: RawOperation): Operation['caller'] {
  // A session opens what a token does; the fuzzing signs nobody in, and asks its routes as anyone.
  const schemes = security.flatMap((entry) => Object.keys(entry)).filter((each) => each !== 'session');
  const [scheme, ...more] = schemes;
  if (more.length > 0) throw new Error(`${operationId} takes more than one kind of token`);
  if (scheme === undefined) return 'anyone';
  if (scheme === 'editorToken') return 'editor';
  if (scheme === 'callbackToken') return 'pipeline';
  throw new Error(`${operationId} takes a token that the fuzzing does not know: ${scheme}`);
}

function bodyOf({ requestBody }: RawOperation): Operation['body'] {
  if (!requestBody) return null;
  const [[, first] = [], ...more] = Object.entries(requestBody.content);
  const isOneForm = more.every(([, { schema }]) => JSON.stringify(schema) === JSON.stringify(first?.schema));
  if (!first || !isOneForm) throw new Error('a body of several forms is not known here');
  return {
    required: requestBody.required,
    mediaTypes: Object.keys(requestBody.content),
    schema: first.schema,
  };
}

function toAnswer({ headers = {}, content }: RawOperation['responses'][string]): DocumentedAnswer {
  const [[mediaType, media] = [], ...more] = Object.entries(content ?? {});
  // Who does not ask for a stream is answered what stands before it.
  if (more.some(([type]) => type !== 'text/event-stream'))
    throw new Error('an answer of several media types is not known here');
  const names = Object.entries(headers).flatMap(([name, { required }]) =>
    required === false ? [] : [name.toLowerCase()],
  );
  if (!mediaType || !media) {
    return {
      mediaType: null,
      headers: names,
      fault: (body) => (body === undefined ? null : 'there is a body'),
    };
  }
  if (mediaType === ANY_TYPE) return { mediaType, headers: names, fault: () => null };
  const validate = ajv.compile(closed(media.schema) as Schema);
  return {
    mediaType,
    headers: names,
    fault: (body) => (validate(body) ? null : explain(validate.errors ?? [])),
  };
}

const explain = (errors: readonly ErrorObject[]): string =>
  errors
    .map(({ instancePath, message, params }) => `${instancePath || '/'} ${message} ${JSON.stringify(params)}`)
    .join('; ');

/** What the document does not name has no place in an answer, though the schema alone would let it pass. */
function closed(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(closed);
  if (node === null || typeof node !== 'object') return node;
  const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, closed(value)]));
  const isOpen = 'properties' in copy && !('additionalProperties' in copy);
  return isOpen ? { ...copy, additionalProperties: false } : copy;
}

/** The document without its references; it has no schema that holds itself. */
function resolved(node: unknown, root: unknown): unknown {
  if (Array.isArray(node)) return node.map((item) => resolved(item, root));
  if (node === null || typeof node !== 'object') return node;
  // The generator writes it where a component is made nullable, and then no value fits: see orNull in src/contract/fields.ts.
  if ('allOf' in node) throw new Error(`nothing is all of this: ${JSON.stringify(node)}`);
  if ('$ref' in node && typeof node.$ref === 'string') {
    const steps = node.$ref.replace(/^#\//, '').split('/');
    const found = steps.reduce<unknown>((at, step) => (at as Record<string, unknown>)?.[step], root);
    if (found === undefined || Object.keys(node).length > 1) throw new Error(`cannot resolve ${node.$ref}`);
    return resolved(found, root);
  }
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, resolved(value, root)]));
}
