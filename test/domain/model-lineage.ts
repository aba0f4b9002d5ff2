// What the model's job keeps of artifacts, as reports and editors bring them: written from the page on lineage rather than from
// the code. It shares types with src/, no rule.
import type { Callback, EditArtifact } from '../../src/domain/commands.ts';
import { NO_EVIDENCE } from '../../src/domain/evidence.ts';
import { ARTIFACT_FIELD, hasPassed, isAtOrPast, ORDER } from '../rules/protocol.ts';
import { type ModelPlan, type ModelWish, plan, planFrom } from './model-rule.ts';
import {
  atHand,
  isOtherFile,
  MODEL_STAGES,
  type ModelMaker,
  type ModelStage,
  type ModelVersion,
  newestOf,
  POINT,
  restsOn,
  standing,
} from './model-versions.ts';
import type { WordedProfile } from './policies.ts';

export class ModelLineage {
  /** Those that are looked at. */
  versions: ModelVersion[] = [];
  #retired: ModelVersion[] = [];

  /** All that were ever made, in that order. */
  get all(): ModelVersion[] {
    if (this.#retired.length === 0) return this.versions;
    return [...this.#retired, ...this.versions].sort((one, other) => one.nth - other.nth);
  }

  /** Of these the ones that are still looked at are kept at hand; the others are for the record alone. */
  keep(versions: ModelVersion[]): void {
    const looked = atHand(versions);
    this.#retired.push(...versions.filter((version) => !looked.includes(version)));
    this.versions = looked;
  }

  /** What the report leaves, of a pipeline that is at `at`; the versions as they were when it leaves nothing. */
  after(report: Callback, maker: ModelMaker, at: string): ModelVersion[] {
    const isFailure = report.status === 'FAILED';
    const where = report.failure?.failedStage ?? '';
    // A pipeline that makes another draft is in one status all the while: what it says has failed is where it was.
    const isSaid = at === 'REGENERATING' && [...ORDER, 'FAILED', 'CANCELLED'].includes(where);
    const places = !isFailure ? [report.status] : isSaid ? [where] : [at, where];
    const named = MODEL_STAGES.filter((stage) => brought(report, stage) !== null);
    const reached = MODEL_STAGES.find((stage) => POINT[stage] === report.status);
    const only = named.length === 1 ? named[0] : undefined;
    const said = only && reached && only !== reached ? undefined : (reached ?? only);
    const all = this.versions.map((version) => ({ ...version }));
    let hasChanged = false;
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
          ...this.#numbers(stage, all),
          ...{ edits: null, discards: maker.discards, from: source?.n ?? null },
          engine: stage === 'audio' ? null : (maker.engines[stage] ?? null),
        });
        hasChanged = true;
      }
      const newest = newestOf(all, stage);
      if (newest?.by === maker.id) {
        const was = JSON.stringify(newest);
        newest.isComplete ||= places.some((place) => hasPassed(place, POINT[stage]));
        newest.digest ??= digest;
        newest.size ??= size;
        hasChanged ||= was !== JSON.stringify(newest);
      }
    }
    return hasChanged ? all : this.versions;
  }

  #numbers(stage: ModelStage, all: readonly ModelVersion[]): { n: number; nth: number } {
    return { n: (newestOf(all, stage)?.n ?? 0) + 1, nth: this.#retired.length + all.length };
  }

  /** An editor's correction, which is complete. What is not said of it is as it is in the store. */
  edit({ stage, uri, digest, sizeBytes, edits, actorId, actorName, evidence }: EditArtifact): void {
    const found = evidence.get(uri);
    const stored = found?.kind === 'found' ? found : null;
    const corrected = this.versions.find((version) => version.stage === stage && version.n === edits);
    const edit: ModelVersion = {
      ...{ stage, ref: uri, edits, from: corrected?.from ?? null, isComplete: true },
      ...this.#numbers(stage, this.versions),
      digest: digest ?? (stored?.sha256 ? `sha-256:${stored.sha256}` : null),
      size: sizeBytes ?? stored?.sizeBytes ?? null,
      ...{ by: `editor ${actorId} ${actorName}`, profile: null, engine: null, discards: [] },
    };
    this.keep([...this.versions, edit]);
  }

  plan(wish: ModelWish, videoUri: string | null): ModelPlan {
    return plan(this.versions, this.all, wish, videoUri);
  }

  /** What takes the draft that counts, whatever it is like. */
  planOfDraft(
    engines: WordedProfile['engines'],
    { discard, evidence }: Pick<ModelWish, 'discard' | 'evidence'>,
  ): ModelPlan {
    const draft = this.counts('draft', engines) ?? null;
    const nothing = { order: [], flaws: [], passed: [] };
    const wish = { engines, limit: null, discard, evidence };
    const plan = planFrom(draft, nothing, this.versions, this.all, wish, null);
    // It makes nothing again: in its way is what the draft should rest on and does not.
    const unasked = draft ? standing(this.all).filter((edit) => !restsOn(draft, edit, this.all)) : [];
    const named = unasked.filter(({ stage }) => !discard.includes(stage));
    return { ...plan, inTheWay: named.map(({ stage, n }) => `${stage} ${n} asked`) };
  }

  /** The version that counts: the one that a pipeline would keep under these engines, else the newest. */
  counts(stage: ModelStage, engines: WordedProfile['engines']): ModelVersion | undefined {
    const { given } = this.plan({ engines, limit: null, discard: [], evidence: NO_EVIDENCE }, null);
    return given[stage] ?? newestOf(this.versions, stage);
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
  if (!named || isOtherFile(named, digest)) return true;
  return named.by !== maker.id && !isAtOrPast(maker.resumeFrom ?? 'UPLOADED', POINT[stage]);
}
