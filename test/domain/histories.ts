// Random histories of one job, and what has to hold after every step of them: the same answer and state as the
// independent model, and the invariants that spec/ states.
import fc from 'fast-check';
import type { Callback, Command } from '../../src/domain/commands.ts';
import type { Decision } from '../../src/domain/decision.ts';
import { isOpen } from '../../src/domain/dispatch.ts';
import { brokenInvariant, type Present } from '../../src/domain/invariants.ts';
import { REPORTABLE_STATUSES, type ReportableStatus } from '../../src/domain/lifecycle.ts';
import { awaited, nextWakeUp } from '../../src/domain/timeouts.ts';
import { holds } from '../rules/holds.ts';
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
import { MemoryJob, type MemoryState, OWNER, RULES } from './memory-job.ts';
import { ModelJob } from './model.ts';
import { situationsOf } from './situations.ts';

/** A step knows the job only through the model, from which it picks what is worth trying. */
type Make = (model: ModelJob, index: number, now: number) => Command;
export interface Step {
  /** Negative when the clock steps back. */
  waitMs: number;
  make: Make;
}

const owner = fc.constantFrom(OWNER, OWNER, OWNER, OWNER, OWNER, 'own_mallory');
const profile = fc.constantFrom('balanced', 'balanced', 'late', 'off', 'nobody');
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
    uri: fc.option(fc.constantFrom('s3://1', 's3://2'), { freq: 3 }),
    stage: fc.constantFrom(null, 'audio', 'transcript', 'draft'),
    exports: fc.constantFrom(...Array<'none'>(20).fill('none'), 'one', 'one', 'many', 'long'),
    hasMetrics: fc.constantFrom(false, false, false, true),
    failedStage: fc.constantFrom('TRANSCRIBING', 'AUDIO_EXTRACTING', 'the cellar', null),
    progressPct: fc.constantFrom(null, null, 40),
    actor: fc.constantFrom('orchestrator' as const, 'orchestrator' as const, 'system' as const),
  })
  .map(
    (c): Make =>
      (model, index, now) => {
        const uri = c.uri && `${c.uri}/${index % 7}`;
        const status = statusOf(model, c.status, c.walk);
        return callback(nameOf(model, c.back), status, {
          occurredAt: now + c.skewMs,
          // A few ids come again and again, as repeats and as clashes.
          eventId: c.event === null ? `event-of-${index}` : `event-${c.event}`,
          payloadDigest: c.digest,
          artifacts: {
            ...NO_ARTIFACTS,
            ...(c.stage === null || c.stage === 'audio' ? { audioUri: uri } : {}),
            ...(c.stage === null || c.stage === 'transcript' ? { transcriptUri: uri } : {}),
            ...(c.stage === null || c.stage === 'draft' ? { draftUri: uri } : {}),
            // A job that is nearly full is given more than it has room for.
            exports: exportsOf(isNearlyFull(model) && index % 2 === 0 ? 'many' : c.exports, index),
            hasMetrics: c.hasMetrics,
          },
          artifactsJson: uri && JSON.stringify({ uri }),
          progressPct: c.progressPct,
          actor: c.actor,
          failure:
            status === 'FAILED'
              ? { failureCode: 'CRASHED', failureMessage: null, failedStage: c.failedStage }
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
  {
    weight: 4,
    arbitrary: fc
      .record({
        modelProfile: profile,
        clientRequestId: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
        owner,
        windowMs,
      })
      .map(
        (c): Make =>
          (_model, index) =>
            retry(`dsp_${index}`, c),
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

/** What a pipeline reports from the upload on, with the artifact that each checkpoint brings. */
const PATH: readonly Step[] = (
  [
    ['AUDIO_READY', { audioUri: 's3://audio' }],
    ['TRANSCRIBING', {}],
    ['TRANSCRIPT_READY', { transcriptUri: 's3://transcript' }],
    ['GENERATING', {}],
    ['DRAFT_READY', { draftUri: 's3://draft' }],
    ['EXPORTING', {}],
  ] as const
).map(([status, brought]) =>
  reportOf(status, {
    artifacts: { ...NO_ARTIFACTS, ...brought },
    artifactsJson: Object.keys(brought).length === 0 ? null : JSON.stringify(brought),
  }),
);

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

const retried = (request: string): Step =>
  step((_model, index) => retry(`dsp_${index}`, { clientRequestId: request }));
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
  step((model) => delivered(nameOf(model, 1))),
];

/**
 * How a history begins: somewhere before the run; or with a pipeline that comes so far and fails, is retried, and says that
 * its retry has begun or not.
 */
const opening: fc.Arbitrary<Step[]> = fc.oneof(
  { weight: 2, arbitrary: fc.nat(3).map((steps) => [...UPLOADED_AND_RUN.slice(0, steps)]) },
  {
    weight: 5,
    arbitrary: fc
      .record({
        reports: fc.nat(PATH.length),
        fails: fc.constantFrom(true, true, true, false),
        isStuffed: fc.constantFrom(true, false, false, false, false),
        begins: fc.constantFrom('restating', 'going on', 'not yet', 'silent'),
        isDelivered: fc.boolean(),
      })
      .map(({ reports, isStuffed, fails, begins, isDelivered }) => [
        ...UPLOADED_AND_RUN,
        ...PATH.slice(0, isStuffed ? PATH.length : reports),
        ...(isStuffed ? STUFFING : []),
        ...(fails ? [reportOf('FAILED'), retried('a')] : []),
        ...(fails && isDelivered ? [step((model) => delivered(nameOf(model, 1)))] : []),
        ...(fails && (begins === 'restating' || begins === 'going on')
          ? [begun(begins === 'restating')]
          : []),
      ]),
  },
);
export const histories: fc.Arbitrary<Step[]> = fc
  .tuple(opening, fc.array(fc.record({ waitMs, make }), { minLength: 1, maxLength: 60, size: 'max' }))
  .map(([opened, steps]) => [...opened, ...steps]);

/**
 * Lives through the history and checks every step; throws at the first that breaks a promise. Counts the answers, and the
 * situations that it has been in.
 */
export function live(
  history: readonly Step[],
  answers: Map<string, number>,
  situations: Map<string, number>,
): void {
  const job = new MemoryJob();
  const model = new ModelJob(OWNER);
  const count = (counts: Map<string, number>, what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
  let now = 0;
  for (const [index, { waitMs, make }] of history.entries()) {
    now += waitMs;
    const before = job.state;
    const command = make(model, index, now);
    const effective = model.effective;
    const decision = job.execute(command, now);
    const answer = model.apply(command, now);
    count(answers, `${command.type} ${answer}`);
    for (const situation of situationsOf(before, job.state, command, decision)) count(situations, situation);

    same('the answer', decision.kind === 'rejected' ? decision.rejection.code : decision.kind, answer);
    if (decision.kind !== 'rejected' && (command.type === 'run' || command.type === 'retry')) {
      same('the dispatch that is answered', decision.dispatch?.id, model.named);
    }
    same('the state', seen(job.state), expected(model));
    if (decision.kind === 'accepted') {
      const broken = brokenInvariant(presentOf(before), presentOf(job.state), decision.changes);
      holds(`storage refuses nothing that is decided: ${broken}`, broken === null);
    }
    checkStep(before, job.state, command, decision, effective);
    checkPresent(job, now);
    if (decision.kind === 'replayed') sameAgain(job, command, decision, now);
  }
  checkRoom(job, now);
}

const presentOf = ({ job, dispatches }: MemoryState): Present => ({ job, newest: dispatches.at(-1) ?? null });

function same(what: string, seenNow: unknown, modelled: unknown): void {
  const [a, b] = [JSON.stringify(seenNow), JSON.stringify(modelled)];
  if (a !== b) throw new Error(`${what} differs from the model's\n  job   ${a}\n  model ${b}`);
}

/** What the model knows of a job too, in the model's words. */
function seen({ job, dispatches, events, transitions }: MemoryState) {
  const { videoUri, audioUri, transcriptUri, draftUri } = job.manifest;
  const open = dispatches.find(isOpen) ?? null;
  return {
    status: job.status,
    manifest: { videoUri, audioUri, transcriptUri, draftUri },
    exports: job.manifest.exports,
    failure: job.failure?.failureCode ?? null,
    progress: job.progressPct,
    checkpoints: Object.fromEntries(
      Object.entries(job.checkpoints)
        .map(([status, checkpoint]) => [status, checkpoint?.ref])
        .sort(),
    ),
    open: job.openDispatchId,
    awaits: awaited(job, open, RULES),
    latest: job.latestCallback && [
      ...[job.latestCallback.dispatchId, job.latestCallback.occurredAt, job.latestCallback.kept],
    ],
    events: events.length,
    trail: transitions.map(
      ({ prevStatus, newStatus, actor, dispatchId }) =>
        `${prevStatus} > ${newStatus} by ${actor} of ${dispatchId}`,
    ),
    dispatches: dispatches.map((d) => [
      ...[d.id, d.kind, d.state, d.modelProfile, d.resumeFromStatus, d.checkpointRef, d.deliverUntil],
      ...[d.createdAt, d.deliveryAttempts, d.executionId, d.cancelNotice?.state ?? null],
      d.cancelNotice?.state === 'PENDING' ? [d.cancelNotice.until, d.cancelNotice.attempts] : null,
    ]),
  };
}

function expected(model: ModelJob): ReturnType<typeof seen> {
  const { awaits } = model;
  return {
    status: model.status,
    manifest: model.manifest,
    exports: model.exports,
    failure: model.failure,
    progress: model.progress,
    checkpoints: Object.fromEntries(Object.entries(model.checkpoints).sort()),
    open: model.open?.id ?? null,
    awaits: awaits && { kind: awaits.what, until: awaits.until },
    latest: model.latest && [model.latest.dispatch, model.latest.at, model.latest.kept],
    events: Object.keys(model.events).length,
    trail: model.trail,
    dispatches: model.dispatches.map((d) => [
      ...[d.id, d.kind, d.state, d.profile, d.resumeFrom, d.ref, d.until],
      ...[d.createdAt, d.attempts, d.executionId, d.notice?.state ?? null],
      d.notice?.state === 'PENDING' ? [d.notice.until, d.notice.attempts] : null,
    ]),
  } as ReturnType<typeof seen>;
}

const isPrefix = <T>(shorter: readonly T[], longer: readonly T[]): boolean =>
  shorter.length <= longer.length && shorter.every((entry, index) => longer[index] === entry);

function checkStep(
  before: MemoryState,
  after: MemoryState,
  command: Command,
  decision: Decision,
  effective: string,
): void {
  holds('a refusal and a replay change nothing', decision.kind === 'accepted' || after === before);
  if ('owner' in command && command.owner !== OWNER) {
    holds(
      'a stranger is told that there is no such job, and no more',
      JSON.stringify(decision) === '{"kind":"rejected","rejection":{"code":"RESOURCE_NOT_FOUND"}}',
    );
  }
  holds('the audit trail only grows', isPrefix(before.transitions, after.transitions));
  holds('applied callbacks stay', isPrefix(before.events, after.events));
  holds(
    'dispatches stay',
    before.dispatches.every(({ id }, index) => after.dispatches[index]?.id === id),
  );
  for (const key of ['videoUri', 'audioUri', 'transcriptUri', 'draftUri'] as const) {
    holds('artifacts only grow', before.job.manifest[key] === null || after.job.manifest[key] !== null);
  }
  holds(
    'checkpoints only grow',
    Object.keys(before.job.checkpoints).every((status) => Object.hasOwn(after.job.checkpoints, status)),
  );
  const added = after.transitions.slice(before.transitions.length);
  holds('a change of status leaves an entry', before.job.status === after.job.status || added.length > 0);
  const [first] = added;
  if (
    command.type === 'callback' &&
    first &&
    first.newStatus !== 'FAILED' &&
    before.job.status === 'FAILED'
  ) {
    holds('a failed job moves only under an open retry', effective !== 'FAILED');
  }
  if (command.type === 'deadline' || command.type === 'report-delivery') {
    checkTold(before, after);
  }
  // What editors see of the job changes exactly when its revision does; a withdrawn dispatch leaves it as it was.
  const visible = ({ openDispatchId: _open, latestDispatchAt: _latest, ...job }: MemoryState['job']) =>
    JSON.stringify(job);
  if (after.job.revision === before.job.revision) {
    holds('without a new revision the job looks the same', visible(after.job) === visible(before.job));
  } else holds('revisions rise', after.job.revision > before.job.revision);
  holds('history does not step back', after.job.updatedAt >= before.job.updatedAt);
}

/** A pipeline that time or a delivery has ended, and that may be alive, is told so. */
function checkTold(before: MemoryState, after: MemoryState): void {
  for (const [index, { state, cancelNotice, outcomeUnknown }] of after.dispatches.entries()) {
    if (before.dispatches[index]?.state === state) continue;
    const mayBeAlive = state === 'TIMED_OUT' || (state === 'UNDELIVERABLE' && outcomeUnknown);
    holds('a pipeline that may be alive is told that it was ended', !mayBeAlive || cancelNotice !== null);
  }
}

/** The most that a job's present may take of the two megabytes that a row holds. */
const MOST_PRESENT = 600_000;

/** Whatever was accepted: failure, timeout and cancel still work, and have room. */
function checkRoom(job: MemoryJob, now: number): void {
  const { state } = job;
  holds('a job leaves room in its row', JSON.stringify(state.job).length < MOST_PRESENT);
  const { open } = job;
  if (open) {
    const longest = { failureCode: 'X', failureMessage: 'x'.repeat(2_000), failedStage: 'x'.repeat(64) };
    const failed = callback(open.id, 'FAILED', { occurredAt: now + 1, failure: longest });
    holds('a pipeline can always say that it has failed', job.would(failed, now).kind === 'accepted');
  }
  if (awaited(state.job, open, RULES)) {
    const late = job.would(deadline(), now + 10 * RULES.stageTimeoutMs);
    holds('what is awaited always times out', late.kind === 'accepted');
  }
  const cancelled = job.would(cancel(), now);
  const hasEnded = state.job.status === 'DONE' || (state.job.status === 'FAILED' && open === null);
  holds('a job can always be cancelled, until it has ended', hasEnded || cancelled.kind !== 'rejected');
}

function checkPresent(job: MemoryJob, now: number): void {
  const { state } = job;
  const open = state.dispatches.filter(isOpen);
  holds('at most one dispatch is open', open.length <= 1);
  holds('the job names its open dispatch', (open[0]?.id ?? null) === state.job.openDispatchId);
  let status = 'CREATED';
  for (const { prevStatus, newStatus } of state.transitions) {
    holds('each entry of the audit trail begins where the one before it ended', prevStatus === status);
    status = newStatus;
  }
  holds('the audit trail leads to the present', status === state.job.status);
  const due = awaited(state.job, job.open, RULES);
  holds('an open dispatch has a deadline', open.length === 0 || due !== null);
  const notices = state.dispatches.filter(({ cancelNotice }) => cancelNotice?.state === 'PENDING');
  const isAwaiting = due !== null || notices.length > 0;
  const wakeUp = nextWakeUp(state.job, job.open, notices, RULES, now);
  holds('whatever is awaited wakes the job', (wakeUp !== null) === isAwaiting);
  holds(
    'creation times of dispatches rise strictly',
    state.dispatches.every(
      ({ createdAt }, i) => i === 0 || createdAt > (state.dispatches[i - 1]?.createdAt ?? 0),
    ),
  );
  const keys = state.dispatches
    .filter((d) => d.state !== 'UNDELIVERABLE')
    .map((d) => `${d.kind} ${d.clientRequestId}`);
  holds('no request is held by two dispatches', new Set(keys).size === keys.length);
}

function sameAgain(job: MemoryJob, command: Command, first: Decision, now: number): void {
  holds('a replay answers the same', JSON.stringify(job.execute(command, now)) === JSON.stringify(first));
}
