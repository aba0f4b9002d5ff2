// Where a retry goes on: at the furthest checkpoint that was on record when it was made, and everybody is told the same.
import type { CaseDispatch, JobCase } from './case.ts';
import { FURTHEST_FIRST, isAtOrPast } from './protocol.ts';
import { rule } from './rule.ts';
import { entryKey, reportKey } from './trail.ts';

export const CHECKPOINT_RULES = {
  'a retry resumes from the furthest checkpoint on record': rule({
    kind: 'checkpoint',
    promise: 'S6',
    *broken(jobCase) {
      for (const dispatch of retries(jobCase)) {
        const { id, resumeFrom, ref } = dispatch;
        const { status, refs } = resumePoint(dispatch, jobCase);
        if (resumeFrom === status && ref !== null && refs.includes(ref)) continue;
        yield `${id} resumed from ${resumeFrom} ${ref}; on record was ${status} ${refs.join(' or ')}`;
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
 * has failed, and moves under none of those any more. The trail does not say where the video was when.
 */
function resumePoint(
  { id }: CaseDispatch,
  { dispatches, trail, reports, videoUris }: JobCase,
): { status: string; refs: readonly string[] } {
  const older = dispatches.slice(
    0,
    dispatches.findIndex((dispatch) => dispatch.id === id),
  );
  const versions = new Map<string, string>();
  for (const entry of trail) {
    const mover = older.find((dispatch) => dispatch.id === entry.dispatchId);
    const report = mover && reports.find((sent) => reportKey(sent) === entryKey(entry));
    if (!report) continue;
    // A failure leaves the pipeline where it was, or where it says that it was.
    const from = entry.from === 'FAILED' ? (mover.resumeFrom ?? '') : entry.from;
    const reached = entry.to === 'FAILED' ? [from, report.failedStage ?? ''] : [entry.to];
    for (const [checkpoint, ref] of Object.entries(report.artifacts)) {
      if (reached.some((at) => isAtOrPast(at, checkpoint))) versions.set(checkpoint, ref);
    }
  }
  const furthest = FURTHEST_FIRST.find((status) => versions.has(status));
  return furthest === undefined
    ? { status: 'UPLOADED', refs: videoUris }
    : { status: furthest, refs: [versions.get(furthest) ?? ''] };
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
