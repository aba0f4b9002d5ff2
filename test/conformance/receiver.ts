// The callback address of the kit: answers over HTTP as Retake does, in Retake's order: the token, the body, the job.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { statusCallback } from '../../src/contract/callback.ts';
import { verifyCallbackToken } from '../../src/contract/callback-token.ts';
import { ERRORS, type ErrorCode, problemType } from '../../src/contract/errors.ts';
import { readBody } from '../support/orchestrator/http.ts';
import { Finding } from './finding.ts';
import type { JobUnderTest, Report } from './job-under-test.ts';
import type { ListenAddress } from './options.ts';

/** As much as Retake takes. */
const MAX_BODY_BYTES = 64 * 1024;

export class Receiver {
  /** Random, as the kit is the only one that verifies. */
  readonly tokenKeys = [Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')];
  /** Requests that belong to no job of this run: their method and path. */
  readonly strays = new Set<string>();
  readonly #jobs = new Map<string, JobUnderTest>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  /** Resolves once it listens, to itself and the base of its URLs. */
  static async start({ host, port }: ListenAddress): Promise<{ receiver: Receiver; baseUrl: string }> {
    const receiver = new Receiver();
    const server = receiver.#server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the callback receiver has no port');
    const name = host.includes(':') ? `[${host}]` : host;
    return { receiver, baseUrl: `http://${name}:${address.port}` };
  }

  expect(job: JobUnderTest): void {
    this.#jobs.set(job.id, job);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await readBody(request, MAX_BODY_BYTES);
    const path = new URL(request.url ?? '/', 'http://receiver').pathname;
    const [, jobId = ''] = /^\/internal\/jobs\/([^/]+)\/status$/.exec(path) ?? [];
    const job = this.#jobs.get(jobId);
    if (!job || request.method !== 'POST') {
      this.strays.add(`${request.method} ${path}`);
      response.writeHead(404).end();
      return;
    }
    const answer = await job.take(await this.#read(request, text, jobId));
    if (answer === 'drop') {
      request.socket.destroy();
      return;
    }
    const { status, errorCode } = answer;
    if (errorCode === undefined) {
      response.writeHead(status).end();
      return;
    }
    response.writeHead(status, { 'content-type': 'application/problem+json' });
    response.end(JSON.stringify(toProblem(errorCode)));
  }

  async #read(request: IncomingMessage, text: string | null, jobId: string): Promise<Report> {
    const { authorization = '', 'content-type': type = '' } = request.headers;
    const [, token = ''] = /^Bearer ([^ ]+)$/i.exec(authorization) ?? [];
    const dispatchId = await verifyCallbackToken(token, jobId, this.tokenKeys);
    const refused = (errorCode: ErrorCode, saw: string, fix: string): Report => {
      const flaw = new Finding(saw, fix);
      const { status } = ERRORS[errorCode];
      return { dispatchId, body: null, sent: null, digest: null, answer: { status, errorCode }, flaw };
    };
    if (dispatchId === null) {
      const how = token === '' ? 'without a bearer token' : 'with a token that is not that of its dispatch';
      const fix = 'Send "Authorization: Bearer <callback_token>", with the callback_token of the dispatch.';
      return refused('UNAUTHENTICATED', `a report came ${how}`, fix);
    }
    if (!/^application\/json\b/i.test(type)) {
      const fix = 'Send reports as Content-Type: application/json.';
      return refused('UNSUPPORTED_MEDIA_TYPE', `a report came as ${type || 'no media type'}`, fix);
    }
    if (text === null) {
      return refused('PAYLOAD_TOO_LARGE', 'a report is too long', 'Send URIs of artifacts, not artifacts.');
    }
    const sent = parseJson(text);
    const parsed = statusCallback.safeParse(sent);
    if (!parsed.success) {
      const issues = parsed.error.issues.map(
        (issue) => `${issue.path.join('.') || 'the body'} ${issue.message}`,
      );
      const fix = 'The fields of a report stand in spec/dispatch.md, under "What the orchestrator reports".';
      return refused('VALIDATION_ERROR', `a report does not fit the contract: ${issues.join('; ')}`, fix);
    }
    return { dispatchId, body: parsed.data, sent, digest: null, answer: null, flaw: null };
  }
}

/** As Retake answers it, but for the details: what to do does not depend on them. */
function toProblem(errorCode: ErrorCode) {
  const { status, title, retryable } = ERRORS[errorCode];
  return { type: problemType(errorCode), title, status, error_code: errorCode, retryable, details: {} };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
