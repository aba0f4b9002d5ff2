// Redis with BullMQ: redis-server beside one Node process, which serves the plain protocol and is also the worker.
// Durability: append-only file with `appendfsync always`; what is answered has been synced to disk (the writes of all
// clients that are ready at once share one fsync). BullMQ's own documentation is content with a sync a second.
import { join } from 'node:path';
import { Queue, QueueEvents, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { freePort } from '../../../support/service.ts';
import { serve } from '../peers/front.ts';
import type { Delivery } from '../peers/job.ts';
import { post } from '../peers/orchestrator.ts';
import {
  findProgram,
  orchestratorUrl,
  PeerServer,
  scratchDirectory,
  stopOnSignal,
  unavailable,
  untilReady,
} from '../peers/process.ts';
import { RedisJobs } from './jobs.ts';

const QUEUE = 'dispatches';
/** How many dispatches are being POSTed at once; BullMQ suggests 100 to 300 for work that waits on I/O. */
const CONCURRENCY = 100;
/** Longer than the queue needs to be handed a dispatch. */
const OVERDUE_MS = 5_000;

const program = findProgram('redis-server') ?? unavailable('redis-server (apt-get install redis-server)');
const orchestrator = orchestratorUrl();
const directory = scratchDirectory();
const socket = join(directory, 'redis.sock');
const server = new PeerServer(program, [
  ...['--port', '0', '--unixsocket', socket, '--dir', directory],
  ...['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''],
  ...['--maxmemory-policy', 'noeviction'],
]);

const redis = new Redis({ path: socket, enableAutoPipelining: true, retryStrategy: () => 50 });
redis.on('error', () => {});
await untilReady(() => redis.ping());
// BullMQ's own connections; a worker's may never give up a blocked command.
const connection = { path: socket, maxRetriesPerRequest: null };
const queue = new Queue<Delivery>(QUEUE, {
  connection,
  defaultJobOptions: {
    attempts: Number.MAX_SAFE_INTEGER,
    backoff: { type: 'capped' },
    removeOnComplete: { count: 1_000 },
  },
});
// Everyone who waits listens to it.
queue.setMaxListeners(0);
let events: QueueEvents | undefined;

// The queue's job bears the dispatch id, so that adding it again is without effect while it is there.
async function deliver(delivery: Delivery, waits: boolean): Promise<void> {
  // Reads every event of the queue, so nobody who does not wait should pay for it. It starts from now rather than
  // from when it is connected: what comes between would be missed, and waited for in vain.
  if (waits) events ??= new QueueEvents(QUEUE, { connection, lastEventId: String(Date.now() - 1) });
  const job = await queue.add(delivery.type, delivery, { jobId: delivery.dispatch_id });
  if (waits && events) await job.waitUntilFinished(events);
}

const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const jobs = new RedisJobs(redis, url, deliver);
const worker = new Worker<Delivery>(
  QUEUE,
  async ({ data }) => {
    await post(orchestrator, data);
    await jobs.delivered(data.dispatch_id);
  },
  {
    connection,
    concurrency: CONCURRENCY,
    settings: { backoffStrategy: (attempts = 1) => Math.min(1_000 * 2 ** (attempts - 1), 15_000) },
  },
);
worker.on('error', (error) => console.error(error));

// What a crash kept from the queue is in the outbox.
const sweep = setInterval(async () => {
  for (const delivery of await jobs.overdue(OVERDUE_MS)) await deliver(delivery, false);
}, OVERDUE_MS);

const front = await serve(jobs, port);
stopOnSignal(
  () => clearInterval(sweep),
  () => front.close().closeAllConnections(),
  () => Promise.all([worker.close(true), queue.close(), events?.close()]),
  () => redis.disconnect(),
  () => server.stop(),
);
console.log(url);
