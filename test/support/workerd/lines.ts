// What an object logs is sent to vitest from here, where a test runs: the pool keeps a line that comes from elsewhere until it
// sends something else, and a file whose last line is kept so never ends (cloudflare/workers-sdk#15719). Only what somebody reads is
// sent: the lines of a test that failed, and the figures of a soak.
import { afterEach } from 'vitest';

const METHODS = ['debug', 'log', 'info', 'warn', 'error'] as const;
type Print = (...args: unknown[]) => void;
interface Line {
  print: Print;
  args: unknown[];
}

// The files of a runtime set this up one after the other: what prints is the console of before the first.
const runtime = globalThis as unknown as { printing?: Record<string, Print> };
runtime.printing ??= Object.fromEntries(METHODS.map((method) => [method, console[method].bind(console)]));
const kept: Line[] = [];

for (const [method, print] of Object.entries(runtime.printing)) {
  console[method as (typeof METHODS)[number]] = (...args: unknown[]) => void kept.push({ print, args });
}

const isFigure = ([line]: unknown[]): boolean => String(line).startsWith('soak ');

afterEach(({ task }) => {
  const isRead = task.result?.state === 'fail';
  for (const { print, args } of kept.splice(0)) if (isRead || isFigure(args)) print(...args);
});
