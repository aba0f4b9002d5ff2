// The proof that a callback comes from the pipeline that was given a dispatch: the token names the dispatch and
// holds a MAC over job id and dispatch id. Keys rotate: the newest signs, all listed verify.
import { base64url } from 'jose';
import { isMac, mac, newestOf } from './hashes.ts';
import { isDispatchId } from './ids.ts';

const PREFIX = 'rtk1';

/** The token for one dispatch, signed with the first of `keys`. */
export async function signCallbackToken(
  jobId: string,
  dispatchId: string,
  keys: readonly string[],
): Promise<string> {
  const signature = await mac(newestOf(keys), message(jobId, dispatchId));
  return `${PREFIX}.${dispatchId}.${base64url.encode(signature)}`;
}

/** The dispatch that `token` proves for `jobId`, or null. Compares in constant time; looks nothing up. */
export async function verifyCallbackToken(
  token: string,
  jobId: string,
  keys: readonly string[],
): Promise<string | null> {
  const [prefix, dispatchId, signature, ...rest] = token.length > 200 ? [] : token.split('.');
  if (prefix !== PREFIX || !dispatchId || !signature || rest.length > 0) return null;
  const bytes = decode(signature);
  if (bytes === null || !isDispatchId(dispatchId)) return null;
  for (const key of keys) {
    if (await isMac(bytes, key, message(jobId, dispatchId))) return dispatchId;
  }
  return null;
}

const message = (jobId: string, dispatchId: string) => `retake callback token v1\n${jobId}\n${dispatchId}`;

/** Null for text that is not base64url (RFC 4648 §5). */
function decode(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return new Uint8Array(base64url.decode(text));
  } catch {
    return null;
  }
}
