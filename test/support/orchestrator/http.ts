// The little of HTTP that both sides of the server need: reading a capped body, answering.

import type { IncomingMessage, ServerResponse } from 'node:http';

/** The body as text, or null when it is longer than `maxBytes`. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Read to the end even when it is too long, or the caller may see a reset instead of the answer.
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= maxBytes) chunks.push(chunk);
  }
  return size > maxBytes ? null : Buffer.concat(chunks).toString('utf8');
}

export type Reply = { status: number; headers?: Record<string, string>; body?: unknown };

/** Strings go out as they are, anything else as JSON. */
export function reply(response: ServerResponse, { status, headers, body }: Reply): void {
  const isText = typeof body === 'string';
  const type = isText ? 'text/html; charset=utf-8' : 'application/json';
  response.writeHead(status, { ...(body === undefined ? {} : { 'content-type': type }), ...headers });
  response.end(body === undefined || isText ? body : JSON.stringify(body));
}
