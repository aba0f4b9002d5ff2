// What a pipeline of this orchestrator makes: a text for each artifact and export that says which model made it, and of
// what, in the store of this machine, under a key of the execution's own. Where there is no store, or it does not answer,
// there is a name alone.

import { createHash } from 'node:crypto';
import { type Artifact, type ArtifactUpdates, artifactUri, type Report } from '../pipeline/script.ts';
import type { ArtifactStore } from './artifact-store.ts';
import { exportOf, sourceOf, type WorkDispatch } from './dispatch.ts';
import type { ExportedRecord, MadeRecord } from './log.ts';

const URIS = {
  audio: 'audio_uri',
  transcript: 'transcript_uri',
  draft: 'draft_uri',
} as const satisfies Record<Artifact, keyof ArtifactUpdates>;
const ARTIFACTS = ['audio', 'transcript', 'draft'] as const satisfies Artifact[];

type Proof = { digest: string; size_bytes: number };
type Made = { ref: string; proof: Proof };
type Whose = 'at' | 'execution_id' | 'dispatch_id' | 'job_id';
type OnMade = (made: Omit<MadeRecord, Whose> | Omit<ExportedRecord, Whose>) => void;

export class ArtifactMaker {
  readonly #dispatch: WorkDispatch;
  readonly #executionId: string;
  readonly #store: ArtifactStore | null;
  readonly #onMade: OnMade;
  /** What the next artifact is made from. */
  #source: string;
  /** By the names that the script has for it: what is reported again is not made again. */
  readonly #made = new Map<string, Made>();

  /** Tells of all that is made, once. */
  constructor(dispatch: WorkDispatch, executionId: string, store: ArtifactStore | null, onMade: OnMade) {
    this.#dispatch = dispatch;
    this.#executionId = executionId;
    this.#store = store;
    this.#onMade = onMade;
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
      const { ref, proof } = this.#made.get(name) ?? (await this.#make(artifact, name));
      told = { ...told, [URIS[artifact]]: ref, ...proof };
    }
    if (updates.exports) told = { ...told, exports: await this.#export(updates.exports) };
    return { ...report, artifact_updates: told };
  }

  async #make(artifact: Artifact, name: string): Promise<Made> {
    const from = this.#source;
    const engine = this.#dispatch.engines?.[artifact] ?? null;
    const file = engine === null ? artifact : `${artifact}.${encodeURIComponent(engine)}`;
    const made = await this.#put(name, artifact, file, `engine: ${engine ?? 'any'}`);
    this.#made.set(name, made);
    this.#source = made.ref;
    this.#onMade({ kind: 'made', stage: artifact, from, engine, ref: made.ref });
    return made;
  }

  async #export(names: Record<string, string>): Promise<Record<string, string>> {
    const asked = exportOf(this.#dispatch);
    const params = asked?.params ?? null;
    const isNew = Object.values(names).some((name) => !this.#made.has(name));
    const refs: Record<string, string> = {};
    for (const [format, name] of Object.entries(names)) {
      const made =
        this.#made.get(name) ??
        (await this.#put(
          name,
          format,
          `export.${encodeURIComponent(format)}`,
          `params: ${JSON.stringify(params)}`,
        ));
      this.#made.set(name, made);
      refs[format] = made.ref;
    }
    const formats = asked?.formats ?? Object.keys(names);
    if (isNew) this.#onMade({ kind: 'exported', from: this.#source, formats, params, refs });
    return refs;
  }

  /** Only what the script has given its usual name is put into the store: a spoilt one is spoilt on purpose. */
  async #put(name: string, what: string, file: string, how: string): Promise<Made> {
    if (this.#store === null || name !== artifactUri(this.#executionId, what)) return nameAlone(name);
    const { job_id } = this.#dispatch;
    const content = `${what} of ${job_id}\n${how}\nmade from: ${this.#source}\nmade by: ${this.#executionId}\n`;
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
