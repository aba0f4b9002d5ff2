// An editor under load: takes one job after another from its creation to its end, impatient, forgetful and double-
// clicking, gives pipelines up, renews videos, and repeats every request until it is answered.
import { setTimeout as sleep } from 'node:timers/promises';
import { RESTING } from '../rules/protocol.ts';
import type { OrchestratorClient } from '../support/orchestrator/client.ts';
import type { Ask, Body, ChaosClient, Done, Pace } from './chaos-client.ts';
import { between, drawPlan, type PlanSet, pick, type Random } from './chaos-plans.ts';

const PREFERENCES = [null, 'respond-async', 'wait=2', 'wait=5', 'respond-async, wait=3'] as const;
const MOST_REQUESTS = 8;
/** Before a request that was given up is made again: twice as long each time, with jitter, as any client is told to. */
const BACKOFF_MS = { first: 1_000, longest: 30_000 } as const;

export interface Surroundings {
  client: ChaosClient;
  orchestrator: OrchestratorClient;
  projectId: string;
  /** The `sub` of the editor's token. */
  actorId: string;
  random: Random;
  /** No new intents from then on; what was begun is still carried to its answer. */
  isOver: () => boolean;
  /** Plans as they were set, in order. */
  plans: PlanSet[];
  /** Jobs on which an editor is at work. */
  inFlight: Set<string>;
  done: Done;
  pace: Pace;
}

/** Works until it is over. */
export async function workAsEditor(around: Surroundings): Promise<void> {
  let jobId = await newJob(around);
  while (!around.isOver()) {
    await bringToItsEnd(jobId, around);
    // The next one is there before this one is let go, so that the number of jobs in flight never falls.
    const next = around.isOver() ? null : await newJob(around);
    around.inFlight.delete(jobId);
    around.done.jobs += 1;
    if (next === null) return;
    jobId = next;
  }
  around.inFlight.delete(jobId);
}

async function newJob({ client, projectId, random, inFlight, ...around }: Surroundings): Promise<string> {
  const made = await client.insist(
    { operation: 'create', method: 'POST', path: `/projects/${projectId}/jobs` },
    random,
  );
  const jobId: string = made.body.id;
  inFlight.add(jobId);
  const videoUri = `s3://videos/${jobId}.mp4`;
  const body = { video_uri: videoUri };
  await client.insist(
    { operation: 'confirm', method: 'POST', path: `/jobs/${jobId}/confirm-upload`, jobId, videoUri, body },
    random,
  );
  await setPlan(jobId, { random, ...around });
  return jobId;
}

async function setPlan(
  jobId: string,
  { orchestrator, random, plans, isOver }: Pick<Surroundings, 'orchestrator' | 'random' | 'plans' | 'isOver'>,
): Promise<void> {
  const plan = isOver() ? {} : drawPlan(random);
  plans.push({ jobId, at: Date.now(), plan });
  await orchestrator.plan(jobId, plan);
}

async function bringToItsEnd(jobId: string, around: Surroundings): Promise<void> {
  const { random, isOver } = around;
  const cancelling = random() < 0.1 ? stopWithin(8_000, 'cancel', jobId, around) : null;
  // Awaited at the end; should the run be broken off before, nobody is left to hear of it.
  cancelling?.catch(() => {});
  let attempt = 0;
  let failures = 0;
  let hasSeenDraft = false;
  const backingOff = async (asked: Promise<boolean>) => {
    failures = (await asked) ? 0 : failures + 1;
    if (failures > 0) await backOff(failures, around);
  };
  for (let requests = 0; requests < MOST_REQUESTS && !isOver(); requests += 1) {
    const job = await whenAtRest(jobId, around);
    const mayBeDispatched = job?.status === 'UPLOADED' || job?.status === 'FAILED';
    if (mayBeDispatched && random() < 0.2) {
      await renewVideo(
        jobId,
        { videoUri: `s3://videos/${jobId}-${requests}.mp4`, replaces: job.videoUri },
        around,
      );
    }
    const isDrafted = job?.status === 'DRAFT_READY' || job?.status === 'EDITING';
    if ((isDrafted || job?.status === 'FAILED') && random() < 0.3) {
      await correct(jobId, `edit-${requests}`, around);
    }
    if (job?.status === 'UPLOADED') {
      const asked = { operation: 'run' as const, path: `/jobs/${jobId}/run` };
      await backingOff(askForDispatch(jobId, 'run', asked, around));
    } else if (job?.status === 'FAILED') {
      // After a 502 the same request may be made again, and so may another.
      if (job.isNews || random() < 0.5) attempt += 1;
      if (random() < 0.3) await setPlan(jobId, around);
      const body = { ...WANTED, client_request_id: `retry-${attempt}` };
      const asked = { operation: 'retry' as const, path: `/jobs/${jobId}/retry`, body };
      await backingOff(askForDispatch(jobId, body.client_request_id, asked, around));
    } else if (isDrafted && random() < 0.3) {
      await backingOff(goOnWith(jobId, `${requests}`, around));
    } else if (job?.status === 'DRAFT_READY' && !hasSeenDraft) {
      // Its pipeline may go on, and fail.
      hasSeenDraft = true;
      await sleep(between(random, 3_000, 8_000) * around.pace.factor);
    } else break;
  }
  await cancelling;
}

