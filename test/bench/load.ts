// Drives one contestant over HTTP: keep-alive connections, each with one request under way at a time.
import { Client as Connection } from 'undici';
import type { Call } from './protocol.ts';

export interface Answer {
  status: number;
  body: string;
  /** From sending the request to the last byte of the answer. */
  latencyMs: number;
  /** CLOCK_MONOTONIC, the same for every process of this machine. */
  sentAtNs: bigint;
}

export interface Load {
  answers: Answer[];
  seconds: number;
}

export class Client {
  readonly #connections: Connection[];

  constructor(url: string, concurrency: number) {
    this.#connections = Array.from(
      { length: concurrency },
      // workerd closes a connection that was idle for five seconds: an idle one is given up well before.
      () => new Connection(url, { pipelining: 1, keepAliveTimeout: 2_000, headersTimeout: 120_000 }),
    );
  }

  /** Over the `index`-th connection. */
  async send(call: Call, index = 0): Promise<Answer> {
    const connection = this.#connections[index];
    if (connection === undefined) throw new Error(`there is no connection ${index}`);
    const sentAtNs = process.hrtime.bigint();
    const answer = await ask(connection, call).catch((error: unknown) => {
      // A server that was held up takes what came meanwhile for an idle connection and closes it unread: once more, and the
      // time counts. Had it been read, the repeat would be told from a first request, and the round ends.
      if (isClosed(error)) return ask(connection, call);
      throw error;
    });
    return { ...answer, latencyMs: Number(process.hrtime.bigint() - sentAtNs) / 1e6, sentAtNs };
  }

  async close(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }
}

async function ask(connection: Connection, { method, path, headers, body }: Call) {
  const response = await connection.request({
    method,
    path,
    ...(headers ? { headers } : {}),
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.statusCode, body: await response.body.text() };
}

const isClosed = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(String(error.code));

/** Sends all calls in order, at most `concurrency` at once; throws at the first answer that is not fine. */
export async function drive(
  client: Client,
  calls: readonly Call[],
  concurrency: number,
  isFine: (answer: Answer) => boolean,
): Promise<Load> {
  const answers: Answer[] = new Array(calls.length);
  const left = calls.entries();
  const startedAt = process.hrtime.bigint();
  const worker = async (connection: number): Promise<void> => {
    for (const [index, call] of left) {
      const answer = await client.send(call, connection);
      if (!isFine(answer)) {
        throw new Error(
          `${call.method} ${call.path} was answered ${answer.status}: ${answer.body.slice(0, 500)}`,
        );
      }
      answers[index] = answer;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, (_, connection) => worker(connection)));
  return { answers, seconds: Number(process.hrtime.bigint() - startedAt) / 1e9 };
}

/** `act` so many times, at most `concurrency` at once, each over a connection of its own. */
export async function inTurn(
  times: number,
  concurrency: number,
  act: (connection: number) => Promise<void>,
): Promise<void> {
  let left = times;
  await Promise.all(
    Array.from({ length: concurrency }, async (_, connection) => {
      while (left-- > 0) await act(connection);
    }),
  );
}
