// Starts the bench's orchestrator and asks it what it has received.
import { join } from 'node:path';
import { Child } from '../support/child.ts';

export interface Arrival {
  jobId: string;
  /** CLOCK_MONOTONIC, the same for every process of this machine. */
  atNs: bigint;
}

export class OrchestratorEvents {
  readonly url: string;
  readonly child: Child;

  private constructor(url: string, child: Child) {
    this.url = url;
    this.child = child;
  }

  static async start(): Promise<OrchestratorEvents> {
    const child = new Child([join(import.meta.dirname, 'orchestrator.ts')]);
    return new OrchestratorEvents(await child.line(/^http:\/\/\S+$/), child);
  }

  /** Forgets what came before. With `pipeline` it reports every stage of what comes from now on. */
  async reset(mode?: 'pipeline'): Promise<void> {
    await fetch(`${this.url}/reset${mode ? `?${mode}` : ''}`, { method: 'POST' });
  }

  /** The first arrival of each job since the reset, once there are that many jobs. */
  received(count: number): Promise<Arrival[]> {
    return this.#events('received', count);
  }

  /** When the draft of each job was taken, once there are that many; throws when a report was refused. */
  drafted(count: number): Promise<Arrival[]> {
    return this.#events('drafted', count);
  }

  async #events(kind: 'received' | 'drafted', count: number): Promise<Arrival[]> {
    const response = await fetch(`${this.url}/events?kind=${kind}&count=${count}`);
    const body = (await response.json()) as { refused: string[]; events: [string, string][] };
    if (body.refused.length > 0) throw new Error(`a report was refused: ${body.refused[0]}`);
    return body.events.map(([jobId, atNs]) => ({ jobId, atNs: BigInt(atNs) }));
  }
}
