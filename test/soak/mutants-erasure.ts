// Planted bugs of erasure: jobs that half go, come back, or go too early, and whoever is not told.
import type { Mutant } from './mutants-suites.ts';

export const MUTANTS_OF_ERASURE: readonly Mutant[] = [
  {
    bug: 'a job that is marked to go is still found',
    within: 'decide',
    from: 'view === null || (view.job.erasure !== null && !endsErased(command))',
    to: 'view === null',
    suite: 'model',
  },
  {
    bug: 'the pipeline of a draft goes on when its job is erased',
    within: 'erase',
    from: 'mayGoOn ? stopped(null, subject, true, rules, now) : []',
    to: '[]',
    suite: 'model',
  },
  {
    bug: 'a plan of a job that is erased while the store is asked fails',
    within: 'plan',
    from: 'if (job === null) return NOT_FOUND;',
    to: `if (job === null) throw new Error('gone');`,
    suite: 'simulation',
  },
  {
    bug: 'a job at work is erased',
    within: 'refuseErasure',
    from: 'open === null && isResting(status)',
    to: 'open === null || isResting(status)',
    suite: 'model',
  },
  {
    bug: 'an ended job goes a day early',
    within: 'keptUntil',
    from: '+ keepEndedMs',
    to: '+ keepEndedMs - 86_400_000',
    suite: 'retention',
  },
  {
    bug: 'a job deletes what it stored although its project still lists it',
    from: '|| !this.#others.isTold',
    to: '',
    suite: 'simulation',
  },
  {
    bug: 'an erasure that was cut short is due never again',
    from: 'listAt, this.#erasing.dueAt(now)',
    to: 'listAt',
    suite: 'simulation',
  },
  {
    bug: 'a late push lists an erased job again',
    within: 'putSummaries',
    from: 'if (this.isGone(summary.id)) gone.add(summary.id); else this.#jobs.put(summary)',
    to: 'this.#jobs.put(summary)',
    suite: 'erasure',
  },
  {
    bug: 'the key of an erased job creates another',
    from: 'this.#store.isGone(jobId) ? erasedBefore(jobId) : null',
    to: 'null',
    suite: 'erasure',
  },
  {
    bug: 'the corrections of an erased job stay in the store',
    from: 'if (artifacts) await deleteBelow(artifacts, editsOf(job.id));',
    to: 'if (!artifacts) await Promise.resolve();',
    suite: 'erasure',
  },
  {
    bug: 'the project names an erased job in its operations',
    within: 'forget',
    from: 'this.#store.operations.strike(listed, jobId);',
    to: '',
    suite: 'erasedElsewhere',
  },
  {
    bug: 'an operation names an erased job',
    within: 'forget',
    from: 'await operationObject(this.#env, listed.id).forget(jobId);',
    to: '',
    suite: 'erasedElsewhere',
  },
  {
    bug: 'a job whose project went before it stays as an orphan',
    from: `if (answer === 'gone') this.disowned();`,
    to: `if (answer === 'gone') return;`,
    suite: 'erasedProjects',
  },
];
