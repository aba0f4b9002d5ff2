// What has to hold of the versions of a job's artifacts, and of where a retry resumes, in every simulated world: judged from
// what is stored, from the policy that is deployed, and from what the store can have said. Written from spec/lineage.md.
import type { Dispatch } from '../../src/domain/dispatch.ts';
import type { ArtifactVersion, Job } from '../../src/domain/job.ts';
import type { StageName } from '../../src/domain/lifecycle.ts';
import {
  CHECKPOINT_OF,
  draftThatCounts,
  flawsOf,
  isKeptBy,
  STAGES,
  standingEdits,
  type Version,
  type Wish,
} from '../rules/flaws.ts';
import { holds } from '../rules/holds.ts';
import { type SimulatedStore, type State, sizeIn } from './simulated-store.ts';

const POINTS = ['UPLOADED', ...Object.values(CHECKPOINT_OF)];

export class LineageChecker {
  readonly situations = new Set<string>();
  readonly #store: SimulatedStore;
  /** What of each version never changes. */
  #known = new Map<string, string>();
  #isComplete = new Map<string, boolean>();

  constructor(store: SimulatedStore) {
    this.#store = store;
  }

  /** Another version of the service has stored what it knew: numbers and origins begin anew. */
  forget(): void {
    this.#known = new Map();
    this.#isComplete = new Map();
  }

  checkVersions(versions: readonly ArtifactVersion[]): void {
    for (const version of versions) {
      const { digest: _digest, sizeBytes: _size, isComplete, ...fixed } = version;
      const key = `${version.stage} ${version.version}`;
      const known = this.#known.get(key) ?? JSON.stringify(fixed);
      holds('a version of an artifact never changes', known === JSON.stringify(fixed));
      holds('what is complete stays so', isComplete || this.#isComplete.get(key) !== true);
      this.#known.set(key, known);
      this.#isComplete.set(key, isComplete);
    }
    for (const stage of STAGES) {
      const numbers = versions.filter((version) => version.stage === stage).map(({ version }) => version);
      holds(
        'versions are numbered in the order in which they are made',
        numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0)),
      );
    }
  }

  /** Something that resumes was accepted, of a job as it was then, under a profile of these engines. */
  checkDispatch(
    { kind, plan, resumeFromStatus, checkpointRef, engines: recorded }: Dispatch,
    { versions: stored, unfinishedTask, latestProfile }: Job,
    engines: Readonly<Record<string, string | undefined>>,
  ): void {
    holds('a dispatch bears the engines of its profile', same(recorded, engines));
    if (plan === null || resumeFromStatus === null) return;
    const versions = asVersions(stored);
    const kept = plan.stages.find((stage) => stage.action === 'keep' && stage.reason === 'resume_point');
    const isKept = ({ stage, version }: ArtifactVersion) =>
      kept?.action === 'keep' && kept.stage === stage && kept.version === version;
    const taken = versions[stored.findIndex(isKept)];
    const isUpload = resumeFromStatus === 'UPLOADED';
    holds('a retry resumes from a version that there is, or the upload', (taken === undefined) === isUpload);
    if (taken) {
      holds('everybody is told the same of where a retry resumes', taken.ref === checkpointRef);
      holds('and from which status', taken.checkpoint === resumeFromStatus);
      // No more than the first few are asked for.
      const isUnasked = plan.proof?.state === 'unverified' && plan.proof.reason === 'not_checked';
      const isThere = this.#mayBeThere(taken) || this.#store.hasFailed || isUnasked;
      holds('nothing is resumed from that the store has not', isThere);
    }
    const passed = standingEdits(versions).filter((edit) => !(taken && isKeptBy(taken, edit, versions)));
    const isMadeAgain = ({ stage }: Version) => kind !== 'export' || stage === 'draft';
    holds(
      'an edit is only ever passed over where its stage stands in discard_edits',
      passed.every((edit) => plan.discardEdits.includes(edit.stage as StageName) || !isMadeAgain(edit)),
    );
    if (kind === 'export') {
      const counts = latestProfile === null ? {} : engines;
      holds('an export hands on the draft that counts', taken === draftThatCounts(versions, counts));
      return;
    }
    const isBehind = kind === 'redo' || (unfinishedTask.kind === 'redraft' && plan.asked === null);
    const limit = Math.min(POINTS.indexOf(plan.asked ?? 'DRAFT_READY'), POINTS.length - (isBehind ? 2 : 1));
    this.#checkPoint(taken, versions, { engines, discards: plan.discardEdits, limit });
  }

  /** Begins there, and may not begin behind the limit. */
  #checkPoint(
    taken: Sized | undefined,
    versions: readonly Sized[],
    { limit, ...wish }: Wish & { limit: number },
  ): void {
    const ranked = STAGES.slice(0, limit)
      .reverse()
      .flatMap((stage) => versions.filter((version) => version.stage === stage).reverse());
    if (taken) {
      holds('nothing is kept that the rule passes over', flawsOf(taken, versions, wish).length === 0);
      holds('nothing is kept behind what was asked for', ranked.includes(taken));
      if (versions.findLast(({ stage }) => stage === taken.stage) !== taken)
        this.situations.add('a retry resumed from an older version than the newest');
    }
    for (const passed of ranked.slice(0, taken ? ranked.indexOf(taken) : ranked.length)) {
      const reasons = [...flawsOf(passed, versions, wish), ...this.#disproofs(passed)];
      holds('nothing is passed over without a reason', reasons.length > 0);
      for (const reason of reasons) {
        // What is written over mostly is of another engine besides.
        if (reasons.length > 1 && reason !== 'changed') continue;
        this.situations.add(`a version was passed over: ${reason}`);
      }
    }
  }

  #mayBeThere({ ref, sizeBytes }: Sized): boolean {
    return this.#store.mayHaveFound(ref).some((state) => isAsSaid(state, sizeBytes));
  }

  #disproofs({ ref, sizeBytes }: Sized): string[] {
    const found = this.#store.mayHaveFound(ref).filter((state) => !isAsSaid(state, sizeBytes));
    return found.map((state) => (state === 'gone' ? 'missing' : 'another file'));
  }
}

/** Of whose size nobody said anything, another one is not found out. */
const isAsSaid = (state: State, sizeBytes: number | null): boolean =>
  state !== 'gone' && (sizeBytes === null || sizeBytes === sizeIn(state));

type Sized = Version & { sizeBytes: number | null };

/** As the rules know them. */
function asVersions(stored: readonly ArtifactVersion[]): Sized[] {
  const found = new Map<ArtifactVersion, Sized>();
  for (const version of stored) {
    const { stage, ref, madeBy, madeFrom, isComplete, sizeBytes } = version;
    const before = stored.find(
      (other) => STAGES.indexOf(other.stage) === STAGES.indexOf(stage) - 1 && other.version === madeFrom,
    );
    const pipeline = madeBy.kind === 'pipeline' ? madeBy : null;
    found.set(version, {
      ...{ stage, ref, sizeBytes, isComplete, checkpoint: CHECKPOINT_OF[stage] ?? '' },
      ...{ maker: pipeline?.dispatchId ?? null, engine: pipeline?.engine ?? null },
      ...{ looksPast: pipeline?.discards ?? [], from: before ? (found.get(before) ?? null) : null },
    });
  }
  return [...found.values()];
}

const same = (a: object, b: object): boolean =>
  JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
