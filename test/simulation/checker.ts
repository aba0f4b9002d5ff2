// What has to hold of each job in every simulated world while it lasts: after each commit, and as time goes on. It reads
// what is stored. What has to hold when all is over, the rules say.
import { holds } from '../rules/holds.ts';
import { OPEN, RESTING, WITHDRAWN } from '../rules/protocol.ts';
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
  readonly #world: World;
  readonly #job: JobInWorld;
  /** In the order in which they were stored. */
  readonly #order: string[] = [];
  readonly #applied = new Set<string>();
  /** Until when the open dispatch may be pending. */
  #pendingUntil = Infinity;
  /** Until when an alarm that did not come was missing. */
  #unwatchedUntil = 0;
  /** How many artifacts and checkpoints there are: they only grow. */
  #kept = 0;
  #commits = 0;

  constructor(world: World, job: JobInWorld) {
    this.#world = world;
    this.#job = job;
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
    const kept = artifacts.length + Object.keys(job.checkpoints).length;
    holds('artifacts and checkpoints only grow', kept >= this.#kept);
    this.#kept = kept;
    const dispatches = storedDispatches(object, present);
    for (const { id } of dispatches) if (!this.#order.includes(id)) this.#order.push(id);
    const open = dispatches.filter(({ state }) => OPEN.includes(state));
    holds('at most one dispatch is open', open.length <= 1);
    holds('the job names its open dispatch', (open[0]?.id ?? null) === job.openDispatchId);
    if (object.alarmAt === null && !object.hasLostAlarm) {
      holds('whatever is awaited has an alarm', open.length === 0 && RESTING.includes(job.status));
    }
    this.#pendingUntil = open[0]?.state === 'PENDING' ? open[0].deliverUntil : Infinity;
    this.#checkReports(new Map(dispatches.map(({ id, state }) => [id, state])), job.status);
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
