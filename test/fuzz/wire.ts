// Puts a request on the wire as it is, without the corrections that fetch makes, and takes the answer whole.
import { Agent, request as open } from 'node:http';
import { connect } from 'node:net';

export interface WireRequest {
  method: string;
  /** Path and query, already encoded. */
  path: string;
  headers: readonly (readonly [name: string, value: string])[];
  body: Uint8Array | null;
  /** Sent in chunks, without its length. */
  chunked: boolean;
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  text: string;
  bytes: Buffer;
}

const TIMEOUT_MS = 45_000;

/** Connections to one service that are kept and taken again. */
export class Wire {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 });

  constructor(port: number) {
    this.#port = port;
  }

  async send(request: WireRequest): Promise<Answer> {
    for (;;) {
      try {
        return await this.#sendOnce(request);
      } catch (error) {
        // A kept connection may be closed by the other side just as it is taken: nothing was processed.
        if ((error as { stale?: boolean }).stale !== true) throw error;
      }
    }
  }

  /** Sends bytes that are no good HTTP; answers null when the connection is closed without a word. */
  async sendRaw(bytes: Uint8Array): Promise<Answer | null> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const received: Buffer[] = [];
    const socket = connect({ port: this.#port, host: '127.0.0.1' }, () => socket.end(bytes));
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('no answer to raw bytes')));
    socket.on('data', (chunk) => received.push(chunk));
    socket.on('close', () => resolve(Buffer.concat(received)));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' || error.code === 'EPIPE' ? socket.destroy() : reject(error),
    );
    return parsed((await promise).toString('latin1'));
  }

  close(): void {
    this.#agent.destroy();
  }

  #sendOnce({ method, path, headers, body, chunked }: WireRequest): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const length: [string, string][] = body && !chunked ? [['content-length', String(body.length)]] : [];
    const framing: [string, string][] = body && chunked ? [['transfer-encoding', 'chunked']] : length;
    const outgoing = open({
      host: '127.0.0.1',
      port: this.#port,
      method,
      path,
      agent: this.#agent,
      timeout: TIMEOUT_MS,
      headers: [['host', `127.0.0.1:${this.#port}`], ...headers, ...framing].flat(),
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer to ${method} ${path}`)));
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      const stale = outgoing.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      reject(Object.assign(error, { stale }));
    });
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const bytes = Buffer.concat(chunks);
        const headers = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]);
        resolve({
          status: incoming.statusCode ?? 0,
          headers: Object.fromEntries(headers),
          text: bytes.toString('utf8'),
          bytes,
        });
      });
    });
    if (body && chunked) {
      for (let at = 0; at < body.length; at += 16_384) outgoing.write(body.subarray(at, at + 16_384));
      outgoing.end();
    } else {
      outgoing.end(body ?? undefined);
    }
    return promise;
  }
}

function parsed(text: string): Answer | null {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1]);
  if (!status) return null;
  const headers = lines.map((line) => /^([^:]+): *(.*)$/.exec(line) ?? []);
  return {
    status,
    headers: Object.fromEntries(headers.map(([, name = '', value = '']) => [name.toLowerCase(), value])),
    text: rest.join('\r\n\r\n'),
    bytes: Buffer.from(rest.join('\r\n\r\n')),
  };
}
