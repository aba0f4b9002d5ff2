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
/** As wrangler.toml has it: `max_batch_size` of each queue. */
const MOST_DISPATCHES = 6;
const MOST_DEAD_LETTERS = 30;

/** One invocation of a consumer. */
export interface Invocation {
  readonly isAlive: boolean;
  end(): void;
}
type Consume = ReturnType<typeof createConsumer>;

interface Surroundings {
  timeline: Timeline;
  chance: Chance;
  environment(invocation: Invocation): Env;
  /** How many faults there were so far. */
  faults(): number;
}

export class SimulatedQueue {
  readonly #around: Surroundings;
  #dispatches: Lane;
  #deadLetters: Lane;
  /** How many pauses are not over. */
  #pauses = 0;

  constructor(around: Surroundings) {
    this.#around = around;
    [this.#dispatches, this.#deadLetters] = this.#lanes();
  }

  /** Brings nothing for so long, and after that what has come meanwhile. */
  pause(ms: number, ends: () => void): void {
    this.#pauses += 1;
    this.#around.timeline.after(ms, () => {
      this.#pauses -= 1;
      ends();
      for (const lane of [this.#dispatches, this.#deadLetters]) lane.next();
    });
  }

  async send(message: DispatchMessage, { delaySeconds = 0 }: QueueSendOptions = {}): Promise<void> {
    const { timeline, chance } = this.#around;
    await timeline.sleep(chance.delayMs());
    const fault = chance.fault('send');
    if (fault === 'refused') throw new Error('The queue did not take it.');
    this.#enqueue({ ...message }, delaySeconds * 1_000);
    if (fault === 'stored-but-failed') throw new Error('The connection was lost.');
  }

  /** The runtime is killed: the queue lives in its memory, and so do the consumers with all that they know. */
  lose(): void {
    for (const lane of [this.#dispatches, this.#deadLetters]) lane.lose();
    [this.#dispatches, this.#deadLetters] = this.#lanes();
  }

  /** How many faults there were before whatever is in the way of the next message: now, where nothing is. */
  get faultsBefore(): number {
    return this.#dispatches.faultsBefore ?? this.#around.faults();
  }

  #lanes(): [Lane, Lane] {
    const isPaused = () => this.#pauses > 0;
    return [
      new Lane({ ...this.#around, isPaused }, createConsumer(), MOST_DISPATCHES),
      new Lane({ ...this.#around, isPaused }, consumeDeadLetters, MOST_DEAD_LETTERS),
    ];
  }

  #enqueue(message: DispatchMessage, pauseMs: number): void {
    const { chance } = this.#around;
    const fault = chance.fault('message');
    const ms = fault === 'late' ? 3_000 : fault === 'very-late' ? 70_000 : chance.delayMs();
    const lane = fault === 'dead-letter' ? this.#deadLetters : this.#dispatches;
    lane.bringAfter(message, pauseMs + ms);
    if (fault === 'twice') lane.bringAfter(message, pauseMs + chance.delayMs());
  }
}

/** One queue with its consumer, which is brought what has come, a batch at a time: the next when it is done with the last. */
class Lane {
  /** How many faults there were when the batch was brought that the consumer is busy with; null while it has none. */
  faultsBefore: number | null = null;
  readonly #around: Surroundings & { isPaused(): boolean };
  readonly #consume: Consume;
  readonly #mostAtOnce: number;
  readonly #waiting: DispatchMessage[] = [];
  readonly #underWay = new Set<Invocation>();
  #isLost = false;

  constructor(around: Surroundings & { isPaused(): boolean }, consume: Consume, mostAtOnce: number) {
    this.#around = around;
    this.#consume = consume;
    this.#mostAtOnce = mostAtOnce;
  }

  bringAfter(message: DispatchMessage, ms: number): void {
    this.#around.timeline.after(ms, () => {
      this.#waiting.push({ ...message });
      this.next();
    });
  }

  lose(): void {
    this.#isLost = true;
    for (const invocation of this.#underWay) invocation.end();
  }

  next(): void {
    if (this.#isLost || this.#around.isPaused() || this.faultsBefore !== null || this.#waiting.length === 0)
      return;
    this.faultsBefore = this.#around.faults();
    this.#bring(this.#waiting.splice(0, this.#mostAtOnce));
  }

  #bring(messages: readonly DispatchMessage[]): void {
    const { timeline, chance, environment } = this.#around;
    const unsettled = new Set(messages);
    let isBusy = true;
    const goOn = () => {
      if (!isBusy) return;
      isBusy = false;
      this.faultsBefore = null;
      this.next();
    };
    const invocation = {
      isAlive: true,
      end: () => {
        invocation.isAlive = false;
        this.#underWay.delete(invocation);
        goOn();
      },
    };
    this.#underWay.add(invocation);
    const settles = (message: DispatchMessage) => invocation.isAlive && unsettled.delete(message);
    const brought = messages.map((message) => ({
      body: { ...message },
      attempts: 1,
      ack: () => settles(message),
      retry: ({ delaySeconds = 0 } = {}) => {
        if (settles(message)) this.bringAfter(message, delaySeconds * 1_000 + chance.delayMs());
      },
    }));
    const batch = { queue: 'simulated', messages: brought } as unknown as MessageBatch;
    const goingOn: Promise<unknown>[] = [];
    const context = { waitUntil: (promise: Promise<unknown>) => goingOn.push(promise) };
    this.#consume(batch, environment(invocation), context).then(() => {
      // What it said nothing of counts as acknowledged.
      unsettled.clear();
      goOn();
      timeline.after(WAIT_UNTIL_MS, invocation.end);
      return Promise.all(goingOn).finally(invocation.end);
    });
    timeline.after(VISIBILITY_TIMEOUT_MS, () => {
      if (unsettled.size === 0) return;
      invocation.end();
      for (const message of unsettled) this.bringAfter(message, 0);
    });
  }
}
