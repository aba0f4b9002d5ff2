// Judges what an answer means, where its schema alone lets more pass: members that have to agree with each other, with the
// request, with the table of errors, and with the rest of the document.
import { createHash } from 'node:crypto';
import { toErrorDefinitions } from '../../src/contract/error-definitions.ts';
import { moment } from '../../src/contract/readings.ts';
import { FAILURE_CLASSES } from '../../src/domain/failures.ts';
import { simplest } from './arbitraries.ts';
import { documentedCodes, fits, operations } from './document.ts';
import { type Asked, tagsOf } from './fit.ts';
import type { Answer } from './wire.ts';

type Members = Record<string, unknown>;

/** Of an answer whose form is right; the body is null where there is none. */
export function meaningFaults(asked: Asked, answer: Answer, body: Members | null): string[] {
  const { status, headers } = answer;
  if (status === 412 || body?.error_code === 'RESUME_POINT_NOT_AVAILABLE') return planFaults(asked, body);
  if (status === 409 || status === 416) return refusalFaults(asked, headers, body);
  if (status >= 300) return [];
  const faults = body === null ? [] : actionFaults(body);
  switch (asked.operation?.id) {
    case 'editArtifact':
    case 'editArtifactContent':
      return [...faults, ...editFaults(asked, body)];
    case 'readArtifactContent':
      return contentFaults(asked, answer);
    case 'getRetryPlan':
    case 'getRedoPlan':
      return [...faults, ...shownPlanFaults(asked, headers, body)];
    case 'getErrorDefinitions':
      return [...faults, ...definitionFaults(body)];
    case 'reportStatus':
      return [...faults, ...(status === 204 ? reportFaults(asked, headers) : [])];
    default:
      return [...faults, ...pageFaults(asked, body), ...filterFaults(asked, body)];
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
  const tags = tagsOf(headers);
  if (body?.error_code === 'JOB_CHANGED') {
    const { etag } = body.details as Members;
    return tags?.includes(String(etag)) === false ? [] : [`the job is not another than ${tags}`];
  }
  if (body?.error_code === 'PLAN_CHANGED') {
    if (tags === null) return ['no plan was named that could have changed'];
    return tags.includes(String(details.plan?.etag)) ? ['the plan that it names is the one that is'] : [];
  }
  if (body?.error_code === 'JOBS_CHANGED') {
    const { expected, found } = body.details as Members;
    return expected === parsed(sent)?.expected && found !== expected
      ? []
      : ['as many as were expected are there'];
  }
  const asked = parsed(sent)?.resume_from ?? null;
  return [
    ...(details.requested === asked ? [] : [`it was asked for ${asked}, not ${details.requested}`]),
    ...(details.requested === details.available
      ? ['the point that is refused is the one that is there']
      : []),
  ];
}

/** What is refused is what was asked for. */
function refusalFaults(asked: Asked, headers: Answer['headers'], body: Members | null): string[] {
  const details = (body?.details ?? {}) as Members;
  const sent = parsed(asked.body);
  const named = (name: string, given: unknown): string[] =>
    details[name] === given ? [] : [`its ${name} is ${details[name]}, and it was asked about ${given}`];
  switch (body?.error_code) {
    case 'EDITS_IN_THE_WAY': {
      const discarded = (sent?.discard_edits ?? []) as string[];
      const edits = details.edits as { stage: string }[];
      if (edits.length === 0) return ['nothing is in the way'];
      const looked = edits.find(({ stage }) => discarded.includes(stage));
      return looked ? [`it was to look past what is in the way: ${looked.stage}`] : [];
    }
    case 'NOTHING_TO_REDO':
      return sent?.resume_from === 'DRAFT_READY' ? [] : ['there is something to make again'];
    case 'ARTIFACT_NOT_EDITABLE':
      return named('stage', stageIn(asked));
    case 'ARTIFACT_VERSION_CONFLICT': {
      const { stage, version } = details.newest as Members;
      const isOther = version !== details.submitted && stage === stageIn(asked);
      return [
        ...named('stage', stageIn(asked)),
        ...named('submitted', editedVersion(asked)),
        ...(isOther ? [] : [`the newest is ${version} of ${stage}`]),
      ];
    }
    case 'ARTIFACT_NOT_FOUND':
      return asked.operation?.id === 'editArtifact' ? named('uri', sent?.uri) : [];
    case 'CLIENT_REQUEST_ID_PAYLOAD_MISMATCH':
      return sent?.client_request_id === undefined ? [] : named('client_request_id', sent.client_request_id);
    case 'RANGE_NOT_SATISFIABLE':
      return headers['content-range'] === `bytes */${details.size_bytes}`
        ? []
        : ['it does not say how much there is'];
    default:
      return [];
  }
}

const stageIn = ({ path }: Asked): string | undefined => /\/artifacts\/(\w+)/.exec(path)?.[1];

/** The version that a correction says it is one of. */
const editedVersion = (asked: Asked): unknown =>
  asked.operation?.id === 'editArtifact'
    ? parsed(asked.body)?.edits
    : Number(tagsOf(asked.headers)?.[0]?.slice(1, -1));

/** The version that an edit has made is what was said, or sent. */
function editFaults(asked: Asked, body: Members | null): string[] {
  const version = (body?.version ?? {}) as Members & { made_by: Members };
  const job = (body?.job ?? {}) as Members;
  const sent = parsed(asked.body);
  const { made_by: madeBy } = version;
  const isContent = asked.operation?.id === 'editArtifactContent';
  const [ref, digest, size] = isContent
    ? [
        String(version.ref).startsWith(`r2://retake-artifacts/edits/${job.id}/${stageIn(asked)}/`) &&
          version.ref,
        `sha-256:${createHash('sha256')
          .update(asked.body ?? '')
          .digest('hex')}`,
        asked.body?.length,
      ]
    : [sent?.uri, sent?.digest ?? version.digest, sent?.size_bytes ?? version.size_bytes];
  const expected = [stageIn(asked), ref, digest, size, 'editor', editedVersion(asked)];
  const shown = [version.stage, version.ref, version.digest, version.size_bytes, madeBy.kind, madeBy.edits];
  const isThat = JSON.stringify(shown) === JSON.stringify(expected);
  return isThat ? [] : [`what was said is ${JSON.stringify(expected)}, and it is ${JSON.stringify(shown)}`];
}

/** What somebody has made is handed out to be saved, and says how much of it this is. */
function contentFaults({ headers: asked }: Asked, { status, headers, bytes }: Answer): string[] {
  const faults: string[] = [];
  const fail = (why: string) => faults.push(`content ${why}`);
  if (!/^attachment; filename="[a-z]+-\d+"$/.test(headers['content-disposition'] ?? ''))
    fail('is not to be saved');
  if (!headers['content-security-policy']?.startsWith('sandbox;')) fail('may run');
  if (headers['accept-ranges'] !== 'bytes') fail('does not say that a part of it can be had');
  const [, from, to, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers['content-range'] ?? '') ?? [];
  if (status !== 206) return from === undefined ? faults : [...faults, 'the whole is said to be a part'];
  if (!asked.some(([name]) => name === 'range')) fail('is a part that nobody has asked for');
  const length = Number(to) - Number(from) + 1;
  if (length !== bytes.length || Number(to) >= Number(size))
    fail(`has ${bytes.length} bytes of ${from}-${to}/${size}`);
  return faults;
}

function shownPlanFaults(
  { operation, query }: Asked,
  headers: Answer['headers'],
  body: Members | null,
): string[] {
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
  const {
    kind,
    edits_kept: kept,
    edits_discarded: discarded,
  } = body as Record<'edits_kept' | 'edits_discarded', Members[]> & { kind: string };
  if (operation?.id !== (kind === 'redo' ? 'getRedoPlan' : 'getRetryPlan')) faults.push(`it is of a ${kind}`);
  const named = (asked.discard_edits ?? '').split(',').map((stage) => stage.trim());
  if (discarded.some(({ stage }) => !named.includes(String(stage))))
    faults.push('it looks past what nobody has named');
  const names = [...kept, ...discarded].map(({ stage, version }) => `${stage} ${version}`);
  if (new Set(names).size < names.length) faults.push('it keeps what it looks past');
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

/** Each job of a list is one of those that were asked for. */
function filterFaults({ query, operation }: Asked, body: Members | null): string[] {
  if (operation?.id !== 'listJobs' || !Array.isArray(body?.items)) return [];
  const asked = Object.fromEntries(query);
  const time = (text: string | undefined, otherwise: number) =>
    text === undefined ? otherwise : (moment(text) ?? otherwise);
  const strangers = (body.items as Record<string, Members & string>[]).filter((job) => {
    const isOrAny = (name: string, is: unknown) => asked[name] === undefined || asked[name].trim() === is;
    const at = Date.parse(job.updated_at ?? '');
    return !(
      (asked.status?.split(',').some((one) => one.trim() === job.status) ?? true) &&
      isOrAny('failure_class', job.failure?.failure_class) &&
      isOrAny('failure_code', job.failure?.failure_code) &&
      isOrAny('failed_stage', job.failure?.failed_stage) &&
      isOrAny('model_profile', job.model_profile) &&
      isOrAny('external_id', job.external_id) &&
      (asked.tag === undefined || (job.tags as unknown as string[]).includes(asked.tag.trim())) &&
      at >= time(asked.updated_after, at) &&
      at < time(asked.updated_before, Infinity)
    );
  });
  return strangers.map(({ id }) => `${id} is none of those that were asked for`);
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
