// Random histories of one job: how they begin, some with several pipelines one after the other, and what comes after.
import fc from 'fast-check';
import type { Callback } from '../../src/domain/commands.ts';
import type { ReportableStatus } from '../../src/domain/lifecycle.ts';
import {
  callback,
  confirmUpload,
  deadline,
  delivered,
  disown,
  editArtifact,
  erase,
  NO_ARTIFACTS,
  retry,
  run,
} from './builders.ts';
import { chapters } from './chapters.ts';
import { asking, correction, correctionOf, look, lookOf } from './editors.ts';
import type { Look } from './looks.ts';
import type { ModelJob } from './model.ts';
import { POLICIES } from './policies.ts';
import {
  exportsOf,
  FIELDS,
  facts,
  type Key,
  key,
  keyOf,
  nameOf,
  ONWARD,
  REACHED,
  statusOf,
} from './reported.ts';
import { spells } from './spells.ts';
import { type Make, make, type Step } from './steps.ts';

const waitMs = fc.constantFrom(0, 0, 1, 1, 500, 10_000, 61_000, 700_000, 4_000_000, -1, -5_000);

const step = (make: Make): Step => ({ waitMs: 1, make });
const reportOf = (status: ReportableStatus, patch: Partial<Callback> = {}): Step =>
  step((model, _index, now) => callback(nameOf(model, 1), status, { occurredAt: now, ...patch }));

/** As many exports as a job has just room for. */
const STUFFING: readonly Step[] = [0, 1].map((round) =>
  step((model, _index, now) =>
    callback(nameOf(model, 1), 'EXPORTING', {
      occurredAt: now,
      artifacts: { ...NO_ARTIFACTS, exports: exportsOf('many', round) },
      artifactsJson: '{}',
    }),
  ),
);

const retried = (clientRequestId: string): Step =>
  step((_model, index) => retry(`dsp_${index}`, { clientRequestId }));
const taken = step((model) => delivered(nameOf(model, 1)));

/** The first report of the newest retry says where it begins, or what it does first. */
const begun = (restates: boolean): Step =>
  step((model, _index, now) => {
    const { effective } = model;
    const next = statusOf(model, 0, 'on');
    const status = restates && effective !== 'UPLOADED' ? (effective as ReportableStatus) : next;
    return callback(nameOf(model, 1), status, { occurredAt: now });
  });

const UPLOADED_AND_RUN: readonly Step[] = [
  step(() => confirmUpload({ videoUri: 's3://v' })),
  step((_model, index) => run(`dsp_${index}`)),
  taken,
];

/** What the newest pipeline reports so many times as it goes on, each artifact with its checkpoint, or a report before it. */
const onward = (reports: number, key: Key, isEarly: boolean, facts: Partial<Callback['artifacts']>): Step[] =>
  Array.from({ length: reports }, () =>
    step((model, index, now) => {
      const id = nameOf(model, 1);
      const status = ONWARD[model.effective] ?? 'EXPORTING';
      const stage = REACHED[isEarly ? (ONWARD[status] ?? '') : status];
      const refs = stage ? { [FIELDS[stage]]: keyOf(key, stage, id, index) } : {};
      const artifacts = { ...NO_ARTIFACTS, ...refs, ...facts };
      const artifactsJson = stage ? JSON.stringify(refs) : null;
      return callback(id, status, { occurredAt: now, artifacts, artifactsJson });
    }),
  );

/** A checkpoint once more, with another file in its place. */
const restated = (key: Key): Step =>
  step((model, index, now) => {
    const id = nameOf(model, 1);
    const { effective } = model;
    const stage = REACHED[effective];
    if (!stage) return deadline();
    const artifacts = { ...NO_ARTIFACTS, [FIELDS[stage]]: keyOf(key, stage, id, index), digest: 'md5:again' };
    return callback(id, effective as ReportableStatus, { occurredAt: now, artifacts, artifactsJson: '{}' });
  });

/** A pipeline that comes so far and fails; a retry under a profile of its own, unless it is the first. */
const life = fc.record({
  looking: look,
  deploys: fc.constantFrom(null, null, null, null, ...POLICIES),
  looks: fc.boolean(),
  corrections: fc.array(correction, { maxLength: 2 }),
  handsOn: fc.constantFrom(false, false, true),
  resumes: fc.constantFrom('wherever', 'wherever', 'as asked'),
  reports: fc.nat(7),
  isEarly: fc.constantFrom(false, false, false, true),
  repeats: fc.constantFrom(false, true, true),
  failedStage: fc.constantFrom(null, 'TRANSCRIBING', 'GENERATING', 'EXPORTING'),
  ...{ key, facts },
});
type Life = typeof life extends fc.Arbitrary<infer T> ? T : never;

function livedThrough(lives: readonly Life[]): Step[] {
  return lives.flatMap(({ deploys, reports, key, isEarly, repeats, facts, failedStage, ...asks }, nth) => {
    const deployed = deploys ? [step(() => ({ type: 'deploy', policy: deploys }))] : [];
    return [
      ...(nth === 0 ? [...deployed, ...UPLOADED_AND_RUN] : asked(asks, deployed, nth)),
      ...onward(reports, key, isEarly, facts),
      ...(repeats ? [restated(key)] : []),
      step((model, _index, now) => {
        const said = { failureCode: 'CRASHED', failureMessage: null, failureClass: null, retryAfterMs: null };
        return callback(nameOf(model, 1), 'FAILED', { occurredAt: now, failure: { ...said, failedStage } });
      }),
    ];
  });
}

