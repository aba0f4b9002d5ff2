// Corrections in the store of artifacts: an upload is streamed there and hashed on its way, what came of no version is taken away.
// Each lies under a key of its own, edits/<job>/<stage>/<version that it corrects>-<random>: nothing is ever written over.
import { type ArtifactStore, editsOf, keyIn, refOf } from '../artifact-store.ts';
import { toHex } from '../contract/hashes.ts';
import { describeError, log } from '../log.ts';
import { within } from '../time-limit.ts';

/** How long the store may take for one answer, once it has all that it needs. */
export const STORE_LIMIT_MS = 10_000;
/** An upload is done with, one way or another, long before. */
const LEFT_BEHIND_MS = 3_600_000;

const folderOf = (jobId: string, stage: string): string => `${editsOf(jobId)}${stage}/`;

/** A key that no other upload has. */
export const newKey = (jobId: string, stage: string, edits: number): string =>
  `${folderOf(jobId, stage)}${edits}-${crypto.randomUUID()}`;

export type Taken =
  | { kind: 'taken'; sha256: string }
  /** Its sender has gone in the middle of it. */
  | { kind: 'broken-off' }
  /** Whether the store has it is not known. */
  | { kind: 'not-stored'; error: unknown };

/** Reads a body to its end, and keeps nothing of it but its SHA-256, in hex. */
export async function hashed(
  body: ReadableStream<Uint8Array>,
  handOn: (chunk: Uint8Array) => Promise<void> = async () => {},
): Promise<Taken> {
  const digest = new crypto.DigestStream('SHA-256');
  digest.digest.catch(() => {});
  const writer = digest.getWriter();
  const reader = body.getReader();
  for (;;) {
    const read = await reader.read().catch(() => null);
    if (read === null) {
      await writer.abort().catch(() => {});
      return { kind: 'broken-off' };
    }
    if (read.done) break;
    await writer.write(read.value);
    await handOn(read.value);
  }
  await writer.close();
  return { kind: 'taken', sha256: toHex(new Uint8Array(await digest.digest)) };
}

/**
 * Streams a body of `length` bytes into the store, never more of it in memory than the store has not taken yet. It is read to its end
 * even when the store fails, or takes nothing any more, so that its sender hears the answer.
 */
export async function upload(
  { bucket }: ArtifactStore,
  key: string,
  body: ReadableStream<Uint8Array>,
  length: number,
  contentType: string | null,
): Promise<Taken> {
  const { readable, writable } = new FixedLengthStream(length);
  const writer = writable.getWriter();
  let isOver = false;
  // For whoever reads the bucket without this service: it is saved and not opened.
  const httpMetadata = { contentDisposition: 'attachment', ...(contentType ? { contentType } : {}) };
  const put = async () => bucket.put(key, readable, { httpMetadata });
  const stored = put()
    .then(
      () => null,
      (error: unknown) => ({ error }),
    )
    .finally(() => {
      isOver = true;
      // A store that wants no more leaves nobody waiting for it to take it.
      writer.abort().catch(() => {});
    });

  let hung: unknown = null;
  const taken = await hashed(body, async (chunk) => {
    if (isOver) return;
    // What the store does not take is not our sender's fault: `stored` says it.
    const write = writer.write(chunk).catch(() => {});
    await within(STORE_LIMIT_MS, write).catch((error: unknown) => {
      hung = error;
      isOver = true;
    });
  });
  const isWhole = taken.kind === 'taken' && hung === null;
  // Neither waits for the store.
  (isWhole ? writer.close() : writer.abort()).catch(() => {});
  if (hung !== null) return { kind: 'not-stored', error: hung };
  try {
    const failed = await within(STORE_LIMIT_MS, stored);
    return failed === null || !isWhole ? taken : { kind: 'not-stored', error: failed.error };
  } catch (error) {
    return isWhole ? { kind: 'not-stored', error } : taken;
  }
}

/** Takes away what no version was made of. What cannot be taken away now is left to a sweep. */
export async function discard({ bucket }: ArtifactStore, key: string): Promise<void> {
  try {
    await within(STORE_LIMIT_MS, bucket.delete(key));
  } catch (error) {
    log('warn', 'artifact_not_discarded', { error: describeError(error) });
  }
}

/**
 * Takes away the content of this stage that was put an hour ago or earlier and that is of no version, by the word of
 * `unreferenced`: what an upload has left whose end nobody knows. Never throws.
 */
export async function sweep(
  store: ArtifactStore,
  jobId: string,
  stage: string,
  unreferenced: (refs: string[]) => Promise<string[]>,
): Promise<void> {
  const before = Date.now() - LEFT_BEHIND_MS;
  const prefix = folderOf(jobId, stage);
  try {
    let cursor: string | undefined;
    do {
      const page: R2Objects = await store.bucket.list({ prefix, ...(cursor ? { cursor } : {}) });
      const old = page.objects.filter(({ uploaded }) => uploaded.getTime() <= before);
      const orphans = old.length > 0 ? await unreferenced(old.map(({ key }) => refOf(store, key))) : [];
      const keys = orphans.flatMap((ref) => keyIn(store, ref) ?? []);
      if (keys.length > 0) await store.bucket.delete(keys);
      cursor = page.truncated ? page.cursor : undefined;
    } while (cursor !== undefined);
  } catch (error) {
    log('warn', 'artifact_not_discarded', { error: describeError(error) });
  }
}
