// A socket read out as server-sent events: what keeps it open, and when its reader is let go.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { eventStream } from '../../src/http/event-stream.ts';
import { StreamReader } from '../support/workerd/viewing.ts';

const HEARTBEAT_MS = 20_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A stream, the object's end of its socket, and what that was sent. */
function streamed() {
  const { 0: near, 1: far } = new WebSocketPair();
  const stream = eventStream(near, new AbortController().signal);
  const heard: string[] = [];
  const { promise: left, resolve } = Promise.withResolvers<number>();
  far.addEventListener('message', ({ data }) => {
    heard.push(String(data));
    if (data === 'ping') far.send('pong');
  });
  far.addEventListener('close', ({ code }) => resolve(code));
  far.accept();
  return { reader: new StreamReader(new Response(stream)), far, heard, left };
}

test('every 20 s its reader is sent a comment, and the object a ping, of whose answer the reader hears nothing', async () => {
  const { reader, far, heard } = streamed();
  expect(await reader.next()).toMatch(/^retry: /);
  vi.advanceTimersByTime(HEARTBEAT_MS - 1);
  far.send('[]');
  vi.advanceTimersByTime(1);
  expect(await reader.next()).toBe(':\n\n');
  vi.advanceTimersByTime(HEARTBEAT_MS);
  expect(await reader.next()).toBe(':\n\n');
  far.send('[{"type":"counts","counts":{}}]');
  await reader.until(({ events }) => events.length > 0);
  await vi.waitFor(() => expect(heard).toEqual(['ping', 'ping']));
  expect(reader.events).toEqual([{ event: 'counts', data: { type: 'counts', counts: {} } }]);
});

test('a reader that leaves more than 1 MiB unread is let go, and finds what it was sent until then whole', async () => {
  const { reader, far, left } = streamed();
  const record = (seq: number) => ({ type: 'transition', transition: { seq }, text: 'x'.repeat(300_000) });
  for (let seq = 1; seq <= 8; seq += 1) far.send(JSON.stringify([record(seq)]));
  expect(await left).toBe(1000);
  while (!reader.isOver) await reader.next();
  const { ids } = reader;
  expect(ids).toEqual(Array.from(ids, (_, index) => String(index + 1)));
  expect(ids.length).toBeGreaterThan(2);
  expect(ids.length).toBeLessThan(8);
});

test('a text that looks like the form of a stream is a text', async () => {
  const { reader, far } = streamed();
  const text = 'a\n\nevent: close\ndata: {}\n\nid: 7\r\n';
  far.send(JSON.stringify([{ type: 'job', job: { text } }]));
  await reader.until(({ events }) => events.length > 0);
  expect(reader.events).toEqual([{ event: 'job', data: { type: 'job', job: { text } } }]);
});
