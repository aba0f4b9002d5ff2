// A viewer's socket as server-sent events (WHATWG HTML, "Server-sent events"). It is read here, in the Worker, so that the
// object at its other end can sleep while nothing happens.
import { PING, PONG } from '../contract/events.ts';

/** What is on the way drops a stream in which nothing is said for some 100 s. */
const HEARTBEAT_MS = 20_000;
/** A reader that leaves this much unread is let go; it comes back, and is told what it has missed. */
const MOST_UNREAD_BYTES = 1024 * 1024;
/** Readers that lost their connection together come back one by one. */
const RETRY_MS = { least: 1_000, most: 5_000 };

/** Ends when the socket does, or when its reader is gone: `gone` fires, or the stream is cancelled. */
export function eventStream(socket: WebSocket, gone: AbortSignal): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let heartbeat: ReturnType<typeof setInterval> | undefined;
  let isOver = false;
  const leave = () => {
    isOver = true;
    clearInterval(heartbeat);
    if (socket.readyState === WebSocket.OPEN) socket.close(1000);
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const end = (last: string) => {
          if (isOver) return;
          leave();
          if (last !== '') controller.enqueue(encoder.encode(last));
          controller.close();
        };
        const write = (text: string) => {
          if (isOver) return;
          if ((controller.desiredSize ?? 0) < 0) end('');
          else controller.enqueue(encoder.encode(text));
        };
        write(`retry: ${retryMs()}\n\n`);
        socket.addEventListener('message', ({ data }) => {
          if (data !== PONG) write(toEvents(String(data)));
        });
        socket.addEventListener('close', ({ code, reason }) => end(event('close', { code, reason })));
        socket.addEventListener('error', () => end(''));
        gone.addEventListener('abort', leave);
        socket.accept();
        heartbeat = setInterval(() => {
          socket.send(PING);
          write(':\n\n');
        }, HEARTBEAT_MS);
      },
      cancel: leave,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MOST_UNREAD_BYTES }),
  );
}

const retryMs = (): number => Math.round(RETRY_MS.least + Math.random() * (RETRY_MS.most - RETRY_MS.least));

interface AnyRecord {
  type: string;
  transition?: { seq: number };
}

/** One event each. What has a place in the audit trail has an id, by which a reader says how far it has come. */
const toEvents = (message: string): string =>
  (JSON.parse(message) as AnyRecord[])
    .map((record) => {
      const id = record.transition ? `id: ${record.transition.seq}\n` : '';
      return id + event(record.type, record);
    })
    .join('');

const event = (type: string, data: object): string => `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
