// A call to somewhere else may fail, hang, or be repeated. It cannot be taken back, but nobody has to wait for it for ever.

/** Settles as `call` does, or rejects once that has taken `ms` milliseconds. */
export async function within<T>(ms: number, call: Promise<T>): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new CallTimeout()), ms);
  try {
    return await Promise.race([call, over]);
  } finally {
    clearTimeout(timer);
  }
}

export class CallTimeout extends Error {
  override name = 'CallTimeout';
}
