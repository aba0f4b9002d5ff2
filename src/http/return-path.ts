// Where somebody goes who has signed in. The address comes from whoever made the link, so it leads to the console and nowhere else.

const CONSOLE = '/console/';
/** It travels in a cookie. */
const MAX_LENGTH = 1_000;
/** What a browser or a server on the way reads otherwise than it is written, or not at all. */
const MISREAD = /[\p{C}\\\s]/u;

/** A path below `/console/`, with its query and fragment; what is anything else counts as none, which leads to `/console/`. */
export function returnPath(asked: string | undefined): string {
  if (asked === undefined || asked.length > MAX_LENGTH || MISREAD.test(asked)) return CONSOLE;
  if (!asked.startsWith(CONSOLE)) return CONSOLE;
  // What steps out of it again (`..`, `%2e%2e`) is seen when a parser has read it.
  const { pathname, search, hash, hostname } = new URL(asked, 'https://retake.invalid');
  if (hostname !== 'retake.invalid' || !pathname.startsWith(CONSOLE)) return CONSOLE;
  return pathname + search + hash;
}
