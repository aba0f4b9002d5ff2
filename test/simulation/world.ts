// A project's whole world: the service's own actors, stores, outbox and consumers, in simulated surroundings, for one job or
// several. What stands in for the platform and for the orchestrator is at the outermost edge.
import type { CallbackAnswer, DispatchAnswer } from '../../src/actor/answers.ts';
import { JobActor } from '../../src/actor/job-actor.ts';
import { OperationActor } from '../../src/actor/operation-actor.ts';
import { ProjectActor } from '../../src/actor/project-actor.ts';
import { WorkspaceActor } from '../../src/actor/workspace-actor.ts';
import type { Delivery, DispatchMessage } from '../../src/contract/messages.ts';
import type { Callback, DeliveryOutcome, Retry } from '../../src/domain/commands.ts';
import { holds } from '../rules/holds.ts';
import { requestOf } from '../rules/outside.ts';
import type { Script } from '../support/pipeline/script.ts';
import { Chance, type Chances } from './chance.ts';
import { BUCKET, rulesOf } from './policies.ts';
import { endingOfDispatch, Records, toReportAnswer } from './records.ts';
import { GONE, SimulatedObject } from './simulated-object.ts';
import { SimulatedOrchestrator } from './simulated-orchestrator.ts';
import { type Invocation, SimulatedQueue } from './simulated-queue.ts';
import { type Pace, SimulatedStore, type State } from './simulated-store.ts';
import { isErasedProject, leaveOutDefaults, type OlderVersion, STORED_AS, storedPresent } from './stored.ts';
import { Timeline, type Timer } from './timeline.ts';

export const PROJECT = { projectId: 'prj_simulated', owner: 'own_alice' };

/** What a caller sees of a call that did not arrive, or whose answer did not. */
const LOST = new Error('Network connection lost.');
/** How long somebody outside waits for an answer at all. */
const PATIENCE_MS = 60_000;

/** Whether a call failed by a fault of the surroundings, and not by the service's own doing. */
export const isFault = (error: unknown): boolean => error === GONE || error === LOST;

/** What somebody who died waits for. */
const never = <T>(): Promise<T> => new Promise(() => {});

/** Whether the caller is still there to send, and later to hear the answer. */
interface Caller {
  canSend(): boolean;
  isAlive(): boolean;
}
const OUTSIDE: Caller = { canSend: () => true, isAlive: () => true };

/** An object calls out as long as nothing has taken its memory. */
function gated(gate: () => boolean): Caller {
  let isGone = false;
  return {
    canSend: () => {
      isGone ||= !gate();
      return !isGone;
    },
    isAlive: () => !isGone,
  };
}

export interface JobInWorld {
  readonly id: string;
  readonly object: SimulatedObject;
  readonly records: Records;
}

export interface Inhabitants {
  jobs: number;
  scripts: readonly Script[];
  /** For which of the jobs the orchestrator never answers; null for none. */
  hangsFor: number | null;
  store: Pace;
  /** How long a job is kept that has ended; null for good. */
  keepEndedMs: number | null;
  /** When its owner wants the project to go; null for never. */
  projectGoesAfterMs: number | null;
  /** Whether failed jobs are retried by themselves. */
  automatic: boolean;
}

export class World {
  readonly timeline = new Timeline();
  readonly chance: Chance;
  readonly jobs: readonly JobInWorld[];
  readonly project: SimulatedObject;
  /** By their ids: an object is there for any name. */
  readonly operations = new Map<string, SimulatedObject>();
  readonly workspace: SimulatedObject;
  readonly queue: SimulatedQueue;
  readonly orchestrator: SimulatedOrchestrator;
  readonly store: SimulatedStore;
  readonly keepEndedMs: number | null;
  readonly mayProjectGo: boolean;
  /** Which version of the service is deployed: its policy is its own. */
  deployed = 0;
  isProjectErased = false;
  #projectCommits = 0;
  readonly automatic: boolean;
  /** Whether a version was deployed over what an older one had stored. */
  hasBeenOlder = false;
  /** How often any was. */
  deployments = 0;
  /** How often memories were taken on purpose: what was on its way then is not to be hurried. */
  #disturbances = 0;
  /** When each dispatch was first put on the queue, and how many faults there had been. */
  readonly #sent = new Map<string, { at: number; faults: number; isAttempted: boolean }>();

