// What a request with bad input is answered.
import { expect } from 'vitest';
import { type OwnedJob, type Reply, settledTraceOf, traceOf } from '../support/workerd/harness.ts';

/** The refusal, having stored nothing for the job; these never come as far as the queue. */
export async function refusal(job: OwnedJob, act: () => Promise<Reply>): Promise<Reply> {
  const before = await settledTraceOf(job);
  const reply = await act();
  expect(await traceOf(job)).toEqual(before);
  expect(reply.headers.get('content-type')).toBe('application/problem+json');
  return reply;
}

/** A 400 whose issues name exactly these fields. */
export function expectIssues(reply: Reply, ...paths: string[]) {
  expect(reply.status).toBe(400);
  expect(reply.body).toMatchObject({ status: 400, error_code: 'VALIDATION_ERROR' });
  const named = new Set(reply.body.details.issues.map(({ path }: { path: string }) => path));
  expect([...named]).toEqual(paths);
  for (const { message } of reply.body.details.issues) expect(message).toMatch(/\w/);
}
