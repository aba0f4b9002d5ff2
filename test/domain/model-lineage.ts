// What the model's job keeps of artifacts, and what a retry may take of it: written from the page on lineage rather than
// from the code. It shares types with src/, no rule.
import type { Callback } from '../../src/domain/commands.ts';
import type { Evidence } from '../../src/domain/evidence.ts';
import { ARTIFACT_FIELD, hasPassed, isAtOrPast } from '../rules/protocol.ts';
import type { WordedPolicy, WordedProfile } from './policies.ts';

export const MODEL_STAGES = ['audio', 'transcript', 'draft'] as const;
export type ModelStage = (typeof MODEL_STAGES)[number];
const POINT = { audio: 'AUDIO_READY', transcript: 'TRANSCRIPT_READY', draft: 'DRAFT_READY' } as const;
const POINTS: readonly string[] = ['UPLOADED', ...Object.values(POINT)];
/** So many of each stage are looked at. */
const NEWEST = 16;

export interface ModelVersion {
  stage: ModelStage;
  n: number;
  ref: string;
  digest: string | null;
  size: number | null;
  /** The dispatch that made it. */
  by: string;
  profile: string;
  engine: string | null;
  /** The version of the stage before. */
  from: number | null;
  isComplete: boolean;
}

/** What a dispatch means for what its pipeline makes. */
export interface ModelMaker {
  id: string;
  profile: string;
  engines: WordedProfile['engines'];
  /** Null of a run. */
  resumeFrom: string | null;
  /** The versions that its pipeline begins with. */
  given: Readonly<Partial<Record<ModelStage, ModelVersion>>>;
}

/** Where a retry would go on and what it would do, in words. */
export interface ModelPlan {
  from: string;
  ref: string | null;
  given: ModelMaker['given'];
  proof: string | null;
  /** Of each stage what is done, without why. */
  does: string[];
  why: string[];
  passed: string[];
}

export class ModelLineage {
  versions: ModelVersion[] = [];

  /** What the report leaves, of a pipeline that is at `at`; the versions as they were when it leaves nothing. */
  after(report: Callback, maker: ModelMaker, at: string): ModelVersion[] {
    const isFailure = report.status === 'FAILED';
    const places = isFailure ? [at, report.failure?.failedStage ?? ''] : [report.status];
    const named = MODEL_STAGES.filter((stage) => brought(report, stage) !== null);
    const reached = MODEL_STAGES.find((stage) => POINT[stage] === report.status);
    const only = named.length === 1 ? named[0] : undefined;
    const said = only && reached && only !== reached ? undefined : (reached ?? only);
    const all = this.versions.map((version) => ({ ...version }));
    let hasChanged = false;
    let hasGrown = false;
    for (const [index, stage] of MODEL_STAGES.entries()) {
      const digest = said === stage ? report.artifacts.digest : null;
      const size = said === stage ? report.artifacts.sizeBytes : null;
      const ref = brought(report, stage);
      if (ref !== null && isNew(all, maker, stage, ref, digest)) {
        const before = MODEL_STAGES[index - 1];
        const own = before && all.filter((version) => version.stage === before && version.by === maker.id);
        const source = before && (own?.at(-1) ?? maker.given[before]);
        all.push({
          ...{ stage, ref, digest, size, by: maker.id, profile: maker.profile, isComplete: false },
          n: (all.findLast((version) => version.stage === stage)?.n ?? 0) + 1,
          engine: stage === 'audio' ? null : (maker.engines[stage] ?? null),
          from: source?.n ?? null,
        });
        hasGrown = true;
      }
      const newest = all.findLast((version) => version.stage === stage);
      if (newest?.by === maker.id) {
        const was = JSON.stringify(newest);
        newest.isComplete ||= places.some((place) => hasPassed(place, POINT[stage]));
        newest.digest ??= digest;
        newest.size ??= size;
        hasChanged ||= was !== JSON.stringify(newest);
      }
    }
    if (hasGrown) return atHand(all);
    return hasChanged ? all : this.versions;
  }

