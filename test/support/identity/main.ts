// The command line of the local identity provider.
import { parseArgs } from 'node:util';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { devSigningKey } from '../dev-settings.ts';
import { Editor } from '../editor.ts';
import { editorToken } from '../editor-token.ts';
import { OrchestratorClient } from '../orchestrator/client.ts';
import { makeSamples } from '../samples.ts';
import { personNamed } from './people.ts';
import { startIdentityServer } from './server.ts';

const HELP = `A local OpenID provider: people sign in to the console without a password.

Usage: npx node test/support/identity/main.ts --service URL [options]

  --service URL       where the service is; may be given more than once
  --port N            port to listen on; 0 takes a free one (default 0)
  --development-key   sign with this machine's development key, so that "npm run token" prints tokens of this provider
  --orchestrator URL  offer sample jobs, whose pipelines this local orchestrator plays; with --development-key
  --help              this text

CLIENT_SECRET: the console's; without one it is a public client.`;

const { values } = parseArgs({
  options: {
    service: { type: 'string', multiple: true, default: [] },
    port: { type: 'string', default: '0' },
    orchestrator: { type: 'string' },
    'development-key': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

async function freshKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return exportJWK(privateKey);
}

/** Made as that person, with a token that this provider has signed. */
const samplesAt = (serviceUrl: string, orchestratorUrl: string) => async (sub: string, issuer: string) => {
  const { name, org_id } = personNamed(sub);
  const token = await editorToken({ sub, issuer, claims: { name, org_id } });
  const project = await makeSamples(new Editor(serviceUrl, token), new OrchestratorClient(orchestratorUrl));
  return `${serviceUrl}/console/projects/${project}`;
};

if (values.help) console.log(HELP);
else {
  const { service, orchestrator } = values;
  const [serviceUrl] = service;
  const server = await startIdentityServer({
    port: Number(values.port),
    serviceUrls: service,
    signingKey: values['development-key'] ? devSigningKey() : await freshKey(),
    clientSecret: process.env.CLIENT_SECRET ?? null,
    makeSamples: serviceUrl && orchestrator ? samplesAt(serviceUrl, orchestrator) : null,
  });
  console.log(`the identity provider is at ${server.issuer}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close());
}
