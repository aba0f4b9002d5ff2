// A stream of records that comes back by itself, for as long as a view is open. What is on the screen is as old as the last frame,
// whatever the socket says of itself: sockets of a laptop that slept say that they are open.
import { batch, type Signal, signal } from '@preact/signals';
import type { Refusal } from './api.ts';
import { session } from './session-state.ts';

const SUBPROTOCOL = 'retake.events.v1';
const PING_EVERY_MS = 25_000;
/** With nothing heard for so long, not even the answer to a ping, nobody is there. */
const SILENCE_MS = 60_000;
/** A connection that lasted so long was a good one: the next failure is the first. */
const HEALTHY_MS = 60_000;
const LONGEST_PAUSE_MS = 30_000;
/** After a deployment all come back: not at the same moment. */
const SPREAD_MS = 5_000;
/** Shorter interruptions are nobody's business. */
const NOTICED_AFTER_MS = 2_000;
const REFRESH_EVERY_MS = 15_000;
/** Nobody looks at a page that was hidden for so long. */
const HIDDEN_MS = 60_000;

/** The service's own reasons to close. */
const ACCESS_ENDED = 4401;
const ERASED = 4410;
const TOO_MANY = 4429;

export type LiveState =
  | 'connecting'
  | 'live'
  | 'reconnecting'
  | 'refreshing'
  | 'full'
  | 'signed-out'
  | 'erased'
  | 'off';

/** Nothing comes any more, or not before somebody signs in. */
const ENDED: readonly LiveState[] = ['signed-out', 'erased', 'off'];

/** `Told` are the records of the stream; one of a type that is not known is left alone. */
interface LiveOptions<Told> {
  /** Where the stream is now: it says with every connection after which record it is to go on. */
  address: () => string;
  onRecords: (records: Told[]) => void;
  /** Asks for the same by plain requests, where there is no stream; true when that succeeded. */
  refresh: () => Promise<boolean>;
}

/** What the header shows: of the view that is open. */
export const connection = signal<Live<never> | null>(null);

export class Live<Told> {
  readonly state: Signal<LiveState> = signal('connecting');
  /** When what is shown was last known to be so. */
  readonly asOf: Signal<number | null> = signal(null);
  readonly #options: LiveOptions<Told>;
  #socket: WebSocket | null = null;
  /** When it told something for the first time: a socket that opens may be turned away yet. */
  #openedAt = 0;
  #heardAt = 0;
  #failures = 0;
  #timers = new Set<ReturnType<typeof setTimeout>>();
  #reconnect: ReturnType<typeof setTimeout> | undefined;
  #hiding: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;
  readonly #unsubscribe: () => void;

