// The plain protocol over node:http, for the peers that are a Node process beside a store.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { DispatchRequest, DispatchType, Refusal, Report } from './job.ts';

export interface Answer {
  status: number;
  body?: unknown;
}

export interface Jobs {
  create(): Promise<Answer>;
  confirm(jobId: string, videoUri: string): Promise<Answer>;
  /** With `waits`, answered when the orchestrator has it; else as soon as it is durable. */
  dispatch(jobId: string, type: DispatchType, request: DispatchRequest, waits: boolean): Promise<Answer>;
  report(jobId: string, report: Report): Promise<Answer>;
  read(jobId: string): Promise<Answer>;
}

type Body = DispatchRequest & Report & { video_uri: string };

export function serve(jobs: Jobs, port: number): Promise<Server> {
  const server = createServer((incoming, outgoing) => {
    const send = (answer: Answer) => write(outgoing, answer);
    route(jobs, incoming).then(send, (error: unknown) => {
      if (error instanceof SyntaxError)
        return send({ status: 400, body: { error_code: 'VALIDATION_FAILED' } });
      console.error(error);
      send({ status: 500, body: { error_code: 'INTERNAL_ERROR' } });
    });
  });
  // Connections are the client's to close: it must never send on one that is about to be closed here.
  server.keepAliveTimeout = 0;
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)));
}

export function refused({ refused: { status, ...body } }: Refusal): Answer {
  return { status, body };
}

async function route(jobs: Jobs, incoming: IncomingMessage): Promise<Answer> {
  const [, , id = '', action = ''] = (incoming.url ?? '/').split('/');
  if (incoming.method === 'GET') return jobs.read(id);
  if (id === '') return jobs.create();
  const body = JSON.parse(await text(incoming)) as Body;
  const waits = incoming.headers.prefer !== 'respond-async';
  switch (action) {
    case 'confirm-upload':
      return jobs.confirm(id, body.video_uri);
    case 'run':
      return jobs.dispatch(id, 'job.run', body, waits);
    case 'retry':
      return jobs.dispatch(id, 'job.retry', body, waits);
    case 'status':
      return jobs.report(id, body);
    default:
      return { status: 404 };
  }
}

function write(outgoing: ServerResponse, { status, body }: Answer): void {
  if (body === undefined) {
    outgoing.writeHead(status).end();
    return;
  }
  const json = JSON.stringify(body);
  outgoing
    .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) })
    .end(json);
}

function text(incoming: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let all = '';
    incoming.setEncoding('utf8');
    incoming.on('data', (chunk: string) => {
      all += chunk;
    });
    incoming.on('end', () => resolve(all));
    incoming.on('error', reject);
  });
}
