// The shortest histories of the bugs that the simulation has found, lived through again in every run.
import type { Failure } from '../support/pipeline/script.ts';
import type { Scenario } from './scenario.ts';
import { USUAL } from './simulated-orchestrator.ts';

const before = (at: Failure['at']): Failure => ({ comes: 'before', at });

const KEPT = { keepEndedMs: null, projectGoesAfterMs: null, store: 'prompt' } as const;
const ONE_JOB = { ...KEPT, jobs: 1, hangsFor: null, named: false, automatic: false } as const;

export const FOUND: readonly Scenario[] = [
  // Seed 3: a clock that had stepped back gave two dispatches one creation time, and a repeated report of the
  // first passed the fence and closed the second.
  {
    ...ONE_JOB,
    actions: [
      { afterMs: 0, job: 0, action: { do: 'clock', skewMs: -90_000 } },
      {
        afterMs: 70_000,
        job: 0,
        action: { do: 'retry', request: 'a', prefer: '', twice: false, planned: false },
      },
    ],
    plans: [
      { ...USUAL, fails: before('GENERATING'), repeatsAfterMs: 100_000, swapsPairs: true },
      { ...USUAL, stepMs: 20_000 },
    ],
    chances: { faults: [], delays: [] },
  },
  // Seed 100: the push of a retry's first status arrived and its answer was lost. The retry failed again, so that the
  // job's status was the one last known to be listed, and the workspace went on listing the other.
  {
    ...ONE_JOB,
    actions: [
      {
        afterMs: 12_000,
        job: 0,
        action: { do: 'retry', request: 'a', prefer: '', twice: false, planned: false },
      },
    ],
    plans: [
      { ...USUAL, fails: before('TRANSCRIBING') },
      { ...USUAL, fails: before('TRANSCRIBING') },
    ],
    chances: { faults: [...Array<number>(55).fill(0), 96], delays: [] },
  },
  // Seed 1: the instance that cancels has a clock behind that of the one whose delivery is under way, took the
  // dispatch for its own, and did not tell the pipeline, which got it late.
  {
    ...ONE_JOB,
    actions: [
      { afterMs: 40, job: 0, action: { do: 'clock', skewMs: -90_000 } },
      { afterMs: 0, job: 0, action: { do: 'cancel' } },
    ],
    plans: [USUAL],
    chances: { faults: [...Array<number>(19).fill(0), 71], delays: [] },
  },
  // Seed 1: the project's call to the workspace got no answer, the alarm that was to repeat it never came, and nobody who
  // touched the project set another.
  {
    ...{ ...ONE_JOB, actions: [], plans: [USUAL] },
    chances: { faults: [0, 0, 99, 0, 0, 0, 0, 0, 96, 90], delays: [] },
  },
  // Seed 1: the same of a job that had come to rest, and whose project did not hear of it.
  {
    ...ONE_JOB,
    actions: [
      {
        afterMs: 3_000,
        job: 0,
        action: { do: 'retry', request: 'a', prefer: '', twice: false, planned: false },
      },
      { afterMs: 0, job: 0, action: { do: 'retry', request: 'a', prefer: '', twice: false, planned: false } },
    ],
    plans: [USUAL],
    chances: {
      faults: [
        ...Array<number>(14).fill(0),
        95,
        ...Array<number>(9).fill(0),
        65,
        0,
        98,
        ...Array<number>(17).fill(0),
        90,
      ],
      delays: [],
    },
  },
  // Seed 1: the store said nothing for as long as it was asked, and a little longer. The window opened by so much later that
  // the wait was over before it, and whoever was to be told the outcome was told that there was none yet.
  {
    ...ONE_JOB,
    store: 'silent',
    actions: [
      { afterMs: 12_000, job: 0, action: { do: 'pause', ms: 20_000 } },
      {
        afterMs: 0,
        job: 0,
        action: { do: 'retry', request: 'a', prefer: 'wait=5', twice: false, planned: false },
      },
    ],
    plans: [{ ...USUAL, fails: before('TRANSCRIBING') }],
    chances: { faults: [], delays: [...Array<number>(56).fill(1), 6] },
  },
  // Seed 4: an alarm was answered with another, 2 s later, that never came, and both were lost with the answer. The first was rung
  // again 2 s later, and taken for the one that never came: a mistake of the stand-in's.
  {
    ...{ ...ONE_JOB, automatic: true, actions: [], plans: [{ ...USUAL, diesBefore: 'TRANSCRIBING' }] },
    chances: { faults: [...Array<number>(47).fill(0), 91, 98], delays: [] },
  },
];
