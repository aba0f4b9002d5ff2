// Runs a bundled Worker until it is asked to stop: `main.ts WORKER OPTIONS`, a file with a BundledWorker, and RuntimeOptions as JSON.
import { readFileSync } from 'node:fs';
import { startRuntime } from './runtime.ts';

const [worker = '', options = ''] = process.argv.slice(2);
const runtime = await startRuntime({
  ...JSON.parse(options),
  worker: JSON.parse(readFileSync(worker, 'utf8')),
  onLine: (line) => console.log(line),
  onCrash: (how) => {
    console.error(how);
    process.exit(1);
  },
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => runtime.stop().finally(() => process.exit(0)));
}
console.log(`the service is at ${runtime.url}`);
