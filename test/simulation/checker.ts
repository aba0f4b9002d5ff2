// What has to hold of each job in every simulated world while it lasts: after each commit, and as time goes on. It reads
// what is stored. What has to hold when all is over, the rules say.
import type { Dispatch, DispatchPlan } from '../../src/domain/dispatch.ts';
import type { Job } from '../../src/domain/job.ts';
import { holds } from '../rules/holds.ts';
import { OPEN, RESTING, WITHDRAWN } from '../rules/protocol.ts';
import { ErasureChecker } from './erasure-checker.ts';
import { LineageChecker } from './lineage-checker.ts';
import { rulesOf } from './policies.ts';
import { storedDispatches, storedPresent, storedReports } from './stored.ts';
import type { JobInWorld, World } from './world.ts';

/** How long after its window a delivery may stay open: the grace, a late alarm, a clock that went back. */
const WINDOW_BOUND_MS = 200_000;
/** What a job's one row may grow to, whatever is reported: storage takes 2 MB, and a failure or a cancel needs room at any time. */
const ROW_BOUND = 300_000;
/** Once it was put on the queue, a message is on its way to an orchestrator that answers within this, whoever else hangs. */
const HEALTHY_DELIVERY_MS = 1_000;

export class Checker {
  /** The longest that the job's row ever was. */
  longestRow = 0;
  readonly lineage: LineageChecker;
  readonly erasure: ErasureChecker;
  readonly #world: World;
  readonly #job: JobInWorld;
  readonly #plans = new Map<string, DispatchPlan | null>();
  /** The newest dispatch that there was when a person made this version. */
  readonly #editedAfter = new Map<string, string | null>();
  /** In the order in which they were stored. */
  readonly #order: string[] = [];
  readonly #applied = new Set<string>();
  /** Until when the open dispatch may be pending. */
  #pendingUntil = Infinity;
  /** Until when an alarm that did not come was missing. */
  #unwatchedUntil = 0;
  /** How many artifacts there are: they only grow. */
  #kept = 0;
  #commits = 0;

  constructor(world: World, job: JobInWorld) {
    this.#world = world;
    this.#job = job;
    this.lineage = new LineageChecker(world.store);
    this.erasure = new ErasureChecker(world, job);
  }

  /** What was planned when this dispatch was made. */
  planOf(dispatchId: string): DispatchPlan | null {
    return this.#plans.get(dispatchId) ?? null;
  }

  editedAfter(stage: string, version: number): string | null {
    return this.#editedAfter.get(`${stage} ${version}`) ?? null;
  }

  /** After every event of the simulation. */
  settled(): void {
    const { timeline } = this.#world;
    const { object, records } = this.#job;
    holds(
      'a healthy delivery does not wait for a hanging one',
      records.longestToHealthyMs <= HEALTHY_DELIVERY_MS,
    );
    // With no alarm to come nothing closes it, until somebody touches the job.
    if (object.hasLostAlarm) this.#unwatchedUntil = timeline.now;
    const until = Math.max(this.#pendingUntil, this.#unwatchedUntil);
    holds('a delivery window closes in time', timeline.now <= until + WINDOW_BOUND_MS);
    if (object.commits === this.#commits) return;
    this.#commits = object.commits;
    this.erasure.committed();
    this.#checkPresent();
  }

  #checkPresent(): void {
    const { object } = this.#job;
    const present = storedPresent(object);
    if (!present) return;
    const { job, size } = present;
    this.longestRow = Math.max(this.longestRow, size);
    holds('a job’s row stays within its bound', size <= ROW_BOUND);
    const artifacts = Object.values(job.manifest).filter((uri) => uri !== null);
    holds('artifacts only grow', artifacts.length >= this.#kept);
    this.#kept = artifacts.length;
    this.lineage.checkVersions(job.versions);
    const dispatches = storedDispatches(object, present);
    const made = dispatches.filter(({ id }) => !this.#order.includes(id));
    for (const dispatch of made) {
      this.#order.push(dispatch.id);
      this.#plans.set(dispatch.id, dispatch.plan);
      if (dispatch.kind !== 'run') this.#checkDispatch(dispatch, job);
    }
    for (const { stage, version, madeBy } of job.versions) {
      const key = `${stage} ${version}`;
      if (madeBy.kind === 'editor' && !this.#editedAfter.has(key))
        this.#editedAfter.set(key, dispatches.at(-1)?.id ?? null);
    }
    const retries = dispatches.filter(({ kind, state }) => kind === 'retry' && state !== WITHDRAWN).length;
    // Older versions of the service did not count them.
    holds(
      'the retries that were made are counted',
      this.#world.hasBeenOlder ? job.retries <= retries : job.retries === retries,
    );
    const open = dispatches.filter(({ state }) => OPEN.includes(state));
    holds('at most one dispatch is open', open.length <= 1);
    holds('the job names its open dispatch', (open[0]?.id ?? null) === job.openDispatchId);
    if (object.alarmAt === null && !object.hasLostAlarm) {
      const isAtRest = RESTING.includes(job.status) || job.erasure !== null;
      const isToCome = job.nextRetryAt !== null;
      holds('whatever is awaited has an alarm', open.length === 0 && isAtRest && !isToCome);
    }
    this.#pendingUntil = open[0]?.state === 'PENDING' ? open[0].deliverUntil : Infinity;
    this.#checkReports(new Map(dispatches.map(({ id, state }) => [id, state])), job.status);
  }

  #checkDispatch(dispatch: Dispatch, job: Job): void {
    const { policy } = rulesOf(this.#world);
    const profile = policy.profiles.find(({ id }) => id === dispatch.modelProfile);
    const isOfBefore = dispatch.kind === 'export';
    holds('a retry is made under a profile that is enabled', profile?.enabled === true || isOfBefore);
    this.lineage.checkDispatch(dispatch, job, profile?.engines ?? {});
  }

  /** Those that have been applied since. */
  #checkReports(states: ReadonlyMap<string, string>, status: string): void {
    for (const { dispatchId, eventId } of storedReports(this.#job.object)) {
      const key = `${dispatchId} ${eventId}`;
      if (this.#applied.has(key)) continue;
      this.#applied.add(key);
      const newer = this.#order.slice(this.#order.indexOf(dispatchId) + 1);
      holds(
        'only the newest pipeline moves the job',
        newer.every((id) => states.get(id) === WITHDRAWN),
      );
      holds('a withdrawn pipeline never moves the job', states.get(dispatchId) !== WITHDRAWN);
      holds('a cancelled job is not moved', status !== 'CANCELLED' || states.get(dispatchId) === 'CANCELLED');
    }
  }
}
