// npm run dev: the service, the local orchestrator, the way from it to the local bucket, and the provider that people sign in at,
// until Ctrl-C or until one of them ends.
import { parseArgs } from 'node:util';
import { DEVELOPMENT_ISSUER } from '../../src/config.ts';
import { startArtifactDoor } from './artifact-door.ts';
import { startIdentityProcess } from './identity/process.ts';
import { freePort, startOrchestratorProcess, startService } from './service.ts';

const HELP = `npm run dev [-- --explorer]

Starts the service under wrangler dev (port 8787, or the next free one) and the local orchestrator (8788, likewise),
with the state of this machine in .wrangler/state. What the orchestrator makes is in the local bucket, behind a port
of its own. People sign in to the console at a local identity provider (8790, or the next free one) that asks for no
password, and makes sample jobs for whoever wants some. Ctrl-C stops all.
  --explorer  serves wrangler's local explorer too, at /cdn-cgi/explorer: whoever reaches the service's port reads and
              writes all that is stored, without a token; and keeps a trace of every request, which slows all down`;

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
  const port = await freePort(8787);
  const provider = await startIdentityProcess({
    port: await freePort(Number(new URL(DEVELOPMENT_ISSUER).port)),
    // However the browser got there, the provider leads back to the first.
    serviceUrls: [`http://127.0.0.1:${port}`],
    isForDevelopment: true,
    orchestratorUrl: orchestrator.url,
    onLine: print('provider'),
  });
  const service = await startService({
    port,
    vars: provider.vars,
    orchestratorUrl: orchestrator.dispatchesUrl,
    artifactRegistry: REGISTRY,
    explorer,
    onLine: print('service'),
  });
  const stop = () => Promise.all([service.stop(), provider.stop(), orchestrator.stop(), door.stop()]);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => stop().then(() => process.exit(130)));
  }
  console.log(`
Retake is at        ${service.url}
The orchestrator at ${orchestrator.url}
What it makes is at ${door.url}/<key>, which Retake knows as r2://retake-artifacts/<key>
The console is at   ${service.url}/console/, where people sign in at ${provider.issuer}
Sample jobs         ${provider.issuer}/samples makes some; so does the page on which one signs in

  API=${service.url}
  TOKEN=$(npm run --silent token -- --sub alice${provider.issuer === DEVELOPMENT_ISSUER ? '' : ` --issuer ${provider.issuer}`})
  curl -s -X POST $API/projects -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"name":"Interviews"}'

The walk-through goes on in README.md. Ctrl-C stops all.
`);
  await Promise.race([service, provider, orchestrator, door].map(({ child }) => child.exited));
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
