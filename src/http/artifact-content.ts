// The content of artifacts that lie in the bound store: a correction sent as its text, and any version read. What comes in or goes
// out is handed on as it comes; an upload that was taken is an edit like any other (job-edits.ts).
import type { Context } from 'hono';
import * as z from 'zod';
import { type ArtifactStore, boundStore, disproofBy, keyIn, refOf } from '../artifact-store.ts';
import { contentEditDigest } from '../contract/payload-digest.ts';
import * as problems from '../contract/problems.ts';
import * as requests from '../contract/requests.ts';
import { editableStage, stageName } from '../contract/statuses.ts';
import { describeError, log } from '../log.ts';
import { jobObject } from '../objects.ts';
import { within } from '../time-limit.ts';
import { type AppEnv, revalidated } from './app-env.ts';
import { asker, correlationHeader } from './asker.ts';
import { spanOf } from './byte-range.ts';
import { discard, hashed, newKey, STORE_LIMIT_MS, sweep, upload } from './edited-content.ts';
import { CONTENT_SECURITY_POLICY } from './frame.ts';
import { requiringIdempotencyKey } from './idempotency-key.ts';
import { oneVersion } from './if-match.ts';
import { matches } from './if-none-match.ts';
import { refuseCoding } from './input.ts';
import { invalid, type Problem, problem, refuse } from './problem.ts';
import { defineRoute, type Route, route } from './route.ts';
import { editorRefusals, editorSecurity, json, notFound, ofStage, refusal } from './route-parts.ts';

const MAX_CONTENT_BYTES = 25 * 1024 * 1024;
const RETRY_AFTER_SECONDS = '5';
/** RFC 9110 §8.3.1, in short; whatever else a body is said to be is not kept. */
const MEDIA_TYPE = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}(?:[ \t]*;[ -~]{0,255})?$/;

const binary = z.string().meta({ format: 'binary' });
const content = (description: string, headers: Record<string, string>) => ({
  description,
  content: { '*/*': { schema: binary } },
  headers: Object.fromEntries(
    Object.entries(headers).map(([name, means]) => [
      name,
      { schema: { type: 'string' as const }, description: means },
    ]),
  ),
});
const unavailable = {
  503: refusal(problems.contentUnavailableError, 'Try again after Retry-After seconds'),
};

const editArtifactContent = defineRoute({
  method: 'put',
  tags: ['Artifacts'],
  security: editorSecurity,
  parameters: [correlationHeader],
  path: '/jobs/{jobId}/artifacts/{stage}/content',
  operationId: 'editArtifactContent',
  summary: 'Send a corrected transcript or draft itself, of any media type, up to 25 MiB',
  request: {
    ...ofStage(editableStage),
    headers: requiringIdempotencyKey('A repeat with the same content is answered as the first.').extend({
      'If-Match': oneVersion,
    }),
    body: { required: true, content: { '*/*': { schema: binary } } },
    refuseStreamed: refuseSent,
  },
  responses: {
    200: json(requests.editArtifactResponse, 'Corrected, now or before'),
    ...editorRefusals,
    ...notFound,
    409: refusal(problems.editContentConflictError, 'Not now, not that version, or nowhere to put it'),
    411: refusal(problems.lengthRequiredError, 'Without a Content-Length'),
    413: refusal(problems.payloadTooLargeError, 'More than 25 MiB'),
    415: refusal(problems.unsupportedMediaTypeError, 'With a content coding'),
    ...unavailable,
  },
});

const ofVersion = ofStage(stageName);
const OF_ALL = {
  ETag: 'RFC 9110 §8.8.3',
  'Accept-Ranges': '`bytes`',
  'Content-Disposition': 'Never shown where it is read: `attachment`, with a name of its own.',
};

