// What an editor calls a job by: nothing of it decides anything about the job.

export interface Labels {
  /** The editor's own id for it, unique in its project; null for none. */
  externalId: string | null;
  /** Names and values that mean something to the editor. */
  metadata: Readonly<Record<string, string>>;
  /** In the order in which they were given, each once. */
  tags: readonly string[];
}

export const NO_LABELS: Labels = { externalId: null, metadata: {}, tags: [] };

export const labelsOf = ({ externalId, metadata, tags }: Labels): Labels => ({ externalId, metadata, tags });
