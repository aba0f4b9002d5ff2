// The Range header (RFC 9110 §14.2): one range of bytes. Several at once, and what is no range, are answered with the whole.

/** From where, and how much; the whole, or nothing of it. */
export type Span = { offset: number; length: number } | 'whole' | 'unsatisfiable';

const ONE_RANGE = /^bytes=[ \t]*(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))[ \t]*$/i;

/** `ifRange` names what the rest is wanted of (§13.1.5): of something else it is wanted whole. A date is no tag that we give. */
export function spanOf(
  range: string | undefined,
  ifRange: string | undefined,
  { size, etag }: { size: number; etag: string },
): Span {
  if (range === undefined || (ifRange !== undefined && ifRange !== etag)) return 'whole';
  const [isRange, first, last, suffix] = ONE_RANGE.exec(range) ?? [];
  if (isRange === undefined) return 'whole';
  const from = first === undefined ? Math.max(size - Number(suffix), 0) : Number(first);
  const to = last ? Math.min(Number(last), size - 1) : size - 1;
  // What ends before it begins is no range; what begins behind the end is one of nothing.
  if (last && Number(last) < from) return 'whole';
  return from <= to ? { offset: from, length: to - from + 1 } : 'unsatisfiable';
}
