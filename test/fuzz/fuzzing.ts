// The service under fuzzing and how it is asked: it is started once, every request goes through here, is judged, and is counted.
// FUZZ_SEED sets the seed, FUZZ_RUNS multiplies the runs.
import fc, { type Arbitrary } from 'fast-check';
import { expect } from 'vitest';
import { signCallbackToken } from '../../src/contract/callback-token.ts';
import { newDispatchId } from '../../src/contract/ids.ts';
import { Stack } from '../e2e/stack.ts';
import { devSetting } from '../support/dev-settings.ts';
import { editorToken } from '../support/editor-token.ts';
import { type Operation, operations } from './document.ts';
import { type Asked, fitOf, isOnPath } from './fit.ts';
import { PLAN_TAG } from './headers.ts';
import { type Case, faultsOf, type Standing, visible } from './oracle.ts';
import { goodShots, type Place, type Shot } from './requests.ts';
import { Jobs, madeUp, nowhere, privateWords, STATES, type State, type Target } from './targets.ts';
import { type Answer, Wire } from './wire.ts';

const SEED = Number(process.env.FUZZ_SEED ?? 20_261_124);
export const SCALE = Number(process.env.FUZZ_RUNS ?? 1);
/** Requests that are under way at once. */
const BATCH = 10;
export const TIMEOUT_MS = 180_000 * Math.max(1, SCALE);
export const OWNER = 'fuzz-owner';

let stack: Stack;
export let wire: Wire;
export let jobs: Jobs;
export let strangersJobs: Jobs;
export let tokens: Record<Exclude<Standing, 'nobody'>, string>;
const cursors = new Map<string, string[]>();
const startedAt = Date.now();
export const sent: Record<string, number> = {};
export const answered: Record<string, number> = {};
export const serviceLines: string[] = [];
let ended: string | null = null;

export async function start(): Promise<void> {
  stack = await Stack.start({
    stepMs: 5,
    withArtifactStore: true,
    // Nothing that is left alone may time out while a soak runs.
    vars: { ACK_TIMEOUT_SECONDS: 86_400, STAGE_TIMEOUT_SECONDS: 86_400 },
    onServiceLine: (line) => serviceLines.push(line),
  });
  stack.service.child.exited.then((how) => {
    ended = how;
  });
  wire = new Wire(stack.service.port);
  [jobs, strangersJobs] = await Promise.all([Jobs.of(stack, OWNER), Jobs.of(stack, 'fuzz-stranger')]);
  tokens = {
    owner: await editorToken({ sub: OWNER }),
    reader: await editorToken({ sub: OWNER, scope: 'retake:read' }),
    stranger: await editorToken({ sub: 'fuzz-stranger' }),
  };
  await Promise.all(STATES.map((state) => jobs.in(state)));
  await Jobs.of(stack, OWNER);
  await collectCursors();
}

export async function stop(): Promise<void> {
  if (ended !== null)
    console.log(`the service ended (${ended}):\n${stack.service.child.output.slice(-8000)}`);
  const seconds = Math.round((Date.now() - startedAt) / 1000);
  const requests = Object.values(sent).reduce((sum, count) => sum + count, 0);
  // npm run soak sums up what follows this word of its own.
  const word = process.env.SOAK ? 'soak' : 'fuzz';
  console.log(`${word} ${JSON.stringify({ seed: SEED, runs: SCALE, seconds, requests, sent, answered })}`);
  wire?.close();
  await stack?.stop();
}

/**
 * Every value of `cases` is free of faults, and leaves the jobs at its places as they were. A counterexample is one
 * request, or the few that it takes together.
 */
