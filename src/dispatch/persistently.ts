// Calls of a Job by the queue's consumer. One that fails is repeated within moments, and one that does not answer has failed.

/** An object that was moved or restarted is there again in a moment. */
const REPEAT_AFTER_MS = [250, 750] as const;
const CALL_LIMIT_MS = 5_000;

/** What the call answers, at its third attempt at the latest. To be used for what may be repeated. */
export async function persistently<T>(call: () => Promise<T>): Promise<T> {
  for (const pauseMs of REPEAT_AFTER_MS) {
    try {
      return await limited(call());
    } catch {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
  return limited(call());
}

async function limited<T>(call: Promise<T>): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('The call takes too long.')), CALL_LIMIT_MS);
  try {
    return await Promise.race([call, over]);
  } finally {
    clearTimeout(timer);
  }
}
