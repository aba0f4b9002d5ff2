// What has to hold in every simulated world: after each commit, and once nothing is left to happen. It believes
// the orchestrator's list of executions and the rows that are stored, never an answer.
import type { DispatchAnswer, JobAnswer } from '../../src/actor/answers.ts';
import type { Dispatch } from '../../src/domain/dispatch.ts';
import { isResting, type Status } from '../../src/domain/lifecycle.ts';
import { brokenTrail, holds, WAS_DELIVERED } from '../domain/oracle.ts';
import type { World } from './world.ts';

const OPEN = ['PENDING', 'DELIVERED', 'RUNNING'];

/** Everything that is awaited has run out by then: window, first callback, stage, push, with late alarms. */
export const LIVENESS_BOUND_MS = 5_000_000;

/** How long after its window a delivery may stay open: the grace, a late alarm, a clock that went back. */
const WINDOW_BOUND_MS = 200_000;

export class Checker {
  /** When a fault or an editor last stirred the world. */
  lastStirredAt: number;
  readonly #world: World;
  /** In the order in which they were stored. */
  readonly #order: string[] = [];
  readonly #applied = new Set<string>();
  readonly #withdrawn = new Set<string>();
  readonly #answered: { request: string; id: string; state: string }[] = [];
  /** Until when the open dispatch may be pending. */
  #pendingUntil = Infinity;
  #wasCancelled = false;
  /** How many artifacts and checkpoints there are: they only grow. */
  #kept = 0;
  #commits = 0;
  #faults = 0;

  constructor(world: World) {
    this.#world = world;
    this.lastStirredAt = world.timeline.now;
  }

  /** An editor was answered. */
  sawDispatch(request: string, answer: DispatchAnswer): void {
    if (answer.ok) {
      this.#answered.push({ request, id: answer.dispatch.id, state: answer.dispatch.state });
    } else if (answer.rejection.code === 'ORCHESTRATOR_DISPATCH_FAILED') {
      this.#withdrawn.add(answer.rejection.dispatchId);
      this.#checkWithdrawn();
    } else if (answer.rejection.code === 'JOB_ALREADY_RUNNING' && answer.rejection.dispatchId) {
      const { dispatchId } = answer.rejection;
      const running = this.#dispatches().find(({ id }) => id === dispatchId);
      const holder = `${running?.kind} ${running?.clientRequestId ?? ''}`;
      holds('a repeat is never refused because of its own dispatch', holder !== request);
    }
  }

