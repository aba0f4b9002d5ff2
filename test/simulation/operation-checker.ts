// What has to hold of every bulk operation in a simulated world: while it lasts, that no more of its jobs have an open dispatch than
// may; when all is over, that its account is what the jobs' own histories say.
import type { Dispatch } from '../../src/domain/dispatch.ts';
import { ITEM_STATES, type Item, type Operation } from '../../src/domain/operation.ts';
import { countsOf, groupOf } from '../../src/domain/operation-counts.ts';
import { holds } from '../rules/holds.ts';
import { OPEN, WITHDRAWN } from '../rules/protocol.ts';
import { mayBeListedOtherwise } from './case.ts';
import {
  isFrozen,
  listedOperation,
  listedOperations,
  storedDispatches,
  storedItems,
  storedOperation,
  storedPresent,
} from './stored.ts';
import type { World } from './world.ts';

const ENDED: Readonly<Record<string, string>> = {
  SETTLED: 'succeeded',
  FAILED: 'failed',
  TIMED_OUT: 'failed',
  CANCELLED: 'cancelled',
  [WITHDRAWN]: 'withdrawn',
};
/** What a dispatch that settled may come to later: what its pipeline or its editor does then is the job's own. */
const AFTER_SETTLING = ['SETTLED', 'CANCELLED', 'TIMED_OUT'];

export class OperationChecker {
  readonly situations = new Set<string>();
  readonly #world: World;
  #commits = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** After every event of the simulation. */
  settled(): void {
    const { operations, objects } = this.#world;
    if (operations.size === 0) return;
    const commits = objects.reduce((sum, object) => sum + object.commits, 0);
    if (commits === this.#commits) return;
    this.#commits = commits;
    for (const [id, object] of operations) {
      const operation = storedOperation(object);
      if (operation === null) continue;
      this.situations.add(`an operation was ${operation.state}`);
      const open = this.#dispatches(id).filter(({ state }) => OPEN.includes(state));
      holds('no more jobs of an operation are open than may be', open.length <= operation.maxInFlight);
      if (open.length > 1) this.situations.add('an operation had several jobs in flight');
    }
  }

  /** Whether one is not over, or its project not told, and the alarm that was to see to it never came; or was never begun. */
  isWaitingForAnAlarm(): boolean {
    const { operations, project } = this.#world;
    return [...operations].some(([id, object]) => {
      const operation = storedOperation(object);
      if (operation === null) return project.hasLostAlarm && listedOperation(project, id) !== null;
      const isAtWork = operation.endedAt === null && !isResting(operation, storedItems(object));
      const isTold = listedOperation(project, id)?.shown?.state === operation.state;
      return object.hasLostAlarm && (isAtWork || !(isTold || this.#world.isProjectErased));
    });
  }

  /** Nothing is left to happen. */
  atRest(): void {
    const { project, chance, operations } = this.#world;
    for (const { erasedAt, id } of this.#world.jobs.map(({ id, records }) => ({ id, ...records }))) {
      holds('no frozen list names an erased job', erasedAt === null || !isFrozen(project, id));
    }
    for (const { id, shown } of listedOperations(project)) {
      const isBegun = operations.has(id) && (shown !== null || mayBeListedOtherwise(chance));
      holds('an operation that was frozen is begun, and its project hears of it', isBegun);
    }
    for (const [id, object] of this.#world.operations) {
      const operation = storedOperation(object);
      const listed = listedOperation(this.#world.project, id);
      if (operation === null) {
        holds('an operation that was frozen is begun', listed === null);
        continue;
      }
      const items = storedItems(object);
      holds('an operation ends, or rests where its editor has paused it', isResting(operation, items));
      if (this.#world.isProjectErased) continue;
      holds('each job is in it once', items.length === listed?.total);
      for (const item of items) this.#checkItem(operation, item);
      const counts = countsOf(items.map(groupOf));
      if (operation.endedAt === null || mayBeListedOtherwise(this.#world.chance)) continue;
      holds('a project lists where an operation stands', listed?.shown?.state === operation.state);
      holds(
        'what is counted is what there is',
        JSON.stringify(sorted(listed?.shown?.counts)) === JSON.stringify(sorted(counts)),
      );
    }
  }

  #checkItem({ id, state }: Operation, item: Item): void {
    const { object, records } = this.#world.jobs.find((job) => job.id === item.jobId) ?? {};
    if (item.state === 'erased') {
      holds('nothing is known of a job that is erased but that it is', object === undefined);
      this.situations.add('in an operation a job was erased');
      return;
    }
    holds('an operation says nothing of an erased job', records?.erasedAt == null);
    if (!object) throw new Error('an item is a job');
    const own = this.#dispatches(id, item.jobId);
    const standing = own.filter((dispatch) => dispatch.state !== WITHDRAWN);
    holds('a job has one standing dispatch of an operation at the most', standing.length <= 1);
    const [dispatch] = standing;
    this.situations.add(`in an operation a job was ${item.state}`);
    if (item.state === 'refused' && item.code) this.situations.add(`a job was refused: ${item.code}`);
    if (!dispatch) {
      const isTried = own.length > 0;
      // A job may refuse what it is asked for again.
      const may = ['waiting', 'refused', ...(isTried ? ['withdrawn', 'waiting_again'] : [])];
      holds('an item without a dispatch has not begun, or was refused', may.includes(item.state));
      if (state === 'done')
        holds('nothing waits in an operation that is done', !item.state.startsWith('waiting'));
      return;
    }
    const isIt =
      item.state === 'succeeded'
        ? AFTER_SETTLING.includes(dispatch.state)
        : item.state === ENDED[dispatch.state];
    holds(`an item is what its job’s history says, ${item.state} as ${dispatch.state}`, isIt);
    holds('an item names its dispatch', item.dispatchId === dispatch.id);
  }

  #dispatches(operationId: string, jobId?: string): Dispatch[] {
    return this.#world.jobs
      .filter(({ id }) => jobId === undefined || id === jobId)
      .flatMap(({ object }) => storedDispatches(object, storedPresent(object)))
      .filter((dispatch) => dispatch.operationId === operationId);
  }
}

const isResting = ({ state, endedAt }: Operation, items: readonly Item[]): boolean =>
  endedAt !== null || (state === 'paused' && items.every((item) => item.state !== 'in_flight'));

/** Names in one order. */
const sorted = (counts: unknown): unknown =>
  JSON.parse(JSON.stringify(counts ?? null), (_name, value) =>
    value && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );

export const OPERATION_SITUATIONS: readonly string[] = [
  'a bulk retry was begun',
  'a bulk retry was repeated',
  ...['pause', 'resume', 'cancel'].map((command) => `${command}: taken`),
  ...['running', 'waiting', 'paused', 'cancelling', 'done', 'cancelled'].map(
    (state) => `an operation was ${state}`,
  ),
  'an operation had several jobs in flight',
  ...ITEM_STATES.filter((state) => !['in_flight', 'waiting_again'].includes(state)).map(
    (state) => `in an operation a job was ${state}`,
  ),
  ...['JOB_ALREADY_RUNNING', 'RETRY_NOT_ALLOWED_STATE'].map((code) => `a job was refused: ${code}`),
];
