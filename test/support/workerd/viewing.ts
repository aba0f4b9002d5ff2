// A viewer of a job or project, inside workerd: its socket, what it was sent, and how it was closed.
import { createExecutionContext, env } from 'cloudflare:test';
import { vi } from 'vitest';
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

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.addEventListener('message', ({ data }) => {
      if (data === 'pong') this.pongs += 1;
      else this.messages.push(JSON.parse(String(data)));
    });
    socket.addEventListener('close', ({ code, reason }) => {
      this.closed = { code, reason };
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

  until(holds: (viewer: Viewer) => boolean): Promise<void> {
    return vi.waitFor(
      () => {
        if (!holds(this)) throw new Error(`not seen after ${this.records.length} records`);
      },
      { timeout: 5_000, interval: 5 },
    );
  }

  /** Resolves with how it was closed. */
  async end(): Promise<{ code: number; reason: string }> {
    await this.until(({ closed }) => closed !== null);
    return this.closed ?? { code: 0, reason: '' };
  }
}

/** The answer to who asks for a socket. */
export function upgrade(path: string, { token, headers = {} }: Asked): Promise<Response> {
  return ask(path, { token, headers: { upgrade: 'websocket', ...headers } } as Asked);
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
