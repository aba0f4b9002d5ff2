// Where a retry goes on: at the furthest checkpoint that was on record when it was made, and everybody is told the same.
import type { CaseDispatch, JobCase } from './case.ts';
import { FURTHEST_FIRST } from './protocol.ts';
import { rule } from './rule.ts';
import { entryKey, reportKey } from './trail.ts';

export const CHECKPOINT_RULES = {
  'a retry resumes from the furthest checkpoint on record': rule({
    kind: 'checkpoint',
    promise: 'S6',
    *broken(jobCase) {
      for (const dispatch of retries(jobCase)) {
        const { id, resumeFrom, ref } = dispatch;
        const expected = resumePoint(dispatch, jobCase);
        if (resumeFrom === expected.status && ref === expected.ref) continue;
        yield `${id} resumed from ${resumeFrom} ${ref}; on record was ${expected.status} ${expected.ref}`;
      }
    },
  }),
  'everybody is told the same of where a retry resumes': rule({
    kind: 'checkpoint',
    promise: 'S6',
    *broken(jobCase) {
      for (const { id, resumeFrom, ref } of retries(jobCase)) {
        for (const [who, told] of toldOf(id, jobCase)) {
          if (told.resumeFrom === resumeFrom && told.ref === ref) continue;
          yield `${id} has ${resumeFrom} ${ref}, and ${who} was told ${told.resumeFrom} ${told.ref}`;
        }
      }
    },
  }),
};

const retries = ({ dispatches }: JobCase): CaseDispatch[] =>
  dispatches.filter(({ kind }) => kind === 'retry');

/**
 * In its newest version, as the trail and the reports of the dispatches before this one have it: a job that may be retried
 * has failed, and moves under none of those any more. A checkpoint is reported with its artifact.
 */
function resumePoint(
  { id }: CaseDispatch,
  { dispatches, trail, reports, videoUri }: JobCase,
): { status: string; ref: string | null } {
  const ids = dispatches.map((dispatch) => dispatch.id);
  const older = ids.slice(0, ids.indexOf(id));
  const before = trail.filter(({ dispatchId }) => dispatchId !== null && older.includes(dispatchId));
  for (const status of FURTHEST_FIRST) {
    const reached = before.findLast(({ to }) => to === status);
    if (!reached) continue;
    const report = reports.find((sent) => reportKey(sent) === entryKey(reached));
    return { status, ref: report?.artifact ?? null };
  }
  return { status: 'UPLOADED', ref: videoUri };
}

function toldOf(id: string, { requests, calls }: JobCase) {
  return [
    ...requests
      .filter(({ dispatchId, type }) => dispatchId === id && type === 'job.retry')
      .map((request) => ['the orchestrator', request] as const),
    ...calls.flatMap(({ ending }) =>
      ending.kind === 'done' && ending.dispatch?.id === id && ending.dispatch.resumeFrom !== null
        ? [['an editor', ending.dispatch] as const]
        : [],
    ),
  ];
}
