// What is counted of an operation's jobs: how many stand where, and how many got how far. It follows from the jobs alone.
import type { Item, ItemState } from './operation.ts';

export interface Counts {
  total: number;
  /** Those for which a dispatch was made, but for those that wait again; and those whose dispatch the orchestrator is known to have. */
  accepted: number;
  delivered: number;
  byState: Readonly<Partial<Record<ItemState, number>>>;
  /** Of those that were refused: how many for which reason. */
  refusedBy: Readonly<Record<string, number>>;
}

export const NO_COUNTS: Counts = {
  total: 0,
  accepted: 0,
  delivered: 0,
  byState: {},
  refusedBy: {},
};

/** So many jobs of which the same is counted. */
export interface Group {
  state: ItemState;
  /** Of one that was refused. */
  code: string | null;
  isAccepted: boolean;
  isDelivered: boolean;
  jobs: number;
}

export const countsOf = (groups: readonly Group[]): Counts => groups.reduce(add, NO_COUNTS);

export const move = (counts: Counts, before: Item, after: Item): Counts =>
  add(add(counts, { ...groupOf(before), jobs: -1 }), groupOf(after));

export const groupOf = ({ state, code, isAccepted, isDelivered }: Item): Group => ({
  state,
  code,
  isAccepted,
  isDelivered,
  jobs: 1,
});

function add(counts: Counts, { state, code, isAccepted, isDelivered, jobs }: Group): Counts {
  return {
    total: counts.total + jobs,
    accepted: counts.accepted + (isAccepted ? jobs : 0),
    delivered: counts.delivered + (isDelivered ? jobs : 0),
    byState: added(counts.byState, state, jobs),
    refusedBy: state === 'refused' && code !== null ? added(counts.refusedBy, code, jobs) : counts.refusedBy,
  };
}

/** Without those that there are none of. */
function added<K extends string>(
  numbers: Readonly<Partial<Record<K, number>>>,
  name: K,
  jobs: number,
): Record<K, number> {
  const { [name]: before = 0, ...others } = numbers as Record<K, number>;
  const now = before + jobs;
  return (now === 0 ? others : { ...others, [name]: now }) as Record<K, number>;
}