  constructor(
    chances: Chances,
    { jobs, scripts, hangsFor, store, automatic, keepEndedMs, projectGoesAfterMs }: Inhabitants,
  ) {
    const { timeline } = this;
    this.automatic = automatic;
    this.chance = new Chance(chances);
    this.keepEndedMs = keepEndedMs;
    this.mayProjectGo = projectGoesAfterMs !== null;
    this.store = new SimulatedStore(timeline, this.chance, store);
    this.workspace = new SimulatedObject(timeline, this.chance, (ctx) => new WorkspaceActor(ctx, {} as Env));
    this.project = new SimulatedObject(
      timeline,
      this.chance,
      (ctx, gate) => new ProjectActor(ctx, this.#projectEnv(gate)),
    );
    this.jobs = Array.from({ length: jobs }, (_, index) => ({
      id: `job_${index}`,
      object: new SimulatedObject(
        timeline,
        this.chance,
        (ctx, gate) => new JobActor(ctx, this.#jobEnv(gate)),
      ),
      records: new Records(() => timeline.now),
    }));
    this.queue = new SimulatedQueue({
      ...{ timeline, chance: this.chance },
      environment: (invocation) => this.#consumerEnv(invocation),
      faults: () => this.#faults,
    });
    this.orchestrator = new SimulatedOrchestrator(
      timeline,
      this.chance,
      { scripts, hangsFor: hangsFor === null ? null : (this.jobs[hangsFor]?.id ?? null) },
      (jobId, report) => this.#report(this.#job(jobId), report),
    );
  }

  get objects(): readonly SimulatedObject[] {
    const jobs = this.jobs.map(({ object }) => object);
    return [...jobs, this.project, this.workspace, ...this.operations.values()];
  }

  /** A call to a job from outside: by the Worker, for an editor or the orchestrator. */
  call<T>({ object }: JobInWorld, method: string, ...args: unknown[]): Promise<T> {
    return this.#rpc(OUTSIDE, object, method, args) as Promise<T>;
  }

  /** The same to their project. */
  callProject<T>(method: string, ...args: unknown[]): Promise<T> {
    return this.#rpc(OUTSIDE, this.project, method, args) as Promise<T>;
  }

  /** The same to an operation. */
  callOperation<T>(id: string, method: string, ...args: unknown[]): Promise<T> {
    return this.#rpc(OUTSIDE, this.operation(id), method, args) as Promise<T>;
  }

  operation(id: string): SimulatedObject {
    const known = this.operations.get(id);
    if (known) return known;
    const made = new SimulatedObject(
      this.timeline,
      this.chance,
      (ctx, gate) => new OperationActor(ctx, this.#operationEnv(gate)),
    );
    this.operations.set(id, made);
    return made;
  }

  /** The actors' `setTimeout`, never early and a little late: what belonged to a lost memory does nothing any more. */
  setTimeout(run: () => void, ms: number): Timer {
    return this.timeline.after(ms + this.chance.delayMs(), () => {
      try {
        run();
      } catch (error) {
        if (error !== GONE) throw error;
      }
    });
  }

  async deliver(delivery: Delivery): Promise<DeliveryOutcome> {
    const { records } = this.#job(delivery.jobId);
    // A cancel waits for the delivery that it would otherwise overtake.
    const sent = delivery.type === 'job.cancel' ? undefined : this.#sent.get(delivery.dispatchId);
    if (sent && !sent.isAttempted && sent.faults === this.#faults) {
      records.longestToHealthyMs = Math.max(records.longestToHealthyMs, this.timeline.now - sent.at);
    }
    // What failed once comes back after a pause.
    if (sent) sent.isAttempted = true;
    records.delivers(delivery);
    const outcome = await this.orchestrator.receive(delivery);
    records.delivered(delivery, outcome);
    return outcome;
  }

  /** The runtime is killed: every memory is gone, the local queue's too. */
  restart(): void {
    this.#disturbances += 1;
    for (const object of this.objects) object.reset();
    this.queue.lose();
  }

  /** What it brings before and after is not to be hurried. */
  pauseQueue(ms: number): void {
    this.#disturbances += 1;
    this.queue.pause(ms, () => {
      this.#disturbances += 1;
    });
  }

  /** Every object comes back under another version, which finds what one of before has stored; the queue keeps its messages. */
  deploy(): void {
    this.#comeBack();
    for (const { object } of this.jobs) leaveOutDefaults(object);
  }

  /** The same, over what an older version of the storage has left. */
  deployOver(version: OlderVersion): void {
    this.#comeBack();
    this.hasBeenOlder = true;
    for (const { object } of this.jobs) STORED_AS[version](object);
  }

  /** After every event: what is left of an erased project goes too. */
  noteProject(): void {
    if (this.#projectCommits === this.project.commits) return;
    this.#projectCommits = this.project.commits;
    this.isProjectErased ||= isErasedProject(this.project);
  }

  deployPolicy(): void {
    this.#comeBack();
    this.deployed += 1;
  }

  #comeBack(): void {
    this.deployments += 1;
    this.#disturbances += 1;
    for (const object of this.objects) object.reset();
  }

  /** Somebody takes the newest artifact of a job away, or writes over it, or brings all of them back. */
  tamper({ object }: JobInWorld, state: State): void {
    const versions = storedPresent(object)?.job.versions ?? [];
    const touched = state === 'there' ? versions : versions.slice(-1);
    // What lies elsewhere is nobody's to look for.
    const inStore = touched.filter(({ ref }) => ref.startsWith(`r2://${BUCKET}/`));
    for (const { ref } of inStore) this.store.set(ref, state);
  }

  evict({ object }: JobInWorld): void {
    this.#disturbances += 1;
    object.reset();
  }

  /** Another machine's clock: it comes with other instances. */
  setClock(skewMs: number): void {
    for (const job of this.jobs) this.evict(job);
    this.timeline.skewMs = skewMs;
  }

  settle(): void {
    for (const object of this.objects) object.settle();
  }

  close(): void {
    for (const object of this.objects) object.close();
  }

  get #faults(): number {
    return this.chance.count + this.#disturbances;
  }

  #job(jobId: string): JobInWorld {
    const found = this.jobs.find(({ id }) => id === jobId);
    if (!found) throw new Error(`there is no ${jobId}`);
    return found;
  }

  async #report(job: JobInWorld, report: Callback): Promise<string | null> {
    const answered = job.records.reported(report);
    const wasErased = job.records.erasedAt !== null;
    try {
      const answer = await this.call<CallbackAnswer>(job, 'applyCallback', report);
      answered(toReportAnswer(answer));
      const code = answer.ok ? null : answer.rejection.code;
      holds('a report for an erased job finds none', !wasErased || code === 'RESOURCE_NOT_FOUND');
      job.records.wasFull ||= code === 'MANIFEST_FULL';
      return code;
    } catch (error) {
      answered(isFault(error) ? 'none' : 'failed');
      throw error;
    }
  }

