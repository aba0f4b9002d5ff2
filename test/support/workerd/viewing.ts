// A viewer of a job or project, inside workerd: its socket, what it was sent, and how it was closed.
import { createExecutionContext, env, runInDurableObject } from 'cloudflare:test';
import worker from '../../../src/index.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into records of every form
type AnyRecord = any;

export interface Asked {
  token?: string;
  headers?: Record<string, string>;
}

export class Viewer {
  readonly socket: WebSocket;
  /** What came together, in order. */
  readonly messages: AnyRecord[][] = [];
  pongs = 0;
  closed: { code: number; reason: string } | null = null;
  readonly #waiting = new Set<() => void>();

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.addEventListener('message', ({ data }) => {
      if (data === 'pong') this.pongs += 1;
      else this.messages.push(JSON.parse(String(data)));
      for (const look of this.#waiting) look();
    });
    socket.addEventListener('close', ({ code, reason }) => {
      this.closed = { code, reason };
      for (const look of this.#waiting) look();
    });
    socket.accept();
  }

  get records(): AnyRecord[] {
    return this.messages.flat();
  }

  of(type: string): AnyRecord[] {
    return this.records.filter((record) => record.type === type).map((record) => record[type]);
  }

  get seqs(): number[] {
    return this.of('transition').map(({ seq }) => seq);
  }

  /** Looks whenever something comes: there is nothing else to wait for. */
  until(holds: (viewer: Viewer) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!holds(this)) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** Resolves with how it was closed. */
  async end(): Promise<{ code: number; reason: string }> {
    await this.until(({ closed }) => closed !== null);
    return this.closed ?? { code: 0, reason: '' };
  }
}

/** The answer to who asks for a socket. */
export function upgrade(path: string, { headers, ...asked }: Asked): Promise<Response> {
  return ask(path, { ...asked, headers: { upgrade: 'websocket', ...headers } });
}

export async function ask(
  path: string,
  { token, headers = {} }: Asked,
  signal?: AbortSignal,
): Promise<Response> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const request = new Request(`http://127.0.0.1:8787${path}`, {
    headers: { ...authorization, ...headers },
    ...(signal ? { signal } : {}),
  });
  return worker.fetch(request, env, createExecutionContext());
}

export async function watch(path: string, asked: Asked): Promise<Viewer> {
  const { status, webSocket } = await upgrade(path, asked);
  if (status !== 101 || !webSocket) throw new Error(`${path} was answered ${status}`);
  return new Viewer(webSocket);
}

interface ReadEvent {
  event: string;
  id?: string;
  data: AnyRecord;
}

/** Who reads a stream of server-sent events. */
export class StreamReader {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = '';
  readonly events: ReadEvent[] = [];
  isOver = false;

  constructor({ status, body }: Response) {
    if (status !== 200 || body === null) throw new Error(`no stream: ${status}`);
    this.#reader = body.pipeThrough(new TextDecoderStream()).getReader();
  }

  get ids(): string[] {
    return this.events.flatMap(({ id }) => id ?? []);
  }

  /** What comes next, as it comes. */
  async next(): Promise<string> {
    const { done, value = '' } = await this.#reader.read();
    this.isOver = done;
    this.#text += value;
    const blocks = this.#text.split('\n\n');
    this.#text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = Object.fromEntries(
        block.split('\n').map((line) => [line.split(': ')[0], line.slice(line.indexOf(': ') + 2)]),
      );
      if (fields.data) this.events.push({ ...fields, data: JSON.parse(fields.data) } as ReadEvent);
    }
    return value;
  }

  async until(holds: (reader: StreamReader) => boolean): Promise<void> {
    while (!holds(this)) {
      if (this.isOver) throw new Error('the stream is over');
      await this.next();
    }
  }

  leave(): Promise<void> {
    return this.#reader.cancel();
  }
}

/** How many look on at an object. */
export const viewersOf = (stub: DurableObjectStub): Promise<number> =>
  runInDurableObject(stub, (_actor, state) => openOf(state).length);

export const closeViewers = (stub: DurableObjectStub, code: number, reason: string): Promise<void> =>
  runInDurableObject(stub, (_actor, state) => {
    for (const socket of openOf(state)) socket.close(code, reason);
  });

const openOf = (state: DurableObjectState): WebSocket[] =>
  state.getWebSockets().filter(({ readyState }) => readyState === WebSocket.OPEN);
