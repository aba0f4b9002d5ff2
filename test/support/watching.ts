// Who watches a job or project over HTTP from outside: by a WebSocket, or by a stream of server-sent events.
import { WebSocket } from 'undici';
import { fetchAlone } from './own-connection.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into records of every form
export type AnyRecord = any;

export interface Watch {
  /** Of the service, or of what leads to it. */
  url: string;
  path: string;
  token: string;
  /** The last entry of the audit trail that is known. */
  after?: number;
}

export interface Watching {
  onOpen?: () => void;
  onRecord: (record: AnyRecord) => void;
}

export interface Connection {
  /** Resolves when the connection has ended, however it did. */
  ended: Promise<void>;
  leave(): void;
}

export type Connect = (watch: Watch, watching: Watching) => Connection;

export const bySocket: Connect = ({ url, path, token, after }, { onOpen, onRecord }) => {
  const query = after === undefined ? '' : `?after=${after}`;
  const socket = new WebSocket(`${url.replace('http', 'ws')}${path}${query}`, {
    protocols: ['retake.events.v1'],
    headers: { authorization: `Bearer ${token}` },
  });
  socket.addEventListener('open', () => onOpen?.());
  socket.addEventListener('message', ({ data }) => {
    for (const record of JSON.parse(String(data))) onRecord(record);
  });
  const ended = new Promise<void>((resolve) => {
    socket.addEventListener('close', () => resolve());
    // Followed by the close, but for one that was never opened.
    socket.addEventListener('error', () => resolve());
  });
  return { ended, leave: () => socket.close() };
};

export const byStream: Connect = ({ url, path, token, after }, { onOpen, onRecord }) => {
  const gone = new AbortController();
  const read = async () => {
    const response = await fetchAlone(`${url}${path}`, {
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'text/event-stream',
        'accept-encoding': 'br, gzip',
        ...(after === undefined ? {} : { 'last-event-id': String(after) }),
      },
      signal: gone.signal,
    });
    if (!response.ok || response.body === null) throw new Error(`no stream: ${response.status}`);
    onOpen?.();
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of response.body) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data !== undefined) onRecord(JSON.parse(data));
      }
    }
  };
  return { ended: read().catch(() => {}), leave: () => gone.abort() };
};
