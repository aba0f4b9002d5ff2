// How long a message is tried, and when it is sent again: the pauses between attempts, and between copies.
import type { Dispatch } from './dispatch.ts';

/** No effect of a commit (a message to the queue, a push to a list) is waited for longer than this. */
export const EFFECT_LIMIT_MS = 10_000;
/** When a message that nobody claims is sent again for the first time: no sooner, and no later, whatever its window is. */
export const RESEND_AFTER_MS = { least: 5_000, most: 30_000 } as const;
/** How long after its window a dispatch whose outcome was never reported is withdrawn. */
export const REPORT_GRACE_MS = 1_000;
/** An attempt that would have less time than this is not worth making. */
const MIN_ATTEMPT_MS = 250;
const BACKOFF_MS = [1_000, 2_000, 4_000, 8_000, 15_000] as const;
const FIRST_PUSH_PAUSE_MS = 5_000;
export const LONGEST_PUSH_PAUSE_MS = 300_000;

/** The pause after the `attempts`-th failed attempt; what the orchestrator asks for comes first. */
export function backoffMs(attempts: number, retryAfterMs: number | null): number {
  if (retryAfterMs !== null) return Math.max(retryAfterMs, BACKOFF_MS[0]);
  return BACKOFF_MS[Math.min(attempts, BACKOFF_MS.length) - 1] ?? BACKOFF_MS[0];
}

/** Whether an attempt that starts at `at` still fits into a window that closes at `until`. */
export const fitsWindow = (at: number, until: number): boolean => at + MIN_ATTEMPT_MS <= until;

/** The pause before a list is told again, after `failures` times that it was not to be told. */
export const pushBackoffMs = (failures: number): number =>
  Math.min(FIRST_PUSH_PAUSE_MS * 2 ** failures, LONGEST_PUSH_PAUSE_MS);

/**
 * When a message of this dispatch, wanted until `until`, is to be sent again: when half its window has passed since
 * something became of it, and then after twice as long each time; Infinity when its window is over by then. Under load
 * messages are late, not lost: sent again sooner they would grow into more than there is to deliver.
 */
export function resendAt({ updatedAt }: Dispatch, until: number, now: number): number {
  // A clock may have been set back since.
  const from = Math.min(updatedAt, now);
  const { least, most } = RESEND_AFTER_MS;
  let pauseMs = Math.max(least, Math.min((until - from) / 2, most));
  while (from + pauseMs <= now) pauseMs *= 2;
  return fitsWindow(from + pauseMs, until) ? from + pauseMs : Infinity;
}
