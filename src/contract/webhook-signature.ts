// How a message to the orchestrator proves who sent it, when, and that nobody changed it: Standard Webhooks, symmetric (v1).
import { importedOnce, mac } from './hashes.ts';

const SECRET = /^whsec_[A-Za-z0-9+/]+={0,2}$/;

/** Whether `text` is `whsec_` and at least 24 bytes of base64 (RFC 4648 §4), with or without its padding. */
export function isWebhookSecret(text: string): boolean {
  try {
    return SECRET.test(text) && bytesOf(text).byteLength >= 24;
  } catch {
    return false;
  }
}

/** The three headers of a message. Every secret signs, so that its receiver can change over from one to another. */
export async function signedHeaders(
  id: string,
  at: number,
  body: string,
  secrets: readonly string[],
): Promise<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>> {
  const timestamp = String(Math.floor(at / 1000));
  const signed = `${id}.${timestamp}.${body}`;
  const signatures = await Promise.all(
    secrets.map(async (secret) => `v1,${toBase64(await mac(secret, signed, keyOfSecret))}`),
  );
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}

const bytesOf = (secret: string): Uint8Array =>
  Uint8Array.from(atob(secret.slice('whsec_'.length)), (char) => char.charCodeAt(0));

const keyOfSecret = importedOnce(bytesOf);

const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));
