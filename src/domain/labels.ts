// What an editor calls a job by: nothing of it decides anything about the job.

export interface Labels {
  /** The editor's own id for it, unique in its project and for good; null for none. */
  externalId: string | null;
  /** Names and values that mean something to the editor. */
  metadata: Readonly<Record<string, string>>;
  /** In the order in which they were given, each once. */
  tags: readonly string[];
}

/** What changes of them (RFC 7396): what is absent stays, and null takes away. */
export interface LabelChanges {
  metadata?: Readonly<Record<string, string | null>> | null | undefined;
  tags?: readonly string[] | null | undefined;
}

export const MAX_METADATA = 50;

export const NO_LABELS: Labels = { externalId: null, metadata: {}, tags: [] };

export const labelsOf = ({ externalId, metadata, tags }: Labels): Labels => ({ externalId, metadata, tags });

/** Metadata is merged, name by name; tags are replaced. */
export function withChanges(
  { metadata, tags }: Labels,
  changes: LabelChanges,
): Pick<Labels, 'metadata' | 'tags'> {
  const merged = changes.metadata === null ? {} : { ...metadata, ...changes.metadata };
  const left = Object.entries(merged).filter((entry): entry is [string, string] => entry[1] !== null);
  return {
    metadata: Object.fromEntries(left),
    tags: changes.tags === undefined ? tags : (changes.tags ?? []),
  };
}
