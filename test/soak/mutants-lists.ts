// Planted bugs of what a job is called by, and of how it is found: its labels and external id, the list of its project, pages,
// filters and counts.
import type { Mutant } from './mutants-suites.ts';

export const MUTANTS_OF_LISTS: readonly Mutant[] = [
  {
    bug: 'what lies behind the first piece of a list is never read',
    from: 'piece.length < most',
    to: 'piece.length <= most',
    suite: 'lists',
  },
  {
    bug: 'a page that came to its bound says that it was the last',
    from: 'return { items, next: job };',
    to: 'return { items, next: null };',
    suite: 'lists',
  },
  {
    bug: 'a job that moved on is counted where it was, too',
    from: 'if (known !== null) count(this.#counts, known, -1);',
    to: '',
    suite: 'lists',
  },
  {
    bug: 'a tag that was taken away still leads to its job',
    from: 'before.filter((known) => !tags.includes(known))',
    to: '$&.slice(1)',
    suite: 'lists',
  },
  {
    bug: 'a failure is looked for among all jobs, whatever their status',
    from: 'isOfFailure ?',
    to: 'isOfFailure && false ?',
    suite: 'lists',
  },
  {
    bug: 'a list does not hear of other metadata',
    from: 'isSame(a.metadata, b.metadata) &&',
    to: '',
    suite: 'simulation',
  },
  {
    bug: 'an external id is given away although its job is there',
    from: 'says.externalId === externalId ? taken : null',
    to: 'null',
    suite: 'externalIds',
  },
  {
    bug: 'an external id is kept for nobody before its job is listed',
    from: 'this.#store.reserve(externalId, jobId, now);',
    to: '',
    suite: 'externalIds',
  },
  {
    bug: 'who was admitted while the holder of an external id was asked is not looked at',
    from: 'holder?.jobId === before?.jobId && holder?.at === before?.at ? said : null',
    to: 'said',
    suite: 'externalIds',
  },
  {
    bug: 'labels are changed whatever the job is by now',
    from: `if (ifMatch && !ifMatch.includes(etag)) return reject({ code: 'JOB_CHANGED', etag });`,
    to: '',
    suite: 'model',
  },
  {
    bug: 'a change of metadata leaves nothing of what was there',
    from: '{ ...metadata, ...changes.metadata }',
    to: '{ ...changes.metadata }',
    suite: 'simulation',
  },
];
