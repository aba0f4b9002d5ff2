// Starts one of the contestants that run on workerd, as a process of its own; prints where it answers.
import { parseArgs } from 'node:util';
import { freePort } from '../../support/service.ts';
import { startRuntime } from '../runtime.ts';

const { values } = parseArgs({
  options: { config: { type: 'string', default: '' }, orchestrator: { type: 'string', default: '' } },
});
const port = await freePort();
const runtime = await startRuntime(values.config, port, {
  ORCHESTRATOR_URL: values.orchestrator,
  PUBLIC_BASE_URL: `http://127.0.0.1:${port}`,
});
process.on('SIGTERM', () => runtime.stop().then(() => process.exit(0)));
console.log(`started in ${runtime.startMs.toFixed(0)} ms`);
console.log(runtime.url);
