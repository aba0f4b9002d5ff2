// References to media, which this service hands on and never fetches: the forms that there are.
import * as z from 'zod';

/** URLs (RFC 3986); `http` only where it is asked for. */
const URL_SCHEMES = ['https', 'http'] as const;
/** These name an object in a store, by bucket and key. */
const OBJECT_SCHEMES = ['s3', 'gs', 'r2', 'abfss'] as const;
export const MEDIA_SCHEMES = [...URL_SCHEMES, ...OBJECT_SCHEMES] as const;
export type MediaScheme = (typeof MEDIA_SCHEMES)[number];
export const DEFAULT_MEDIA_SCHEMES: readonly MediaScheme[] = ['https', ...OBJECT_SCHEMES];

const MAX_LENGTH = 2048;

/** With an authority that holds no user. The URL parser alone would mend what is not a URI. */
const ABSOLUTE_URL =
  /^https?:\/\/[\w.~:[\]!$&'()*+,;=%-]+([/?#]([\w.~:/?#[\]@!$&'()*+,;=-]|%[0-9a-f]{2})*)?$/i;

/** A key is any text without control characters: blanks, `%` and every script are its own. ABFS names a container and its account. */
const OBJECT = /^(?:(?:s3|gs|r2):\/\/[\w.-]+|abfss:\/\/[\w$-]+@[\w.-]+)\/\P{Cc}+$/iu;

/** Null for what is no media reference in any form that is known. */
function schemeOf(uri: string): MediaScheme | null {
  if (uri.length > MAX_LENGTH) return null;
  const scheme = MEDIA_SCHEMES.find((each) => uri.slice(0, each.length + 3).toLowerCase() === `${each}://`);
  if (scheme === undefined) return null;
  const isOfForm =
    scheme === 'https' || scheme === 'http'
      ? ABSOLUTE_URL.test(uri) && Boolean(URL.parse(uri)?.hostname)
      : OBJECT.test(uri) && uri.isWellFormed();
  return isOfForm ? scheme : null;
}

/** Whether it is a reference of one of these schemes. */
export function isMediaUri(uri: string, schemes: readonly MediaScheme[]): boolean {
  const scheme = schemeOf(uri);
  return scheme !== null && schemes.includes(scheme);
}

/** What an editor names. What the settings say of it is looked at elsewhere. */
export const mediaUri = z
  .string()
  .max(MAX_LENGTH)
  .regex(/^[A-Za-z0-9]+:\/\/./, 'must be an absolute reference')
  .refine(
    (uri) => isMediaUri(uri, MEDIA_SCHEMES),
    'must be an https URL without credentials, or an object as s3://bucket/key',
  )
  .meta({
    description:
      'An `https` URL (RFC 3986, without credentials), or an object of a store, `s3`, `gs`, `r2` or `abfss`, by bucket and key: any key is taken as it is. Settings say which schemes, hosts and prefixes are allowed.',
    example: 's3://media/talk.mp4',
  });
