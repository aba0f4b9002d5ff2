// The proof that a callback comes from the pipeline that was given a dispatch: the token names the dispatch and
// holds a MAC over job id and dispatch id. Keys rotate: the newest signs, all listed verify.
import { base64url } from 'jose';
import { isId } from './fields.ts';

const PREFIX = 'rtk1';
const encoder = new TextEncoder();
const imported = new Map<string, Promise<CryptoKey>>();

/** The token for one dispatch, signed with the first of `keys`. */
export async function signCallbackToken(
  jobId: string,
  dispatchId: string,
  keys: readonly string[],
): Promise<string> {
  const [newest] = keys;
  if (newest === undefined) throw new Error('there is no callback token key');
  const mac = await crypto.subtle.sign('HMAC', await importKey(newest), message(jobId, dispatchId));
  return `${PREFIX}.${dispatchId}.${base64url.encode(new Uint8Array(mac))}`;
}

/** The dispatch that `token` proves for `jobId`, or null. Compares in constant time; looks nothing up. */
export async function verifyCallbackToken(
  token: string,
  jobId: string,
  keys: readonly string[],
): Promise<string | null> {
  const [prefix, dispatchId, mac, ...rest] = token.length > 200 ? [] : token.split('.');
  if (prefix !== PREFIX || !dispatchId || !mac || rest.length > 0 || !isId('dsp', dispatchId)) return null;
  const bytes = decode(mac);
  if (bytes === null) return null;
  for (const key of keys) {
    const valid = await crypto.subtle.verify('HMAC', await importKey(key), bytes, message(jobId, dispatchId));
    if (valid) return dispatchId;
  }
  return null;
}

const message = (jobId: string, dispatchId: string) =>
  encoder.encode(`retake callback token v1\n${jobId}\n${dispatchId}`);

function importKey(key: string): Promise<CryptoKey> {
  const known = imported.get(key);
  if (known) return known;
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const promise = crypto.subtle.importKey('raw', encoder.encode(key), algorithm, false, ['sign', 'verify']);
  imported.set(key, promise);
  return promise;
}

/** Null for text that is not base64url (RFC 4648 §5). */
function decode(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return new Uint8Array(base64url.decode(text));
  } catch {
    return null;
  }
}
