// What becomes of a job that fails again and again and is retried by itself: what comes before its time, whether the
// time has come, and what becomes of the dispatch.
import fc from 'fast-check';
import {
  abandon,
  callback,
  cancel,
  deadline,
  delivered,
  editArtifact,
  NO_ARTIFACTS,
  retry,
  retryDue,
  undelivered,
} from './builders.ts';
import { asking, correction, correctionOf, look, lookOf } from './editors.ts';
import { findings } from './looks.ts';
import { POLICIES } from './policies.ts';
import { FIELDS, keyOf, nameOf, ONWARD, REACHED } from './reported.ts';
import type { Make, Step } from './steps.ts';

const step = (make: Make, waitMs = 1): Step => ({ waitMs, make });

/** What the newest pipeline says as it goes on. */
const onward = (reports: number): Step[] =>
  Array.from({ length: reports }, () =>
    step((model, index, now) => {
      const id = nameOf(model, 1);
      const status = ONWARD[model.effective] ?? 'EXPORTING';
      const stage = REACHED[status];
      const refs = stage ? { [FIELDS[stage]]: keyOf('own', stage, id, index) } : {};
      return callback(id, status, { occurredAt: now, artifacts: { ...NO_ARTIFACTS, ...refs } });
    }),
  );

const failing = fc.record({
  reports: fc.nat(3),
  failureClass: fc.constantFrom(null, null, null, 'transient', 'timeout', 'input'),
  retryAfterMs: fc.constantFrom(null, null, null, 20_000),
  isSilent: fc.constantFrom(false, false, false, true),
});
type Failing = typeof failing extends fc.Arbitrary<infer T> ? T : never;

const failed = ({ reports, isSilent, ...why }: Failing): Step[] => [
  ...onward(reports),
  isSilent
    ? step(() => deadline(), 4_000_000)
    : step((model, _index, now) => {
        const said = { failureCode: 'CRASHED', failureMessage: null, failedStage: null };
        return callback(nameOf(model, 1), 'FAILED', { occurredAt: now, failure: { ...said, ...why } });
      }),
];

const again = fc.record({
  before: fc.constantFrom(
    ...([
      'nothing',
      'nothing',
      'nothing',
      'nothing',
      'nothing',
      'an alarm',
      'a deployment',
      'a profile goes',
    ] as const),
    ...(['a retry', 'a retry in vain', 'an edit', 'an abandon', 'a cancel'] as const),
  ),
  deploys: fc.constantFrom(...POLICIES),
  ...{ looking: look, corrects: correction, store: findings, failing },
  waitMs: fc.constantFrom(9_001, 9_001, 9_001, 21_000, 1),
  arrives: fc.constantFrom(
    ...(['taken', 'taken', 'taken', 'taken', 'taken', 'refused', 'unheard of', 'cancelled'] as const),
    ...(['withdrawn', 'withdrawn', 'withdrawn', 'overdue', 'given up', 'put off'] as const),
  ),
});
type Again = typeof again extends fc.Arbitrary<infer T> ? T : never;

function retried(c: Again, nth: number): Step[] {
  const ask = step((model, index) => {
    const looked = lookOf({ ...c.looking, fits: true }, model);
    return asking({ ...looked, resumeFrom: null }, `dsp_${index}`, { clientRequestId: `spell-${nth}` });
  });
  const takenAnd = (...steps: Step[]) => [step((model) => delivered(nameOf(model, 1))), ...steps];
  const BEFORE: Readonly<Record<Again['before'], Step[]>> = {
    nothing: [],
    'an alarm': [step((_model, index) => retryDue(`dsp_${index}`))],
    'a deployment': [step(() => ({ type: 'deploy', policy: c.deploys }))],
    'a profile goes': [
      step((_model, index) =>
        retry(`dsp_${index}`, { modelProfile: 'any', clientRequestId: `spell-${nth}` }),
      ),
      ...takenAnd(...failed({ ...c.failing, reports: 0 })),
      step(() => ({ type: 'deploy', policy: POLICIES[2] })),
    ],
    'a retry': [ask, ...takenAnd(...failed({ ...c.failing, reports: 0 }))],
    'a retry in vain': [ask, step((model) => undelivered(nameOf(model, 1)), 61_000)],
    'an edit': [
      step((model, index) =>
        editArtifact({ ...correctionOf(model, c.corrects, index), clientRequestId: `spell-${nth}` }),
      ),
    ],
    'an abandon': [step(() => abandon())],
    'a cancel': [step(() => (nth > 0 ? cancel() : deadline()))],
  };
  const refused = { kind: 'refused' as const, error: 'no' };
  const ARRIVALS: Readonly<Record<Again['arrives'], Step[]>> = {
    taken: takenAnd(...failed(c.failing)),
    refused: [step((model) => ({ ...undelivered(nameOf(model, 1)), outcome: refused }))],
    'unheard of': takenAnd(step(() => deadline(), 700_000)),
    withdrawn: [step((model) => undelivered(nameOf(model, 1)), 61_000)],
    'put off': [
      step(
        (model) => ({
          ...undelivered(nameOf(model, 1)),
          outcome: { kind: 'unreachable' as const, error: 'not now', retryAfterMs: 15_000 },
        }),
        61_000,
      ),
    ],
    overdue: [step(() => deadline(), 62_000)],
    'given up': [step(() => abandon())],
    cancelled: [step(() => (nth > 1 ? cancel() : deadline()))],
  };
  return [
    ...BEFORE[c.before],
    step((model, index) => retryDue(`dsp_${index}`, { evidence: c.store(model) }), c.waitMs),
    ...ARRIVALS[c.arrives],
  ];
}

/** From a run that was delivered on. */
export const spells: fc.Arbitrary<Step[]> = fc
  .record({
    edits: fc.constantFrom(false, false, true),
    ...{ first: failing, corrects: correction },
    again: fc.array(again, { minLength: 2, maxLength: 5 }),
  })
  .map(({ edits, first, corrects, again }) => [
    ...failed(edits ? { ...first, reports: 5 } : first),
    // A correction ends what is to come; what an editor retries then may fail and come back by itself.
    ...(edits
      ? [
          step((model, index) =>
            editArtifact({ ...correctionOf(model, corrects, index), clientRequestId: 'spell' }),
          ),
          step((model, index) =>
            asking(
              {
                type: 'look',
                kind: 'retry',
                modelProfile: 'balanced',
                resumeFrom: null,
                discardEdits: [],
                evidence: new Map(),
              },
              `dsp_${index}`,
              { clientRequestId: `spell-${model.dispatches.length}` },
            ),
          ),
          step((model) => delivered(nameOf(model, 1))),
          ...failed({ ...first, reports: 0 }),
        ]
      : []),
    ...again.flatMap(retried),
  ]);
