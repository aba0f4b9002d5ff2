// For tests of the content of artifacts: jobs whose artifacts lie in the bucket, corrections sent as their text, what is read back,
// and what the bucket has then.
import { env, SELF } from 'cloudflare:test';
import { expect } from 'vitest';
import type { ActingJob } from '../support/workerd/acting.ts';
import { type Reply, send, sendOverHttp } from '../support/workerd/harness.ts';
import { putArtifact, reportOf, type StoredArtifact, transcribedInStore } from './planning.ts';

export const MAX_BYTES = 25 * 1024 * 1024;

export interface InBucket {
  job: ActingJob;
  audio: StoredArtifact;
  transcript: StoredArtifact;
  draft: StoredArtifact;
}

/** A job that has its draft, with all that its pipeline has made in the bucket. */
export async function draftInBucket(): Promise<InBucket> {
  const { job, pipeline, audio, transcript } = await transcribedInStore();
  const draft = await putArtifact('the draft');
  await pipeline.report('GENERATING');
  await pipeline.report('DRAFT_READY', reportOf('DRAFT_READY', draft));
  return { job, audio, transcript, draft };
}

export interface Sending {
  stage?: string;
  version?: number;
  key?: string;
  token?: string;
  /** Undefined leaves one out. */
  headers?: Record<string, string | undefined>;
  /** Past workerd's own HTTP, which frames what it sends by itself. */
  directly?: boolean;
}

/** A correction of a transcript, by workerd's own HTTP. */
export const sendContent = (job: ActingJob, body: BodyInit, sending: Sending = {}): Promise<Reply> =>
  (sending.directly ? send : sendOverHttp)(...contentRequest(job, body, sending));

export function contentRequest(
  { id, token: own }: ActingJob,
  body: BodyInit,
  { stage = 'transcript', version = 1, key = crypto.randomUUID(), token = own, headers = {} }: Sending = {},
): [path: string, init: RequestInit] {
  const all: Record<string, string | undefined> = {
    authorization: `Bearer ${token}`,
    'content-type': 'text/plain',
    'idempotency-key': key,
    'if-match': `"${version}"`,
    ...headers,
  };
  const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return [`/jobs/${id}/artifacts/${stage}/content`, { method: 'PUT', body, headers: given }];
}

export interface Content {
  status: number;
  headers: Headers;
  bytes: Uint8Array<ArrayBuffer>;
  text: string;
}

/** The content of a version, as `method` has it. */
export async function readContent(
  { id, token }: ActingJob,
  version: string | number = 1,
  headers: Record<string, string> = {},
  { stage = 'transcript', method = 'GET' }: { stage?: string; method?: string } = {},
): Promise<Content> {
  const response = await SELF.fetch(
    `http://127.0.0.1:8787/jobs/${id}/artifacts/${stage}/${version}/content`,
    {
      method,
      headers: { authorization: `Bearer ${token}`, ...headers },
    },
  );
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, bytes, text: new TextDecoder().decode(bytes) };
}

// biome-ignore lint/suspicious/noExplicitAny: bodies of answers
export const versionsOf = async (job: ActingJob, stage = 'transcript'): Promise<any[]> =>
  (await job.versions()).filter((version) => version.stage === stage);

/** The keys of the corrections that lie in the bucket. */
export const keysOf = async ({ id }: ActingJob): Promise<string[]> =>
  (await env.ARTIFACTS.list({ prefix: `edits/${id}/` })).objects.map(({ key }) => key);

export const keyOf = (ref: string): string => ref.replace(/^r2:\/\/retake-artifacts\//, '');

/** Every correction that lies in the bucket is a version's, and every one that a version names lies there. */
export async function expectNoOrphans(job: ActingJob): Promise<void> {
  const versions = [...(await versionsOf(job)), ...(await versionsOf(job, 'draft'))];
  const named = versions.map(({ ref }) => keyOf(ref)).filter((key) => key.startsWith('edits/'));
  expect((await keysOf(job)).toSorted()).toEqual([...new Set(named)].toSorted());
}

/** Bytes of which no two parts are alike. */
export function bytes(size: number): Uint8Array<ArrayBuffer> {
  const made = new Uint8Array(size);
  for (let at = 0; at < size; at += 1) made[at] = (at * 31 + (at >> 8) * 17 + (at >> 16)) & 0xff;
  return made;
}

export async function digestOf(content: Uint8Array<ArrayBuffer> | string): Promise<string> {
  const data = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const sha256 = new Uint8Array(await crypto.subtle.digest('SHA-256', data));
  return `sha-256:${Array.from(sha256, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
