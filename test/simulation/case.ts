// What is known of a simulated job when nothing is left to happen, in the form that the rules judge: the stored rows, the
// orchestrator's executions, and what was seen from outside.
import type { DispatchPlan } from '../../src/domain/dispatch.ts';
import type { Engines } from '../../src/domain/lifecycle.ts';
import { RULES } from '../domain/memory-job.ts';
import type { JobCase, Known, Planned } from '../rules/case.ts';
import { requestOf } from '../rules/outside.ts';
import { type Chance, LONGEST_DELAY_MS } from './chance.ts';
import { MOST_AUTOMATIC } from './policies.ts';
import { exportsOf } from './records.ts';
import {
  foundBy,
  listedMetadata,
  listedStatus,
  namesProject,
  storedDispatches,
  storedEdits,
  storedPresent,
  storedReports,
  storedTrail,
  storedVersions,
} from './stored.ts';
import type { JobInWorld, World } from './world.ts';

/** Everything that is awaited has run out by then: window, first callback, stage, push, with late alarms. */
const LIVENESS_BOUND_MS = 5_000_000;
/** What holds an answer up whether anybody waits or not, each with a limit: the store of artifacts, and the list. */
const HOLD_UPS_MS = { retry: 750, redo: 750, export: 750, edit: 750, create: 1_000 };
/** What an answer may take beyond that: the way there, a timer, and the way back. */
const CALLS_MS = 3 * LONGEST_DELAY_MS;
/** How long an editor waits who does not say. */
export const DEFAULT_WAIT_MS = 10_000;

/** A new instance takes a job at rest, or a project, that has no alarm for one that is listed as it is. */
export const mayBeListedOtherwise = (chance: Chance): boolean => chance.injected.has('alarm: vanishes');

export function caseOf(
  {
    project,
    workspace,
    orchestrator,
    chance,
    timeline,
    store,
    isProjectErased,
    automatic,
    keepEndedMs,
    jobs,
    operations,
  }: World,
  { id, object, records }: JobInWorld,
  {
    lastStirredAt,
    clockWasSet,
    videoUris,
    planOf,
    editedAfter,
    absent,
  }: {
    lastStirredAt: number;
    clockWasSet: boolean;
    videoUris: readonly string[];
    /** As it was made: what version 1 of the storage leaves of a dispatch has none. */
    planOf: (dispatchId: string) => DispatchPlan | null;
    /** The newest dispatch that there was when this version was made by a person. */
    editedAfter: (stage: string, version: number) => string | null;
    /** What editors named and there is no file of. */
    absent: readonly string[];
  },
): JobCase {
  const present = storedPresent(object);
  if (present === null) throw new Error('broken: the job exists');
  const { job } = present;
  const dispatches = storedDispatches(object, present);
  const wasToldOfCreation = records.calls.some(
    ({ operation, ending }) => operation === 'create' && ending.kind === 'done',
  );
  const knownUnless = <T>(isUnknown: boolean, why: string, known: T): Known<T> =>
    isUnknown ? { unknown: why } : { known };
  return {
    lost: [...store.touched, ...absent],
    absent: store.hasFailed ? [] : absent,
    versions: storedVersions(object, present),
    seen: records.calls.flatMap(({ ending }) =>
      ending.kind === 'done' && ending.edit ? [ending.edit.version] : [],
    ),
    edits: storedEdits(object).flatMap(({ stage, version, ref, madeBy }) =>
      madeBy.kind !== 'editor'
        ? []
        : [
            {
              ...{ stage, version, ref, actor: madeBy.actorId, edits: madeBy.edits },
              after: editedAfter(stage, version),
            },
          ],
    ),
    ...{ id, videoUris, status: job.status, revision: job.revision },
    ...(automatic && { automatic: { most: MOST_AUTOMATIC, dueAt: job.nextRetryAt } }),
    ...{ videoUri: job.manifest.videoUri, openDispatchId: job.openDispatchId },
    dispatches: dispatches.map((dispatch) => ({
      ...{ id: dispatch.id, kind: dispatch.kind, state: dispatch.state, isAutomatic: dispatch.isAutomatic },
      request: requestOf(dispatch.isAutomatic ? null : dispatch.kind, dispatch.clientRequestId),
      ...{ resumeFrom: dispatch.resumeFromStatus, ref: dispatch.checkpointRef },
      profile: dispatch.modelProfile,
      engines: named(dispatch.engines),
      plan: planned(planOf(dispatch.id)),
      exports: exportsOf(dispatch.task),
      attempts: dispatch.deliveryAttempts,
    })),
    trail: storedTrail(object),
    executions: orchestrator.executions.flatMap(({ jobId, dispatchId }) =>
      jobId === id ? [dispatchId] : [],
    ),
    requests: records.requests,
    reports: records.reports,
    calls: records.calls,
    evidence: {
      listed: knownUnless(
        mayBeListedOtherwise(chance) || (isProjectErased && !wasToldOfCreation),
        'the alarm that was to tell the list may be the one that vanished, or a creation was cut short, and nobody was told of it',
        namesProject(workspace) ? listedStatus(project, id) : null,
      ),
      labels: {
        known: {
          stored: Object.keys(job.metadata),
          listed: listedMetadata(project, id),
          isNamed: job.externalId !== null,
          found: job.externalId === null ? [] : foundBy(project, job.externalId),
        },
      },
      notices: {
        known: new Map(
          dispatches.flatMap(({ id, cancelNotice }) => (cancelNotice ? [[id, cancelNotice.state]] : [])),
        ),
      },
      lifetimes: knownUnless(
        clockWasSet,
        'the clock was set meanwhile',
        new Map(
          dispatches.map(({ id, createdAt, updatedAt }) => [id, { madeAt: createdAt, changedAt: updatedAt }]),
        ),
      ),
      windows: knownUnless(
        chance.injected.has('message: dead-letter'),
        'a dead letter ends a delivery at any time',
        {
          defaultWaitMs: DEFAULT_WAIT_MS,
          deadlineMs: RULES.dispatchDeadlineMs,
          longestRetryAfterMs: records.longestRetryAfterMs,
        },
      ),
      remembered: { known: storedReports(object) },
      rest: knownUnless(keepEndedMs !== null, 'what is kept for long goes much later', {
        tookMs: timeline.now - lastStirredAt - timeline.silentMs,
        // Each of those that come by themselves may wait, and be silent.
        boundMs:
          LIVENESS_BOUND_MS * ((automatic ? 1 + MOST_AUTOMATIC : 1) + 2 * operations.size * jobs.length),
        alarmAt: object.alarmAt,
      }),
      patience: {
        known: { defaultWaitMs: DEFAULT_WAIT_MS, holdUpsMs: HOLD_UPS_MS, callsMs: CALLS_MS },
      },
      asksAtRest: { unknown: 'editors ask at any time' },
    },
  };
}

const planned = (plan: DispatchPlan | null): Planned | null =>
  plan && {
    asked: plan.asked,
    discards: plan.discardEdits,
    discarded: plan.editsDiscarded,
    stages: plan.stages,
  };

/** Without the stages that it names nothing for. */
const named = (engines: Engines): Record<string, string> =>
  Object.fromEntries(
    Object.entries(engines).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
