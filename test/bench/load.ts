// Drives one contestant over HTTP: keep-alive connections, each with one request under way at a time.
import { Pool } from 'undici';
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
  readonly #pool: Pool;

  constructor(url: string, concurrency: number) {
    this.#pool = new Pool(url, {
      connections: concurrency,
      pipelining: 1,
      keepAliveTimeout: 60_000,
      headersTimeout: 120_000,
    });
  }

  async send({ method, path, headers, body }: Call): Promise<Answer> {
    const sentAtNs = process.hrtime.bigint();
    const response = await this.#pool.request({
      method,
      path,
      ...(headers ? { headers } : {}),
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.body.text();
    const latencyMs = Number(process.hrtime.bigint() - sentAtNs) / 1e6;
    return { status: response.statusCode, body: text, latencyMs, sentAtNs };
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

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
  const worker = async (): Promise<void> => {
    for (const [index, call] of left) {
      const answer = await client.send(call);
      if (!isFine(answer)) {
        throw new Error(
          `${call.method} ${call.path} was answered ${answer.status}: ${answer.body.slice(0, 500)}`,
        );
      }
      answers[index] = answer;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return { answers, seconds: Number(process.hrtime.bigint() - startedAt) / 1e9 };
}
