// Planted bugs of what editors ask for: whose a job is, what is a repeat, and what a cancel leaves behind.
import type { Mutant } from './mutants-suites.ts';

export const MUTANTS_OF_EDITORS: readonly Mutant[] = [
  {
    bug: 'the idempotency key is not stored with the intent',
    from: 'requestKeyOf(recent) === requestKey',
    to: 'false',
    suite: 'simulation',
  },
  {
    bug: 'the idempotency key stays after the dispatch was withdrawn',
    from: '!isWithdrawn(recent) &&',
    to: '',
    suite: 'acceptance',
  },
  {
    bug: 'cancel forgets the dispatch',
    from: `move(ended, 'CANCELLED', now)`,
    to: 'ended',
    suite: 'model',
  },
  {
    bug: 'the owner is checked after the read of a replay',
    from: '!ownedBy(view.job, command.owner)',
    to: '$& && !view.subject',
    suite: 'model',
  },
  {
    bug: 'a job is read without asking whose it is',
    within: 'ifOwned',
    from: 'ownedBy(effects.lookedAfter(), owner)',
    to: 'this.effects.lookedAfter()',
    suite: 'leaks',
  },
  {
    bug: 'history steps back with the clock, and dispatches are told apart by it',
    from: 'Math.max(now, (job.latestDispatchAt ?? 0) + 1, (job.latestEditAt ?? 0) + 1)',
    to: 'now',
    suite: 'model',
  },
  {
    bug: 'an earlier dispatch frees its request when a newer one is made',
    from: 'requestKeyOf(dispatch)',
    to: `'withdrawn:' + dispatch.id`,
    suite: 'simulation',
  },
  {
    bug: 'a renewal is offered of a job that is at work',
    within: 'others',
    from: 'videoUri !== null && isAtRest &&',
    to: 'videoUri !== null &&',
    suite: 'model',
  },
];