export async function holds<T>(
  cases: Arbitrary<T>,
  batches: number,
  faultsIn: (value: T) => Promise<string[]>,
  untouched: (value: T) => Shot['place'] = () => 'NOWHERE',
  most = BATCH,
): Promise<void> {
  // Edges are listed where they are; a bias towards what is small would send the same few requests again and again.
  const together = fc.noBias(fc.array(cases, { minLength: 1, maxLength: most, size: 'max' }));
  let tried = 0;
  const property = fc.asyncProperty(together, async (batch) => {
    tried += batch.length;
    const before = await Promise.all([...new Set(batch.map(untouched))].map(glance));
    const found = (await Promise.all(batch.map(faultsIn))).flat();
    found.push(...(await Promise.all(before.map(changes))).flat());
    if (ended !== null) throw new Error(`the service ended (${ended}):\n${stack.service.child.output}`);
    if (found.length > 0) throw new Error([...new Set(found)].slice(0, 5).join('\n'));
  });
  await fc.assert(property, {
    seed: SEED,
    numRuns: Math.max(1, Math.round(batches * SCALE)),
    interruptAfterTimeLimit: TIMEOUT_MS * 0.9,
    markInterruptAsFailure: true,
  });
  expect(tried).toBeGreaterThan(0);
}

/** The same for a list, one after the other. */
export async function faultsOfAll(kind: string, shots: readonly Shot[]): Promise<string[]> {
  const faults: string[] = [];
  for (let at = 0; at < shots.length; at += BATCH) {
    const batch = shots.slice(at, at + BATCH).map(async (shot) => {
      const { faults: found } = await judged(kind, shot, await aimed(shot, 'owner'));
      return found.map((fault) => `${fault} ${fc.stringify([shot.query, shot.body])}`);
    });
    faults.push(...(await Promise.all(batch)).flat());
  }
  return faults;
}

export const placeOf = ({ place }: Pick<Shot, 'place'>) => place;
/** Where a shot goes that has to be about a job of the owner's. */
export const ownPlaceOf = ({ place }: Shot) => (isState(place) ? place : 'FAILED');

/** Commands more often than reads, since there is more about them. */
export const among = <T>(
  list: readonly Operation[],
  make: (operation: Operation) => Arbitrary<T>,
): Arbitrary<T> =>
  fc.oneof(
    ...list.map((operation) => ({ weight: operation.method === 'GET' ? 1 : 3, arbitrary: make(operation) })),
  );

export const goodShotsOf = (operation: Operation) => goodShots(operation, cursors.get(operation.id) ?? []);

export const NOTHING_THERE = { exists: false, refusesDispatches: false };
export const plain = (method: string, path: string): Asked => ({
  method,
  path,
  headers: [],
  body: null,
  chunked: false,
  operation: null,
  query: [],
});
export const formOnly = (answer: Answer, asked: Asked) =>
  faultsOf(answer, { ...NOTHING_THERE, asked, standing: 'nobody' });

const isState = (place: Shot['place']): place is State => STATES.some((state) => state === place);

export function operationOf(named: string): Operation {
  const operation = operations.find(({ id }) => id === named);
  if (!operation) throw new Error(`there is no operation ${named}`);
  return operation;
}

interface Aimed extends Case {
  target: Target;
}

/** The request that a shot is when this caller makes it. */
export async function aimed(
  shot: Shot,
  standing: Standing,
  at?: Target,
  credentials?: string | null,
): Promise<Aimed> {
  const operation = operationOf(shot.operation);
  const target = at ?? (await targetOf(shot));
  const id = idOnPath(operation, target);
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(shot.steps[name] ?? id));
  const query = shot.query.map((pair) => pair.map(encodeURIComponent).join('='));
  const authorization =
    credentials === undefined ? await credentialsOf(operation, standing, target) : credentials;
  const { body } = shot;
  const headers = await withPlanTag(shot, target);
  const asked: Asked = {
    method: operation.method,
    path: query.length > 0 ? `${path}?${query.join('&')}` : path,
    headers: [
      ...headers,
      ...(authorization === null ? [] : ([['authorization', authorization]] as Shot['headers'])),
      ...(body?.contentType ? ([['content-type', body.contentType]] as Shot['headers']) : []),
    ],
    body: body?.bytes ?? null,
    chunked: body?.chunked ?? false,
    operation,
    query: shot.query,
    cursors: new Set(cursors.get(operation.id)),
  };
  // Its token proves a dispatch of the job, whoever owns that and whether it is still kept.
  const isFound = isState(shot.place) || (operation.caller === 'pipeline' && shot.place === 'STRANGERS');
  const isNamed = at === undefined && isFound && isOnPath(operation, shot.steps);
  const { stage = '', version } = shot.steps;
  const exists =
    !operation.path.includes('{') ||
    (isNamed && version !== undefined ? await jobs.hasVersion(target, stage, Number(version)) : isNamed);
  return { asked, target, standing, exists, refusesDispatches: shot.place === 'REFUSED' };
}