const readArtifactContent = defineRoute({
  method: 'get',
  tags: ['Artifacts'],
  security: editorSecurity,
  parameters: [
    { name: 'If-None-Match', in: 'header', required: false, schema: { type: 'string' } },
    {
      name: 'Range',
      in: 'header',
      required: false,
      description: 'RFC 9110 §14.2: one range of bytes; several at once are answered with the whole.',
      schema: { type: 'string' },
    },
  ],
  path: '/jobs/{jobId}/artifacts/{stage}/{version}/content',
  operationId: 'readArtifactContent',
  summary: 'The content of one version',
  request: {
    ...ofVersion,
    params: ofVersion.params.extend({ version: z.string().meta({ type: 'integer', minimum: 1 }) }),
  },
  responses: {
    200: content('All of it', OF_ALL),
    206: content('The range that was asked for', { ...OF_ALL, 'Content-Range': 'RFC 9110 §14.4' }),
    304: { description: 'Not modified since the ETag in If-None-Match' },
    ...editorRefusals,
    ...notFound,
    409: refusal(problems.readContentConflictError, 'Not here, or no longer what it was'),
    416: {
      ...refusal(problems.rangeNotSatisfiableError, 'Nothing lies in that range'),
      headers: {
        'Content-Range': { schema: { type: 'string' as const }, description: 'How much there is.' },
      },
    },
    ...unavailable,
  },
});

export const artifactContentRoutes: readonly Route[] = [
  route(editArtifactContent, async (c) => {
    const { jobId, stage: named } = c.req.valid('param');
    const stage = editableStage.safeParse(named).data;
    if (stage === undefined) return refuse(c, { code: 'RESOURCE_NOT_FOUND' });
    const store = boundStore(c.env);
    if (store === null) return problem(c, 'NO_ARTIFACT_STORE', {});
    const { 'Idempotency-Key': clientRequestId, 'If-Match': edits } = c.req.valid('header');
    const key = newKey(jobId, stage, edits);
    const uri = refOf(store, key);
    const edit = { type: 'edit-artifact' as const, ...asker(c), clientRequestId, stage, edits, uri };
    const { body, sizeBytes, contentType } = sentContent(c);
    const job = jobObject(c.env, jobId);
    const look = await job.lookAtEdit({ ...edit, digest: null, sizeBytes });
    if (!look.ok) return refuse(c, look.rejection);

    // Of a repeat it is looked what it says, and nothing is stored anew.
    const taken = look.isRepeat ? await hashed(body) : await upload(store, key, body, sizeBytes, contentType);
    if (taken.kind !== 'taken') {
      if (!look.isRepeat) await discard(store, key);
      if (taken.kind === 'not-stored') return storeFailed(c, taken.error);
      return invalid(c, '', 'The body has broken off');
    }
    const digest = `sha-256:${taken.sha256}`;
    const payloadDigest = await contentEditDigest(stage, edits, digest);
    // Should this throw, it may have been stored all the same: then what lies there is a version's, else it is left to a sweep.
    const answer = await job.edit({ ...edit, digest, sizeBytes, payloadDigest });
    const isStored = answer.ok && answer.version.ref === uri;
    if (!isStored && !look.isRepeat) await discard(store, key);
    if (!answer.ok) return refuse(c, answer.rejection);
    if (isStored) {
      const unreferenced = async (refs: string[]) => job.unreferenced(c.get('owner'), refs);
      c.executionCtx.waitUntil(sweep(store, jobId, stage, unreferenced));
    }
    return c.json(requests.toEditResponse(answer, c.get('config').rules), 200);
  }),

  route(readArtifactContent, async (c) => {
    const { jobId, stage: named, version: number } = c.req.valid('param');
    const stage = stageName.safeParse(named).data;
    if (stage === undefined || !/^[1-9]\d{0,8}$/.test(number))
      return refuse(c, { code: 'RESOURCE_NOT_FOUND' });
    const store = boundStore(c.env);
    if (store === null) return problem(c, 'NO_ARTIFACT_STORE', {});
    const answer = await jobObject(c.env, jobId).artifact(c.get('owner'), stage, Number(number));
    if (!answer.ok) return refuse(c, answer.rejection);
    const { version, isOverwritten } = answer;
    const uri = version.ref;
    const key = keyIn(store, uri);
    if (key === null) return problem(c, 'ARTIFACT_NOT_STORED_HERE', { uri });
    try {
      const object = await within(STORE_LIMIT_MS, store.bucket.head(key));
      const reason = isOverwritten ? 'changed' : disproofBy(object, version);
      if (object === null || reason !== null)
        return problem(c, 'ARTIFACT_NOT_FOUND', { uri, reason: reason ?? 'missing' });
      return await handedOut(c, store, object, `${stage}-${number}`, uri);
    } catch (error) {
      return storeFailed(c, error);
    }
  }),
];

