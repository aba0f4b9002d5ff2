// The Prefer header (RFC 7240): whether and how long a caller waits for the outcome of a dispatch.

/** No caller is kept waiting longer than this. */
const MAX_WAIT_SECONDS = 30;
/** What is left of a wait, after the delivery window has closed, for the answer to arrive. */
const ANSWER_MARGIN_MS = 2_000;
/** A caller who waits less than this gives deliveries no fair chance, so the window is not tied to the wait. */
const SHORTEST_FAIL_FAST_MS = 3_000;

export interface WaitPlan {
  /** How long the answer may wait for the outcome; 0 answers as soon as the dispatch is durable. */
  waitMs: number;
  /** How long delivery is tried; null for as long as the service tries at all. */
  windowMs: number | null;
  /** The value of `Preference-Applied`; null when nothing was asked for. */
  applied: string | null;
}

/**
 * Without `respond-async` the delivery is given up before the caller goes away, so that the answer is final.
 * With it, delivery goes on in the background, and `wait` only says how long to wait for a final answer first.
 */
export function planWait(prefer: string | undefined, defaultWaitMs: number): WaitPlan {
  const preferences = parse(prefer ?? '');
  const isAsync = preferences.has('respond-async');
  const asked = preferences.get('wait');
  const seconds =
    asked !== undefined && /^\d{1,9}$/.test(asked) ? Math.min(Number(asked), MAX_WAIT_SECONDS) : null;
  const waitMs = seconds !== null ? seconds * 1000 : isAsync ? 0 : defaultWaitMs;
  const applied = [...(isAsync ? ['respond-async'] : []), ...(seconds !== null ? [`wait=${seconds}`] : [])];
  return {
    waitMs,
    windowMs: isAsync || waitMs < SHORTEST_FAIL_FAST_MS ? null : waitMs - ANSWER_MARGIN_MS,
    applied: applied.length > 0 ? applied.join(', ') : null,
  };
}

/** Preference name → value. The first of a name counts; parameters after ";" are not ours. */
function parse(header: string): Map<string, string> {
  const preferences = new Map<string, string>();
  for (const part of header.split(',')) {
    const [preference = ''] = part.split(';');
    const [name = '', value = ''] = preference.split('=');
    const key = name.trim().toLowerCase();
    if (key && !preferences.has(key)) preferences.set(key, value.trim().replace(/^"(.*)"$/, '$1'));
  }
  return preferences;
}