/** A retry, perhaps of what was looked at before something changed; then whatever it has changed to. */
function asked(
  {
    looking,
    corrections,
    looks,
    handsOn,
    resumes,
  }: Pick<Life, 'looking' | 'corrections' | 'looks' | 'handsOn' | 'resumes'>,
  meanwhile: readonly Step[],
  nth: number,
): Step[] {
  const ask = (model: ModelJob): Look => {
    const asking = lookOf(looking, model);
    return resumes === 'wherever' ? { ...asking, resumeFrom: null } : asking;
  };
  return [
    ...corrections.map((correcting, n) =>
      step((model, index) =>
        editArtifact({ ...correctionOf(model, correcting, index), clientRequestId: `life-${nth}-${n}` }),
      ),
    ),
    ...(looks ? [step((model) => ask(model))] : []),
    ...meanwhile,
    ...(looks
      ? [
          step((model, index) => {
            const seen = model.lastLook ?? ask(model);
            const patch = { clientRequestId: `seen-${nth}`, ifMatch: [model.lastTag ?? ''] };
            return asking(seen, `dsp_${index}`, patch);
          }),
        ]
      : []),
    step((model, index) => asking(ask(model), `dsp_${index}`, { clientRequestId: `life-${nth}` })),
    taken,
    ...(handsOn ? [handedOn] : []),
  ];
}

/** A pipeline says where it begins, and names all that it was given. */
const handedOn = step((model, _index, now) => {
  const { resumeFrom, given } = model.dispatches.at(-1) ?? {};
  if (!resumeFrom || !REACHED[resumeFrom]) return deadline();
  const refs = Object.values(given ?? {}).map(({ stage, ref }) => [FIELDS[stage], ref]);
  const artifacts = { ...NO_ARTIFACTS, ...Object.fromEntries(refs) };
  const status = resumeFrom as ReportableStatus;
  return callback(nameOf(model, 1), status, { occurredAt: now, artifacts, artifactsJson: '{}' });
});

/**
 * How a history begins: somewhere before the run; or with a pipeline that comes so far and fails, is retried, and says that
 * its retry has begun or not; or with one that has reported all that is kept; or with several one after the other, under profiles
 * of their own.
 */
const opening: fc.Arbitrary<Step[]> = fc.oneof(
  { weight: 2, arbitrary: fc.nat(3).map((steps) => [...UPLOADED_AND_RUN.slice(0, steps)]) },
  {
    weight: 6,
    arbitrary: fc
      .record({
        reports: fc.nat(7),
        fails: fc.constantFrom(true, true, true, false),
        isStuffed: fc.constantFrom(true, true, false, false, false),
        begins: fc.constantFrom('restating', 'going on', 'not yet', 'silent'),
        isDelivered: fc.boolean(),
      })
      .map(({ reports, isStuffed, fails, begins, isDelivered }) => [
        ...UPLOADED_AND_RUN,
        ...onward(isStuffed ? 6 : reports, 'fixed', false, {}),
        ...(isStuffed ? STUFFING : []),
        ...(fails ? [reportOf('FAILED'), retried('a')] : []),
        ...(fails && isDelivered ? [taken] : []),
        ...(fails && (begins === 'restating' || begins === 'going on')
          ? [begun(begins === 'restating')]
          : []),
      ]),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(1, 3, 4, 4)
      .map((reports) => [
        ...UPLOADED_AND_RUN,
        ...onward(reports, 'fixed', false, {}),
        step(() => ({ type: 'chatter' })),
        ...onward(1, 'fixed', false, {}),
      ]),
  },
  { weight: 5, arbitrary: fc.array(life, { minLength: 2, maxLength: 4 }).map(livedThrough) },
  { weight: 5, arbitrary: chapters.map((steps) => [...UPLOADED_AND_RUN, ...steps]) },
  { weight: 3, arbitrary: spells.map((steps) => [...UPLOADED_AND_RUN, ...steps]) },
);

/** How a job goes; of one that has gone there is little left to live through, so this comes last. */
const ENDS: Readonly<Record<string, Step[]>> = {
  erased: [step(() => erase())],
  disowned: [step(() => disown())],
  // Its pipeline times out first, if one is at work.
  kept: [
    step(() => ({ type: 'keep', endedMs: 3_500_000 })),
    { waitMs: 4_000_000, make: () => deadline() },
    { waitMs: 4_000_000, make: () => deadline() },
  ],
};
const ending: fc.Arbitrary<Step[]> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Step[]>([]) },
  {
    weight: 2,
    arbitrary: fc
      .record({
        how: fc.constantFrom('erased', 'erased', 'disowned', 'kept'),
        after: fc.array(fc.record({ waitMs, make }), { maxLength: 6, size: 'max' }),
      })
      .map(({ how, after }) => [...(ENDS[how] ?? []), ...after]),
  },
);

export const histories: fc.Arbitrary<Step[]> = fc
  .tuple(opening, fc.array(fc.record({ waitMs, make }), { minLength: 1, maxLength: 45, size: 'max' }), ending)
  .map(([opened, steps, ends]) => [...opened, ...steps, ...ends]);
