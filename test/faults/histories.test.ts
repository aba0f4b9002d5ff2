// Random histories against the service in real workerd: HTTP, real queues, real SQLite, a real second process for
// the orchestrator; objects lose their memory at random moments. FAULT_HISTORIES and SEED scale and steer it.
import { env } from 'cloudflare:test';
import fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { EDIT_SITUATIONS } from '../rules/edit-situations.ts';
import { RULES, type RuleName } from '../rules/judge.ts';
import { LABEL_RULES } from '../rules/labels.ts';
import { leastSightings, PROFILE_SITUATIONS, SITUATIONS, Sightings } from '../rules/situations.ts';
import { newHome } from '../support/workerd/acting.ts';
import { histories, live } from './history.ts';

const { FAULT_HISTORIES = '500', SEED } = env as unknown as Record<string, string | undefined>;
const numRuns = Number(FAULT_HISTORIES);
/** How often each situation has to come up. */
const share = Math.floor(numRuns / 500);
const seed = Number(SEED ?? 1);
const AT_ONCE = 40;
/** Lists are not waited for, times are not compared, and editors ask at any time. */
const WITHOUT_EVIDENCE: RuleName[] = [
  'rest comes in time',
  'a job at rest keeps no alarm',
  'a job is listed as it is',
  'a delivery is tried for as long as another attempt fits into its window',
  'no dispatch is opened while another is open',
  'a pipeline that may go on is not told to stop',
  ...(Object.keys(LABEL_RULES) as RuleName[]),
  'an answer comes within the wait',
  'who waits to the end is told the outcome',
  'who asks at rest is refused only for a reason',
  'all who wait for one dispatch are answered once its outcome is known',
];

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
  const applied = new Set<RuleName>();
  const sightings = new Sightings([...SITUATIONS, ...PROFILE_SITUATIONS, ...EDIT_SITUATIONS]);
  const generated = fc.sample(histories, { numRuns, seed });
  const waiting = [...generated.entries()];
  const editor = async (): Promise<void> => {
    const home = await newHome();
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [index, history] = next;
      try {
        const { rules, situations } = await live(history, home, tally);
        for (const rule of rules) applied.add(rule);
        sightings.add(situations);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        throw new Error(`${message}\nseed ${seed}, history ${index}: ${JSON.stringify(history)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, editor));

  const seen = { situations: sightings.counts, situations_share: share };
  say(`soak ${JSON.stringify({ histories: numRuns, seed, ...counts, ...seen })}`);
  for (const fault of [
    ...['abort', 'evict', 'lose-alarm', 'same-again'],
    ...['orchestrator dropped', 'orchestrator 503'],
  ]) {
    expect(counts[fault], fault).toBeGreaterThan(numRuns / 10);
  }
  expect(counts['orchestrator hung'], 'orchestrator hung').toBeGreaterThan(numRuns / 100);
  expect(sightings.tooSeldom(leastSightings(share, SEED))).toEqual([]);
  expect(counts.accepted).toBeGreaterThan(numRuns);
  expect(counts.reports).toBeGreaterThan(counts.executions ?? 0);
  const unapplied = Object.keys(RULES).filter((rule) => !applied.has(rule as RuleName));
  expect(unapplied).toEqual(WITHOUT_EVIDENCE);
}, 1_800_000);