/** Many are retried where nothing happens to any job that stands for its state. */
function idOnPath({ path, id }: Operation, target: Target): string {
  if (path.includes('{jobId}')) return target.jobId;
  if (path.includes('{operationId}')) return target.operationId;
  return id === 'retryJobs' || id === 'listOperations' ? target.bulkProjectId : target.projectId;
}

/** The tag of what a retry or redo that asks like this would do; of the owner's own, even to those who are told of nothing. */
async function withPlanTag(
  { operation, headers, body, place }: Shot,
  target: Target,
): Promise<Shot['headers']> {
  if (!headers.some(([, value]) => value.includes(PLAN_TAG))) return headers;
  const seen = isState(place) ? target : await jobs.in('FAILED');
  const tag = await jobs.planTag(seen, operation === 'redoJob' ? 'redo' : 'retry', namedIn(body));
  return headers.map(([name, value]) => [name, value.replaceAll(PLAN_TAG, tag)]);
}

/** What of a body a plan can be asked with; nothing of one that is spoilt. */
function namedIn(body: Shot['body']): Record<string, string> {
  try {
    const { model_profile, resume_from, discard_edits } = JSON.parse(
      Buffer.from(body?.bytes ?? []).toString(),
    );
    const listed =
      Array.isArray(discard_edits) && discard_edits.length > 0 ? discard_edits.join() : undefined;
    return Object.fromEntries(
      Object.entries({ model_profile, resume_from, discard_edits: listed }).filter(
        ([, value]) => typeof value === 'string',
      ),
    );
  } catch {
    return {};
  }
}

async function targetOf({ place, malformedId }: Shot): Promise<Target> {
  if (isState(place)) return jobs.in(place);
  if (place === 'STRANGERS') return strangersJobs.in('UPLOADED');
  if (place === 'MADE_UP') return madeUp();
  return place === 'NOWHERE'
    ? nowhere()
    : {
        ...{ jobId: malformedId, projectId: malformedId, callbackToken: null },
        ...{ operationId: malformedId, bulkProjectId: malformedId },
      };
}

async function credentialsOf(
  { caller }: Operation,
  standing: Standing,
  target: Target,
): Promise<string | null> {
  if (standing === 'nobody') return null;
  if (caller !== 'pipeline') return `Bearer ${tokens[standing]}`;
  return `Bearer ${target.callbackToken ?? (await ownCallbackToken(target.jobId))}`;
}

/** A token that proves a dispatch of this job, which keeps no such dispatch. */
export const ownCallbackToken = (jobId: string) =>
  signCallbackToken(jobId, newDispatchId(), devSetting('CALLBACK_TOKEN_KEYS').split(','));

export async function ask(kind: string, asked: Asked): Promise<Answer> {
  count(sent, kind);
  const answer = await wire.send(asked);
  count(answered, String(answer.status));
  return answer;
}

/** Jobs that a command has moved, so that they are no longer what they were. */
const moved = new Set<string>();
/** Those that somebody has begun to erase: whoever else asks of them meanwhile may find them or not. */
const going = new Set<string>();

const READING = ['GET', 'HEAD'];

