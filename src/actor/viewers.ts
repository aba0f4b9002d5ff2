// Who looks on: WebSockets that outlive the memory of their object, so that an idle viewer costs nothing. What a viewer is
// owed follows from what is stored and from what it was told, which lies with its socket; nothing waits for a viewer.
import {
  CLOSED,
  type Closed,
  PING,
  PING_EVERY_MS,
  PONG,
  toMessage,
  type ViewerAsk,
} from '../contract/events.ts';
import { describeError, log } from '../log.ts';

/** At the most, of one object. */
const MOST_VIEWERS = 100;
/** A viewer is sent a message this often at the most; what comes in between is put together. */
const PAUSE_MS = 100;
/** Whoever has not pinged for so long may be gone without anybody having noticed. */
const SILENT_MS = 3 * PING_EVERY_MS;
/** What a viewer does not read waits in this object's memory, and only its pings say that it does. */
const MOST_UNHEARD_BYTES = 4 * 1024 * 1024;
/** No socket is looked at longer than this, whatever its token says. */
const LONGEST_MS = 30 * 86_400_000;

export interface Owed<Told> {
  /** As JSON, in order. */
  records: readonly string[];
  /** What the viewer has been told when it has these. */
  told: Told;
  /** When there is more to tell although nothing changes until then; null for never. */
  moreAt: number | null;
}

/** What there is to see, and what of it a viewer has not seen. */
export interface Sight<Told> {
  owed(told: Told, now: number): Owed<Told>;
  /** Every viewer has been told everything. */
  allTold?(): void;
}

/** What lies with a socket, while the object sleeps too. */
interface Viewer<Told> {
  told: Told;
  sentAt: number;
  /** When it came, or pinged last before it was sent something. */
  heardAt: number;
  /** How much it was sent since. */
  unheardBytes: number;
  endsAt: number;
}

export class Viewers<Told> {
  readonly #ctx: DurableObjectState;
  readonly #sight: Sight<Told>;
  /** When the first of them may look no longer; null while that is not known. Too early for one who has left. */
  #endsAt: number | null = null;
  /** Set while there is something to tell. */
  #timer: { at: number; id: ReturnType<typeof setTimeout> } | null = null;

  constructor(ctx: DurableObjectState, sight: Sight<Told>) {
    this.#ctx = ctx;
    this.#sight = sight;
  }

