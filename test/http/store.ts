// Stand-ins for a store of artifacts that is slow or broken, or whose calls are counted; until the end of the test.
import { env } from 'cloudflare:test';
import { onTestFinished, vi } from 'vitest';

type Method = 'put' | 'get' | 'head' | 'delete' | 'list';

/** From here on the store does this instead, until the end of the test; answers how often. */
export function storeDoes<M extends Method>(method: M, act: R2Bucket[M]): { calls: number } {
  const seen = { calls: 0 };
  const spy = vi.spyOn(env.ARTIFACTS, method);
  spy.mockImplementation(((...args: never[]) => {
    seen.calls += 1;
    return (act as (...given: never[]) => unknown)(...args);
  }) as never);
  onTestFinished(() => spy.mockRestore());
  return seen;
}

/** From here on the store answers so, and what it was asked is noted. */
export function storeAnswers(head: (key: string) => Promise<unknown>): string[] {
  const asked: string[] = [];
  storeDoes('head', (key) => {
    asked.push(key);
    return head(key) as Promise<R2Object | null>;
  });
  return asked;
}

/** What the store is asked is noted; it answers as ever. */
export function storeWatched(): string[] {
  const head = env.ARTIFACTS.head.bind(env.ARTIFACTS);
  return storeAnswers((key) => head(key));
}
