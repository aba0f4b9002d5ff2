// For tests of what a retry keeps: retries with all that they can be asked with, the plan before one, and artifacts in the
// bucket that the service knows.
import { env } from 'cloudflare:test';
import { expect } from 'vitest';
import type { StageName } from '../../src/domain/lifecycle.ts';
import { type ActingJob, type ActingPipeline, type Running, uploadedJob } from '../support/workerd/acting.ts';
import { call, type Reply } from '../support/workerd/harness.ts';

export interface Asked {
  model_profile: string;
  resume_from?: string | null;
  discard_edits?: string[] | null;
}

/** What is asked for with a profile, and planned before. */
type Kind = 'retry' | 'redo';

export function retryAs(
  job: ActingJob,
  asked: Asked,
  headers: Record<string, string> = {},
  clientRequestId: string = crypto.randomUUID(),
): Promise<Reply> {
  return job.post('retry', { ...asked, client_request_id: clientRequestId }, headers);
}

export function planReply(
  job: ActingJob,
  asked: Partial<Asked> = {},
  token = job.token,
  kind: Kind = 'retry',
): Promise<Reply> {
  const query = new URLSearchParams(
    Object.entries(asked).flatMap(([name, value]) =>
      value == null || value.length === 0 ? [] : [[name, String(value)]],
    ),
  );
  return call('GET', `/jobs/${job.id}/${kind}-plan?${query}`, { token });
}

/** The plan of what can be planned. */
export async function planOf(
  job: ActingJob,
  asked: Partial<Asked> = {},
  kind: Kind = 'retry',
): Promise<Reply['body']> {
  const reply = await planReply(job, asked, job.token, kind);
  expect(reply.status).toBe(200);
  return reply.body;
}

export interface Accepted extends Running {
  reply: Reply;
}

/** What was asked for is accepted; its pipeline, and what it was answered. */
export async function accepted(job: ActingJob, reply: Reply): Promise<Accepted> {
  expect(reply.status, reply.text).toBe(202);
  const dispatchId: string = reply.body.dispatch_id;
  return { job, dispatchId, pipeline: await job.pipeline(dispatchId), reply };
}

export const acceptedRetry = async (job: ActingJob, asked: Asked): Promise<Accepted> =>
  accepted(job, await retryAs(job, asked));

/** What the orchestrator was sent of this dispatch. */
export async function sentOf(job: ActingJob, dispatchId: string): Promise<Record<string, unknown>> {
  const sent = (await job.requests()).find(({ dispatch_id }) => dispatch_id === dispatchId);
  if (sent === undefined) throw new Error('the orchestrator was sent nothing');
  return sent.body as Record<string, unknown>;
}

/**
 * The plan says all this, and so do the answer to the retry that is made then, the list of dispatches and what the
 * orchestrator is sent.
 */
export async function expectRetry(
  job: ActingJob,
  asked: Asked,
  expected: {
    resume: { status: string; checkpoint_ref: string };
    engines: Record<string, string>;
    stages: Record<string, unknown>[];
    keep: Record<string, unknown>[];
  },
): Promise<Running> {
  const { resume, engines, stages, keep } = expected;
  const plan = await planOf(job, asked);
  expect(plan).toMatchObject({ verdict: 'allowed', refusal: null, engines, stages, resume });

  const retry = await acceptedRetry(job, asked);

  const resumed = { resume_from_status: resume.status, checkpoint_ref: resume.checkpoint_ref };
  const planned = { stages, proof: plan.resume.proof };
  expect(retry.reply.body).toMatchObject({ ...resumed, plan: planned });
  expect(await job.dispatch(retry.dispatchId)).toMatchObject({ ...resumed, engines, plan: planned });
  const sent = await sentOf(job, retry.dispatchId);
  expect({ ...sent, engines: sent.engines, keep: sent.keep }).toMatchObject(resumed);
  expect(sent.engines).toEqual(engines);
  expect(sent.keep).toEqual(keep);
  return retry;
}

export const kept = (stage: StageName, version: number, ref: string, reason = 'before_resume_point') => ({
  stage,
  action: 'keep',
  version,
  ref,
  reason,
});
export const redone = (stage: StageName, engine: string | null, reason: string) => ({
  stage,
  action: 'redo',
  engine,
  reason,
});

/** The bucket that is bound, as references name it. */
export const BUCKET = 'retake-artifacts';

export interface StoredArtifact {
  key: string;
  ref: string;
  digest: string;
  size_bytes: number;
}

/** Puts text into the bucket, as an orchestrator does that says its SHA-256. */
export async function putArtifact(
  text: string,
  key = `${crypto.randomUUID()}/artifact`,
): Promise<StoredArtifact> {
  const bytes = new TextEncoder().encode(text);
  const sha256 = await crypto.subtle.digest('SHA-256', bytes);
  await env.ARTIFACTS.put(key, bytes, { sha256 });
  const hex = Array.from(new Uint8Array(sha256), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return { key, ref: `r2://${BUCKET}/${key}`, digest: `sha-256:${hex}`, size_bytes: bytes.byteLength };
}

/** Where the job's editor may put what they have corrected. */
export const putCorrection = (job: ActingJob, text: string): Promise<StoredArtifact> =>
  putArtifact(text, `edits/${job.id}/${crypto.randomUUID()}`);

const FIELDS = {
  AUDIO_READY: 'audio_uri',
  TRANSCRIPT_READY: 'transcript_uri',
  DRAFT_READY: 'draft_uri',
} as const;

export const reportOf = (status: keyof typeof FIELDS, { ref, digest, size_bytes }: Said) => ({
  artifact_updates: { [FIELDS[status]]: ref, digest, size_bytes },
});

/** What a report says of an artifact. */
export interface Said {
  ref: string;
  digest?: string | undefined;
  size_bytes?: number | undefined;
}

export interface InStore extends Running {
  audio: StoredArtifact;
  transcript: StoredArtifact;
}

/** A job whose pipeline is at work, with its audio and its transcript in the bucket. */
export async function transcribedInStore(): Promise<InStore> {
  const job = await uploadedJob();
  const run = await job.run();
  const pipeline = await job.pipeline(run.body.dispatch_id);
  const audio = await putArtifact('the audio');
  const transcript = await putArtifact('the transcript');
  await pipeline.report('AUDIO_READY', reportOf('AUDIO_READY', audio));
  await pipeline.report('TRANSCRIBING');
  await pipeline.report('TRANSCRIPT_READY', reportOf('TRANSCRIPT_READY', transcript));
  return { job, dispatchId: run.body.dispatch_id, pipeline, audio, transcript };
}

/** The same, failed since. */
export async function failedInStore(): Promise<InStore> {
  const made = await transcribedInStore();
  await made.pipeline.reportAll('GENERATING', 'FAILED');
  return made;
}

const WAY = ['TRANSCRIBING', 'TRANSCRIPT_READY', 'GENERATING', 'DRAFT_READY'] as const;

/** From where it was told to resume, straight on to `to`, and fails there. */
export async function failsAfter(
  pipeline: ActingPipeline,
  from: 'AUDIO_READY' | 'TRANSCRIPT_READY',
  to: (typeof WAY)[number],
) {
  const first = from === 'AUDIO_READY' ? 0 : WAY.indexOf('GENERATING');
  await pipeline.reportAll(...WAY.slice(first, WAY.indexOf(to) + 1), 'FAILED');
}
