// Planted bugs of what people correct, have made again and have exported: corrections that are doubled, lost, unproven or passed
// over, and pipelines that are asked for something else than was left to do.
import type { Mutant } from './mutants-suites.ts';

export const MUTANTS_OF_CORRECTIONS: readonly Mutant[] = [
  {
    bug: 'a correction is taken without asking the store',
    within: 'withProof',
    from: 'await evidenceOf(named, () => named, boundStore(this.#env))',
    to: 'NO_EVIDENCE',
    suite: 'simulation',
  },
  {
    bug: 'a repeated correction makes another version',
    from: 'this.#history.edit(command.clientRequestId)',
    to: 'null',
    suite: 'simulation',
  },
  {
    bug: 'the history of a correction is not written',
    within: 'add',
    from: 'edit ? ofEdit(edit) : null',
    to: 'null',
    suite: 'simulation',
  },
  {
    bug: 'two who correct one version at once both get through',
    within: 'refuseEdit',
    from: 'edits !== newest.version',
    to: 'edits > newest.version',
    suite: 'histories',
  },
  {
    bug: 'a pipeline of before a correction goes on',
    within: 'isCurrent',
    from: 'subject.createdAt <= (job.latestEditAt ?? 0)',
    to: 'false',
    suite: 'simulation',
  },
  {
    bug: 'what is to be looked past is not looked past',
    within: 'wishOf',
    from: 'asked), discardEdits }',
    to: 'asked), discardEdits: [] }',
    suite: 'simulation',
  },
  {
    bug: 'a correction is passed over although nobody said so',
    within: 'refuseLoss',
    from: 'edits.length === 0',
    to: 'true',
    suite: 'simulation',
  },
  {
    bug: 'a stored dispatch forgets which corrections it was to look past',
    within: 'toStoredPlan',
    from: '...(discardEdits.length > 0 ? { discardEdits } : {}),',
    to: '',
    suite: 'simulation',
  },
  {
    bug: 'a stored dispatch forgets what it is for',
    within: 'toStoredDispatch',
    from: '...(task.kind === DRAFT.kind ? {} : { task }),',
    to: '',
    suite: 'simulation',
  },
  {
    bug: 'a retry of an export forgets what it was to export',
    from: `unfinishedTask: !isOpen(dispatch) ?`,
    to: `unfinishedTask: command.status === 'FAILED' ? DRAFT : !isOpen(dispatch) ?`,
    suite: 'simulation',
  },
  {
    bug: 'an export is asked for without its params',
    from: 'params: params ? JSON.stringify(params) : null',
    to: 'params: null',
    suite: 'histories',
  },
  {
    bug: 'a sign of life that comes again takes a finished redo back to work',
    within: 'leadsBack',
    from: `(state === 'SETTLED' && to === WORKS_IN[task.kind])`,
    to: 'false',
    suite: 'simulation',
  },
];
