// Kills the service and starts it again, and knows when it was down. That it ends by itself is a crash.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stack } from '../e2e/stack.ts';
import type { Service } from '../support/service.ts';
import { between, type Random } from './chaos-plans.ts';

export class Keeper {
  kills = 0;
  /** Rejects when the service ends by itself, or does not start again. */
  readonly crash: Promise<never>;
  readonly #stack: Stack;
  readonly #onCrash: (error: unknown) => void;
  readonly #outages: { from: number; until: number }[] = [];
  #turn: Promise<void> = Promise.resolve();
  /** While it is: that the service ends is meant. */
  #isKilling = false;
  #isDone = false;

  constructor(stack: Stack) {
    this.#stack = stack;
    const { promise, reject } = Promise.withResolvers<never>();
    this.crash = promise;
    this.crash.catch(() => {});
    this.#onCrash = reject;
    this.#watch(stack.service);
  }

  /**
   * Kills it a while after each time that it is up, and leaves it up. A machine that is busy with other things gets the
   * time for `work` pieces of work first: what never came to work is no test when killed.
   */
  async killUntil(
    until: number,
    [least, most]: readonly [number, number],
    { random, work, done }: { random: Random; work: number; done: () => number },
  ): Promise<void> {
    for (;;) {
      const pauseMs = between(random, least, most);
      if (Date.now() + pauseMs > until) break;
      const before = done();
      await sleep(pauseMs);
      while (done() - before < work && Date.now() < until) await sleep(100);
      if (Date.now() >= until) break;
      await this.kill();
    }
    await sleep(Math.max(until - Date.now(), 0));
    await this.#turn;
  }

  /** Kills it now; resolves when it is up again. */
  kill(): Promise<void> {
    return this.#inTurn(() => {
      this.kills += 1;
      return this.#restart();
    });
  }

  /** Since when there is nothing wrong with it. */
  get upSince(): number {
    return this.#outages.at(-1)?.until ?? 0;
  }

  /** Whether the service was down at some time between. */
  wasDown(from: number, until: number): boolean {
    return this.#outages.some((outage) => outage.from <= until && outage.until >= from);
  }

  /** What ends from now on is meant to. */
  async done(): Promise<void> {
    this.#isDone = true;
    await this.#turn;
  }

  #watch(service: Service): void {
    service.child.exited.then((how) => {
      if (this.#isDone || this.#isKilling) return;
      const last = service.child.output.split('\n').slice(-20).join('\n');
      this.#onCrash(new Error(`the service ended by itself (${how}):\n${last}`));
    });
  }

  async #restart(): Promise<void> {
    const outage = { from: Date.now(), until: Number.POSITIVE_INFINITY };
    this.#outages.push(outage);
    this.#isKilling = true;
    await this.#stack.killService();
    this.#isKilling = false;
    await this.#stack.startService();
    outage.until = Date.now();
    this.#watch(this.#stack.service);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(work).catch(this.#onCrash);
    return this.#turn;
  }
}
