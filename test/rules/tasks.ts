// What a pipeline is asked for: a draft, another draft, or the draft in other forms; and that whoever goes on with it is asked for the
// same, and told all of it.
import type { CaseDispatch, Exporting, JobCase } from './case.ts';
import { isAtOrPast, WITHDRAWN } from './protocol.ts';
import { rule } from './rule.ts';

export type Task = { kind: 'draft' | 'redraft' } | ({ kind: 'export' } & Exporting);

export const TASK_RULES = {
  'an export is for the formats and params that were asked for': rule({
    kind: 'doubled',
    promise: 'S3',
    *broken({ dispatches, calls }) {
      for (const { id, kind, request, exports } of dispatches) {
        if (kind !== 'export') continue;
        const asked = calls.find((call) => call.operation === 'export' && call.request === request);
        if (asked && inWords(asked.exports ?? null) === inWords(exports)) continue;
        yield `${id} is for ${inWords(exports)}, and asked was ${inWords(asked?.exports ?? null)}`;
      }
    },
  }),
  'a retry goes on with what was not done': rule({
    kind: 'lost',
    promise: 'S2',
    *broken(jobCase) {
      for (const dispatch of jobCase.dispatches) {
        if (dispatch.kind === 'export') continue;
        const unfinished = exportsIn(taskOf(dispatch, jobCase));
        if (inWords(unfinished) === inWords(dispatch.exports)) continue;
        yield `${dispatch.id} is for ${inWords(dispatch.exports)}, and left to do was ${inWords(unfinished)}`;
      }
    },
  }),
  'the orchestrator is told what a dispatch is for': rule({
    kind: 'lost',
    promise: 'S2',
    *broken({ dispatches, requests }) {
      for (const { dispatchId, type, exports } of requests) {
        const dispatch = dispatches.find(({ id }) => id === dispatchId);
        if (!dispatch || type === 'job.cancel') continue;
        if (type !== `job.${dispatch.kind}`)
          yield `${dispatchId} is a ${dispatch.kind}, and was sent as ${type}`;
        if (inWords(exports) === inWords(dispatch.exports)) continue;
        yield `${dispatchId} is for ${inWords(dispatch.exports)}, and was sent ${inWords(exports)}`;
      }
    },
  }),
  'a redo has the draft made again': rule({
    kind: 'checkpoint',
    promise: 'S9',
    *broken({ dispatches }) {
      for (const { id, kind, resumeFrom } of dispatches) {
        if (kind !== 'redo' || !isAtOrPast(resumeFrom ?? '', 'DRAFT_READY')) continue;
        yield `${id} is to make a draft, and begins at ${resumeFrom}`;
      }
    },
  }),
};

const exportsIn = (task: Task): Exporting | null => (task.kind === 'export' ? task : null);

const inWords = (exporting: Exporting | null): string =>
  exporting === null ? 'nothing' : `${[...exporting.formats].join('+')} ${exporting.params ?? ''}`.trim();

/** What a dispatch was for. A retry goes on with what the pipeline that moved the job last has not done. */
export function taskOf(dispatch: CaseDispatch, jobCase: JobCase): Task {
  switch (dispatch.kind) {
    case 'run':
      return { kind: 'draft' };
    case 'redo':
      return { kind: 'redraft' };
    case 'export':
      return { kind: 'export', ...(dispatch.exports ?? { formats: [], params: null }) };
    case 'retry': {
      const { dispatches } = jobCase;
      const before = dispatches.slice(0, dispatches.indexOf(dispatch));
      const mover = before.findLast((other) => hasMoved(other, jobCase));
      const task = mover ? taskOf(mover, jobCase) : null;
      return task && mover && !isDone(task, mover, jobCase) ? task : { kind: 'draft' };
    }
    default:
      return dispatch.kind satisfies never;
  }
}

/** Whether the job went on because of it, or failed for it. */
const hasMoved = ({ id, state }: CaseDispatch, { trail }: JobCase): boolean =>
  state !== WITHDRAWN && trail.some(({ dispatchId }) => dispatchId === id);

/** A checkpoint that is restated is where a pipeline begins. */
function isDone(task: Task, { id, kind, resumeFrom }: CaseDispatch, { trail }: JobCase): boolean {
  return trail.some(({ dispatchId, actor, from, to }) => {
    if (dispatchId !== id || actor !== 'orchestrator') return false;
    // The draft is there for it, and no more.
    if (task.kind === 'export') return to === 'DONE' || to === 'EDITING';
    const isRestated = kind === 'retry' && from === 'FAILED' && to === resumeFrom;
    return !isRestated && ['DRAFT_READY', 'EDITING', 'DONE'].includes(to);
  });
}
