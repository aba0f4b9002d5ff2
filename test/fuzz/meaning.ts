// Judges what an answer means, where its schema alone lets more pass: members that have to agree with each other, with the
// request, with the table of errors, and with the rest of the document.
import { toErrorDefinitions } from '../../src/contract/error-definitions.ts';
import { FAILURE_CLASSES } from '../../src/domain/failures.ts';
import { simplest } from './arbitraries.ts';
import { documentedCodes, fits, operations } from './document.ts';
import { type Asked, tagsOf } from './fit.ts';
import type { Answer } from './wire.ts';

type Members = Record<string, unknown>;

/** Of an answer whose form is right; the body is null where there is none. */
export function meaningFaults(asked: Asked, { status, headers }: Answer, body: Members | null): string[] {
  if (status === 412 || body?.error_code === 'RESUME_POINT_NOT_AVAILABLE') return planFaults(asked, body);
  if (status >= 300) return [];
  const faults = body === null ? [] : actionFaults(body);
  switch (asked.operation?.id) {
    case 'getRetryPlan':
      return [...faults, ...shownPlanFaults(asked, headers, body)];
    case 'getErrorDefinitions':
      return [...faults, ...definitionFaults(body)];
    case 'reportStatus':
      return [...faults, ...(status === 204 ? reportFaults(asked, headers) : [])];
    default:
      return [...faults, ...pageFaults(asked, body)];
  }
}

/** RFC 9457, and one request id throughout; a 404 names none, so that all of them are the same. */
export function problemFaults(status: number, headers: Answer['headers'], body: Members): string[] {
  const faults: string[] = [];
  const instance = status === 404 ? undefined : `urn:retake:request:${headers['x-request-id']}`;
  if (body.status !== status) faults.push(`its body says ${body.status}`);
  if (body.instance !== instance) faults.push(`it names the instance ${body.instance}`);
  const defined = definitionOf(body.error_code);
  if (!defined) return [...faults, `the error ${body.error_code} is not defined`];
  for (const name of ['type', 'status', 'title', 'retryable'] as const)
    if (body[name] !== defined[name]) faults.push(`its ${name} is ${body[name]}, not as it is defined`);
  return faults;
}

const definitions = toErrorDefinitions().items;
const definitionOf = (code: unknown) => definitions.find(({ error_code }) => error_code === code);

/** Every error that the document knows is defined, and no other. */
function definitionFaults(body: Members | null): string[] {
  const items = (body?.items ?? []) as Members[];
  const defined = items.map(({ error_code }) => String(error_code)).sort();
  const documented = [...documentedCodes].sort();
  return JSON.stringify(defined) === JSON.stringify(documented)
    ? []
    : [`it defines ${defined}, and the document knows ${documented}`];
}

/** Nothing is refused for a plan or a point that nobody has named. */
function planFaults({ headers, body: sent }: Asked, body: Members | null): string[] {
  const details = (body?.details ?? {}) as { plan?: Members; requested?: unknown; available?: unknown };
  if (body?.error_code === 'PLAN_CHANGED') {
    const tags = tagsOf(headers);
    if (tags === null) return ['no plan was named that could have changed'];
    return tags.includes(String(details.plan?.etag)) ? ['the plan that it names is the one that is'] : [];
  }
  const asked = parsed(sent)?.resume_from ?? null;
  return [
    ...(details.requested === asked ? [] : [`it was asked for ${asked}, not ${details.requested}`]),
    ...(details.requested === details.available
      ? ['the point that is refused is the one that is there']
      : []),
  ];
}

