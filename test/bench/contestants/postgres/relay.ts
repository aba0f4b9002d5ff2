// The outbox's relay: takes what is due, POSTs it, and deletes what the orchestrator has. Rows are locked while they are
// on their way and skipped by others; should this process die, the locks go with its connections. Woken by NOTIFY, and
// by a poll for what is to be tried again or was never notified.
import { Client, type ClientConfig } from 'pg';
import type { Delivery } from '../peers/job.ts';

const POLL_MS = 1_000;
/** How many batches can be on their way at once. */
const RELAYS = 4;
const BATCH = 32;

interface OutboxRow {
  dispatch_id: string;
  delivery: Delivery;
  is_awaited: boolean;
}

const DUE = {
  name: 'due',
  text: `
    SELECT dispatch_id, delivery, is_awaited FROM outbox
    WHERE next_attempt_at <= now() ORDER BY next_attempt_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED`,
};
const DONE = { name: 'done', text: 'DELETE FROM outbox WHERE dispatch_id = ANY($1)' };
/** Due again after 1, 2, 4, 8, 15, 15 … s. */
const FAILED = {
  name: 'failed',
  text: `
    UPDATE outbox SET attempts = attempts + 1,
      next_attempt_at = now() + least(power(2, least(attempts, 4)), 15) * interval '1 second'
    WHERE dispatch_id = ANY($1)`,
};
const TELL = { name: 'tell', text: "SELECT pg_notify('delivered', id) FROM unnest($1::text[]) id" };

export class Relay {
  readonly #post: (delivery: Delivery) => Promise<void>;
  readonly #listener: Client;
  readonly #relays: Client[];
  readonly #idle: Client[];
  readonly #awaited = new Map<string, () => void>();
  #isWanted = false;
  #poll: NodeJS.Timeout | undefined;

  constructor(config: ClientConfig, post: (delivery: Delivery) => Promise<void>) {
    this.#post = post;
    this.#listener = new Client(config);
    this.#relays = Array.from({ length: RELAYS }, () => new Client({ ...config, pipeline: true }));
    this.#idle = [...this.#relays];
  }

  async start(): Promise<void> {
    await Promise.all([this.#listener, ...this.#relays].map((client) => client.connect()));
    this.#listener.on('notification', ({ channel, payload = '' }) => {
      if (channel === 'outbox') return this.#wake();
      this.#awaited.get(payload)?.();
      this.#awaited.delete(payload);
    });
    await this.#listener.query('LISTEN outbox; LISTEN delivered');
    this.#poll = setInterval(() => this.#wake(), POLL_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#poll);
    await Promise.all([this.#listener, ...this.#relays].map((client) => client.end()));
  }

  /** For a dispatch that is not stored yet, with `is_awaited`: resolves when the orchestrator has it. */
  delivered(dispatchId: string): Promise<void> {
    return new Promise((resolve) => this.#awaited.set(dispatchId, resolve));
  }

  #wake(): void {
    const client = this.#idle.pop();
    // With all of them at work, the first that is done looks again.
    this.#isWanted = client === undefined;
    if (client === undefined) return;
    this.#drain(client)
      .catch((error: unknown) => console.error(error))
      .finally(() => {
        this.#idle.push(client);
        if (this.#isWanted) this.#wake();
      });
  }

  async #drain(client: Client): Promise<void> {
    for (;;) {
      const [, { rows }] = await Promise.all([client.query('BEGIN'), client.query<OutboxRow>(DUE)]);
      const outcomes = await Promise.allSettled(rows.map(({ delivery }) => this.#post(delivery)));
      const has = (status: string) => (_row: OutboxRow, index: number) => outcomes[index]?.status === status;
      const done = rows.filter(has('fulfilled'));
      const failed = rows.filter(has('rejected'));
      const awaited = done.filter((row) => row.is_awaited);
      await Promise.all([
        done.length > 0 && client.query({ ...DONE, values: [ids(done)] }),
        failed.length > 0 && client.query({ ...FAILED, values: [ids(failed)] }),
        client.query('COMMIT'),
        awaited.length > 0 && client.query({ ...TELL, values: [ids(awaited)] }),
      ]);
      if (rows.length < BATCH) return;
    }
  }
}

const ids = (rows: readonly OutboxRow[]): string[] => rows.map((row) => row.dispatch_id);
