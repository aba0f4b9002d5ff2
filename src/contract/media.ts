// References to media, which this service hands on and never fetches: the forms that there are, and which of them an editor may
// name. Where a host name leads is not looked up: a name of somebody's own may lead to a private address.
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

/** Which media may be named, by the settings. */
export interface MediaRules {
  /** By anybody. */
  schemes: readonly MediaScheme[];
  /** By an editor, although they are this machine, private, or a cloud's own. */
  hosts: readonly string[];
  /** By an editor nothing else, unless there are none; `{owner}` and `{project}` stand in them. */
  prefixes: readonly string[];
}

/** For whom a reference is judged. */
export interface MediaScope {
  /** The `sub` of the editor's token. */
  owner: string;
  projectId: string;
}

/** Why an editor may not name this media; null when they may. */
export function refuseMedia(uri: string, rules: MediaRules, scope: MediaScope): string | null {
  if (!isMediaUri(uri, rules.schemes)) return `must be a reference of ${rules.schemes.join(', ')}`;
  if (isOnPrivateHost(uri, rules.hosts)) return 'must not be on a private host';
  if (rules.prefixes.length > 0 && !isBelow(uri, rules.prefixes, scope)) {
    return 'must be below a prefix that is allowed here';
  }
  return null;
}

const NAMES = /\{(?:owner|project)\}/g;

/** Whether there can be media below it. */
export function isMediaPrefix(prefix: string): boolean {
  const filled = prefix.replace(NAMES, 'x');
  return filled.endsWith('/') && !/[{}]/.test(filled) && isMediaUri(`${filled}x`, MEDIA_SCHEMES);
}

/** A sub may hold anything: percent-encoded it is one step of a path. */
function isBelow(uri: string, prefixes: readonly string[], { owner, projectId }: MediaScope): boolean {
  if (STEPS_ASIDE.test(uri) || !owner.isWellFormed()) return false;
  const values: Record<string, string> = { '{owner}': encodeURIComponent(owner), '{project}': projectId };
  return prefixes.some((prefix) => uri.startsWith(prefix.replace(NAMES, (name) => values[name] ?? '')));
}
/** `.` and `..` as a step, however they and what parts steps are written: whoever resolves them ends up elsewhere. */
const STEPS_ASIDE = /(?:\/|\\|%2f|%5c)(?:\.|%2e){1,2}(?:[/\\?#]|%2f|%5c|$)/i;

/** Of URLs alone: an object's bucket is no host. The URL parser writes an IPv4 address in one form, however it was written. */
function isOnPrivateHost(uri: string, allowed: readonly string[]): boolean {
  if (!/^https?:/i.test(uri)) return false;
  const host = URL.parse(uri)?.hostname.replace(/\.$/, '') ?? '';
  if (allowed.includes(host)) return false;
  if (host.startsWith('[')) return !isGlobalIpv6(host);
  const ipv4 = /^(\d+)\.(\d+)\.(\d+)\.\d+$/.exec(host);
  if (ipv4) return !isGlobalIpv4(ipv4.slice(1).map(Number));
  return !host.includes('.') || PRIVATE_NAME.test(host);
}

/** Names that lead nowhere outside (RFC 6761, 6762, 8375, and the clouds' own). */
const PRIVATE_NAME = /\.(?:localhost|local|localdomain|internal|intranet|lan|home\.arpa)$/;

/** 2000::/3 is all that is given out, and 2002::/16 in it stands for IPv4 addresses (IANA's registry, RFC 3056). */
function isGlobalIpv6(host: string): boolean {
  const first = Number.parseInt(host.slice(1), 16);
  return first >= 0x2000 && first <= 0x3fff && first !== 0x2002;
}

/** IANA's registry of special-purpose addresses (RFC 6890), multicast, and the address of Azure's own services. */
function isGlobalIpv4([a = 0, b = 0, c = 0]: readonly number[]): boolean {
  if (a === 0 || a === 10 || a === 127 || a >= 224) return false;
  if (a === 100) return b < 64 || b > 127;
  if (a === 168) return !(b === 63 && c === 129);
  if (a === 169) return b !== 254;
  if (a === 172) return b < 16 || b > 31;
  if (a === 192) return b !== 168 && !(b === 0 && c === 0);
  return a !== 198 || (b !== 18 && b !== 19);
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
