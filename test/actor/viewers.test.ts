// Who looks on, with sockets of a real object: how often they are told, how many there may be, and how they go. What there
// is to tell is the test's own here: a number that changes.
import { env, evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Owed, Viewers } from '../../src/actor/viewers.ts';
import { CLOSED } from '../../src/contract/events.ts';
import { newId } from '../support/ids.ts';
import { Viewer } from '../support/workerd/viewing.ts';

const HOUR_MS = 3_600_000;
const MOST = 100;
const MIB = 1024 * 1024;

/** An object with viewers of a number; each is told what it is now, once. */
class Watched {
  readonly #stub = env.JOB.getByName(newId('job'));
  #viewers: Viewers<number> | null = null;
  #number = 0;
  size = 1;
  /** To a viewer that was told this number nothing can be told. */
  failsFor: number | null = null;
  moreAt: number | null = null;
  allTold = 0;

  /** The number that who comes knows. */
  knows = 0;

  async enter(endsInMs: number): Promise<Response> {
    await this.within((viewers, _state, actor) => {
      actor.fetch = () => viewers.accept({ endsAt: Date.now() + endsInMs }, this.knows);
    });
    return this.#stub.fetch('https://object', { headers: { upgrade: 'websocket' } });
  }

  async viewer(endsInMs = HOUR_MS): Promise<Viewer> {
    const { webSocket } = await this.enter(endsInMs);
    if (!webSocket) throw new Error('nobody was let in');
    return new Viewer(webSocket);
  }

  change(to: number): Promise<void> {
    return this.within((viewers) => {
      this.#number = to;
      viewers.changed();
    });
  }

  /** Of the object's timers none fires but by this clock. */
  pass(ms: number): Promise<unknown> {
    return this.within(() => vi.advanceTimersByTime(ms));
  }

