// Where a pipeline goes on: at the furthest checkpoint on record that was valid when it was dispatched, and everybody is told the
// same; and that its plan says the truth.
import type { CaseDispatch, JobCase, PlannedStage } from './case.ts';
import { CHECKPOINT_OF, draftThatCounts, flawsOf, lineOf, type Version, type Wish } from './flaws.ts';
import { FURTHEST_FIRST, isAtOrPast, WITHDRAWN } from './protocol.ts';
import { rule } from './rule.ts';
import { type Task, taskOf } from './tasks.ts';
import { givenTo, histories } from './versions.ts';

export const CHECKPOINT_RULES = {
  'a retry resumes from the furthest checkpoint on record': rule({
    kind: 'checkpoint',
    promise: 'S9',
    *broken(jobCase) {
      const found = histories(jobCase);
      for (const dispatch of judged(jobCase)) {
        const { id, kind, resumeFrom, ref } = dispatch;
        if (kind === 'export') continue;
        const points = found.flatMap((history) => pointsFor(dispatch, history.get(id) ?? [], jobCase));
        if (points.some((point) => point.status === resumeFrom && point.ref === ref)) continue;
        const valid = new Set(points.map((point) => `${point.status} ${point.ref}`));
        yield `${id} resumed from ${resumeFrom} ${ref}; valid was ${[...valid].join(' or ')}`;
      }
    },
  }),
  'an export hands on the draft that counts': rule({
    kind: 'checkpoint',
    promise: 'S9',
    *broken(jobCase) {
      const found = histories(jobCase);
      for (const dispatch of judged(jobCase)) {
        const { id, kind, resumeFrom, ref } = dispatch;
        if (kind !== 'export') continue;
        const drafts = found.flatMap((history) => draftsFor(dispatch, history.get(id) ?? []));
        if (resumeFrom === 'DRAFT_READY' && drafts.some((draft) => draft?.ref === ref)) continue;
        const counted = new Set(drafts.map((draft) => draft?.ref ?? 'none'));
        yield `${id} hands on ${resumeFrom} ${ref}; what counted was ${[...counted].join(' or ')}`;
      }
    },
  }),
  'a retry keeps what its resume point was made from, and has the rest made again by its own engines': rule({
    kind: 'checkpoint',
    promise: 'S9',
    *broken(jobCase) {
      const found = histories(jobCase);
      for (const dispatch of judged(jobCase)) {
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
      for (const dispatch of judged(jobCase)) {
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
  'the orchestrator is sent what the plan keeps': rule({
    kind: 'checkpoint',
    promise: 'S9',
    *broken({ dispatches, requests }) {
      for (const { dispatchId, keep } of requests) {
        const plan = dispatches.find(({ id }) => id === dispatchId)?.plan;
        if (!plan || keep === null) continue;
        const planned = plan.stages.flatMap((stage) =>
          stage.action === 'keep' && stage.ref !== null ? [[stage.stage, stage.version, stage.ref]] : [],
        );
        const sent = keep.map(({ stage, version, ref }) => [stage, version, ref]);
        if (String(sent) !== String(planned))
          yield `${dispatchId} is to keep ${planned}, and was sent ${sent}`;
      }
    },
  }),
  'everybody is told the same of where a retry resumes': rule({
    kind: 'checkpoint',
    promise: 'S9',
    *broken(jobCase) {
      for (const { id, resumeFrom, ref } of resumed(jobCase)) {
        for (const [who, told] of toldOf(id, jobCase)) {
          if (told.resumeFrom === resumeFrom && told.ref === ref) continue;
          yield `${id} has ${resumeFrom} ${ref}, and ${who} was told ${told.resumeFrom} ${told.ref}`;
        }
      }
    },
  }),
};

const resumed = ({ dispatches }: JobCase): CaseDispatch[] => dispatches.filter(({ kind }) => kind !== 'run');

/**
 * Of those that begin while an earlier pipeline may go on nobody knows what there was, once they are withdrawn: what that did
 * before and after.
 */
export const judged = (jobCase: JobCase): CaseDispatch[] =>
  resumed(jobCase).filter(({ kind, state }) => kind === 'retry' || state !== WITHDRAWN);

const wishOf = ({ engines, plan }: CaseDispatch): Wish => ({ engines, discards: plan?.discards ?? [] });

/** Who asks for the draft of before gets it back, unless another is what is asked for. */
function upTo({ kind, plan }: CaseDispatch, task: Task): string {
  const asked = plan?.asked ?? null;
  const isBehind = task.kind === 'redraft' && (asked === null || kind === 'redo');
  return isBehind && isAtOrPast(asked ?? 'DRAFT_READY', 'DRAFT_READY')
    ? 'TRANSCRIPT_READY'
    : (asked ?? 'DRAFT_READY');
}

/** The one that a retry would keep, else the newest; of a job that was stored without its profile one that is of any engine. */
const draftsFor = ({ engines }: CaseDispatch, versions: readonly Version[]): (Version | undefined)[] =>
  [engines, {}].map((under) => draftThatCounts(versions, under));

/**
 * Where this one may begin: at the first version that nothing speaks against, or at one before it whose file the store may
 * have had all the same. The trail does not say where the video was when.
 */
function pointsFor(
  dispatch: CaseDispatch,
  versions: readonly Version[],
  jobCase: JobCase,
): { status: string; ref: string }[] {
  const { videoUris, lost = [] } = jobCase;
  const points: { status: string; ref: string }[] = [];
  const limit = upTo(dispatch, taskOf(dispatch, jobCase));
  const within = FURTHEST_FIRST.filter((checkpoint) => isAtOrPast(limit, checkpoint));
  for (const checkpoint of within) {
    for (const version of versions.filter((one) => one.checkpoint === checkpoint).toReversed()) {
      if (flawsOf(version, versions, wishOf(dispatch)).length > 0) continue;
      points.push({ status: checkpoint, ref: version.ref });
      if (!lost.includes(version.ref)) return points;
    }
  }
  return [...points, ...videoUris.map((ref) => ({ status: 'UPLOADED', ref }))];
}

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
  dispatch: CaseDispatch,
  versions: readonly Version[],
  jobCase: JobCase,
): string[] {
  const { lost = [] } = jobCase;
  const checkpoint = CHECKPOINT_OF[stage] ?? '';
  const newest = versions.findLast((version) => version.checkpoint === checkpoint);
  if (newest === undefined) return ['never_made'];
  if (!isAtOrPast(upTo(dispatch, taskOf(dispatch, jobCase)), checkpoint)) return ['asked'];
  const [flaw] = flawsOf(newest, versions, wishOf(dispatch));
  if (flaw !== undefined) return [flaw];
  return lost.includes(newest.ref) ? ['missing', 'changed'] : ['kept'];
}

const inWords = (planned: PlannedStage): string =>
  planned.action === 'keep'
    ? `keep the ${planned.stage} ${planned.ref}`
    : `have the ${planned.stage} made again by ${planned.engine}, ${planned.reason}`;

function toldOf(id: string, { requests, calls }: JobCase) {
  return [
    ...requests
      .filter(({ dispatchId, type }) => dispatchId === id && type !== 'job.cancel')
      .map((request) => ['the orchestrator', request] as const),
    ...calls.flatMap(({ ending }) =>
      ending.kind === 'done' && ending.dispatch?.id === id && ending.dispatch.resumeFrom !== null
        ? [['an editor', ending.dispatch] as const]
        : [],
    ),
  ];
}
