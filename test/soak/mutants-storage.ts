// Planted bugs of what a job keeps and of what wakes it: its rows, their earlier versions, its alarm, and the list of its
// project.
import type { Mutant } from './mutants-suites.ts';

export const MUTANTS_OF_STORAGE: readonly Mutant[] = [
  {
    bug: 'a dispatch is forgotten when a newer one is made',
    from: '[changes.opened, after.newest]',
    to: '[changes.opened, null]',
    suite: 'simulation',
  },
  {
    bug: 'a dispatch is forgotten when a second newer one is made',
    from: 'changes.opened ? after.previous : null',
    to: 'null as Dispatch | null',
    suite: 'simulation',
  },
  {
    bug: 'what becomes of the dispatch before the newest is stored in a table that may not be there',
    from: 'else if (dispatch.id === after.previous?.id) after.previous = dispatch;',
    to: '',
    suite: 'simulation',
  },
  {
    bug: 'a cancel of the dispatch before the newest is not delivered',
    from: 'this.#recent.filter(isNotified)',
    to: 'this.#recent.slice(0, 1).filter(isNotified)',
    suite: 'simulation',
  },
  {
    bug: 'a cancel is not delivered once its dispatch has a row of its own',
    from: 'if (isNotified(followed)) after.earlierNotices += 1;',
    to: '',
    suite: 'simulation',
  },
  {
    bug: 'a withdrawn retry supersedes the pipeline before it',
    from: 'newer.createdAt > createdAt && !isWithdrawn(newer)',
    to: 'newer.createdAt > createdAt',
    suite: 'simulation',
  },
  {
    bug: 'two withdrawn retries let a superseded pipeline speak again',
    from: 'this.#earlier?.isStandingAfter(createdAt) ?? false',
    to: 'false',
    suite: 'callbacks',
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
    bug: 'the summary is pushed once and not again',
    from: 'return this.isTold ? null : now + pushBackoffMs(this.#failures);',
    to: 'return null;',
    suite: 'simulation',
  },
  {
    bug: 'the list hears of a retry only when the orchestrator has answered',
    within: 'claim',
    from: `if (said.verdict === 'deliver') this.effects.carried(dispatch);`,
    to: '',
    suite: 'finding',
  },
  {
    bug: 'an alarm that is long overdue is relied on to come',
    from: 'if (isLost(known, now)) return soonest;',
    to: '',
    suite: 'alarms',
  },
  {
    bug: 'a missing alarm is not set by who touches the job next',
    from: 'if (this.#alarm.isAbsent) this.#arm({ tells: this.#tellings.isOwed });',
    to: '',
    suite: 'lostAlarms',
  },
  {
    bug: 'the versions of before are all numbered 1',
    from: 'steps: [VERSIONS_OF_CHECKPOINTS,',
    to: `steps: [VERSIONS_OF_CHECKPOINTS.replace('row_number() OVER (PARTITION BY place ORDER BY recorded_at, seq) AS', '1 AS'),`,
    suite: 'upgrades',
  },
  {
    bug: 'an artifact of before whose stage was never passed is forgotten',
    from: 'steps: [VERSIONS_OF_CHECKPOINTS,',
    to: `steps: [VERSIONS_OF_CHECKPOINTS.replace('WHERE latest = 1', 'WHERE latest = 0'),`,
    suite: 'upgrades',
  },
];