  /** Takes a viewer that was told this much, and tells it the rest at once. 429 where there are too many. */
  accept({ endsAt }: Pick<ViewerAsk, 'endsAt'>, told: Told): Response {
    const now = Date.now();
    if (this.#open().length >= MOST_VIEWERS) this.#closeSilent(now);
    if (this.#open().length >= MOST_VIEWERS) return new Response(null, { status: 429 });
    const { 0: client, 1: socket } = new WebSocketPair();
    this.#ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
    this.#ctx.acceptWebSocket(socket);
    const until = Math.min(endsAt, now + LONGEST_MS);
    write<Told>(socket, { told, sentAt: 0, heardAt: now, unheardBytes: 0, endsAt: until });
    this.#endsAt = null;
    this.#serveAll();
    return new Response(null, { status: 101, webSocket: client });
  }

  /** After a commit, which is durable before any of it goes out. `note` is for what only viewers make worth noting. */
  changed(note: () => void = () => {}): void {
    if (this.#ctx.getWebSockets().length === 0) return;
    note();
    this.#serveAt(Date.now());
  }

  /** When the first of them may look no longer; Infinity when there is none. */
  get endsAt(): number {
    this.#endsAt ??= Math.min(...this.#open().map((socket) => read<Told>(socket).endsAt));
    return this.#endsAt;
  }

  /** Closes those whose token has ended, or whose session is to be judged again. */
  closeEnded(): void {
    const now = Date.now();
    this.#endsAt = null;
    for (const socket of this.#open()) {
      if (read<Told>(socket).endsAt <= now) close(socket, CLOSED.accessEnded);
    }
  }

  /** Nothing is taken from viewers: each message wakes the object. */
  refuse(socket: WebSocket): void {
    close(socket, CLOSED.notUnderstood);
  }

  /** One that hears no answer to its leaving takes the connection for lost, ten seconds later. */
  left(socket: WebSocket): void {
    socket.close(1000);
  }

  closeAll(why: Closed): void {
    for (const socket of this.#open()) close(socket, why);
  }

  /** Those that were closed are listed until their other side has agreed. */
  #open(): WebSocket[] {
    return this.#ctx.getWebSockets().filter(({ readyState }) => readyState === WebSocket.OPEN);
  }

  #closeSilent(now: number): void {
    for (const socket of this.#open()) {
      if (this.#heardAt(socket) + SILENT_MS <= now) close(socket, CLOSED.silent);
    }
  }

  #heardAt(socket: WebSocket): number {
    const pingedAt = this.#ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0;
    return Math.max(pingedAt, read<Told>(socket).heardAt);
  }

  /** Later, so that whoever made the change has its answer first. */
  #serveAt(at: number): void {
    if (this.#timer !== null && this.#timer.at <= at) return;
    if (this.#timer !== null) clearTimeout(this.#timer.id);
    const serve = () => {
      this.#timer = null;
      this.#serveAll();
    };
    this.#timer = { at, id: setTimeout(serve, Math.max(at - Date.now(), 0)) };
  }

  #serveAll(): void {
    const now = Date.now();
    // Most have been told the same.
    const known = new Map<string, Owed<Told>>();
    const owedTo = (told: Told): Owed<Told> => {
      const key = JSON.stringify(told);
      const owed = known.get(key) ?? this.#sight.owed(told, now);
      known.set(key, owed);
      return owed;
    };
    let nextAt = Infinity;
    let failed: unknown = null;
    for (const socket of this.#open()) {
      try {
        nextAt = Math.min(nextAt, this.#serve(socket, owedTo, now));
      } catch (error) {
        // Neither the others nor whoever changed something have to do with it.
        failed ??= error;
      }
    }
    if (failed !== null) log('warn', 'viewers_failed', { error: describeError(failed) });
    if (nextAt < Infinity) this.#serveAt(nextAt);
    else this.#sight.allTold?.();
  }

  /** Sends what the viewer is owed, unless it was sent something a moment ago. Answers when to come back. */
  #serve(socket: WebSocket, owedTo: (told: Told) => Owed<Told>, now: number): number {
    const viewer = read<Told>(socket);
    const { told, sentAt, endsAt } = viewer;
    if (endsAt <= now) {
      this.#endsAt = null;
      return close(socket, CLOSED.accessEnded);
    }
    if (sentAt + PAUSE_MS > now && sentAt <= now) return sentAt + PAUSE_MS;
    const owed = owedTo(told);
    if (owed.records.length === 0) return owed.moreAt ?? Infinity;
    const heardAt = this.#heardAt(socket);
    const message = toMessage(owed.records);
    const unheardBytes = (heardAt > viewer.heardAt ? 0 : viewer.unheardBytes) + message.length;
    if (unheardBytes > MOST_UNHEARD_BYTES) return close(socket, CLOSED.silent);
    socket.send(message);
    write<Told>(socket, { told: owed.told, sentAt: now, heardAt, unheardBytes, endsAt });
    return owed.moreAt === null ? Infinity : Math.max(owed.moreAt, now + PAUSE_MS);
  }
}

const read = <Told>(socket: WebSocket): Viewer<Told> => socket.deserializeAttachment();

const write = <Told>(socket: WebSocket, viewer: Viewer<Told>): void => socket.serializeAttachment(viewer);

function close(socket: WebSocket, { code, reason }: Closed): number {
  socket.close(code, reason);
  return Infinity;
}
