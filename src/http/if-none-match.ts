// The If-None-Match header: whoever has this already is not sent it again.

/** RFC 9110 §13.1.2: weak comparison against a list of tags, or "*". */
export function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}
