// The fields that several bodies share, with their limits.
import * as z from 'zod';
import { isOfIdForm } from './ids.ts';

/** Identifiers that callers choose: visible ASCII. */
export const token = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[!-~]+$/, 'must be visible ASCII characters');

/** Text of one line that people see as it is: it neither hides nor turns what stands beside it around. */
const legible = (text: z.ZodString) =>
  text
    .refine((value) => value.isWellFormed() && !/\p{Cc}/u.test(value), 'must not hold control characters')
    .refine(
      (value) => !/[\p{Bidi_Control}\u2028\u2029]/u.test(value),
      'must not hold line separators or characters that change the direction of text',
    );

/** It may be empty, or nothing that can be seen. */
export const plainText = (max: number) => legible(z.string().max(max));

/** What people know a thing by: blanks around it say nothing, and something in it can be seen. */
export const visibleText = (max: number) =>
  legible(z.string().trim().min(1).max(max)).refine(canBeSeen, 'must hold something that can be seen');
/** A letter, number, mark of punctuation or symbol; among those are some that are drawn as nothing, and a blank in Braille. */
const VISIBLE = /[[\p{L}\p{N}\p{P}\p{S}]--[\p{Default_Ignorable_Code_Point}\u2800]]/v;
export function canBeSeen(text: string): boolean {
  return VISIBLE.test(text);
}

/** Beside the id of whoever did a thing, for people to read. It decides nothing: two may be called the same. */
export const actorName = z.string().nullable().meta({
  description:
    'What they were called then, by `name`, `preferred_username` or `email` of their token, in at most 100 characters; null where nobody said. Only the id tells who it was.',
});

/** Names that stand in documents and pages as they are; `__proto__` means something to JavaScript. */
export const entryName = z
  .string()
  .min(1)
  .max(64)
  .regex(/^(?!__proto__$)[!#-&(-;=?-_a-~]+$/, 'must be visible ASCII characters without quotes');
export const isEntryName = (key: string): boolean => entryName.safeParse(key).success;

/** Not `.nullable()`, by which the document makes the component itself nullable, wherever it is used. */
export const orNull = <T extends z.ZodType>(component: T) => z.union([component, z.null()]);

export const timestamp = z.iso.datetime({ precision: 3 }).meta({ example: '2026-11-24T09:30:00.000Z' });

/** RFC 3339 UTC with milliseconds. */
export const toTimestamp = (ms: number): string => new Date(ms).toISOString();

export const page = <T extends z.ZodType>(item: T) =>
  z.object({
    items: z.array(item),
    next_cursor: z.string().nullable().meta({ description: 'Where the next page begins; null on the last.' }),
    end_cursor: z.string().nullable().meta({
      description:
        'Where this page ended, on the last one too: as `cursor` it asks for what has followed since. Null on an empty page.',
    }),
  });

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
  end_cursor: string | null;
}

/** The page of at most `limit` items out of `limit + 1` that were looked for. */
export function toPage<T, R>(
  found: readonly T[],
  limit: number,
  toItem: (item: T) => R,
  toCursor: (last: T) => string,
): Page<R> {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const end = last === undefined ? null : toCursor(last);
  return {
    items: items.map(toItem),
    next_cursor: found.length > limit ? end : null,
    end_cursor: end,
  };
}

/** As a page is asked for. `decode` answers null for text that is no cursor of that list. */
export const cursorOf = <T>(decode: (cursor: string) => T | null) =>
  z
    .string()
    .max(300)
    .transform((cursor, ctx) => {
      const position = decode(cursor);
      if (position !== null) return position;
      ctx.addIssue('is not a cursor of this list');
      return z.NEVER;
    });

/** Cursors are opaque to callers: the position of the last item, encoded. */
export const positionCursor = {
  encode: ({ createdAt, id }: { createdAt: number; id: string }): string => btoa(`${createdAt}:${id}`),
  /** Null for text that is no cursor of ours. */
  decode: (cursor: string): { createdAt: number; id: string } | null => {
    try {
      const [, createdAt, id] = /^(\d{1,15}):(\w+)$/.exec(atob(cursor)) ?? [];
      return createdAt && id && isOfIdForm(id) ? { createdAt: Number(createdAt), id } : null;
    } catch {
      return null;
    }
  },
};

/** The place of a version in the history: a time, ids, and which one of several. */
export const placeCursor = {
  encode: ({ place }: { place: Place }): string =>
    btoa(`${place.recordedAt}:${place.index}:${place.dispatchId}:${place.key}`),
  decode: (cursor: string): Place | null => {
    try {
      const [, recordedAt, index, dispatchId, key] =
        /^(\d{1,15}):(\d{1,3}):(\w{0,64}):([ -~]{1,129})$/.exec(atob(cursor)) ?? [];
      if (!recordedAt || !index || dispatchId === undefined || !key) return null;
      return { recordedAt: Number(recordedAt), index: Number(index), dispatchId, key };
    } catch {
      return null;
    }
  },
};
interface Place {
  recordedAt: number;
  index: number;
  dispatchId: string;
  key: string;
}

export const sequenceCursor = {
  encode: ({ seq }: { seq: number }): string => btoa(`seq:${seq}`),
  decode: (cursor: string): number | null => {
    try {
      const [, seq] = /^seq:(\d{1,15})$/.exec(atob(cursor)) ?? [];
      return seq ? Number(seq) : null;
    } catch {
      return null;
    }
  },
};