  sawCancel(answer: JobAnswer): void {
    if (answer.ok) this.#wasCancelled = true;
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

  /** Nothing is left to happen. */
  end(): void {
    const { timeline, job, project, workspace, orchestrator } = this.#world;
    const present = this.#job();
    holds('the job exists', present !== undefined);
    holds('a job comes to rest', isResting(present?.status as Status));
    holds('no dispatch stays open', present?.openDispatchId === null);
    holds(
      'no cancel stays undelivered',
      this.#dispatches().every(({ cancelNotice }) => cancelNotice?.state !== 'PENDING'),
    );
    holds('a job at rest sets no alarm', job.alarmAt === null);
    holds('rest comes in time', timeline.now - this.lastStirredAt <= LIVENESS_BOUND_MS);
    this.#checkPresent();
    this.#checkWithdrawn();

    const dispatches = this.#dispatches();
    const states = new Map<string, string>(dispatches.map(({ id, state }) => [id, state]));
    const executions = new Map<string, number>();
    for (const { dispatchId } of orchestrator.executions) {
      executions.set(dispatchId, (executions.get(dispatchId) ?? 0) + 1);
      holds('only what was stored is executed', states.has(dispatchId));
    }
    for (const [id, count] of executions) holds(`${id} is executed once`, count === 1);
    for (const [id, state] of states) {
      if (WAS_DELIVERED.includes(state)) {
        holds(`${id}, delivered and ${state}, was executed`, executions.has(id));
      }
    }
    for (const { id, state, cancelNotice } of dispatches) {
      if (state !== 'CANCELLED' || cancelNotice !== null) continue;
      holds('a pipeline that was cancelled is told so', !executions.has(id));
    }
    for (const { id, state } of this.#answered) {
      const ended = states.get(id);
      holds('an accepted dispatch is not lost', ended !== undefined);
      if (state !== 'PENDING') holds('what was answered as delivered was executed', executions.has(id));
    }
    const holders = new Map<string, string>();
    for (const { request, id } of this.#answered) {
      if (states.get(id) === 'UNDELIVERABLE') continue;
      holds('one request makes one dispatch', (holders.get(request) ?? id) === id);
      holders.set(request, id);
    }
    const resumedFrom = new Map<unknown, string | null>(
      dispatches.map(({ id, resumeFromStatus }) => [id, resumeFromStatus]),
    );
    const trail = job.rows('SELECT * FROM history WHERE seq IS NOT NULL ORDER BY seq').map((row) => ({
      actor: String(row.actor),
      from: String(row.prev_status),
      to: String(row.status),
      resumedFrom: resumedFrom.get(row.dispatch_id) ?? null,
    }));
    const fault = brokenTrail(trail, String(present?.status));
    holds(`the audit trail is one that the table allows: ${fault}`, fault === null);
    holds('a cancelled job stays cancelled', !this.#wasCancelled || present?.status === 'CANCELLED');
    for (const { dispatch_id } of this.#callbacks()) {
      holds('a withdrawn pipeline never moves the job', states.get(String(dispatch_id)) !== 'UNDELIVERABLE');
    }
    const [listed] = project.rows('SELECT status FROM job_summary');
    const [named] = workspace.rows('SELECT name FROM project');
    holds('the workspace lists the project', named?.name === 'Talks');
    holds('the project lists the job as it is', listed?.status === present?.status);
  }

  #present(): { job: Record<string, unknown>; newest: Dispatch | null; earlier: number } | undefined {
    const tables = this.#world.job.rows(`SELECT 1 FROM sqlite_master WHERE name = 'job'`);
    if (tables.length === 0) return undefined;
    return JSON.parse(String(this.#world.job.rows('SELECT record FROM job')[0]?.record));
  }

  #job(): Record<string, unknown> | undefined {
    return this.#present()?.job as unknown as Record<string, unknown> | undefined;
  }

  /** Every dispatch as it is stored, oldest first. */
  #dispatches(): Dispatch[] {
    const present = this.#present();
    const earlier = present?.earlier ? this.#world.job.rows('SELECT record FROM dispatch') : [];
    return [
      ...earlier.map(({ record }): Dispatch => JSON.parse(String(record))),
      ...(present?.newest ? [present.newest] : []),
    ].sort((a, b) => a.createdAt - b.createdAt);
  }

  #callbacks(): Record<string, unknown>[] {
    return this.#world.job.rows('SELECT key, dispatch_id FROM history WHERE payload_digest IS NOT NULL');
  }

  #checkPresent(): void {
    const present = this.#job();
    if (!present) return;
    const manifest = Object.values(present.manifest as object);
    const checkpoints = Object.keys(present.checkpoints as object);
    const kept = manifest.filter((uri) => uri !== null).length + checkpoints.length;
    holds('artifacts and checkpoints only grow', kept >= this.#kept);
    this.#kept = kept;
    const dispatches = this.#dispatches();
    for (const { id } of dispatches) if (!this.#order.includes(id)) this.#order.push(id);
    const open = dispatches.filter(({ state }) => OPEN.includes(state));
    holds('at most one dispatch is open', open.length <= 1);
    holds('the job names its open dispatch', (open[0]?.id ?? null) === present.openDispatchId);
    if (this.#world.job.alarmAt === null) {
      holds('whatever is awaited has an alarm', open.length === 0 && isResting(present.status as Status));
    }
    this.#pendingUntil = open[0]?.state === 'PENDING' ? open[0].deliverUntil : Infinity;
    const states = new Map<string, string>(dispatches.map(({ id, state }) => [id, state]));
    for (const { key, dispatch_id } of this.#callbacks()) {
      if (this.#applied.has(String(key))) continue;
      this.#applied.add(String(key));
      const mover = String(dispatch_id);
      const newer = this.#order.slice(this.#order.indexOf(mover) + 1);
      holds(
        'only the newest pipeline moves the job',
        newer.every((id) => states.get(id) === 'UNDELIVERABLE'),
      );
      holds('a withdrawn pipeline never moves the job', !this.#withdrawn.has(mover));
      holds(
        'a cancelled job is not moved',
        present.status !== 'CANCELLED' || states.get(mover) === 'CANCELLED',
      );
    }
  }

  #checkWithdrawn(): void {
    for (const id of this.#withdrawn) {
      const dispatch = this.#dispatches().find((stored) => stored.id === id);
      holds('what was answered 502 is withdrawn for good', dispatch?.state === 'UNDELIVERABLE');
    }
  }
}
