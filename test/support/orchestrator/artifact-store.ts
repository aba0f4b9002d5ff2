// The bucket of this machine, over HTTP: the orchestrator puts there what it makes, tests and the demo take it away again.
// What answers is artifact-worker.ts's, by a door (artifact-door.ts) or by a socket of its own (runtime/runtime.ts).
import { setTimeout as sleep } from 'node:timers/promises';
import type { Response } from 'undici';
import { fetchAlone } from '../own-connection.ts';

/** As wrangler.toml names it. */
const BUCKET = 'retake-artifacts';
const ANSWER_TIMEOUT_MS = 10_000;
const READY_TIMEOUT_MS = 60_000;

export class ArtifactStore {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** Resolves to the reference of the object. Like the others, it rejects when the store is not there. */
  async put(key: string, content: string): Promise<string> {
    await this.#call('PUT', key, content);
    return `r2://${BUCKET}/${key}`;
  }

  /** What is behind a reference of this store; null when nothing is. */
  async read(ref: string): Promise<string | null> {
    const response = await this.#call('GET', keyOf(ref));
    return response.status === 404 ? null : response.text();
  }

  async overwrite(ref: string, content: string): Promise<void> {
    await this.#call('PUT', keyOf(ref), content);
  }

  async remove(ref: string): Promise<void> {
    await this.#call('DELETE', keyOf(ref));
  }

  /** Resolves once it answers: the service brings it along, and under `wrangler dev` each makes the other known in its time. */
  async ready(): Promise<void> {
    const until = Date.now() + READY_TIMEOUT_MS;
    for (;;) {
      const failure = await this.#call('GET', '').then(
        () => null,
        (error: unknown) => error,
      );
      if (failure === null) return;
      if (Date.now() > until) throw new Error('the artifact store does not answer', { cause: failure });
      await sleep(50);
    }
  }

  async #call(method: string, key: string, body?: string): Promise<Response> {
    const path = key.split('/').map(encodeURIComponent).join('/');
    const response = await fetchAlone(`${this.#url}/${path}`, {
      method,
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    if (response.ok || response.status === 404) return response;
    throw new Error(`artifact store: ${method} ${key} → ${response.status} ${await response.text()}`);
  }
}

function keyOf(ref: string): string {
  const prefix = `r2://${BUCKET}/`;
  if (!ref.startsWith(prefix)) throw new Error(`${ref} is not in the artifact store`);
  return ref.slice(prefix.length);
}
