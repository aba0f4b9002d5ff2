// One job's whole world: the service's own actors, stores, outbox and consumers, in simulated surroundings.
// What stands in for the platform and for the orchestrator is at the outermost edge.
import type { CallbackAnswer } from '../../src/actor/answers.ts';
import { JobActor } from '../../src/actor/job-actor.ts';
import { ProjectActor } from '../../src/actor/project-actor.ts';
import { WorkspaceActor } from '../../src/actor/workspace-actor.ts';
import type { Delivery } from '../../src/contract/messages.ts';
import type { Callback, DeliveryOutcome } from '../../src/domain/commands.ts';
import type { Script } from '../support/pipeline/script.ts';
import { Chance, type Chances } from './chance.ts';
import { Records, toReportAnswer } from './records.ts';
import { GONE, SimulatedObject } from './simulated-object.ts';
import { SimulatedOrchestrator } from './simulated-orchestrator.ts';
import { type Invocation, SimulatedQueue } from './simulated-queue.ts';
import { Timeline, type Timer } from './timeline.ts';

export const JOB = {
  id: 'job_simulated',
  projectId: 'prj_simulated',
  owner: 'own_alice',
  ownerIdentity: null,
  requestDigest: 'of the creation',
};

/** What a caller sees of a call that did not arrive, or whose answer did not. */
const LOST = new Error('Network connection lost.');

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

export class World {
  readonly timeline = new Timeline();
  readonly records = new Records(() => this.timeline.now);
  readonly chance: Chance;
  readonly job: SimulatedObject;
  readonly project: SimulatedObject;
  readonly workspace: SimulatedObject;
  readonly queue: SimulatedQueue;
  readonly orchestrator: SimulatedOrchestrator;

  constructor(chances: Chances, scripts: readonly Script[]) {
    const { timeline } = this;
    this.chance = new Chance(chances);
    this.workspace = new SimulatedObject(timeline, this.chance, (ctx) => new WorkspaceActor(ctx, {} as Env));
    this.project = new SimulatedObject(
      timeline,
      this.chance,
      (ctx, gate) => new ProjectActor(ctx, this.#projectEnv(gate)),
    );
    this.job = new SimulatedObject(
      timeline,
      this.chance,
      (ctx, gate) => new JobActor(ctx, this.#jobEnv(gate)),
    );
    this.queue = new SimulatedQueue(timeline, this.chance, (invocation) => this.#consumerEnv(invocation));
    this.orchestrator = new SimulatedOrchestrator(timeline, this.chance, scripts, (report) =>
      this.#report(report),
    );
  }

  /** A call to the job from outside: by the Worker, for an editor or the orchestrator. */
  call<T>(method: string, ...args: unknown[]): Promise<T> {
    return this.#rpc(OUTSIDE, this.job, method, args) as Promise<T>;
  }

  /** The same to its project. */
  callProject<T>(method: string, ...args: unknown[]): Promise<T> {
    return this.#rpc(OUTSIDE, this.project, method, args) as Promise<T>;
  }

  /** The actors' `setTimeout`: what belonged to a lost memory does nothing any more. */
  setTimeout(run: () => void, ms: number): Timer {
    return this.timeline.after(ms, () => {
      try {
        run();
      } catch (error) {
        if (error !== GONE) throw error;
      }
    });
  }

  async deliver(delivery: Delivery): Promise<DeliveryOutcome> {
    const outcome = await this.orchestrator.receive(delivery);
    this.records.delivered(delivery, outcome);
    return outcome;
  }

  /** The runtime is killed: every memory is gone, the local queue's too. */
  restart(): void {
    this.job.reset();
    this.project.reset();
    this.workspace.reset();
    this.queue.lose();
  }

  settle(): void {
    this.job.settle();
    this.project.settle();
    this.workspace.settle();
  }

  close(): void {
    this.job.close();
    this.project.close();
    this.workspace.close();
  }

  async #report(report: Callback): Promise<string | null> {
    const answered = this.records.reported(report);
    try {
      const answer = await this.call<CallbackAnswer>('applyCallback', report);
      answered(toReportAnswer(answer));
      return answer.ok ? null : answer.rejection.code;
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
    const answer = await target.invoke(method, args);
    await this.timeline.sleep(this.chance.delayMs());
    if (fault === 'answer-lost') throw LOST;
    return caller.isAlive() ? answer : never();
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

  #jobEnv(gate: () => boolean): Env {
    const caller = gated(gate);
    return {
      DISPATCHES: { send: (message: never) => (caller.canSend() ? this.queue.send(message) : never()) },
      PROJECT: { getByName: () => this.#stub(caller, this.project) },
    } as unknown as Env;
  }

  #projectEnv(gate: () => boolean): Env {
    const caller = gated(gate);
    return { WORKSPACE: { getByName: () => this.#stub(caller, this.workspace) } } as unknown as Env;
  }

  #consumerEnv(invocation: Invocation): Env {
    const caller: Caller = {
      canSend: () => {
        if (this.chance.fault('consumer') === 'dies') invocation.isAlive = false;
        return invocation.isAlive;
      },
      isAlive: () => invocation.isAlive,
    };
    return { JOB: { getByName: () => this.#stub(caller, this.job) } } as unknown as Env;
  }
}
