// POSTs a dispatch to the orchestrator from a Node process. One attempt; trying again is each peer's own means.
import { Agent, request } from 'undici';
import type { Delivery } from './job.ts';

const TIMEOUT_MS = 2_500;
const agent = new Agent({ keepAliveTimeout: 60_000, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS });

/** Resolves when the orchestrator has it; else rejects. */
export async function post(url: string, delivery: Delivery): Promise<void> {
  const { statusCode, body } = await request(url, {
    method: 'POST',
    dispatcher: agent,
    headers: { 'content-type': 'application/json', 'idempotency-key': delivery.dispatch_id },
    body: JSON.stringify(delivery),
  });
  await body.dump();
  if (statusCode < 200 || statusCode >= 300) throw new Error(`the orchestrator answered ${statusCode}`);
}
