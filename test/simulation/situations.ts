// In which situations a simulated job has been: those that its case shows, and what its surroundings did to it.
import { AUTOMATIC_SITUATIONS } from '../rules/automatic.ts';
import type { JobCase } from '../rules/case.ts';
import { EDIT_SITUATIONS, FURTHER_EDIT_SITUATIONS, RARE_EDIT_SITUATIONS } from '../rules/edit-situations.ts';
import { waitMsOf } from '../rules/protocol.ts';
import {
  situationsOf as caseSituations,
  LINEAGE_SITUATIONS,
  SITUATIONS as OF_CASES,
  PROFILE_SITUATIONS,
  RARE_SITUATIONS,
} from '../rules/situations.ts';
import type { Chance } from './chance.ts';
import { STOPPED_AND_NEVER_REPORTED, STOPPED_ON_ITS_WAY } from './editor.ts';
import { ERASURE_SITUATIONS } from './erasure-checker.ts';
import type { Scenario } from './scenario.ts';
import { SLOW_MS } from './simulated-store.ts';
import { type OlderVersion, STORED_AS } from './stored.ts';
import type { JobInWorld } from './world.ts';

/** From this size on a job is one that was stuffed. */
const BIG_ROW = 200_000;
/** How it ends, and who ends it. */
const BIG_ENDINGS: Readonly<Record<string, readonly [actor: string, to: string]>> = {
  failed: ['orchestrator', 'FAILED'],
  'timed out': ['system', 'FAILED'],
  'was cancelled': ['editor', 'CANCELLED'],
};

const OLDER_VERSIONS = Object.keys(STORED_AS) as OlderVersion[];
const deployedOver = (version: OlderVersion) =>
  `a job was deployed over what ${version.replace('-', ' ')} had stored`;

/** What the store does to a retry that is waited for. */
const HELD_UP = 'a retry that is waited for was held up by the store';
const WAITED_OUT = 'a wait was over that the store had held up';
const CLOSED_UNTOLD = 'a window that the store had put off closed without an outcome';
/** Between the end of a window and the end of the wait, and shorter by half of it than the grace for an outcome. */
const SHORTLY_BEFORE_MS = 500;

const a = (kind: string): string => (kind === 'export' ? 'an export' : `a ${kind}`);
/** What nothing else is answered so for. */
const ENDED_UNTOLD = ['redo', 'export'].map((kind) => `${a(kind)} was given up while its caller waited`);

export const SITUATIONS: readonly string[] = [
  ...OF_CASES,
  ...RARE_SITUATIONS,
  ...PROFILE_SITUATIONS,
  ...LINEAGE_SITUATIONS,
  ...EDIT_SITUATIONS,
  ...FURTHER_EDIT_SITUATIONS,
  ...RARE_EDIT_SITUATIONS,
  ...AUTOMATIC_SITUATIONS,
  ...ENDED_UNTOLD,
  'a correction of a file that is not there was refused',
  'a correction was made between two deployments',
  'an alarm never came',
  'an alarm vanished',
  'a job was touched because an alarm never came',
  'a call neither answered nor failed',
  'the queue neither answered nor failed',
  'a job was deployed over',
  'there were several jobs',
  'an orchestrator answered nothing for one job',
  'a job was delivered beside one whose orchestrator answers nothing',
  'a job was big',
  ...Object.keys(BIG_ENDINGS).map((how) => `a pipeline of a big job ${how}`),
  'a job had no room for more',
  'a retry resumed from an older version than the newest',
  ...['incomplete', 'changed', 'engine_differs', 'older_than_edit', 'edit_discarded'].map(
    (reason) => `a version was passed over: ${reason}`,
  ),
  ...['missing', 'another file'].map((reason) => `a version was passed over: ${reason}`),
  'the store of artifacts hung or failed',
  'a queue was paused',
  'a store of artifacts was slow',
  'a store of artifacts answered nothing',
  HELD_UP,
  WAITED_OUT,
  CLOSED_UNTOLD,
  'a plan was agreed to and done',
  'a plan had changed',
  STOPPED_ON_ITS_WAY,
  STOPPED_AND_NEVER_REPORTED,
  'an external id was asked for that a job has',
  'labels of a job that was seen were changed',
  'a change of labels was refused, the job being another',
  ...OLDER_VERSIONS.map(deployedOver),
  'a policy was replaced',
  ...ERASURE_SITUATIONS,
];

