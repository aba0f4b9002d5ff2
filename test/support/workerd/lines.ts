// What an object logs is sent to vitest from here, where a test runs: the pool keeps a line that comes from elsewhere until it
// sends something else, and a file whose last line is kept so never ends (cloudflare/workers-sdk#15719).
import { afterEach } from 'vitest';

const METHODS = ['debug', 'log', 'info', 'warn', 'error'] as const;
const kept: (() => void)[] = [];

for (const method of METHODS) {
  const print = console[method].bind(console);
  console[method] = (...args: unknown[]) => void kept.push(() => print(...args));
}

afterEach(() => {
  for (const print of kept.splice(0)) print();
});
