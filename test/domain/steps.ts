// Random histories of one job: what is asked of it and reported to it, mostly what is worth trying where it stands.
import fc from 'fast-check';
import type { Callback, Command, Retry } from '../../src/domain/commands.ts';
import { REPORTABLE_STATUSES, type ReportableStatus } from '../../src/domain/lifecycle.ts';
import {
  abandon,
  callback,
  cancel,
  confirmUpload,
  deadline,
  delivered,
  NO_ARTIFACTS,
  renewVideo,
  retry,
  run,
} from './builders.ts';
import { findings, type Look, resumeFrom, tagsOf } from './looks.ts';
import { OWNER } from './memory-job.ts';
import type { ModelJob } from './model.ts';
import { POLICIES, type WordedPolicy } from './policies.ts';

/** A command; or an editor looks at a plan; or another version of the service is deployed, with another policy. */
export type Act = Command | Look | { type: 'deploy'; policy: WordedPolicy };
/** The tag that an editor who looks now is shown. */
export type See = (look: Look) => string;
/** A step knows the job only through the model, from which it picks what is worth trying. */
type Make = (model: ModelJob, index: number, now: number, see: See) => Act;
export interface Step {
  /** Negative when the clock steps back. */
  waitMs: number;
  make: Make;
}

const owner = fc.constantFrom(OWNER, OWNER, OWNER, OWNER, OWNER, 'own_mallory');
const profile = fc.constantFrom(
  ...['balanced', 'balanced', 'balanced', 'writer', 'writer', 'listener', 'listener', 'any'],
  ...['late', 'off', 'nobody', 'constructor'],
);
/** Mostly the newest dispatch, sometimes an older one, sometimes one that never was. */
const age = fc.constantFrom(1, 1, 1, 1, 2, 3, 99);
const windowMs = fc.constantFrom(null, null, 8_000, 600_000);
const nameOf = (model: ModelJob, back: number): string => model.dispatches.at(-back)?.id ?? 'dsp_none';
/** Mostly one that may follow, and mostly not the end: so histories get somewhere. */
const statusOf = (model: ModelJob, n: number, walk: 'on' | 'any next' | 'anywhere'): ReportableStatus => {
  const all: readonly string[] = REPORTABLE_STATUSES;
  const next = model.nextStatuses().filter((status) => all.includes(status));
  const on = next.filter((status) => status !== 'FAILED');
  const from = walk === 'anywhere' ? all : walk === 'any next' || on.length === 0 ? next : on;
  return (from[n % from.length] ?? all[n % all.length]) as ReportableStatus;
};

const FIELDS = { audio: 'audioUri', transcript: 'transcriptUri', draft: 'draftUri' } as const;
type Named = keyof typeof FIELDS;
const REACHED: Readonly<Record<string, Named>> = {
  AUDIO_READY: 'audio',
  TRANSCRIPT_READY: 'transcript',
  DRAFT_READY: 'draft',
};
/** Some write to a key of their own, some to one that others use too, and some to the same for everything. */
const key = fc.constantFrom('own', 'own', 'own', 'fixed', 'fixed', 'one of three', 'one for all');
type Key = typeof key extends fc.Arbitrary<infer T> ? T : never;
const keyOf = (key: Key, stage: Named, dispatchId: string, index: number): string =>
  ({
    own: `r2://media/${dispatchId}/${stage}`,
    fixed: `r2://media/${stage}`,
    'one of three': `r2://media/${index % 3}/${stage}`,
    'one for all': 'r2://media/one',
  })[key];
export const [SHA_A, SHA_B] = ['a'.repeat(64), 'b'.repeat(64)] as const;
const facts = fc.record({
  digest: fc.constantFrom(null, null, null, `sha-256:${SHA_A}`, `sha-256:${SHA_B}`, 'md5:c'),
  sizeBytes: fc.constantFrom(null, null, 10, 20),
});

