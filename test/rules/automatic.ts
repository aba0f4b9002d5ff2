// What is promised of a failed job that is retried by itself: only where that is wanted, as it failed, so often and no more, and
// not once an editor has come first.

import type { CaseDispatch, JobCase } from './case.ts';
import { isAbandoned } from './dispatches.ts';
import { WITHDRAWN } from './protocol.ts';
import { rule } from './rule.ts';

export const AUTOMATIC_RULES = {
  'nothing is retried by itself where nobody wants it': rule({
    kind: 'doubled',
    promise: 'S10',
    *broken({ dispatches, automatic }) {
      if (automatic) return;
      for (const { id, isAutomatic } of dispatches) if (isAutomatic) yield `${id} was made by itself`;
    },
  }),
  'what is made by itself is a retry of what failed, under the same profile': rule({
    kind: 'doubled',
    promise: 'S10',
    *broken(jobCase) {
      for (const { id, kind, profile, before } of ofThemselves(jobCase)) {
        if (kind !== 'retry' || before === null) yield `${id} is a ${kind} after ${before?.id ?? 'nothing'}`;
        else if (before.profile !== profile)
          yield `${id} is under ${profile}, and ${before.id} failed under ${before.profile}`;
      }
    },
  }),
  'nothing is retried by itself once an editor has come first': rule({
    kind: 'doubled',
    promise: 'S10',
    *broken(jobCase) {
      for (const { id, before } of ofThemselves(jobCase)) {
        if (before?.state === 'CANCELLED') {
          const how = isAbandoned(before, jobCase.trail) ? 'given up' : 'cancelled';
          yield `${id} was made although ${before.id} was ${how}`;
        }
        const corrected = jobCase.edits.find(({ after }) => after !== null && after === before?.id);
        if (corrected) yield `${id} was made although ${corrected.stage} ${corrected.version} came first`;
      }
    },
  }),
  'no more is retried by itself than is allowed': rule({
    kind: 'doubled',
    promise: 'S10',
    *broken(jobCase) {
      const most = jobCase.automatic?.most ?? 0;
      let row = 0;
      for (const { id, isAutomatic } of standing(jobCase)) {
        row = isAutomatic ? row + 1 : 0;
        if (row > most) yield `${id} is the ${row}th in a row, and ${most} are allowed`;
      }
    },
  }),
  'what is to come has come, or does not': rule({
    kind: 'stuck',
    promise: 'L3',
    *broken({ automatic }) {
      if (automatic && automatic.dueAt !== null)
        yield `is still to be retried by itself, at ${automatic.dueAt}`;
    },
  }),
};

const standing = ({ dispatches }: JobCase): CaseDispatch[] =>
  dispatches.filter(({ state }) => state !== WITHDRAWN);

/** Each that was made by itself, with what had stood before it. */
const ofThemselves = ({ dispatches }: JobCase): (CaseDispatch & { before: CaseDispatch | null })[] =>
  dispatches.flatMap((dispatch, index) =>
    dispatch.isAutomatic
      ? [
          {
            ...dispatch,
            before: dispatches.slice(0, index).findLast(({ state }) => state !== WITHDRAWN) ?? null,
          },
        ]
      : [],
  );

const ENDS: Readonly<Record<string, string>> = {
  ...{ SETTLED: 'settled', FAILED: 'failed', TIMED_OUT: 'timed out', CANCELLED: 'was stopped' },
  [WITHDRAWN]: 'was withdrawn',
};

/** Situations of suites in which failed jobs are retried by themselves. */
export const AUTOMATIC_SITUATIONS: readonly string[] = [
  'a job was retried by itself',
  ...Object.values(ENDS).map((how) => `a retry by itself ${how}`),
  'a job was retried by itself twice in a row',
  'a retry by itself passed over a file that was gone',
  'an editor retried what had been retried by itself',
  'a failed job was cancelled before it was retried by itself',
  'a retry too many was refused',
];

export function* automaticSituations({ dispatches, trail, calls }: JobCase): Generator<string> {
  for (const [index, { kind, state, isAutomatic, plan }] of dispatches.entries()) {
    const before = dispatches.slice(0, index).findLast((other) => other.state !== WITHDRAWN);
    if (!isAutomatic) {
      if (kind === 'retry' && before?.isAutomatic) yield 'an editor retried what had been retried by itself';
      continue;
    }
    yield 'a job was retried by itself';
    if (ENDS[state]) yield `a retry by itself ${ENDS[state]}`;
    if (before?.isAutomatic) yield 'a job was retried by itself twice in a row';
    if (plan?.stages.some(({ reason }) => reason === 'missing'))
      yield 'a retry by itself passed over a file that was gone';
  }
  const isCancelled = ({ from, to, dispatchId }: JobCase['trail'][number]) =>
    from === 'FAILED' && to === 'CANCELLED' && dispatchId === null;
  if (trail.some(isCancelled)) yield 'a failed job was cancelled before it was retried by itself';
  if (calls.some(({ ending }) => ending.kind === 'refused' && ending.code === 'RETRY_LIMIT_REACHED'))
    yield 'a retry too many was refused';
}
