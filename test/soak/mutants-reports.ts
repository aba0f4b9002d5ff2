// Planted bugs of what pipelines report: who may, what is a repeat, and what a report does to its job.
import type { Mutant } from './mutants-suites.ts';

export const MUTANTS_OF_REPORTS: readonly Mutant[] = [
  {
    bug: 'the fence is skipped: any dispatch of the job may report',
    from: 'subjectSuperseded ||',
    to: '',
    suite: 'simulation',
  },
  {
    bug: 'the draft of a pipeline that has reported all that is kept is refused',
    from: `&& !isFailure && !isEnd`,
    to: `&& !isFailure && status !== 'DONE'`,
    suite: 'model',
  },
  {
    bug: 'a timed out pipeline may go on',
    from: `subject.state === 'SETTLED'`,
    to: `$& || subject.state === 'TIMED_OUT'`,
    suite: 'model',
  },
  {
    bug: 'the effective status is ignored',
    within: 'effectiveStatus',
    from: 'open?.resumeFromStatus',
    to: 'job.status',
    suite: 'model',
  },
  {
    bug: 'a replayed callback is compared without its payload',
    from: 'known.payloadDigest === command.payloadDigest',
    to: `known.payloadDigest !== ''`,
    suite: 'model',
  },
  {
    bug: 'applied callbacks are not remembered',
    from: 'brought?.key ??',
    to: 'crypto.randomUUID() ??',
    suite: 'callbacks',
  },
  {
    bug: 'any callback token of the right form passes',
    from: 'isMac(bytes, key, message(jobId, dispatchId))',
    to: '$& || true',
    suite: 'tokens',
  },
  {
    bug: 'a report that is older than the last is applied',
    from: 'command.occurredAt < latest.occurredAt',
    to: 'command.occurredAt < 0',
    suite: 'model',
  },
  {
    bug: 'a report made a little ahead of our clock is dated to when it came',
    from: 'occurredAt > now + CLOCK_SKEW_MS',
    to: 'occurredAt > now',
    suite: 'model',
  },
  {
    bug: 'a report is answered although the workspace has not heard of it and no alarm is set',
    within: 'applyCallback',
    from: 'await effects.listAfter(decision);',
    to: '{}',
    suite: 'callbacks',
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
    suite: 'model',
  },
  {
    bug: 'a null in a report clears an artifact',
    from: 'artifacts.audioUri ?? manifest.audioUri',
    to: 'artifacts.audioUri',
    suite: 'model',
  },
  {
    bug: 'a restated draft is taken for an arrival: its pipeline is watched by nobody',
    within: 'stateAfter',
    from: 'isRestated ||',
    to: '',
    suite: 'model',
  },
  {
    bug: 'a report that follows is refused for its reporter’s clock',
    from: 'isOlder && (refusal !== null || leadsBack(dispatch, current, command.status))',
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
    bug: 'the code of a failure is looked up among what every object has',
    within: 'classOf',
    from: 'Object.hasOwn(failureClasses, code)',
    to: 'true',
    suite: 'model',
  },
];
