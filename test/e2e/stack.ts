// The service and the orchestrator, each a process of its own, with fresh state that goes when they do.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ArtifactDoor, startArtifactDoor } from '../support/artifact-door.ts';
import { Editor } from '../support/editor.ts';
import { type IdentityProcess, startIdentityProcess } from '../support/identity/process.ts';
import { objectsAwake } from '../support/objects-awake.ts';
import { ArtifactStore } from '../support/orchestrator/artifact-store.ts';
import { startShipped } from '../support/runtime/process.ts';
import {
  freePort,
  type OrchestratorProcess,
  type Service,
  startOrchestratorProcess,
  startService,
} from '../support/service.ts';

export interface StackOptions {
  /** As developers run it, and not as it ships: it starts and answers more slowly. */
  isUnderWranglerDev?: boolean;
  /** The orchestrator's time before each callback. */
  stepMs?: number;
  /** The orchestrator puts what it makes into the bucket of the service. */
  withArtifactStore?: boolean;
  /** People sign in to the console, at an identity provider beside it. */
  withSignIn?: boolean;
  vars?: Record<string, string | number>;
  /** Called with each line that the service says, whichever instance of it. */
  onServiceLine?: (line: string) => void;
}

interface Ports {
  service: number;
  orchestrator: number;
  artifacts: number;
}

/** Ports and state stay the same over every stop, kill and start. */
export class Stack {
  readonly #options: StackOptions;
  readonly #directory = mkdtempSync(join(tmpdir(), 'retake-'));
  readonly #ports: Ports;
  readonly #artifacts: ArtifactStore;
  #door: ArtifactDoor | null = null;
  #service: Service | null = null;
  #orchestrator: OrchestratorProcess | null = null;
  #identity: IdentityProcess | null = null;
  /** How the service ended by itself, and what it said last. */
  #ended: string | null = null;

  private constructor(options: StackOptions, ports: Ports) {
    this.#options = options;
    this.#ports = ports;
    this.#artifacts = new ArtifactStore(`http://127.0.0.1:${ports.artifacts}`);
    process.on('exit', this.#removeState);
  }

  static async start(options: StackOptions = {}): Promise<Stack> {
    const ports = { service: await freePort(), orchestrator: await freePort(), artifacts: await freePort() };
    const stack = new Stack(options, ports);
    try {
      await stack.#startIdentity();
      await Promise.all([stack.#startDoor(), stack.startOrchestrator(), stack.startService()]);
      if (options.withArtifactStore) await stack.artifacts.ready();
      return stack;
    } catch (error) {
      await stack.stop();
      throw error;
    }
  }

  get service(): Service {
    if (this.#service === null) throw new Error('the service is not running');
    return this.#service;
  }

  get orchestrator(): OrchestratorProcess {
    if (this.#orchestrator === null) throw new Error('the orchestrator is not running');
    return this.#orchestrator;
  }

  /** What the orchestrator has made. */
  get artifacts(): ArtifactStore {
    if (!this.#options.withArtifactStore) throw new Error('this stack has no artifact store');
    return this.#artifacts;
  }

  /** Where the service is, also while it is down. */
  get serviceUrl(): string {
    return `http://127.0.0.1:${this.#ports.service}`;
  }

  /** Where people sign in; null where they do not. */
  get issuer(): string | null {
    return this.#identity?.issuer ?? null;
  }

  /** How many objects the runtime has in its memory; null on a machine that does not tell. */
  objectsAwake(): number | null {
    return objectsAwake(this.#directory);
  }

  editor(sub: string, claims: Record<string, unknown> = {}): Promise<Editor> {
    return Editor.named(sub, this.serviceUrl, this.#identity?.issuer, claims);
  }

  async startService(): Promise<void> {
    const { isUnderWranglerDev, withArtifactStore, vars, onServiceLine } = this.#options;
    const options = {
      port: this.#ports.service,
      orchestratorUrl: `${this.#orchestratorUrl}/dispatches`,
      persistTo: join(this.#directory, 'state'),
      vars: { ...this.#identity?.vars, ...vars },
      ...(onServiceLine ? { onLine: onServiceLine } : {}),
    };
    const service = isUnderWranglerDev
      ? await startService({
          ...options,
          ...(withArtifactStore ? { artifactRegistry: this.#registryPath } : {}),
        })
      : await startShipped({
          ...options,
          ...(withArtifactStore ? { artifactsPort: this.#ports.artifacts } : {}),
        });
    this.#service = service;
    // Whoever starts it again has seen that it had ended.
    this.#ended = null;
    service.child.exited.then((how) => {
      if (this.#service === service) this.#ended = `${how}\n${service.child.output}`;
    });
  }

  async startOrchestrator(): Promise<void> {
    this.#orchestrator = await startOrchestratorProcess({
      port: this.#ports.orchestrator,
      stepMs: this.#options.stepMs ?? 20,
      logFile: join(this.#directory, 'orchestrator.jsonl'),
      ...(this.#options.withArtifactStore ? { storeUrl: `http://127.0.0.1:${this.#ports.artifacts}` } : {}),
    });
  }

  async stopOrchestrator(): Promise<void> {
    const orchestrator = this.#orchestrator;
    this.#orchestrator = null;
    await orchestrator?.stop();
  }

  /** SIGKILL to the runtime and to Miniflare or wrangler, which started it. */
  async killService(): Promise<void> {
    const { service } = this;
    this.#service = null;
    await service.kill();
  }

  /** Rejects, when all is stopped, where the service had ended by itself: with what it said last. */
  async stop(): Promise<void> {
    const others = [this.#service, this.#door, this.#identity];
    this.#service = null;
    await Promise.all([this.stopOrchestrator(), ...others.map((other) => other?.stop())]);
    this.#removeState();
    process.off('exit', this.#removeState);
    if (this.#ended !== null) throw new Error(`the service ended by itself: ${this.#ended}`);
  }

  get #orchestratorUrl(): string {
    return `http://127.0.0.1:${this.#ports.orchestrator}`;
  }

  get #registryPath(): string {
    return join(this.#directory, 'registry');
  }

  async #startIdentity(): Promise<void> {
    if (!this.#options.withSignIn) return;
    this.#identity = await startIdentityProcess({
      serviceUrls: [this.serviceUrl],
      isForDevelopment: true,
      orchestratorUrl: this.#orchestratorUrl,
    });
  }

  async #startDoor(): Promise<void> {
    const { isUnderWranglerDev, withArtifactStore } = this.#options;
    if (!isUnderWranglerDev || !withArtifactStore) return;
    const { artifacts: port } = this.#ports;
    this.#door = await startArtifactDoor({ port, registryPath: this.#registryPath });
  }

  readonly #removeState = (): void => rmSync(this.#directory, { recursive: true, force: true });
}
