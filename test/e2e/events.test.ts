// What happens, told to who looks on from outside: over connections that break, to many who look at
// objects that sleep, and beside somebody who does not read.
import { connect as connectTo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Editor } from '../support/editor.ts';
import { editorToken } from '../support/editor-token.ts';
import { Relay } from '../support/relay.ts';
import {
  type AnyRecord,
  bySocket,
  byStream,
  type Connect,
  type Connection,
  type Watch,
} from '../support/watching.ts';
import { Stack } from './stack.ts';

const LOSSES = 100;

let stack: Stack;
const connections: Connection[] = [];
afterEach(async () => {
  for (const connection of connections.splice(0)) connection.leave();
  await stack.stop();
});

/** The whole audit trail. */
async function trailOf(editor: Editor, jobId: string): Promise<{ seq: number }[]> {
  const trail: { seq: number }[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: { items: { seq: number }[]; next_cursor: string | null } = await editor.get(
      `/jobs/${jobId}/transitions?limit=100${cursor && `&cursor=${cursor}`}`,
    );
    trail.push(...page.items);
    cursor = page.next_cursor;
  }
  return trail;
}

/** Reads on whatever happens to its connection, which is cut on opening, or after one record, two or three. */
class Unlucky {
  readonly transitions: { seq: number }[] = [];
  job: AnyRecord = null;
  losses = 0;
  #isDone = false;

  async read(connect: Connect, relay: Relay, watch: Watch): Promise<void> {
    while (!this.#isDone) {
      let heard = 0;
      const cutAt = this.losses % 4;
      const maybeCut = () => {
        if (this.losses < LOSSES && heard === cutAt) relay.cut();
      };
      const after = this.transitions.at(-1)?.seq ?? 0;
      const connection = connect(
        { ...watch, url: relay.url, after },
        {
          onOpen: maybeCut,
          onRecord: (record) => {
            heard += 1;
            if (record.type === 'job') this.job = record.job;
            else this.transitions.push(record.transition);
            maybeCut();
          },
        },
      );
      connections.push(connection);
      await connection.ended;
      this.losses += 1;
    }
  }

  stop(): void {
    this.#isDone = true;
  }
}

describe.each([
  ['a WebSocket', bySocket],
  ['a stream', byStream],
] as const)('by %s', (_form, connect) => {
  test('who loses the connection a hundred times sees every entry of the audit trail once, and how it ended', async () => {
    stack = await Stack.start({ stepMs: 5 });
    const relay = await Relay.start(stack.serviceUrl);
    const [alice, token] = [await stack.editor('alice'), await editorToken({ sub: 'alice' })];
    const { client } = stack.orchestrator;
    const jobId = await alice.uploadedJob();
    const reader = new Unlucky();
    const reading = reader.read(connect, relay, { url: relay.url, path: `/jobs/${jobId}/events`, token });

    await client.plan(jobId, { pipeline: { fail_at: 'TRANSCRIBING' } });
    await alice.run(jobId);
    await alice.settledJob(jobId);
    await alice.retry(jobId, { model_profile: 'balanced', client_request_id: 'again' });
    let job = await alice.settledJob(jobId);
    for (let count = 0; reader.losses < LOSSES; count += 1) {
      const model_profile = count % 2 === 0 ? 'polished' : 'balanced';
      await alice.post(`/jobs/${jobId}/redo`, { model_profile, client_request_id: `redo-${count}` });
      job = await alice.settledJob(jobId);
    }

    expect(job.status).toBe('DRAFT_READY');
    const trail = await trailOf(alice, jobId);
    await vi.waitFor(() => {
      expect(reader.job).toEqual(job);
      expect(reader.transitions.at(-1)).toEqual(trail.at(-1));
    }, 10_000);
    expect(reader.transitions).toEqual(trail);
    expect(trail.length).toBeGreaterThan(20);
    expect(reader.losses).toBeGreaterThanOrEqual(LOSSES);
    reader.stop();
    relay.stop();
    await reading;
  });
});