export async function judged(kind: string, shot: Shot, { asked, target, ...about }: Aimed) {
  const fit = fitOf(asked);
  if (asked.operation?.id === 'eraseJob' && about.standing === 'owner') going.add(target.jobId);
  const answer = await ask(`${kind} ${fit}`, asked);
  const isTaken =
    !READING.includes(asked.method) && answer.status < 300 && asked.operation?.path.includes('{jobId}');
  if (isTaken && isState(shot.place)) {
    moved.add(target.jobId);
    await jobs.retire(shot.place, target);
  }
  const where = `${asked.method} ${shot.operation} at ${shot.place} (${fit})`;
  const exists = about.exists && going.has(target.jobId) ? null : about.exists;
  const faults = faultsOf(answer, { asked, ...about, exists });
  return { answer, faults: faults.map((fault) => `${where}: ${fault}`) };
}

interface Glance {
  of: Jobs;
  target: Target;
  state: string;
}

export async function glance(place: Shot['place']): Promise<Glance | null> {
  if (!isState(place) && place !== 'STRANGERS') return null;
  const of = place === 'STRANGERS' ? strangersJobs : jobs;
  const target = await of.in(place === 'STRANGERS' ? 'UPLOADED' : place);
  return { of, target, state: await of.baseline(target) };
}

/** What has happened to a job that nothing should have happened to. */
export async function changes(before: Glance | null): Promise<string[]> {
  if (before === null || moved.has(before.target.jobId)) return [];
  count(sent, 'look');
  const after = await before.of.glance(before.target);
  return after === before.state ? [] : [`the job has changed\nfrom ${before.state}\nto   ${after}`];
}

/** Where no job ever was: behind an id that was given out, and behind one that was not. */
export const NEVER = ['NOWHERE', 'MADE_UP'] as const;
type Never = (typeof NEVER)[number];

/** The same request about the owner's job, and about jobs that never were: nobody can tell the answers apart. */
export async function sameAsNowhere(
  kind: string,
  shot: Shot,
  standing: Standing,
  credentials?: string | null,
  beside: readonly Never[] = NEVER,
): Promise<string[]> {
  const place = ownPlaceOf(shot);
  const before = await glance(place);
  const about = async (where: Place, at?: Target) => {
    const here = { ...shot, place: where };
    return judged(kind, here, await aimed(here, standing, at, credentials));
  };
  const [told, ...toldOfNothing] = await Promise.all([
    about(place),
    ...beside.map(async (where) => about(where, where === 'NOWHERE' ? await nowhere() : madeUp())),
  ]);
  const others = toldOfNothing.map(({ answer }) => visible(answer));
  const words = privateWords(before ? [before.state] : []);
  const all = JSON.stringify(told.answer);
  return [
    ...told.faults,
    ...toldOfNothing.flatMap(({ faults }) => faults),
    ...others
      .filter((other) => other !== visible(told.answer))
      .map((other) => `told apart:\n${visible(told.answer)}\n${other}`),
    ...words.filter((word) => all.includes(word)).map((word) => `it shows ${word}`),
  ];
}

/** Cursors that the lists gave out, since no other fits. */
async function collectCursors(): Promise<void> {
  const editor = await stack.editor(OWNER);
  const { jobId, projectId, operationId, bulkProjectId } = await jobs.in('RETRIED');
  const lists = {
    listProjects: '/projects',
    listJobs: `/projects/${projectId}/jobs`,
    listOperations: `/projects/${bulkProjectId}/operations`,
    listOperationItems: `/operations/${operationId}/items`,
    listTransitions: `/jobs/${jobId}/transitions`,
    listDispatches: `/jobs/${jobId}/dispatches`,
    listAttempts: `/jobs/${jobId}/attempts`,
    listArtifacts: `/jobs/${jobId}/artifacts`,
  };
  for (const [id, path] of Object.entries(lists)) {
    const { next_cursor } = await editor.get(`${path}?limit=1`);
    if (typeof next_cursor !== 'string') throw new Error(`${path} has no second page`);
    cursors.set(id, [next_cursor]);
  }
}

export function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
