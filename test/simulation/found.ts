// The shortest histories of the bugs that the simulation has found, lived through again in every run.
import type { Scenario } from './scenario.ts';

const calm = {
  stepMs: 100,
  diesAt: null,
  repeatsAfterMs: null,
  swapsPairs: false,
  goesOnToExport: false,
} as const;

export const FOUND: readonly Scenario[] = [
  // Seed 3: a clock that had stepped back gave two dispatches one creation time, and a repeated report of the
  // first passed the fence and closed the second.
  {
    actions: [
      { afterMs: 0, action: { do: 'clock', skewMs: -90_000 } },
      { afterMs: 70_000, action: { do: 'retry', request: 'a', prefer: '' } },
    ],
    plans: [
      { ...calm, failsAt: 'GENERATING', repeatsAfterMs: 100_000, swapsPairs: true },
      { ...calm, stepMs: 20_000, failsAt: null },
    ],
    chances: { faults: [], delays: [] },
  },
  // Seed 100: the push of a retry's first status arrived and its answer was lost. The retry failed again, so that the
  // job's status was the one last known to be listed, and the workspace went on listing the other.
  {
    actions: [{ afterMs: 12_000, action: { do: 'retry', request: 'a', prefer: '' } }],
    plans: [
      { ...calm, failsAt: 'TRANSCRIBING' },
      { ...calm, failsAt: 'TRANSCRIBING' },
    ],
    chances: { faults: [...Array<number>(55).fill(0), 96], delays: [] },
  },
  // Seed 1: the instance that cancels has a clock behind that of the one whose delivery is under way, took the
  // dispatch for its own, and did not tell the pipeline.
  {
    actions: [
      { afterMs: 0, action: { do: 'clock', skewMs: -90_000 } },
      { afterMs: 0, action: { do: 'cancel' } },
    ],
    plans: [{ ...calm, failsAt: null }],
    chances: { faults: [...Array<number>(22).fill(0), 98, 0, 71], delays: [] },
  },
];
