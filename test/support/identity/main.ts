// The command line of the local identity provider.
import { parseArgs } from 'node:util';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { devSigningKey } from '../dev-settings.ts';
import { startIdentityServer } from './server.ts';

const HELP = `A local OpenID provider: people sign in to the console without a password.

Usage: npx node test/support/identity/main.ts --service URL [options]

  --service URL       where the service is; may be given more than once
  --port N            port to listen on; 0 takes a free one (default 0)
  --development-key   sign with this machine's development key, so that "npm run token" prints tokens of this provider
  --help              this text

CLIENT_SECRET: the console's; without one it is a public client.`;

const { values } = parseArgs({
  options: {
    service: { type: 'string', multiple: true, default: [] },
    port: { type: 'string', default: '0' },
    'development-key': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

async function freshKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return exportJWK(privateKey);
}

if (values.help) console.log(HELP);
else {
  const server = await startIdentityServer({
    port: Number(values.port),
    serviceUrls: values.service,
    signingKey: values['development-key'] ? devSigningKey() : await freshKey(),
    clientSecret: process.env.CLIENT_SECRET ?? null,
  });
  console.log(`the identity provider is at ${server.issuer}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close());
}
