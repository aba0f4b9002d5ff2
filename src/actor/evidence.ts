// Asks the store of artifacts (an R2 bucket, where one is bound) what it has of the versions that a pipeline may resume from.
// A store that hangs or fails is no reason not to retry: what it did not say is not known.
import type { Evidence, Finding } from '../domain/evidence.ts';
import type { ArtifactVersion } from '../domain/job.ts';
import { describeError, log } from '../log.ts';
import { within } from '../time-limit.ts';

/** A retry is held up no longer than this by the store. */
const ANSWER_LIMIT_MS = 1_000;
/** How many objects are asked for, side by side. Whatever comes after those is hardly ever looked at. */
const MAX_ASKED = 12;

export interface ArtifactStore {
  bucket: Pick<R2Bucket, 'head'>;
  /** As references name it: `r2://<name>/<key>`. */
  name: string;
}

/** What the store says of these, by reference. Of what lies elsewhere, or without a store, nothing. Never throws. */
export async function evidenceOf(
  versions: readonly Pick<ArtifactVersion, 'ref'>[],
  store: ArtifactStore | null,
): Promise<Evidence> {
  if (store === null) return new Map();
  const prefix = `r2://${store.name}/`;
  const refs = [...new Set(versions.map(({ ref }) => ref))].filter((ref) => ref.startsWith(prefix));
  const asked = refs.slice(0, MAX_ASKED);
  const unasked = refs.slice(MAX_ASKED).map((ref): [string, Finding] => [ref, { kind: 'unchecked' }]);
  const found = await Promise.all(
    asked.map(
      async (ref): Promise<[string, Finding]> => [ref, await look(store.bucket, ref.slice(prefix.length))],
    ),
  );
  return new Map([...found, ...unasked]);
}

async function look(bucket: Pick<R2Bucket, 'head'>, key: string): Promise<Finding> {
  try {
    const object = await within(ANSWER_LIMIT_MS, bucket.head(key));
    if (object === null) return { kind: 'missing' };
    const { sha256 } = object.checksums;
    return { kind: 'found', sizeBytes: object.size, sha256: sha256 === undefined ? null : toHex(sha256) };
  } catch (error) {
    log('warn', 'artifact_store_unavailable', { error: describeError(error) });
    return { kind: 'unavailable' };
  }
}

const toHex = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
