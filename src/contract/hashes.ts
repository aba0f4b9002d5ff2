// SHA-256 and HMAC-SHA256 of text (Web Crypto). A key is imported once in the life of the isolate.
import { base64url } from 'jose';

const HMAC = { name: 'HMAC', hash: 'SHA-256' };
const encoder = new TextEncoder();

/** As base64url (RFC 4648 §5), 43 characters. */
export async function sha256(text: string): Promise<string> {
  return base64url.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text))));
}

/** In lower case. */
export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** The key of which a setting holds the text. */
export type KeyOf = (text: string) => Promise<CryptoKey>;

/** `bytesOf` says which bytes a text stands for. */
export function importedOnce(bytesOf: (text: string) => Uint8Array): KeyOf {
  const imported = new Map<string, Promise<CryptoKey>>();
  return (text) => {
    const known = imported.get(text);
    if (known) return known;
    const promise = crypto.subtle.importKey('raw', bytesOf(text), HMAC, false, ['sign', 'verify']);
    imported.set(text, promise);
    return promise;
  };
}

const keyOfText: KeyOf = importedOnce((text) => encoder.encode(text));

/** 32 bytes. */
export async function mac(key: string, message: string, keyOf = keyOfText): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign('HMAC', await keyOf(key), encoder.encode(message)));
}

/** Compares in constant time. */
export async function isMac(bytes: Uint8Array<ArrayBuffer>, key: string, message: string): Promise<boolean> {
  return crypto.subtle.verify('HMAC', await keyOfText(key), bytes, encoder.encode(message));
}

/** The first of a list of keys signs, all of them verify. */
export function newestOf(keys: readonly string[]): string {
  const [newest] = keys;
  if (newest === undefined) throw new Error('there is no key to sign with');
  return newest;
}

/** The only one that no rotation changes: a new key is put in front of it. */
export function oldestOf(keys: readonly string[]): string {
  const oldest = keys.at(-1);
  if (oldest === undefined) throw new Error('there is no key to sign with');
  return oldest;
}
