// Tags and metadata as they are typed, and what a change of them is as a merge patch.
import type { Job, Schemas } from './api.ts';

export type Labels = Pick<Job, 'tags' | 'metadata'>;

/** An entry of the metadata while it is typed. */
export interface Pair {
  key: number;
  name: string;
  value: string;
  /** Added by hand just now. */
  isFresh: boolean;
}

export const pairsOf = ({ metadata }: Labels): readonly Pair[] =>
  Object.entries(metadata).map(([name, value], key) => ({ key, name, value, isFresh: false }));

/** What was typed, and why it cannot be sent. Blanks around a name mean nothing, and neither does an entry without anything in it. */
export function typed(tags: string, pairs: readonly Pair[]): { labels: Labels; mistake: string | null } {
  const lines = tags.split('\n').map((line) => line.trim());
  const entries = pairs
    .map(({ name, value }) => [name.trim(), value] as const)
    .filter(([name, value]) => name !== '' || value.trim() !== '');
  const names = entries.map(([name]) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  const nameless = entries.find(([name]) => name === '');
  const mistake = nameless
    ? `“${nameless[1]}” has no name.`
    : twice === undefined
      ? null
      : `“${twice}” is there twice.`;
  return {
    labels: {
      tags: [...new Set(lines.filter((line) => line !== ''))],
      metadata: Object.fromEntries(entries),
    },
    mistake,
  };
}

/** The order of tags counts, that of names does not. */
export const isSame = (one: Labels, other: Labels): boolean => inOrder(one) === inOrder(other);
const inOrder = ({ tags, metadata }: Labels): string =>
  JSON.stringify([tags, Object.entries(metadata).sort(([one], [other]) => (one < other ? -1 : 1))]);

/** What stays as it is, is not named. */
export function changesOf(from: Labels, wanted: Labels): Schemas['PatchJobRequest'] {
  const before = new Map(Object.entries(from.metadata));
  const after = new Map(Object.entries(wanted.metadata));
  const changed = [...after].filter(([name, value]) => before.get(name) !== value);
  const gone = [...before.keys()].filter((name) => !after.has(name)).map((name) => [name, null] as const);
  const metadata = Object.fromEntries<string | null>([...changed, ...gone]);
  return {
    ...(JSON.stringify(from.tags) === JSON.stringify(wanted.tags) ? {} : { tags: wanted.tags }),
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
  };
}
