// Where a retry goes on: at the furthest checkpoint on record that was valid when it was made, and everybody is told the
// same; and that its plan says the truth.
import type { CaseDispatch, JobCase, PlannedStage } from './case.ts';
import { FURTHEST_FIRST, isAtOrPast } from './protocol.ts';
import { rule } from './rule.ts';
import { CHECKPOINT_OF, flawOf, givenTo, histories, lineOf, type Version } from './versions.ts';

export const CHECKPOINT_RULES = {
  'a retry resumes from the furthest checkpoint on record': rule({
    kind: 'checkpoint',
    promise: 'S9',
    *broken(jobCase) {
      const found = histories(jobCase);
      for (const dispatch of retries(jobCase)) {
        const { id, resumeFrom, ref } = dispatch;
        const points = found.flatMap((history) => pointsFor(dispatch, history.get(id) ?? [], jobCase));
        if (points.some((point) => point.status === resumeFrom && point.ref === ref)) continue;
        const valid = new Set(points.map((point) => `${point.status} ${point.ref}`));
        yield `${id} resumed from ${resumeFrom} ${ref}; valid was ${[...valid].join(' or ')}`;
      }
    },
  }),
  'a retry keeps what its resume point was made from, and has the rest made again by its own engines': rule({
    kind: 'checkpoint',
    promise: 'S9',
    *broken(jobCase) {
      const found = histories(jobCase);
      for (const dispatch of retries(jobCase)) {
        for (const planned of dispatch.plan?.stages ?? []) {
          const isTrue = found.some((history) =>
            doesAsItShould(planned, dispatch, history.get(dispatch.id) ?? []),
          );
          if (!isTrue) yield `${dispatch.id} has a plan to ${inWords(planned)}`;
        }
      }
    },
  }),
  'a plan says truly why a stage is made again': rule({
    kind: 'checkpoint',
    promise: 'S9',
    *broken(jobCase) {
      const found = histories(jobCase);
      for (const dispatch of retries(jobCase)) {
        for (const planned of dispatch.plan?.stages ?? []) {
          if (planned.action !== 'redo') continue;
          const reasons = new Set(
            found.flatMap((history) =>
              reasonsFor(planned, dispatch, history.get(dispatch.id) ?? [], jobCase),
            ),
          );
          if (reasons.has(planned.reason)) continue;
          yield `${dispatch.id} has a plan to ${inWords(planned)}; it was ${[...reasons].join(' or ')}`;
        }
      }
    },
  }),
  'everybody is told the same of where a retry resumes': rule({
    kind: 'checkpoint',
    promise: 'S9',
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
 * Where this one may begin: at the first version that nothing speaks against, or at one before it whose file the store may
 * have had all the same. The trail does not say where the video was when.
 */
function pointsFor(
  { engines, plan }: CaseDispatch,
  versions: readonly Version[],
  { videoUris, lost = [] }: JobCase,
): { status: string; ref: string }[] {
  const points: { status: string; ref: string }[] = [];
  const within = FURTHEST_FIRST.filter((checkpoint) => isWithin(checkpoint, plan));
  for (const checkpoint of within) {
    for (const version of versions.filter((one) => one.checkpoint === checkpoint).toReversed()) {
      if (flawOf(version, versions, engines) !== null) continue;
      points.push({ status: checkpoint, ref: version.ref });
      if (!lost.includes(version.ref)) return points;
    }
  }
  return [...points, ...videoUris.map((ref) => ({ status: 'UPLOADED', ref }))];
}

/** Whether it was asked to begin there at all, or before. */
const isWithin = (checkpoint: string, plan: CaseDispatch['plan']): boolean =>
  plan?.asked == null || isAtOrPast(plan.asked, checkpoint);

function doesAsItShould(
  planned: PlannedStage,
  dispatch: CaseDispatch,
  versions: readonly Version[],
): boolean {
  const checkpoint = CHECKPOINT_OF[planned.stage] ?? '';
  const isKept = dispatch.resumeFrom !== null && isAtOrPast(dispatch.resumeFrom, checkpoint);
  if (planned.action === 'redo') {
    return !isKept && planned.engine === (dispatch.engines[planned.stage] ?? null);
  }
  const kept = lineOf(givenTo(dispatch, versions)).find((version) => version.checkpoint === checkpoint);
  return isKept && planned.ref === (kept?.ref ?? null);
}

/** Why the newest version of the stage cannot be kept. */
function reasonsFor(
  { stage }: PlannedStage,
  { engines, plan }: CaseDispatch,
  versions: readonly Version[],
  { lost = [] }: JobCase,
): string[] {
  const checkpoint = CHECKPOINT_OF[stage] ?? '';
  const newest = versions.findLast((version) => version.checkpoint === checkpoint);
  if (newest === undefined) return ['never_made'];
  if (!isWithin(checkpoint, plan)) return ['asked'];
  const flaw = flawOf(newest, versions, engines);
  if (flaw !== null) return [flaw];
  return lost.includes(newest.ref) ? ['missing', 'changed'] : ['kept'];
}

const inWords = (planned: PlannedStage): string =>
  planned.action === 'keep'
    ? `keep the ${planned.stage} ${planned.ref}`
    : `have the ${planned.stage} made again by ${planned.engine}, ${planned.reason}`;

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
