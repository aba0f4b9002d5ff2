// What the service and the orchestrator show once the faults are over: waits for every job to come to rest, no longer
// than the bound, and then reads all of it.
import { setTimeout as sleep } from 'node:timers/promises';
import { RESTING } from '../rules/protocol.ts';
import type { OrchestratorClient } from '../support/orchestrator/client.ts';
import type { OrchestratorLog } from '../support/orchestrator/log.ts';
import type { Body, ChaosClient } from './chaos-client.ts';
import { type Random, SLOWEST } from './chaos-plans.ts';
import type { Call, FinalJob } from './chaos-records.ts';

const ABREAST = 12;
const LOOK_EVERY_MS = 1_000;

/** An editor's account: its only project holds the jobs of all who work in its name. */
export interface Account {
  client: ChaosClient;
  /** The `sub` of its token. */
  actorId: string;
  projectId: string;
}

export interface Deadlines {
  deadlineSeconds: number;
  ackSeconds: number;
  stageSeconds: number;
}

/** How long a job may take to come to rest once nothing new is asked and nothing fails, as a sum of its parts. */
export function restBound({ deadlineSeconds, ackSeconds, stageSeconds }: Deadlines): [string, number][] {
  const stepSeconds = (SLOWEST.stepMs + 2 * SLOWEST.lateMs) / 1000;
  return [
    ['delivery window and its grace', deadlineSeconds + 1],
    ['first callback', ackSeconds],
    ['slowest pipeline', Math.ceil((SLOWEST.reports + SLOWEST.heartbeats) * stepSeconds)],
    ['pause of a report that met the last kill', 15],
    ['silence until a stage times out', stageSeconds],
    ['alarms, lists and a busy machine', 20],
  ];
}

export interface Collected {
  jobs: FinalJob[];
  log: OrchestratorLog;
  /** Whether nothing was left to happen before the bound passed. */
  hasRested: boolean;
}

export async function collect(
  accounts: readonly Account[],
  orchestrator: OrchestratorClient,
  {
    calls,
    isLate,
    random,
    say,
  }: { calls: readonly Call[]; isLate: () => boolean; random: Random; say: (line: string) => void },
): Promise<Collected> {
  const ownerOf = new Map<string, Account>();
  const listed = new Map<string, string>();
  const list = async () => {
    for (const account of accounts) {
      for (const { id, status } of await all(account.client, `/projects/${account.projectId}/jobs`, random)) {
        ownerOf.set(id, account);
        listed.set(id, status);
      }
    }
  };
  const [anyone] = accounts;
  await list();
  for (const { jobId } of calls) {
    // Not listed, though told of: whose it is does not matter for finding that out.
    if (jobId !== null && !ownerOf.has(jobId) && anyone) ownerOf.set(jobId, anyone);
  }

  const read = async (jobId: string): Promise<Body> =>
    (
      await ownerOf
        .get(jobId)
        ?.client.insist({ operation: 'read', method: 'GET', path: `/jobs/${jobId}`, jobId }, random)
    )?.body;
  let moving = [...ownerOf.keys()];
  const waitForRest = async () => {
    for (;;) {
      const still: string[] = [];
      await each(moving, async (jobId) => {
        const job = await read(jobId);
        if (job.open_dispatch || !isResting(job.status)) still.push(jobId);
      });
      moving = still;
      if (moving.length === 0 || isLate()) return;
      say(`waiting for ${moving.length} jobs to come to rest`);
      await sleep(LOOK_EVERY_MS);
    }
  };
  await waitForRest();
  let log = await orchestrator.log();
  while (log.executions.some(({ state }) => state === 'running') && !isLate()) {
    await sleep(2 * LOOK_EVERY_MS);
    log = await orchestrator.log();
  }

  const jobs = new Map<string, FinalJob>();
  const readAll = (ids: readonly string[]) =>
    each(ids, async (jobId) => {
      const client = ownerOf.get(jobId)?.client;
      if (client) jobs.set(jobId, await readJob(jobId, client, random));
    });
  const restless = () =>
    [...jobs.values()].filter(
      ({ id, status, openDispatchId }) => openDispatchId || !isResting(status) || listed.get(id) !== status,
    );
  await list();
  await readAll([...ownerOf.keys()]);
  while (restless().length > 0 && !isLate()) {
    say(`waiting for ${restless().length} jobs to be listed as they are`);
    await sleep(LOOK_EVERY_MS);
    await list();
    await readAll(restless().map(({ id }) => id));
  }
  const hasRested = restless().length === 0;
  for (const job of jobs.values()) job.listedStatus = listed.get(job.id) ?? null;
  return { jobs: [...jobs.values()], log: await orchestrator.log(), hasRested };
}

const isResting = (status: string): boolean => RESTING.includes(status);

async function readJob(jobId: string, client: ChaosClient, random: Random): Promise<FinalJob> {
  const path = `/jobs/${jobId}`;
  const { body } = await client.insist({ operation: 'read', method: 'GET', path, jobId }, random);
  const dispatches = await all(client, `${path}/dispatches`, random);
  return {
    id: jobId,
    status: body.status ?? 'MISSING',
    revision: body.revision ?? 0,
    videoUri: body.manifest?.video_uri ?? null,
    openDispatchId: body.open_dispatch?.dispatch_id ?? null,
    dispatches: dispatches.reverse(),
    transitions: await all(client, `${path}/transitions`, random),
    versions: await all(client, `${path}/artifacts`, random),
    listedStatus: null,
  };
}

async function all(client: ChaosClient, path: string, random: Random): Promise<Body[]> {
  const items: Body[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page = `${path}?limit=100${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
    const { body } = await client.insist({ operation: 'read', method: 'GET', path: page }, random);
    items.push(...(body.items ?? []));
    cursor = body.next_cursor ?? null;
  }
  return items;
}

async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const workers = Array.from({ length: Math.min(ABREAST, left.length) }, async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item);
  });
  await Promise.all(workers);
}
