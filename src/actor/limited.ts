// What a commit leaves to be done outside of the object is an effect: a call that may fail, hang, or be repeated. Each has a
// limit of its own, after which it counts as failed: a call cannot be taken back, but nobody waits for it any longer.

/** No effect is waited for longer than this. */
const EFFECT_LIMIT_MS = 10_000;

/** Settles as `call` does, or rejects when that takes too long. */
export async function limited<T>(call: Promise<T>): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new EffectTimeout()), EFFECT_LIMIT_MS);
  try {
    return await Promise.race([call, over]);
  } finally {
    clearTimeout(timer);
  }
}

class EffectTimeout extends Error {
  override name = 'EffectTimeout';
}