  /** What is done from this point on, at the furthest; null for anywhere. */
  plan(
    engines: WordedProfile['engines'],
    limit: string | null,
    evidence: Evidence,
    videoUri: string | null,
  ): ModelPlan {
    const isWithin = (stage: ModelStage) =>
      POINTS.indexOf(POINT[stage]) <= POINTS.indexOf(limit ?? POINT.draft);
    const looked = MODEL_STAGES.filter(isWithin)
      .reverse()
      .flatMap((stage) => this.versions.filter((version) => version.stage === stage).reverse());
    const flaws = looked.map((version) => this.#flaw(version, engines, evidence));
    const taken = looked[flaws.indexOf(null)] ?? null;
    const passed = taken ? looked.slice(0, looked.indexOf(taken)) : looked;
    const given = taken ? this.#line(taken) : {};
    const from = taken ? POINT[taken.stage] : 'UPLOADED';
    const does: string[] = [];
    const why: string[] = [];
    for (const stage of MODEL_STAGES) {
      const kept = given[stage];
      if (isAtOrPast(from, POINT[stage])) {
        does.push(`${stage} keep ${kept ? `${kept.n} ${kept.ref}` : 'null null'}`);
        why.push(kept && kept === taken ? 'resume_point' : 'before_resume_point');
        continue;
      }
      const engine = stage === 'audio' ? undefined : engines[stage];
      does.push(`${stage} redo ${engine ?? null}`);
      const newest = this.versions.findLast((version) => version.stage === stage);
      if (!newest) why.push('never_made');
      else why.push(isWithin(stage) ? (flaws[looked.indexOf(newest)] ?? 'kept') : 'asked');
    }
    return {
      ...{ from, given, does, why, ref: taken ? taken.ref : videoUri },
      proof: taken ? proofOf(taken, evidence) : null,
      passed: passed.map(({ stage, n }, index) => `${stage} ${n} ${flaws[index]}`),
    };
  }

  #flaw(version: ModelVersion, engines: WordedProfile['engines'], evidence: Evidence): string | null {
    if (!version.isComplete) return 'incomplete';
    const later = this.versions.slice(this.versions.indexOf(version) + 1);
    if (later.some(({ ref }) => ref === version.ref)) return 'changed';
    const line = this.#line(version);
    for (const stage of ['transcript', 'draft'] as const) {
      const isBefore = MODEL_STAGES.indexOf(stage) <= MODEL_STAGES.indexOf(version.stage);
      const wanted = engines[stage];
      if (isBefore && wanted !== undefined && line[stage]?.engine !== wanted) return 'engine_differs';
    }
    const proof = proofOf(version, evidence);
    return proof === 'missing' || proof === 'changed' ? proof : null;
  }

  /** The version and what it was made from, by stage. */
  #line(version: ModelVersion): Partial<Record<ModelStage, ModelVersion>> {
    const line: Partial<Record<ModelStage, ModelVersion>> = {};
    for (let link: ModelVersion | undefined = version; link; link = sourceOf(link, this.versions)) {
      line[link.stage] = link;
    }
    return line;
  }
}

const brought = ({ artifacts }: Callback, stage: ModelStage): string | null => {
  const field = ARTIFACT_FIELD[POINT[stage]];
  return field ? artifacts[field] : null;
};

/** Another reference than that of the newest, unless it is handed on; or the same when it was written to once more. */
function isNew(
  all: readonly ModelVersion[],
  maker: ModelMaker,
  stage: ModelStage,
  ref: string,
  digest: string | null,
): boolean {
  const ofStage = all.filter((version) => version.stage === stage);
  const newest = ofStage.at(-1);
  const hasMade = ofStage.some(({ by }) => by === maker.id);
  const given = hasMade ? undefined : ofStage.find(({ n }) => n === maker.given[stage]?.n);
  const named = [newest, given].find((version) => version?.ref === ref);
  if (!named) return true;
  // Of two kinds of digest neither says anything of the other.
  const kind = digest?.split(':')[0];
  if (named.digest !== digest && named.digest?.split(':')[0] === kind && digest !== null) return true;
  return named.by !== maker.id && !isAtOrPast(maker.resumeFrom ?? 'UPLOADED', POINT[stage]);
}

function sourceOf(version: ModelVersion, all: readonly ModelVersion[]): ModelVersion | undefined {
  const before = MODEL_STAGES[MODEL_STAGES.indexOf(version.stage) - 1];
  return before && all.find(({ stage, n }) => stage === before && n === version.from);
}

/** The newest of each stage, what those were made from, and what was written to the places of any of them. */
function atHand(all: ModelVersion[]): ModelVersion[] {
  const isFew = MODEL_STAGES.every((name) => all.filter(({ stage }) => stage === name).length <= NEWEST);
  if (isFew) return all;
  const newest = MODEL_STAGES.flatMap((name) => {
    const ofStage = all.filter(({ stage }) => stage === name);
    return [...ofStage.filter(({ isComplete }) => isComplete).slice(-NEWEST), ...ofStage.slice(-1)];
  });
  const kept = new Set(newest);
  for (const version of newest) {
    for (let link = sourceOf(version, all); link; link = sourceOf(link, all)) kept.add(link);
  }
  const places = new Set([...kept].map(({ ref }) => ref));
  for (const place of places) {
    const last = all.findLast(({ ref }) => ref === place);
    if (last) kept.add(last);
  }
  return all.filter((version) => kept.has(version));
}

/** In one word, or two where it is not verified. */
function proofOf({ ref, size, digest }: ModelVersion, evidence: Evidence): string {
  const finding = evidence.get(ref);
  if (!finding) return 'unverified not_in_store';
  if (finding.kind === 'missing') return 'missing';
  if (finding.kind === 'unavailable') return 'unverified store_unavailable';
  if (finding.kind === 'unchecked') return 'unverified not_checked';
  if (size !== null && size !== finding.sizeBytes) return 'changed';
  // Of the digests in these histories one form is a SHA-256.
  const said = digest?.startsWith('sha-256:') ? digest.slice('sha-256:'.length) : null;
  return said !== null && finding.sha256 !== null && said !== finding.sha256 ? 'changed' : 'verified';
}

/** Whether a profile may be used from a point, or at all where that is null; else why not. */
export function refusedProfile(policy: WordedPolicy, id: string, from: string | null): string | null {
  const profile = Object.hasOwn(policy.profiles, id) ? policy.profiles[id] : undefined;
  if (!profile) return 'unknown';
  if (!profile.isOn) return 'disabled';
  const points: readonly string[] = profile.from;
  return from === null || points.includes(from) ? null : 'resume_point_not_allowed';
}
