// What a request brings: its body is read once and only so far, and what a route takes is parsed by its schemas.
import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import type * as z from 'zod';
import { readCapped, readOn } from '../capped-body.ts';
import { type IdPrefix, isGivenOut } from '../contract/ids.ts';
import { type AppEnv, isRead } from './app-env.ts';
import { invalid, type Problem, problem } from './problem.ts';

const MAX_BODY_BYTES = 64 * 1024;
/** What is read of a body that nobody looks at, so that its sender hears the answer: more than any route takes. */
const MAX_READ_ON_BYTES = 32 * 1024 * 1024;
const MAX_ISSUES = 20;

/** Whatever is answered, and whenever: what nobody has read of the body is read first. */
export const readUnread = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  if (!c.req.raw.bodyUsed) await readToAnswer(c.req.raw);
});

async function readToAnswer({ body }: Request): Promise<void> {
  // A sender that has gone away needs no answer.
  if (body !== null) await readOn(body, MAX_READ_ON_BYTES).catch(() => {});
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/**
 * An empty body is none, whatever content type is named with it: many clients name one with every request. And what is
 * sent is UTF-8 (RFC 8259 §8.1): decoding leniently would put another character in the place of what was sent.
 */
export const readBody = createMiddleware<AppEnv>(async (c, next) => {
  if (isRead(c)) return next();
  const bytes = await readCapped(c.req.raw, MAX_BODY_BYTES);
  if (bytes === null) {
    // The local runtime fails the request that follows on a body that was read in part (workers-sdk#15203, #15451).
    await readToAnswer(c.req.raw);
    return problem(c, 'PAYLOAD_TOO_LARGE', { max_bytes: MAX_BODY_BYTES });
  }
  if (bytes.byteLength === 0) {
    c.set('body', null);
    return next();
  }
  const isCoded = refuseCoding(c);
  if (isCoded) return isCoded;
  try {
    c.set('body', utf8.decode(bytes));
  } catch {
    return notJson(c);
  }
  return next();
});

/** Bodies are taken as they are. */
export function refuseCoding(c: Context<AppEnv>): Problem | null {
  if (/^(identity)?$/i.test(c.req.header('content-encoding')?.trim() ?? '')) return null;
  const detail = 'The body has to be sent without a content coding';
  // RFC 9110 §12.5.3: what would be taken.
  return problem(c, 'UNSUPPORTED_MEDIA_TYPE', {}, { detail, headers: { 'accept-encoding': 'identity' } });
}

/** What a route takes of a request. */
export interface Input {
  params?: z.ZodObject;
  /** Parameters that have to be ids which this service has given out, looked at when everything else fits. */
  ids?: Readonly<Record<string, IdPrefix>>;
  query?: z.ZodObject;
  headers?: z.ZodObject;
  body?: JsonBody | StreamedBody;
  /** Why a body that is taken as it comes cannot be, as it is sent: like any other before it is looked whether the job is there. */
  refuseStreamed?: (c: Context<AppEnv>) => Problem | null;
  /** What is wrong with the headers, which fit, and the body together, whether or not that fits by itself. */
  together?: (headers: object, body: object) => Issue | null;
}

interface JsonBody {
  required: boolean;
  content: {
    'application/json': { schema: z.ZodType };
    'application/merge-patch+json'?: { schema: z.ZodType };
  };
}

/** One that its route takes as it comes; such a route stands before `readBody`. */
interface StreamedBody {
  required: boolean;
  content: { '*/*': { schema: z.ZodType } };
}

const isStreamed = (body: JsonBody | StreamedBody): body is StreamedBody => '*/*' in body.content;

interface Issue {
  path: string;
  message: string;
}

/** Puts what fits into `c.req.valid`, or answers what does not. */
export async function takeInput(
  c: Context<AppEnv>,
  { query, params, headers, body, refuseStreamed, together, ids = {} }: Input,
): Promise<Problem | null> {
  return (
    (query ? parse(c, 'query', query, queryOf(c)) : null) ??
    (params ? parse(c, 'param', params, c.req.param()) : null) ??
    (headers ? parse(c, 'header', headers, headersOf(c, headers)) : null) ??
    (body && !isStreamed(body) ? takeBody(c, body, together) : null) ??
    refuseStreamed?.(c) ??
    (await lookAtIds(c, ids))
  );
}

/** Nothing is woken for an id that was never given out. */
async function lookAtIds(c: Context<AppEnv>, ids: NonNullable<Input['ids']>): Promise<Problem | null> {
  for (const [param, prefix] of Object.entries(ids)) {
    const isKnown = await isGivenOut(prefix, c.req.param(param) ?? '', c.get('config').idKeys);
    if (!isKnown) return problem(c, 'RESOURCE_NOT_FOUND', {});
  }
  return null;
}

function takeBody(
  c: Context<AppEnv>,
  { required, content }: JsonBody,
  together: Input['together'],
): Problem | null {
  const { schema } = content['application/json'];
  const takeValue = (value: unknown) => {
    const issue = isObject(value) ? together?.(c.req.valid('header' as never), value) : null;
    return parse(c, 'json', schema, value, issue ? [issue] : []);
  };
  const body = c.get('body');
  if (body === null) {
    if (required) return takeValue({});
    c.req.addValidatedData('json', {});
    return null;
  }
  if (!JSON_TYPE.test(c.req.header('content-type') ?? '')) return problem(c, 'UNSUPPORTED_MEDIA_TYPE', {});
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return notJson(c);
  }
  c.set('sent', value);
  return takeValue(value);
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * `application/json`, and what says that it is JSON (RFC 6839 §3.1), with any parameters as RFC 9110 §5.6.6 writes them:
 * empty ones and blanks around the semicolons too. No blank can be matched in two ways.
 */
const JSON_TYPE = (() => {
  const token = "[!#$%&'*+.^_`|~0-9a-z-]+";
  const quoted = '"(?:[^"\\\\]|\\\\.)*"';
  const parameter = `[ \\t]*${token}=(?:${token}|${quoted})`;
  return new RegExp(`^application/(?:${token}\\+)?json(?:[ \\t]*;(?:${parameter})?)*[ \\t]*$`, 'i');
})();

function parse(
  c: Context<AppEnv>,
  target: 'query' | 'param' | 'header' | 'json',
  schema: z.ZodType,
  value: unknown,
  others: readonly Issue[] = [],
): Problem | null {
  const result = schema.safeParse(value);
  const issues = [...(result.error ? issuesOf(result.error) : []), ...others];
  if (issues.length > 0) return problem(c, 'VALIDATION_ERROR', { issues });
  // Every schema of a route is of an object.
  c.req.addValidatedData(target, result.data as object);
  return null;
}

/** A parameter that comes more than once is a list, which no schema takes. */
const queryOf = (c: Context<AppEnv>) =>
  Object.fromEntries(
    Object.entries(c.req.queries()).map(([name, values]) => [name, values.length === 1 ? values[0] : values]),
  );

const headersOf = (c: Context<AppEnv>, { shape }: z.ZodObject) =>
  Object.fromEntries(Object.keys(shape).map((name) => [name, c.req.header(name)]));

const issuesOf = (error: z.ZodError): Issue[] =>
  error.issues.slice(0, MAX_ISSUES).map((issue) => ({
    path: issue.path.map(String).join('.').slice(0, 200),
    message: issue.message.slice(0, 300),
  }));

const notJson = (c: Context<AppEnv>): Problem => invalid(c, '', 'The body is not valid JSON');
