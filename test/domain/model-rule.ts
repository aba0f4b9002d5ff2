// The one rule of what a pipeline may keep, and what follows from it for a plan: written from the page on lineage rather than
// from the code. It shares types with src/, no rule.
import type { Evidence } from '../../src/domain/evidence.ts';
import { isAtOrPast } from '../rules/protocol.ts';
import {
  chainOf,
  isWrittenOver,
  lineOf,
  MODEL_STAGES,
  type ModelMaker,
  type ModelStage,
  type ModelVersion,
  newestOf,
  POINT,
  proofOf,
  restsOn,
  stageIndex,
  standing,
} from './model-versions.ts';
import type { WordedPolicy, WordedProfile } from './policies.ts';

export const POINTS: readonly string[] = ['UPLOADED', ...Object.values(POINT)];

/** What is looked for. */
export interface ModelWish {
  engines: WordedProfile['engines'];
  /** Where to begin, at the furthest; null for anywhere. */
  limit: string | null;
  /** The stages whose edits are looked past. */
  discard: readonly string[];
  evidence: Evidence;
}

/** Where a pipeline would go on and what it would do, in words. */
export interface ModelPlan {
  from: string;
  ref: string | null;
  given: ModelMaker['given'];
  proof: string | null;
  /** Of each stage what is done, without why. */
  does: string[];
  why: string[];
  passed: string[];
  editsKept: string[];
  editsDiscarded: string[];
  /** The edits that it would pass over unasked, and why. */
  inTheWay: string[];
}

/** What the rule finds among those that are looked at, of a job that has had all of these. */
export function plan(
  looked: readonly ModelVersion[],
  all: readonly ModelVersion[],
  wish: ModelWish,
  videoUri: string | null,
): ModelPlan {
  const order = MODEL_STAGES.filter((stage) => isWithin(stage, wish.limit))
    .reverse()
    .flatMap((stage) => looked.filter((version) => version.stage === stage).reverse());
  const flaws = order.map((version) => flawOf(version, all, wish));
  const taken = order[flaws.indexOf(null)] ?? null;
  const passed = taken ? order.slice(0, order.indexOf(taken)) : order;
  return planFrom(taken, { order, flaws, passed }, looked, all, wish, videoUri);
}

const isWithin = (stage: ModelStage, limit: string | null): boolean =>
  POINTS.indexOf(POINT[stage]) <= POINTS.indexOf(limit ?? POINT.draft);

interface Found {
  order: ModelVersion[];
  flaws: (string | null)[];
  passed: ModelVersion[];
}

/** What is done from this version on, or from the upload. */
export function planFrom(
  taken: ModelVersion | null,
  { order, flaws, passed }: Found,
  looked: readonly ModelVersion[],
  all: readonly ModelVersion[],
  { engines, limit, discard, evidence }: ModelWish,
  videoUri: string | null,
): ModelPlan {
  const line = taken ? lineOf(taken, all) : [];
  const given = Object.fromEntries(line.map((version) => [version.stage, version])) as ModelMaker['given'];
  const from = taken ? POINT[taken.stage] : 'UPLOADED';
  const isKept = (stage: ModelStage) => isAtOrPast(from, POINT[stage]);
  const doing = MODEL_STAGES.map((stage) => {
    const kept = given[stage];
    if (isKept(stage)) {
      const does = `${stage} keep ${kept ? `${kept.n} ${kept.ref}` : 'null null'}`;
      return { does, why: kept && kept === taken ? 'resume_point' : 'before_resume_point' };
    }
    const engine = stage === 'audio' ? undefined : engines[stage];
    const newest = newestOf(looked, stage);
    const found = isWithin(stage, limit) ? newest && flaws[order.indexOf(newest)] : undefined;
    return { does: `${stage} redo ${engine ?? null}`, why: newest ? (found ?? 'asked') : 'never_made' };
  });
  const lost = standing(all).filter((edit) => !line.includes(edit));
  const unasked = lost.filter(({ stage }) => !isKept(stage) && !discard.includes(stage));
  const name = ({ stage, n }: ModelVersion) => `${stage} ${n}`;
  return {
    ...{ from, given, ref: taken ? taken.ref : videoUri },
    does: doing.map(({ does }) => does),
    why: doing.map(({ why }) => why),
    proof: taken ? proofOf(taken, evidence) : null,
    passed: passed.map((version) => `${name(version)} ${flaws[order.indexOf(version)]}`),
    editsKept: line
      .filter(({ edits }) => edits !== null)
      .reverse()
      .map(name),
    editsDiscarded: lost.filter(({ stage }) => discard.includes(stage)).map(name),
    inTheWay: unasked.map((edit) => `${name(edit)} ${flaws[order.indexOf(edit)] ?? 'asked'}`),
  };
}

/** Why a version is passed over; null where it is not. */
function flawOf(
  version: ModelVersion,
  all: readonly ModelVersion[],
  { engines, discard, evidence }: ModelWish,
): string | null {
  if (!version.isComplete) return 'incomplete';
  if (isWrittenOver(version, all)) return 'changed';
  const chain = chainOf(version, all);
  const edit = chain.find(({ edits }) => edits !== null);
  if (edit && discard.includes(edit.stage)) return 'edit_discarded';
  for (const stage of ['transcript', 'draft'] as const) {
    const isAfterEdit = !edit || stageIndex(stage) > stageIndex(edit.stage);
    const isLookedAt = isAfterEdit && stageIndex(stage) <= stageIndex(version.stage);
    const maker = chain.find((link) => link.stage === stage);
    const wanted = engines[stage];
    if (isLookedAt && wanted !== undefined && maker?.engine !== wanted) return 'engine_differs';
  }
  const isOvertaken = standing(all).some(
    (made) =>
      stageIndex(made.stage) <= stageIndex(version.stage) &&
      !discard.includes(made.stage) &&
      !restsOn(version, made, all),
  );
  if (isOvertaken) return 'older_than_edit';
  const proof = proofOf(version, evidence);
  return proof === 'missing' || proof === 'changed' ? proof : null;
}

/** Whether a profile may be used from a point, or at all where that is null; else why not. */
export function refusedProfile(policy: WordedPolicy, id: string, from: string | null): string | null {
  const profile = Object.hasOwn(policy.profiles, id) ? policy.profiles[id] : undefined;
  if (!profile) return 'unknown';
  if (!profile.isOn) return 'disabled';
  const points: readonly string[] = profile.from;
  return from === null || points.includes(from) ? null : 'resume_point_not_allowed';
}
