// The store of artifacts, an R2 bucket where a deployment has bound one: how references name what lies in it, and what it says
// of that. Which of them are asked about is actor/evidence.ts's to say; content goes in and out in http/.
import { requireConfig } from './config.ts';
import { toHex } from './contract/hashes.ts';
import { disproof, type Finding } from './domain/evidence.ts';
import type { ArtifactVersion } from './domain/job.ts';

export interface ArtifactStore {
  bucket: R2Bucket;
  /** As references name it: `r2://<name>/<key>`. */
  name: string;
}

/** Null where none is bound. */
export function boundStore(env: object): ArtifactStore | null {
  const { ARTIFACTS: bucket } = env as { ARTIFACTS?: R2Bucket };
  const name = requireConfig(env).artifactsBucket;
  return bucket && name !== null ? { bucket, name } : null;
}

/** Where all corrections lie that were sent as their text, whoever's prefix that is below. */
export const EDITS = 'edits/';
/** Where those of a job lie: what is of no version of it is taken away, and all of it with the job. */
export const editsOf = (jobId: string): string => `${EDITS}${jobId}/`;

const prefixOf = ({ name }: ArtifactStore): string => `r2://${name}/`;

export const refOf = (store: ArtifactStore, key: string): string => `${prefixOf(store)}${key}`;

/** Null for a reference to elsewhere. A scheme is the same in capitals (RFC 3986 §3.1). */
export const keyIn = (store: ArtifactStore, ref: string): string | null => {
  const prefix = prefixOf(store);
  return ref.slice(0, prefix.length).toLowerCase() === prefix ? ref.slice(prefix.length) : null;
};

/** What the store says of an object. */
export function findingOf(object: R2Object | null): Extract<Finding, { kind: 'found' | 'missing' }> {
  if (object === null) return { kind: 'missing' };
  const { sha256 } = object.checksums;
  return { kind: 'found', sizeBytes: object.size, sha256: sha256 ? toHex(new Uint8Array(sha256)) : null };
}

/** Why this object, found under its reference, is not what the version was when it was recorded; null where nothing says so. */
export function disproofBy(object: R2Object | null, version: ArtifactVersion): 'missing' | 'changed' | null {
  return disproof(version, new Map([[version.ref, findingOf(object)]]));
}

/** Takes away all that lies below this prefix. */
export async function deleteBelow({ bucket }: ArtifactStore, prefix: string): Promise<void> {
  let cursor: string | undefined;
  do {
    const page: R2Objects = await bucket.list({ prefix, ...(cursor ? { cursor } : {}) });
    if (page.objects.length > 0) await bucket.delete(page.objects.map(({ key }) => key));
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
}
