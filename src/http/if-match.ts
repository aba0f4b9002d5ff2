// The If-Match header (RFC 9110 §13.1.1): of a request that is to do exactly what a plan says, of one that changes the job that
// was seen, and of one that corrects a version.
import * as z from 'zod';

/** Within its quotes a tag may hold commas; an empty element of a list counts for nothing (RFC 9110 §5.6.1.2). */
const ENTITY_TAG = /(?:W\/)?"([!#-~\u0080-\u00ff]*)"/;
const LIST = new RegExp(`^(?:[ \\t,]*${ENTITY_TAG.source}[ \\t]*(?=,|$))+[ \\t,]*$`);
const EACH = new RegExp(ENTITY_TAG.source, 'g');
const MAX_LENGTH = 8_000;

/**
 * The opaque tags, or null for `*`: whatever there is. They are compared weakly, against the letter of the RFC: on its way
 * through Cloudflare a tag is weakened with the compression of its answer, and what is behind it is the same.
 */
const tags = z
  .string()
  .max(MAX_LENGTH)
  .transform((given, ctx): string[] | null => {
    if (given.trim() === '*') return null;
    if (LIST.test(given)) return Array.from(given.matchAll(EACH), ([, tag = '']) => tag);
    ctx.addIssue('must be entity tags in double quotes, or *');
    return z.NEVER;
  })
  .optional();

export const ifMatchPlan = tags.meta({
  description:
    'RFC 9110 §13.1.1: the `ETag` of its plan, so that exactly this is done, or nothing. Compared weakly.',
  example: '"balanced:AUDIO_READY:audio=keep(1):transcript=redo(whisper-large-v3):draft=redo(gpt-5-mini)"',
});

export const ifMatchJob = tags.meta({
  description:
    'RFC 9110 §13.1.1: the `ETag` of the job as it was read, so that what has changed meanwhile is not written over. Compared weakly.',
  example: '"7.4.2026-11-24.120000.1800000"',
});

const ONE_VERSION = /^"[1-9][0-9]{0,8}"$/;

/** The number of a version as a tag. Nothing of that is compressed on its way, and its tag not weakened. */
export const oneVersion = z
  .string()
  .regex(ONE_VERSION, 'must be the number of one version, in double quotes')
  .transform((tag) => Number(tag.slice(1, -1)))
  .meta({
    type: 'string',
    pattern: ONE_VERSION.source,
    description: 'The version that this is a correction of, in double quotes.',
    example: '"1"',
  });