  async #rpc(caller: Caller, target: SimulatedObject, method: string, args: unknown[]): Promise<unknown> {
    if (!caller.canSend()) return never();
    await this.timeline.sleep(this.chance.delayMs());
    const fault = this.chance.fault('call');
    if (fault === 'never-arrives') throw LOST;
    if (fault === 'hangs') return this.#silence(caller);
    const answer = await target.invoke(method, args);
    await this.timeline.sleep(this.chance.delayMs());
    if (fault === 'answer-lost') throw LOST;
    if (fault === 'answer-hangs') return this.#silence(caller);
    return caller.isAlive() ? answer : never();
  }

  /** Nobody answers, and nothing fails either. Somebody outside gives up; the service has to see to itself. */
  async #silence(caller: Caller): Promise<never> {
    if (caller !== OUTSIDE) return never();
    await this.timeline.sleep(PATIENCE_MS);
    throw LOST;
  }

  async #send(caller: Caller, message: DispatchMessage, options?: QueueSendOptions): Promise<void> {
    if (!caller.canSend()) return never();
    const fault = this.chance.fault('queue');
    if (fault === 'hangs') return never();
    const sent = { at: this.timeline.now, faults: this.queue.faultsBefore, isAttempted: false };
    if (!this.#sent.has(message.dispatch_id)) this.#sent.set(message.dispatch_id, sent);
    await this.queue.send(message, options);
    if (fault === 'taken-and-hangs') return never();
  }

  #stub(caller: Caller, target: SimulatedObject): object {
    return new Proxy(
      {},
      {
        get:
          (_target, method) =>
          (...args: unknown[]) =>
            this.#rpc(caller, target, String(method), args),
      },
    );
  }

  #producer(caller: Caller): object {
    return {
      send: (message: DispatchMessage, options: QueueSendOptions) => this.#send(caller, message, options),
    };
  }

  /** What requireConfig answers to whoever has one of these environments. */
  get #config(): object {
    const world = this;
    return {
      get rules() {
        return { ...rulesOf(world), keepEndedMs: world.keepEndedMs };
      },
      ...{ orchestratorTimeoutMs: 2_500, maxOpenDeliveries: 60, artifactsBucket: BUCKET },
    };
  }

  #bucket(caller: Caller): object {
    return {
      head: (key: string) => (caller.canSend() ? this.store.head(key) : never()),
      list: (options: { prefix: string }) => (caller.canSend() ? this.store.list(options) : never()),
      delete: (keys: string[]) => (caller.canSend() ? this.store.delete(keys) : never()),
    };
  }

  #jobEnv(gate: () => boolean): Env {
    const caller = gated(gate);
    return {
      CONFIG: this.#config,
      ARTIFACTS: this.#bucket(caller),
      DISPATCHES: this.#producer(caller),
      PROJECT: { getByName: () => this.#stub(caller, this.project) },
      OPERATION: { getByName: (id: string) => this.#stub(caller, this.operation(id)) },
    } as unknown as Env;
  }

  #operationEnv(gate: () => boolean): Env {
    const caller = gated(gate);
    return {
      CONFIG: this.#config,
      PROJECT: { getByName: () => this.#stub(caller, this.project) },
      JOB: { getByName: (jobId: string) => this.#asked(caller, this.#job(jobId)) },
    } as unknown as Env;
  }

  /** A job as an operation knows it: what it asks for on its editor's behalf is written down like what they ask for. */
  #asked(caller: Caller, job: JobInWorld): object {
    const call = (method: string, args: unknown[]) => this.#rpc(caller, job.object, method, args);
    return {
      newsOf: (...args: unknown[]) => call('newsOf', args),
      dispatch: async (retry: Retry, waitMs: number): Promise<DispatchAnswer> => {
        const request = requestOf('retry', retry.clientRequestId);
        const prefer = `respond-async, wait=${waitMs / 1_000}`;
        const ended = job.records.asks({ operation: 'retry', request, prefer });
        // It may be gone before it is answered.
        ended({ kind: 'forgotten' });
        const answer = (await call('dispatch', [retry, waitMs])) as DispatchAnswer;
        ended(endingOfDispatch(answer));
        return answer;
      },
    };
  }

  #projectEnv(gate: () => boolean): Env {
    const caller = gated(gate);
    return {
      CONFIG: this.#config,
      WORKSPACE: { getByName: () => this.#stub(caller, this.workspace) },
      JOB: { getByName: (jobId: string) => this.#stub(caller, this.#job(jobId).object) },
      OPERATION: { getByName: (id: string) => this.#stub(caller, this.operation(id)) },
    } as unknown as Env;
  }

  #consumerEnv(invocation: Invocation): Env {
    const caller: Caller = {
      canSend: () => {
        if (this.chance.fault('consumer') === 'dies') invocation.end();
        return invocation.isAlive;
      },
      isAlive: () => invocation.isAlive,
    };
    return {
      CONFIG: this.#config,
      DISPATCHES: this.#producer(caller),
      JOB: { getByName: (jobId: string) => this.#stub(caller, this.#job(jobId).object) },
    } as unknown as Env;
  }
}
