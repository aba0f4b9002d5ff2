// The header by which a request can be repeated (draft-ietf-httpapi-idempotency-key-header): as the draft has it, a quoted
// string, or bare, as most clients send it. Every POST of an editor takes it, so that a client may send it with each.
import * as z from 'zod';
import { token } from '../contract/fields.ts';

/** A string of RFC 9651 §3.3.3: quotes and backslashes in it stand behind a backslash. */
const QUOTED = /^"(?:[^"\\]|\\["\\])*"$/;

const bare = token(128);

/** Quoted or not, it is the same key. */
const idempotencyKey = z.string().transform((given, ctx) => {
  const key = QUOTED.test(given) ? given.slice(1, -1).replaceAll(/\\(.)/g, '$1') : given;
  if (bare.safeParse(key).success && (key !== given || !given.startsWith('"'))) return key;
  ctx.addIssue('must be 1 to 128 visible ASCII characters, in double quotes or without');
  return z.NEVER;
});

const metaOf = (does: string) => ({
  description: `1 to 128 visible ASCII characters, in double quotes or without. ${does}`,
  example: '8e03978e-40d5-43dd-bc93-6894a57f9324',
});

/** What a route takes as `headers`; `does` says what the key is for. */
export const withIdempotencyKey = (does: string) =>
  z.object({ 'Idempotency-Key': idempotencyKey.optional().meta(metaOf(does)) });

/** Where a request is known by what it says: the key has a form to keep, and nothing else to do. */
export const recognisedByItself = withIdempotencyKey(
  'Taken, and not needed: a repeat is recognised by what it asks for, whatever its key.',
);

/** The same where there is no other way to say by which id a request is known. */
export const requiringIdempotencyKey = (does: string) =>
  z.object({ 'Idempotency-Key': idempotencyKey.meta(metaOf(does)) });
