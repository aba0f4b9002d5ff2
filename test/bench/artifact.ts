// The one artifact that lies in a bucket of the bench, where one is wanted: how it gets there, and how a pipeline reports it.
import { createHash } from 'node:crypto';
import type { Runtime } from '../support/runtime/runtime.ts';

/** As wrangler.toml binds it, and as references name it. */
const BUCKET = { binding: 'ARTIFACTS', name: 'retake-artifacts' };
const KEY = 'bench/audio';
const CONTENT = Buffer.from('what a pipeline has made of a talk');
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');

/** The bucket knows its digest too, so that whoever looks compares all that there is to compare. */
export async function storeArtifact(runtime: Runtime): Promise<void> {
  const bucket = await runtime.bucket(BUCKET.binding);
  await bucket.put(KEY, CONTENT, { sha256: SHA256 });
}

/** `artifact_updates` of the report that the audio is ready. */
export const STORED_ARTIFACT: Readonly<Record<string, unknown>> = {
  audio_uri: `r2://${BUCKET.name}/${KEY}`,
  digest: `sha-256:${SHA256}`,
  size_bytes: CONTENT.byteLength,
};
