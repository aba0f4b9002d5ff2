// The If-Match header (RFC 9110 §13.1.1) of a request that is to do exactly what a plan says.
import * as z from 'zod';

const ENTITY_TAG = /^(?:W\/)?"([!#-~\u0080-\u00ff]*)"$/;
const MAX_LENGTH = 8_000;

/**
 * The opaque tags, or null for `*`: whatever plan there is. They are compared weakly, against the letter of the RFC: on its way
 * through Cloudflare a tag is weakened with the compression of its answer, and the plan behind it is the same.
 */
export const ifMatch = z
  .string()
  .max(MAX_LENGTH)
  .transform((given, ctx): string[] | null => {
    if (given.trim() === '*') return null;
    const tags = given.split(',').map((tag) => ENTITY_TAG.exec(tag.trim())?.[1]);
    if (tags.every((tag) => tag !== undefined)) return tags;
    ctx.addIssue('must be entity tags in double quotes, or *');
    return z.NEVER;
  })
  .optional()
  .meta({
    description:
      'RFC 9110 §13.1.1: the `ETag` of a retry plan, so that exactly this is done, or nothing. Compared weakly.',
    example: '"balanced:AUDIO_READY:audio=keep(1):transcript=redo(whisper-large-v3):draft=redo(gpt-5-mini)"',
  });
