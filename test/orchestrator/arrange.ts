// The local orchestrator in this process, and jobs of the conformance kit that dispatch to it and take its reports.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { JobUnderTest, type Message } from '../conformance/job-under-test.ts';
import { Receiver } from '../conformance/receiver.ts';
import { toRequest } from '../conformance/sender.ts';
import { OrchestratorClient } from '../support/orchestrator/client.ts';
import { readBody } from '../support/orchestrator/http.ts';
import type { Plan } from '../support/orchestrator/plan.ts';
import { type OrchestratorOptions, startOrchestrator } from '../support/orchestrator/server.ts';

export const newSecret = (): string => `whsec_${randomBytes(24).toString('base64')}`;
export const secret = newSecret();

export async function arrange(options: Partial<OrchestratorOptions> = {}) {
  const orchestrator = await startOrchestrator({
    secrets: [secret],
    stepMs: 0,
    callbackBackoffMs: 1,
    quiet: true,
    ...options,
  });
  onTestFinished(orchestrator.close);
  const client = new OrchestratorClient(orchestrator.url);
  const newJob = await startReceiver();
  /** A job that was run, its plan, and the run. */
  const jobWith = async (plan: Plan = {}) => {
    const job = newJob();
    await client.plan(job.id, plan);
    return { job, run: await job.run() };
  };
  return { ...orchestrator, client, jobWith };
}

/** Makes jobs whose reports are taken as Retake takes them. */
export async function startReceiver(): Promise<() => JobUnderTest> {
  const { receiver, baseUrl } = await Receiver.start({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => receiver.close());
  const { tokenKeys } = receiver;
  return () => {
    const job = new JobUnderTest({
      videoUri: 's3://media/talk.mp4',
      modelProfile: 'balanced',
      baseUrl,
      tokenKeys,
    });
    receiver.expect(job);
    return job;
  };
}

export interface PostOptions {
  signedWith?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export function post(
  url: string,
  message: Message,
  { signedWith = secret, headers = {}, signal }: PostOptions = {},
): Promise<Response> {
  const request = toRequest(message, [signedWith]);
  return fetch(`${url}/dispatches`, {
    method: 'POST',
    headers: { ...request.headers, ...headers },
    body: request.text,
    redirect: 'manual',
    ...(signal ? { signal } : {}),
  });
}

export const statusesOf = ({ reports }: JobUnderTest) => reports.map(({ body }) => body?.status);

/** A store of artifacts that keeps what is put into it, by key; its URL. */
export async function keepingStore(objects: Map<string, string>): Promise<string> {
  const server = createServer(async (request, response) => {
    objects.set(request.url?.slice(1) ?? '', (await readBody(request, 10_000)) ?? '');
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return `http://127.0.0.1:${address.port}`;
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'orchestrator-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}