interface SentContent {
  body: ReadableStream<Uint8Array>;
  sizeBytes: number;
  contentType: string | null;
}

/** Why it is sent in a way in which it cannot be handed on; nothing of it is read. */
function refuseSent(c: Context<AppEnv>): Problem | null {
  const isCoded = refuseCoding(c);
  if (isCoded) return isCoded;
  const { body, headers } = c.req.raw;
  const length = headers.get('content-length') ?? '';
  if (!/^\d{1,15}$/.test(length)) return problem(c, 'LENGTH_REQUIRED', {});
  if (Number(length) > MAX_CONTENT_BYTES)
    return problem(c, 'PAYLOAD_TOO_LARGE', { max_bytes: MAX_CONTENT_BYTES });
  if (body === null || Number(length) === 0) return invalid(c, '', 'The body is missing');
  return null;
}

/** What was sent in such a way. */
function sentContent({ req: { raw } }: Context<AppEnv>): SentContent {
  const { body, headers } = raw;
  if (body === null) throw new Error('a request without a body is refused before');
  const contentType = headers.get('content-type');
  return {
    body,
    sizeBytes: Number(headers.get('content-length')),
    contentType: contentType !== null && MEDIA_TYPE.test(contentType) ? contentType : null,
  };
}

/** The object as it was just found, or the part of it that is asked for. */
async function handedOut(
  c: Context<AppEnv>,
  { bucket }: ArtifactStore,
  { key, size, etag, httpEtag, httpMetadata }: R2Object,
  name: string,
  uri: string,
): Promise<Problem> {
  const headers = {
    ...contentHeaders(httpEtag, httpMetadata?.contentType ?? '', name),
    'cache-control': revalidated(c),
  };
  if (matches(c.req.header('if-none-match'), httpEtag)) return answered(c, 304, null, headers);
  const whole = { ...headers, 'content-length': String(size) };
  if (c.req.method === 'HEAD') return answered(c, 200, null, whole);
  const span = spanOf(c.req.header('range'), c.req.header('if-range'), { size, etag: httpEtag });
  if (span === 'unsatisfiable') {
    const extent = { 'content-range': `bytes */${size}` };
    return problem(c, 'RANGE_NOT_SATISFIABLE', { size_bytes: size }, { headers: extent });
  }
  const part = span === 'whole' ? {} : { range: span };
  const object = await within(STORE_LIMIT_MS, bucket.get(key, { ...part, onlyIf: { etagMatches: etag } }));
  if (object === null || !('body' in object))
    return problem(c, 'ARTIFACT_NOT_FOUND', { uri, reason: object === null ? 'missing' : 'changed' });
  if (span === 'whole') return answered(c, 200, object.body, whole);
  const { offset, length } = span;
  return answered(c, 206, object.body, {
    ...headers,
    'content-length': String(length),
    'content-range': `bytes ${offset}-${offset + length - 1}/${size}`,
  });
}

/** What was uploaded may be a page with a script in it: it is saved and not opened, and were it opened, nothing of it would run. */
const contentHeaders = (etag: string, contentType: string, name: string) => ({
  etag,
  'accept-ranges': 'bytes',
  'content-type': MEDIA_TYPE.test(contentType) ? contentType : 'application/octet-stream',
  'content-disposition': `attachment; filename="${name}"`,
  'content-security-policy': `sandbox; ${CONTENT_SECURITY_POLICY}`,
});

/** A response that the route's own types leave to `handedOut`. */
function answered(
  c: Context<AppEnv>,
  status: 200 | 206 | 304,
  body: ReadableStream | null,
  headers: Record<string, string>,
): Problem {
  const isEmpty = body === null || status === 304;
  const response: Response = isEmpty ? c.body(null, status, headers) : c.body(body, status, headers);
  return response as Problem;
}

function storeFailed(c: Context<AppEnv>, error: unknown): Problem {
  log('warn', 'artifact_store_unavailable', {
    request_id: c.get('requestId'),
    count: 1,
    error: describeError(error),
  });
  return problem(c, 'ARTIFACT_STORE_UNAVAILABLE', {}, { headers: { 'retry-after': RETRY_AFTER_SECONDS } });
}
