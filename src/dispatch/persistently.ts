// Calls of a Job by the queue's consumer. One that fails is repeated within moments, and one that does not answer has failed.
import { CallTimeout, within } from '../time-limit.ts';

/** An object that was moved or restarted is there again in a moment. */
const REPEAT_AFTER_MS = [250, 750] as const;
const LIMIT_MS = 5_000;

/** What the call answers, at its third attempt at the latest. To be used for what may be repeated. */
export async function persistently<T>(call: () => Promise<T>): Promise<T> {
  const givenUp = new AbortController();
  return within(LIMIT_MS, repeated(call, givenUp.signal)).finally(() => givenUp.abort());
}

/** Nobody would use what a call answers after it was given up, so none is made then. */
async function repeated<T>(call: () => Promise<T>, givenUp: AbortSignal): Promise<T> {
  for (const pauseMs of REPEAT_AFTER_MS) {
    try {
      return await call();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      if (givenUp.aborted) throw new CallTimeout();
    }
  }
  return call();
}
