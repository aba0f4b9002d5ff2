// The orchestrator of the bench, a process of its own: takes every dispatch at once and says when each came. After a
// POST to /reset?pipeline it also plays the pipeline: every report in turn, as fast as they are taken.
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { statusesUntil } from '../support/pipeline/script.ts';
import { reportBody } from './protocol.ts';

interface Dispatch {
  job_id: string;
  dispatch_id: string;
  callback_url: string;
  callback_token?: string;
}

/** When what happened to a job first: CLOCK_MONOTONIC nanoseconds, as text. */
type Times = Map<string, string>;

const STAGES = statusesUntil('DRAFT_READY');
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
let playsPipeline = false;
let events: Record<string, Times> = {};
let refused: string[] = [];
let waiting: { kind: string; count: number; answer: () => void } | null = null;

function record(jobId: string, kind: 'received' | 'drafted'): void {
  events[kind] ??= new Map();
  const times = events[kind];
  if (!times.has(jobId)) times.set(jobId, process.hrtime.bigint().toString());
  answerIfDone();
}

function answerIfDone(): void {
  if (waiting === null) return;
  if (refused.length > 0 || (events[waiting.kind]?.size ?? 0) >= waiting.count) waiting.answer();
}

const server = createServer((incoming, outgoing) => {
  answer(incoming, outgoing).catch(() => outgoing.destroy());
});

async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const url = new URL(incoming.url ?? '/', 'http://127.0.0.1');
  if (url.pathname === '/dispatches') {
    const dispatch = JSON.parse(await text(incoming)) as Dispatch;
    record(dispatch.job_id, 'received');
    outgoing.writeHead(202, { 'content-type': 'application/json' }).end('{}');
    if (playsPipeline) {
      play(dispatch).catch((error) => {
        refused.push(`${dispatch.job_id}: ${error}`);
        answerIfDone();
      });
    }
    return;
  }
  if (url.pathname === '/reset') {
    events = {};
    refused = [];
    waiting = null;
    playsPipeline = url.searchParams.has('pipeline');
    outgoing.writeHead(204).end();
    return;
  }
  const kind = url.searchParams.get('kind') ?? '';
  waiting = {
    kind,
    count: Number(url.searchParams.get('count')),
    answer: () => {
      waiting = null;
      const body = JSON.stringify({ refused, events: [...(events[kind] ?? [])] });
      outgoing.writeHead(200, { 'content-type': 'application/json' }).end(body);
    },
  };
  answerIfDone();
}

async function play(dispatch: Dispatch): Promise<void> {
  for (const status of STAGES) {
    const eventId = `${dispatch.dispatch_id}-${status}`;
    const report = { jobId: dispatch.job_id, dispatchId: dispatch.dispatch_id, eventId, status };
    await send(dispatch, JSON.stringify({ ...reportBody(report), dispatch_id: dispatch.dispatch_id }));
  }
  record(dispatch.job_id, 'drafted');
}

function send(dispatch: Dispatch, body: string): Promise<void> {
  const { callback_url, callback_token } = dispatch;
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...(callback_token ? { authorization: `Bearer ${callback_token}` } : {}),
    };
    const outgoing = request(callback_url, { method: 'POST', agent, headers }, (response) => {
      text(response).then((answer) => {
        if (Math.floor((response.statusCode ?? 0) / 100) === 2) resolve();
        else reject(new Error(`${response.statusCode} ${answer}`));
      }, reject);
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      // The other side gave an idle connection up at the moment it was taken: nothing was read, so it is sent again.
      if (outgoing.reusedSocket && error.code === 'ECONNRESET') send(dispatch, body).then(resolve, reject);
      else reject(error);
    });
    outgoing.end(body);
  });
}

async function text(message: IncomingMessage): Promise<string> {
  let all = '';
  message.setEncoding('utf8');
  for await (const chunk of message) all += chunk;
  return all;
}

server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`);
});
process.on('SIGTERM', () => process.exit(0));
