// The planted bugs: what a checker must not let pass, each with the suite that has to turn red. Anchors are as small as
// says the rule, so that they stay valid wherever it moves.
import type { Planted } from './mutants-planting.ts';

export const SUITES = {
  model: { project: 'pure', files: ['test/domain/histories.test.ts'] },
  simulation: { project: 'simulation', files: ['test/simulation'] },
  contract: { project: 'pure', files: ['test/contract'] },
  alarms: {
    project: 'workerd',
    files: ['test/actor/alarm-clock.test.ts', 'test/actor/lost-alarms.test.ts', 'test/actor/listing.test.ts'],
  },
  callbacks: { project: 'workerd', files: ['test/actor/callbacks.test.ts'] },
  deadlines: { project: 'workerd', files: ['test/actor/deadlines.test.ts'] },
  delivery: { project: 'workerd', files: ['test/dispatch'] },
  histories: { project: 'workerd', files: ['test/faults'] },
  leaks: { project: 'workerd', files: ['test/http/no-leak.test.ts'] },
  acceptance: { project: 'workerd', files: ['test/http/acceptance.test.ts'] },
} as const satisfies Record<string, { project: string; files: readonly string[] }>;
export type SuiteName = keyof typeof SUITES;

export interface Mutant extends Planted {
  /** Which has to find it. */
  suite: SuiteName;
}

