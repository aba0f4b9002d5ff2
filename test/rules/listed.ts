// What the list of versions promises: whatever was made is there for good, as it was made, under the next number of its stage.
import type { ListedVersion } from './case.ts';
import { STAGES } from './flaws.ts';
import { rule } from './rule.ts';

export const LISTED_RULES = {
  'no version disappears, and each has a number of its own': rule({
    kind: 'lost',
    promise: 'S2',
    *broken({ versions, seen }) {
      for (const stage of STAGES) {
        const numbers = versions.flatMap((one) => (one.stage === stage ? [one.version] : [])).sort(byNumber);
        const isCounted = numbers.every((number, index) => number === index + 1);
        if (!isCounted) yield `of the ${stage} there are the versions ${numbers}`;
      }
      for (const version of seen) {
        if (!versions.some((one) => nameOf(one) === nameOf(version)))
          yield `${nameOf(version)} was seen and is nowhere`;
      }
    },
  }),
  'a version never changes but for being completed': rule({
    kind: 'lost',
    promise: 'S2',
    *broken({ versions, seen }) {
      for (const [name, looks] of Map.groupBy([...seen, ...versions], nameOf)) {
        for (const [index, later] of looks.entries()) {
          const before = looks[index - 1];
          if (before && !isCompleted(before, later))
            yield `${name} was ${JSON.stringify(before)} and is ${JSON.stringify(later)}`;
        }
      }
    },
  }),
};

export const nameOf = ({ stage, version }: Pick<ListedVersion, 'stage' | 'version'>): string =>
  `${stage} ${version}`;

const byNumber = (a: number, b: number): number => a - b;

type Completable = Pick<ListedVersion, 'digest' | 'sizeBytes' | 'isComplete'>;
export function isCompleted<V extends Completable>(before: V, later: V): boolean {
  if (before === later) return true;
  const { digest, sizeBytes, isComplete, ...fixed } = before;
  const { digest: laterDigest, sizeBytes: laterSize, isComplete: isLater, ...stays } = later;
  const isLearnt = (was: unknown, is: unknown) => was === null || was === is;
  return (
    JSON.stringify(fixed) === JSON.stringify(stays) &&
    isLearnt(digest, laterDigest) &&
    isLearnt(sizeBytes, laterSize) &&
    (isLater || !isComplete)
  );
}
