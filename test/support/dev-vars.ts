// Writes .dev.vars with fresh random development keys where there is none. `npm ci` runs it; Git ignores the file.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';

export const DEV_VARS = new URL('../../.dev.vars', import.meta.url);

if (!existsSync(DEV_VARS)) writeFileSync(DEV_VARS, content(), { mode: 0o600, flag: 'wx' });

function content(): string {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return `# Settings of this machine alone, for \`wrangler dev\`. Made by \`npm ci\` with fresh random keys; never committed,
# never deployed. Delete the file and run \`npm ci\` for new ones.
PUBLIC_BASE_URL="http://127.0.0.1:8787"
ORCHESTRATOR_URL="http://127.0.0.1:8788/dispatches"
CALLBACK_TOKEN_KEYS="${randomBytes(32).toString('base64url')}"
DISPATCH_SIGNING_SECRET="whsec_${randomBytes(32).toString('base64')}"
DEV_AUTH_PUBLIC_JWK='${JSON.stringify(publicKey.export({ format: 'jwk' }))}'
# Signs what \`npm run token\` prints; the service itself does not read it.
DEV_AUTH_PRIVATE_JWK='${JSON.stringify(privateKey.export({ format: 'jwk' }))}'
`;
}
