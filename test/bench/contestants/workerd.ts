// Starts one of the contestants that run on workerd, as a process of its own; prints where it answers.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { bundledWorker } from '../../support/runtime/bundle.ts';
import { startRuntime } from '../../support/runtime/runtime.ts';
import { freePort } from '../../support/service.ts';
import { storeArtifact } from '../artifact.ts';
import { childOf } from '../runtime-process.ts';

const { values } = parseArgs({
  options: {
    config: { type: 'string', default: '' },
    bundle: { type: 'string', default: '' },
    evicts: { type: 'boolean', default: false },
    stores: { type: 'boolean', default: false },
    orchestrator: { type: 'string', default: '' },
  },
});
const port = await freePort();
const runtime = await startRuntime({
  worker: bundledWorker(values.config, readFileSync(values.bundle, 'utf8')),
  port,
  vars: { ORCHESTRATOR_URL: values.orchestrator, PUBLIC_BASE_URL: `http://127.0.0.1:${port}` },
  evicts: values.evicts,
});
if (values.stores) await storeArtifact(runtime);
process.on('SIGTERM', () => runtime.stop().then(() => process.exit(0)));
console.log(`started in ${runtime.startMs.toFixed(0)} ms`);
console.log(`workerd is process ${childOf(process.pid, 'workerd') ?? 'unknown'}`);
console.log(runtime.url);
