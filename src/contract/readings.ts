// How what only informs is read: whatever can be made of a value is taken, and what nothing can be made of is left out
// and its name remembered. Nothing here refuses anything.
import * as z from 'zod';

/** What a value stands for; null when for nothing. */
export type Read<T> = (value: unknown) => T | null;

/** Which fields of a report were left out, by name. */
export class LeftOut {
  readonly #names = new Set<string>();

  /** What `read` makes of the value. One that it makes nothing of is left out; one that is absent is simply not there. */
  unless<T>(name: string, value: unknown, read: Read<T>): T | null {
    if (value === null || value === undefined) return null;
    const taken = read(value);
    if (taken === null) this.add(name);
    return taken;
  }

  /** The sender's own `key` within a field may be any text: `*` stands for one that is no name. */
  add(field: string, key?: string): void {
    this.#names.add(key === undefined ? field : `${field}.${NAME.test(key) ? key : '*'}`);
  }

  /** In the order in which they were met, no more than `MAX_NAMES`. */
  get names(): string[] {
    return [...this.#names].slice(0, MAX_NAMES);
  }
}
const NAME = /^[a-z][a-z0-9_.-]{0,39}$/i;
const MAX_NAMES = 20;

/** Text of one line, and numbers as they are written. */
export const line =
  (max: number): Read<string> =>
  (value) =>
    cut(cleaned(textOf(value)).replace(/\s+/g, ' ').trim(), max).trimEnd() || null;

/** Text of several lines. */
export const lines =
  (max: number): Read<string> =>
  (value) =>
    cut(cleaned(textOf(value)), max) || null;

/** A finite number no smaller than `min` and no larger than `max`: what lies beyond is moved to the bound. */
export const clamped =
  (min: number, max: number): Read<number> =>
  (value) =>
    typeof value === 'number' ? Math.min(max, Math.max(min, value)) + 0 : null;

export const count: Read<number> = (value) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;

/** What `schema` takes, and nothing else. */
export const exactly =
  <T>(schema: z.ZodType<T>): Read<T> =>
  (value) =>
    schema.safeParse(value).data ?? null;

/** An object that is no list. */
export const record: Read<Readonly<Record<string, unknown>>> = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;

/**
 * RFC 3339 §5.6, in any zone, `t` and `z` in lower case too and a blank in place of the `T`: epoch milliseconds. A leap
 * second is the one before it. A year that UTC writes with more than four digits is no time.
 */
export const moment: Read<number> = (value) => {
  if (typeof value !== 'string') return null;
  const text = value
    .toUpperCase()
    .replace(/^([\d-]+) /, '$1T')
    .replace(/(:\d\d):60(?=[.Z+-])/, '$1:59');
  if (!rfc3339.safeParse(text).success) return null;
  const at = Date.parse(text);
  const year = new Date(at).getUTCFullYear();
  return year >= 0 && year <= 9999 ? at : null;
};
const rfc3339 = z.iso.datetime({ offset: true });

/** Empty for what no text is made of. */
function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : '';
}

/**
 * As somebody would read it on a terminal: without what colours it, each line break a line feed, other control characters
 * gone, and halves of surrogate pairs replaced.
 */
function cleaned(text: string): string {
  return text
    .replace(ESCAPE_SEQUENCES, '')
    .replace(/\r\n?|\u0085/g, '\n')
    .replace(/[^\P{Cc}\n\t]/gu, '')
    .toWellFormed();
}
// ECMA-48: strings (OSC, DCS …) up to their end, control sequences, other escapes; ESC and the C1 forms alike. None reaches
// past where another begins, so that no text is walked through more than once.
const ESCAPE_SEQUENCES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
  /(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u0090\u0098\u009c-\u009f\n]*(?:\u0007|\u001b\\|\u009c)|(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|\u001b[ -/]*[0-~]/g;

/** At most `max` UTF-16 units, and no character in half. */
function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  const end = /[\ud800-\udbff]/.test(text.charAt(max - 1)) ? max - 1 : max;
  return text.slice(0, end);
}
