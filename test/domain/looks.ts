// What editors of the histories look at before they retry, and what the store of artifacts says meanwhile: now this, now that.
import fc from 'fast-check';
import type { Evidence, Finding } from '../../src/domain/evidence.ts';
import {
  EDITABLE_STAGES,
  type EditableStage,
  RESUME_STATUSES,
  type ResumeStatus,
} from '../../src/domain/lifecycle.ts';
import type { ModelJob } from './model.ts';

/** An editor looks at the plan of a retry or a redo. */
export interface Look {
  type: 'look';
  kind: 'retry' | 'redo';
  modelProfile: string;
  resumeFrom: ResumeStatus | null;
  discardEdits: readonly EditableStage[];
  evidence: Evidence;
}

/** What the store says of the references that the job knows. */
export type Store = (model: ModelJob) => Evidence;
export type Word =
  | 'right'
  | 'nothing'
  | 'missing'
  | 'another size'
  | 'another file'
  | 'unavailable'
  | 'unchecked';

export const word = fc.constantFrom<Word[]>(
  ...(['right', 'right', 'right', 'right', 'nothing', 'missing'] as const),
  ...(['another size', 'another file', 'unavailable', 'unchecked'] as const),
);
export const findings: fc.Arbitrary<Store> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<Store>(() => new Map()) },
  {
    weight: 2,
    arbitrary: fc.array(word, { minLength: 3, maxLength: 5 }).map(
      (words): Store =>
        (model) => {
          const newest = new Map(model.lineage.versions.map((version) => [version.ref, version]));
          return new Map(
            [...newest.values()].flatMap(({ ref, size, digest }, index) => {
              const finding = findingOf(words[index % words.length] ?? 'nothing', size, digest);
              return finding ? [[ref, finding]] : [];
            }),
          );
        },
    ),
  },
);

export function findingOf(word: Word, size: number | null, digest: string | null): Finding | null {
  const sha256 = digest?.startsWith('sha-256:') ? digest.slice('sha-256:'.length) : null;
  switch (word) {
    case 'right':
      return { kind: 'found', sizeBytes: size ?? 10, sha256 };
    case 'another size':
      return { kind: 'found', sizeBytes: (size ?? 10) + 1, sha256 };
    case 'another file':
      return { kind: 'found', sizeBytes: size ?? 10, sha256: 'c'.repeat(64) };
    case 'nothing':
      return null;
    default:
      return { kind: word };
  }
}

type Wish = Omit<Look, 'type' | 'resumeFrom' | 'discardEdits'>;
const asked = ({ kind, modelProfile, evidence }: Wish) => ({
  ...{ kind, profile: modelProfile, asked: null, discard: [], evidence },
});

/** Where it is asked to begin: mostly wherever it can, else there, nearer to the beginning, further, or anywhere. */
export const resumeFrom = fc
  .record({
    wish: fc.constantFrom(null, null, null, null, 'there' as const, 'nearer' as const, 'further' as const),
    n: fc.nat(3),
  })
  .map(({ wish, n }) => (model: ModelJob, look: Wish): ResumeStatus | null => {
    if (wish === null) return null;
    const at = RESUME_STATUSES.indexOf(model.plan(asked(look)).from as ResumeStatus);
    const points = {
      there: RESUME_STATUSES.slice(at, at + 1),
      nearer: RESUME_STATUSES.slice(0, at),
      further: RESUME_STATUSES.slice(at + 1),
    }[wish];
    return points[n % Math.max(points.length, 1)] ?? RESUME_STATUSES[n] ?? null;
  });

/** Whose edits are looked past: mostly nobody's, else those of what is in the way from the point on, or of any stage. */
export const discardEdits = fc
  .constantFrom('none', 'none', 'none', 'in the way', 'in the way', 'transcript', 'draft', 'both')
  .map((what) => (model: ModelJob, look: Wish & { resumeFrom: ResumeStatus | null }): EditableStage[] => {
    if (what === 'none') return [];
    const { inTheWay } = model.plan({ ...asked(look), asked: look.resumeFrom });
    return EDITABLE_STAGES.filter((stage) =>
      what === 'in the way'
        ? inTheWay.some((edit) => edit.startsWith(stage))
        : what === 'both' || what === stage,
    );
  });

/** What stands in If-Match: null for nothing. `see`: the tag that is right. */
export function tagsOf(
  what: 'right' | 'seen' | 'several' | 'stale' | 'none' | null,
  { tags, lastTag }: ModelJob,
  see: () => string,
): string[] | null {
  switch (what) {
    case null:
      return null;
    case 'right':
      return [see()];
    case 'seen':
      return [lastTag ?? 'never seen'];
    case 'several':
      return ['never seen', [...tags.keys()][0] ?? 'never seen', see()];
    case 'stale':
      return ['never seen', ...tags.keys()].slice(0, 3);
    case 'none':
      return [];
    default:
      return what satisfies never;
  }
}
