// What has to hold of the versions of a job's artifacts, and of where a retry resumes, in every simulated world: judged from
// what is stored, from the policy that is deployed, and from what the store can have said. Written from spec/lineage.md.
import type { Dispatch } from '../../src/domain/dispatch.ts';
import type { ArtifactVersion } from '../../src/domain/job.ts';
import { holds } from '../rules/holds.ts';
import type { SimulatedStore } from './simulated-store.ts';

const ORDER = ['audio', 'transcript', 'draft'];
const CHECKPOINT: Readonly<Record<string, string>> = {
  audio: 'AUDIO_READY',
  transcript: 'TRANSCRIPT_READY',
  draft: 'DRAFT_READY',
};
const POINTS = ['UPLOADED', 'AUDIO_READY', 'TRANSCRIPT_READY', 'DRAFT_READY'];

type Reason = 'incomplete' | 'overwritten' | 'engine' | 'missing' | 'changed';

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
    for (const stage of ORDER) {
      const numbers = versions.filter((version) => version.stage === stage).map(({ version }) => version);
      holds(
        'versions are numbered in the order in which they are made',
        numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0)),
      );
    }
  }

  /** A retry was accepted, of a job with these versions, under a profile of these engines. */
  checkRetry(
    { plan, resumeFromStatus, checkpointRef, engines: recorded }: Dispatch,
    versions: readonly ArtifactVersion[],
    engines: Readonly<Record<string, string | undefined>>,
  ): void {
    holds('a dispatch bears the engines of its profile', same(recorded, engines));
    if (plan === null || resumeFromStatus === null) return;
    const upTo = POINTS.indexOf(plan.asked ?? 'DRAFT_READY');
    const ranked = [...ORDER]
      .reverse()
      .filter((stage) => ORDER.indexOf(stage) < upTo)
      .flatMap((stage) => versions.filter((version) => version.stage === stage).reverse());
    const kept = plan.stages.find((stage) => stage.action === 'keep' && stage.reason === 'resume_point');
    const at = ranked.findIndex(
      ({ stage, version }) => kept?.action === 'keep' && kept.stage === stage && kept.version === version,
    );
    const taken = ranked[at];
    const isUpload = resumeFromStatus === 'UPLOADED';
    holds('a retry resumes from a version that there is, or the upload', (taken === undefined) === isUpload);
    if (taken) {
      holds('everybody is told the same of where a retry resumes', taken.ref === checkpointRef);
      holds('and from which status', CHECKPOINT[taken.stage] === resumeFromStatus);
      holds(
        'nothing is kept that the rule passes over',
        this.#knownReasons(taken, versions, engines).length === 0,
      );
      const isThere = this.#mayBeThere(taken) || this.#store.hasFailed;
      holds('nothing is resumed from that the store has not', isThere);
      if (taken.version < Math.max(...versions.filter((v) => v.stage === taken.stage).map((v) => v.version)))
        this.situations.add('a retry resumed from an older version than the newest');
    }
    for (const passed of ranked.slice(0, taken ? at : ranked.length)) {
      const reasons = [...this.#knownReasons(passed, versions, engines), ...this.#disproofs(passed)];
      holds('nothing is passed over without a reason', reasons.length > 0);
      // What is written over mostly is of another engine besides.
      for (const reason of reasons) {
        if (reasons.length === 1 || reason === 'overwritten')
          this.situations.add(`a version was passed over: ${reason}`);
      }
    }
  }

  #knownReasons(
    version: ArtifactVersion,
    versions: readonly ArtifactVersion[],
    engines: Readonly<Record<string, string | undefined>>,
  ): Reason[] {
    const later = versions.slice(versions.indexOf(version) + 1);
    const reasons: Reason[] = [];
    if (!version.isComplete) reasons.push('incomplete');
    if (later.some(({ ref }) => ref === version.ref)) reasons.push('overwritten');
    let link: ArtifactVersion | undefined = version;
    for (const stage of ORDER.slice(0, ORDER.indexOf(version.stage) + 1).reverse()) {
      const named = engines[stage];
      if (named !== undefined && (link?.madeBy.kind !== 'pipeline' || link.madeBy.engine !== named)) {
        reasons.push('engine');
        break;
      }
      const madeFrom: number | null = link?.madeFrom ?? null;
      const before: string | undefined = ORDER[ORDER.indexOf(stage) - 1];
      link = versions.find((other) => other.stage === before && other.version === madeFrom);
    }
    return reasons;
  }

  /** Of whose size nobody said anything, another one is not found out. */
  #mayBeThere({ ref, sizeBytes }: ArtifactVersion): boolean {
    const said = this.#store.mayHaveFound(ref);
    return said.includes('there') || (said.includes('other') && sizeBytes === null);
  }

  #disproofs({ ref, sizeBytes }: ArtifactVersion): Reason[] {
    const said = this.#store.mayHaveFound(ref);
    return [
      ...(said.includes('gone') ? (['missing'] as const) : []),
      ...(said.includes('other') && sizeBytes !== null ? (['changed'] as const) : []),
    ];
  }
}

const same = (a: object, b: object): boolean =>
  JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
