// The queue and its dead letters: at least once, in no order, with every fault of the platform's and the loss of
// everything that a local runtime's queue suffers when it is killed. Consumed by the service's own consumers.
import type { DispatchMessage } from '../../src/contract/messages.ts';
import { createConsumer } from '../../src/dispatch/consumer.ts';
import { consumeDeadLetters } from '../../src/dispatch/dead-letter.ts';
import type { Chance } from './chance.ts';
import type { Timeline } from './timeline.ts';

/** When nobody acknowledged a message, it is brought again after this. */
const VISIBILITY_TIMEOUT_MS = 30_000;
/** What an invocation goes on with after it has answered the queue is ended by then. */
const WAIT_UNTIL_MS = 30_000;

/** The environment of one invocation of a consumer, which ends when `isAlive` turns false. */
export interface Invocation {
  isAlive: boolean;
}
type Consume = ReturnType<typeof createConsumer>;

export class SimulatedQueue {
  readonly #timeline: Timeline;
  readonly #chance: Chance;
  readonly #environment: (invocation: Invocation) => Env;
  #underWay = new Set<Invocation>();
  /** What it knows of open deliveries is gone with the runtime. */
  #consumeDispatches = createConsumer();
  /** Counts restarts: what was on the queue before one is gone. */
  #epoch = 0;

  constructor(timeline: Timeline, chance: Chance, environment: (invocation: Invocation) => Env) {
    this.#timeline = timeline;
    this.#chance = chance;
    this.#environment = environment;
  }

  async send(message: DispatchMessage, { delaySeconds = 0 }: QueueSendOptions = {}): Promise<void> {
    await this.#timeline.sleep(this.#chance.delayMs());
    const fault = this.#chance.fault('send');
    if (fault === 'refused') throw new Error('The queue did not take it.');
    this.#enqueue({ ...message }, delaySeconds * 1_000);
    if (fault === 'stored-but-failed') throw new Error('The connection was lost.');
  }

  /** The runtime is killed: the queue lives in its memory, and so do the consumers. */
  lose(): void {
    this.#epoch += 1;
    for (const invocation of this.#underWay) invocation.isAlive = false;
    this.#underWay = new Set();
    this.#consumeDispatches = createConsumer();
  }

  #enqueue(message: DispatchMessage, pauseMs: number): void {
    const fault = this.#chance.fault('message');
    const ms = fault === 'late' ? 3_000 : fault === 'very-late' ? 70_000 : this.#chance.delayMs();
    const consume = fault === 'dead-letter' ? consumeDeadLetters : this.#consumeDispatches;
    this.#bringAfter(message, pauseMs + ms, consume);
    if (fault === 'twice') this.#bringAfter(message, pauseMs + this.#chance.delayMs(), consume);
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
    const goingOn: Promise<unknown>[] = [];
    const context = { waitUntil: (promise: Promise<unknown>) => goingOn.push(promise) };
    const end = () => {
      invocation.isAlive = false;
      this.#underWay.delete(invocation);
    };
    consume(batch, this.#environment(invocation), context).finally(() => {
      this.#timeline.after(WAIT_UNTIL_MS, end);
      return Promise.all(goingOn).finally(end);
    });
    const epoch = this.#epoch;
    this.#timeline.after(VISIBILITY_TIMEOUT_MS, () => {
      if (isSettled || epoch !== this.#epoch) return;
      end();
      this.#bring(message, consume);
    });
  }
}
