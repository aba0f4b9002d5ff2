// Random histories of one job, and what has to hold after every step of them: the same answer and state as the
// independent model, and the invariants that spec/ states.
import fc from 'fast-check';
import type { Command } from '../../src/domain/commands.ts';
import type { Decision } from '../../src/domain/decision.ts';
import { isOpen } from '../../src/domain/dispatch.ts';
import { brokenInvariant, type Present } from '../../src/domain/invariants.ts';
import { REPORTABLE_STATUSES, type ReportableStatus } from '../../src/domain/lifecycle.ts';
import { awaited, nextWakeUp } from '../../src/domain/timeouts.ts';
import { holds } from '../rules/holds.ts';
import { callback, cancel, confirmUpload, delivered, NO_ARTIFACTS, retry, run } from './builders.ts';
import { MemoryJob, type MemoryState, OWNER, RULES } from './memory-job.ts';
import { ModelJob } from './model.ts';

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
/** Mostly one that may follow, so that histories get somewhere. */
const statusOf = (model: ModelJob, n: number, lawful: boolean): ReportableStatus => {
  const all: readonly string[] = REPORTABLE_STATUSES;
  const next = lawful ? model.nextStatuses().filter((status) => all.includes(status)) : all;
  return (next[n % next.length] ?? all[n % all.length]) as ReportableStatus;
};

const report = fc
  .record({
    back: age,
    status: fc.nat(11),
    lawful: fc.constantFrom(true, true, true, true, false),
    // Milliseconds before or after the present, on the orchestrator's own clock.
    skewMs: fc.constantFrom(0, 0, 0, 3_000, -3_000, -600_000),
    event: fc.option(fc.nat(3), { freq: 5 }),
    digest: fc.constantFrom('x', 'x', 'x', 'y'),
    uri: fc.option(fc.constantFrom('s3://1', 's3://2'), { freq: 3 }),
    progressPct: fc.constantFrom(null, null, 40),
    actor: fc.constantFrom('orchestrator' as const, 'orchestrator' as const, 'system' as const),
  })
  .map(
    (c): Make =>
      (model, index, now) => {
        const uri = c.uri && `${c.uri}/${index % 7}`;
        return callback(nameOf(model, c.back), statusOf(model, c.status, c.lawful), {
          occurredAt: now + c.skewMs,
          // A few ids come again and again, as repeats and as clashes.
          eventId: c.event === null ? `event-of-${index}` : `event-${c.event}`,
          payloadDigest: c.digest,
          artifacts: { ...NO_ARTIFACTS, audioUri: uri, transcriptUri: uri, draftUri: uri },
          artifactsJson: uri && JSON.stringify({ uri }),
          progressPct: c.progressPct,
          actor: c.actor,
        });
      },
  );

const delivery = fc
  .record({
    back: age,
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
            really || index > 25 ? cancel(c) : { type: 'deadline' },
      ),
  },
  { weight: 12, arbitrary: report },
  { weight: 6, arbitrary: delivery },
  { weight: 2, arbitrary: fc.constant<Make>(() => ({ type: 'deadline' })) },
);

const waitMs = fc.constantFrom(0, 0, 1, 1, 500, 10_000, 61_000, 700_000, 4_000_000, -1, -5_000);

const step = (make: Make): Step => ({ waitMs: 1, make });
const reportOf = (status: ReportableStatus): Step =>
  step((model, _index, now) => callback(nameOf(model, 1), status, { occurredAt: now }));

/** Most histories begin where there is something to do. */
const opening: Step[] = [
  step(() => confirmUpload({ videoUri: 's3://v' })),
  step((_model, index) => run(`dsp_${index}`)),
  step((model) => delivered(nameOf(model, 1))),
  reportOf('AUDIO_READY'),
  reportOf('TRANSCRIBING'),
  reportOf('FAILED'),
  step((_model, index) => retry(`dsp_${index}`, { clientRequestId: 'a' })),
];

export const histories: fc.Arbitrary<Step[]> = fc
  .tuple(
    fc.constantFrom(0, 1, 2, 3, 3, 4, 6, 6, 7, 7),
    fc.array(fc.record({ waitMs, make }), { minLength: 1, maxLength: 60, size: 'max' }),
  )
  .map(([opened, steps]) => [...opening.slice(0, opened), ...steps]);

/** Lives through the history and checks every step; throws at the first that breaks a promise. Counts the answers. */
export function live(history: readonly Step[], answers: Map<string, number>): void {
  const job = new MemoryJob();
  const model = new ModelJob(OWNER);
  let now = 0;
  for (const [index, { waitMs, make }] of history.entries()) {
    now += waitMs;
    const before = job.state;
    const command = make(model, index, now);
    const effective = model.effective;
    const decision = job.execute(command, now);
    const answer = model.apply(command, now);
    const count = `${command.type} ${answer}`;
    answers.set(count, (answers.get(count) ?? 0) + 1);

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
    failure: job.failure?.failureCode ?? null,
    progress: job.progressPct,
    checkpoints: Object.fromEntries(
      Object.entries(job.checkpoints)
        .map(([status, checkpoint]) => [status, checkpoint?.ref])
        .sort(),
    ),
    open: job.openDispatchId,
    awaits: awaited(job, open, RULES),
    latest: job.latestCallback && [job.latestCallback.dispatchId, job.latestCallback.occurredAt],
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
    failure: model.failure,
    progress: model.progress,
    checkpoints: Object.fromEntries(Object.entries(model.checkpoints).sort()),
    open: model.open?.id ?? null,
    awaits: awaits && { kind: awaits.what, until: awaits.until },
    latest: model.latest && [model.latest.dispatch, model.latest.at],
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
  // What editors see of the job changes exactly when its revision does; a withdrawn dispatch leaves it as it was.
  const visible = ({ openDispatchId: _open, latestDispatchAt: _latest, ...job }: MemoryState['job']) =>
    JSON.stringify(job);
  if (after.job.revision === before.job.revision) {
    holds('without a new revision the job looks the same', visible(after.job) === visible(before.job));
  } else holds('revisions rise', after.job.revision > before.job.revision);
  holds('history does not step back', after.job.updatedAt >= before.job.updatedAt);
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
