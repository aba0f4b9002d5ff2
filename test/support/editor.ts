// An editor who uses the service over HTTP from outside, as the demo and the end-to-end tests do.
import { setTimeout as sleep } from 'node:timers/promises';
import { editorToken } from './editor-token.ts';
import { fetchAlone } from './own-connection.ts';

const WAIT_TIMEOUT_MS = 60_000;

export interface Reply {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: callers look into bodies of every form
  body: any;
}

export interface RetryRequest {
  model_profile: string;
  client_request_id: string;
}

export class Editor {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  /** An editor with a token signed by this machine's development key. */
  static async named(
    sub: string,
    url: string,
    issuer?: string,
    claims: Record<string, unknown> = {},
  ): Promise<Editor> {
    return new Editor(url, await editorToken({ sub, claims, ...(issuer === undefined ? {} : { issuer }) }));
  }

  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Reply> {
    return body === undefined
      ? this.#answered(method, path, null, headers)
      : this.#answered(method, path, JSON.stringify(body), {
          'content-type': 'application/json',
          ...headers,
        });
  }

  async #answered(
    method: string,
    path: string,
    body: string | null,
    headers: Record<string, string>,
  ): Promise<Reply> {
    const response = await fetchAlone(`${this.#url}${path}`, {
      method,
      redirect: 'manual',
      headers: { authorization: `Bearer ${this.#token}`, ...headers },
      body,
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') && text !== '';
    return {
      status: response.status,
      headers: response.headers,
      body: isJson ? JSON.parse(text) : text,
    };
  }

  /** As `call`, with a body that is no JSON. */
  async send(method: string, path: string, text: string, headers: Record<string, string>): Promise<Reply> {
    return this.#answered(method, path, text, { 'content-type': 'text/plain', ...headers });
  }

  /** The same, for a call that has to succeed; answers its body. */
  async get(path: string): Promise<Reply['body']> {
    return this.#succeed('GET', path);
  }

  async post(path: string, body?: unknown): Promise<Reply['body']> {
    return this.#succeed('POST', path, body);
  }

  async put(path: string, body: unknown): Promise<Reply['body']> {
    return this.#succeed('PUT', path, body);
  }

  run(jobId: string, headers?: Record<string, string>): Promise<Reply> {
    return this.call('POST', `/jobs/${jobId}/run`, undefined, headers);
  }

  retry(jobId: string, request: RetryRequest, headers?: Record<string, string>): Promise<Reply> {
    return this.call('POST', `/jobs/${jobId}/retry`, request, headers);
  }

  /** A job in a project of its own, its upload confirmed; answers its id. */
  async uploadedJob(): Promise<string> {
    const project = await this.post('/projects', { name: 'Interviews' });
    const job = await this.post(`/projects/${project.id}/jobs`);
    const video_uri = `s3://videos/${job.id}.mp4`;
    await this.post(`/jobs/${job.id}/confirm-upload`, { video_uri });
    return job.id;
  }

  /** The job once no pipeline is at work on it; `onLook` gets every look on the way. */
  settledJob(jobId: string, onLook: (job: Reply['body']) => void = () => {}): Promise<Reply['body']> {
    return this.jobWhen(jobId, 'settled', (job) => {
      onLook(job);
      return job.open_dispatch === null;
    });
  }

  /** The job as soon as `holds` says so. */
  jobWhen(jobId: string, condition: string, holds: (job: Reply['body']) => boolean): Promise<Reply['body']> {
    return this.when(`/jobs/${jobId}`, condition, holds);
  }

  /** What is read there as soon as `holds` says so. */
  async when(
    path: string,
    condition: string,
    holds: (seen: Reply['body']) => boolean,
  ): Promise<Reply['body']> {
    const until = Date.now() + WAIT_TIMEOUT_MS;
    for (;;) {
      const seen = await this.get(path);
      if (holds(seen)) return seen;
      if (Date.now() > until) throw new Error(`not ${condition}: ${JSON.stringify(seen)}`);
      await sleep(25);
    }
  }

  async #succeed(method: string, path: string, body?: unknown): Promise<Reply['body']> {
    const reply = await this.call(method, path, body);
    if (reply.status < 300) return reply.body;
    throw new Error(`${method} ${path} → ${reply.status} ${JSON.stringify(reply.body)}`);
  }
}