const report = fc
  .record({
    back: age,
    status: fc.nat(11),
    walk: fc.constantFrom(
      'on' as const,
      'on' as const,
      'on' as const,
      'any next' as const,
      'anywhere' as const,
    ),
    // Milliseconds before or after the present, on the orchestrator's own clock.
    skewMs: fc.constantFrom(0, 0, 0, 3_000, -3_000, -600_000),
    event: fc.option(fc.nat(3), { freq: 5 }),
    digest: fc.constantFrom('x', 'x', 'x', 'y'),
    key,
    facts,
    brings: fc.constantFrom(
      ...([null, 'reached', 'reached', 'reached', 'all'] as const),
      ...(['audio', 'transcript', 'draft'] as const),
    ),
    exports: fc.constantFrom(...Array<'none'>(20).fill('none'), 'one', 'one', 'many', 'long'),
    hasMetrics: fc.constantFrom(false, false, false, true),
    failedStage: fc.constantFrom('TRANSCRIBING', 'AUDIO_EXTRACTING', 'GENERATING', 'the cellar', null),
    failureCode: fc.constantFrom('CRASHED', 'CRASHED', 'constructor'),
    failureClass: fc.constantFrom(null, null, 'input' as const),
    retryAfterMs: fc.constantFrom(null, null, 90_000),
    progressPct: fc.constantFrom(null, null, 40),
    actor: fc.constantFrom('orchestrator' as const, 'orchestrator' as const, 'system' as const),
  })
  .map(
    (c): Make =>
      (model, index, now) => {
        const status = statusOf(model, c.status, c.walk);
        const dispatchId = nameOf(model, c.back);
        const stages = Object.keys(FIELDS) as Named[];
        const named = stages.filter(
          (stage) => c.brings === 'all' || stage === (c.brings === 'reached' ? REACHED[status] : c.brings),
        );
        const refs = named.map((stage) => [FIELDS[stage], keyOf(c.key, stage, dispatchId, index)]);
        return callback(dispatchId, status, {
          occurredAt: now + c.skewMs,
          // A few ids come again and again, as repeats and as clashes.
          eventId: c.event === null ? `event-of-${index}` : `event-${c.event}`,
          payloadDigest: c.digest,
          artifacts: {
            ...NO_ARTIFACTS,
            ...Object.fromEntries(refs),
            ...c.facts,
            exports: exportsOf(isNearlyFull(model) ? 'many' : c.exports, index),
            hasMetrics: c.hasMetrics,
          },
          artifactsJson: refs.length === 0 ? null : JSON.stringify(refs),
          progressPct: c.progressPct,
          actor: c.actor,
          failure:
            status === 'FAILED'
              ? {
                  ...{ failureCode: c.failureCode, failureMessage: null, failedStage: c.failedStage },
                  ...{ failureClass: c.failureClass, retryAfterMs: c.retryAfterMs },
                }
              : null,
        });
      },
  );

const isNearlyFull = ({ exports }: ModelJob): boolean => Object.keys(exports).length > 100;

/** Some reports bring so many or so long exports that a job has no room for all of them. */
function exportsOf(size: 'none' | 'one' | 'many' | 'long', index: number): Record<string, string> {
  const count = { none: 0, one: 1, many: 90, long: 30 }[size];
  const length = size === 'long' ? 2_000 : 10;
  return Object.fromEntries(
    Array.from({ length: count }, (_, n) => [`${size}-${index % 4}-${n}`, 's3://'.padEnd(length, 'x')]),
  );
}

const delivery = fc
  .record({
    back: age,
    deliveryMayHaveStarted: fc.constantFrom(false, false, false, true),
    message: fc.constantFrom('dispatch' as const, 'dispatch' as const, 'cancel' as const),
    outcome: fc.constantFrom(
      { kind: 'delivered' as const, executionId: 'x1' },
      { kind: 'delivered' as const, executionId: null },
      { kind: 'delivered' as const, executionId: 'x2' },
      { kind: 'refused' as const, error: 'no' },
      { kind: 'unreachable' as const, error: 'later', retryAfterMs: null },
      { kind: 'unreachable' as const, error: 'much later', retryAfterMs: 90_000 },
      { kind: 'unknown' as const, error: 'silence', retryAfterMs: 5_000 },
      { kind: 'dead-lettered' as const },
    ),
  })
  .map(
    ({ back, ...c }): Make =>
      (model) => ({ type: 'report-delivery', dispatchId: nameOf(model, back), ...c }),
  );

const look = fc.record({ modelProfile: profile, resumeFrom, store: findings });
const policy = fc.constantFrom(...POLICIES);

const retrying: fc.Arbitrary<Make> = fc
  .record({
    look,
    /** What the store said when the plan was looked at. */
    before: findings,
    clientRequestId: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    owner,
    windowMs,
    ifMatch: fc.constantFrom(null, null, null, 'right', 'seen', 'seen', 'several', 'stale', 'none'),
  })
  .map(
    ({ look, before, ifMatch, ...c }): Make =>
      (model, index, _now, see) => {
        const asked = lookOf(look, model);
        if (ifMatch === 'seen') see({ ...asked, evidence: before(model) });
        const { modelProfile, resumeFrom, evidence } = asked;
        const tags = tagsOf(ifMatch, model, () => see(asked));
        return retry(`dsp_${index}`, { ...c, modelProfile, resumeFrom, evidence, ifMatch: tags });
      },
  );