/** Another draft may take the place of one that somebody has corrected. */
const WANTED = { model_profile: 'balanced', discard_edits: ['draft'] };

/** The newest transcript or draft, if there is one. */
async function correct(
  jobId: string,
  name: string,
  { client, random, actorId }: Surroundings,
): Promise<void> {
  const stage = pick(random, ['transcript', 'draft'] as const);
  const path = `/jobs/${jobId}/artifacts`;
  const { body } = await client.insist(
    { operation: 'read', method: 'GET', path: `${path}?limit=100` },
    random,
  );
  const newest = body.items.findLast((version: Body) => version.stage === stage);
  if (!newest) return;
  const edit = { stage, ref: `s3://corrections/${jobId}/${name}`, actor: actorId, edits: newest.version };
  const asked = { uri: edit.ref, edits: edit.edits, client_request_id: name };
  const ask: Ask = { operation: 'edit', method: 'PUT', path: `${path}/${stage}`, jobId, edit, body: asked };
  await client.insist({ ...ask, requestKey: name }, random);
  if (random() < 0.3) await client.insist({ ...ask, requestKey: name }, random);
}

/** Has the draft made again, or exported. */
async function goOnWith(jobId: string, name: string, around: Surroundings): Promise<boolean> {
  if (around.random() < 0.5) {
    const body = { ...WANTED, client_request_id: name };
    return askForDispatch(jobId, name, { operation: 'redo', path: `/jobs/${jobId}/redo`, body }, around);
  }
  const exports = { formats: ['srt', 'vtt'], params: '{"lang":"de"}' };
  const body = { formats: exports.formats, params: JSON.parse(exports.params), client_request_id: name };
  const ask = { operation: 'export' as const, path: `/jobs/${jobId}/export`, body, exports };
  return askForDispatch(jobId, name, ask, around);
}

/** Some time within this, and sometimes once more. */
async function stopWithin(
  ms: number,
  operation: 'cancel' | 'abandon',
  jobId: string,
  { client, random }: Surroundings,
): Promise<void> {
  const ask: Ask = { operation, method: 'POST', path: `/jobs/${jobId}/${operation}`, jobId };
  await sleep(between(random, 0, ms));
  await client.insist(ask, random);
  if (random() < 0.4) await client.insist(ask, random);
}

async function renewVideo(
  jobId: string,
  { videoUri, replaces }: { videoUri: string; replaces: string },
  { client, random }: Surroundings,
): Promise<void> {
  const body = { video_uri: videoUri, replaces };
  await client.insist(
    { operation: 'renew', method: 'PUT', path: `/jobs/${jobId}/video`, jobId, videoUri, body },
    random,
  );
}

async function backOff(failures: number, { random, isOver }: Surroundings): Promise<void> {
  const pauseMs = Math.min(BACKOFF_MS.first * 2 ** (failures - 1), BACKOFF_MS.longest);
  const until = Date.now() + between(random, pauseMs / 2, pauseMs);
  while (!isOver() && Date.now() < until) await sleep(Math.min(500, until - Date.now()));
}

/**
 * One intent: perhaps sent twice at once, left without waiting, repeated although it was answered, or given up. Answers
 * whether the orchestrator was not said to be out of reach.
 */
async function askForDispatch(
  jobId: string,
  requestKey: string,
  asked: Pick<Ask, 'operation' | 'path' | 'body' | 'exports'>,
  around: Surroundings,
): Promise<boolean> {
  const { client, random } = around;
  let isDelivered = true;
  const ask: Ask = { ...asked, method: 'POST', jobId, requestKey, prefer: pick(random, PREFERENCES) };
  const copies = random() < 0.2 ? between(random, 2, 3) : 1;
  const givesUp = random() < 0.08 ? { giveUpAfterMs: between(random, 5, 400) } : {};
  await Promise.all([
    ...Array.from({ length: copies }, async (_, index) => {
      if (index > 0) await sleep(between(random, 0, 200));
      const { call } = await client.insist(index === 0 ? { ...ask, ...givesUp } : ask, random);
      isDelivered &&= call.status !== 502;
    }),
    ...(random() < 0.15 ? [stopWithin(10_000, 'abandon', jobId, around)] : []),
  ]);
  if (random() < 0.15) await client.insist(ask, random);
  return isDelivered;
}

/** The job once nothing is under way; null when it is over before that. */
async function whenAtRest(jobId: string, { client, random, isOver, pace }: Surroundings): Promise<Body> {
  let looks = 0;
  while (!isOver()) {
    const read = await client.insist(
      { operation: 'read', method: 'GET', path: `/jobs/${jobId}`, jobId },
      random,
    );
    const { status, open_dispatch, manifest } = read.body;
    if (open_dispatch === null && RESTING.includes(status)) {
      return { status, isNews: looks > 0, videoUri: manifest.video_uri };
    }
    looks += 1;
    await sleep(between(random, 3_000, 8_000) * pace.factor);
  }
  return null;
}
