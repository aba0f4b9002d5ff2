// Restate: restate-server and one Node process with the services that it calls; who asks, asks the server's ingress
// (protocol.ts has the paths). Durability: Restate's defaults. Each step of an invocation is appended to a replicated
// log, here of one replica, whose server syncs its RocksDB write-ahead log to disk with each batch that it stores;
// nothing is answered before. A call makes about three such syncs, one that only reads too.
import { existsSync } from 'node:fs';
import { createServer } from 'node:http2';
import { arch, availableParallelism, platform } from 'node:os';
import { dirname, join } from 'node:path';
import * as restate from '@restatedev/restate-sdk';
import { freePort } from '../../../support/service.ts';
import {
  orchestratorUrl,
  PeerServer,
  scratchDirectory,
  stopOnSignal,
  unavailable,
  untilReady,
} from '../peers/process.ts';
import { services } from './services.ts';

const PACKAGES = dirname(import.meta.dirname);
// The package's own launcher would put one more process between.
const PROGRAM = join(
  PACKAGES,
  `node_modules/@restatedev/restate-server-${platform()}-${arch()}/bin/restate-server`,
);

if (!existsSync(PROGRAM)) unavailable(`restate-server for ${platform()} ${arch()} (npm ci in ${PACKAGES})`);
const orchestrator = orchestratorUrl();
const [ingressPort, adminPort, nodePort, servicesPort] = await freePorts();
const ingress = `http://127.0.0.1:${ingressPort}`;
const admin = `http://127.0.0.1:${adminPort}`;

const endpoint = createServer(
  restate.createEndpointHandler({
    services: services({ orchestrator, ingress }),
    // Refusals are no news, and every attempt that fails is tried again.
    logger: () => {},
  }),
);
await new Promise<void>((resolve) => endpoint.listen(servicesPort, '127.0.0.1', resolve));

const server = new PeerServer(PROGRAM, ['--base-dir', scratchDirectory(), '--no-logo'], {
  env: {
    RESTATE_BIND_ADDRESS: `127.0.0.1:${nodePort}`,
    RESTATE_ADVERTISED_ADDRESS: `http://127.0.0.1:${nodePort}/`,
    RESTATE_LISTEN_MODE: 'tcp',
    RESTATE_NODE_NAME: 'bench',
    // Of the default, 24, a machine of two cores has only the cost: more than twice the CPU time for each call.
    RESTATE_DEFAULT_NUM_PARTITIONS: String(Math.ceil(availableParallelism() / 2)),
    RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingressPort}`,
    RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${adminPort}`,
    RESTATE_ADMIN__DISABLE_WEB_UI: 'true',
    RESTATE_DISABLE_TELEMETRY: 'true',
    RESTATE_LOG_FILTER: 'warn',
  },
});
await untilReady(async () => {
  const { ok, status } = await fetch(`${admin}/deployments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ uri: `http://127.0.0.1:${servicesPort}` }),
  });
  if (!ok) throw new Error(`restate-server does not take the services: ${status}`);
});
await untilReady(async () => {
  const { status } = await fetch(`${ingress}/jobs/nobody/read`);
  if (status !== 404) throw new Error(`the ingress answers ${status}`);
});
stopOnSignal(() => server.stop());
console.log(ingress);

async function freePorts(): Promise<[number, number, number, number]> {
  const ports = new Set<number>();
  while (ports.size < 4) ports.add(await freePort());
  return [...ports] as [number, number, number, number];
}