test('five hundred who look at fifty jobs keep none of them awake, and each is told of the next change', async () => {
  stack = await Stack.start();
  const [alice, token] = [await stack.editor('alice'), await editorToken({ sub: 'alice' })];
  const { id: projectId } = await alice.post('/projects', { name: 'Interviews' });
  const jobs: string[] = [];
  for (let count = 0; count < 50; count += 1) {
    jobs.push((await alice.post(`/projects/${projectId}/jobs`)).id);
  }
  // What is measured below would be seen: the last of them was created just now.
  expect(stack.objectsAwake() ?? 1).toBeGreaterThan(0);
  /** By job, the last status that each of its viewers was told. */
  const told = new Map<string, string[]>();
  const open: Promise<void>[] = [];
  for (const id of jobs) {
    const statuses: string[] = Array(10).fill('');
    told.set(id, statuses);
    for (const viewer of statuses.keys()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      open.push(promise);
      const onRecord = ({ job }: AnyRecord) => {
        if (job) statuses[viewer] = job.status;
        resolve();
      };
      // All at once: two have kept an object awake for good before (workerd#6862).
      connections.push(bySocket({ url: stack.serviceUrl, path: `/jobs/${id}/events`, token }, { onRecord }));
    }
  }
  await Promise.all(open);
  expect([...told.values()].flat()).toEqual(Array(500).fill('CREATED'));

  await vi.waitFor(() => expect(stack.objectsAwake() ?? 0).toBe(0), { timeout: 60_000, interval: 200 });
  for (const id of jobs.slice(0, 25)) {
    await alice.post(`/jobs/${id}/confirm-upload`, { video_uri: `s3://videos/${id}.mp4` });
  }
  await vi.waitFor(() => {
    const statuses = jobs.map((id) => new Set(told.get(id)));
    expect(statuses.slice(0, 25)).toEqual(Array(25).fill(new Set(['UPLOADED'])));
    expect(statuses.slice(25)).toEqual(Array(25).fill(new Set(['CREATED'])));
  }, 10_000);
  // And they sleep again.
  await vi.waitFor(() => expect(stack.objectsAwake() ?? 0).toBe(0), { timeout: 60_000, interval: 200 });
});

test('one who does not read holds up neither the pipeline nor who reads', async () => {
  stack = await Stack.start({ stepMs: 5 });
  const [alice, token] = [await stack.editor('alice'), await editorToken({ sub: 'alice' })];
  const jobId = await alice.uploadedJob();
  const path = `/jobs/${jobId}/events?after=0`;
  const deaf = [`GET ${path} HTTP/1.1`, 'Host: 127.0.0.1', `Authorization: Bearer ${token}`];
  const upgrades = [
    [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${btoa('0123456789abcdef')}`,
    ],
    ['Accept: text/event-stream'],
  ];
  for (const lines of upgrades) {
    const socket = connectTo(Number(new URL(stack.serviceUrl).port), '127.0.0.1');
    socket.pause();
    socket.on('error', () => {});
    socket.write(`${[...deaf, ...lines].join('\r\n')}\r\n\r\n`);
    connections.push({ ended: Promise.resolve(), leave: () => socket.destroy() });
  }
  const seen: AnyRecord[] = [];
  const onRecord = (record: AnyRecord) => seen.push(record);
  connections.push(
    bySocket({ url: stack.serviceUrl, path: `/jobs/${jobId}/events`, token, after: 0 }, { onRecord }),
  );

  await alice.run(jobId);
  const job = await alice.settledJob(jobId);

  expect(job.status).toBe('DRAFT_READY');
  const trail = await trailOf(alice, jobId);
  await vi.waitFor(() => {
    expect(seen.flatMap(({ transition }) => transition ?? [])).toEqual(trail);
    expect(seen.findLast(({ type }) => type === 'job').job).toEqual(job);
  }, 10_000);
});
