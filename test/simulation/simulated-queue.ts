// The queue and its dead letters: at least once, in no order, with every fault of the platform's and the loss of
// everything that a local runtime's queue suffers when it is killed. Consumed by the service's own consumers.
import type { DispatchMessage } from '../../src/contract/messages.ts';
import { consumeDispatches } from '../../src/dispatch/consumer.ts';
import { consumeDeadLetters } from '../../src/dispatch/dead-letter.ts';
import type { Chance } from './chance.ts';
import type { Timeline } from './timeline.ts';

/** When nobody acknowledged a message, it is brought again after this. */
const VISIBILITY_TIMEOUT_MS = 30_000;

/** The environment of one invocation of a consumer, which ends when `isAlive` turns false. */
export interface Invocation {
  isAlive: boolean;
}
type Consume = typeof consumeDispatches;

export class SimulatedQueue {
  readonly #timeline: Timeline;
  readonly #chance: Chance;
  readonly #environment: (invocation: Invocation) => Env;
  #underWay = new Set<Invocation>();
  /** Counts restarts: what was on the queue before one is gone. */
  #epoch = 0;

  constructor(timeline: Timeline, chance: Chance, environment: (invocation: Invocation) => Env) {
    this.#timeline = timeline;
    this.#chance = chance;
    this.#environment = environment;
  }

  async send(message: DispatchMessage): Promise<void> {
    await this.#timeline.sleep(this.#chance.delayMs());
    const fault = this.#chance.fault('send');
    if (fault === 'refused') throw new Error('The queue did not take it.');
    this.#enqueue({ ...message });
    if (fault === 'stored-but-failed') throw new Error('The connection was lost.');
  }

  /** The runtime is killed: the queue lives in its memory, and so do the consumers. */
  lose(): void {
    this.#epoch += 1;
    for (const invocation of this.#underWay) invocation.isAlive = false;
    this.#underWay = new Set();
  }

  #enqueue(message: DispatchMessage): void {
    const fault = this.#chance.fault('message');
    const ms = fault === 'late' ? 3_000 : fault === 'very-late' ? 70_000 : this.#chance.delayMs();
    this.#bringAfter(message, ms, fault === 'dead-letter' ? consumeDeadLetters : consumeDispatches);
    if (fault === 'twice') this.#bringAfter(message, this.#chance.delayMs(), consumeDispatches);
  }

  #bringAfter(message: DispatchMessage, ms: number, consume: Consume): void {
    const epoch = this.#epoch;
    this.#timeline.after(ms, () => {
      if (epoch === this.#epoch) this.#bring(message, consume);
    });
  }

  #bring(message: DispatchMessage, consume: Consume): void {
    const invocation: Invocation = { isAlive: true };
    this.#underWay.add(invocation);
    let isSettled = false;
    const settle = (again: () => void) => () => {
      if (!invocation.isAlive || isSettled) return;
      isSettled = true;
      again();
    };
    const brought = {
      body: { ...message },
      attempts: 1,
      ack: settle(() => {}),
      retry: ({ delaySeconds = 0 } = {}) =>
        settle(() => this.#bringAfter(message, delaySeconds * 1_000 + this.#chance.delayMs(), consume))(),
    };
    const batch = { queue: 'simulated', messages: [brought] } as unknown as MessageBatch;
    consume(batch, this.#environment(invocation)).finally(() => this.#underWay.delete(invocation));
    const epoch = this.#epoch;
    this.#timeline.after(VISIBILITY_TIMEOUT_MS, () => {
      if (isSettled || epoch !== this.#epoch) return;
      invocation.isAlive = false;
      this.#underWay.delete(invocation);
      this.#bring(message, consume);
    });
  }
}