  constructor(options: LiveOptions<Told>) {
    this.#options = options;
    this.#every(PING_EVERY_MS, () => this.#ping());
    this.#every(REFRESH_EVERY_MS, () => this.#refreshWithoutStream());
    addEventListener('online', this.#now);
    document.addEventListener('visibilitychange', this.#seen);
    // Without a session there is nothing to be told; with the next one it goes on.
    this.#unsubscribe = session.subscribe((state) => {
      const isWaiting = this.state.peek() === 'signed-out';
      if (state === 'open' && isWaiting) {
        this.state.value = 'connecting';
        this.#connect();
      } else if ((state === 'ended' || state === 'none') && !isWaiting) {
        this.state.value = 'signed-out';
        this.#close();
        this.#openedAt = 0;
        clearTimeout(this.#reconnect);
      }
    });
    this.#connect();
    connection.value = this;
  }

  get isCurrent(): boolean {
    return this.state.value === 'live';
  }

  /** Begins again after `end('off')`. */
  resume(): void {
    if (this.state.peek() !== 'off') return;
    this.state.value = 'connecting';
    this.#connect();
  }

  /** What is shown may be old. Before the first connection there is nothing to be old yet. */
  get isStale(): boolean {
    return !['live', 'connecting', 'off'].includes(this.state.value);
  }

  /** Known to be so at this moment, by an answer to a plain request. */
  confirmed(): void {
    this.asOf.value = Date.now();
  }

  /**
   * Whether the refusal of what is looked at is to be said instead of it: what is shown already stays, marked as old; what was never
   * there, or is there no longer, is said, and followed no more.
   */
  refuses({ status }: Refusal, isShown: boolean): boolean {
    const isGone = status === 404 || status === 410;
    if (isGone) {
      this.state.value = isShown ? 'erased' : 'off';
      this.#close();
    }
    return isGone || !isShown;
  }

  dispose(): void {
    this.#isOver = true;
    this.#unsubscribe();
    this.#close();
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#reconnect);
    clearTimeout(this.#hiding);
    removeEventListener('online', this.#now);
    document.removeEventListener('visibilitychange', this.#seen);
    if (connection.value === this) connection.value = null;
  }

  #connect(): void {
    clearTimeout(this.#reconnect);
    this.#close();
    if (this.#isOver || document.hidden || ENDED.includes(this.state.value)) return;
    const socket = new WebSocket(
      `${location.origin.replace('http', 'ws')}${this.#options.address()}`,
      SUBPROTOCOL,
    );
    this.#socket = socket;
    this.#heardAt = Date.now();
    socket.onmessage = ({ data }) => {
      this.#heard();
      this.#take(data);
    };
    socket.onclose = ({ code }) => this.#closed(code);
  }

  #take(data: unknown): void {
    if (typeof data !== 'string' || data === 'pong') return;
    const records: Told[] = JSON.parse(data);
    batch(() => this.#options.onRecords(records));
  }

  #heard(): void {
    this.#heardAt = Date.now();
    this.#openedAt ||= this.#heardAt;
    batch(() => {
      this.asOf.value = this.#heardAt;
      this.state.value = 'live';
    });
  }

  #closed(code: number): void {
    this.#socket = null;
    if (this.#isOver) return;
    const wasHealthy = this.#openedAt > 0 && Date.now() - this.#openedAt > HEALTHY_MS;
    const wasOpen = this.#openedAt > 0;
    this.#openedAt = 0;
    this.#failures = wasHealthy ? 0 : this.#failures + 1;
    if (code === ERASED) this.state.value = 'erased';
    else if (code === TOO_MANY) this.state.value = 'full';
    else this.#after(NOTICED_AFTER_MS, () => this.#notice());
    // With a session that goes on it comes back; an answer to a plain request says whether it does.
    if (code === ACCESS_ENDED) void this.#options.refresh();
    if (ENDED.includes(this.state.value)) return;
    const spread = wasOpen || code === TOO_MANY ? SPREAD_MS : 1000 * 2 ** Math.min(this.#failures, 10);
    const pause =
      (code === TOO_MANY ? REFRESH_EVERY_MS : 0) + Math.random() * Math.min(LONGEST_PAUSE_MS, spread);
    clearTimeout(this.#reconnect);
    this.#reconnect = setTimeout(() => this.#connect(), pause);
  }

  /** Not back yet: says so, and asks by plain requests meanwhile, which get through where sockets do not. */
  #notice(): void {
    if (this.#isOpen || this.#isOver) return;
    if (this.state.value === 'connecting' || this.state.value === 'live') this.state.value = 'reconnecting';
    this.#refreshWithoutStream();
  }

  async #refreshWithoutStream(): Promise<void> {
    const isWithout = ['reconnecting', 'refreshing', 'full'].includes(this.state.value);
    if (!isWithout || document.hidden) return;
    const isFresh = await this.#options.refresh();
    if (this.#isOver || this.#isOpen) return;
    if (isFresh) this.confirmed();
    if (this.state.value !== 'full' || !isFresh) this.state.value = isFresh ? 'refreshing' : 'reconnecting';
  }

  get #isOpen(): boolean {
    return this.#openedAt > 0;
  }

  #ping(): void {
    const socket = this.#socket;
    if (socket === null) return;
    if (Date.now() - this.#heardAt > SILENCE_MS) this.#lost();
    else if (socket.readyState === WebSocket.OPEN) socket.send('ping');
  }

  /** Without waiting for the other side to agree, which it may never do. */
  #lost(): void {
    this.#close();
    this.#closed(1006);
  }

  #close(): void {
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.onmessage = socket.onclose = null;
    socket.close(1000);
  }

  readonly #now = (): void => {
    if (!this.#isOpen) this.#connect();
  };

  readonly #seen = (): void => {
    clearTimeout(this.#hiding);
    if (document.hidden) {
      this.#hiding = setTimeout(() => {
        if (this.#socket === null) return;
        this.#close();
        this.#openedAt = 0;
        this.state.value = 'reconnecting';
      }, HIDDEN_MS);
      return;
    }
    if (this.#isOpen && Date.now() - this.#heardAt > SILENCE_MS) this.#lost();
    this.#now();
  };

  #every(ms: number, act: () => void): void {
    this.#timers.add(setInterval(act, ms));
  }

  #after(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }
}
