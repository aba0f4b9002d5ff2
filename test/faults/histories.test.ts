// Random histories against the service in real workerd: HTTP, real queues, real SQLite, a real second process for
// the orchestrator; objects lose their memory at random moments. FAULT_HISTORIES and SEED scale and steer it.
import { env } from 'cloudflare:test';
import fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { newHome } from '../support/workerd/acting.ts';
import { histories, live } from './history.ts';

const { FAULT_HISTORIES = '500', SEED = '1' } = env as unknown as Record<string, string | undefined>;
const numRuns = Number(FAULT_HISTORIES);
const seed = Number(SEED);
const AT_ONCE = 40;

test('whatever fails, no history over HTTP loses or doubles an execution, and every job comes to rest', async () => {
  // Thousands of log lines would cost the runner more than the histories do.
  const say = console.log;
  for (const level of ['log', 'warn', 'error'] as const) vi.spyOn(console, level).mockReturnValue();
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  const counts: Record<string, number> = {};
  const tally = {
    count: (what: string) => {
      counts[what] = (counts[what] ?? 0) + 1;
    },
  };
  const generated = fc.sample(histories, { numRuns, seed });
  const waiting = [...generated.entries()];
  const editor = async (): Promise<void> => {
    const home = await newHome();
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [index, history] = next;
      try {
        await live(history, home, tally);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        throw new Error(`${message}\nseed ${seed}, history ${index}: ${JSON.stringify(history)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, editor));

  say(`soak ${JSON.stringify({ histories: numRuns, seed, ...counts })}`);
  for (const fault of ['abort', 'evict', 'same-again', 'orchestrator dropped', 'orchestrator 503']) {
    expect(counts[fault], fault).toBeGreaterThan(numRuns / 10);
  }
  expect(counts.accepted).toBeGreaterThan(numRuns);
}, 1_800_000);
