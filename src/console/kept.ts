// What the browser keeps for the person: requests that may have been sent, texts that are not saved yet, and preferences. A browser
// that keeps nothing (or refuses to) makes the console no worse than one without it.
import { signal } from '@preact/signals';

function read(store: 'localStorage' | 'sessionStorage', key: string): unknown {
  try {
    return JSON.parse(window[store].getItem(`retake:${key}`) ?? 'null');
  } catch {
    return null;
  }
}

function write(store: 'localStorage' | 'sessionStorage', key: string, value: unknown): boolean {
  try {
    if (value === null) window[store].removeItem(`retake:${key}`);
    else window[store].setItem(`retake:${key}`, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

/**
 * The id under which a request is sent and sent again: the same for as long as `what` is the same, over lost answers and reloads of
 * this tab, until `forgetRequest`.
 */
export function requestId(key: string, what: string): string {
  const kept = read('sessionStorage', `request:${key}`) as { what: string; id: string } | null;
  if (kept?.what === what) return kept.id;
  const id = crypto.randomUUID();
  write('sessionStorage', `request:${key}`, { what, id });
  return id;
}

/** Of a request whose answer may have been lost, for whoever comes back: what was sent, and when. */
export interface Sent<T> {
  body: T;
  at: number;
}

export const keepSent = <T>(key: string, sent: Sent<T> | null): void =>
  void write('sessionStorage', `sent:${key}`, sent);
export const sentBefore = <T>(key: string): Sent<T> | null =>
  read('sessionStorage', `sent:${key}`) as Sent<T> | null;

export const forgetRequest = (key: string): void => void write('sessionStorage', `request:${key}`, null);

/** What was made under this id is gone, or in the way of what is wanted: another press is another request. */
export function forgetEnded(key: string, { status }: { status: number }): void {
  if (status === 409 || status === 410) forgetRequest(key);
}

/** A text that somebody is writing, and the version that it corrects. */
interface Unsaved {
  text: string;
  corrects: number;
}

export const unsaved = (key: string): Unsaved | null => read('localStorage', `text:${key}`) as Unsaved | null;
/** False where the browser has no room for it. */
export const keepUnsaved = (key: string, value: Unsaved | null): boolean =>
  write('localStorage', `text:${key}`, value);

/** A switch of this browser's. */
function preference(key: string, byDefault: boolean) {
  const kept = read('localStorage', `preference:${key}`);
  const value = signal(typeof kept === 'boolean' ? kept : byDefault);
  const set = (next: boolean): void => {
    value.value = next;
    write('localStorage', `preference:${key}`, next);
  };
  return { value, set };
}

export const keysAreOn = preference('keys', true);
export const timesAreExact = preference('exact-times', false);