type Looking = typeof look extends fc.Arbitrary<infer T> ? T : never;
const lookOf = ({ modelProfile, resumeFrom, store }: Looking, model: ModelJob): Look => {
  const evidence = store(model);
  return { type: 'look', modelProfile, resumeFrom: resumeFrom(model, modelProfile, evidence), evidence };
};

const make: fc.Arbitrary<Make> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({ videoUri: fc.constantFrom('s3://v', 's3://v', 's3://other'), owner }).map(
      (c): Make =>
        () =>
          confirmUpload(c),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({ modelProfile: fc.option(profile), owner, windowMs }).map(
      (c): Make =>
        (_model, index) =>
          run(`dsp_${index}`, c),
    ),
  },
  { weight: 4, arbitrary: retrying },
  {
    weight: 1,
    arbitrary: look.map(
      (looking): Make =>
        (model) =>
          lookOf(looking, model),
    ),
  },
  {
    weight: 1,
    arbitrary: policy.map(
      (next): Make =>
        () => ({ type: 'deploy', policy: next }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ owner, deliveryMayHaveStarted: fc.boolean(), really: fc.constantFrom(false, false, true) })
      // A cancelled job has little left to live through.
      .map(
        ({ really, ...c }): Make =>
          (_model, index) =>
            really || index > 25 ? cancel(c) : deadline(c),
      ),
  },
  { weight: 12, arbitrary: report },
  { weight: 6, arbitrary: delivery },
  {
    weight: 2,
    arbitrary: fc.boolean().map(
      (deliveryMayHaveStarted): Make =>
        () =>
          deadline({ deliveryMayHaveStarted }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({ owner, deliveryMayHaveStarted: fc.boolean() }).map(
      (c): Make =>
        () =>
          abandon(c),
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({
        videoUri: fc.constantFrom('s3://v', 's3://v2', 's3://v3'),
        replaces: fc.constantFrom('s3://v', 's3://v2'),
        owner,
      })
      .map(
        (c): Make =>
          () =>
            renewVideo(c),
      ),
  },
);

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

const retried = (clientRequestId: string, patch: (model: ModelJob) => Partial<Retry> = () => ({})): Step =>
  step((model, index) => retry(`dsp_${index}`, { clientRequestId, ...patch(model) }));
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

const ONWARD: Readonly<Record<string, ReportableStatus>> = {
  UPLOADED: 'AUDIO_EXTRACTING',
  AUDIO_EXTRACTING: 'AUDIO_READY',
  AUDIO_READY: 'TRANSCRIBING',
  TRANSCRIBING: 'TRANSCRIPT_READY',
  TRANSCRIPT_READY: 'GENERATING',
  GENERATING: 'DRAFT_READY',
};
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
  resumes: fc.constantFrom('wherever', 'wherever', 'as asked'),
  reports: fc.nat(7),
  isEarly: fc.constantFrom(false, false, false, true),
  repeats: fc.constantFrom(false, false, true),
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
  { looking, looks, resumes }: Pick<Life, 'looking' | 'looks' | 'resumes'>,
  meanwhile: readonly Step[],
  nth: number,
): Step[] {
  const ask = (model: ModelJob): Look => {
    const asking = lookOf(looking, model);
    return resumes === 'wherever' ? { ...asking, resumeFrom: null } : asking;
  };
  return [
    ...(looks ? [step((model) => ask(model))] : []),
    ...meanwhile,
    ...(looks
      ? [retried(`seen-${nth}`, (model) => ({ ...model.lastLook, ...typed, ifMatch: [model.lastTag ?? ''] }))]
      : []),
    retried(`life-${nth}`, (model) => ({ ...ask(model), ...typed })),
    taken,
  ];
}
const typed = { type: 'retry' } as const;

/**
 * How a history begins: somewhere before the run; or with a pipeline that comes so far and fails, is retried, and says that
 * its retry has begun or not; or with several one after the other, under profiles of their own.
 */
const opening: fc.Arbitrary<Step[]> = fc.oneof(
  { weight: 2, arbitrary: fc.nat(3).map((steps) => [...UPLOADED_AND_RUN.slice(0, steps)]) },
  {
    weight: 4,
    arbitrary: fc
      .record({
        reports: fc.nat(7),
        fails: fc.constantFrom(true, true, true, false),
        isStuffed: fc.constantFrom(true, false, false, false, false),
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
  { weight: 4, arbitrary: fc.array(life, { minLength: 2, maxLength: 4 }).map(livedThrough) },
);
export const histories: fc.Arbitrary<Step[]> = fc
  .tuple(opening, fc.array(fc.record({ waitMs, make }), { minLength: 1, maxLength: 45, size: 'max' }))
  .map(([opened, steps]) => [...opened, ...steps]);
