// Bodies from elsewhere, requests' and answers': read whole, but never more of one than its reader has use for.

/** The whole body, or null for one of more than `maxBytes`; what of that was not read is its caller's to read or cancel. */
export async function readCapped(message: Request | Response, maxBytes: number): Promise<Uint8Array | null> {
  const length = lengthOf(message.headers);
  if (length === null) return message.body === null ? new Uint8Array() : collected(message.body, maxBytes);
  if (length > maxBytes) return null;
  // At once, which costs a fraction of its pieces. What frames the message ends it there; were it longer, it is too long.
  const bytes = new Uint8Array(await message.arrayBuffer());
  return bytes.byteLength > maxBytes ? null : bytes;
}

/** Reads on, and keeps nothing, until more than `maxBytes` have come: a sender that is still sending may not hear an answer. */
export async function readOn(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<void> {
  await take(body, maxBytes, () => {});
}

/**
 * Null where the length of what will be read is not known: it is not said, or it is that of what was coded. An answer is
 * decoded by the runtime, which leaves the length standing: 5 KiB that are named may be 5 MiB.
 */
function lengthOf(headers: Headers): number | null {
  const length = headers.get('content-length');
  if (length === null || !/^\d+$/.test(length)) return null;
  return headers.has('transfer-encoding') || headers.has('content-encoding') ? null : Number(length);
}

async function collected(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  const isWhole = await take(body, maxBytes, (chunk) => chunks.push(chunk));
  return isWhole ? joined(chunks) : null;
}

/** Reads to the end, or until more than `limit` bytes have come: whether it came to the end. */
async function take(
  body: ReadableStream<Uint8Array>,
  limit: number,
  keep: (chunk: Uint8Array) => void,
): Promise<boolean> {
  const reader = body.getReader();
  try {
    let size = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return true;
      size += value.byteLength;
      if (size > limit) return false;
      keep(value);
    }
  } finally {
    reader.releaseLock();
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [first, ...more] = chunks;
  if (first !== undefined && more.length === 0) return first;
  const all = new Uint8Array(chunks.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.byteLength;
  }
  return all;
}
