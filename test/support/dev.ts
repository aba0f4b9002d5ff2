// npm run dev: the service, the local orchestrator and the way from it to the local bucket, until Ctrl-C or until one of them ends.
import { parseArgs } from 'node:util';
import { startArtifactDoor } from './artifact-door.ts';
import { freePort, startOrchestratorProcess, startService } from './service.ts';

const HELP = `npm run dev [-- --explorer]

Starts the service under wrangler dev (port 8787, or the next free one) and the local orchestrator (8788, likewise),
with the state of this machine in .wrangler/state. What the orchestrator makes is in the local bucket, behind a port
of its own. Ctrl-C stops all.
  --explorer  serves wrangler's local explorer too, at /cdn-cgi/explorer: whoever reaches the service's port reads and
              writes all that is stored, without a token`;

/** Where what runs of this working copy is known to one another. */
const REGISTRY = '.wrangler/registry';

async function dev(explorer: boolean): Promise<void> {
  const print = (name: string) => (line: string) => console.log(`${name.padEnd(12)} | ${line}`);
  const door = await startArtifactDoor({ port: await freePort(8789), registryPath: REGISTRY });
  const orchestrator = await startOrchestratorProcess({
    port: await freePort(8788),
    storeUrl: door.url,
    onLine: print('orchestrator'),
  });
  const service = await startService({
    port: await freePort(8787),
    orchestratorUrl: orchestrator.dispatchesUrl,
    artifactRegistry: REGISTRY,
    explorer,
    onLine: print('service'),
  });
  const stop = () => Promise.all([service.stop(), orchestrator.stop(), door.stop()]);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => stop().then(() => process.exit(130)));
  }
  console.log(`
Retake is at        ${service.url}
The orchestrator at ${orchestrator.url}
What it makes is at ${door.url}/<key>, which Retake knows as r2://retake-artifacts/<key>

  API=${service.url}
  TOKEN=$(npm run --silent token -- --sub alice)
  curl -s -X POST $API/projects -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"name":"Interviews"}'

The walk-through goes on in README.md. Ctrl-C stops all.
`);
  await Promise.race([service, orchestrator, door].map(({ child }) => child.exited));
  await stop();
  throw new Error('one of them ended, so the others were stopped');
}

try {
  const { values } = parseArgs({
    options: { explorer: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) console.log(HELP);
  else await dev(values.explorer);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