  /** The object's memory is gone; its sockets are not. */
  async sleep(): Promise<void> {
    await evictDurableObject(this.#stub);
    this.#viewers = null;
  }

  within<T>(act: (viewers: Viewers<number>, state: DurableObjectState, actor: Actor) => T): Promise<T> {
    return runInDurableObject(this.#stub, (actor, state) => {
      const allTold = () => {
        this.allTold += 1;
      };
      this.#viewers ??= new Viewers(state, { owed: (told) => this.#owed(told), allTold });
      return act(this.#viewers, state, actor as unknown as Actor);
    });
  }

  #owed(told: number): Owed<number> {
    if (told === this.failsFor) throw new Error('cannot be told');
    const record = JSON.stringify({ type: 'number', number: this.#number, text: 'x'.repeat(this.size) });
    return { records: told === this.#number ? [] : [record], told: this.#number, moreAt: this.moreAt };
  }
}
type Actor = { fetch: () => Response };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** All that was sent before is there when this is answered. */
async function toldTo(viewer: Viewer): Promise<number[]> {
  await heard(viewer);
  return viewer.of('number');
}
async function heard(viewer: Viewer): Promise<void> {
  const { pongs } = viewer;
  viewer.socket.send('ping');
  await viewer.until((now) => now.pongs > pongs);
}

describe('a viewer', () => {
  test('is told at once what there is, and of a change as soon as whoever made it is answered', async () => {
    const watched = new Watched();
    await watched.change(1);
    const viewer = await watched.viewer();
    expect(await toldTo(viewer)).toEqual([1]);
    await watched.pass(100);

    await watched.change(2);
    expect(await toldTo(viewer)).toEqual([1]);
    await watched.pass(0);
    expect(await toldTo(viewer)).toEqual([1, 2]);
  });

  test('is sent ten messages a second at the most, the last of which says what is true', async () => {
    const watched = new Watched();
    const viewer = await watched.viewer();
    for (let number = 1; number <= 200; number += 1) {
      await watched.change(number);
      await watched.pass(5);
    }
    await watched.pass(100);
    const told = await toldTo(viewer);
    expect(told.length).toBeLessThanOrEqual(11);
    expect(told.length).toBeGreaterThanOrEqual(9);
    expect(told.at(-1)).toBe(200);
  });

  test('is told what is still to come without any change', async () => {
    const watched = new Watched();
    const viewer = await watched.viewer();
    watched.moreAt = Date.now() + 700;
    await watched.change(1);
    await watched.pass(0);
    await watched.within(() => {
      watched.moreAt = null;
    });
    expect(watched.allTold).toBe(1);
    await watched.pass(699);
    expect(watched.allTold).toBe(1);
    await watched.pass(1);
    expect(watched.allTold).toBe(2);
    expect(await toldTo(viewer)).toEqual([1]);
  });

  test('stays while its object sleeps, and is told of the next change by the object that wakes', async () => {
    const watched = new Watched();
    await watched.change(1);
    const viewer = await watched.viewer();
    expect(await toldTo(viewer)).toEqual([1]);

    await watched.sleep();
    await watched.pass(HOUR_MS / 2);
    // Answered by nobody's memory.
    expect(await toldTo(viewer)).toEqual([1]);
    await watched.change(2);
    await watched.pass(0);
    expect(await toldTo(viewer)).toEqual([1, 2]);
  });

  test('to whom nothing can be told is in nobody’s way, and is told with the next change', async () => {
    const watched = new Watched();
    await watched.change(1);
    watched.failsFor = 0;
    watched.knows = -1;
    const before = await watched.viewer();
    watched.knows = 0;
    const unlucky = await watched.viewer();
    watched.knows = -1;
    const after = await watched.viewer();
    const all = [before, unlucky, after];
    await watched.pass(100);
    await watched.change(2);
    await watched.pass(100);
    expect(await Promise.all(all.map(toldTo))).toEqual([[1, 2], [], [1, 2]]);

    watched.failsFor = null;
    await watched.change(3);
    await watched.pass(100);
    expect(await Promise.all(all.map(toldTo))).toEqual([[1, 2, 3], [3], [1, 2, 3]]);
  });

  test('that says anything but ping is sent away', async () => {
    const watched = new Watched();
    const viewer = await watched.viewer();
    await watched.within((viewers, state) => {
      for (const socket of state.getWebSockets()) viewers.refuse(socket);
    });
    expect(await viewer.end()).toEqual(CLOSED.notUnderstood);
  });

  test('that is sent 4 MiB without a ping in between is let go, and one that pings is not', async () => {
    const watched = new Watched();
    const [reads, gone] = [await watched.viewer(), await watched.viewer()];
    watched.size = MIB - 1_000;
    for (let number = 1; number <= 5; number += 1) {
      await watched.change(number);
      await watched.pass(100);
      await heard(reads);
    }
    expect(await toldTo(reads)).toEqual([1, 2, 3, 4, 5]);
    expect(await gone.end()).toEqual(CLOSED.silent);
    expect(gone.of('number')).toEqual([1, 2, 3, 4]);
  });
});

describe('of an object', () => {
  test('a hundred are viewers at the most, until one of them leaves', async () => {
    const watched = new Watched();
    const viewers: Viewer[] = [];
    for (let count = 0; count < MOST; count += 1) viewers.push(await watched.viewer());
    expect((await watched.enter(HOUR_MS)).status).toBe(429);

    viewers[0]?.socket.close(1000);
    await viewers[0]?.end();
    expect((await watched.enter(HOUR_MS)).status).toBe(101);
    expect((await watched.enter(HOUR_MS)).status).toBe(429);
    expect(viewers.filter(({ closed }) => closed !== null)).toHaveLength(1);
  });

  test('those who have not pinged for three times as long as they should make room for who comes', async () => {
    const watched = new Watched();
    const viewers: Viewer[] = [];
    // When somebody pinged is told by the runtime's own clock.
    vi.setSystemTime(Date.now() - 74_999);
    for (let count = 0; count < MOST; count += 1) viewers.push(await watched.viewer());
    await watched.pass(74_999);
    for (const viewer of viewers.slice(0, -1)) await heard(viewer);
    expect((await watched.enter(HOUR_MS)).status).toBe(429);

    await watched.pass(1);
    expect((await watched.enter(HOUR_MS)).status).toBe(101);
    expect(await viewers.at(-1)?.end()).toEqual(CLOSED.silent);
    expect(viewers.filter(({ closed }) => closed !== null)).toHaveLength(1);
  });

  test('viewers are closed when their token or session ends, each in its time, and are told nothing after it', async () => {
    const watched = new Watched();
    const [soon, later] = [await watched.viewer(1_000), await watched.viewer(2_000)];
    const started = Date.now();
    expect(await watched.within(({ endsAt }) => endsAt)).toBe(started + 1_000);
    await watched.pass(999);
    await watched.within((viewers) => viewers.closeEnded());
    await watched.change(1);
    await watched.pass(0);
    expect(await toldTo(soon)).toEqual([1]);

    await watched.pass(1);
    await watched.within((viewers) => viewers.closeEnded());
    expect(await soon.end()).toEqual(CLOSED.accessEnded);
    expect(await watched.within(({ endsAt }) => endsAt)).toBe(started + 2_000);

    // No alarm has come: who may look no longer is not told all the same.
    await watched.pass(1_000);
    await watched.change(2);
    await watched.pass(0);
    expect(await later.end()).toEqual(CLOSED.accessEnded);
    expect([soon, later].map((viewer) => viewer.of('number'))).toEqual([[1], [1]]);
    expect(await watched.within(({ endsAt }) => endsAt)).toBe(Infinity);
  });

  test('a viewer is let go after thirty days, whatever its token says', async () => {
    const watched = new Watched();
    await watched.viewer(Number.MAX_SAFE_INTEGER);
    expect(await watched.within(({ endsAt }) => endsAt)).toBe(Date.now() + 30 * 24 * HOUR_MS);
  });

  test('all viewers are closed when it is erased, and are told so', async () => {
    const watched = new Watched();
    const viewers = [await watched.viewer(), await watched.viewer()];
    await watched.within((all) => all.closeAll(CLOSED.erased));
    expect(await Promise.all(viewers.map((viewer) => viewer.end()))).toEqual([CLOSED.erased, CLOSED.erased]);
  });
});
