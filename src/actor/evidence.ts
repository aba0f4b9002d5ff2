// Asks the store of artifacts (an R2 bucket, where one is bound) what it has of the versions that a pipeline may resume from.
// A store that hangs or fails is no reason not to retry: what it did not say is not known.
import { type ArtifactStore, findingOf, keyIn } from '../artifact-store.ts';
import type { Evidence, Finding } from '../domain/evidence.ts';
import type { ArtifactVersion } from '../domain/job.ts';
import { describeError, log } from '../log.ts';
import { within } from '../time-limit.ts';

/**
 * A retry is held up no longer than this by the store. Its window opens then, and has to be over with its grace before the
 * wait is, which leaves less than a second (http/prefer.ts, REPORT_GRACE_MS).
 */
const ANSWER_LIMIT_MS = 750;
/**
 * How many objects are asked for, side by side: one connection less than an invocation may have open, so that a store that
 * hangs leaves one for the queue. Whatever comes after those is hardly ever looked at.
 */
const MAX_ASKED = 5;

/**
 * What the store says of the first of `asked`, by reference; of the rest of the `versions` that there are by then, that it was not
 * asked. Of what lies elsewhere, or without a store, nothing. Never throws.
 */
export async function evidenceOf(
  asked: readonly Version[],
  versions: () => readonly Version[],
  store: ArtifactStore | null,
): Promise<Evidence> {
  if (store === null) return new Map();
  const keysOf = (some: readonly Version[]): Map<string, string> =>
    new Map(
      some.flatMap(({ ref }) => {
        const key = keyIn(store, ref);
        return key === null ? [] : [[ref, key]];
      }),
    );
  const looks = [...keysOf(asked)]
    .slice(0, MAX_ASKED)
    .map(async ([ref, key]) => [ref, await look(store.bucket, key)] as const);
  const failed: unknown[] = [];
  const answers = await Promise.all(looks);
  // There may be more of them by now.
  const findings = new Map<string, Finding>();
  for (const ref of keysOf(versions()).keys()) findings.set(ref, { kind: 'unchecked' });
  for (const [ref, found] of answers) {
    if ('error' in found) failed.push(found.error);
    findings.set(ref, 'error' in found ? { kind: 'unavailable' } : found);
  }
  if (failed.length > 0)
    log('warn', 'artifact_store_unavailable', { count: failed.length, error: describeError(failed[0]) });
  return findings;
}

type Version = Pick<ArtifactVersion, 'ref'>;

async function look(
  bucket: ArtifactStore['bucket'],
  key: string,
): Promise<ReturnType<typeof findingOf> | { error: unknown }> {
  try {
    const object = await within(ANSWER_LIMIT_MS, bucket.head(key));
    return findingOf(object);
  } catch (error) {
    return { error };
  }
}
