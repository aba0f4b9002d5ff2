// What a request with bad input is answered.
import { expect, vi } from 'vitest';
import { type JobTrace, type OwnedJob, type Reply, traceOf } from '../support/workerd/harness.ts';

/** The refusal, having stored nothing for the job; these never come as far as the queue. */
export async function refusal(job: OwnedJob, act: () => Promise<Reply>): Promise<Reply> {
  const before = await settledTraceOf(job);
  const reply = await act();
  expect(await traceOf(job)).toEqual(before);
  expect(reply.headers.get('content-type')).toBe('application/problem+json');
  return reply;
}

/** Once the list has followed what was done to the job before: else it changes while the refusal is looked at. */
export function settledTraceOf(job: OwnedJob): Promise<JobTrace> {
  const statusIn = (text: string) => /"status":"\w+"/.exec(text)?.[0];
  const look = async () => {
    const trace = await traceOf(job);
    expect(statusIn(trace.listed)).toBe(statusIn(trace.job));
    return trace;
  };
  return vi.waitFor(look, { timeout: 10_000, interval: 20 });
}

/** A 400 whose issues name exactly these fields. */
export function expectIssues(reply: Reply, ...paths: string[]) {
  expect(reply.status).toBe(400);
  expect(reply.body).toMatchObject({ status: 400, error_code: 'VALIDATION_ERROR' });
  const named = new Set(reply.body.details.issues.map(({ path }: { path: string }) => path));
  expect([...named]).toEqual(paths);
  for (const { message } of reply.body.details.issues) expect(message).toMatch(/\w/);
}