export function situationsOf(
  jobCase: JobCase,
  { jobs, hangsFor, store, actions }: Scenario,
  {
    job,
    chance,
    longestRow,
    touches,
    editedAt,
    deployments,
  }: {
    job: JobInWorld;
    chance: Chance;
    longestRow: number;
    touches: number;
    /** After how many deployments each correction was made. */
    editedAt: readonly number[];
    deployments: number;
  },
): string[] {
  const met = (...faults: string[]) => faults.some((fault) => chance.injected.has(fault));
  const isHanging = hangsFor !== null && job.id === `job_${hangsFor}`;
  const isBig = longestRow > BIG_ROW;
  const hasDeployed = (over: string) =>
    actions.some(({ action }) => action.do === 'deploy' && action.over === over);
  const found: Readonly<Record<string, boolean>> = {
    'an alarm never came': met('alarm: never-comes'),
    'an alarm vanished': met('alarm: vanishes'),
    'a job was touched because an alarm never came': touches > 0,
    'a call neither answered nor failed': met('call: hangs', 'call: answer-hangs'),
    'the queue neither answered nor failed': met('queue: hangs', 'queue: taken-and-hangs'),
    'a job was deployed over': actions.some(({ action }) => action.do === 'deploy'),
    ...Object.fromEntries(OLDER_VERSIONS.map((version) => [deployedOver(version), hasDeployed(version)])),
    'a correction was made between two deployments': editedAt.some(
      (count) => count > 0 && count < deployments,
    ),
    'a correction of a file that is not there was refused': jobCase.calls.some(
      ({ ending }) => ending.kind === 'refused' && ending.code === 'ARTIFACT_NOT_FOUND',
    ),
    'a policy was replaced': hasDeployed('policy'),
    'the store of artifacts hung or failed': met('store: hangs', 'store: fails'),
    'a queue was paused': actions.some(({ action }) => action.do === 'pause'),
    'a store of artifacts was slow': store === 'slow',
    'a store of artifacts answered nothing': store === 'silent',
    'there were several jobs': jobs > 1,
    'an orchestrator answered nothing for one job': isHanging,
    'a job was delivered beside one whose orchestrator answers nothing':
      hangsFor !== null && !isHanging && jobCase.executions.length > 0,
    'a job was big': isBig,
    'a job had no room for more': job.records.wasFull,
  };
  const endings = Object.entries(BIG_ENDINGS).flatMap(([how, [by, end]]) =>
    isBig && jobCase.trail.some(({ actor, to }) => actor === by && to === end)
      ? [`a pipeline of a big job ${how}`]
      : [],
  );
  const seen = Object.entries(found).flatMap(([situation, isTrue]) => (isTrue ? [situation] : []));
  return [
    ...caseSituations(jobCase),
    ...seen,
    ...endings,
    ...new Set(ended(jobCase)),
    ...new Set(waits(jobCase)),
  ];
}

function* ended({ calls }: JobCase): Generator<string> {
  for (const { operation, ending } of calls) {
    const isRedone = operation === 'redo' || operation === 'export';
    if (isRedone && ending.kind === 'refused' && ending.code === 'RETRY_NOT_ALLOWED_STATE')
      yield `${a(operation)} was given up while its caller waited`;
  }
}

function* waits({ calls, evidence: { lifetimes, patience } }: JobCase): Generator<string> {
  if (!('known' in lifetimes && 'known' in patience)) return;
  for (const { operation, prefer, sentAt, endedAt, ending } of calls) {
    const waitMs = waitMsOf(prefer, patience.known.defaultWaitMs);
    const isTold = ending.kind === 'done' || (ending.kind === 'refused' && ending.status === 502);
    if (operation !== 'retry' || waitMs === 0 || !isTold) continue;
    const id = ending.kind === 'done' ? ending.dispatch?.id : ending.dispatchId;
    // What a repeat is answered with was made before.
    const madeAt = lifetimes.known.get(id ?? '')?.madeAt ?? -Infinity;
    if (madeAt - sentAt < SLOW_MS) continue;
    yield HELD_UP;
    if (endedAt - sentAt >= waitMs) yield WAITED_OUT;
    else if (ending.kind === 'refused' && endedAt - sentAt >= waitMs - SHORTLY_BEFORE_MS) yield CLOSED_UNTOLD;
  }
}
