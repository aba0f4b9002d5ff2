// What Retake's figures are held against, as ratios of medians within one run.
import type { Name } from './contestants.ts';
import type { Growth } from './growth.ts';
import type { Results } from './results.ts';
import type { Waking } from './sleep.ts';
import { median } from './statistics.ts';
import type { Workload } from './workloads.ts';

export interface Goal {
  figure: string;
  goal: string;
  /** Null when one of the two was not measured. */
  value: number | null;
  met: boolean | null;
}

type Bound = { atLeast: number } | { atMost: number };

export interface Measured {
  results: Results;
  growth: readonly Growth[];
  /** One list per turn. */
  wakings: Partial<Record<Name, Waking[][]>>;
}

/** All goals, each with what this run says about it. */
export function goalsOf({ results, growth, wakings }: Measured): Goal[] {
  const rate = (name: Name, workload: Workload, concurrency = 32): number | null =>
    results.figure(name, workload, concurrency)?.perSecond.median ?? null;
  const p50 = (name: Name, workload: Workload, concurrency = 1): number | null =>
    results.figure(name, workload, concurrency)?.p50Ms.median ?? null;
  const tail = (name: Name, workload: Workload): number | null =>
    results.figure(name, workload, 32)?.tail?.median ?? null;

  const faster = (peer: Name, workload: Workload, atLeast: number, concurrency = 32, theirs = workload) =>
    judge(
      `${workload} against ${peer}${theirs === workload ? '' : `’s ${theirs}`}, concurrency ${concurrency}`,
      ratio(rate('retake', workload, concurrency), rate(peer, theirs, concurrency)),
      { atLeast },
    );
  const sooner = (peer: Name, atMost: number) =>
    judge(`W5 p50 against ${peer}, concurrency 1`, ratio(p50('retake', 'W5'), p50(peer, 'W5')), { atMost });

  return [
    faster('naive', 'W1', 0.85),
    faster('naive', 'W2', 0.85),
    // Floor B does the work again, which is what it has for a repeat; a read is the lower bound of one.
    faster('naive', 'W2', 0.85, 32, 'W4'),
    faster('naive', 'W4', 0.85),
    faster('naive', 'W3', 0.8),
    // Beside the goals: without a change of status nothing is listed, so what W3 pays for the list is the difference.
    faster('naive', 'W3h', 0.8),
    // Beside the goals as well: accepted is not yet delivered, and what is accepted fast is delivered later.
    faster('naive', 'W5', 0.85),
    faster('restate', 'W5', 1),
    // Floor C makes most of the writes of Retake as floor B would: how far it is behind B is what they cost here.
    faster('durable', 'W1', 0.85),
    faster('durable', 'W3', 0.8),
    faster('durable', 'W5', 0.85),
    sooner('naive', 1.3),
    faster('restate', 'W1', 1),
    faster('restate', 'W3', 1),
    faster('restate', 'W1', 1.6, 1),
    faster('restate', 'W3', 1.6, 1),
    faster('restate', 'W2', 2.2),
    faster('restate', 'W4', 2.2),
    sooner('restate', 0.6),
    faster('workflows', 'W1', 2),
    faster('workflows', 'W3', 2),
    ...(['W1', 'W2', 'W3', 'W4'] as const).map((workload) =>
      judge(
        `${workload} p99 / p50 against naive’s, concurrency 32`,
        ratio(tail('retake', workload), tail('naive', workload)),
        { atMost: 1 },
      ),
    ),
    ...(['W1', 'W3'] as const).map((workload) =>
      judge(
        `${workload}: the cost of waking against naive’s`,
        ratio(costOfWaking(wakings.retake, workload), costOfWaking(wakings.naive, workload)),
        { atMost: 1.2 },
      ),
    ),
    ...(['W1', 'W3', 'W4'] as const).map((workload) =>
      judge(
        `W8: ${workload} with the longest past against the shortest`,
        ratio(growth.at(-1)?.[`${workload}Ms`] ?? null, growth[0]?.[`${workload}Ms`] ?? null),
        { atMost: 1.15 },
      ),
    ),
  ];
}

/** Milliseconds that a request to a sleeping job takes longer than one to a job awake: the median of the turns. */
function costOfWaking(turns: Waking[][] | undefined, workload: Waking['workload']): number | null {
  const costs = (turns ?? []).flatMap((turn) =>
    turn.filter((one) => one.workload === workload).map(({ awakeMs, asleepMs }) => asleepMs - awakeMs),
  );
  const cost = costs.length === 0 ? null : median(costs);
  return cost !== null && cost > 0 ? cost : null;
}

function judge(figure: string, value: number | null, bound: Bound): Goal {
  const isMet = (measured: number) =>
    'atLeast' in bound ? measured >= bound.atLeast : measured <= bound.atMost;
  return {
    figure,
    goal: 'atLeast' in bound ? `≥ ${bound.atLeast}` : `≤ ${bound.atMost}`,
    value,
    met: value === null ? null : isMet(value),
  };
}

const ratio = (ours: number | null, theirs: number | null): number | null =>
  ours === null || theirs === null ? null : ours / theirs;