export const MUTANTS: readonly Mutant[] = [
  {
    bug: 'the claim does not ask whether the dispatch is still wanted',
    from: `state === 'PENDING' ? deliverUntil : null`,
    to: 'deliverUntil',
    suite: 'delivery',
  },
  {
    bug: 'two copies of a message are delivered side by side',
    from: `held?.kind === 'claimed'`,
    to: 'false',
    suite: 'delivery',
  },
  {
    bug: 'the fence is skipped: any dispatch of the job may report',
    from: '!subjectSuperseded &&',
    to: '',
    suite: 'simulation',
  },
  {
    bug: 'a timed out pipeline may go on',
    from: `subject.state === 'SETTLED'`,
    to: `$& || subject.state === 'TIMED_OUT'`,
    suite: 'model',
  },
  {
    bug: 'the idempotency key is not stored with the intent',
    from: 'requestKeyOf(newest) === requestKey',
    to: 'false',
    suite: 'simulation',
  },
  {
    bug: 'the idempotency key stays after the dispatch was withdrawn',
    from: `newest.state !== 'UNDELIVERABLE' &&`,
    to: '',
    suite: 'acceptance',
  },
  {
    bug: 'the effective status is ignored',
    from: 'open.resumeFromStatus',
    to: 'job.status',
    suite: 'model',
  },
  {
    bug: 'the deadline is not re-armed',
    within: 'rang',
    from: 'alarm.rang();',
    to: '',
    suite: 'simulation',
  },
  {
    bug: 'the alarm is moved to the later of two deadlines',
    from: 'at < known',
    to: 'at > known',
    suite: 'simulation',
  },
  {
    bug: 'the transaction is split in two: the job’s row follows its history later',
    from: `sql.exec('UPDATE job SET record = ?', encodePresent(after))`,
    to: 'queueMicrotask(() => $&)',
    suite: 'simulation',
  },
  {
    bug: 'a replayed callback is compared without its payload',
    from: 'known.payloadDigest === command.payloadDigest',
    to: `known.payloadDigest !== ''`,
    suite: 'model',
  },
  {
    bug: 'a replayed retry is compared without its payload',
    from: 'command.modelProfile === subject.modelProfile',
    to: `$& || subject.kind === 'retry'`,
    suite: 'model',
  },
  {
    bug: 'applied callbacks are not remembered',
    from: 'event?.eventId ??',
    to: 'crypto.randomUUID() ??',
    suite: 'callbacks',
  },
  {
    bug: 'cancel forgets the dispatch',
    from: `move(ended, 'CANCELLED', now)`,
    to: 'ended',
    suite: 'model',
  },
  {
    bug: 'cancel does not tell a pipeline whose delivery was under way',
    from: '!madeHere.has(id) || everClaimed.has(id) ||',
    to: '',
    suite: 'simulation',
  },
  {
    bug: 'the owner is checked after the read of a replay',
    from: '!ownedBy(view.job, command.owner)',
    to: '$& && !view.subject',
    suite: 'model',
  },
  {
    bug: 'a job is read without asking whose it is',
    within: 'show',
    from: 'ownedBy(store.job(), owner)',
    to: 'this.#store.job()',
    suite: 'leaks',
  },
  {
    bug: 'any callback token of the right form passes',
    from: 'isMac(bytes, key, message(jobId, dispatchId))',
    to: '$& || true',
    suite: 'contract',
  },
  {
    bug: 'an unknown outcome counts as delivered',
    within: 'reportDelivery',
    from: 'command, rules',
    to: `command.outcome.kind === 'unknown' ? { ...command, outcome: { kind: 'delivered', executionId: null } } : $&`,
    suite: 'simulation',
  },
  {
    bug: 'what the queue lost is not sent again',
    from: 'await send(undelivered);',
    to: '',
    suite: 'deadlines',
  },
  {
    bug: 'a second pipeline may be opened beside the first',
    within: 'askForPipeline',
    from: 'open ||',
    to: '',
    suite: 'model',
  },
  {
    bug: 'a withdrawn dispatch stays the open one',
    within: 'withdraw',
    from: 'openDispatchId: null',
    to: '',
    suite: 'model',
  },
  {
    bug: 'a report that is older than the last is applied',
    from: 'command.occurredAt < latest.occurredAt',
    to: 'command.occurredAt < 0',
    suite: 'model',
  },
  {
    bug: 'a retry resumes from the nearest checkpoint instead of the furthest',
    from: 'CHECKPOINT_STATUSES.toReversed()',
    to: 'CHECKPOINT_STATUSES',
    suite: 'model',
  },
  {
    bug: 'the model policy is not asked for a retry',
    from: 'modelProfile, start?.status ?? null',
    to: 'modelProfile, null',
    suite: 'model',
  },
  {
    bug: 'history steps back with the clock, and dispatches are told apart by it',
    from: 'Math.max(now, (job.latestDispatchAt ?? 0) + 1)',
    to: 'now',
    suite: 'model',
  },
  {
    bug: 'the summary is pushed once and not again',
    from: 'now + pushBackoffMs(failures)',
    to: 'null',
    suite: 'simulation',
  },
  {
    bug: 'an earlier dispatch frees its request when a newer one is made',
    from: 'requestKeyOf(dispatch)',
    to: `'withdrawn:' + dispatch.id`,
    suite: 'simulation',
  },
  {
    bug: 'a report is answered although the workspace has not heard of it and no alarm is set',
    within: 'applyCallback',
    from: 'await effects.list();',
    to: '{}',
    suite: 'callbacks',
  },
  {
    bug: 'a lost memory under a request is a 500',
    from: '|| durableObjectReset',
    to: '',
    suite: 'histories',
  },
  {
    bug: 'a failed pipeline reports itself back to life',
    from: 'effectiveStatus(job, isOpen(dispatch) ? dispatch : null)',
    to: `job.status === 'FAILED' ? 'TRANSCRIBING' : $&`,
    suite: 'simulation',
  },
  {
    bug: 'a withdrawn dispatch may still report',
    from: `subject.state === 'SETTLED'`,
    to: `$& || subject.state === 'UNDELIVERABLE'`,
    suite: 'simulation',
  },
  {
    bug: 'a late ghost is not told to stop',
    from: `subject.state === 'UNDELIVERABLE' ||`,
    to: '',
    suite: 'model',
  },
  {
    bug: 'a null in a report clears an artifact',
    from: 'artifacts.audioUri ?? manifest.audioUri',
    to: 'artifacts.audioUri',
    suite: 'model',
  },
  {
    bug: 'a caller waits longer than the wait',
    within: 'outcomeOf',
    from: '}, waitMs',
    to: '$& + 5_000',
    suite: 'simulation',
  },
  {
    bug: 'a restated draft is taken for an arrival: its pipeline is watched by nobody',
    from: 'isResting(status) && !isRestated',
    to: 'isResting(status)',
    suite: 'model',
  },
  {
    bug: 'a report that follows is refused for its reporter’s clock',
    from: 'isOlder && (refusal !== null || isBefore(command.status, current))',
    to: 'isOlder',
    suite: 'model',
  },
  {
    bug: 'a settled pipeline may report for ever',
    from: 'now - (job.lastProgressAt ?? now) <= rules.lateReportMs',
    to: 'true',
    suite: 'model',
  },
  {
    bug: 'a manifest grows without limit',
    from: 'after !== before && isTooLarge(after)',
    to: 'false',
    suite: 'model',
  },
  {
    bug: 'an artifact that comes behind its checkpoint is passed over',
    from: 'brought !== known || isReached ? brought : null',
    to: 'isReached ? brought : null',
    suite: 'model',
  },
  {
    bug: 'a silent pipeline is not told to stop',
    from: `tellToStop(move(silent, 'TIMED_OUT', now), rules, now)`,
    to: `move(silent, 'TIMED_OUT', now)`,
    suite: 'model',
  },
  {
    bug: 'a pipeline that may have been taken before its dispatch was withdrawn is not told to stop',
    from: 'mayBeTaken ? tellToStop(moved, rules, now) : moved',
    to: 'moved',
    suite: 'model',
  },
  {
    bug: 'a settled pipeline is not told of a cancel',
    from: 'open ?? settled',
    to: 'open',
    suite: 'model',
  },
  {
    bug: 'a dead letter ends a delivery that has time left',
    from: 'updated(job, { ...subject, lastError, updatedAt: now })',
    to: 'withdraw(job, { ...subject, lastError }, false, rules, now)',
    suite: 'model',
  },
  {
    bug: 'an alarm that is long overdue is relied on to come',
    from: 'if (isLost(known, now)) return soonest;',
    to: '',
    suite: 'alarms',
  },
  {
    bug: 'a missing alarm is not set by who touches the job next',
    from: 'if (this.#alarm.isAbsent) this.#arm({ tells: false });',
    to: '',
    suite: 'alarms',
  },
  {
    bug: 'a call that hangs is waited for without limit',
    from: 'Promise.race([call, over])',
    to: 'call',
    suite: 'alarms',
  },
];
