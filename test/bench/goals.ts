// What Retake's figures are held against: ratios of medians within one run, its memory, and what test/cost counts.
import budget from '../cost/budget.json' with { type: 'json' };
import type { Name } from './contestants.ts';
import type { Footprint } from './footprint.ts';
import type { Growth } from './growth.ts';
import type { Results } from './results.ts';
import type { Workload } from './samples.ts';
import { type Wakings, wakingFigure } from './sleep.ts';

export interface Goal {
  figure: string;
  goal: string;
  /** As it is written; null when it was not measured, or one of the two was not. */
  measured: string | null;
  met: boolean | null;
}

type Bound = { atLeast: number } | { atMost: number };

export interface Measured {
  results: Pick<Results, 'figure'>;
  growth: readonly Growth[];
  wakings: Wakings;
  memory: Footprint['memory'];
}

/** Of so many jobs is spoken where memory is. */
export const JOBS_IN_MEMORY = 2_000;

/** All goals, each with what this run says about it. */
export function goalsOf({ results, growth, wakings, memory }: Measured): Goal[] {
  const rate = (name: Name, workload: Workload, concurrency: number): number | null =>
    results.figure(name, workload, concurrency)?.perSecond.median ?? null;
  const faster = (workload: Workload, peer: Name, atLeast: number, concurrency = 32) =>
    judge(
      `${workload} against ${peer}, concurrency ${concurrency}`,
      ratio(rate('retake', workload, concurrency), rate(peer, workload, concurrency)),
      { atLeast },
    );
  const waking = (workload: 'W3' | 'W4', what: string) =>
    judge(
      `waking for ${what} against naive, CPU`,
      wakingFigure(wakings, 'retake', workload)?.againstNaive?.median ?? null,
      { atMost: 0.95 },
    );
  const { operations } = budget;
  const held = memory.retake?.jobs === JOBS_IN_MEMORY ? memory.retake.awakeBytes / 2 ** 20 : null;

  return [
    // What the promises cost on this runtime, floor C pays: how far Retake is behind it is what it does besides.
    faster('W1', 'durable', 0.95),
    faster('W3', 'durable', 0.9),
    faster('W5', 'durable', 1),
    faster('W5', 'naive', 0.7),
    // Without a change of status nothing is told to a list.
    faster('W3h', 'naive', 0.8),
    faster('W1', 'restate', 1),
    faster('W2', 'restate', 2.2),
    faster('W3', 'restate', 1),
    faster('W4', 'restate', 2.2),
    faster('W1', 'restate', 1.6, 1),
    faster('W3', 'restate', 1.6, 1),
    waking('W4', 'a read'),
    waking('W3', 'a callback'),
    ...(['W1', 'W3', 'W4'] as const).map((workload) =>
      judge(
        `W8: ${workload} with the longest past against the shortest`,
        ratio(growth.at(-1)?.[`${workload}Ms`] ?? null, growth[0]?.[`${workload}Ms`] ?? null),
        { atMost: 1.15 },
      ),
    ),
    judge(`MiB with ${JOBS_IN_MEMORY} jobs awake`, held, { atMost: 800 }, 0),
    // The ceilings, which `npm test` holds what is counted to.
    judge(
      'rows written by a job with one failure and one retry, schema included',
      operations['a whole job, with one failure and one retry'].rowsWritten + operations.schema.jobRows,
      { atMost: 46 },
      0,
    ),
    judge('bytes of an idle job', operations.stored.jobBytes, { atMost: 20_480 }, 0),
    judge('dollars per million jobs', operations['a million jobs'].dollars, { atMost: 69 }),
  ];
}

/** What is written is what is judged. */
function judge(figure: string, value: number | null, bound: Bound, digits = 2): Goal {
  const measured = value?.toFixed(digits) ?? null;
  const isMet = (figured: number) =>
    'atLeast' in bound ? figured >= bound.atLeast : figured <= bound.atMost;
  return {
    figure,
    goal: 'atLeast' in bound ? `≥ ${bound.atLeast}` : `≤ ${bound.atMost}`,
    measured,
    met: measured === null ? null : isMet(Number(measured)),
  };
}

const ratio = (ours: number | null, theirs: number | null): number | null =>
  ours === null || theirs === null ? null : ours / theirs;
