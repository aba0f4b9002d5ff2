// What has to hold in every simulated world while it lasts: after each commit, and as time goes on. It reads what is
// stored. What has to hold when all is over, the rules say.
import { holds } from '../rules/holds.ts';
import { OPEN, RESTING, WITHDRAWN } from '../rules/protocol.ts';
import { storedDispatches, storedJob, storedReports } from './stored.ts';
import type { World } from './world.ts';

/** How long after its window a delivery may stay open: the grace, a late alarm, a clock that went back. */
const WINDOW_BOUND_MS = 200_000;

export class Checker {
  /** When a fault or an editor last stirred the world. */
  lastStirredAt: number;
  readonly #world: World;
  /** In the order in which they were stored. */
  readonly #order: string[] = [];
  readonly #applied = new Set<string>();
  /** Until when the open dispatch may be pending. */
  #pendingUntil = Infinity;
  /** How many artifacts and checkpoints there are: they only grow. */
  #kept = 0;
  #commits = 0;
  #faults = 0;

  constructor(world: World) {
    this.#world = world;
    this.lastStirredAt = world.timeline.now;
  }

  /** After every event of the simulation. */
  settled(): void {
    const { job, chance, timeline } = this.#world;
    const faults = [...chance.injected.values()].reduce((sum, count) => sum + count, 0);
    if (faults > this.#faults) this.lastStirredAt = timeline.now;
    this.#faults = faults;
    holds('a delivery window closes in time', timeline.now <= this.#pendingUntil + WINDOW_BOUND_MS);
    if (job.commits === this.#commits) return;
    this.#commits = job.commits;
    this.#checkPresent();
  }

  #checkPresent(): void {
    const { job: object } = this.#world;
    const present = storedJob(object);
    if (!present) return;
    const artifacts = Object.values(present.manifest).filter((uri) => uri !== null);
    const kept = artifacts.length + Object.keys(present.checkpoints).length;
    holds('artifacts and checkpoints only grow', kept >= this.#kept);
    this.#kept = kept;
    const dispatches = storedDispatches(object);
    for (const { id } of dispatches) if (!this.#order.includes(id)) this.#order.push(id);
    const open = dispatches.filter(({ state }) => OPEN.includes(state));
    holds('at most one dispatch is open', open.length <= 1);
    holds('the job names its open dispatch', (open[0]?.id ?? null) === present.openDispatchId);
    if (object.alarmAt === null) {
      holds('whatever is awaited has an alarm', open.length === 0 && RESTING.includes(present.status));
    }
    this.#pendingUntil = open[0]?.state === 'PENDING' ? open[0].deliverUntil : Infinity;
    this.#checkReports(new Map(dispatches.map(({ id, state }) => [id, state])), present.status);
  }

  /** Those that have been applied since. */
  #checkReports(states: ReadonlyMap<string, string>, status: string): void {
    for (const { dispatchId, eventId } of storedReports(this.#world.job)) {
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