function shownPlanFaults({ query }: Asked, headers: Answer['headers'], body: Members | null): string[] {
  if (body === null) return [];
  const faults: string[] = [];
  const asked = Object.fromEntries(query);
  const { verdict, refusal, etag, resume } = body as {
    verdict: string;
    refusal: Members | null;
    etag: string;
    resume: Members | null;
  };
  if (headers.etag !== etag || !/^"[!#-+\--~]+"$/.test(etag)) faults.push(`it has the ETag ${headers.etag}`);
  if ((verdict === 'refused') !== (refusal !== null)) faults.push('its verdict and its refusal disagree');
  if (verdict === 'allowed' && resume === null) faults.push('it is allowed, from nowhere');
  if (asked.model_profile !== undefined && body.model_profile !== asked.model_profile)
    faults.push('it is of another profile');
  if (body.resume_from !== (asked.resume_from ?? null)) faults.push('it is of another point');
  if (asked.resume_from !== undefined && verdict === 'allowed' && resume?.status !== asked.resume_from)
    faults.push('it is allowed, from another point than it was asked for');
  const refusals = [body, ...(body.profiles as Members[])].map(({ refusal: each }) => each as Members | null);
  for (const each of refusals) {
    if (each && each.status !== definitionOf(each.error_code)?.status)
      faults.push(`it is refused with ${each.error_code}, which is no ${each.status}`);
  }
  return faults;
}

/** A page holds no more than was asked for. */
function pageFaults({ query, operation }: Asked, body: Members | null): string[] {
  const schema = operation?.parameters.find(({ name }) => name === 'limit')?.schema;
  if (!schema || !Array.isArray(body?.items)) return [];
  const limit = Number(query.find(([name]) => name === 'limit')?.[1] ?? schema.default);
  return body.items.length <= limit ? [] : [`it has ${body.items.length} items, and ${limit} were asked for`];
}

/** Each thing that can be done is a request of the document, which fits it with what the caller adds. */
function actionFaults(body: Members): string[] {
  const job = (body.job ?? body) as Members;
  const actions = (job.next_actions ?? []) as Members[];
  return actions.flatMap((action) => {
    const { method, path, needs, body: given, allowed, error_code } = action;
    const operation = operations.find(
      (each) => each.method === method && templateOf(each.path).test(String(path)),
    );
    if (!operation) return [`it offers ${method} ${path}, which the document does not know`];
    const schema = operation.body?.schema;
    const added = (needs as string[]).map((name) => [name, simplest(schema?.properties?.[name] ?? {}, name)]);
    const whole = { ...(given as Members | null), ...Object.fromEntries(added) };
    return [
      ...(schema && !fits(schema, whole) ? [`what it offers does not fit ${operation.id}`] : []),
      ...(allowed === (error_code === null) ? [] : [`${action.action} is allowed and refused`]),
      ...(error_code === null || definitionOf(error_code) ? [] : [`the error ${error_code} is not defined`]),
    ];
  });
}

const templateOf = (path: string) => new RegExp(`^${path.replace(/\{\w+\}/g, '[\\w-]+')}$`);

/** What of a failure could not be used is named, and what could is not. */
function reportFaults({ body: sent }: Asked, headers: Answer['headers']): string[] {
  const report = parsed(sent);
  if (report?.status !== 'FAILED') return [];
  const usable: Record<string, (value: unknown) => boolean> = {
    failure_class: (value) => FAILURE_CLASSES.some((each) => each === value),
    retry_after_seconds: (value) => typeof value === 'number',
  };
  const ignored = (headers['x-retake-ignored'] ?? '').split(', ');
  // No more than 20 are named.
  if (ignored.length >= 20) return [];
  return Object.entries(usable)
    .filter(([name, isUsable]) => {
      const isLeftOut = report[name] != null && !isUsable(report[name]);
      return ignored.includes(name) !== isLeftOut;
    })
    .map(
      ([name]) =>
        `it says of ${name} otherwise than that it ${ignored.includes(name) ? 'is' : 'is not'} used`,
    );
}

function parsed(sent: Uint8Array | null): Members | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(sent ?? []).toString());
    return value !== null && typeof value === 'object' ? (value as Members) : null;
  } catch {
    return null;
  }
}
