// What a pipeline of this orchestrator makes: a text for each artifact that says which model made it, and of what, in the
// store of this machine, under a key of the execution's own. Where there is no store, or it does not answer, there is a name alone.

import { createHash } from 'node:crypto';
import { type Artifact, type ArtifactUpdates, artifactUri, type Report } from '../pipeline/script.ts';
import type { ArtifactStore } from './artifact-store.ts';
import { sourceOf, type WorkDispatch } from './dispatch.ts';

const URIS = {
  audio: 'audio_uri',
  transcript: 'transcript_uri',
  draft: 'draft_uri',
} as const satisfies Record<Artifact, keyof ArtifactUpdates>;
const ARTIFACTS = ['audio', 'transcript', 'draft'] as const satisfies Artifact[];

type Proof = { digest: string; size_bytes: number };
type Made = { ref: string; proof: Proof };

export class ArtifactMaker {
  readonly #dispatch: WorkDispatch;
  readonly #executionId: string;
  readonly #store: ArtifactStore | null;
  /** What the next artifact is made from. */
  #source: string;

  constructor(dispatch: WorkDispatch, executionId: string, store: ArtifactStore | null) {
    this.#dispatch = dispatch;
    this.#executionId = executionId;
    this.#store = store;
    this.#source = sourceOf(dispatch);
  }

  /** The report with what it names in place, and with the digest and size of the furthest of it. */
  async made(report: Report): Promise<Report & { artifact_updates?: ArtifactUpdates & Partial<Proof> }> {
    const { artifact_updates: updates } = report;
    if (updates === undefined) return report;
    let told: ArtifactUpdates & Partial<Proof> = updates;
    for (const artifact of ARTIFACTS) {
      const name = updates[URIS[artifact]];
      if (name === undefined) continue;
      const { ref, proof } = await this.#make(artifact, name);
      this.#source = ref;
      told = { ...told, [URIS[artifact]]: ref, ...proof };
    }
    return { ...report, artifact_updates: told };
  }

  /** Only what the script has given its usual name is put into the store: a spoilt one is spoilt on purpose. */
  async #make(artifact: Artifact, name: string): Promise<Made> {
    if (this.#store === null || name !== artifactUri(this.#executionId, artifact)) return nameAlone(name);
    const { job_id } = this.#dispatch;
    const engine = this.#dispatch.engines?.[artifact];
    const file = engine === undefined ? artifact : `${artifact}.${encodeURIComponent(engine)}`;
    const content = `${artifact} of ${job_id}\nengine: ${engine ?? 'any'}\nmade from: ${this.#source}\nmade by: ${this.#executionId}\n`;
    return this.#store.put(`${job_id}/${this.#executionId}/${file}`, content).then(
      (ref) => ({ ref, proof: proofOf(content) }),
      () => nameAlone(name),
    );
  }
}

const proofOf = (content: string): Proof => ({
  digest: `sha-256:${createHash('sha256').update(content).digest('hex')}`,
  size_bytes: Buffer.byteLength(content),
});

/** There is no file behind the URI, so its name stands in for its content. */
function nameAlone(ref: string): Made {
  const digest = createHash('sha256').update(ref).digest();
  return {
    ref,
    proof: { digest: `sha-256:${digest.toString('hex')}`, size_bytes: 10_000 + digest.readUInt16BE(0) },
  };
}
