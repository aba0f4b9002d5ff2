// For tests of what is erased: how a job or project comes to be so, what is left of it, and a project or workspace that is away.
import { env, runInDurableObject } from 'cloudflare:test';
import { expect, onTestFinished, vi } from 'vitest';
import { type ActingJob, failedAfter } from '../support/workerd/acting.ts';

/** What is left in an object: its tables, and when its alarm comes. */
export const leftIn = (stub: DurableObjectStub) =>
  runInDurableObject(stub, async (_actor, { storage }) => ({
    tables: storage.sql
      .exec<{ name: string }>(`SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'`)
      .toArray()
      .map(({ name }) => name),
    alarm: await storage.getAlarm(),
  }));
export const NOTHING = { tables: [], alarm: null };

export const leftOf = (job: ActingJob) => leftIn(job.stub as DurableObjectStub);

/** Nothing of a job is left in its own object. */
export async function erasedJob(): Promise<ActingJob> {
  const { job } = await failedAfter('TRANSCRIBING');
  expect((await job.erase()).status).toBe(204);
  expect(await leftOf(job)).toEqual(NOTHING);
  return job;
}

/** From here on calls of this method fail, until the function that it answers is called or the test ends. */
export function away(binding: 'PROJECT' | 'WORKSPACE' | 'OPERATION', method: string): () => void {
  const namespace = env[binding] as unknown as { getByName(name: string): object };
  const getByName = namespace.getByName.bind(namespace);
  const spy = vi.spyOn(namespace, 'getByName').mockImplementation(
    (name: string) =>
      new Proxy(getByName(name), {
        get(stub, called) {
          if (called === method) return () => Promise.reject(new Error('not to be reached'));
          const methods = stub as Record<string | symbol, (...args: unknown[]) => unknown>;
          return (...args: unknown[]) => methods[called]?.(...args);
        },
      }),
  );
  onTestFinished(() => spy.mockRestore());
  return () => spy.mockRestore();
}

/** A job that is marked, and whose project has not heard of that. Its editor has been answered. */
export async function markedJob(): Promise<{ job: ActingJob; comesBack: () => void }> {
  const { job } = await failedAfter('TRANSCRIBING');
  const comesBack = away('PROJECT', 'eraseJob');
  expect((await job.erase()).status).toBe(202);
  return { job, comesBack };
}

/** From here on, in this test, the clock is ahead; timers go on as usual, and no alarm fires for it. */
export function passTime(ms: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}
