// Ids, and the proof that one was given out: those of jobs, projects and operations, which name objects, end in a MAC over all that
// stands before it. Keys rotate: the newest signs (but see `idFor`), all listed verify, and none is ever taken away, since
// what it has signed would be found no more. A dispatch id names no object; the callback token proves it.
import { mac, newestOf, oldestOf, toHex } from './hashes.ts';

/** What has an object of its own, or stands in one. */
export type IdPrefix = 'job' | 'prj' | 'opr';

const RANDOM_BYTES = 12;
const MAC_BYTES = 6;
const SIGNED_ID = /^(job|prj|opr)_[0-9a-f]{36}$/;
const DISPATCH_ID = /^dsp_[0-9a-f]{32}$/;

/** Opaque: a prefix, 96 random bits, and 48 bits of MAC. */
export async function newId(prefix: IdPrefix, keys: readonly string[]): Promise<string> {
  const unsigned = `${prefix}_${toHex(crypto.getRandomValues(new Uint8Array(RANDOM_BYTES)))}`;
  return unsigned + (await signatureOf(unsigned, newestOf(keys)));
}

/**
 * The id of what `owner` creates in `place` (a project, or nothing) under a key of its own: always the same one, so that a
 * repeat finds what is there. No table of keys, and no look under every key of the service: the oldest makes it and signs it,
 * since that is the one which no rotation changes.
 */
export async function idFor(
  prefix: IdPrefix,
  { owner, place, key }: { owner: string; place: string; key: string },
  keys: readonly string[],
): Promise<string> {
  const oldest = oldestOf(keys);
  const made = await mac(oldest, `retake creation v1\n${JSON.stringify([prefix, owner, place, key])}`);
  const unsigned = `${prefix}_${toHex(made.subarray(0, RANDOM_BYTES))}`;
  return unsigned + (await signatureOf(unsigned, oldest));
}

/** Whether this service has given out `text` as the id of such a thing; looks nothing up. Compares in constant time. */
export async function isGivenOut(prefix: IdPrefix, text: string, keys: readonly string[]): Promise<boolean> {
  if (!SIGNED_ID.test(text) || !text.startsWith(prefix)) return false;
  const unsigned = text.slice(0, -2 * MAC_BYTES);
  for (const key of keys) {
    if (isSame(await signatureOf(unsigned, key), text.slice(unsigned.length))) return true;
  }
  return false;
}

export const newDispatchId = (): string => `dsp_${crypto.randomUUID().replaceAll('-', '')}`;
export const isDispatchId = (text: string): boolean => DISPATCH_ID.test(text);

/** Whether `text` has the form of an id, given out or not. */
export const isOfIdForm = (text: string): boolean => SIGNED_ID.test(text) || DISPATCH_ID.test(text);

async function signatureOf(unsigned: string, key: string): Promise<string> {
  return toHex((await mac(key, `retake id v1\n${unsigned}`)).subarray(0, MAC_BYTES));
}

/** For texts of one length: takes as long wherever they differ. */
function isSame(a: string, b: string): boolean {
  let difference = 0;
  for (let at = 0; at < a.length; at += 1) difference |= a.charCodeAt(at) ^ b.charCodeAt(at);
  return difference === 0;
}
