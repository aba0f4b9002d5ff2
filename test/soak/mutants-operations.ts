// Planted bugs of bulk operations: jobs asked twice or too many at once, news that are lost, accounts that lie.
import type { Mutant } from './mutants-suites.ts';

export const MUTANTS_OF_OPERATIONS: readonly Mutant[] = [
  {
    bug: 'what is in flight takes no room from what is begun',
    within: 'roomOf',
    from: 'maxInFlight - inFlight',
    to: 'maxInFlight',
    suite: 'operation',
  },
  {
    bug: 'an operation is cancelled before those that were asked have answered',
    within: 'afterTime',
    from: `if (state === 'cancelling') {
    return isAtRest ?`,
    to: `if (state === 'cancelling') {
    return inFlight === 0 ?`,
    suite: 'operation',
  },
  {
    bug: 'one that is cancelled does not look who has begun',
    within: 'toAsk',
    from: `return { jobIds, what: 'news' };`,
    to: `return { jobIds: [], what: 'news' };`,
    suite: 'operation',
  },
  {
    bug: 'what a pipeline does behind its draft makes another of what has succeeded',
    within: 'afterNews',
    from: 'isEnded(item) && item.dispatchId === news.id',
    to: 'false as boolean',
    suite: 'bulkJobs',
  },
  {
    bug: 'what moves on is counted where it was, too',
    within: 'move',
    from: 'jobs: -1',
    to: 'jobs: 0',
    suite: 'operation',
  },
  {
    bug: 'a job that did not get through is left where it was, before all others, for ever',
    within: 'notReached',
    from: 'tries >= MOST_TRIES',
    to: 'tries < 0',
    suite: 'operation',
  },
  {
    bug: 'after an outage all are begun at once',
    within: 'toAsk',
    from: 'if (operation.pauses > 0)',
    to: 'if (operation.pauses < 0)',
    suite: 'bulkCourse',
  },
  {
    bug: 'a job is asked under another id each time',
    within: 'requestIdOf',
    from: '{ id }: Operation, jobId: string): string =>',
    to: '{ id }: Operation, jobId: string): string => Date.now() +',
    suite: 'operations',
  },
  {
    bug: 'an alarm stands only when those that are asked know it',
    within: 'goOn',
    from: 'this.#arm(questions.length > 0);',
    to: 'setTimeout(() => this.#arm(), 1);',
    suite: 'operations',
  },
  {
    bug: 'an operation that was frozen and not begun is forgotten by its project',
    within: 'toBegin',
    from: 'this.#store.operations.unheardOf()',
    to: '[]',
    suite: 'operations',
  },
  {
    bug: 'a job does not tell its operation how its dispatch ended',
    from: 'new Tellings(this.#list, this.#news)',
    to: 'new Tellings(this.#list)',
    suite: 'bulkJobs',
  },
  {
    bug: 'whoever knows an operation’s id may pause it',
    within: 'command',
    from: 'ownedBy(this.#store.operation(), by.owner)',
    to: 'this.#store.operation()',
    suite: 'leaks',
  },
  {
    bug: 'a repeat of the request begins another operation',
    within: 'begun',
    from: 'if (listed === null) return null;',
    to: 'if (listed === null || listed.shown?.endedAt) return null;',
    suite: 'bulk',
  },
  {
    bug: 'nothing of an erased job is kept but its id',
    within: 'move',
    from: `after.state === 'erased' ? \`\${ERASED}\${crypto.randomUUID()}\` : after.jobId`,
    to: `after.state === 'erased' ? \`\${ERASED}\${before.jobId}\` : after.jobId`,
    suite: 'bulkJobs',
  },
];
